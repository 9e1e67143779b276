"""What a payment provider reports of its own accord: decisions, as in ``decisions``.

A report is a fact and is recorded, once, whatever order reports come in and whether our own answer
to the same came before or comes after (``oms.payments.matching``). What we did not expect (money
for a cancelled order, paid twice, refunded at the provider) is recorded too, and follows the rules
that hold for all money: what is paid beyond what is due goes back.

Every decision takes the order, its payment, what was told, and the key of the fact. ``Conflict`` is
raised for what cannot be so yet, and may be later: a refund of money that was not taken, so far.
"""

from collections.abc import Callable, Mapping

from oms.kernel.errors import Conflict, NotFound
from oms.kernel.ids import refund_id
from oms.orders import events as happened
from oms.orders import paying, repaying
from oms.orders.decisions import NOTHING, Events
from oms.orders.evolve import evolve_all
from oms.orders.evolve_money import refund_reference
from oms.orders.model import Order, Refund, RefundPart, State
from oms.payments.balances import EventKind, PaymentEvent
from oms.payments.callbacks import CallbackType, PaymentCallback
from oms.payments.matching import failure_key, is_lost, known_as, told_of
from oms.payments.model import Payment, may_refund
from oms.payments.provider_traits import captures_once

_MOVES_MONEY: frozenset[str] = frozenset(
    {"captured", "refunded", "refund_reversed", "charged_back", "charge_back_reversed"}
)
Decision = Callable[[Order, Payment, PaymentCallback, str], Events]


def decide(order: Order, told: PaymentCallback, key: str) -> Events:
    """``told.payment_id`` is one of the order's. ``key`` names the fact: provider and event id.

    Raises ``Conflict`` (``payment_entry_mismatch``) for another movement of money under its key."""
    if known := order.payments.fact(key):
        _refuse_another(known, told)
        return NOTHING
    payment = order.payments.find(told.payment_id)
    return _DECISIONS[told.type](order, payment, told, key)


def _refuse_another(known: PaymentEvent, told: PaymentCallback) -> None:
    kind = told.type.removeprefix("payment.")
    moves_money = kind in _MOVES_MONEY or known.kind in _MOVES_MONEY
    if moves_money and (known.kind, known.amount) != (kind, told.amount.minor):
        raise Conflict(
            f"{told.id!r} told of {known.kind} {known.amount}, not of {kind} {told.amount.minor}",
            code="payment_entry_mismatch",
        )


# --- holding --------------------------------------------------------------------------------


def _pending(order: Order, payment: Payment, told: PaymentCallback, key: str) -> Events:
    """Our own question brings the same answer, with what the customer pays with and until when;
    a report that overtakes it must not stand in its place."""
    return NOTHING


def _authorized(order: Order, payment: Payment, told: PaymentCallback, key: str) -> Events:
    """Raises ``Conflict`` (``already_authorized``): only an adjustment changes what is held."""
    granted = [event for event in payment.events if event.kind == "authorized"]
    if any(event.reference == told.reference for event in granted):
        return NOTHING
    if any(event.amount == told.amount.minor for event in granted):
        return NOTHING
    if granted:
        raise Conflict(f"{payment.authorized} is authorised already", code="already_authorized")
    authorized = happened.PaymentAuthorized(
        payment.id, told.amount.minor, told.reference, key, told.at
    )
    return _unless_unwanted(order, payment.id, (authorized,), told)


def _adjusted(order: Order, payment: Payment, told: PaymentCallback, key: str) -> Events:
    if _is_told(payment, "authorization_adjusted", told.reference, told):
        return NOTHING
    adjusted = happened.AuthorizationAdjusted(
        payment.id, told.amount.minor, told.reference, key, told.at
    )
    return _unless_unwanted(order, payment.id, (adjusted,), told)


def _unless_unwanted(
    order: Order, payment_id: str, events: Events, told: PaymentCallback
) -> Events:
    """What is held for a cancelled order is let go of, and what a provider that captures once held
    beside what it took is held no more."""
    after = evolve_all(order, events)
    payment = after.payments.find(payment_id)
    if not payment.capturable:
        return events
    if payment.captured and captures_once(payment.provider):
        return (*events, *paying.void_rest(after, payment_id, told.at))
    if after.state is State.CANCELLED:
        amount = payment.capturable.minor
        late = happened.VoidRequested(payment_id, amount, "authorized_after_cancel")
        return (*events, late)
    return events


def _declined(order: Order, payment: Payment, told: PaymentCallback, key: str) -> Events:
    """One attempt of the customer's: whatever money there is counts more."""
    code = told.code or "declined"
    return paying.decline_payment(order, code, key, payment.id, "", told.at)


# --- taking ---------------------------------------------------------------------------------


def _captured(order: Order, payment: Payment, told: PaymentCallback, key: str) -> Events:
    reference = told_of(payment, "capture", told.reference, told.amount.minor)
    if _is_told(payment, "captured", reference, told):
        return NOTHING
    captured = happened.PaymentCaptured(
        payment.id, told.amount.minor, reference, key, told.at, told.reference
    )
    events: Events = (*_held_with(payment, told, key), captured)
    after = evolve_all(order, events)
    now = after.payments.find(payment.id)
    if is_lost(now, "capture", reference):
        return (*events, *_not_taken(after, now.id, "capture_failed"))
    events = (*events, *_rest_released(after, now, told))
    after = evolve_all(order, events)
    events = (*events, *paying.resolved_by(after, now.id, reference))
    return (*events, *repaying.repay_overpaid(evolve_all(order, events), _why_repaid(order)))


def _held_with(payment: Payment, told: PaymentCallback, key: str) -> Events:
    """A Pix that was paid is held and taken at once. Of a part of what was asked for there is a
    report still to come of what was held, which is nothing more where the part is final."""
    if payment.authorized or (told.amount < payment.amount and not told.final):
        return NOTHING
    held = payment.authorization or told.authorization or told.reference
    return (
        happened.PaymentAuthorized(
            payment.id, told.amount.minor, held, f"{key}:authorized", told.at
        ),
    )


def _rest_released(order: Order, payment: Payment, told: PaymentCallback) -> Events:
    if payment.capturable and (told.final or captures_once(payment.provider)):
        return paying.void_rest(order, payment.id, told.at)
    return NOTHING


def _capture_failed(order: Order, payment: Payment, told: PaymentCallback, key: str) -> Events:
    """What was taken is not, or will not be: a person looks. Of a payment that was never held it
    is the answer to the customer."""
    reference = told_of(payment, "capture", told.reference, told.amount.minor)
    code = told.code or "capture_failed"
    if payment.event("capture_failed", reference):
        return NOTHING
    wanted = bool(
        payment.event("capture_requested", reference) or payment.event("captured", reference)
    )
    failed = happened.CaptureFailed(
        payment.id,
        code,
        reference,
        failure_key(payment, "capture", told.reference),
        told.at,
        told.reference,
    )
    after = evolve_all(order, (failed,))
    if wanted and is_lost(after.payments.find(payment.id), "capture", reference):
        return (failed, *_not_taken(after, payment.id, code))
    return (failed, *_declined(after, after.payments.find(payment.id), told, key))


def _not_taken(order: Order, payment_id: str, code: str) -> Events:
    if order.progress.unpaid or _is_cancelled(order) or not paying.amount_to_capture(order):
        return NOTHING
    return (happened.PaymentFailed(payment_id, "capture", code),)


def _is_told(payment: Payment, kind: EventKind, reference: str, told: PaymentCallback) -> bool:
    """Whether a fact is recorded. Raises ``Conflict`` (``payment_entry_mismatch``) when it was told
    with another amount: money that is not accounted for is never passed over."""
    known = payment.event(kind, reference) if reference else None
    if known and known.amount != told.amount.minor:
        raise Conflict(
            f"{reference!r} was {kind} of {known.amount}, not of {told.amount.minor}",
            code="payment_entry_mismatch",
        )
    return known is not None


# --- letting go -----------------------------------------------------------------------------


def _voided(order: Order, payment: Payment, told: PaymentCallback, key: str) -> Events:
    """Nothing was held: then the customer did not pay, and will not."""
    if _void_of(payment, told.reference):
        return NOTHING
    amount = told.amount.minor or payment.capturable.minor
    if not amount:
        unwanted = _is_cancelled(order) or payment.status == "voided"
        return NOTHING if unwanted else _declined(order, payment, told, key)
    return (happened.PaymentVoided(payment.id, amount, told.reference, key, told.at),)


def _void_of(payment: Payment, provider_reference: str) -> str:
    """The reference of the void that is told of: by its name, else the one that we asked for."""
    ours = (
        event.reference
        for event in payment.events
        if event.kind == "voided"
        and event.reference.startswith(payment.id)
        and not payment.event("void_failed", event.reference)
    )
    return known_as(payment, "void", provider_reference) or next(ours, "")


def _void_failed(order: Order, payment: Payment, told: PaymentCallback, key: str) -> Events:
    reference = _void_of(payment, told.reference) or told.reference
    if payment.event("void_failed", reference):
        return NOTHING
    failed = happened.VoidFailed(
        payment.id,
        told.code or "void_failed",
        reference,
        failure_key(payment, "void", told.reference),
        told.at,
    )
    return (failed,)


# --- giving back ----------------------------------------------------------------------------


def _refunded(order: Order, payment: Payment, told: PaymentCallback, key: str) -> Events:
    known = known_as(payment, "refund", told.reference)
    if known and _is_told(payment, "refunded", known, told):
        return NOTHING
    found = _refund_of(order, payment, told, known)
    if found is None:
        return _refunded_unasked(order, payment, told, key)
    return repaying.refund_paid(
        order, found.id, told.amount.minor, told.reference, key, payment.id, told.at
    )


def _refund_failed(order: Order, payment: Payment, told: PaymentCallback, key: str) -> Events:
    """Of a refund that nobody knows it may be the success that has not come yet."""
    known = known_as(payment, "refund", told.reference)
    if known and payment.event("refund_failed", known):
        return NOTHING
    found = _refund_of(order, payment, told, known)
    if found is None:
        if _failed_before(order, payment, told.amount.minor):
            return NOTHING
        raise Conflict("no refund of this amount was asked for", code="unknown_refund")
    return repaying.refund_refused(
        order,
        found.id,
        told.amount.minor,
        told.code or "refund_failed",
        failure_key(payment, "refund", told.reference),
        payment.id,
        told.at,
        told.reference,
    )


def _refund_of(order: Order, payment: Payment, told: PaymentCallback, known: str) -> Refund | None:
    """The refund of ours that is told of, while its latest part by this payment is meant. Raises
    ``NotFound`` for one that is named and is not the order's."""
    if told.refund_id and order.refund(told.refund_id) is None:
        raise NotFound(f"the order has no refund {told.refund_id}", code="unknown_refund")
    reference = known or told_of(payment, "refund", told.reference, told.amount.minor)
    for refund in order.progress.refunds:
        part = refund.part(payment.id)
        if part is None:
            continue
        if told.refund_id == refund.id and not known:
            return refund
        if refund_reference(refund.id, part.attempt) == reference:
            return refund
    return None


def _failed_before(order: Order, payment: Payment, amount: int) -> bool:
    """Whether the provider's own answer has told the same already."""
    return any(
        (part.payment_id, part.amount, part.state) == (payment.id, amount, "failed")
        for refund in order.progress.refunds
        for part in refund.parts
    )


def _refunded_unasked(order: Order, payment: Payment, told: PaymentCallback, key: str) -> Events:
    """Somebody refunded it at the provider. What was not paid beyond what is due is granted by it,
    so that nobody takes it again. Raises ``Conflict`` (``refund_above_captured``)."""
    may_refund(payment, told.amount)
    amount = told.amount.minor
    overpaid = max(0, repaying.left_to_repay(order) - max(0, order.due.minor))
    due = max(0, order.due.minor)
    granted = 0 if _is_cancelled(order) else min(due, max(0, amount - overpaid))
    asked = happened.RefundRequested(
        refund_id(order.order_id, len(order.progress.refunds) + 1),
        amount,
        "refunded_at_provider",
        (RefundPart(payment.id, amount),),
        granted=granted,
        goodwill=granted,
    )
    after = evolve_all(order, (asked,))
    paid = repaying.refund_paid(
        after, asked.refund_id, amount, told.reference, key, payment.id, told.at
    )
    return (asked, *paid)


def _refund_reversed(order: Order, payment: Payment, told: PaymentCallback, key: str) -> Events:
    if _is_told(payment, "refund_reversed", told.reference, told):
        return NOTHING
    known = known_as(payment, "refund", told.reference)
    found = _refund_of(order, payment, told, known)
    undone = found.id if found else ""
    return (
        happened.RefundReversed(
            payment.id, told.amount.minor, told.reference, key, told.at, undone
        ),
    )


def _charged_back(order: Order, payment: Payment, told: PaymentCallback, key: str) -> Events:
    if _is_told(payment, "charged_back", told.reference, told):
        return NOTHING
    return (happened.ChargedBack(payment.id, told.amount.minor, told.reference, key, told.at),)


def _charge_back_reversed(
    order: Order, payment: Payment, told: PaymentCallback, key: str
) -> Events:
    if _is_told(payment, "charge_back_reversed", told.reference, told):
        return NOTHING
    won = happened.ChargeBackReversed(payment.id, told.amount.minor, told.reference, key, told.at)
    return (won, *repaying.repay_overpaid(evolve_all(order, (won,)), _why_repaid(order)))


def _why_repaid(order: Order) -> str:
    return "paid_after_cancel" if _is_cancelled(order) else "paid_beyond_what_is_due"


def _is_cancelled(order: Order) -> bool:
    return order.state is State.CANCELLED


_DECISIONS: Mapping[CallbackType, Decision] = {
    "payment.pending": _pending,
    "payment.authorized": _authorized,
    "payment.declined": _declined,
    "payment.authorization_adjusted": _adjusted,
    "payment.authorization_expired": _voided,
    "payment.captured": _captured,
    "payment.capture_failed": _capture_failed,
    "payment.voided": _voided,
    "payment.void_failed": _void_failed,
    "payment.refunded": _refunded,
    "payment.refund_failed": _refund_failed,
    "payment.refund_reversed": _refund_reversed,
    "payment.charged_back": _charged_back,
    "payment.charge_back_reversed": _charge_back_reversed,
}
