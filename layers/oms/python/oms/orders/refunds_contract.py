"""The JSON of refunds that are asked for. Amounts are decimal strings in the order's currency."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from oms.kernel.errors import Conflict, Faults, Invalid
from oms.kernel.money import Money
from oms.kernel.quantity import quantity_number
from oms.orders.adding_payment import Means
from oms.orders.amounts import MoneyReader
from oms.orders.contract import Amount, Currency, Document, Identifier, Quantity, View
from oms.orders.model import Order, Refund
from oms.orders.money_contract import (
    PaymentSummary,
    PaymentView,
    RefundView,
    payment_summary,
    payment_view,
    refund_view,
)
from oms.orders.paying import uncovered
from oms.orders.refundable import LineShare
from oms.orders.repaying import bearable_of
from oms.orders.suggesting import Asked, AskedLine, Suggestion
from oms.payments.account_tokens import Digest, kept_token
from oms.payments.allocation import in_refund_order
from oms.payments.registry import refuse_unusable_token

Why = Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True)]
Destination = Literal["original", "store_credit"]
PaymentMethod = Literal[
    "card",
    "paypal",
    "pix",
    "boleto",
    "bank_transfer",
    "cash_on_delivery",
    "gift_card",
    "store_credit",
    "terms",
    "in_store",
]


class RefundLine(Document):
    """Units of a line, or of a bundle that was ordered, with all its parts."""

    line_id: Identifier
    quantity: Quantity | None = Field(
        default=None, description="All that is left of it when left out"
    )
    unshipped: bool | None = Field(
        default=None,
        description="Only units that have not left (true) or that have (false); those that have not"
        " left come first when left out",
    )


class RefundOrder(Document):
    """What to refund: all that is left of the order when nothing is named.

    Units that have not left are cancelled with it, unless ``cancel`` is false. Without an
    ``amount``, what is named is refunded as far as there is money to refund. With one exactly that
    is: less than what is named comes to is spread over it, what is more counts as goodwill.
    """

    lines: Annotated[list[RefundLine], Field(max_length=500)] = Field(default_factory=list)
    shipping: bool | Amount = Field(
        default=False, description="An amount, or true for all that is left of it"
    )
    fees: Annotated[list[Identifier], Field(max_length=50)] = Field(
        default_factory=list, description="Their ids; what is left of each"
    )
    goodwill: Amount | None = Field(default=None, description="Beside what is named")
    amount: Amount | None = Field(default=None, description="In all, whatever is named")
    currency: Currency | None = Field(default=None, description="That of the order")
    payments: Annotated[list[Identifier], Field(max_length=50)] = Field(
        default_factory=list,
        description="Which payments it goes back to first, each emptied before the next; then the"
        " others, gift cards and store credit last",
    )
    to: Destination = "original"
    cancel: bool = Field(
        default=True, description="Whether units that have not left are cancelled with it"
    )
    reason: Why = "requested"
    refund_key: Annotated[str, StringConstraints(max_length=128)] = Field(
        default="", description="The same again by its key changes nothing; or an Idempotency-Key"
    )


class RetryRefund(Document):
    """Which way what failed goes now; the same when nothing is said."""

    to: Destination = "original"
    payments: Annotated[list[Identifier], Field(max_length=50)] = Field(
        default_factory=list, description="Which payments first"
    )


class RefundSettlement(Document):
    """The money was given back past every provider; ``reference`` names how, such as the number of
    a transfer."""

    reference: Annotated[
        str, StringConstraints(min_length=1, max_length=100, strip_whitespace=True)
    ]


class SuggestedLineView(View):
    """``cancelled``: units of it that have not left, and would be cancelled: their stock would be
    free again."""

    line_id: str
    sku: str
    quantity: Quantity
    cancelled: Quantity
    net: str
    tax: str
    discount: str
    amount: str


class SuggestedPartView(View):
    payment_id: str
    method: str
    refundable: str
    amount: str


class FeeRefundView(View):
    id: str
    amount: str


class RefundSuggestionView(View):
    """``computed``: what all that is named comes to, less what of it was not taken yet
    (``unpaid``). ``amount`` of it would be refunded: at most ``refundable``."""

    order_id: str
    currency: str
    lines: list[SuggestedLineView]
    shipping: str
    fees: list[FeeRefundView]
    goodwill: str
    unpaid: str
    computed: str
    amount: str
    refundable: str
    payments: list[SuggestedPartView] = Field(
        description="All of the order's, in the order in which money goes back to them"
    )


class OrderRefundsView(View):
    """``refundable``: taken, and neither given back nor owed by a refund that failed."""

    order_id: str
    currency: str
    captured: str
    refunded: str
    refundable: str
    refunds: list[RefundView]


class AddPayment(Document):
    """``token`` comes from the payment provider; never a card number."""

    method: PaymentMethod = "card"
    provider: Annotated[str, StringConstraints(pattern=r"^[a-z_]{2,32}$")] = "simulator"
    token: Annotated[str, StringConstraints(max_length=256)] = ""
    amount: Amount | None = Field(
        default=None, description="All that nothing covers yet, where it is left out"
    )
    currency: Currency | None = Field(default=None, description="That of the order")
    reason: Annotated[str, StringConstraints(max_length=200)] = ""


class OrderPaymentsView(View):
    """``uncovered``: of what is ``due`` what is neither paid, held, nor awaited."""

    order_id: str
    currency: str
    due: str
    uncovered: str
    total: PaymentSummary
    payments: list[PaymentView]


class OpenRefundView(View):
    """``since``: when the order was captured."""

    order_id: str
    since: str
    currency: str
    refund: RefundView


class OpenRefundPage(View):
    refunds: list[OpenRefundView]
    next_cursor: str | None = Field(
        default=None, description="Pass it as `cursor` to read on; null at the end"
    )


def asked_of(document: RefundOrder, order: Order) -> Asked:
    """Raises ``Invalid`` with every fault (``wrong_currency``, ``invalid_amount``,
    ``too_many_decimals``), and ``Conflict`` (``nothing_to_refund``)."""
    currency = order.content.currency
    faults = Faults()
    if document.currency not in (None, currency):
        faults.add("currency", "wrong_currency", f"the order is in {currency}")
    reader = MoneyReader(currency, faults)

    def money(path: str, text: str | None) -> Money | None:
        return None if text is None else reader.read(path, text)

    shipping = document.shipping
    asked = Asked(
        lines=tuple(
            AskedLine(line.line_id, line.quantity, line.unshipped) for line in document.lines
        ),
        shipping=shipping if isinstance(shipping, bool) else reader.read("shipping", shipping),
        fees=tuple(document.fees),
        goodwill=money("goodwill", document.goodwill),
        amount=money("amount", document.amount),
        payments=tuple(document.payments),
        to=destination(document.to),
        reason=document.reason,
        cancel=document.cancel,
    )
    faults.refuse("the refund breaks a rule")
    if asked.is_whole and _says_what(document):
        raise Conflict(
            "nothing is named; for the whole order send none of lines, shipping and fees",
            code="nothing_to_refund",
        )
    return asked


def _says_what(document: RefundOrder) -> bool:
    """Whether it is said what is refunded, though it be nothing: that is never the whole order."""
    return any(
        getattr(document, name) is not None
        for name in document.model_fields_set & {"lines", "shipping", "fees", "goodwill", "amount"}
    )


def means_of(document: AddPayment, order: Order, digest: Digest) -> Means:
    """Raises ``Invalid`` with every fault, as ``refuse_unusable_token`` and ``asked_of``."""
    currency, faults, token = order.content.currency, Faults(), ""
    if document.currency not in (None, currency):
        faults.add("currency", "wrong_currency", f"the order is in {currency}")
    try:
        token = kept_token(document.provider, document.token, digest)
        refuse_unusable_token(document.provider, document.method, token)
    except Invalid as fault:
        faults.add("token", fault.problem_code, fault.detail)
    amount = None
    if document.amount is not None:
        amount = MoneyReader(currency, faults).read("amount", document.amount)
    faults.refuse("the payment breaks a rule")
    return Means(document.method, document.provider, token, amount, document.reason)


def order_payments_view(order: Order) -> OrderPaymentsView:
    return OrderPaymentsView(
        order_id=order.order_id,
        currency=order.content.currency,
        due=str(order.due),
        uncovered=str(uncovered(order)),
        total=payment_summary(order),
        payments=[payment_view(payment) for payment in order.payments.each],
    )


def destination(to: Destination) -> str:
    return "" if to == "original" else to


def suggestion_view(found: Suggestion, asked: Asked, order: Order) -> RefundSuggestionView:
    currency = order.content.currency

    def text(minor: int) -> str:
        return str(Money(minor, currency))

    return RefundSuggestionView(
        order_id=order.order_id,
        currency=currency,
        lines=[
            _line_view(line.share, line.cancelled.units if line.cancelled else 0, order)
            for line in found.lines
        ],
        shipping=text(found.shipping),
        fees=[FeeRefundView(id=fee, amount=text(minor)) for fee, minor in found.fees],
        goodwill=text(found.goodwill),
        unpaid=text(found.unpaid),
        computed=text(found.computed),
        amount=text(found.amount),
        refundable=text(found.refundable),
        payments=[
            SuggestedPartView(
                payment_id=each.payment_id,
                method=each.method,
                refundable=str(each.amount),
                amount=text(dict(found.parts).get(each.payment_id, 0)),
            )
            for each in in_refund_order(bearable_of(order), asked.payments)
        ],
    )


def _line_view(share: LineShare, cancelled: int, order: Order) -> SuggestedLineView:
    line, currency = order.content.line(share.line_id), order.content.currency
    return SuggestedLineView(
        line_id=line.line_id,
        sku=line.sku,
        quantity=Decimal(quantity_number(share.units, line.scale)),
        cancelled=Decimal(quantity_number(cancelled, line.scale)),
        net=str(Money(share.net, currency)),
        tax=str(Money(share.tax, currency)),
        discount=str(Money(share.discount, currency)),
        amount=str(Money(share.amount, currency)),
    )


def order_refunds_view(order: Order, refundable: int) -> OrderRefundsView:
    currency = order.content.currency
    return OrderRefundsView(
        order_id=order.order_id,
        currency=currency,
        captured=str(order.payments.captured),
        refunded=str(order.payments.refunded),
        refundable=str(Money(refundable, currency)),
        refunds=[refund_view(refund, order) for refund in order.progress.refunds],
    )


def open_refund_page(
    found: Sequence[tuple[Order, Refund, str]], cursor: str | None
) -> OpenRefundPage:
    return OpenRefundPage(
        refunds=[
            OpenRefundView(
                order_id=order.order_id,
                since=since,
                currency=order.content.currency,
                refund=refund_view(refund, order),
            )
            for order, refund, since in found
        ],
        next_cursor=cursor,
    )
