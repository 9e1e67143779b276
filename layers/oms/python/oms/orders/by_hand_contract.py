"""The JSON of payments that a person handles. Amounts are decimal strings in the order's
currency."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from oms.kernel.errors import Fault, Invalid
from oms.kernel.money import Money
from oms.orders.by_hand import Receipt
from oms.orders.contract import Amount, Currency, Document, Moment
from oms.orders.model import Order

Reference = Annotated[str, StringConstraints(pattern=r"^[\w.:\-/]{1,64}$")]


class CapturePayment(Document):
    """Without an ``amount`` what is owed, as far as it is held."""

    amount: Amount | None = None
    currency: Currency | None = None


class PaymentReceipt(Document):
    """Money that came in: ``reference`` names it, and each counts once. ``received_at``: when, if
    that was not now."""

    amount: Amount
    currency: Currency | None = None
    reference: Reference
    tender: Literal["bank", "cash", "card", "pix", "channel"] = "bank"
    received_at: Moment | None = Field(default=None)


def amount_of(amount: str, currency: str | None, order: Order, path: str = "amount") -> Money:
    """Raises ``Invalid`` with the fault."""
    own = order.content.currency
    if currency not in (None, own):
        fault = Fault("currency", "wrong_currency", f"the order is in {own}")
        raise Invalid(fault.message, code=fault.code, faults=(fault,))
    try:
        return Money.parse(amount, own)
    except Invalid as refused:
        fault = Fault(path, refused.problem_code, refused.detail)
        raise Invalid(refused.detail, code=fault.code, faults=(fault,)) from None


def receipt_of(document: PaymentReceipt, order: Order) -> Receipt:
    return Receipt(
        amount_of(document.amount, document.currency, order),
        document.reference,
        document.tender,
        document.received_at,
    )
