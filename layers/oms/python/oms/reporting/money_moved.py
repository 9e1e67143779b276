"""What we believe moved at each provider: a read model of the orders' payments, by day.

Each fact is kept under its event's id and the time at which the provider says it happened, so that
the same event again writes the same item.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from oms.kernel.clock import parse_rfc3339
from oms.kernel.events import Envelope
from oms.kernel.money import Money
from oms.orders.model import Order
from oms.payments.model import Payment
from oms.reporting.settlement import Belief, MovementOfMoney

KINDS = {
    "payment_captured": MovementOfMoney.CAPTURE,
    "payment_collected": MovementOfMoney.CAPTURE,
    "payment_refunded": MovementOfMoney.REFUND,
    "charged_back": MovementOfMoney.CHARGEBACK,
    "refund_reversed": MovementOfMoney.REFUND_REVERSED,
    # Only when it bounced after it had been made.
    "refund_failed": MovementOfMoney.REFUND_REVERSED,
}

# They work on ledgers of our own, and send no files.
_OURS = frozenset({"gift_card", "store_credit", "terms"})


@dataclass(frozen=True, slots=True)
class MovementPage:
    """Oldest first."""

    movements: tuple[Belief, ...]
    cursor: str | None


class MoneyMoved(Protocol):
    def keep(self, provider: str, belief: Belief) -> None:
        """The same again changes nothing."""

    def between(self, provider: str, since: datetime, until: datetime) -> Sequence[Belief]:
        """All from ``since``, before ``until``."""

    def page(
        self, provider: str, since: datetime, until: datetime, limit: int, cursor: str | None
    ) -> MovementPage: ...


def note(event: Envelope, load: Callable[[str], Order], moved: MoneyMoved) -> bool:
    """Keep what a payment's event says; whether it is about money that a provider moved."""
    kind = KINDS.get(event.type)
    if kind is None:
        return False
    order = load(event.subject)
    payment = order.payments.find(_said(event, "payment_id"))
    if payment.provider in _OURS or (
        event.type == "refund_failed" and not _bounced(event, payment)
    ):
        return False
    moved.keep(provider_of(order, payment), _belief(event, kind, order, payment))
    return True


def provider_of(order: Order, payment: Payment) -> str:
    """A marketplace settles what it collected in files of its own: ``channel:amazon``."""
    if payment.provider == "channel":
        return f"channel:{order.content.channel}"
    return payment.provider


def _belief(event: Envelope, kind: MovementOfMoney, order: Order, payment: Payment) -> Belief:
    amount = event.data["amount"]
    assert isinstance(amount, int)
    return Belief(
        id=event.id,
        kind=kind,
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


def _bounced(event: Envelope, payment: Payment) -> bool:
    refunds = [each for each in payment.events if each.kind == "refunded"]
    refund_id, at = _said(event, "refund_id"), _happened_at(event)
    return any(each.reference == refund_id and each.at <= at for each in refunds)


def _happened_at(event: Envelope) -> datetime:
    told = _said(event, "at")
    return parse_rfc3339(told) if told else event.at


def _said(event: Envelope, name: str) -> str:
    return str(event.data.get(name) or "")


def _named(references: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(reference for reference in references if reference))
