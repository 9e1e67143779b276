"""Picklists: what one person picks in one walk, and what came of it. Pure.

Two machines, both data: the list's own, and that of each of its items. A list is made of whole
fulfilments of one node; each of them is ``done`` once all its items are reported. The machines are
printed in ``docs/fulfillment.md``.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from oms.kernel.errors import Conflict, Faults
from oms.orders.work import REJECT_REASONS

NOT_IN_STOCK = "not_in_stock"


class Batching(StrEnum):
    """What a list is made of: the fulfilments that lie in one zone, the oldest ones whatever their
    zones, or the same with each order's items together."""

    ZONE = "zone"
    WAVE = "wave"
    ORDER = "order"


class PicklistState(StrEnum):
    CREATED = "created"
    ASSIGNED = "assigned"
    PICKED = "picked"
    COMPLETED = "completed"
    CANCELLED = "cancelled"


class ItemState(StrEnum):
    PENDING = "pending"
    PICKED = "picked"
    SHORT = "short"


# ``pick`` is the report of the last item, ``complete`` that each fulfilment has gone on.
PICKLIST_TRANSITIONS: Mapping[PicklistState, Mapping[str, PicklistState]] = MappingProxyType(
    {
        PicklistState.CREATED: {
            "assign": PicklistState.ASSIGNED,
            "pick": PicklistState.PICKED,
            "cancel": PicklistState.CANCELLED,
        },
        PicklistState.ASSIGNED: {
            "assign": PicklistState.ASSIGNED,
            "pick": PicklistState.PICKED,
            "cancel": PicklistState.CANCELLED,
        },
        PicklistState.PICKED: {"complete": PicklistState.COMPLETED},
        PicklistState.COMPLETED: {},
        PicklistState.CANCELLED: {},
    }
)

ITEM_TRANSITIONS: Mapping[ItemState, Mapping[str, ItemState]] = MappingProxyType(
    {
        ItemState.PENDING: {"pick": ItemState.PICKED, "short": ItemState.SHORT},
        ItemState.PICKED: {},
        ItemState.SHORT: {},
    }
)


@dataclass(frozen=True, slots=True)
class PickItem:
    """``quantity`` units of a line to be picked, in 10^-``scale``, of which ``picked`` were found;
    ``reason`` says why the rest was not."""

    fulfillment_id: str
    line_id: str
    sku: str
    name: str
    quantity: int
    scale: int = 0
    bin: str = ""
    state: ItemState = ItemState.PENDING
    picked: int = 0
    reason: str = ""

    @property
    def zone(self) -> str:
        return zone_of(self.bin)

    @property
    def key(self) -> tuple[str, str]:
        return (self.fulfillment_id, self.line_id)


@dataclass(frozen=True, slots=True)
class Picklist:
    """``items`` stand in the order of the walk. ``done``: fulfilments that have gone on with what
    was picked of them. ``version`` counts what was stored, from 1."""

    id: str
    node: str
    by: Batching
    created_at: datetime
    items: tuple[PickItem, ...]
    zone: str = ""
    state: PicklistState = PicklistState.CREATED
    assigned_to: str = ""
    done: tuple[str, ...] = ()
    version: int = 0

    @property
    def fulfillments(self) -> tuple[str, ...]:
        """Each once, in the order of the walk."""
        return tuple(dict.fromkeys(item.fulfillment_id for item in self.items))

    @property
    def to_go_on(self) -> tuple[str, ...]:
        """Fulfilments all of whose items are reported, and that have not gone on yet."""
        pending = {one.fulfillment_id for one in self.items if one.state is ItemState.PENDING}
        return tuple(one for one in self.fulfillments if one not in {*pending, *self.done})

    def picked_of(self, fulfillment_id: str) -> dict[str, int]:
        """Units found, by line."""
        return {
            item.line_id: item.picked
            for item in self.items
            if item.fulfillment_id == fulfillment_id
        }

    def reasons_of(self, fulfillment_id: str) -> dict[str, str]:
        """Why units of a line were not found."""
        return {
            item.line_id: item.reason
            for item in self.items
            if item.fulfillment_id == fulfillment_id and item.reason
        }


@dataclass(frozen=True, slots=True)
class Reported:
    """What was found of an item; None: all of it."""

    fulfillment_id: str
    line_id: str
    picked: int | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Stop:
    """A bin where units of a SKU are picked together, and for which fulfilments."""

    bin: str
    sku: str
    items: tuple[PickItem, ...]

    @property
    def quantity(self) -> int:
        return sum(item.quantity for item in self.items)

    @property
    def picked(self) -> int:
        return sum(item.picked for item in self.items)


def zone_of(bin_location: str) -> str:
    """What stands before the first hyphen: ``A`` of ``A-03-2``. Without a bin there is none."""
    return bin_location.partition("-")[0]


def walk(items: Iterable[PickItem], by: Batching) -> tuple[PickItem, ...]:
    """Items in the order in which they are picked: by bin, then by SKU; what has no bin comes
    last. By order: those of each fulfilment together, the first one first."""
    items = tuple(items)
    if by is not Batching.ORDER:
        return tuple(sorted(items, key=_place))
    first = {
        one: number for number, one in enumerate(dict.fromkeys(i.fulfillment_id for i in items))
    }
    return tuple(sorted(items, key=lambda item: (first[item.fulfillment_id], *_place(item))))


def stops(picklist: Picklist) -> tuple[Stop, ...]:
    """The walk: units of one SKU in one bin are one stop; by order only those of one fulfilment."""
    found: dict[tuple[str, str, str], list[PickItem]] = {}
    for item in picklist.items:
        order = item.fulfillment_id if picklist.by is Batching.ORDER else ""
        found.setdefault((order, item.bin, item.sku), []).append(item)
    return tuple(Stop(key[1], key[2], tuple(items)) for key, items in found.items())


def lies_in(zone: str, items: Iterable[PickItem]) -> bool:
    """Whether all of it is picked in the zone."""
    return all(item.zone == zone for item in items)


def may(picklist: Picklist, step: str) -> None:
    """Raises ``Conflict`` (``illegal_transition``) when the table does not have the step."""
    allowed = PICKLIST_TRANSITIONS[picklist.state]
    if step not in allowed:
        raise Conflict(
            f"the picklist is {picklist.state}; {step} is not possible then",
            code="illegal_transition",
            context={"state": picklist.state, "allowed": sorted(allowed)},
        )


def assign(picklist: Picklist, to: str) -> Picklist:
    if picklist.assigned_to == to and picklist.state is PicklistState.ASSIGNED:
        return picklist
    may(picklist, "assign")
    return replace(picklist, state=PicklistState.ASSIGNED, assigned_to=to)


def cancel(picklist: Picklist) -> Picklist:
    """Not once anything of it has gone on: the rest is reported then."""
    if picklist.state is PicklistState.CANCELLED:
        return picklist
    may(picklist, "cancel")
    if any(item.state is not ItemState.PENDING for item in picklist.items):
        raise Conflict("a part of it has been picked: report the rest", code="picking_has_begun")
    return replace(picklist, state=PicklistState.CANCELLED)


def report(picklist: Picklist, lines: Sequence[Reported]) -> Picklist:
    """The list with what was found; without ``lines`` all that is pending was found whole. What was
    said before may be said again. Raises ``Invalid`` with every fault, and ``Conflict``
    (``already_reported``, ``illegal_transition``)."""
    lines = lines or [
        Reported(*item.key) for item in picklist.items if item.state is ItemState.PENDING
    ]
    items = {item.key: item for item in picklist.items}
    _refuse_faults(lines, items)
    for line in lines:
        key = (line.fulfillment_id, line.line_id)
        items[key] = _reported(items[key], line, picklist)
    return _in_its_state(replace(picklist, items=tuple(items.values())))


def gone_on(picklist: Picklist, fulfillments: Iterable[str]) -> Picklist:
    """``fulfillments`` are done; with the last of them so is the list."""
    done = tuple(dict.fromkeys((*picklist.done, *fulfillments)))
    picklist = replace(picklist, done=done)
    if picklist.state is PicklistState.PICKED and set(done) >= set(picklist.fulfillments):
        may(picklist, "complete")
        return replace(picklist, state=PicklistState.COMPLETED)
    return picklist


def _in_its_state(picklist: Picklist) -> Picklist:
    if any(item.state is ItemState.PENDING for item in picklist.items):
        return picklist
    if picklist.state in (PicklistState.PICKED, PicklistState.COMPLETED):
        return picklist
    return replace(picklist, state=PicklistState.PICKED)


def _refuse_faults(lines: Sequence[Reported], items: Mapping[tuple[str, str], PickItem]) -> None:
    faults, seen = Faults(), set[tuple[str, str]]()
    for index, line in enumerate(lines):
        key, path = (line.fulfillment_id, line.line_id), f"lines.{index}"
        item = items.get(key)
        if item is None:
            faults.add(path, "unknown_line", "it is not on the picklist")
        elif key in seen:
            faults.add(path, "line_twice", "it is there before")
        elif line.picked is not None and not 0 <= line.picked <= item.quantity:
            faults.add(f"{path}.picked", "quantities_do_not_add_up", "more than was asked for")
        if line.reason and line.reason not in REJECT_REASONS:
            faults.add(f"{path}.reason", "unknown_reason", f"one of {', '.join(REJECT_REASONS)}")
        seen.add(key)
    faults.refuse("the report breaks a rule")


def _reported(item: PickItem, line: Reported, picklist: Picklist) -> PickItem:
    picked = item.quantity if line.picked is None else line.picked
    if item.state is not ItemState.PENDING:
        if picked == item.picked:
            return item
        raise Conflict(
            f"{item.picked} of line {item.line_id} were reported before", code="already_reported"
        )
    may(picklist, "pick")
    step = "pick" if picked == item.quantity else "short"
    short = step == "short"
    return replace(
        item,
        state=ITEM_TRANSITIONS[item.state][step],
        picked=picked,
        reason=(line.reason or NOT_IN_STOCK) if short else "",
    )


def _place(item: PickItem) -> tuple[bool, str, str, str, str]:
    return (not item.bin, item.bin, item.sku, item.fulfillment_id, item.line_id)
