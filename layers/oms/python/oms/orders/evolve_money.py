"""How an event changes an order's money. Every fact goes into the set of its payment's events."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from oms.kernel.money import Money
from oms.orders import events as happened
from oms.orders.model import Order, Refund, RefundPart, State
from oms.payments.balances import EventKind, PaymentEvent
from oms.payments.model import Payment, record


def is_covered(order: Order) -> bool:
    """Whether what is paid, held, or agreed to be paid on delivery comes to what is due."""
    payments = order.payments
    return payments.covered + payments.deferred >= order.due


def refund_reference(refund_id: str, attempt: int) -> str:
    """What names one attempt at one part of a refund in its payment's events."""
    return refund_id if attempt == 1 else f"{refund_id}:{attempt}"


# Facts of one payment, as its set of events has them.
_KINDS: Mapping[type[Any], EventKind] = {
    happened.PaymentPending: "authorization_requested",
    happened.PaymentAuthorized: "authorized",
    happened.AuthorizationAdjusted: "authorization_adjusted",
    happened.PaymentDeclined: "declined",
    happened.PaymentUnknown: "unknown",
    happened.PaymentCollected: "collected",
    happened.CaptureRequested: "capture_requested",
    happened.PaymentCaptured: "captured",
    happened.CaptureFailed: "capture_failed",
    happened.PaymentVoided: "voided",
    happened.VoidFailed: "void_failed",
    happened.ChargedBack: "charged_back",
    happened.ChargeBackReversed: "charge_back_reversed",
}


def _noted(order: Order, event: Any) -> Order:
    """With the fact that ``event``, one of ``_KINDS``, tells. What failed has no amount, but a code
    where the provider has no name for it; what we ask for has the key of its reference."""
    reference = getattr(event, "reference", "")
    return _recorded(
        order,
        event.payment_id,
        _KINDS[type(event)],
        getattr(event, "amount", 0),
        reference,
        getattr(event, "key", f"{reference}:requested"),
        event.at,
        getattr(event, "provider_reference", "") or getattr(event, "code", ""),
    )


def _recorded(
    order: Order,
    payment_id: str,
    kind: EventKind,
    amount: int,
    reference: str,
    key: str,
    at: datetime | None = None,
    provider_reference: str = "",
) -> Order:
    payment = order.payments.find(payment_id)
    when = at or _newest(order, payment)
    fact = PaymentEvent(kind, amount, reference, key, when, provider_reference)
    return with_payment(order, record(payment, fact))


def with_payment(order: Order, payment: Payment) -> Order:
    payments = tuple(payment if one.id == payment.id else one for one in order.payments.each)
    return order.with_progress(payments=payments)


def _newest(order: Order, payment: Payment) -> datetime:
    latest = max((event.at for event in payment.events), default=order.content.captured_at)
    return latest + timedelta(microseconds=1)


def _added(order: Order, event: happened.PaymentAdded) -> Order:
    return order.with_progress(payments=(*order.payments.each, event.payment))


def _pending(order: Order, event: happened.PaymentPending) -> Order:
    payment = order.payments.find(event.payment_id)
    if not payment.authorized:
        order = with_payment(
            order, replace(payment, expires_at=event.expires_at, instructions=event.instructions)
        )
    return _noted(order, event)


def _authorized(order: Order, event: happened.PaymentAuthorized) -> Order:
    order = _noted(order, event)
    payment = order.payments.find(event.payment_id)
    return climb(with_payment(order, replace(payment, expires_at=event.expires_at)))


def _adjusted(order: Order, event: happened.AuthorizationAdjusted) -> Order:
    return climb(_noted(order, event))


def climb(order: Order) -> Order:
    if order.state is State.SOURCED and is_covered(order):
        return order.with_progress(state=State.AUTHORIZED)
    return order


def _deferred(order: Order, event: happened.PaymentDeferred) -> Order:
    return order.with_progress(state=State.AUTHORIZED)


def _collected(order: Order, event: happened.PaymentCollected) -> Order:
    """What is added at a counter is asked for there, so the payment's amount grows with it."""
    payment = order.payments.find(event.payment_id)
    taken = payment.authorized + Money(event.amount, order.content.currency)
    grown = replace(payment, amount=max(payment.amount, taken))
    return climb(_noted(with_payment(order, grown), event))


def _failed(order: Order, event: happened.PaymentFailed) -> Order:
    return order.with_progress(unpaid=f"{event.operation}: {event.reason}")


def _resolved(order: Order, event: happened.PaymentResolved) -> Order:
    return order.with_progress(unpaid="")


def _refund_requested(order: Order, event: happened.RefundRequested) -> Order:
    refund = Refund(
        event.refund_id,
        event.amount,
        event.reason,
        event.parts,
        event.granted,
        event.lines,
        event.shipping,
        event.fees,
        event.goodwill,
        event.to,
        event.return_id,
        event.key,
    )
    progress = order.progress
    order = order.with_progress(
        refunds=(*progress.refunds, refund), granted=progress.granted + event.granted
    )
    return _parts_requested(order, event.refund_id, event.parts)


def _refund_retried(order: Order, event: happened.RefundRetried) -> Order:
    def retried(refund: Refund) -> Refund:
        kept = tuple(part for part in refund.parts if part.state != "failed")
        return replace(refund, parts=(*kept, *event.parts), to=event.to)

    order = _with_refund(order, event.refund_id, retried)
    return _parts_requested(order, event.refund_id, event.parts)


def _parts_requested(order: Order, refund_id: str, parts: Iterable[RefundPart]) -> Order:
    for part in parts:
        reference = refund_reference(refund_id, part.attempt)
        order = _recorded(
            order,
            part.payment_id,
            "refund_requested",
            part.amount,
            reference,
            f"{reference}:requested",
        )
    return order


def _refunded(order: Order, event: happened.PaymentRefunded) -> Order:
    order = _recorded(
        order,
        event.payment_id,
        "refunded",
        event.amount,
        _reference_of(order, event.refund_id, event.payment_id),
        event.key,
        event.at,
        event.reference,
    )
    return _with_part_state(order, event.refund_id, event.payment_id)


def _refund_failed(order: Order, event: happened.RefundFailed) -> Order:
    order = _recorded(
        order,
        event.payment_id,
        "refund_failed",
        event.amount,
        _reference_of(order, event.refund_id, event.payment_id),
        event.key,
        event.at,
        event.reference or event.code,
    )
    return _with_part_state(order, event.refund_id, event.payment_id)


def _reference_of(order: Order, refund_id: str, payment_id: str) -> str:
    refund = order.refund(refund_id)
    part = refund.part(payment_id) if refund else None
    return refund_reference(refund_id, part.attempt if part else 1)


def _with_part_state(order: Order, refund_id: str, payment_id: str) -> Order:
    """As the payment's events say: of a success and a failure the newer counts."""
    refund = order.refund(refund_id)
    part = refund.part(payment_id) if refund else None
    if part is None:
        return order
    reference = refund_reference(refund_id, part.attempt)
    changed = replace(part, state=_state_of(order.payments.find(payment_id), reference, part))
    return _with_refund(
        order,
        refund_id,
        lambda found: replace(
            found, parts=tuple(changed if one is part else one for one in found.parts)
        ),
    )


def _state_of(payment: Payment, reference: str, part: RefundPart) -> str:
    success = payment.event("refunded", reference)
    failure = payment.event("refund_failed", reference)
    back = sum(
        event.amount
        for event in payment.events
        if event.kind == "refund_reversed" and event.provider_reference == reference
    )
    if back >= part.amount or (failure and (success is None or failure.at > success.at)):
        return "failed"
    return "refunded" if success else part.state


def _refund_completed(order: Order, event: happened.RefundCompleted) -> Order:
    return _with_refund(order, event.refund_id, lambda refund: replace(refund, completed=True))


def _with_refund(order: Order, refund_id: str, change: Callable[[Refund], Refund]) -> Order:
    refunds = tuple(
        change(refund) if refund.id == refund_id else refund for refund in order.progress.refunds
    )
    return order.with_progress(refunds=refunds)


def _reversed(order: Order, event: happened.RefundReversed) -> Order:
    undone = _reference_of(order, event.refund_id, event.payment_id) if event.refund_id else ""
    order = _recorded(
        order,
        event.payment_id,
        "refund_reversed",
        event.amount,
        event.reference,
        event.key,
        event.at,
        undone,
    )
    return _with_part_state(order, event.refund_id, event.payment_id)


def _unchanged(order: Order, event: object) -> Order:
    return order


CHANGES: Mapping[type[Any], Callable[..., Order]] = {
    **dict.fromkeys(_KINDS, _noted),
    happened.PaymentAdded: _added,
    happened.PaymentPending: _pending,
    happened.PaymentAuthorized: _authorized,
    happened.AuthorizationAdjusted: _adjusted,
    happened.PaymentDeferred: _deferred,
    happened.PaymentCollected: _collected,
    happened.PaymentFailed: _failed,
    happened.PaymentResolved: _resolved,
    happened.VoidRequested: _unchanged,
    happened.RefundRequested: _refund_requested,
    happened.RefundRetried: _refund_retried,
    happened.PaymentRefunded: _refunded,
    happened.RefundFailed: _refund_failed,
    happened.RefundReversed: _reversed,
    happened.RefundCompleted: _refund_completed,
}
