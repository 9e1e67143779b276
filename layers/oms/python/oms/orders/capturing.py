"""Taking, at the providers, what is held: what shipments asked for, and the rest on delivery.

A capture is asked for with a key that is recorded or follows from what is recorded, so that it is
made once however often it is asked. What its hold does not bear any more is held anew first.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial

from oms.kernel.errors import (
    CapturePending,
    Conflict,
    Invalid,
    PaymentDeclined,
    PaymentRefused,
)
from oms.kernel.events import Cause
from oms.kernel.money import Money
from oms.orders import events as happened
from oms.orders import paying, taking
from oms.orders.command import execute, execute_on
from oms.orders.decisions import Events
from oms.orders.evolve import evolve_all
from oms.orders.model import Order, State
from oms.orders.paying import Taken
from oms.orders.payment import Providers, answered, ask_to_hold, let_go, never_held
from oms.orders.store import Orders
from oms.payments.allocation import Parts
from oms.payments.model import Payment
from oms.payments.providers import Approved, CaptureRequest, Declined, ProviderOutcome

# A hold that was made just now and has expired already is renewed once more, and then left to a
# person.
_ROUNDS = 3

# What providers call the refusal of a capture that came too late.
EXPIRED = "authorization_expired"


def settle(order_id: str, orders: Orders, providers: Providers, cause: Cause) -> Order:
    """Take what is still owed for the delivered order, let go of the rest, and complete it.

    Raises ``CapturePending`` while a capture is not decided, ``PaymentRefused``
    (``capture_refused``, ``capture_above_authorized``) when what is owed is not to be had, and
    ``ProviderUnavailable``."""
    order = orders.load(order_id)
    if order.state not in (State.DELIVERED, State.COMPLETED):
        raise Conflict(f"the order is {order.state}, not delivered", code="not_delivered")
    if order.state is State.COMPLETED:
        return order
    if order.progress.unpaid:
        order = execute_on(orders, order, taking.try_again, cause)
    order = _decided(order, orders, providers, cause)
    if paying.amount_to_capture(order) > order.payments.capturable.minor:
        order = execute_on(orders, order, _ask_for_what_is_owed, cause)
        order = _decided(order, orders, providers, cause)
    while len(owed := _owed(order)) > 1:
        order = execute_on(orders, order, _ask_for_all_but_the_last, cause)
        order = _decided(order, orders, providers, cause)
    return _complete(order, owed[0] if owed else None, orders, providers, cause)


def _complete(
    order: Order, last: Taken | None, orders: Orders, providers: Providers, cause: Cause
) -> Order:
    """The last capture is recorded with the end of the order, unless it is not made at once."""
    made: list[Taken] = []
    if last is not None:
        outcome: ProviderOutcome | None = None
        if not taking.is_used_up(order.payments.find(last.payment_id)):
            outcome = _ask(order, last, orders, providers, cause)
        if not isinstance(outcome, Approved):
            order = execute_on(orders, order, partial(_ask_for_one, last), cause)
            order = _decided(order, orders, providers, cause)
            return settle(order.order_id, orders, providers, cause)
        made = [replace(last, provider_reference=outcome.reference)]
    after = _with_captures(order, made)
    voided = [let_go(after, one, orders, providers, cause) for one in paying.held(after)]
    order = execute_on(
        orders, order, lambda found: paying.settle(found, made, voided, cause.at), cause
    )
    if order.state is State.COMPLETED:
        return order
    return settle(order.order_id, orders, providers, cause)


def _owed(order: Order) -> list[Taken]:
    return [
        Taken(payment_id, amount, paying.capture_key(order.payments.find(payment_id)))
        for payment_id, amount in _parts_owed(order)
    ]


def _parts_owed(order: Order) -> Parts:
    try:
        return paying.captures(order, paying.amount_to_capture(order))
    except Conflict as fault:
        raise PaymentRefused(fault.detail, code=fault.problem_code, context=fault.context) from None


def _ask_for_all_but_the_last(order: Order) -> Events:
    return paying.requested(_parts_owed(order)[:-1], order, "delivered")


def _ask_for_what_is_owed(order: Order) -> Events:
    return taking.ask_for(order, paying.amount_to_capture(order), "delivered")


def _ask_for_one(asked: Taken, order: Order) -> Events:
    if order.payments.find(asked.payment_id).event("capture_requested", asked.key):
        return ()
    return (happened.CaptureRequested(asked.payment_id, asked.amount, asked.key, "delivered"),)


def _with_captures(order: Order, made: Sequence[Taken]) -> Order:
    return evolve_all(order, [event for one in made for event in paying.capture_made(order, one)])


def _decided(order: Order, orders: Orders, providers: Providers, cause: Cause) -> Order:
    """All that was asked for is made. Raises ``CapturePending`` and ``PaymentRefused``."""
    for asked in paying.open_captures(order):
        order = carry_out(order, asked.key, orders, providers, cause)
    if order.progress.unpaid:
        raise PaymentRefused(
            f"the capture was not made: {order.progress.unpaid}", code="capture_refused"
        )
    if paying.open_captures(order):
        raise CapturePending("the provider has not decided yet")
    return order


def capture(order_id: str, key: str, orders: Orders, providers: Providers, cause: Cause) -> Order:
    """Carry out a capture that was asked for under ``key``. Raises ``ProviderUnavailable``, after
    which it is asked for again; what the provider will not do is left to a person."""
    return carry_out(orders.load(order_id), key, orders, providers, cause)


def carry_out(order: Order, key: str, orders: Orders, providers: Providers, cause: Cause) -> Order:
    """As ``capture``; what was asked for of the same payment before comes first."""
    rounds = 0
    while asked := _next_of(order, key):
        before = order
        order = _carry_out_once(order, asked, orders, providers, cause)
        if asked.key != key and asked.key in _open_keys(order):
            return order
        if asked.key == key:
            rounds, key = rounds + 1, _renewed(before, order)
        if key and rounds == _ROUNDS:
            return _leave(order, key, orders, cause)
    return order


def _leave(order: Order, key: str, orders: Orders, cause: Cause) -> Order:
    """Whatever was held had expired at once."""
    asked = next(one for one in paying.open_captures(order) if one.key == key)
    return execute_on(orders, order, partial(_give_up, asked, EXPIRED, cause), cause)


def _open_keys(order: Order) -> set[str]:
    return {one.key for one in paying.open_captures(order)}


def _next_of(order: Order, key: str) -> Taken | None:
    """The oldest open one of its payment: a provider that captures once must not be asked for a
    second while the answer to the first is not known."""
    open_ones = paying.open_captures(order)
    wanted = next((one for one in open_ones if one.key == key), None)
    if wanted is None:
        return None
    return next(one for one in open_ones if one.payment_id == wanted.payment_id)


def _renewed(before: Order, after: Order) -> str:
    """The key of the capture that came with a new payment; empty when none did."""
    known = _open_keys(before)
    return next((one.key for one in paying.open_captures(after) if one.key not in known), "")


def _carry_out_once(
    order: Order, asked: Taken, orders: Orders, providers: Providers, cause: Cause
) -> Order:
    if _is_unwanted(order) and not paying.was_not_answered(order, asked.key):
        return execute_on(orders, order, partial(_call_off, asked, cause), cause)
    payment = order.payments.find(asked.payment_id)
    if not payment.authorized:
        order, why_not = _hold(order, payment, orders, providers, cause)
        if why_not:
            return execute_on(orders, order, partial(_give_up, asked, why_not, cause), cause)
        payment = order.payments.find(asked.payment_id)
    if taking.is_used_up(payment):
        return execute_on(orders, order, partial(_renew, asked, cause), cause)
    try:
        outcome = _ask(order, asked, orders, providers, cause)
    except (PaymentRefused, Invalid) as refused:
        # It may have been made before without our knowing: then it stays to be asked again.
        step = _leave_open if paying.was_not_answered(order, asked.key) else _give_up
        return execute_on(orders, order, partial(step, asked, refused.problem_code, cause), cause)
    if isinstance(outcome, Approved):
        made = replace(asked, provider_reference=outcome.reference)
        return execute_on(orders, order, partial(_made, made, cause), cause)
    if isinstance(outcome, Declined):
        asked = replace(asked, provider_reference=outcome.reference)
    if isinstance(outcome, Declined) and outcome.code == EXPIRED:
        with suppress(PaymentRefused):
            let_go(order, payment, orders, providers, cause)
        return execute_on(orders, order, partial(_renew, asked, cause), cause)
    if isinstance(outcome, Declined):
        return execute_on(orders, order, partial(_give_up, asked, outcome.code, cause), cause)
    return order


def _hold(
    order: Order, payment: Payment, orders: Orders, providers: Providers, cause: Cause
) -> tuple[Order, str]:
    """A payment that renews another is held first; else why it is not."""
    try:
        order = ask_to_hold(order, payment, orders, providers, cause)
    except PaymentDeclined:
        order = orders.load(order.order_id)
        return order, "authorization_declined"
    except (PaymentRefused, Invalid) as refused:
        return never_held(order, payment, refused, orders, cause), refused.problem_code
    held = order.payments.find(payment.id)
    return order, "" if held.authorized else "authorization_pending"


def _renew(asked: Taken, cause: Cause, order: Order) -> Events:
    return taking.renew(order, asked, cause.at)


def _made(made: Taken, cause: Cause, order: Order) -> Events:
    captured = paying.capture_made(order, made, cause.at)
    if not captured:
        return ()
    released = taking.released_with(evolve_all(order, captured), made, cause.at)
    return (*captured, *released)


def _is_unwanted(order: Order) -> bool:
    return order.cancel_requested or order.state is State.CANCELLED


def _call_off(asked: Taken, cause: Cause, order: Order) -> Events:
    return taking.call_off(order, asked, cause.at)


def _leave_open(asked: Taken, code: str, cause: Cause, order: Order) -> Events:
    return taking.leave_to_a_person(order, asked.payment_id, "capture", code)


def _give_up(asked: Taken, code: str, cause: Cause, order: Order) -> Events:
    return taking.give_up(order, asked, code, cause.at)


def _ask(
    order: Order, asked: Taken, orders: Orders, providers: Providers, cause: Cause
) -> ProviderOutcome:
    payment = order.payments.find(asked.payment_id)
    request = CaptureRequest(
        order_id=order.order_id,
        payment_id=payment.id,
        authorization=payment.authorization,
        amount=Money(asked.amount, order.content.currency),
        idempotency_key=asked.key,
    )

    def ask() -> ProviderOutcome:
        return providers(payment.provider).capture(request)

    return answered(order, payment, "capture", asked.key, ask, orders, cause)


def leave_to_a_person(
    order_id: str, payment_id: str, operation: str, orders: Orders, cause: Cause
) -> Order:
    """Nobody knows what became of what was asked of a provider, however often it was asked."""
    return execute(
        orders,
        order_id,
        lambda found: taking.leave_to_a_person(found, payment_id, operation, "unknown"),
        cause,
    )
