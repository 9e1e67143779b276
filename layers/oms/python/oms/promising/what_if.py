"""Asking what would become of the promises made, if things were different. Commits nothing."""

from collections.abc import Collection, Iterator, Mapping, Set
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from oms.catalog.bundles import parts_of, with_components
from oms.catalog.model import Item, Node
from oms.inventory.position import Position
from oms.kernel.errors import Faults, Invalid, TooLarge
from oms.kernel.quantity import parse_quantity
from oms.promising.asking import MOST_SKUS, Known
from oms.promising.model import CapacityDay, Demand
from oms.promising.simulate import (
    CapacityChange,
    Changes,
    OrderEffect,
    Scenario,
    StockChange,
    SupplyChange,
    simulate,
)
from oms.promising.store import DemandRows

# Lines that are looked at; a SKU that more are promised of is not simulated online.
MOST_ROWS = 5_000

_AHEAD = timedelta(days=366)
_PAGE = 100


@dataclass(frozen=True, slots=True)
class AskedSupply:
    """A change as it was asked for; see ``SupplyChange``."""

    sku: str
    id: str
    node: str | None
    due: datetime | None
    quantity: Decimal | None
    removed: bool


@dataclass(frozen=True, slots=True)
class AskedStock:
    sku: str
    node: str
    quantity: Decimal


@dataclass(frozen=True, slots=True)
class AskedChanges:
    supplies: tuple[AskedSupply, ...] = ()
    stock: tuple[AskedStock, ...] = ()
    capacity: tuple[CapacityChange, ...] = ()
    closed: tuple[tuple[str, date], ...] = ()
    lead_times: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Simulated:
    items: Mapping[str, Item]
    orders: tuple[OrderEffect, ...]


def what_if(
    skus: Collection[str], asked: AskedChanges, now: datetime, known: Known, demand: DemandRows
) -> Simulated:
    """What becomes of the promised lines of ``skus``, bundles taken apart. Raises ``Invalid`` with
    every fault, and ``TooLarge`` when there are more than five thousand lines."""
    named = set(skus)
    faults = Faults()
    if not 1 <= len(named) <= MOST_SKUS:
        faults.add("skus", "too_many_skus", f"ask for 1 to {MOST_SKUS} items")
    faults.refuse("the question breaks a rule")
    items = with_components(named, known.catalog)
    for sku in sorted(named - items.keys()):
        faults.add("skus", "unknown_sku", f"{sku!r} is not in the catalogue")
    faults.refuse("the question breaks a rule")
    wanted = {part for sku in named for part in parts_of(sku, items)}
    nodes = {node.id: node for node in known.catalog.nodes(_named(asked))}
    positions = known.stock.positions(wanted, now)
    changes = _checked(asked, wanted, items, nodes, positions, now, faults)
    faults.refuse("the changes break a rule")
    rows = tuple(_rows(wanted, demand))
    resources = {each.resource for each in asked.capacity} | _resources(items, wanted)
    first = now.date() - timedelta(days=1)
    capacity: Mapping[str, list[CapacityDay]] = (
        known.capacities.days(resources, first, first + _AHEAD) if resources else {}
    )
    return Simulated(
        items, simulate(Scenario(now, rows, positions, items, nodes, capacity), changes)
    )


def _rows(skus: Set[str], demand: DemandRows) -> Iterator[Demand]:
    read = 0
    for sku in sorted(skus):
        cursor: str | None = None
        while True:
            page = demand.rows(sku, _PAGE, cursor)
            yield from page.rows
            # A line that waits for nothing has no row, and is read all the same.
            read += _PAGE if page.cursor else len(page.rows)
            if read > MOST_ROWS:
                raise TooLarge(
                    f"more than {MOST_ROWS} lines are promised of these items",
                    code="too_many_promises",
                    context={"limit": "promised_lines", "maximum": MOST_ROWS},
                )
            cursor = page.cursor
            if cursor is None:
                break


def _named(asked: AskedChanges) -> set[str]:
    supplies = {each.node for each in asked.supplies if each.node}
    return supplies | {each.node for each in asked.stock} | {node for node, _ in asked.closed}


def _resources(items: Mapping[str, Item], skus: Set[str]) -> set[str]:
    made = (items[sku].promising.production for sku in skus)
    return {production.resource for production in made if production is not None}


def _checked(
    asked: AskedChanges,
    skus: Set[str],
    items: Mapping[str, Item],
    nodes: Mapping[str, Node],
    positions: Mapping[str, Position],
    now: datetime,
    faults: Faults,
) -> Changes:
    def item_at(path: str, sku: str) -> Item | None:
        if sku in skus:
            return items[sku]
        faults.add(f"{path}.sku", "not_asked_for", f"{sku!r} is not among the items asked for")
        return None

    def check_node(path: str, node: str) -> None:
        if node not in nodes:
            faults.add(f"{path}.node", "unknown_node", f"{node!r} is not a node")

    supplies: list[SupplyChange] = []
    for index, each in enumerate(asked.supplies):
        path = f"changes.supplies.{index}"
        item = item_at(path, each.sku)
        if each.node:
            check_node(path, each.node)
        if each.due is not None and each.due < now:
            faults.add(f"{path}.due", "in_the_past", "what comes, comes later than now")
        quantity = None
        if item and each.quantity is not None:
            quantity = _units(f"{path}.quantity", each.quantity, item, faults)
        if item and not _is_whole(each, positions[each.sku]):
            faults.add(path, "unknown_supply", "a new supply has a node, a date and a quantity")
        supplies.append(
            SupplyChange(each.sku, each.id, each.node, each.due, quantity, each.removed)
        )
    stock: list[StockChange] = []
    for index, moved in enumerate(asked.stock):
        path = f"changes.stock.{index}"
        item = item_at(path, moved.sku)
        check_node(path, moved.node)
        units = _units(f"{path}.quantity", moved.quantity, item, faults) if item else 0
        stock.append(StockChange(moved.sku, moved.node, units))
    closed: dict[str, tuple[date, ...]] = {}
    for index, (node, day) in enumerate(asked.closed):
        check_node(f"changes.closed.{index}", node)
        closed[node] = (*closed.get(node, ()), day)
    for index, (sku, _) in enumerate(asked.lead_times):
        item_at(f"changes.lead_times.{index}", sku)
    return Changes(tuple(supplies), tuple(stock), asked.capacity, closed, dict(asked.lead_times))


def _is_whole(asked: AskedSupply, position: Position) -> bool:
    known = any(supply.id == asked.id for supply in position.supplies)
    complete = None not in (asked.node, asked.due, asked.quantity)
    return known or (complete and not asked.removed)


def _units(path: str, quantity: Decimal, item: Item, faults: Faults) -> int:
    try:
        return parse_quantity(quantity, item.scale)
    except Invalid as refused:
        faults.add(path, refused.problem_code, refused.detail)
        return 0
