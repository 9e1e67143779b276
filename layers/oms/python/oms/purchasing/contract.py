"""The JSON of purchase orders and replenishment. Quantities have at most the item's decimals."""

from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, WithJsonSchema

from oms.kernel.clock import rfc3339
from oms.kernel.quantity import quantity_number
from oms.orders.contract import (
    AddressDocument,
    Document,
    Identifier,
    Moment,
    Quantity,
    View,
)
from oms.purchasing.model import MAX_LINES, Line, PurchaseOrder, PurchaseState, ShippingNotice
from oms.purchasing.reorder import Outlook, Settings
from oms.purchasing.store import Page, Summary

PURCHASE_ORDER_ID = r"^[A-Za-z0-9_.\-]{1,64}$"

PurchaseOrderId = Annotated[str, StringConstraints(pattern=PURCHASE_ORDER_ID)]
Positive = Annotated[
    Quantity, Field(gt=0), WithJsonSchema({"type": "number", "exclusiveMinimum": 0})
]
NotNegative = Annotated[Quantity, Field(ge=0), WithJsonSchema({"type": "number", "minimum": 0})]


class PurchaseLineDocument(Document):
    """``due``: when the supplier is asked to have it there."""

    sku: Identifier
    quantity: Positive
    due: Moment


class PurchaseOrderDocument(Document):
    """``id`` is yours: the same order sent again changes nothing. Left out, a new one is made.

    ``supplier`` is a node of that kind, ``node`` is where it is to arrive. More than is ordered is
    received only with ``allow_over_receipt``, or up to ``over_receipt_percent`` of a line.
    """

    id: PurchaseOrderId | None = None
    supplier: Identifier
    node: Identifier
    lines: Annotated[list[PurchaseLineDocument], Field(min_length=1, max_length=MAX_LINES)]
    allow_over_receipt: bool = False
    over_receipt_percent: Annotated[int, Field(ge=0, le=100)] = 0


class ConfirmedLineDocument(Document):
    """What the supplier says of a line: fewer may come, and later."""

    sku: Identifier
    quantity: NotNegative
    due: Moment


class ConfirmationDocument(Document):
    """A line that is not named comes as it was ordered."""

    lines: list[ConfirmedLineDocument] = Field(default_factory=list, max_length=MAX_LINES)


class DueDocument(Document):
    due: Moment


class NoticeLineDocument(Document):
    sku: Identifier
    quantity: Positive


class ShippingNoticeDocument(Document):
    """``id`` is the supplier's, of the delivery; ``expected_at``: when that part arrives. Of what
    goes to a customer ``carrier`` and ``tracking_number`` are needed: it has left then."""

    id: PurchaseOrderId
    expected_at: Moment
    lines: Annotated[list[NoticeLineDocument], Field(min_length=1, max_length=MAX_LINES)]
    carrier: Annotated[str, StringConstraints(max_length=64)] = ""
    tracking_number: Annotated[str, StringConstraints(max_length=64)] = ""


class RejectedLineDocument(Document):
    """``quantity``: how many of the line the supplier will not send in all, so that saying it
    again changes nothing."""

    sku: Identifier
    quantity: Positive


class RejectionDocument(Document):
    """Without ``lines`` nothing of the order that is open is sent."""

    reason: Literal["not_in_stock", "damaged", "mismatch", "display_worn", "closed", "too_busy"]
    lines: (
        Annotated[list[RejectedLineDocument], Field(min_length=1, max_length=MAX_LINES)] | None
    ) = None


class ReplenishmentDocument(Document):
    """An order is suggested when what is available and on order, less what is owed, falls to
    ``reorder_point``, or lasts for fewer than ``cover_days`` at the rate of sales of up to 28 days;
    of as many ``reorder_quantity`` as it takes."""

    reorder_point: NotNegative
    reorder_quantity: Positive
    supplier: Identifier
    lead_time_days: Annotated[int, Field(ge=0, le=365)]
    cover_days: Annotated[int, Field(ge=0, le=365)] = 0


class PurchaseLineView(View):
    sku: str
    quantity: Quantity = Field(description="What was ordered")
    due: str
    received: Quantity
    short: Quantity = Field(description="What will not come")
    open: Quantity = Field(description="What is still to come, in notices or not")
    announced: Quantity = Field(description="What of it a shipping notice has a date for")
    late: bool = Field(description="Its date has passed, and it was told")


class NoticeLineView(View):
    sku: str
    quantity: Quantity
    open: Quantity


class ShippingNoticeView(View):
    id: str
    expected_at: str
    carrier: str
    tracking_number: str
    lines: list[NoticeLineView]


class PurchaseOrderView(View):
    id: str
    supplier: str
    node: str
    state: PurchaseState
    created_at: str
    updated_at: str
    lines: list[PurchaseLineView]
    shipping_notices: list[ShippingNoticeView]
    allow_over_receipt: bool
    over_receipt_percent: int
    suggested: bool = Field(description="Replenishment suggested it")
    drop_ship: bool = Field(description="It goes to a customer; its id is that of the fulfilment")
    ship_to: AddressDocument | None
    reference: str = Field(description="What the customer knows the order by")
    version: int


class PurchaseOrderSummary(View):
    id: str
    supplier: str
    node: str
    state: PurchaseState
    created_at: str
    skus: list[str]


class PurchaseOrderPage(View):
    purchase_orders: list[PurchaseOrderSummary]
    next_cursor: str | None = None


class ReplenishmentSettings(View):
    sku: str
    node: str
    reorder_point: Quantity
    reorder_quantity: Quantity
    supplier: str
    lead_time_days: int
    cover_days: int
    suggestion: str = Field(description="The purchase order that was last suggested, if any")


class ReplenishmentView(ReplenishmentSettings):
    available: Quantity
    on_order: Quantity = Field(description="On its way there, by purchase orders and transfers")
    owed: Quantity = Field(description="The node's part of what backordered orders wait for")
    position: Quantity = Field(description="available + on_order - owed")
    sold_per_day: float | None = Field(description="None until a whole day has been seen")
    days_of_cover: float | None = Field(description="None when nothing is sold")


class ReplenishmentPage(View):
    replenishment: list[ReplenishmentView]
    next_cursor: str | None = None


def settings_view(settings: Settings) -> ReplenishmentSettings:
    return ReplenishmentSettings(**_settings(settings))


def replenishment_view(settings: Settings, view: Outlook) -> ReplenishmentView:
    scale, per_day = settings.scale, view.sold_per_day
    return ReplenishmentView(
        **_settings(settings),
        available=_shown(view.available, scale),
        on_order=_shown(view.on_order, scale),
        owed=_shown(view.owed, scale),
        position=_shown(view.position, scale),
        sold_per_day=None if per_day is None else round(per_day / 10**scale, 2),
        days_of_cover=None if view.days_of_cover is None else round(view.days_of_cover, 1),
    )


def _settings(settings: Settings) -> dict[str, Any]:
    return {
        "sku": settings.sku,
        "node": settings.node,
        "reorder_point": _shown(settings.reorder_point, settings.scale),
        "reorder_quantity": _shown(settings.reorder_quantity, settings.scale),
        "supplier": settings.supplier,
        "lead_time_days": settings.lead_time_days,
        "cover_days": settings.cover_days,
        "suggestion": settings.suggestion,
    }


def purchase_order_view(order: PurchaseOrder) -> PurchaseOrderView:
    return PurchaseOrderView(
        id=order.id,
        supplier=order.supplier,
        node=order.node,
        state=order.state,
        created_at=rfc3339(order.created_at),
        updated_at=rfc3339(order.updated_at),
        lines=[_line_view(order, line) for line in order.lines],
        shipping_notices=[_notice_view(order, notice) for notice in order.notices],
        allow_over_receipt=order.allow_over_receipt,
        over_receipt_percent=order.over_receipt_percent,
        suggested=order.suggested,
        drop_ship=order.drop_ship,
        ship_to=(
            AddressDocument.model_validate(order.ship_to, from_attributes=True)
            if order.ship_to
            else None
        ),
        reference=order.reference,
        version=order.version,
    )


def page_view(page: Page) -> PurchaseOrderPage:
    return PurchaseOrderPage(
        purchase_orders=[_summary(order) for order in page.orders], next_cursor=page.cursor
    )


def _summary(order: Summary) -> PurchaseOrderSummary:
    return PurchaseOrderSummary(
        id=order.id,
        supplier=order.supplier,
        node=order.node,
        state=order.state,
        created_at=rfc3339(order.created_at),
        skus=list(order.skus),
    )


def _line_view(order: PurchaseOrder, line: Line) -> PurchaseLineView:
    return PurchaseLineView(
        sku=line.sku,
        quantity=_shown(line.ordered, line.scale),
        due=rfc3339(line.due),
        received=_shown(line.received, line.scale),
        short=_shown(line.short, line.scale),
        open=_shown(line.open, line.scale),
        announced=_shown(min(order.announced(line.sku), line.open), line.scale),
        late=line.late,
    )


def _notice_view(order: PurchaseOrder, notice: ShippingNotice) -> ShippingNoticeView:
    scales = {line.sku: line.scale for line in order.lines}
    return ShippingNoticeView(
        id=notice.id,
        expected_at=rfc3339(notice.expected_at),
        carrier=notice.carrier,
        tracking_number=notice.tracking_number,
        lines=[
            NoticeLineView(
                sku=line.sku,
                quantity=_shown(line.quantity, scales[line.sku]),
                open=_shown(line.open, scales[line.sku]),
            )
            for line in notice.lines
        ],
    )


def _shown(units: int, scale: int) -> Decimal:
    return Decimal(quantity_number(units, scale))
