"""What if supply, stock, capacity or rules were others: which promises would be late. Pure.

Promised lines of a SKU at a node are served in order of priority, then of the day they must leave,
then of age, each from the earliest units there are: a line is ready when what has come by then is
as much as it and all before it need. So more supply never makes a line later, less never earlier.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from enum import StrEnum

from oms.catalog.delivery import NodeCalendar, PromisingMode
from oms.catalog.model import Item, Node
from oms.inventory.position import Position, Supply
from oms.promising.atp import expected
from oms.promising.calendar import ALWAYS, NodeDays
from oms.promising.model import (
    INFINITE,
    LEAD_TIME,
    CapacityDay,
    Demand,
    production_source,
    supply_of,
)

_ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Scenario:
    """Everything that the promised ``rows`` rest on."""

    now: datetime
    rows: Sequence[Demand]
    positions: Mapping[str, Position]
    items: Mapping[str, Item]
    nodes: Mapping[str, Node]
    capacity: Mapping[str, Sequence[CapacityDay]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SupplyChange:
    """What is None stays as it is; a supply that is not known is a new one and needs all."""

    sku: str
    id: str
    node: str | None = None
    due: datetime | None = None
    quantity: int | None = None
    removed: bool = False


@dataclass(frozen=True, slots=True)
class StockChange:
    """``quantity`` is signed."""

    sku: str
    node: str
    quantity: int


@dataclass(frozen=True, slots=True)
class CapacityChange:
    resource: str
    day: date
    capacity: int


@dataclass(frozen=True, slots=True)
class Changes:
    """``closed``: days on which a node does not work; ``lead_times`` are days, by SKU."""

    supplies: tuple[SupplyChange, ...] = ()
    stock: tuple[StockChange, ...] = ()
    capacity: tuple[CapacityChange, ...] = ()
    closed: Mapping[str, tuple[date, ...]] = field(default_factory=dict)
    lead_times: Mapping[str, int] = field(default_factory=dict)


class Effect(StrEnum):
    """From the worst on."""

    UNFILLED = "unfilled"
    LATE = "late"
    EARLIER = "earlier"
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True)
class LineEffect:
    """``leaves`` is None when nothing will ever fill it; ``days`` late, or earlier."""

    row: Demand
    effect: Effect
    leaves: datetime | None
    days: int = 0


@dataclass(frozen=True, slots=True)
class OrderEffect:
    """That of its worst line."""

    order_id: str
    effect: Effect
    days: int
    lines: tuple[LineEffect, ...]


Leaving = Mapping[Demand, datetime | None]


def simulate(scenario: Scenario, changes: Changes) -> tuple[OrderEffect, ...]:
    """By order, as they are named in the rows."""
    before, after = leaving(scenario), leaving(changed(scenario, changes))
    return compare(before, after, scenario.nodes)


def compare(before: Leaving, after: Leaving, nodes: Mapping[str, Node]) -> tuple[OrderEffect, ...]:
    orders: dict[str, list[LineEffect]] = {}
    days = _Days(nodes)
    for row in before:
        effect = _effect(row, before[row], after[row], days.of(row.node))
        orders.setdefault(row.order_id, []).append(effect)
    return tuple(_of_order(order_id, lines) for order_id, lines in orders.items())


def leaving(scenario: Scenario) -> Leaving:
    """When each promised line leaves its node. Linear in rows and supplies, but for sorting."""
    queues: dict[tuple[str, str], list[Demand]] = {}
    for row in sorted(scenario.rows, key=_turn):
        queues.setdefault(_queue(row), []).append(row)
    ready: dict[Demand, datetime | None] = {}
    for (resource, sku_at), rows in queues.items():
        arrivals = (
            _produced(resource, rows[0].node, scenario)
            if resource
            else _arriving(rows[0].sku, sku_at, scenario)
        )
        ready.update(_in_turn(rows, arrivals, scenario))
    for row in scenario.rows:
        if row.source in (INFINITE, LEAD_TIME):
            ready[row] = _without_stock(row, scenario)
    days = _Days(scenario.nodes)
    return {row: _leaves(ready[row], days.of(row.node)) for row in scenario.rows}


def changed(scenario: Scenario, changes: Changes) -> Scenario:
    nodes = {
        name: replace(node, calendar=_closed(node.calendar, changes.closed[name]))
        if name in changes.closed
        else node
        for name, node in scenario.nodes.items()
    }
    return replace(
        scenario,
        positions={
            sku: _with_changes(position, changes) for sku, position in scenario.positions.items()
        },
        items={sku: _with_lead_time(item, changes) for sku, item in scenario.items.items()},
        nodes=nodes,
        capacity={
            resource: tuple(_with_capacity(resource, days, changes))
            for resource, days in scenario.capacity.items()
        },
    )


# --- who is served when ---------------------------------------------------------------------


def _turn(row: Demand) -> tuple[int, datetime, datetime, str, str, int]:
    return (-row.priority, row.ship_by, row.promised_at, row.order_id, row.line_id, row.part)


def _queue(row: Demand) -> tuple[str, str]:
    """What a row waits in line for: a resource, or a SKU at a node."""
    resource = row.source.removeprefix(production_source(""))
    return (resource, "") if resource != row.source else ("", f"{row.sku}@{row.node}")


def _in_turn(
    rows: Sequence[Demand], arrivals: Iterable[tuple[datetime, int]], scenario: Scenario
) -> Iterator[tuple[Demand, datetime | None]]:
    coming = iter(arrivals)
    there, at = 0, scenario.now
    for row in rows:
        if row.source in (INFINITE, LEAD_TIME):
            continue
        needed = _effort(row, scenario)
        while there < needed:
            following = next(coming, None)
            if following is None:
                break
            at, there = max(at, following[0]), there + following[1]
        yield row, at if there >= needed else None
        there = max(0, there - needed)


def _effort(row: Demand, scenario: Scenario) -> int:
    """Units of the SKU, or of the resource that makes it."""
    item = scenario.items.get(row.sku)
    production = item.promising.production if item else None
    if item is None or production is None or row.source != production_source(production.resource):
        return row.quantity
    whole: int = 10**item.scale
    return -(-row.quantity * production.effort // whole)


def _arriving(sku: str, sku_at: str, scenario: Scenario) -> list[tuple[datetime, int]]:
    """What rows may have of a SKU at a node: what is free, what comes and is not promised to
    anybody else. A line that stock is reserved for has no row."""
    node, position = sku_at.removeprefix(f"{sku}@"), scenario.positions[sku]
    mine = [row for row in scenario.rows if (row.sku, row.node) == (sku, node)]
    free = sum(each.available for each in position.balances if each.node == node)
    pegged: dict[str | None, int] = {}
    for row in mine:
        supply_id = supply_of(row.source)
        pegged[supply_id] = pegged.get(supply_id, 0) + row.quantity
    arrivals = [(scenario.now, max(0, free))]
    for supply in position.supplies:
        at = expected(supply, scenario.now)
        if supply.node == node and at is not None:
            others = max(0, supply.promised - pegged.get(supply.id, 0))
            arrivals.append((at, max(0, supply.open - others)))
    return sorted(arrivals)


def _produced(resource: str, node: str, scenario: Scenario) -> list[tuple[datetime, int]]:
    days = _Days(scenario.nodes).of(node)
    return [
        (days.start_of(day.date + _ONE_DAY), day.capacity)
        for day in scenario.capacity.get(resource, ())
        if day.date >= days.local_day(scenario.now)
    ]


def _without_stock(row: Demand, scenario: Scenario) -> datetime:
    item = scenario.items.get(row.sku)
    if row.source == INFINITE or item is None:
        return row.promised_at
    return row.promised_at + timedelta(days=item.promising.lead_time_days)


def _leaves(ready: datetime | None, days: NodeDays) -> datetime | None:
    shipping = days.ships(ready) if ready is not None else None
    return None if shipping is None else shipping[1]


class _Days:
    """Of each node, made once."""

    def __init__(self, nodes: Mapping[str, Node]) -> None:
        self._nodes = nodes
        self._known: dict[str, NodeDays] = {}

    def of(self, node: str) -> NodeDays:
        if node not in self._known:
            known = self._nodes.get(node)
            self._known[node] = NodeDays(known.calendar if known else None)
        return self._known[node]


# --- what becomes of it ---------------------------------------------------------------------


def _effect(
    row: Demand, before: datetime | None, after: datetime | None, days: NodeDays
) -> LineEffect:
    if after is None:
        effect = Effect.UNCHANGED if before is None else Effect.UNFILLED
        return LineEffect(row, effect, None)
    if before is None:
        return LineEffect(row, Effect.EARLIER, after)
    if after > max(before, row.ship_by):
        late = days.local_day(after) - days.local_day(row.ship_by)
        return LineEffect(row, Effect.LATE, after, late.days)
    if after < before:
        gained = days.local_day(before) - days.local_day(after)
        return LineEffect(row, Effect.EARLIER, after, gained.days)
    return LineEffect(row, Effect.UNCHANGED, after)


def _of_order(order_id: str, lines: Sequence[LineEffect]) -> OrderEffect:
    effects = list(Effect)
    worst = min((line.effect for line in lines), key=effects.index)
    days = max(line.days for line in lines if line.effect is worst)
    return OrderEffect(order_id, worst, days, tuple(lines))


# --- changes --------------------------------------------------------------------------------


def _closed(calendar: NodeCalendar | None, closed: tuple[date, ...]) -> NodeCalendar:
    known = calendar or ALWAYS
    return replace(known, closed=(*known.closed, *closed))


def _with_changes(position: Position, changes: Changes) -> Position:
    supplies = {supply.id: supply for supply in position.supplies}
    for change in changes.supplies:
        if change.sku != position.sku:
            continue
        if change.removed:
            supplies.pop(change.id, None)
        else:
            supplies[change.id] = _changed_supply(supplies.get(change.id), change)
    balances = {balance.node: balance for balance in position.balances}
    for moved in changes.stock:
        if moved.sku == position.sku:
            balance = position.at(moved.node)
            known = balances.get(moved.node, balance)
            balances[moved.node] = replace(
                known,
                on_hand=known.on_hand + moved.quantity,
                available=known.available + moved.quantity,
            )
    return replace(position, supplies=tuple(supplies.values()), balances=tuple(balances.values()))


def _changed_supply(known: Supply | None, change: SupplyChange) -> Supply:
    if known is None:
        assert change.node is not None
        assert change.due is not None
        assert change.quantity is not None
        return Supply(change.id, change.sku, change.node, change.due, change.quantity)
    return replace(
        known,
        node=change.node or known.node,
        due=change.due or known.due,
        open=known.open if change.quantity is None else change.quantity,
    )


def _with_lead_time(item: Item, changes: Changes) -> Item:
    if item.sku not in changes.lead_times or item.promising.mode is not PromisingMode.LEAD_TIME:
        return item
    promising = replace(item.promising, lead_time_days=changes.lead_times[item.sku])
    return replace(item, promising=promising)


def _with_capacity(
    resource: str, days: Sequence[CapacityDay], changes: Changes
) -> Iterator[CapacityDay]:
    by_day = {day.date: day for day in days}
    for change in changes.capacity:
        if change.resource == resource:
            known = by_day.get(change.day, CapacityDay(change.day, 0, 0))
            left = known.left + change.capacity - known.capacity
            by_day[change.day] = CapacityDay(change.day, change.capacity, left)
    yield from (by_day[day] for day in sorted(by_day))
