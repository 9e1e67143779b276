"""The JSON of picklists, and of what was found. Quantities are numbers in whole units."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated, Literal
from uuid import uuid4

from pydantic import BaseModel, Field, StringConstraints

from oms.fulfillment.picking import LARGEST, Collecting, PicklistPage
from oms.fulfillment.picklists import (
    Batching,
    ItemState,
    PickItem,
    Picklist,
    PicklistState,
    Reported,
    stops,
)
from oms.fulfillment.worklist import Work
from oms.kernel.clock import rfc3339
from oms.kernel.errors import Faults, Invalid
from oms.kernel.quantity import parse_quantity, quantity_number
from oms.orders.contract import Document, Identifier, Quantity

PicklistReason = Literal[
    "not_in_stock", "damaged", "mismatch", "display_worn", "closed", "too_busy"
]
Zone = Annotated[str, StringConstraints(pattern=r"^[\w.]{1,32}$")]


class PicklistRequest(Document):
    """``zone``: fulfilments all of which lies in that zone. ``wave``: the oldest ones, units of one
    SKU and bin together. ``order``: the oldest ones, each order's units together."""

    id: Annotated[str, StringConstraints(pattern=r"^[\w.:\-]{1,64}$")] | None = Field(
        default=None, description="Yours: the same again finds the same list"
    )
    by: Batching = Batching.WAVE
    zone: Zone | None = None
    limit: Annotated[int, Field(ge=1, le=LARGEST)] = Field(default=20, description="Fulfilments")
    assigned_to: Identifier | None = None


class PicklistAssignment(Document):
    assigned_to: Identifier


class PickedLine(Document):
    """``picked`` of the units that were asked for; all of them when it is left out. ``reason`` says
    why the rest was not, which is then routed again."""

    line_id: Identifier
    picked: Quantity | None = None
    reason: PicklistReason | None = None


class PickedItem(PickedLine):
    fulfillment_id: Identifier


class PickedReport(Document):
    """Without ``lines`` everything that is left was found. A fulfilment goes on once all its lines
    are reported."""

    lines: Annotated[tuple[PickedItem, ...], Field(max_length=1000)] = ()


class ShortPick(Document):
    """What was found of a fulfilment; lines that are left out were found whole."""

    lines: Annotated[tuple[PickedLine, ...], Field(max_length=100)] = ()


class PickPartView(BaseModel):
    """Units that go to one fulfilment."""

    fulfillment_id: str
    line_id: str
    quantity: Quantity
    picked: Quantity
    state: ItemState
    reason: str


class PickStopView(BaseModel):
    """Units of a SKU that are picked together."""

    bin: str
    zone: str
    sku: str
    name: str
    quantity: Quantity
    picked: Quantity
    parts: list[PickPartView]


class PicklistView(BaseModel):
    """``stops`` are in the order of the walk: by bin, then by SKU."""

    id: str
    node: str
    by: Batching
    zone: str
    state: PicklistState
    assigned_to: str
    created_at: str
    fulfillments: list[str]
    stops: list[PickStopView]


class PicklistPageView(BaseModel):
    picklists: list[PicklistView]
    next_cursor: str | None = None


def collecting(node: str, request: PicklistRequest) -> Collecting:
    return Collecting(
        id=request.id or f"pick_{uuid4().hex}",
        node=node,
        by=request.by,
        zone=request.zone or "",
        limit=request.limit,
        assigned_to=request.assigned_to or "",
    )


def reported(lines: Sequence[PickedItem], picklist: Picklist) -> list[Reported]:
    """Raises ``Invalid`` with every quantity that its item cannot be counted in."""
    scales = {item.key: item.scale for item in picklist.items}
    faults = Faults()
    found = [
        Reported(
            line.fulfillment_id,
            line.line_id,
            _units(
                f"lines.{index}.picked",
                line.picked,
                scales.get((line.fulfillment_id, line.line_id), 0),
                faults,
            ),
            line.reason or "",
        )
        for index, line in enumerate(lines)
    ]
    faults.refuse("the report breaks a rule")
    return found


def short_pick(lines: Sequence[PickedLine], work: Work) -> tuple[dict[str, int], dict[str, str]]:
    """Units found and reasons, by line. Raises ``Invalid`` with every fault."""
    asked, faults = work.fulfillment.units, Faults()
    known = {line.line_id for line in work.order.content.lines}
    found: dict[str, int] = {}
    for index, line in enumerate(lines):
        path = f"lines.{index}"
        if line.line_id not in asked:
            if line.picked == 0 and line.line_id in known:
                # Said again: it was rejected whole.
                continue
            faults.add(path, "unknown_line", "the fulfilment has no such line")
            continue
        if line.line_id in found:
            faults.add(path, "line_twice", "it is there before")
        scale = work.order.content.line(line.line_id).scale
        units = _units(f"{path}.picked", line.picked, scale, faults)
        found[line.line_id] = asked[line.line_id] if units is None else units
        if not 0 <= found[line.line_id] <= asked[line.line_id]:
            faults.add(f"{path}.picked", "quantities_do_not_add_up", "more than was asked for")
    faults.refuse("what was found breaks a rule")
    return found, {line.line_id: line.reason for line in lines if line.reason}


def picklist_view(picklist: Picklist) -> PicklistView:
    return PicklistView(
        id=picklist.id,
        node=picklist.node,
        by=picklist.by,
        zone=picklist.zone,
        state=picklist.state,
        assigned_to=picklist.assigned_to,
        created_at=rfc3339(picklist.created_at),
        fulfillments=list(picklist.fulfillments),
        stops=[
            PickStopView(
                bin=stop.bin,
                zone=stop.items[0].zone,
                sku=stop.sku,
                name=stop.items[0].name,
                quantity=_shown(stop.quantity, stop.items[0]),
                picked=_shown(stop.picked, stop.items[0]),
                parts=[_part_view(item) for item in stop.items],
            )
            for stop in stops(picklist)
        ],
    )


def picklist_page_view(page: PicklistPage) -> PicklistPageView:
    picklists = [picklist_view(one) for one in page.picklists]
    return PicklistPageView(picklists=picklists, next_cursor=page.cursor)


def _part_view(item: PickItem) -> PickPartView:
    return PickPartView(
        fulfillment_id=item.fulfillment_id,
        line_id=item.line_id,
        quantity=_shown(item.quantity, item),
        picked=_shown(item.picked, item),
        state=item.state,
        reason=item.reason,
    )


def _units(path: str, quantity: Decimal | None, scale: int, faults: Faults) -> int | None:
    if quantity is None:
        return None
    if quantity == 0:
        return 0
    try:
        return parse_quantity(quantity, scale)
    except Invalid as refused:
        faults.add(path, refused.problem_code, refused.detail)
        return 0


def _shown(units: int, item: PickItem) -> Decimal:
    return Decimal(quantity_number(units, item.scale))
