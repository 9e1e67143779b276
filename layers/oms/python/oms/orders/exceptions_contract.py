"""The JSON of what a person must decide, and of the decision."""

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from oms.kernel.clock import rfc3339
from oms.kernel.errors import Faults
from oms.kernel.quantity import quantity_number
from oms.orders.contract import Document, Identifier, Quantity, Text, View
from oms.orders.exceptions import (
    RETRY,
    ROUTE_TO,
    Resolution,
    StuckLine,
    StuckOrder,
    StuckPage,
)
from oms.orders.model import Order, Progress
from oms.orders.units_contract import LineUnits, units_of_lines

Why = Annotated[str, StringConstraints(max_length=200, strip_whitespace=True)]


class ResolveException(Document):
    """``retry``: once more from the beginning, every node may be asked again. ``route_to``: the
    units are work of ``node``. ``backorder``: they wait for stock. ``cancel_units``: nobody wants
    them, and what was paid for them is given back."""

    action: Literal["retry", "route_to", "backorder", "cancel_units"]
    note: Why = Field(default="", description="For whoever reads the history")
    node: Identifier | None = Field(default=None, description="Where `route_to` sends them")
    lines: Annotated[list[LineUnits], Field(max_length=500)] = Field(
        default_factory=list, description="All units that have no node when left out"
    )
    reason: Text = Field(default="", description="Why they are cancelled")


class SaidNoView(View):
    node: str
    reason: str


class StockThereView(View):
    node: str
    available: Quantity
    on_hand: Quantity


class StuckLineView(View):
    line_id: str
    sku: str
    name: str
    units: Quantity = Field(description="Units that no node has")
    waiting: Quantity = Field(description="Those of them that wait for stock")
    rejections: list[SaidNoView]
    stock: list[StockThereView] = Field(description="Where there is any of it now")


class StuckFulfillmentView(View):
    fulfillment_id: str
    node: str
    state: str
    undelivered: str = Field(description="Which parcel of it does not arrive, and why")


class ExceptionView(View):
    order_id: str
    channel: str
    channel_order_id: str
    state: str
    status: str
    since: str = Field(description="When the order was captured")
    reason: str
    rounds: int = Field(description="How often a node has said no to some of it")
    promised_by: str | None
    lines: list[StuckLineView]
    fulfillments: list[StuckFulfillmentView] = Field(description="Its work that goes on")
    actions: list[str] = Field(description="What resolves it")


class ExceptionPage(View):
    exceptions: list[ExceptionView]
    next_cursor: str | None = Field(
        default=None, description="Pass it as `cursor` to read on; null at the end"
    )


def resolution_of(document: ResolveException, order: Order) -> Resolution:
    """Raises ``Invalid`` with every fault."""
    faults = Faults()
    if (document.action == ROUTE_TO) != bool(document.node):
        code = "required" if document.action == ROUTE_TO else "not_asked_for"
        faults.add("node", code, "route_to, and nothing else, names a node")
    if document.action == RETRY and document.lines:
        faults.add("lines", "not_asked_for", "all of it is tried again")
    faults.refuse("the decision breaks a rule")
    return Resolution(
        document.action,
        document.note,
        document.node or "",
        units_of_lines(document.lines, order),
        document.reason,
    )


def exception_page(page: StuckPage) -> ExceptionPage:
    return ExceptionPage(
        exceptions=[exception_view(one) for one in page.orders], next_cursor=page.cursor
    )


def exception_view(stuck: StuckOrder) -> ExceptionView:
    order = stuck.order
    content, progress = order.content, order.progress
    lost = [part.undelivered for part in order.live_fulfillments if part.is_lost]
    promise = content.promise
    return ExceptionView(
        order_id=order.order_id,
        channel=content.channel,
        channel_order_id=content.channel_order_id,
        state=order.state,
        status=order.status,
        since=rfc3339(content.captured_at),
        reason="; ".join(filter(None, (*_reasons(progress), *lost))),
        rounds=progress.rounds,
        promised_by=promise.arrive_by.isoformat() if promise else None,
        lines=[_line(line, order) for line in stuck.lines],
        fulfillments=[
            StuckFulfillmentView(
                fulfillment_id=part.id,
                node=part.node,
                state=part.state,
                undelivered=part.undelivered,
            )
            for part in order.live_fulfillments
        ],
        actions=list(stuck.actions),
    )


def _reasons(progress: Progress) -> tuple[str, ...]:
    return (progress.exception, progress.unroutable, progress.unpaid)


def _line(stuck: StuckLine, order: Order) -> StuckLineView:
    line = order.content.line(stuck.line_id)

    def shown(units: int) -> Decimal:
        return Decimal(quantity_number(units, line.scale))

    return StuckLineView(
        line_id=line.line_id,
        sku=line.sku,
        name=line.name,
        units=shown(stuck.units),
        waiting=shown(stuck.waiting),
        rejections=[SaidNoView(node=one.node, reason=one.reason) for one in stuck.rejections],
        stock=[
            StockThereView(
                node=one.node, available=shown(one.available), on_hand=shown(one.on_hand)
            )
            for one in stuck.stock
        ],
    )
