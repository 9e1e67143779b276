"""The JSON of exchanges and claims."""

from dataclasses import replace
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from oms.kernel.money import Money
from oms.kernel.quantity import quantity_number
from oms.orders import refundable
from oms.orders.contract import (
    Amount,
    Document,
    FeeDocument,
    LineDocument,
    PaymentDocument,
    Text,
    View,
)
from oms.orders.model import STORE_CREDIT, Line, Order
from oms.pricing.shares import extended_price
from oms.returns import worth
from oms.returns.asking import AskedReturn
from oms.returns.contract import (
    AskedLineDocument,
    ReturnRequestDocument,
    ReturnView,
    asked_return,
    return_view,
)
from oms.returns.exchange import AskedExchange, Quote
from oms.returns.model import ChargeMeans, Exchange, Origin, Return, ReturnKind
from oms.returns.policy import ReturnPolicy

RETURN_SHIPPING = "return_shipping"


class ExchangeDocument(Document):
    """What is wanted instead, as an order's lines are posted. ``return_shipping``: what the
    customer pays for the way back, unless her label is taken off what comes back already."""

    lines: Annotated[list[LineDocument], Field(min_length=1, max_length=100)]
    shipping: Amount = "0"
    shipping_tax: Amount = "0"
    return_shipping: Amount = "0"
    fees: Annotated[tuple[FeeDocument, ...], Field(max_length=20)] = ()
    discount: Amount = "0"


class ChargeMeansDocument(Document):
    """``token`` comes from the payment provider, and may be kept; never a card number."""

    method: Literal["card", "paypal", "store_credit", "terms"] = "card"
    provider: Annotated[str, StringConstraints(pattern=r"^[a-z_]{2,32}$")] = "simulator"
    token: Annotated[str, StringConstraints(max_length=256)] = ""


class ConfirmExchangeDocument(Document):
    """``payments`` are for what is due in addition. With ``advance`` the new order leaves before
    the goods come: what does not come in time is charged by ``charge``, else by the first card
    that paid. With ``close`` no more is expected than has come."""

    payments: Annotated[list[PaymentDocument], Field(max_length=5)] = Field(default_factory=list)
    advance: bool = False
    close: bool = False
    charge: ChargeMeansDocument | None = None
    refund_to: Literal["original", "store_credit"] = Field(
        default="original", description="Where what is over goes"
    )
    note: Text = ""


class ClaimDocument(Document):
    """What came is not what should have come: damaged, wrong, or lost on the way. ``want``: the
    same again, or its money. ``goods``: whether they come back; as the policy has it when left
    out."""

    lines: Annotated[list[AskedLineDocument], Field(min_length=1, max_length=100)]
    want: Literal["replace", "refund", "store_credit"] = "replace"
    goods: Literal["keep", "return"] | None = None
    origin: Origin = Origin.CUSTOMER
    account: Annotated[str, StringConstraints(pattern=r"^(acc_[a-z2-7]{26})?$")] = ""
    override: Text = ""


class ExchangeQuoteView(View):
    """``returned``: what comes back is worth, less its fees. ``lines``, ``shipping`` and ``fees``
    are those of the new order, which comes to ``total``. ``difference`` is what it costs more, or,
    with a minus, less; ``collect`` is to be paid, ``refund`` goes back. ``total_after``: what the
    customer pays for both orders in all. Each is what is to be paid, with its tax."""

    currency: str
    returned: str
    lines: str
    shipping: str
    fees: str
    total: str
    difference: str
    collect: str
    refund: str
    total_after: str


class ExchangeAnswer(View):
    quote: ExchangeQuoteView
    exchanged: ReturnView


def asked_exchange(document: ConfirmExchangeDocument | None) -> AskedExchange:
    if document is None:
        return AskedExchange()
    charge = document.charge
    means = ChargeMeans(charge.method, charge.provider, charge.token) if charge else None
    to = STORE_CREDIT if document.refund_to == STORE_CREDIT else ""
    return AskedExchange(document.advance, document.close, means, to)


def wanted_of(document: ExchangeDocument) -> str:
    """What is kept of it: only what was said."""
    return document.model_dump_json(exclude_unset=True)


def wanted_in(found: Return) -> ExchangeDocument | None:
    exchange: Exchange | None = found.exchange
    if exchange is None or not exchange.wanted:
        return None
    return ExchangeDocument.model_validate_json(exchange.wanted)


def the_same_again(order: Order, units: dict[str, int]) -> ExchangeDocument:
    """Units of an order's lines, at the price that was paid for them: less what was given back of
    the order for nothing, where it comes to no more than that."""
    beyond = worth.value_of(order, units).minor - max(0, order.due.minor)
    return ExchangeDocument(
        lines=[_again(order, order.content.line(name), many) for name, many in units.items()],
        discount=str(Money(max(0, beyond), order.content.currency)),
    )


def _again(order: Order, line: Line, units: int) -> LineDocument:
    share = refundable.share_of(order, line.line_id, units)
    charged = share.amount if order.content.prices_include_tax else share.net
    listed = extended_price(line.unit_price, units, line.scale).minor
    currency = order.content.currency
    return LineDocument(
        line_id=line.line_id,
        sku=line.sku,
        name=line.name,
        quantity=Decimal(quantity_number(units, line.scale)),
        unit_price=str(line.unit_price),
        discount=str(Money(max(0, listed - charged), currency)),
        tax=str(Money(share.tax, currency)),
        method=line.method,
        pickup_node=line.pickup_node,
    )


def quote_view(quote: Quote, document: ExchangeDocument, order: Order) -> ExchangeQuoteView:
    currency, included = order.content.currency, order.content.prices_include_tax

    def shown(minor: int) -> str:
        return str(Money(minor, currency))

    def charged(amount: str, tax: str) -> int:
        net = Money.parse(amount, currency).minor
        return net if included else net + Money.parse(tax, currency).minor

    shipping = charged(document.shipping, document.shipping_tax)
    extra = sum(charged(fee.amount, fee.tax) for fee in document.fees)
    extra += charged(document.return_shipping, "0")
    return ExchangeQuoteView(
        currency=currency,
        returned=shown(quote.returned),
        lines=shown(quote.total - shipping - extra),
        shipping=shown(shipping),
        fees=shown(extra),
        total=shown(quote.total),
        difference=shown(quote.difference),
        collect=shown(quote.collected),
        refund=shown(quote.repaid),
        total_after=shown(quote.total_after),
    )


def exchange_answer(
    order: Order, found: Return, quote: Quote, document: ExchangeDocument
) -> ExchangeAnswer:
    view = quote_view(quote, document, order)
    return ExchangeAnswer(quote=view, exchanged=return_view(order, found))


def asked_claim(
    document: ClaimDocument, order: Order, policy: ReturnPolicy, key: str
) -> AskedReturn:
    """A claim is asked for as a return is. Raises ``Invalid`` with every fault."""
    wanted: Literal["exchange", "refund", "store_credit"]
    wanted = "exchange" if document.want == "replace" else document.want
    request = ReturnRequestDocument(
        lines=document.lines,
        origin=document.origin,
        resolution=wanted,
        account=document.account,
        override=document.override,
    )
    asked = asked_return(request, order, f"claim:{key}" if key else "")
    comes_back = document.goods == "return" or (
        document.goods is None and policy.claimed_goods_come_back
    )
    said = f"{asked.key}{document.goods or ''}" if key else ""
    return replace(asked, kind=ReturnKind.CLAIM, keeps_goods=not comes_back, key=said)
