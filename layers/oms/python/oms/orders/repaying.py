"""Giving an order's money back: decisions, as in ``decisions``.

Every refund settles what is paid beyond what is due. What is granted (the worth of what came back,
goodwill, shipping) is due no longer, and the refund follows from that.
"""

from datetime import datetime
from typing import TypedDict, Unpack

from oms.kernel.errors import NotFound
from oms.kernel.ids import refund_id
from oms.kernel.money import Money
from oms.orders import events as happened
from oms.orders.decisions import NOTHING, Events
from oms.orders.evolve import evolve_all
from oms.orders.evolve_money import refund_reference
from oms.orders.model import Order, Refund, RefundedLine, RefundPart
from oms.orders.refundable import owed_by_failed
from oms.payments.allocation import Bearable, allocate_refund

# What may become of a refund, and by what. A success may be told after a failure, and money that
# arrived may bounce: of both the newer counts.
REFUND_TRANSITIONS = {
    "requested": {"arrive": "refunded", "fail": "failed"},
    "failed": {"retry": "requested", "arrive": "refunded"},
    "refunded": {"bounce": "failed"},
}


class Purpose(TypedDict, total=False):
    """What a refund is for: fields of ``RefundRequested``."""

    granted: int
    lines: tuple[RefundedLine, ...]
    shipping: int
    fees: tuple[tuple[str, int], ...]
    goodwill: int
    to: str
    return_id: str
    key: str


def refund_of(
    order: Order,
    amount: int,
    reason: str,
    first: tuple[str, ...] = (),
    **purpose: Unpack[Purpose],
) -> happened.RefundRequested:
    """``amount`` over the order's payments, those named ``first`` before the others. Raises
    ``Conflict`` (``refund_above_captured``)."""
    parts = allocate_refund(bearable_of(order), Money(amount, order.content.currency), first)
    number = len(order.progress.refunds) + 1
    return happened.RefundRequested(
        refund_id(order.order_id, number),
        amount,
        reason,
        tuple(RefundPart(payment_id, part) for payment_id, part in parts),
        **purpose,
    )


def bearable_of(order: Order) -> list[Bearable]:
    """What each payment can give back."""
    return [Bearable(one.id, one.refundable, one.method) for one in order.payments.each]


def repay_overpaid(order: Order, reason: str) -> Events:
    """The refund of what is paid beyond what is due, if anything is."""
    overpaid = left_to_repay(order) - max(0, order.due.minor)
    return (refund_of(order, overpaid, reason),) if overpaid > 0 else NOTHING


def left_to_repay(order: Order) -> int:
    """Minor units that can be given back: taken, not given back or on its way, and not owed by a
    refund that failed."""
    return max(0, order.payments.refundable.minor - owed_by_failed(order))


def refund_paid(
    order: Order,
    refund: str,
    amount: int,
    reference: str,
    key: str,
    payment_id: str = "",
    at: datetime | None = None,
) -> Events:
    """One part of a refund arrived; with the last of them the refund is complete."""
    found, part = _part(order, refund, payment_id)
    payment = order.payments.find(part.payment_id)
    known = payment.event("refunded", refund_reference(refund, part.attempt))
    if known or order.payments.knows(key):
        return NOTHING
    paid = happened.PaymentRefunded(refund, payment.id, amount, reference, key, at)
    return (paid, *_completed(order, found, paid))


def _completed(order: Order, before: Refund, paid: happened.PaymentRefunded) -> Events:
    after = evolve_all(order, (paid,)).refund(before.id)
    if after is None or after.state != "refunded" or before.completed:
        return NOTHING
    return (happened.RefundCompleted(after.id, after.amount),)


def refund_refused(
    order: Order,
    refund: str,
    amount: int,
    code: str,
    key: str,
    payment_id: str = "",
    at: datetime | None = None,
    reference: str = "",
) -> Events:
    _, part = _part(order, refund, payment_id)
    payment = order.payments.find(part.payment_id)
    known = payment.event("refund_failed", refund_reference(refund, part.attempt))
    if known or order.payments.knows(key):
        return NOTHING
    return (happened.RefundFailed(refund, payment.id, amount, code, key, at, reference),)


def _part(order: Order, refund: str, payment_id: str) -> tuple[Refund, RefundPart]:
    found = order.refund(refund)
    if found is None:
        raise NotFound(f"the order has no refund {refund}")
    part = found.part(payment_id or found.parts[0].payment_id)
    if part is None:
        raise NotFound(f"the refund {refund} has no part by {payment_id}")
    return found, part
