"""Taking the money, and giving it back, by the steps of an order's lifecycle.

The provider is asked first and what it answered is recorded after, so every request carries an
idempotency key made of what it is for: when the record is lost, the same question gets the same
answer, and nobody is charged twice.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

from oms.kernel.errors import Conflict, PaymentDeclined, Refused
from oms.kernel.events import Cause
from oms.kernel.money import Money
from oms.orders import decisions
from oms.orders.command import execute, execute_on
from oms.orders.model import Order, State
from oms.orders.store import Orders
from oms.payments.providers import (
    Approved,
    AuthorizationRequest,
    CaptureRequest,
    Declined,
    PaymentProvider,
    Pending,
    RefundRequest,
    VoidRequest,
    idempotency_key,
)

Providers = Callable[[str], PaymentProvider]

# How long a payment may stay undecided when its provider names no limit of its own.
UNDECIDED_SECONDS = 24 * 3600


@dataclass(frozen=True, slots=True)
class Authorization:
    """``pending`` when the customer or the provider has yet to act."""

    pending: bool
    expires_in_seconds: int = UNDECIDED_SECONDS


def authorize(order_id: str, orders: Orders, providers: Providers, cause: Cause) -> Authorization:
    """Hold the order's total. Raises ``PaymentDeclined``, ``OrderCancelRequested``, and
    ``ProviderUnavailable`` when nobody knows yet."""
    order = orders.load(order_id)
    if decisions.has_reached(order, State.AUTHORIZED):
        return Authorization(pending=False)
    decisions.turn_round_if_cancelling(order)
    if order.payment.status == "declined":
        raise PaymentDeclined("the payment was declined")
    if order.payment.status == "pending":
        return Authorization(pending=True)
    if order.content.payment.collected:
        order = _record_collected(order, orders, cause)
        if not order.payment.is_deferred:
            return Authorization(pending=order.state is not State.AUTHORIZED)
    if order.payment.is_deferred:
        execute_on(orders, order, decisions.defer_payment, cause)
        return Authorization(pending=False)
    return _ask_provider(order, orders, providers, cause)


def settle(order_id: str, orders: Orders, providers: Providers, cause: Cause) -> Order:
    """Take what is still owed for the delivered order, and complete it."""
    order = orders.load(order_id)
    if order.state not in (State.DELIVERED, State.COMPLETED):
        raise Conflict(f"the order is {order.state}, not delivered", code="not_delivered")
    if order.state is State.COMPLETED:
        return order
    owed = decisions.amount_to_capture(order)
    if not owed and order.payment.capturable:
        return _settle_without(order, orders, providers, cause)
    key = idempotency_key(order.payment.id, "capture")
    reference = _capture(order, owed, key, providers) if owed else ""
    return execute_on(
        orders, order, lambda found: decisions.settle(found, owed, reference, key), cause
    )


def _settle_without(order: Order, orders: Orders, providers: Providers, cause: Cause) -> Order:
    """What is held is not needed: it was paid at a till, or is wanted no more."""
    key = idempotency_key(order.payment.id, "void")
    reference = _void(order, key, providers)
    return execute_on(
        orders, order, lambda found: decisions.settle_without(found, reference, key), cause
    )


def close_cancelled(
    order_id: str, orders: Orders, providers: Providers, reason: str, cause: Cause
) -> Order:
    """Let go of what is held or still expected, ask for what was taken to be refunded, and close
    the order."""
    order = orders.load(order_id)
    key = idempotency_key(order.payment.id, "void")
    reference = _void(order, key, providers) if decisions.has_hold(order) else ""
    return execute_on(
        orders,
        order,
        lambda found: decisions.close_cancelled(found, reason, reference, key),
        cause,
    )


def void_late_authorization(
    order_id: str, orders: Orders, providers: Providers, cause: Cause
) -> Order:
    """Let go of what the provider holds for a cancelled order. Where its answer got lost it is
    asked again: the same question gets the same answer."""
    order = orders.load(order_id)
    if order.payment.status == "new":
        order = _ask_again(order, orders, providers, cause)
    if not decisions.has_hold(order):
        return order
    key = idempotency_key(order.payment.id, "void", attempt=2)
    reference = _void(order, key, providers)
    return execute_on(
        orders,
        order,
        lambda found: decisions.void_late_authorization(found, reference, key),
        cause,
    )


def refund(
    order_id: str, refund_id: str, orders: Orders, providers: Providers, cause: Cause
) -> Order:
    """Carry out a refund that was asked for. One that the provider calls back about stays open."""
    order = orders.load(order_id)
    wanted = next((r for r in order.progress.refunds if r.id == refund_id), None)
    if wanted is None or wanted.state != "requested":
        return order
    key = idempotency_key(refund_id, "refund")
    outcome = providers(order.payment.provider).refund(
        RefundRequest(
            order_id=order_id,
            payment_id=order.payment.id,
            refund_id=refund_id,
            authorization=order.payment.authorization,
            amount=Money(wanted.amount, order.content.currency),
            idempotency_key=key,
        )
    )
    match outcome:
        case Approved(reference):
            return record_refund(order_id, refund_id, wanted.amount, reference, key, orders, cause)
        case Declined(code):
            return execute_on(
                orders,
                order,
                lambda found: decisions.refund_refused(found, refund_id, wanted.amount, code, key),
                cause,
            )
        case Pending():
            return order


def record_refund(
    order_id: str,
    refund_id: str,
    amount: int,
    reference: str,
    key: str,
    orders: Orders,
    cause: Cause,
) -> Order:
    """``refund_id`` may be empty in a callback that does not know it: the oldest open refund of
    that amount is meant."""
    return execute(
        orders,
        order_id,
        lambda found: decisions.refund_paid(
            found, refund_id or _open_refund(found, amount), amount, reference, key
        ),
        cause,
    )


def _open_refund(order: Order, amount: int) -> str:
    same = [refund for refund in order.progress.refunds if refund.amount == amount]
    by_need = sorted(same, key=lambda refund: refund.state != "requested")
    if not by_need:
        raise Conflict("no refund of this amount was asked for", code="unknown_refund")
    return by_need[0].id


def _record_collected(order: Order, orders: Orders, cause: Cause) -> Order:
    """What the marketplace took is recorded, not taken again."""
    collected = order.content.payment.collected
    key = f"{order.content.channel}:{order.order_id}:collected"
    reference = order.content.payment.reference
    return execute_on(
        orders,
        order,
        lambda found: decisions.collect_payment(found, collected.minor, reference, key),
        cause,
    )


def _ask_provider(
    order: Order, orders: Orders, providers: Providers, cause: Cause
) -> Authorization:
    content, payment = order.content, order.payment
    key = idempotency_key(payment.id, "authorize")
    outcome = providers(payment.provider).authorize(
        AuthorizationRequest(
            order_id=order.order_id,
            payment_id=payment.id,
            amount=content.total,
            method=payment.method,
            token=content.payment.token,
            idempotency_key=key,
        )
    )
    match outcome:
        case Approved(reference):
            execute_on(
                orders,
                order,
                lambda found: decisions.authorize_payment(
                    found, content.total.minor, reference, key
                ),
                cause,
            )
            return Authorization(pending=False)
        case Declined(code):
            execute_on(
                orders,
                order,
                lambda found: decisions.decline_payment(found, code, key),
                cause,
            )
            raise PaymentDeclined(f"the provider declined: {code}")
        case Pending(reference, seconds, instructions):
            expires_at = cause.at + timedelta(seconds=seconds)
            execute_on(
                orders,
                order,
                lambda found: decisions.await_payment(
                    found, content.total.minor, reference, key, expires_at, instructions
                ),
                cause,
            )
            return Authorization(pending=True, expires_in_seconds=seconds)


def _ask_again(order: Order, orders: Orders, providers: Providers, cause: Cause) -> Order:
    with suppress(PaymentDeclined):
        _ask_provider(order, orders, providers, cause)
    return orders.load(order.order_id)


def _capture(order: Order, owed: int, key: str, providers: Providers) -> str:
    outcome = providers(order.payment.provider).capture(
        CaptureRequest(
            order_id=order.order_id,
            payment_id=order.payment.id,
            authorization=order.payment.authorization,
            amount=Money(owed, order.content.currency),
            idempotency_key=key,
        )
    )
    if isinstance(outcome, Approved):
        return outcome.reference
    raise Refused(f"the capture was not made: {outcome}", code="capture_refused")


def _void(order: Order, key: str, providers: Providers) -> str:
    outcome = providers(order.payment.provider).void(
        VoidRequest(
            order_id=order.order_id,
            payment_id=order.payment.id,
            authorization=order.payment.authorization,
            idempotency_key=key,
        )
    )
    if isinstance(outcome, Approved):
        return outcome.reference
    raise Refused(f"the authorisation was not voided: {outcome}", code="void_refused")
