"""The JSON of orders: what a channel posts, and what it gets back."""

from collections.abc import Iterable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BeforeValidator,
    Field,
    StringConstraints,
)
from pydantic_core import PydanticCustomError

from oms.kernel.clock import rfc3339, whole_milliseconds
from oms.kernel.events import Envelope
from oms.kernel.money import Money
from oms.kernel.quantity import quantity_number
from oms.orders.counter import due_when_handed_over
from oms.orders.document import Document as Document
from oms.orders.document import Quantity as Quantity
from oms.orders.document import View as View
from oms.orders.model import (
    Counts,
    Fee,
    Fulfillment,
    Method,
    Order,
    Outlook,
    OutOfStockPolicy,
    PromisedPart,
    State,
)
from oms.orders.money_contract import (
    PaymentSummary,
    PaymentView,
    RefundView,
    payment_summary,
    payment_view,
    refund_view,
)

MAX_LINES = 500

Name = Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True)]
Text = Annotated[str, StringConstraints(max_length=200, strip_whitespace=True)]
Identifier = Annotated[str, StringConstraints(pattern=r"^[\w.:\-/#]{1,128}$")]
Amount = Annotated[
    str,
    StringConstraints(pattern=r"^\d{1,12}(\.\d{1,6})?$"),
    Field(description="A decimal string in the order's currency", examples=["129.90"]),
]
Rate = Annotated[
    str,
    StringConstraints(pattern=r"^([0-9](\.[0-9]{1,6})?)?$"),
    Field(description="A decimal string: 0.23 is 23 %", examples=["0.23"]),
]
Currency = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Z]{3}$"),
    Field(description="ISO 4217", examples=["BRL"]),
]
Country = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Z]{2}$"),
    Field(description="ISO 3166-1 alpha-2", examples=["BR"]),
]


def _written_out(value: object) -> object:
    """A number, written as text or not, would be taken for seconds, which says no zone."""
    written = value[4:5] == "-" if isinstance(value, str) else isinstance(value, datetime)
    if not written:
        raise PydanticCustomError("datetime_type", "Input should be a date and time with its zone")
    return value


def _in_the_calendar(value: datetime) -> datetime:
    """At either end of the calendar a time of another zone is none in UTC."""
    try:
        _before_the_end(value.astimezone(UTC).date())
    except OverflowError:
        raise _out_of_range() from None
    return whole_milliseconds(value)


def _before_the_end(value: date) -> date:
    """Days are added to what is sent: to be handled, to travel, until a node is open again."""
    if value.year > LAST_YEAR:
        raise _out_of_range()
    return value


def _out_of_range() -> PydanticCustomError:
    message = "Input should be within the years 1 to {last}, in UTC"
    return PydanticCustomError("date_out_of_range", message, {"last": LAST_YEAR})


LAST_YEAR = 9990
Moment = Annotated[AwareDatetime, BeforeValidator(_written_out), AfterValidator(_in_the_calendar)]
Day = Annotated[date, AfterValidator(_before_the_end)]


class AddressDocument(Document):
    name: Name
    line1: Name
    line2: Text = ""
    district: Text = ""
    city: Name
    region: Text = ""
    postal_code: Text = ""
    country: Country
    latitude: Annotated[float, Field(ge=-90, le=90)] | None = None
    longitude: Annotated[float, Field(ge=-180, le=180)] | None = None


class CustomerDocument(Document):
    """A CPF or CNPJ in ``tax_id`` is checked by its digits when the order ships to Brazil."""

    id: Annotated[str, StringConstraints(max_length=128)] = ""
    name: Name
    email: Annotated[str, StringConstraints(pattern=r"^([^@\s]+@[^@\s]+\.[^@\s]+)?$")] = ""
    phone: Text = ""
    tax_id: Annotated[str, StringConstraints(max_length=32)] = ""
    locale: Annotated[str, StringConstraints(pattern=r"^([A-Za-z]{2,3}([-_]\w{2,8})*)?$")] = ""
    customer_class: Text = Field(
        default="", description="The retailer's own word for whom it serves how, such as gold"
    )


class LineDocument(Document):
    """``unit_price`` is for one whole unit; ``discount`` and ``tax`` are for the line. With a
    ``tax_rate`` alone the tax is worked out; stated with it, it must agree within its rounding."""

    line_id: Identifier | None = Field(
        default=None, description="Names the line; the SKU when left out"
    )
    sku: Identifier
    name: Text = ""
    quantity: Quantity
    unit_price: Amount
    discount: Amount = "0"
    tax: Amount = "0"
    tax_rate: Rate = ""
    method: Method = Field(
        default=Method.SHIP,
        description="`ship` to the address, `pickup` where it lies, or `ship_to_store`: carried to"
        " a store and handed over there",
    )
    pickup_node: Annotated[str, StringConstraints(pattern=r"^[\w.:\-/#]{0,128}$")] = Field(
        default="", description="Where it is handed over, when it is not shipped"
    )


class PaymentDocument(Document):
    """``token`` comes from the payment provider; never a card number. With the method
    ``in_store``, whose provider is ``store``, the customer pays when the goods are handed over."""

    method: Literal[
        "card",
        "paypal",
        "pix",
        "boleto",
        "bank_transfer",
        "cash_on_delivery",
        "gift_card",
        "store_credit",
        "terms",
        "channel",
        "in_store",
    ] = "card"
    provider: Annotated[str, StringConstraints(pattern=r"^[a-z_]{2,32}$")] = "simulator"
    token: Annotated[str, StringConstraints(max_length=256)] = ""
    collected: Amount = Field(default="0", description="What the channel has taken already")
    reference: Text = Field(default="", description="The channel's own payment reference")
    amount: Amount | None = Field(
        default=None, description="What of the total it bears: the rest, where it is left out"
    )


class AcceptPromise(Document):
    """The option of a promise, as ``POST /v1/promises`` offered it for the same lines."""

    id: Identifier
    option: Identifier


class FeeDocument(Document):
    """What is charged beside goods and shipping: gift wrap, cash on delivery, duties, a tip."""

    fee_id: Identifier
    name: Text = ""
    amount: Amount
    tax: Amount = "0"


class CaptureOrder(Document):
    """An order to capture.

    ``total`` must equal the lines (unit price times quantity, less discount), plus ``shipping``,
    plus ``fees``, each plus its tax unless ``prices_include_tax``, less ``discount``.
    """

    channel: Identifier
    channel_order_id: Identifier | None = None
    channel_order_name: Text = Field(
        default="", description="What the customer knows the order by, when it is not the id"
    )
    currency: Currency
    placed_at: Moment | None = None
    customer: CustomerDocument
    shipping_address: AddressDocument
    lines: Annotated[list[LineDocument], Field(min_length=1)]
    prices_include_tax: bool = False
    shipping: Amount = "0"
    shipping_tax: Amount = "0"
    fees: Annotated[tuple[FeeDocument, ...], Field(max_length=50)] = ()
    discount: Amount = "0"
    total: Amount
    payment: PaymentDocument | None = Field(default=None, description="When there is only one")
    payments: Annotated[list[PaymentDocument], Field(max_length=10)] = Field(
        default_factory=list, description="When there are several; one may be without an amount"
    )
    on_out_of_stock: OutOfStockPolicy = OutOfStockPolicy.BACKORDER
    priority: Annotated[int, Field(ge=0, le=9)] = Field(
        default=5, description="When stock is scarce the higher is served first"
    )
    reservation: Identifier | None = Field(
        default=None, description="A soft reservation of exactly the order's units"
    )
    promise: AcceptPromise | None = Field(
        default=None,
        description="The promise that the customer accepted: the order is captured with it, or not"
        " at all",
    )
    tags: Annotated[
        tuple[Text, ...], Field(max_length=50, description="For sourcing policies to go by")
    ] = ()
    sold_at: Annotated[str, StringConstraints(pattern=r"^[\w.:\-/#]{0,128}$")] = Field(
        default="", description="The node whose till sold it"
    )


class CancelLine(Document):
    """Units of a line, or of a bundle that was ordered, with all its parts."""

    line_id: Identifier
    quantity: Quantity | None = Field(
        default=None, description="All that is left of it when left out"
    )


class CancelOrder(Document):
    reason: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    lines: Annotated[list[CancelLine], Field(min_length=1, max_length=100)] | None = Field(
        default=None, description="Only these units; the whole order when left out"
    )


class CountsView(View):
    ordered: Quantity
    open: Quantity
    reserved: Quantity
    backordered: Quantity
    released: Quantity
    shipped: Quantity
    delivered: Quantity
    cancelled: Quantity
    returned: Quantity


class LineView(View):
    line_id: str
    sku: str
    name: str
    unit_price: str
    discount: str
    tax: str
    tax_rate: str = Field(description="As the channel stated it, when it did")
    bundle: str = Field(description="The line that ordered the bundle which this is a part of")
    method: Method
    pickup_node: str
    quantities: CountsView


class FeeView(View):
    fee_id: str
    name: str
    amount: str
    tax: str


class FulfillmentLineView(View):
    line_id: str
    sku: str
    name: str
    quantity: Quantity


class ComponentView(View):
    """What goes into a line that is made: ``units`` are counted in the component's own scale."""

    line_id: str
    sku: str
    units: int


class FulfillmentView(View):
    id: str
    order_id: str
    node: str
    state: str
    carrier: str
    tracking_number: str
    lines: list[FulfillmentLineView]
    drop_ship: bool = Field(description="A supplier sends it, by a purchase order of this id")
    make: bool = Field(description="The node makes it, of its components")
    components: list[ComponentView]
    method: Method
    hand_over_at: str = Field(description="The node where the customer collects it")
    pickup_until: str | None
    due: str = Field(description="To be paid when it is handed over, once it is ready")


class SourcingView(View):
    rule: str
    reason: str


class PromisedPartView(View):
    """Units of a line from one node and one source. ``source`` is ``on_hand``, ``supply:<id>``,
    ``production:<resource>``, ``infinite`` or ``lead_time``."""

    line_id: str
    node: str
    source: str
    quantity: Quantity
    ship_by: str
    arrive_by: str


class OutlookView(View):
    """A line that is not as it was promised. ``expected`` is null when nobody knows; ``severity``
    is ``low``, ``medium`` or ``high``, and empty while the promised day is kept."""

    line_id: str
    promised: str
    expected: str | None
    days_late: int | None
    severity: str
    reason: str
    alternative: list[PromisedPartView]
    moved: list[PromisedPartView]


class CommittedPromiseView(View):
    """``arrive_by``: the day the customer was promised; ``expected``: the day on which everything
    is there by now, null when nobody knows."""

    id: str
    option: str
    arrive_by: str
    expected: str | None
    lines: list[PromisedPartView]
    changes: list[OutlookView]


class OrderView(View):
    id: str
    channel: str
    channel_order_id: str
    channel_order_name: str
    state: State
    status: str
    version: int
    captured_at: str
    placed_at: str
    priority: int
    currency: str
    customer: CustomerDocument
    shipping_address: AddressDocument
    lines: list[LineView]
    shipping: str
    shipping_tax: str
    fees: list[FeeView]
    discount: str
    total: str
    due: str = Field(description="Of the total what is not cancelled, and what was added")
    payment: PaymentSummary
    payments: list[PaymentView]
    refunds: list[RefundView]
    returns: list[str] = Field(description="Ids of its returns, oldest first")
    fulfillments: list[FulfillmentView]
    sourcing: SourcingView
    promise: CommittedPromiseView | None
    cancel_reason: str
    exception: str
    unroutable: str = Field(description="Why no node is left and a person must decide")
    unpaid: str = Field(description="Why what is due for what has left cannot be taken")
    tags: list[str]
    sold_at: str
    exchange_of: str = Field(description="The return or claim that the order was made for")


class OrderPage(View):
    orders: list[OrderView]
    next_cursor: str | None = Field(
        default=None, description="Pass it as `cursor` to read on; null at the end"
    )


class EventView(View):
    id: str
    type: str
    version: int
    at: str
    by: str
    reason: str
    correlation_id: str
    data: dict[str, object]


class HistoryView(View):
    order_id: str
    events: list[EventView]


def order_view(order: Order) -> OrderView:
    content, progress = order.content, order.progress
    return OrderView(
        id=order.order_id,
        channel=content.channel,
        channel_order_id=content.channel_order_id,
        channel_order_name=content.channel_order_name,
        state=order.state,
        status=order.status,
        version=order.version,
        captured_at=rfc3339(content.captured_at),
        placed_at=rfc3339(content.placed_at),
        priority=content.priority,
        currency=content.currency,
        customer=CustomerDocument.model_validate(content.customer, from_attributes=True),
        shipping_address=AddressDocument.model_validate(
            content.shipping_address, from_attributes=True
        ),
        lines=[_line_view(order, index) for index in range(len(content.lines))],
        shipping=str(content.shipping),
        shipping_tax=str(content.shipping_tax or Money.zero(content.currency)),
        fees=[_fee_view(fee) for fee in content.fees],
        discount=str(content.discount),
        total=str(content.total),
        due=str(order.due),
        payment=payment_summary(order),
        payments=[payment_view(payment) for payment in order.payments.each],
        refunds=[refund_view(refund, order) for refund in progress.refunds],
        returns=[found.id for found in progress.returns],
        fulfillments=[fulfillment_view(order, part) for part in progress.fulfillments],
        sourcing=SourcingView(rule=progress.sourcing_rule, reason=progress.sourcing_reason),
        promise=_promise_view(order),
        cancel_reason=progress.cancel_reason,
        exception=progress.exception,
        unroutable=progress.unroutable,
        unpaid=progress.unpaid,
        tags=list(content.tags),
        sold_at=content.sold_at,
        exchange_of=content.exchange_of,
    )


def _promise_view(order: Order) -> CommittedPromiseView | None:
    promise = order.content.promise
    if promise is None:
        return None
    expected = order.expected_day
    return CommittedPromiseView(
        id=promise.id,
        option=promise.option,
        arrive_by=promise.arrive_by.isoformat(),
        expected=expected.isoformat() if expected else None,
        lines=_promised_views(order, promise.lines),
        changes=[_outlook_view(order, outlook) for outlook in order.progress.outlooks],
    )


def _outlook_view(order: Order, outlook: Outlook) -> OutlookView:
    promised = order.promised_day(outlook.line_id)
    assert promised is not None
    return OutlookView(
        line_id=outlook.line_id,
        promised=promised.isoformat(),
        expected=outlook.expected.isoformat() if outlook.expected else None,
        days_late=outlook.days_late,
        severity=outlook.severity,
        reason=outlook.reason,
        alternative=_promised_views(order, outlook.alternative),
        moved=_promised_views(order, outlook.moved),
    )


def _promised_views(order: Order, parts: Iterable[PromisedPart]) -> list[PromisedPartView]:
    return [
        PromisedPartView(
            line_id=part.line_id,
            node=part.node,
            source=part.source,
            quantity=_shown(part.quantity, order.content.line(part.line_id).scale),
            ship_by=rfc3339(part.ship_by),
            arrive_by=part.arrive_by.isoformat(),
        )
        for part in parts
    ]


def fulfillment_view(order: Order, fulfillment: Fulfillment) -> FulfillmentView:
    return FulfillmentView(
        id=fulfillment.id,
        order_id=order.order_id,
        node=fulfillment.node,
        state=fulfillment.state,
        carrier=fulfillment.carrier,
        tracking_number=fulfillment.tracking_number,
        lines=[
            FulfillmentLineView(
                line_id=part.line_id,
                sku=(line := order.content.line(part.line_id)).sku,
                name=line.name,
                quantity=_shown(part.quantity, line.scale),
            )
            for part in fulfillment.lines
            if not part.component
        ],
        drop_ship=fulfillment.drop_ship,
        make=fulfillment.make,
        components=[
            ComponentView(line_id=part.line_id, sku=part.sku, units=part.quantity)
            for part in fulfillment.lines
            if part.component
        ],
        method=fulfillment.method,
        hand_over_at=fulfillment.hand_over_at,
        pickup_until=rfc3339(until) if (until := fulfillment.pickup_until) else None,
        due=str(due_when_handed_over(order, fulfillment.id)),
    )


def history_view(order_id: str, envelopes: list[Envelope]) -> HistoryView:
    return HistoryView(
        order_id=order_id,
        events=[
            EventView(
                id=envelope.id,
                type=envelope.type,
                version=envelope.version,
                at=rfc3339(envelope.at),
                by=envelope.by,
                reason=envelope.reason,
                correlation_id=envelope.correlation_id,
                data=_shown_data(envelope),
            )
            for envelope in envelopes
        ],
    )


def _shown_data(envelope: Envelope) -> dict[str, object]:
    """Without the payment token: whoever may read an order may not pay with it."""
    data = dict(envelope.data)
    content = data.get("content")
    if isinstance(content, dict) and isinstance(payments := content.get("payments"), list):
        data["content"] = {**content, "payments": [_without_token(one) for one in payments]}
    for name in ("payment", "charge"):
        if isinstance(payment := data.get(name), dict):
            data[name] = _without_token(payment)
    return data


def _without_token(payment: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in payment.items() if name != "token"}


def placed_at(request: CaptureOrder, captured_at: datetime) -> datetime:
    return request.placed_at.astimezone(UTC) if request.placed_at else captured_at


def _fee_view(fee: Fee) -> FeeView:
    return FeeView(fee_id=fee.id, name=fee.name, amount=str(fee.amount), tax=str(fee.tax))


def _line_view(order: Order, index: int) -> LineView:
    line, counts = order.content.lines[index], order.progress.counts[index]
    return LineView(
        line_id=line.line_id,
        sku=line.sku,
        name=line.name,
        unit_price=str(line.unit_price),
        discount=str(line.discount),
        tax=str(line.tax),
        tax_rate=line.tax_rate,
        bundle=line.bundle,
        method=line.method,
        pickup_node=line.pickup_node,
        quantities=_counts_view(line.quantity, counts, line.scale),
    )


def _counts_view(ordered: int, counts: Counts, scale: int) -> CountsView:
    return CountsView(
        ordered=_shown(ordered, scale),
        open=_shown(ordered - counts.placed, scale),
        reserved=_shown(counts.reserved, scale),
        backordered=_shown(counts.backordered, scale),
        released=_shown(counts.released, scale),
        shipped=_shown(counts.shipped, scale),
        delivered=_shown(counts.delivered, scale),
        cancelled=_shown(counts.cancelled, scale),
        returned=_shown(counts.returned, scale),
    )


def _shown(units: int, scale: int) -> Decimal:
    return Decimal(quantity_number(units, scale))
