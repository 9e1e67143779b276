"""An order's money, as the API shows it. Amounts are decimal strings in the order's currency."""

from pydantic import Field

from oms.kernel.clock import rfc3339
from oms.kernel.money import Money
from oms.orders.document import View
from oms.orders.model import Order, Refund
from oms.payments.model import Payment
from oms.payments.several import Coverage, authorization_status, charge_status


class PaymentSummary(View):
    """All payments of the order together. ``capturable`` is held and not taken, ``refundable`` was
    taken and not given back."""

    status: str
    authorized: str
    captured: str
    voided: str
    refunded: str
    capturable: str
    refundable: str
    authorization_status: Coverage
    charge_status: Coverage = Field(
        description="How far what was taken covers the total less granted refunds"
    )


class PaymentView(View):
    """One payment. ``instructions``: what the customer pays it with, such as a Pix code."""

    id: str
    method: str
    provider: str
    amount: str
    status: str
    authorized: str
    captured: str
    voided: str
    refunded: str
    capturable: str
    refundable: str
    expires_at: str | None
    instructions: str
    renews: str


class RefundPartView(View):
    payment_id: str
    amount: str
    state: str


class RefundView(View):
    """``to`` is empty for the way the money came, else where it goes instead."""

    id: str
    amount: str
    state: str
    reason: str
    to: str
    return_id: str
    parts: list[RefundPartView]


def payment_summary(order: Order) -> PaymentSummary:
    payments = order.payments
    authorized = (payments.capturable + payments.capture_pending).minor
    charged = (payments.captured - payments.refunded).minor
    total = order.due.minor + order.progress.granted
    granted = order.progress.granted
    return PaymentSummary(
        status=payments.status,
        authorized=str(payments.authorized),
        captured=str(payments.captured),
        voided=str(payments.voided),
        refunded=str(payments.refunded),
        capturable=str(payments.capturable),
        refundable=str(payments.refundable),
        authorization_status=authorization_status(total, granted, authorized, charged),
        charge_status=charge_status(total, granted, charged),
    )


def payment_view(payment: Payment) -> PaymentView:
    return PaymentView(
        id=payment.id,
        method=payment.method,
        provider=payment.provider,
        amount=str(payment.amount),
        status=payment.status,
        authorized=str(payment.authorized),
        captured=str(payment.captured),
        voided=str(payment.voided),
        refunded=str(payment.refunded),
        capturable=str(payment.capturable),
        refundable=str(payment.refundable),
        expires_at=rfc3339(payment.expires_at) if payment.expires_at else None,
        instructions=payment.instructions,
        renews=payment.renews,
    )


def refund_view(refund: Refund, currency: str) -> RefundView:
    return RefundView(
        id=refund.id,
        amount=str(Money(refund.amount, currency)),
        state=refund.state,
        reason=refund.reason,
        to=refund.to,
        return_id=refund.return_id,
        parts=[
            RefundPartView(
                payment_id=part.payment_id,
                amount=str(Money(part.amount, currency)),
                state=part.state,
            )
            for part in refund.parts
        ],
    )
