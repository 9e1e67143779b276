"""Taking what is held: with each shipment, when a hold has expired, and once more after a failure.

Decisions, as in ``decisions``. What is due for the units that have left is asked for in the commit
in which they leave, over the payments in the order of ``oms.payments.allocation``; shipping and
fees are asked for with the first. What a hold no longer bears, because it has expired or because
its provider let go of the rest with a first capture, is held anew on the same means of payment,
as a further payment of the order.
"""

from collections.abc import Sequence
from datetime import datetime

from oms.kernel.ids import payment_id
from oms.kernel.money import Money
from oms.orders import events as happened
from oms.orders.decisions import NOTHING, Events
from oms.orders.evolve import evolve_all
from oms.orders.model import CaptureOn, Order, State
from oms.orders.parts import amount_of
from oms.orders.paying import (
    Taken,
    amount_to_capture,
    captures,
    fail_capture,
    open_captures,
    requested,
    resolved,
    void_rest,
)
from oms.payments.model import Payment
from oms.payments.provider_traits import captures_once
from oms.payments.providers import idempotency_key


def with_captures(order: Order, events: Sequence[happened.Event]) -> Events:
    """What happened when units left, with what is to be taken for them."""
    if not events or order.content.capture_on is not CaptureOn.SHIPMENT:
        return tuple(events)
    after = evolve_all(order, events)
    return (*events, *ask_for(after, due_for_what_left(after), "shipped"))


def due_for_what_left(order: Order) -> int:
    """Minor units that are due for all that has left, and are neither taken nor asked for."""
    if order.cancel_requested or order.state is State.CANCELLED:
        return 0
    rest = {
        line.line_id: line.quantity
        - counts.shipped
        - counts.delivered
        - counts.cancelled
        - counts.returned
        for line, counts in zip(order.content.lines, order.progress.counts, strict=True)
    }
    return max(0, amount_to_capture(order) - amount_of(order, rest))


def ask_for(order: Order, amount: int, reason: str) -> Events:
    """Have ``amount`` minor units taken, of what is held and of what can be held anew. What cannot
    be had that way (it is paid at the door, say) is not asked for."""
    if amount <= 0:
        return NOTHING
    held = min(amount, order.payments.capturable.minor)
    asked = requested(captures(order, held), order, reason) if held else NOTHING
    after = evolve_all(order, asked)
    for payment in order.payments.each:
        missing = amount - held
        part = min(missing, _renewable(after, payment))
        if part > 0:
            held += part
            anew = _held_anew(after, payment, part, reason)
            asked, after = (*asked, *anew), evolve_all(after, anew)
    return asked


def _renewable(order: Order, payment: Payment) -> int:
    """What of a payment was let go of and can be held once more; the last of a chain of renewals
    stands for it."""
    chain = [one for one in order.payments.each if one.renews == payment.id]
    released = payment.status == "captured" and captures_once(payment.provider)
    # The provider has told that the hold is over; we let go of none that is needed.
    lapsed = payment.voided and not payment.capturable
    declined = payment.status == "declined" and payment.renews
    if chain or payment.is_deferred or not (released or lapsed or declined):
        return 0
    first = _first_of(order, payment)
    own = [one for one in order.payments.each if _first_of(order, one).id == first.id]
    taken = sum((one.captured + one.capture_pending).minor for one in own)
    return max(0, first.amount.minor - taken)


def _first_of(order: Order, payment: Payment) -> Payment:
    while payment.renews:
        payment = order.payments.find(payment.renews)
    return payment


def _held_anew(order: Order, payment: Payment, amount: int, reason: str) -> Events:
    """A further payment on the same means, and its capture."""
    number = len(order.payments.each) + 1
    renewed = Payment(
        payment_id(order.order_id, number),
        payment.method,
        payment.provider,
        Money(amount, order.content.currency),
        token=order.token_of(payment),
        renews=payment.id,
    )
    key = idempotency_key(renewed.id, "capture")
    return (
        happened.PaymentAdded(renewed, reason),
        happened.CaptureRequested(renewed.id, amount, key, reason),
    )


def is_used_up(payment: Payment) -> bool:
    """Whether the hold is one no more, because its provider let go of the rest with a capture. That
    its time is over is for the provider to say: it may have made a capture whose answer got
    lost."""
    return bool(payment.captured) and captures_once(payment.provider)


def renew(order: Order, asked: Taken, at: datetime) -> Events:
    """A capture that was asked for of a hold that has expired, or is used up, is made of a new one.
    That holds what the old one still had, unless its provider would let go of the rest again."""
    payment = order.payments.find(asked.payment_id)
    failed = fail_capture(order, asked, "authorization_expired", at)
    if not failed:
        return NOTHING
    after = evolve_all(order, failed)
    left = after.payments.find(payment.id).capturable.minor
    let_go = void_rest(after, payment.id, at)
    after = evolve_all(after, let_go)
    whole = asked.amount if captures_once(payment.provider) else max(asked.amount, left)
    added, capture = _held_anew(after, payment, whole, "authorization_expired")
    assert isinstance(capture, happened.CaptureRequested)
    wanted = happened.CaptureRequested(
        capture.payment_id, asked.amount, capture.reference, capture.reason
    )
    return (*failed, *let_go, added, wanted)


def released_with(order: Order, taken: Taken, at: datetime) -> Events:
    """What a provider that captures once let go of with the capture."""
    payment = order.payments.find(taken.payment_id)
    if not captures_once(payment.provider):
        return NOTHING
    return void_rest(order, payment.id, at) if payment.capturable else NOTHING


def give_up(order: Order, asked: Taken, code: str, at: datetime) -> Events:
    """The provider will not make the capture: a person must look, unless nothing is owed."""
    failed = fail_capture(order, asked, code, at)
    if not failed or not amount_to_capture(evolve_all(order, failed)):
        return failed
    return (*failed, happened.PaymentFailed(asked.payment_id, "capture", code))


def call_off(order: Order, asked: Taken, at: datetime) -> Events:
    """An order that is not wanted any more takes no money: what it held is let go of."""
    failed = fail_capture(order, asked, "cancelled", at)
    left = evolve_all(order, failed).payments.find(asked.payment_id).capturable.minor
    if not failed or not left or order.state is not State.CANCELLED:
        return failed
    return (*failed, happened.VoidRequested(asked.payment_id, left, "cancelled"))


def leave_to_a_person(order: Order, payment: str, operation: str, reason: str) -> Events:
    """Nobody knows what became of it, however often it was asked."""
    if order.progress.unpaid:
        return NOTHING
    return (happened.PaymentFailed(payment, operation, reason),)


def try_again(order: Order) -> Events:
    """What a person asks for after a failure: all that is due for what has left, and under its own
    key once more what nobody knows the end of."""
    again = resolved(order)
    after = evolve_all(order, again)
    undecided = tuple(
        happened.CaptureRequested(one.payment_id, one.amount, one.key, "tried_again")
        for one in open_captures(order)
    )
    return (*again, *undecided, *ask_for(after, due_for_what_left(after), "tried_again"))
