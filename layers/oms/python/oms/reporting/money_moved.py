"""What we believe moved at each provider: a read model of the orders' payments, by day.

Each fact is kept under its event's id and the time at which the provider says it happened, so that
the same event again writes the same item.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from oms.kernel.clock import parse_rfc3339
from oms.kernel.events import Envelope
from oms.kernel.money import Money
from oms.orders.model import Order
from oms.orders.store import Orders
from oms.payments.model import Payment
from oms.reporting.settlement import Belief, MovementOfMoney

KINDS = {
    "payment_captured": MovementOfMoney.CAPTURE,
    "payment_collected": MovementOfMoney.CAPTURE,
    "payment_refunded": MovementOfMoney.REFUND,
    "charged_back": MovementOfMoney.CHARGEBACK,
    "charge_back_reversed": MovementOfMoney.CHARGEBACK_REVERSED,
    "refund_reversed": MovementOfMoney.REFUND_REVERSED,
    # Only when it bounced after it had been made.
    "refund_failed": MovementOfMoney.REFUND_REVERSED,
}
# A capture that was told as made, and was not after all.
CAPTURE_FAILED = "capture_failed"
HEARD = (*KINDS, CAPTURE_FAILED)
_OF_REFUNDS = ("payment_refunded", "refund_failed")

# They work on ledgers of our own, and send no files.
_OURS = frozenset({"gift_card", "store_credit", "terms", "exchange"})
# Money that another order had and gave back: it moved at no provider.
_FROM_ANOTHER_ORDER = "exchange:"


@dataclass(frozen=True, slots=True)
class MovementPage:
    """Oldest first."""

    movements: tuple[Belief, ...]
    cursor: str | None


class MoneyMoved(Protocol):
    def keep(self, provider: str, belief: Belief) -> None:
        """The same again changes nothing."""

    def withdraw(self, provider: str, belief: Belief) -> None:
        """It did not move after all."""

    def between(self, provider: str, since: datetime, until: datetime) -> Sequence[Belief]:
        """All from ``since``, before ``until``."""

    def page(
        self, provider: str, since: datetime, until: datetime, limit: int, cursor: str | None
    ) -> MovementPage: ...


def note(event: Envelope, orders: Orders, moved: MoneyMoved) -> bool:
    """Keep what a payment's event says; whether it is about money that a provider moved."""
    if event.type not in HEARD:
        return False
    order = orders.load(event.subject)
    payment = order.payments.find(_said(event, "payment_id"))
    if payment.provider in _OURS:
        return False
    if event.type == "refund_reversed" and _said(event, "reference").startswith(
        _FROM_ANOTHER_ORDER
    ):
        return False
    if event.type == CAPTURE_FAILED:
        return _withdraw(event, order, payment, orders, moved)
    if event.type == "payment_captured" and _failed_later(event, payment):
        return False
    if event.type == "refund_failed" and not _bounced(event, payment):
        return False
    if event.type in _OF_REFUNDS and not _by_the_provider(event, order, orders):
        return False
    moved.keep(provider_of(order, payment), _belief(event, order, payment))
    return True


def _withdraw(
    event: Envelope, order: Order, payment: Payment, orders: Orders, moved: MoneyMoved
) -> bool:
    found = payment.event("capture_failed", _said(event, "reference"))
    taken = payment.event("captured", _said(event, "reference"))
    if found is None or taken is None or taken.at > found.at:
        return False
    for told in orders.history(order.order_id):
        same = all(_said(told, name) == _said(event, name) for name in ("payment_id", "reference"))
        if told.type == "payment_captured" and same:
            moved.withdraw(provider_of(order, payment), _belief(told, order, payment))
    return True


def _failed_later(event: Envelope, payment: Payment) -> bool:
    reference = _said(event, "reference")
    taken, failed = payment.event("captured", reference), payment.event("capture_failed", reference)
    return bool(reference and taken and failed and failed.at >= taken.at)


def provider_of(order: Order, payment: Payment) -> str:
    """A marketplace settles what it collected in files of its own: ``channel:amazon``."""
    if payment.provider == "channel":
        return f"channel:{order.content.channel}"
    return payment.provider


def _belief(event: Envelope, order: Order, payment: Payment) -> Belief:
    amount = event.data["amount"]
    assert isinstance(amount, int)
    return Belief(
        id=event.id,
        kind=KINDS[event.type],
        at=_happened_at(event),
        order_id=order.order_id,
        payment_id=payment.id,
        amount=Money(amount, payment.amount.currency),
        references=_named(
            [
                _said(event, "provider_reference"),
                _said(event, "reference"),
                _said(event, "refund_id"),
                payment.authorization,
                payment.id,
                order.order_id,
                order.content.channel_order_id if payment.provider == "channel" else "",
            ]
        ),
    )


def _by_the_provider(event: Envelope, order: Order, orders: Orders) -> bool:
    """Not as store credit, nor as what another order costs. A refund that was retried may have
    gone another way before."""
    refund = order.refund(_said(event, "refund_id"))
    if refund is None:
        return True
    if all(part.attempt == 1 for part in refund.parts):
        return not refund.to
    ways = [
        _said(told, "to")
        for told in orders.history(order.order_id)
        if told.type in ("refund_requested", "refund_retried")
        and _said(told, "refund_id") == refund.id
        and told.version <= event.version
    ]
    return not (ways and ways[-1])


def _bounced(event: Envelope, payment: Payment) -> bool:
    """Of each attempt of a refund: a failure that is newer than its success."""
    key = _said(event, "key")
    failed = next((each for each in payment.events if each.key == key), None)
    made = payment.event("refunded", failed.reference) if failed else None
    return bool(failed and made and made.at <= failed.at)


def _happened_at(event: Envelope) -> datetime:
    told = _said(event, "at")
    return parse_rfc3339(told) if told else event.at


def _said(event: Envelope, name: str) -> str:
    return str(event.data.get(name) or "")


def _named(references: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(reference for reference in references if reference))
