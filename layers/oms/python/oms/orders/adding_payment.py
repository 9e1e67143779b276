"""A further means of payment for an order: for what nothing covers yet, such as what was added to
it, or the rest after a card was declined."""

from dataclasses import dataclass

from oms.kernel.errors import Conflict, Invalid, MalformedRequest
from oms.kernel.events import Cause
from oms.kernel.ids import payment_id
from oms.kernel.money import Money
from oms.orders import events as happened
from oms.orders.asked_once import asked_before, named
from oms.orders.command import execute
from oms.orders.decisions import NOTHING, Events
from oms.orders.model import Order, State
from oms.orders.paying import uncovered
from oms.orders.store import Orders
from oms.payments.model import Payment
from oms.payments.providers import idempotency_key


@dataclass(frozen=True, slots=True)
class Means:
    """How the customer pays, and how much that way: all that nothing covers without ``amount``.
    ``token`` is one that may be kept."""

    method: str
    provider: str
    token: str = ""
    amount: Money | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Added:
    """``created`` is false when it was added before."""

    order: Order
    payment: Payment
    created: bool


def add_payment(order_id: str, means: Means, key: str, orders: Orders, cause: Cause) -> Added:
    """Added once for a ``key`` of the caller; whoever asks providers holds the money then, and
    takes it of an order that is delivered. Raises ``NotFound``, ``MalformedRequest``
    (``missing_natural_key``), ``Invalid`` (``wrong_currency``, ``amount_not_positive``) and
    ``Conflict`` (``content_differs``, ``cancelling``, ``payment_above_due`` with what is ``due``).
    """
    if not key:
        raise MalformedRequest("send an Idempotency-Key header", code="missing_natural_key")
    name = named(key, means)
    decided: list[Events] = []

    def events(order: Order) -> Events:
        decided.append(decide(order, means, name))
        return decided[-1]

    order = execute(orders, order_id, events, cause)
    payment = _known(order, name)
    assert payment is not None
    return Added(order, payment, created=bool(decided[-1]))


def decide(order: Order, means: Means, name: str) -> Events:
    if _known(order, name):
        return NOTHING
    if order.cancel_requested or order.state is State.CANCELLED:
        raise Conflict("the order is cancelled", code="cancelling")
    amount = _amount(order, means.amount)
    payment = Payment(
        payment_id(order.order_id, len(order.payments.each) + 1),
        means.method,
        means.provider,
        amount,
        token=means.token,
        added_as=name,
    )
    added = happened.PaymentAdded(payment, means.reason)
    is_over = order.state in (State.DELIVERED, State.COMPLETED)
    if payment.is_deferred or payment.is_sent_by_customer or not is_over:
        return (added,)
    key = idempotency_key(payment.id, "capture")
    return (added, happened.CaptureRequested(payment.id, amount.minor, key, "added"))


def _amount(order: Order, asked: Money | None) -> Money:
    left = uncovered(order)
    if asked is not None and asked.currency != left.currency:
        raise Invalid(f"the order is in {left.currency}", code="wrong_currency")
    amount = left if asked is None else asked
    if asked is not None and asked.minor <= 0:
        raise Invalid("an amount must be above zero", code="amount_not_positive")
    if not left or amount > left:
        raise Conflict(
            f"{left} is due that nothing covers",
            code="payment_above_due",
            context={"due": str(left), "currency": left.currency},
        )
    return amount


def _known(order: Order, name: str) -> Payment | None:
    names = {payment.added_as: payment.id for payment in order.payments.each}
    found = asked_before(name, names, "payment")
    return order.payments.find(found) if found else None
