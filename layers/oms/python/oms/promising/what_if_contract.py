"""The JSON of what-if."""

from decimal import Decimal
from typing import Annotated

from pydantic import Field

from oms.inventory.contract import NotNegative
from oms.kernel.clock import rfc3339
from oms.kernel.quantity import quantity_number
from oms.orders.contract import Day, Document, Identifier, Moment, Quantity, View
from oms.promising.simulate import CapacityChange, Effect, LineEffect, OrderEffect
from oms.promising.what_if import AskedChanges, AskedStock, AskedSupply, Simulated


class SupplyChangeDocument(Document):
    """What is left out stays as it is. A supply that is not known is a new one."""

    sku: Identifier
    id: Identifier
    node: Identifier | None = None
    due: Moment | None = None
    quantity: NotNegative | None = None
    removed: bool = False


class StockChangeDocument(Document):
    """``quantity`` is signed."""

    sku: Identifier
    node: Identifier
    quantity: Quantity


class CapacityChangeDocument(Document):
    resource: Identifier
    day: Day
    capacity: Annotated[int, Field(ge=0, le=1_000_000_000)]


class ClosedDocument(Document):
    """A node does not work on that day."""

    node: Identifier
    day: Day


class LeadTimeDocument(Document):
    sku: Identifier
    days: Annotated[int, Field(ge=0, le=365)]


class ChangesDocument(Document):
    supplies: Annotated[tuple[SupplyChangeDocument, ...], Field(max_length=200)] = ()
    stock: Annotated[tuple[StockChangeDocument, ...], Field(max_length=200)] = ()
    capacity: Annotated[tuple[CapacityChangeDocument, ...], Field(max_length=400)] = ()
    closed: Annotated[tuple[ClosedDocument, ...], Field(max_length=400)] = ()
    lead_times: Annotated[tuple[LeadTimeDocument, ...], Field(max_length=50)] = ()


class WhatIfDocument(Document):
    """Which promises of these items would break, or get better, if ``changes`` came true."""

    skus: Annotated[list[Identifier], Field(min_length=1, max_length=50)]
    changes: ChangesDocument


class LineEffectView(View):
    line_id: str
    sku: str
    node: str
    quantity: Quantity
    effect: Effect
    days: int
    promised_to_ship_by: str
    ships_by: str | None = Field(description="null: nothing that is known to come fills it")


class OrderEffectView(View):
    order_id: str
    effect: Effect = Field(description="Of its worst line")
    days: int = Field(description="Late, or earlier")
    lines: list[LineEffectView]


class WhatIfView(View):
    """``orders`` are those that something happens to."""

    late: int
    unfilled: int
    earlier: int
    unchanged: int
    orders: list[OrderEffectView]


def changes_of(document: ChangesDocument) -> AskedChanges:
    return AskedChanges(
        supplies=tuple(
            AskedSupply(each.sku, each.id, each.node, each.due, each.quantity, each.removed)
            for each in document.supplies
        ),
        stock=tuple(AskedStock(each.sku, each.node, each.quantity) for each in document.stock),
        capacity=tuple(
            CapacityChange(each.resource, each.day, each.capacity) for each in document.capacity
        ),
        closed=tuple((each.node, each.day) for each in document.closed),
        lead_times=tuple((each.sku, each.days) for each in document.lead_times),
    )


def what_if_view(simulated: Simulated) -> WhatIfView:
    def count(effect: Effect) -> int:
        return sum(1 for order in simulated.orders if order.effect is effect)

    return WhatIfView(
        late=count(Effect.LATE),
        unfilled=count(Effect.UNFILLED),
        earlier=count(Effect.EARLIER),
        unchanged=count(Effect.UNCHANGED),
        orders=[
            _order(order, simulated)
            for order in simulated.orders
            if order.effect is not Effect.UNCHANGED
        ],
    )


def _order(order: OrderEffect, simulated: Simulated) -> OrderEffectView:
    return OrderEffectView(
        order_id=order.order_id,
        effect=order.effect,
        days=order.days,
        lines=[_line(line, simulated) for line in order.lines],
    )


def _line(line: LineEffect, simulated: Simulated) -> LineEffectView:
    row = line.row
    return LineEffectView(
        line_id=row.line_id,
        sku=row.sku,
        node=row.node,
        quantity=Decimal(quantity_number(row.quantity, simulated.items[row.sku].scale)),
        effect=line.effect,
        days=line.days,
        promised_to_ship_by=rfc3339(row.ship_by),
        ships_by=rfc3339(line.leaves) if line.leaves else None,
    )
