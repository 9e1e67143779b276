"""What may happen to an order's money: decisions, as in ``decisions``.

What a provider tells is a fact and always recorded, once; what we ask for is guarded here before it
is asked. Where an order has one payment it need not be named.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from oms.kernel.errors import Conflict
from oms.kernel.money import Money, total
from oms.orders import events as happened
from oms.orders.decisions import (
    NOTHING,
    Events,
    has_reached,
    is_promised,
    turn_round_if_cancelling,
)
from oms.orders.events import Event
from oms.orders.evolve import evolve_all
from oms.orders.model import Order, State
from oms.orders.repaying import left_to_repay, refund_of, repay_overpaid
from oms.payments.allocation import Bearable, Parts, allocate_capture
from oms.payments.balances import EventKind
from oms.payments.matching import is_lost, known_as
from oms.payments.model import Payment
from oms.payments.providers import idempotency_key

_CAPTURES: frozenset[EventKind] = frozenset({"capture_requested", "captured", "capture_failed"})


@dataclass(frozen=True, slots=True)
class Taken:
    """A capture that was made: ``key`` is the one it was asked with."""

    payment_id: str
    amount: int
    key: str
    provider_reference: str = ""


def payment_of(order: Order, payment_id: str) -> Payment:
    """The one that is named, else the order's first. Raises ``NotFound``."""
    return order.payments.find(payment_id) if payment_id else order.payments.each[0]


def is_known(payment: Payment, kind: EventKind, reference: str, key: str) -> bool:
    """Whether a fact was recorded before, of the one key or of the other."""
    return any(event.key == key for event in payment.events) or (
        bool(reference) and payment.event(kind, reference) is not None
    )


# --- holding --------------------------------------------------------------------------------


def authorize_payment(
    order: Order,
    amount: int,
    reference: str,
    key: str,
    payment_id: str = "",
    at: datetime | None = None,
    expires_at: datetime | None = None,
) -> Events:
    """The provider holds ``amount`` for us. Comes from our own call or from a callback.

    Raises ``Conflict`` (``already_authorized``) when another amount was authorised before: only an
    adjustment changes it.
    """
    payment = payment_of(order, payment_id)
    authorized = happened.PaymentAuthorized(payment.id, amount, reference, key, at, expires_at)
    if is_known(payment, "authorized", reference, key):
        return (authorized,) if _says_until_when(payment, authorized) else NOTHING
    if payment.authorized:
        if payment.authorized.minor == amount or payment.captured:
            return NOTHING
        raise Conflict(f"{payment.authorized} is authorised already", code="already_authorized")
    if order.state is State.CANCELLED:
        late = happened.VoidRequested(payment.id, amount, "authorized_after_cancel")
        return (authorized, late)
    return (authorized,)


def _says_until_when(payment: Payment, authorized: happened.PaymentAuthorized) -> bool:
    """A report that overtook the provider's answer does not say when the hold ends."""
    if payment.expires_at or not authorized.expires_at or payment.status != "authorized":
        return False
    held = payment.event("authorized", authorized.reference)
    return held is not None and held.amount == authorized.amount


def await_payment(
    order: Order,
    amount: int,
    reference: str,
    key: str,
    expires_at: datetime | None,
    instructions: str,
    payment_id: str = "",
    at: datetime | None = None,
) -> Events:
    """An answer that arrives after the money did says nothing new."""
    payment = payment_of(order, payment_id)
    if payment.status == "pending" or payment.authorized:
        return NOTHING
    return (
        happened.PaymentPending(payment.id, amount, reference, key, expires_at, instructions, at),
    )


def miss_answer(order: Order, payment_id: str, operation: str, key: str) -> Events:
    """The provider did not answer: said once for each thing that it was asked."""
    told = unanswered(key)
    if order.payments.knows(told) or order.payments.knows(key):
        return NOTHING
    return (happened.PaymentUnknown(payment_id, operation, told),)


def unanswered(key: str) -> str:
    """The key of the fact that what was asked with ``key`` was not answered."""
    return f"{key}:unknown"


def defer_payment(order: Order) -> Events:
    """The customer pays when the goods are handed over, or has nothing to pay; not while none are
    reserved."""
    turn_round_if_cancelling(order)
    if order.state is not State.SOURCED:
        return NOTHING
    payments = order.payments.each
    deferred = next((payment for payment in payments if payment.is_deferred), payments[0])
    return (happened.PaymentDeferred(deferred.id, order.due.minor),)


def decline_payment(
    order: Order,
    code: str,
    key: str,
    payment_id: str = "",
    reference: str = "",
    at: datetime | None = None,
) -> Events:
    payment = payment_of(order, payment_id)
    if payment.status == "declined" or is_known(payment, "declined", reference, key):
        return NOTHING
    if payment.authorized and not reference:
        return NOTHING
    return (happened.PaymentDeclined(payment.id, code, key, reference, at),)


def is_declined(order: Order) -> bool:
    """Whether a payment was declined that those which are still open cannot stand in for."""
    if not any(payment.status == "declined" for payment in order.payments.each):
        return False
    payments = order.payments
    return payments.covered + payments.deferred + _hoped_for(order) < order.due


def _hoped_for(order: Order) -> Money:
    """What payments are to bring yet that are not decided, beside what is asked to be taken of
    them, or came in, already."""
    payments = order.payments
    nothing = Money.zero(payments.currency)
    hoped_for = [
        max(payment.amount - payment.covered, nothing)
        for payment in payments.each
        if payment.status in ("new", "pending", "unknown") and not payment.is_deferred
    ]
    return total(hoped_for, payments.currency)


# --- taking ---------------------------------------------------------------------------------


def collect_payment(
    order: Order,
    amount: int,
    reference: str,
    key: str,
    payment_id: str = "",
    at: datetime | None = None,
) -> Events:
    """Money that is already taken: a Pix that was paid, or what a marketplace collected. What
    nobody owes is given back."""
    payment = payment_of(order, payment_id)
    if is_known(payment, "captured", reference, key) or _is_taken(payment, amount, reference):
        return NOTHING
    if asked := _asked_for(order, payment, amount):
        return capture_made(order, replace(asked, provider_reference=reference), at)
    events: Events = (happened.PaymentCaptured(payment.id, amount, reference, key, at, reference),)
    if not payment.authorized:
        held = payment.authorization or reference
        authorized = happened.PaymentAuthorized(payment.id, amount, held, f"{key}:authorized", at)
        events = (authorized, *events)
    if order.state is State.CANCELLED:
        taken = evolve_all(order, events)
        return (*events, refund_of(taken, amount, "paid_after_cancel"))
    return (*events, *repay_overpaid(evolve_all(order, events), "paid_beyond_what_is_due"))


def _is_taken(payment: Payment, amount: int, provider_reference: str) -> bool:
    """Whether the provider's capture of this name was recorded from its answer, or a callback."""
    names = {
        name
        for event in payment.events
        if event.kind == "captured" and event.amount == amount
        for name in (event.reference, event.provider_reference)
    }
    return bool(provider_reference) and provider_reference in names


def _asked_for(order: Order, payment: Payment, amount: int) -> "Taken | None":
    """The capture that was asked for and is not decided, which a callback tells the end of."""
    open_ones = open_captures(order)
    own = (one for one in open_ones if (one.payment_id, one.amount) == (payment.id, amount))
    return next(own, None)


def uncovered(order: Order) -> Money:
    """What is due and neither paid, held, nor agreed to be paid."""
    covered = order.payments.covered + order.payments.deferred + _hoped_for(order)
    return max(order.due - covered, Money.zero(order.content.currency))


def amount_to_capture(order: Order) -> int:
    """Minor units still to be taken, beside what is asked for already."""
    payments = order.payments
    taken = payments.captured - payments.refunded - payments.refund_pending
    return max(0, (order.due - taken - payments.capture_pending).minor)


def captures(order: Order, amount: int, first: Sequence[str] = ()) -> Parts:
    """Minor units by payment. Raises ``Conflict`` (``capture_above_authorized``)."""
    if not amount:
        return ()
    bearable = [Bearable(one.id, one.capturable, one.method) for one in order.payments.each]
    return allocate_capture(bearable, Money(amount, order.content.currency), first)


def capture_key(payment: Payment) -> str:
    """The key of the next capture of a payment: each definite one had its own."""
    asked = {event.reference for event in payment.events if event.kind in _CAPTURES}
    return idempotency_key(payment.id, "capture", len(asked) + 1)


def open_captures(order: Order) -> tuple[Taken, ...]:
    """What was asked to be taken and is not decided yet."""
    return tuple(
        Taken(payment.id, event.amount, event.reference)
        for payment in order.payments.each
        for event in payment.events
        if event.kind == "capture_requested"
        and not payment.event("captured", event.reference)
        and not payment.event("capture_failed", event.reference)
    )


def capture_made(order: Order, taken: Taken, at: datetime | None = None) -> Events:
    payment = order.payments.find(taken.payment_id)
    known = is_known(payment, "captured", taken.key, taken.key)
    if known or _is_taken(payment, taken.amount, taken.provider_reference):
        return NOTHING
    reference = known_as(payment, "capture", taken.provider_reference) or taken.key
    captured = happened.PaymentCaptured(
        payment.id, taken.amount, reference, taken.key, at, taken.provider_reference
    )
    after = evolve_all(order, (captured,))
    why = "paid_after_cancel" if order.state is State.CANCELLED else "paid_beyond_what_is_due"
    # What was asked for may have been paid another way since.
    return (
        captured,
        *resolved_by(after, payment.id, reference),
        *repay_overpaid(after, why),
    )


def resolved_by(order: Order, payment_id: str, reference: str) -> Events:
    """What a person was to look at is taken: all of it, or what had failed, or nobody knew of."""
    payment = order.payments.find(payment_id)
    had_failed = payment.event("capture_failed", reference) is not None
    if (had_failed or was_not_answered(order, reference)) and not _any_in_doubt(order):
        return resolved(order)
    return resolved_when_paid(order)


def resolved(order: Order) -> Events:
    return (happened.PaymentResolved(),) if order.progress.unpaid else NOTHING


def resolved_when_paid(order: Order) -> Events:
    """What a person was to look at is paid, whichever way, or due no more."""
    return NOTHING if amount_to_capture(order) else resolved(order)


def was_not_answered(order: Order, key: str) -> bool:
    """Whether a provider that was asked with this key may have done it without our knowing."""
    return order.payments.knows(unanswered(key))


def _any_in_doubt(order: Order) -> bool:
    lost = (
        is_lost(payment, "capture", event.reference)
        for payment in order.payments.each
        for event in payment.events
        if event.kind == "capture_failed"
    )
    return any(lost) or any(was_not_answered(order, one.key) for one in open_captures(order))


def settle(
    order: Order,
    captured: Sequence[Taken] = (),
    voided: Sequence[str] = (),
    at: datetime | None = None,
) -> Events:
    """All was delivered: what was ``captured`` just now (nothing when all had been taken before),
    and which payments' rests were ``voided``. Not completed while more is owed, which has come to
    be due in between."""
    if has_reached(order, State.COMPLETED):
        return NOTHING
    events: list[Event] = []
    for taken in captured:
        events += capture_made(order, taken, at)
    after = evolve_all(order, events)
    for payment_id in voided:
        events += void_rest(after, payment_id, at)
    after = evolve_all(order, events)
    if amount_to_capture(after):
        return tuple(events)
    return (*events, *_let_go_of_what_is_held(after, NOT_NEEDED), happened.OrderCompleted())


# --- letting go -----------------------------------------------------------------------------


# Why a hold is let go of that no payment of the order needs; else the order is cancelled.
NOT_NEEDED = "not_needed"


def _let_go_of_what_is_held(order: Order, reason: str) -> Events:
    """What came to be held while others were asked to let go."""
    return tuple(
        happened.VoidRequested(payment.id, payment.capturable.minor, reason)
        for payment in held(order)
    )


def has_hold(payment: Payment) -> bool:
    """Whether the provider holds money, or still expects the customer to pay."""
    return bool(payment.capturable) or payment.status == "pending"


def held(order: Order) -> tuple[Payment, ...]:
    return tuple(payment for payment in order.payments.each if has_hold(payment))


def is_covered_without(order: Order, payment: Payment) -> bool:
    """Whether the rest of its payments comes to what is due."""
    payments = order.payments
    return payments.covered + payments.deferred - payment.capturable >= order.due


def void_key(payment: Payment) -> str:
    voided = sum(event.kind == "voided" for event in payment.events)
    return idempotency_key(payment.id, "void", voided + 1)


def void_rest(order: Order, payment_id: str, at: datetime | None = None) -> Events:
    """All that a payment holds has been let go of."""
    payment = order.payments.find(payment_id)
    if not has_hold(payment):
        return NOTHING
    key = void_key(payment)
    return (happened.PaymentVoided(payment.id, payment.capturable.minor, key, key, at),)


def unknown_authorizations(order: Order) -> tuple[Payment, ...]:
    """Those the provider may have been asked to hold money for, and its answer is not known: of an
    order that is being authorised all, else those that were added."""
    asks_all = order.state is State.SOURCED or order.progress.taken_back
    collected = {
        payment.id
        for asked, payment in zip(order.content.payments, order.payments.each, strict=False)
        if asked.collected
    }
    return tuple(
        payment
        for payment in order.payments.each
        if payment.status in ("new", "unknown")
        and (asks_all or payment.added_as)
        and not payment.is_deferred
        and payment.id not in collected
    )


def close_cancelled(
    order: Order, reason: str, voided: Sequence[str] | None = None, at: datetime | None = None
) -> Events:
    """The last step down: what the payments ``voided`` held (all, unless they are named) has been
    let go of, what was taken is to be refunded."""
    if order.state is State.CANCELLED:
        return NOTHING
    events: list[Event] = []
    for payment_id in [one.id for one in held(order)] if voided is None else voided:
        events += void_rest(order, payment_id, at)
    events += _let_go_of_what_is_held(evolve_all(order, events), "authorized_after_cancel")
    for payment in unknown_authorizations(order):
        amount = payment.amount.minor
        events.append(happened.VoidRequested(payment.id, amount, "authorization_unknown"))
    kept = max(0, -order.progress.granted)
    if (owed := left_to_repay(order) - kept) > 0:
        events.append(refund_of(order, owed, reason))
    why = order.progress.cancel_reason or reason
    events.append(happened.OrderCancelled(why, is_promised(order)))
    return tuple(events)


def requested(parts: Parts, order: Order, reason: str) -> Events:
    """What of each payment is to be taken, to be carried out by whoever asks providers."""
    return tuple(
        happened.CaptureRequested(
            payment_id, amount, capture_key(order.payments.find(payment_id)), reason
        )
        for payment_id, amount in parts
    )


def fail_capture(order: Order, taken: Taken, code: str, at: datetime | None = None) -> Events:
    payment = order.payments.find(taken.payment_id)
    if is_known(payment, "capture_failed", taken.key, f"{taken.key}:failed"):
        return NOTHING
    key = f"{taken.key}:failed"
    named = taken.provider_reference
    return (happened.CaptureFailed(payment.id, code, taken.key, key, at, named),)
