"""Taking the money, and giving it back, by the steps of an order's lifecycle.

The provider is asked first and what it answered is recorded after, so every request carries an
idempotency key made of what it is for: when the record is lost, the same question gets the same
answer, and nobody is charged twice.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial

from oms.kernel.errors import Conflict, PaymentDeclined, ProviderUnavailable, Refused
from oms.kernel.events import Cause
from oms.kernel.money import Money
from oms.orders import decisions, paying, repaying
from oms.orders.command import execute, execute_on
from oms.orders.evolve import evolve_all
from oms.orders.evolve_money import is_covered
from oms.orders.model import Order, PaymentRequest, Refund, RefundPart, State
from oms.orders.paying import Taken
from oms.orders.store import Orders
from oms.payments.model import Payment
from oms.payments.providers import (
    Approved,
    AuthorizationRequest,
    CaptureRequest,
    Declined,
    PaymentProvider,
    Pending,
    ProviderOutcome,
    RefundRequest,
    VoidRequest,
    definite,
    idempotency_key,
)
from oms.payments.registry import captures_once

Providers = Callable[[str], PaymentProvider]

# How long a payment may stay undecided when its provider names no limit of its own.
UNDECIDED_SECONDS = 24 * 3600


@dataclass(frozen=True, slots=True)
class Authorization:
    """``pending`` when the customer or the provider has yet to act."""

    pending: bool
    expires_in_seconds: int = UNDECIDED_SECONDS


# --- holding --------------------------------------------------------------------------------


def authorize(order_id: str, orders: Orders, providers: Providers, cause: Cause) -> Authorization:
    """Hold the order's total, on each of its payments what that is to bear. Raises
    ``PaymentDeclined``, ``OrderCancelRequested``, and ``ProviderUnavailable`` when nobody knows
    yet."""
    order = orders.load(order_id)
    if decisions.has_reached(order, State.AUTHORIZED):
        return Authorization(pending=False)
    decisions.turn_round_if_cancelling(order)
    if paying.is_declined(order):
        raise PaymentDeclined("the payment was declined")
    for payment in order.payments.each:
        order = _hold(order, payment.id, orders, providers, cause)
    if waits := order.payments.pending:
        return Authorization(pending=True, expires_in_seconds=_left(waits, cause))
    if order.payments.is_deferred and is_covered(order):
        order = execute_on(orders, order, paying.defer_payment, cause)
    return Authorization(pending=order.state is not State.AUTHORIZED)


def _left(waits: Iterable[Payment], cause: Cause) -> int:
    """Until the first of them lapses."""
    ends = [payment.expires_at for payment in waits if payment.expires_at]
    if not ends:
        return UNDECIDED_SECONDS
    return max(1, round((min(ends) - cause.at).total_seconds()))


def _hold(
    order: Order, payment_id: str, orders: Orders, providers: Providers, cause: Cause
) -> Order:
    payment = order.payments.find(payment_id)
    if payment.status not in ("new", "unknown"):
        return order
    if (asked := _asked(order, payment)) and asked.collected:
        return _record_collected(order, payment, asked, orders, cause)
    if payment.is_deferred:
        return order
    return ask_to_hold(order, payment, orders, providers, cause)


def _asked(order: Order, payment: Payment) -> PaymentRequest | None:
    pairs = zip(order.content.payments, order.payments.each, strict=False)
    return next((asked for asked, each in pairs if each.id == payment.id), None)


def _record_collected(
    order: Order, payment: Payment, asked: PaymentRequest, orders: Orders, cause: Cause
) -> Order:
    """What the marketplace took is recorded, not taken again."""
    key = f"{order.content.channel}:{payment.id}:collected"
    return execute_on(
        orders,
        order,
        lambda found: paying.collect_payment(
            found, asked.collected.minor, asked.reference or key, key, payment.id, cause.at
        ),
        cause,
    )


def ask_to_hold(
    order: Order, payment: Payment, orders: Orders, providers: Providers, cause: Cause
) -> Order:
    """Raises ``PaymentDeclined`` and ``ProviderUnavailable``; both are recorded."""
    key = idempotency_key(payment.id, "authorize")
    request = AuthorizationRequest(
        order_id=order.order_id,
        payment_id=payment.id,
        amount=payment.amount,
        method=payment.method,
        token=order.token_of(payment),
        idempotency_key=key,
        renews=payment.renews,
    )

    def ask() -> ProviderOutcome:
        return providers(payment.provider).authorize(request)

    match _answer(order, payment, "authorize", key, ask, orders, cause):
        case Approved(reference, seconds):
            expires = cause.at + timedelta(seconds=seconds) if seconds else None
            return execute_on(
                orders,
                order,
                lambda found: paying.authorize_payment(
                    found, payment.amount.minor, reference, key, payment.id, cause.at, expires
                ),
                cause,
            )
        case Declined(code, reference):
            execute_on(
                orders,
                order,
                lambda found: paying.decline_payment(
                    found, code, key, payment.id, reference, cause.at
                ),
                cause,
            )
            raise PaymentDeclined(f"the provider declined: {code}")
        case Pending(reference, seconds, instructions):
            expires_at = cause.at + timedelta(seconds=seconds)
            return execute_on(
                orders,
                order,
                lambda found: paying.await_payment(
                    found,
                    payment.amount.minor,
                    reference,
                    key,
                    expires_at,
                    instructions,
                    payment.id,
                    cause.at,
                ),
                cause,
            )


def _answer(
    order: Order,
    payment: Payment,
    operation: str,
    key: str,
    ask: Callable[[], ProviderOutcome],
    orders: Orders,
    cause: Cause,
) -> ProviderOutcome:
    """The provider's answer; where there is none, that nobody knows is recorded before the caller
    is told to ask again."""
    try:
        return definite(ask())
    except ProviderUnavailable:
        execute_on(
            orders,
            order,
            lambda found: paying.miss_answer(found, payment.id, operation, key),
            cause,
        )
        raise


# --- taking ---------------------------------------------------------------------------------


def settle(order_id: str, orders: Orders, providers: Providers, cause: Cause) -> Order:
    """Take what is still owed for the delivered order, let go of the rest, and complete it."""
    order = orders.load(order_id)
    if order.state not in (State.DELIVERED, State.COMPLETED):
        raise Conflict(f"the order is {order.state}, not delivered", code="not_delivered")
    if order.state is State.COMPLETED:
        return order
    for asked in paying.open_captures(order):
        order = capture(order, asked, orders, providers, cause)
    parts = paying.captures(order, paying.amount_to_capture(order))
    for part in parts[:-1]:
        order = capture(order, _next(order, *part), orders, providers, cause)
    taken = [_take(order, _next(order, *part), providers) for part in parts[-1:]]
    after = _with_captures(order, taken)
    voided = [_let_go(after, payment, providers) for payment in paying.held(after)]
    return execute_on(
        orders, order, lambda found: paying.settle(found, taken, voided, cause.at), cause
    )


def _next(order: Order, payment_id: str, amount: int) -> Taken:
    return Taken(payment_id, amount, paying.capture_key(order.payments.find(payment_id)))


def _with_captures(order: Order, taken: Iterable[Taken]) -> Order:
    events = [event for one in taken for event in paying.capture_made(order, one)]
    return evolve_all(order, events)


def capture(
    order: Order, asked: Taken, orders: Orders, providers: Providers, cause: Cause
) -> Order:
    """Carry out a capture that was asked for. Raises ``Refused`` (``capture_refused``) when the
    provider does not make it, which is recorded."""
    payment = order.payments.find(asked.payment_id)
    outcome = _answer(
        order,
        payment,
        "capture",
        asked.key,
        lambda: _capture(order, asked, providers),
        orders,
        cause,
    )
    match outcome:
        case Approved(reference):
            made = replace(asked, provider_reference=reference)
            return execute_on(
                orders, order, lambda found: paying.capture_made(found, made, cause.at), cause
            )
        case Declined(code):
            execute_on(
                orders,
                order,
                lambda found: paying.fail_capture(found, asked, code, cause.at),
                cause,
            )
            raise Refused(f"the capture was not made: {code}", code="capture_refused")
        case Pending():
            return order


def _take(order: Order, asked: Taken, providers: Providers) -> Taken:
    outcome = _capture(order, asked, providers)
    if isinstance(outcome, Approved):
        return replace(asked, provider_reference=outcome.reference)
    raise Refused(f"the capture was not made: {outcome}", code="capture_refused")


def _capture(order: Order, asked: Taken, providers: Providers) -> ProviderOutcome:
    payment = order.payments.find(asked.payment_id)
    return providers(payment.provider).capture(
        CaptureRequest(
            order_id=order.order_id,
            payment_id=payment.id,
            authorization=payment.authorization,
            amount=Money(asked.amount, order.content.currency),
            idempotency_key=asked.key,
        )
    )


# --- letting go -----------------------------------------------------------------------------


def close_cancelled(
    order_id: str, orders: Orders, providers: Providers, reason: str, cause: Cause
) -> Order:
    """Let go of what is held or still expected, ask for what was taken to be refunded, and close
    the order."""
    order = orders.load(order_id)
    voided = [_let_go(order, payment, providers) for payment in paying.held(order)]
    return execute_on(
        orders,
        order,
        lambda found: paying.close_cancelled(found, reason, voided, cause.at),
        cause,
    )


def void_late_authorization(
    order_id: str, orders: Orders, providers: Providers, cause: Cause
) -> Order:
    """Let go of what the provider holds for a cancelled order. Where its answer got lost it is
    asked again: the same question gets the same answer."""
    order = orders.load(order_id)
    for payment in order.payments.each:
        if payment.status in ("new", "unknown") and not payment.is_deferred:
            order = _ask_again(order, payment, orders, providers, cause)
    for payment in paying.held(order):
        voided = _let_go(order, payment, providers)
        order = execute_on(orders, order, partial(_void_rest, voided, cause), cause)
    return order


def _void_rest(payment_id: str, cause: Cause, order: Order) -> decisions.Events:
    return paying.void_rest(order, payment_id, cause.at)


def _ask_again(
    order: Order, payment: Payment, orders: Orders, providers: Providers, cause: Cause
) -> Order:
    try:
        return ask_to_hold(order, payment, orders, providers, cause)
    except PaymentDeclined:
        return orders.load(order.order_id)


def _let_go(order: Order, payment: Payment, providers: Providers) -> str:
    """The id of a payment whose rest is let go of: by its first capture, or because we ask."""
    if payment.captured and captures_once(payment.provider):
        return payment.id
    outcome = providers(payment.provider).void(
        VoidRequest(
            order_id=order.order_id,
            payment_id=payment.id,
            authorization=payment.authorization,
            idempotency_key=paying.void_key(payment),
        )
    )
    if isinstance(outcome, Approved):
        return payment.id
    raise Refused(f"the authorisation was not voided: {outcome}", code="void_refused")


# --- giving back ----------------------------------------------------------------------------


def refund(
    order_id: str, refund_id: str, orders: Orders, providers: Providers, cause: Cause
) -> Order:
    """Carry out a refund that was asked for, part by part. One that the provider calls back about
    stays open."""
    order = orders.load(order_id)
    wanted = order.refund(refund_id)
    if wanted is None:
        return order
    for part in wanted.parts:
        if part.state == "requested":
            order = _give_back(order, wanted, part, orders, providers, cause)
    return order


def _give_back(
    order: Order,
    wanted: Refund,
    part: RefundPart,
    orders: Orders,
    providers: Providers,
    cause: Cause,
) -> Order:
    payment = order.payments.find(part.payment_id)
    key = refund_key(wanted, part)
    request = RefundRequest(
        order_id=order.order_id,
        payment_id=payment.id,
        refund_id=wanted.id,
        authorization=payment.authorization,
        amount=Money(part.amount, order.content.currency),
        idempotency_key=key,
    )
    outcome = providers(payment.provider).refund(request)
    match definite(outcome):
        case Approved(reference):
            return execute_on(
                orders,
                order,
                lambda found: repaying.refund_paid(
                    found, wanted.id, part.amount, reference, key, payment.id, cause.at
                ),
                cause,
            )
        case Declined(code):
            return execute_on(
                orders,
                order,
                lambda found: repaying.refund_refused(
                    found, wanted.id, part.amount, code, key, payment.id, cause.at
                ),
                cause,
            )
        case Pending():
            return order


def refund_key(refund: Refund, part: RefundPart) -> str:
    """Of one attempt at one part: each payment of a refund is asked with a key of its own."""
    first = refund.parts[0].payment_id
    subject = refund.id if part.payment_id == first else f"{refund.id}:{part.payment_id}"
    return idempotency_key(subject, "refund", part.attempt)


def record_refund(
    order_id: str,
    refund_id: str,
    amount: int,
    reference: str,
    key: str,
    orders: Orders,
    cause: Cause,
    payment_id: str = "",
) -> Order:
    """``refund_id`` may be empty in a callback that does not know it: the oldest open refund of
    that amount is meant."""
    return execute(
        orders,
        order_id,
        lambda found: repaying.refund_paid(
            found,
            refund_id or _open_refund(found, amount),
            amount,
            reference,
            key,
            payment_id,
            cause.at,
        ),
        cause,
    )


def _open_refund(order: Order, amount: int) -> str:
    same = [refund for refund in order.progress.refunds if refund.amount == amount]
    by_need = sorted(same, key=lambda refund: refund.state != "requested")
    if not by_need:
        raise Conflict("no refund of this amount was asked for", code="unknown_refund")
    return by_need[0].id
