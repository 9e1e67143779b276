"""Goods that were exchanged before they came: what of their worth is still outstanding. Pure.

What the customer got for them in advance is granted on her order. As long as they are not there,
``charged`` of it is due again: because their day passed and she was charged, or because the new
order gave money back and it is kept until they come. It never exceeds what is outstanding, so that
whatever comes when, she pays for exactly what she keeps.
"""

from collections.abc import Mapping
from datetime import datetime

from oms.kernel.errors import Conflict
from oms.kernel.ids import payment_id, refund_id
from oms.kernel.money import Money
from oms.orders import events as orders_events
from oms.orders.decisions import NOTHING, Events
from oms.orders.evolve import evolve_all
from oms.orders.model import Order, State
from oms.orders.paying import amount_to_capture, uncovered
from oms.orders.repaying import left_to_repay, refund_of, repay_overpaid
from oms.payments.model import Payment
from oms.payments.providers import idempotency_key
from oms.pricing.shares import allocate, share
from oms.returns import events as happened
from oms.returns.model import ChargeMeans, Resolution, Return, Settlement
from oms.returns.policy import RefundWhen, ReturnPolicy

NOT_RETURNED = "exchange_not_returned"
CAME_AFTER_ALL = "exchange_returned"
GIVEN_BACK = "exchange_cancelled"

# What names, in a payment's events, money that went to another order and came back from there.
EXCHANGE = "exchange:"


def settlement_of(found: Return) -> Settlement | None:
    """What the order was made for."""
    if not found.exchanged_for:
        return None
    exchanged = (one for one in found.settlements if one.resolution is Resolution.EXCHANGE)
    return next(exchanged, None)


def outstanding(order: Order, found: Return, came: Mapping[str, int]) -> int:
    """Minor units that were given for units which are not among those that ``came``."""
    settlement = settlement_of(found)
    if settlement is None or not settlement.amount or found.keeps_goods:
        return 0
    currency = order.content.currency
    weights = [line.worth for line in settlement.lines]
    missing = 0
    for line, amount in zip(
        settlement.lines, allocate(Money(settlement.amount, currency), weights), strict=True
    ):
        elsewhere = found.settled.get(line.line_id, 0) - line.quantity
        here = min(line.quantity, max(0, came.get(line.line_id, 0) - elsewhere))
        missing += (amount - share(amount, here, line.quantity)).minor
    return missing


# --- when they do not come --------------------------------------------------------------------


def charge(order: Order, return_id: str, at: datetime) -> Events:
    """What did not come by its day is charged: a further payment of the order it was bought with,
    on the means that was given for this, else on its first card. Where there is neither a person
    must look. Nothing when it was charged before."""
    found = _find(order, return_id)
    exchange = found.exchange if found else None
    if found is None or exchange is None or exchange.return_by is None or at < exchange.return_by:
        return NOTHING
    missing = outstanding(order, found, found.received) - exchange.charged
    if missing <= 0:
        return NOTHING
    due_again = happened.ExchangeCharged(return_id, missing)
    after = evolve_all(order, (due_again,))
    amount = min(missing, uncovered(after).minor)
    if amount <= 0:
        return (due_again,)
    payment = _further(order, exchange.charge, amount, f"{return_id}:{missing}")
    if payment is None:
        nobody = orders_events.PaymentFailed("", "charge", "no_means_of_payment")
        return (due_again, nobody)
    key = idempotency_key(payment.id, "capture")
    return (
        happened.ExchangeCharged(return_id, missing, payment.id),
        orders_events.PaymentAdded(payment, NOT_RETURNED),
        orders_events.CaptureRequested(payment.id, amount, key, NOT_RETURNED),
    )


def _further(order: Order, means: ChargeMeans | None, amount: int, name: str) -> Payment | None:
    """A payment that the customer need not be there for."""
    number = len(order.payments.each) + 1
    card = _first_card(order)
    if means is not None:
        method, provider, token, renews = means.method, means.provider, means.token, ""
    elif card is not None:
        method, provider, token = card.method, card.provider, order.token_of(card)
        renews = card.id
    else:
        return None
    return Payment(
        payment_id(order.order_id, number),
        method,
        provider,
        Money(amount, order.content.currency),
        token=token,
        renews=renews,
        added_as=name,
    )


def _first_card(order: Order) -> Payment | None:
    cards = (one for one in order.payments.each if one.method == "card" and one.captured)
    return next((one for one in cards if order.token_of(one)), None)


# --- when they come after all -----------------------------------------------------------------


def credited(order: Order, return_id: str, policy: ReturnPolicy) -> Events:
    """What was charged for goods that are here now is due no more; what of it was taken goes
    back."""
    found = _find(order, return_id)
    exchange = found.exchange if found else None
    if found is None or exchange is None or not exchange.charged:
        return NOTHING
    looked_at = policy.refund_when is RefundWhen.INSPECTED
    came = found.inspected if looked_at else found.received
    over = exchange.charged - outstanding(order, found, came)
    if over <= 0:
        return NOTHING
    due = max(0, order.due.minor)
    # No more than the order still comes to, after all that was given back of it for nothing.
    granted = min(over, due)
    amount = max(0, min(granted, left_to_repay(order) - (due - granted)))
    credit = happened.ExchangeCredited(return_id, over)
    if amount:
        refund = refund_of(order, amount, CAME_AFTER_ALL, granted=granted, return_id=return_id)
    else:
        number = len(order.progress.refunds) + 1
        refund = orders_events.RefundRequested(
            refund_id(order.order_id, number),
            0,
            CAME_AFTER_ALL,
            (),
            granted=granted,
            return_id=return_id,
        )
    return _with_exception_ended(order, (credit, refund))


# --- when the new order gives money back ------------------------------------------------------


def given_back(order: Order, return_id: str, amount: int, key: str, at: datetime) -> Events:
    """The new order needs ``amount`` of what paid it no more: it goes back to the payments that it
    came from, and from there to the customer; kept, as far as goods are still to come for it.
    Nothing for a key that is known. Raises ``Conflict`` (``refund_above_captured``)."""
    found = _find(order, return_id)
    settlement = settlement_of(found) if found else None
    if found is None or settlement is None:
        raise Conflict(f"nothing was exchanged for {return_id}", code="refund_above_captured")
    if any(order.payments.knows(f"{key}:{one.id}") for one in order.payments.each):
        return NOTHING
    back: Events = tuple(_reversals(order, found, settlement, amount, key, at))
    after = evolve_all(order, back)
    assert found.exchange is not None
    if found.exchange.return_by:
        missing = outstanding(order, found, found.received) - found.exchange.charged
        if (kept := min(amount, missing)) > 0:
            back = (*back, happened.ExchangeCharged(return_id, kept))
            after = evolve_all(order, back)
    repaid = repay_overpaid(after, GIVEN_BACK)
    return _with_exception_ended(order, (*back, *repaid))


def _reversals(
    order: Order, found: Return, settlement: Settlement, amount: int, key: str, at: datetime
) -> list[orders_events.RefundReversed]:
    name = f"{EXCHANGE}{found.id}:"
    refund = order.refund(settlement.refund_id)
    parts = refund.parts if refund else ()
    left, reversals = amount, list[orders_events.RefundReversed]()
    for part in parts:
        payment = order.payments.find(part.payment_id)
        before = sum(
            event.amount
            for event in payment.events
            if event.kind == "refund_reversed" and event.reference.startswith(name)
        )
        if (back := min(left, part.amount - before)) > 0:
            left -= back
            reversals.append(
                orders_events.RefundReversed(
                    payment.id, back, f"{name}{key}", f"{key}:{payment.id}", at
                )
            )
    if left:
        raise Conflict(
            "the exchange paid less than that",
            code="refund_above_captured",
            context={"refundable": str(Money(amount - left, order.content.currency))},
        )
    return reversals


def _with_exception_ended(order: Order, events: Events) -> Events:
    """What could not be taken need not be taken any more."""
    after = evolve_all(order, events)
    if not order.progress.unpaid or amount_to_capture(after) or order.state is State.CANCELLED:
        return events
    return (*events, orders_events.PaymentResolved())


def _find(order: Order, return_id: str) -> Return | None:
    return next((one for one in order.progress.returns if one.id == return_id), None)
