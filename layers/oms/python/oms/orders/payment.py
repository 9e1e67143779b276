"""Taking the money, and giving it back, by the steps of an order's lifecycle.

The provider is asked first and what it answered is recorded after, so every request carries an
idempotency key made of what it is for: when the record is lost, the same question gets the same
answer, and nobody is charged twice.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from oms.kernel.errors import (
    Conflict,
    Invalid,
    PaymentDeclined,
    PaymentRefused,
    ProviderUnavailable,
    Refused,
)
from oms.kernel.events import Cause
from oms.orders import decisions, paying, repaying
from oms.orders.command import execute, execute_on
from oms.orders.evolve_money import is_covered
from oms.orders.model import Order, PaymentRequest, State
from oms.orders.store import Orders
from oms.payments.model import Payment
from oms.payments.provider_traits import captures_once
from oms.payments.providers import (
    Approved,
    AuthorizationRequest,
    Declined,
    FindsAuthorizations,
    PaymentProvider,
    Pending,
    ProviderOutcome,
    VoidRequest,
    definite,
    idempotency_key,
)

Providers = Callable[[str], PaymentProvider]

# How long a payment may stay undecided when its provider names no limit of its own.
UNDECIDED_SECONDS = 24 * 3600
# Providers keep idempotency keys for a day at the least; an hour is for clocks that differ.
KEYS_ARE_KEPT = timedelta(hours=23)


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
    if order.state is State.SOURCED and is_covered(order):
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
    if payment.is_deferred or not payment.amount:
        return order
    return ask_to_hold(order, payment, orders, providers, cause)


def hold_added(
    order_id: str, payment_id: str, orders: Orders, providers: Providers, cause: Cause
) -> Order:
    """Hold what a payment that was added later is to bear; what stands for a lapsed one is held
    when it is taken. Raises ``ProviderUnavailable``; that it is declined, or will never be
    accepted, is recorded, so that the order can be paid in another way."""
    order = orders.load(order_id)
    payment = order.payments.find(payment_id)
    if payment.renews or order.state is State.CANCELLED:
        return order
    try:
        return _hold(order, payment_id, orders, providers, cause)
    except PaymentDeclined:
        return orders.load(order_id)
    except (PaymentRefused, Invalid) as refused:
        return never_held(order, payment, refused, orders, cause)


def never_held(
    order: Order, payment: Payment, refused: Refused, orders: Orders, cause: Cause
) -> Order:
    """The provider will not accept the payment, which is declined with the code of ``refused``.
    Where an answer of its got lost before that is not known, and ``refused`` is raised."""
    key = idempotency_key(payment.id, "authorize")
    order = orders.load(order.order_id)
    if paying.was_not_answered(order, key):
        raise refused
    return execute_on(
        orders,
        order,
        lambda found: paying.decline_payment(
            found, refused.problem_code, key, payment.id, at=cause.at
        ),
        cause,
    )


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
        customer=order.content.customer.id,
    )

    def ask() -> ProviderOutcome:
        provider = providers(payment.provider)
        if isinstance(provider, FindsAuthorizations) and _key_has_lapsed(payment, cause):
            return provider.find(request) or provider.authorize(request)
        return provider.authorize(request)

    match answered(order, payment, "authorize", key, ask, orders, cause):
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


def _key_has_lapsed(payment: Payment, cause: Cause) -> bool:
    """Whether the provider may have forgotten the key that it gave no answer to."""
    asked = [event.at for event in payment.events if event.kind == "unknown"]
    return bool(asked) and cause.at - min(asked) > KEYS_ARE_KEPT


def answered(
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


# --- letting go -----------------------------------------------------------------------------


def close_cancelled(
    order_id: str, orders: Orders, providers: Providers, reason: str, cause: Cause
) -> Order:
    """Let go of what is held or still expected, ask for what was taken to be refunded, and close
    the order."""
    order = orders.load(order_id)
    voided = [let_go(order, payment, orders, providers, cause) for payment in paying.held(order)]
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
        voided = let_go(order, payment, orders, providers, cause)
        order = execute_on(orders, order, partial(_void_rest, voided, cause), cause)
    return order


def let_go_of(
    order_id: str, payment_id: str, orders: Orders, providers: Providers, cause: Cause
) -> Order:
    """Let go of what one payment of an open order holds, unless it is needed by now."""
    order = orders.load(order_id)
    payment = order.payments.find(payment_id)
    if not paying.has_hold(payment) or not paying.is_covered_without(order, payment):
        return order
    let_go(order, payment, orders, providers, cause)
    return execute_on(orders, order, partial(_void_rest, payment_id, cause), cause)


def _void_rest(payment_id: str, cause: Cause, order: Order) -> decisions.Events:
    return paying.void_rest(order, payment_id, cause.at)


def _ask_again(
    order: Order, payment: Payment, orders: Orders, providers: Providers, cause: Cause
) -> Order:
    try:
        return ask_to_hold(order, payment, orders, providers, cause)
    except PaymentDeclined:
        return orders.load(order.order_id)


def let_go(
    order: Order, payment: Payment, orders: Orders, providers: Providers, cause: Cause
) -> str:
    """The id of a payment whose rest is let go of: by its first capture, or because we ask. Raises
    ``PaymentRefused`` (``void_refused``) and ``ProviderUnavailable``."""
    if payment.captured and captures_once(payment.provider):
        return payment.id
    request = VoidRequest(
        order_id=order.order_id,
        payment_id=payment.id,
        authorization=payment.authorization,
        idempotency_key=paying.void_key(payment),
    )

    def ask() -> ProviderOutcome:
        return providers(payment.provider).void(request)

    outcome = answered(order, payment, "void", request.idempotency_key, ask, orders, cause)
    if isinstance(outcome, Approved):
        return payment.id
    raise PaymentRefused(f"the authorisation was not voided: {outcome}", code="void_refused")


# --- giving back ----------------------------------------------------------------------------


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
