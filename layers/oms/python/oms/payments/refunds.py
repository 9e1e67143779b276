"""How much to give back, and which refunds are still owed. Pure; the use case asks the provider."""

from dataclasses import dataclass

from oms.kernel.errors import Conflict
from oms.kernel.money import Money
from oms.payments.model import Payment


@dataclass(frozen=True, slots=True)
class OpenRefund:
    """A refund that was requested and has no result yet."""

    id: str
    amount: Money


def refund_due(payment: Payment, owed: Money) -> Money:
    """What to give back so that the customer pays ``owed`` and no more; zero when it is not paid.

    Refunds under way count as given back.
    """
    surplus = payment.refundable - owed
    return max(surplus, Money.zero(payment.amount.currency))


def amount_to_refund(payment: Payment, wanted: Money | None = None) -> Money:
    """``wanted``, or all that can be refunded when it is not said.

    Raises ``Conflict`` with code ``nothing_to_refund`` or ``refund_above_captured``.
    """
    if not payment.refundable:
        raise Conflict("nothing is left to refund", code="nothing_to_refund")
    if wanted is None:
        return payment.refundable
    if wanted > payment.refundable:
        raise Conflict(
            f"{payment.refundable} is left to refund, not {wanted}", code="refund_above_captured"
        )
    return wanted


def open_refunds(payment: Payment) -> tuple[OpenRefund, ...]:
    """In the order in which they were requested."""
    answered = {
        entry.reference for entry in payment.entries if entry.kind in ("refunded", "refund_failed")
    }
    return tuple(
        OpenRefund(entry.reference, Money(-entry.minor, payment.amount.currency))
        for entry in payment.entries
        if entry.kind == "refund_requested" and entry.reference not in answered
    )
