"""What payment providers report, carried over to the order it is about."""

from functools import partial

from oms.channels.model import PaymentReported
from oms.kernel.errors import Invalid
from oms.kernel.events import Cause
from oms.kernel.ids import order_of
from oms.orders import paying, repaying
from oms.orders.command import execute
from oms.orders.decisions import Events
from oms.orders.model import Order
from oms.orders.payment import record_refund
from oms.orders.store import Orders


def record_payment(report: PaymentReported, orders: Orders, cause: Cause) -> Order:
    """Raises ``NotFound``, ``Conflict`` for what cannot be so now, and ``Invalid`` for what never
    can: a payment of another provider, an amount in another currency."""
    callback = report.callback
    order_id = order_of(callback.payment_id)
    order = orders.load(order_id)
    _check_payment(order, report)
    if callback.type == "payment.refunded":
        return record_refund(
            order_id,
            callback.refund_id,
            callback.amount.minor,
            callback.reference,
            _key(report),
            orders,
            cause,
        )
    return execute(orders, order_id, partial(_decide, report), cause)


def _check_payment(order: Order, report: PaymentReported) -> None:
    callback = report.callback
    payment = order.payments.find(callback.payment_id)
    if payment.provider != report.provider:
        raise Invalid(f"the payment is not known to {report.provider}", code="unknown_payment")
    if callback.amount.currency != payment.amount.currency:
        raise Invalid(
            f"the payment is in {payment.amount.currency}, not {callback.amount.currency}",
            code="wrong_currency",
        )


def _decide(report: PaymentReported, order: Order) -> Events:
    callback, key = report.callback, _key(report)
    amount = callback.amount.minor
    match callback.type:
        case "payment.authorized":
            return paying.authorize_payment(
                order, amount, callback.reference, key, callback.payment_id
            )
        case "payment.captured":
            return paying.collect_payment(
                order, amount, callback.reference, key, callback.payment_id
            )
        case "payment.declined":
            return paying.decline_payment(
                order, callback.code or "declined", key, callback.payment_id
            )
        case "payment.refund_failed":
            code = callback.code or "refund_failed"
            return repaying.refund_refused(order, callback.refund_id, amount, code, key)
        case _:
            raise AssertionError(f"{callback.type} is handled elsewhere")


def _key(report: PaymentReported) -> str:
    """The provider with its event's id: the natural key of what it tells."""
    return f"{report.provider}:{report.callback.id}"
