"""An order's money, as the API shows it. Amounts are decimal strings in the order's currency."""

from decimal import Decimal

from pydantic import Field

from oms.kernel.clock import rfc3339
from oms.kernel.money import Money
from oms.kernel.quantity import quantity_number
from oms.orders.document import Quantity, View
from oms.orders.model import Order, Refund, RefundedLine
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


class RefundedLineView(View):
    """``cancelled`` units of it had not left."""

    line_id: str
    quantity: Quantity
    cancelled: Quantity
    amount: str


class RefundedFeeView(View):
    id: str
    amount: str


class RefundView(View):
    """``to`` is empty for the way the money came, else where it goes instead. ``lines``,
    ``shipping``, ``fees`` and ``goodwill`` say what it is for; a refund of what was paid beyond
    what is due is for nothing by itself."""

    id: str
    amount: str
    state: str
    reason: str
    to: str
    return_id: str
    lines: list[RefundedLineView]
    shipping: str
    fees: list[RefundedFeeView]
    goodwill: str
    parts: list[RefundPartView]


def payment_summary(order: Order) -> PaymentSummary:
    payments = order.payments
    authorized = (payments.capturable + payments.capture_pending).minor
    charged = payments.charged.minor
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


def refund_view(refund: Refund, order: Order) -> RefundView:
    def text(minor: int) -> str:
        return str(Money(minor, order.content.currency))

    return RefundView(
        id=refund.id,
        amount=text(refund.amount),
        state=refund.state,
        reason=refund.reason,
        to=refund.to,
        return_id=refund.return_id,
        lines=[_refunded_line(line, order) for line in refund.lines],
        shipping=text(refund.shipping),
        fees=[RefundedFeeView(id=fee, amount=text(minor)) for fee, minor in refund.fees],
        goodwill=text(refund.goodwill),
        parts=[
            RefundPartView(payment_id=part.payment_id, amount=text(part.amount), state=part.state)
            for part in refund.parts
        ],
    )


def _refunded_line(line: RefundedLine, order: Order) -> RefundedLineView:
    scale = order.content.line(line.line_id).scale
    return RefundedLineView(
        line_id=line.line_id,
        quantity=Decimal(quantity_number(line.quantity, scale)),
        cancelled=Decimal(quantity_number(line.cancelled, scale)),
        amount=str(Money(line.amount, order.content.currency)),
    )
