"""Which event makes which notice to the customer, and what that notice says, in facts.

A notice is told from its own event (which parcel left, which refund was paid), never from where
the order happens to stand when the event arrives, so that a late event still tells the truth.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from oms.kernel.errors import NotFound
from oms.kernel.events import Envelope
from oms.kernel.money import Money, total
from oms.notifications.lines import NoticeLine, notice_line
from oms.notifications.returned import RETURN_EVENTS, Returned, returned_of
from oms.orders.model import (
    Address,
    Content,
    Fulfillment,
    FulfillmentState,
    Order,
    Refund,
    RefundPart,
    State,
)


class Kind(StrEnum):
    CONFIRMATION = "confirmation"
    SHIPPED = "shipped"
    DELIVERED = "delivered"
    READY = "ready"
    UNCOLLECTED = "uncollected"
    BACKORDERED_AGAIN = "backordered_again"
    PROMISE_CHANGED = "promise_changed"
    CANCELLED = "cancelled"
    UNITS_CANCELLED = "units_cancelled"
    ADDRESS_CHANGED = "address_changed"
    REFUNDED = "refunded"
    RETURN_APPROVED = "return_approved"
    RETURN_REJECTED = "return_rejected"
    RETURN_RECEIVED = "return_received"


KIND_BY_EVENT = {
    "order_captured": Kind.CONFIRMATION,
    "fulfillment_shipped": Kind.SHIPPED,
    "fulfillment_delivered": Kind.DELIVERED,
    "fulfillment_ready": Kind.READY,
    "fulfillment_uncollected": Kind.UNCOLLECTED,
    "reservation_taken_back": Kind.BACKORDERED_AGAIN,
    "promise_in_jeopardy": Kind.PROMISE_CHANGED,
    "promise_restored": Kind.PROMISE_CHANGED,
    "order_cancelled": Kind.CANCELLED,
    "units_cancelled": Kind.UNITS_CANCELLED,
    "address_changed": Kind.ADDRESS_CHANGED,
    "refund_completed": Kind.REFUNDED,
    "return_approved": Kind.RETURN_APPROVED,
    "return_rejected": Kind.RETURN_REJECTED,
    "return_received": Kind.RETURN_RECEIVED,
}

LOCALES = ("pt-BR", "en")

# Money that went to an account of the customer's instead of where it came from.
CREDIT = "store_credit"

# The method of a payment that stands for what came back of another order. What goes back of it is
# told with that order, once money of it goes to the customer.
_EXCHANGE = "exchange"

# Units that were cancelled because of what the customer is told, or was there to say.
_KNOWN_REASONS = ("not_collected", "declined", "changed_at_the_counter")


@dataclass(frozen=True, slots=True)
class Totals:
    """``total = subtotal - discount + shipping + fees + tax``; ``tax`` is what prices do not
    include."""

    subtotal: Money
    discount: Money
    shipping: Money
    fees: Money
    tax: Money
    total: Money


@dataclass(frozen=True, slots=True)
class Collection:
    """Where the customer collects, with which ``code``, ``until`` when in the store's own time, and
    what is ``due`` there. ``place`` is the store's name, ``address`` its lines."""

    place: str
    address: tuple[str, ...]
    code: str
    until: datetime
    due: Money


@dataclass(frozen=True, slots=True)
class Way:
    """What of a refund went back how: by which ``method``, or as ``store_credit``."""

    method: str
    amount: Money


CollectionOf = Callable[[Envelope, Order, Fulfillment], Collection]


@dataclass(frozen=True, slots=True)
class Notice:
    """One e-mail to come. ``order_number`` is the number that the customer knows.

    ``lines`` are those the notice is about: a parcel's, the one whose day changed, or the whole
    order's. ``promised`` is the day it was promised, ``expected`` the day by now, if that is known.
    ``refunded`` is the amount of this refund, which went back in these ``ways``; ``refund_due``
    what a cancelled order's customer will still get back; ``less`` what is no longer due for
    cancelled units. What was ``paid_by_exchange`` needs no payment any more. ``collection`` is of
    what lies ready, ``returned`` of what comes back.
    """

    kind: Kind
    recipient: str
    locale: str
    customer_name: str
    order_number: str
    lines: tuple[NoticeLine, ...]
    totals: Totals
    address: Address
    carrier: str = ""
    tracking_number: str = ""
    reason: str = ""
    refunded: Money | None = None
    ways: tuple[Way, ...] = ()
    refund_due: Money | None = None
    paid_by_exchange: bool = False
    less: Money | None = None
    promised: date | None = None
    expected: date | None = None
    collection: Collection | None = None
    returned: Returned | None = None


def choose_locale(customer_locale: str, country: str) -> str:
    """Portuguese for ``pt*``, and in Brazil for a customer without a locale; English otherwise."""
    if not customer_locale:
        return "pt-BR" if country.upper() == "BR" else "en"
    language = customer_locale.replace("_", "-").partition("-")[0]
    return "pt-BR" if language.lower() == "pt" else "en"


def notice_of(
    event: Envelope, order: Order, collection_of: CollectionOf | None = None
) -> Notice | None:
    """What to tell the customer about ``event``; ``None`` when there is nothing to tell.

    The customer of an order that its channel fulfilled itself hears from the channel. Raises
    ``NotFound`` when the event names a fulfilment or a return that the order does not have.
    """
    kind = KIND_BY_EVENT.get(event.type)
    content = order.content
    if kind is None or content.fulfilled_by_channel or _is_known(event, order):
        return None
    fulfillment = _fulfillment(event, order)
    returned = returned_of(event, order)
    if returned is None and event.type in RETURN_EVENTS:
        return None
    collection = None
    if kind is Kind.READY:
        assert fulfillment is not None and collection_of is not None
        if fulfillment.state is not FulfillmentState.READY or order.cancel_requested:
            # It lies there no more: the message was late.
            return None
        collection = collection_of(event, order, fulfillment)
    return Notice(
        kind=kind,
        recipient=content.customer.email,
        locale=choose_locale(content.customer.locale, content.shipping_address.country),
        customer_name=content.customer.name,
        order_number=content.known_as,
        lines=returned.lines if returned else _lines(event, content, fulfillment),
        totals=totals_of(content),
        address=content.shipping_address,
        carrier=fulfillment.carrier if fulfillment else "",
        tracking_number=fulfillment.tracking_number if fulfillment else "",
        reason=_reason(event),
        refunded=_refunded(event, order),
        ways=_ways(event, order),
        less=_amount(event, "units_cancelled", content.currency),
        refund_due=_refund_due(order),
        paid_by_exchange=_is_paid_by_exchange(content),
        promised=_promised(kind, event, content),
        expected=_day(event, "expected") if kind is Kind.PROMISE_CHANGED else None,
        collection=collection,
        returned=returned,
    )


def _is_known(event: Envelope, order: Order) -> bool:
    """Whether the customer said so itself, is told by another notice, or is not to be told."""
    if event.type == "refund_completed":
        refund = order.refund(str(event.data["refund_id"]))
        # What pays for another order is told with that one.
        return refund is not None and (refund.pays_another_order or not _told(refund, order))
    if event.type == "units_cancelled":
        # With the last units the order is cancelled, and that is told.
        is_all = order.cancel_requested or order.state is State.CANCELLED
        return is_all or event.data.get("reason") in _KNOWN_REASONS
    return bool(event.data.get("declined") or event.data.get("quiet"))


def totals_of(content: Content) -> Totals:
    nothing = Money.zero(content.currency)
    taxes = total(
        [
            *(line.tax for line in content.lines),
            content.shipping_tax or nothing,
            *(fee.tax for fee in content.fees),
        ],
        content.currency,
    )
    return Totals(
        subtotal=total([line.net for line in content.lines], content.currency),
        discount=content.discount,
        shipping=content.shipping,
        fees=total([fee.amount for fee in content.fees], content.currency),
        tax=nothing if content.prices_include_tax else taxes,
        total=content.total,
    )


def _fulfillment(event: Envelope, order: Order) -> Fulfillment | None:
    named = event.data.get("fulfillment_id")
    if named is None:
        return None
    found = order.fulfillment(str(named))
    if found is None:
        raise NotFound(f"the order has no fulfilment {named}")
    return found


def _lines(
    event: Envelope, content: Content, fulfillment: Fulfillment | None
) -> tuple[NoticeLine, ...]:
    if named := event.data.get("line_id"):
        line = content.line(str(named))
        return (notice_line(line, line.quantity),)
    if event.type == "units_cancelled":
        units = event.data["units"]
        assert isinstance(units, list)
        return tuple(notice_line(content.line(one["line_id"]), one["quantity"]) for one in units)
    if fulfillment is None:
        return tuple(notice_line(line, line.quantity) for line in content.lines)
    return tuple(
        notice_line(content.line(line_id), units) for line_id, units in fulfillment.units.items()
    )


def _promised(kind: Kind, event: Envelope, content: Content) -> date | None:
    if kind is Kind.CONFIRMATION and content.promise:
        return content.promise.arrive_by
    return _day(event, "promised") if kind is Kind.PROMISE_CHANGED else None


def _day(event: Envelope, name: str) -> date | None:
    told = event.data.get(name)
    return None if told is None else date.fromisoformat(str(told))


def _reason(event: Envelope) -> str:
    return str(event.data.get("reason", ""))


def _amount(event: Envelope, of_type: str, currency: str) -> Money | None:
    if event.type != of_type:
        return None
    amount = event.data["amount"]
    assert isinstance(amount, int)
    return Money(amount, currency)


def _ways(event: Envelope, order: Order) -> tuple[Way, ...]:
    """One for each method, in the order in which they were used."""
    refund = order.refund(str(event.data.get("refund_id", "")))
    if event.type != "refund_completed" or refund is None:
        return ()
    amounts: dict[str, int] = {}
    for part in _told(refund, order):
        method = order.payments.find(part.payment_id).method
        if refund.to:
            method = CREDIT if refund.is_credit else refund.to
        amounts[method] = amounts.get(method, 0) + part.amount
    currency = order.content.currency
    return tuple(Way(method, Money(minor, currency)) for method, minor in amounts.items())


def _refunded(event: Envelope, order: Order) -> Money | None:
    refund = order.refund(str(event.data.get("refund_id", "")))
    if event.type != "refund_completed" or refund is None:
        return _amount(event, "refund_completed", order.content.currency)
    return Money(sum(part.amount for part in _told(refund, order)), order.content.currency)


def _told(refund: Refund, order: Order) -> tuple[RefundPart, ...]:
    """The parts that reach the customer."""
    if refund.to:
        return refund.parts
    return tuple(
        part for part in refund.parts if order.payments.find(part.payment_id).method != _EXCHANGE
    )


def _refund_due(order: Order) -> Money | None:
    refunds = order.progress.refunds
    due = sum(part.amount for refund in refunds for part in _told(refund, order))
    return Money(due, order.content.currency) if due else None


def _is_paid_by_exchange(content: Content) -> bool:
    return bool(content.exchange_of) and all(one.method == _EXCHANGE for one in content.payments)
