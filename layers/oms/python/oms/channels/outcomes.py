"""What payment providers report, carried over to the order it is about."""

from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol

from oms.channels.model import PaymentReported
from oms.kernel.errors import Invalid, NotFound
from oms.kernel.events import Cause
from oms.kernel.ids import is_of_an_order, order_of
from oms.orders import reported
from oms.orders.command import execute_on
from oms.orders.decisions import Events
from oms.orders.model import Order
from oms.orders.store import Orders
from oms.payments.callbacks import PaymentCallback


class NamedPayments(Orders, Protocol):
    """Orders, whose payments are found by what their providers call them, too."""

    def payment_called(self, provider: str, name: str) -> str:
        """Our id of the payment; empty when none has been called that yet."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """The order after a report, and whether it was news."""

    order: Order
    news: bool


def record_payment(report: PaymentReported, orders: NamedPayments, cause: Cause) -> Recorded:
    """Raises ``NotFound`` and ``Conflict`` for what cannot be so now and may be later, and
    ``Invalid`` for what never can: a payment of another provider (``unknown_payment``), an amount
    in another currency (``wrong_currency``)."""
    callback = _addressed(report, orders)
    order = orders.load(_order_id(callback))
    callback = _with_payment(callback, report.provider, order)
    _check_payment(order, report.provider, callback)
    after = execute_on(orders, order, partial(_decide, callback, _key(report)), cause)
    return Recorded(after, after.version > order.version)


def _addressed(report: PaymentReported, orders: NamedPayments) -> PaymentCallback:
    """With our payment's id, where the provider does not repeat it. Its name for the payment leads
    there; of a refund of ours that is named it need not. What others call theirs is no id."""
    callback = replace(
        report.callback,
        payment_id=_ours(report.callback.payment_id),
        refund_id=_ours(report.callback.refund_id),
    )
    if callback.payment_id:
        return callback
    found = orders.payment_called(report.provider, callback.authorization)
    if not found and not callback.refund_id:
        raise NotFound(
            f"no payment is known to {report.provider} by that name", code="unknown_payment"
        )
    return replace(callback, payment_id=found)


def _ours(text: str) -> str:
    return text if is_of_an_order(text) else ""


def _order_id(callback: PaymentCallback) -> str:
    return order_of(callback.payment_id or callback.refund_id)


def _with_payment(callback: PaymentCallback, provider: str, order: Order) -> PaymentCallback:
    """A refund that is named says which payment it goes back by, at this provider."""
    if callback.payment_id:
        return callback
    refund = order.refund(callback.refund_id)
    if refund is None:
        raise NotFound(f"the order has no refund {callback.refund_id}", code="unknown_refund")
    for part in refund.parts:
        if order.payments.find(part.payment_id).provider == provider:
            return replace(callback, payment_id=part.payment_id)
    raise Invalid(f"the refund does not go back by {provider}", code="unknown_payment")


def _check_payment(order: Order, provider: str, callback: PaymentCallback) -> None:
    payment = order.payments.find(callback.payment_id)
    if payment.provider != provider:
        raise Invalid(f"the payment is not known to {provider}", code="unknown_payment")
    if callback.amount.currency != payment.amount.currency:
        raise Invalid(
            f"the payment is in {payment.amount.currency}, not {callback.amount.currency}",
            code="wrong_currency",
        )


def _decide(callback: PaymentCallback, key: str, order: Order) -> Events:
    return reported.decide(order, callback, key)


def _key(report: PaymentReported) -> str:
    """The provider with its event's id: the natural key of what it tells."""
    return f"{report.provider}:{report.callback.id}"
