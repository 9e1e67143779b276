"""What promising costs: read units of availability, and promises a CPU second can make.

Read units are computed from the sizes of the items that each query returns, by DynamoDB's rules
(names and values; half a unit for each 4 KB begun, since nothing asks for a consistent read). The
stores run as they are, over tables in memory that answer the queries the stores send; a hundred
thousand orders are laid into them as they would lie on AWS: ledger entries, promised lines, live
reservations, orders that wait.

A promise's CPU time is that of the engine: from positions, as they were read, to ranked options
with their evidence.

``python -m benchmarks.promising`` measures it alone.
"""

import gc
import re
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from datetime import time as time_of_day
from typing import Any, Protocol

from oms.aws.catalog_store import CachedCatalog, CatalogStore
from oms.aws.promise_store import PromiseStore
from oms.aws.stock_store import StockStore
from oms.aws.supply_items import supply_item
from oms.catalog.delivery import Band, CarrierService, NodeCalendar, Promising, PublicHolidays
from oms.catalog.model import Channel, Item, Node
from oms.inventory.model import Balance
from oms.inventory.position import Position, Supply
from oms.kernel.clock import rfc3339
from oms.kernel.encoding import to_json
from oms.kernel.money import Money
from oms.promising.asking import Known, available
from oms.promising.atp import available_to_promise
from oms.promising.model import Basket, BasketLine, Destination, Offer
from oms.promising.options import offer
from oms.promising.sources import Facts

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
ORDERS = 100_000
LINES, NODES, BUCKETS, SERVICES = 10, 200, 10, 4
RUNS, REPEATS = 5, 3

_CALENDAR = NodeCalendar("America/Sao_Paulo", time_of_day(14), holidays=PublicHolidays("BR", "SP"))
_RIO = Destination("BR", "RJ", "Rio de Janeiro", "", -22.9, -43.2)
_KILOBYTES = 4096
_READ_SIZES = [(skus, nodes) for nodes in (5, 200) for skus in (1, 10, 50)]


@dataclass(frozen=True, slots=True)
class Size:
    """A basket of so many lines, over nodes, each item with so many supplies that come."""

    lines: int = LINES
    nodes: int = NODES
    buckets: int = BUCKETS


@dataclass(frozen=True, slots=True)
class Speed:
    size: Size
    per_cpu_second: float


@dataclass(frozen=True, slots=True)
class Reads:
    """Read units of one call, of the table of stock; ``after`` so many orders more."""

    skus: int
    nodes: int
    queries: int
    units: float
    after: float


@dataclass(frozen=True, slots=True)
class PromisingFigures:
    """``catalogue``: read units of the items, nodes and services, once in half a minute."""

    speeds: Sequence[Speed]
    reads: Sequence[Reads]
    catalogue: float
    orders: int = ORDERS


def measure(orders: int = ORDERS) -> PromisingFigures:
    reads, catalogue = measure_reads(orders)
    return PromisingFigures([measure_speed(size) for size in sizes()], reads, catalogue, orders)


# --- promises a CPU second ------------------------------------------------------------------


def sizes() -> Iterator[Size]:
    """The one that is aimed at, then each dimension for itself."""
    usual = Size()
    yield usual
    yield from (replace(usual, lines=lines) for lines in (1, 5, 20, 50))
    yield from (replace(usual, nodes=nodes) for nodes in (5, 50, 400))
    yield from (replace(usual, buckets=buckets) for buckets in (0, 50, 100))


def measure_speed(size: Size, runs: int = RUNS) -> Speed:
    """The best of three, since nothing but a busy machine makes it slower."""
    asked = Asked.of(size)
    assert asked.answer().options
    return Speed(size, runs / min(_cpu_time(asked, runs) for _ in range(REPEATS)))


def _cpu_time(asked: "Asked", runs: int) -> float:
    gc.collect()
    begun = time.process_time()
    for _ in range(runs):
        asked.answer()
    return time.process_time() - begun


@dataclass(frozen=True, slots=True)
class Asked:
    basket: Basket
    items: Mapping[str, Item]
    positions: Mapping[str, Position]
    nodes: Sequence[Node]
    services: Sequence[CarrierService]

    @classmethod
    def of(cls, size: Size) -> "Asked":
        """No node has enough of everything today, so that splits are looked for as well."""
        skus = [f"SKU-{number}" for number in range(size.lines)]
        return cls(
            Basket(
                tuple(BasketLine(sku, sku, 3, Money(1500, "BRL")) for sku in skus),
                _RIO,
                NOW,
                "BRL",
            ),
            {sku: _item(sku) for sku in skus},
            {
                sku: Position(
                    sku,
                    tuple(_balance(sku, number, node) for node in range(size.nodes)),
                    supplies=tuple(
                        _supply(sku, coming, coming % size.nodes) for coming in range(size.buckets)
                    ),
                )
                for number, sku in enumerate(skus)
            },
            [_node(number) for number in range(size.nodes)],
            [_service(number) for number in range(SERVICES)],
        )

    def answer(self) -> Offer:
        stock = {
            sku: available_to_promise(position, NOW) for sku, position in self.positions.items()
        }
        return offer(self.basket, Facts(self.items, stock), self.nodes, self.services)


# --- read units -----------------------------------------------------------------------------


def measure_reads(orders: int) -> tuple[list[Reads], float]:
    tables = Tables()
    for skus, nodes in _READ_SIZES:
        _lay_stock(tables, skus, nodes)
    before = [_asked(tables, skus, nodes) for skus, nodes in _READ_SIZES]
    _lay_orders(tables, orders)
    after = [_asked(tables, skus, nodes) for skus, nodes in _READ_SIZES]
    reads = [
        Reads(skus, nodes, first.queries, first.units, later.units)
        for (skus, nodes), first, later in zip(_READ_SIZES, before, after, strict=True)
    ]
    return reads, max(each.catalogue for each in after)


def _skus(skus: int, nodes: int) -> list[str]:
    return [f"SKU-{nodes}-{skus}-{number}" for number in range(skus)]


@dataclass(frozen=True, slots=True)
class _Asking:
    """``catalogue`` is what is read of it for the first time."""

    queries: int
    units: float
    catalogue: float


def _asked(tables: "Tables", skus: int, nodes: int) -> _Asking:
    client: Any = tables
    tables.units = {"inventory": [], "catalog": []}
    catalog = CachedCatalog(CatalogStore(client, "catalog"))
    known = Known(catalog, StockStore(client, "inventory"), PromiseStore(client, "inventory"))
    assert len(available(_skus(skus, nodes), "web", None, None, NOW, known)) == skus
    stock, catalogue = tables.units["inventory"], tables.units["catalog"]
    return _Asking(len(stock), sum(stock), sum(catalogue))


class Tables:
    """What a client of DynamoDB answers to the reads of the stores, and the units they take."""

    def __init__(self) -> None:
        self.units: dict[str, list[float]] = {}
        self._partitions: dict[tuple[str, str], dict[str, Mapping[str, Any]]] = {}

    def lay(self, table: str, pk: str, sk: str, **attributes: Mapping[str, Any]) -> None:
        item = {"pk": _text(pk), "sk": _text(sk), **attributes}
        self._partitions.setdefault((table, pk), {})[sk] = item

    def get_paginator(self, operation: str) -> "Tables":
        assert operation == "query"
        return self

    def paginate(self, **request: Any) -> list[dict[str, Any]]:
        return [self.query(**request)]

    def query(self, TableName: str, **request: Any) -> dict[str, Any]:  # noqa: N803
        assert not request.get("ConsistentRead")
        partition, *ends = [
            value["S"] for value in _in_order(request, request["KeyConditionExpression"])
        ]
        first, last = ("", "\U0010ffff") if not ends else (ends[0], ends[-1])
        if "begins_with" in request["KeyConditionExpression"]:
            last = first + "\U0010ffff"
        held = self._partitions.get((TableName, partition), {})
        items = [held[sk] for sk in sorted(held) if first <= sk <= last]
        self.units[TableName].append(read_units(map(size_of, items)))
        return {"Items": items}

    def get_item(self, TableName: str, Key: Any, **_: Any) -> dict[str, Any]:  # noqa: N803
        found = self._partitions.get((TableName, Key["pk"]["S"]), {}).get(Key["sk"]["S"])
        self.units[TableName].append(read_units([size_of(found or {})]))
        return {} if found is None else {"Item": found}

    def batch_get_item(self, RequestItems: Any) -> dict[str, Any]:  # noqa: N803
        ((table, asked),) = RequestItems.items()
        answers = [self.get_item(table, key) for key in asked["Keys"]]
        return {"Responses": {table: [each["Item"] for each in answers if each]}}


def _in_order(request: Mapping[str, Any], condition: str) -> list[Mapping[str, str]]:
    values = request["ExpressionAttributeValues"]
    return [values[name] for name in re.findall(r":\w+", condition)]


def read_units(sizes_in_bytes: Iterable[int]) -> float:
    """Of one eventually consistent read: half a unit for each 4 KB begun, half at the least."""
    return max(1, -(-sum(sizes_in_bytes) // _KILOBYTES)) / 2


def size_of(item: Mapping[str, Any]) -> int:
    """Bytes of an item as DynamoDB bills it: names, and values; a number has about a byte for
    every two digits, and one more."""
    return sum(len(name.encode()) + _value_size(value) for name, value in item.items())


def _value_size(value: Mapping[str, Any]) -> int:
    kind, held = next(iter(value.items()))
    if kind == "N":
        return 1 + -(-len(str(held).lstrip("-").strip("0") or "0") // 2)
    return len(str(held).encode())


def _lay_stock(tables: Tables, skus: int, nodes: int) -> None:
    for number, sku in enumerate(_skus(skus, nodes)):
        tables.lay("catalog", f"item#{sku}", "item", record=_json(_item(sku)))
        for node in range(nodes):
            held = _balance(sku, number, node)
            tables.lay("inventory", sku, f"node#{held.node}", **_numbers(held))
        for coming in range(BUCKETS):
            item = supply_item(_supply(sku, coming, coming % nodes))
            own = {name: value for name, value in item.items() if name not in ("pk", "sk")}
            tables.lay("inventory", sku, item["sk"]["S"], **own)
    for each in range(nodes):
        tables.lay("catalog", "nodes", f"node-{each}", record=_json(_node(each)))
    channel = Channel("web", "Web shop", ("BRL",))
    tables.lay("catalog", "channel#web", "channel", record=_json(channel))


def _lay_orders(tables: Tables, orders: int) -> None:
    """Each with one line of one of 50 items over 200 nodes: what it leaves in the table."""
    skus = _skus(50, 200)
    for number in range(orders):
        sku, node, order = skus[number % 50], f"node-{number % 200}", f"ord_{number:026}"
        at = rfc3339(NOW - timedelta(seconds=number))
        later = rfc3339(NOW + timedelta(seconds=number + 1))
        tables.lay("inventory", f"{sku}#{node}", f"{at}#{order}:reserve", record=_FILLER)
        match number // 50 % 4:
            case 0:
                tables.lay("inventory", f"demand#{sku}", f"{order}#1", document=_FILLER)
            case 1:
                tables.lay("inventory", sku, f"until#{later}#{order}#{node}", quantity=_number(1))
            case 2:
                tables.lay("inventory", f"waiting#{sku}", f"9#{at}#{order}", quantity=_number(1))


# --- what there is --------------------------------------------------------------------------

_FILLER = {"S": "x" * 250}


def _item(sku: str) -> Item:
    return Item(sku, f"The {sku}", promising=Promising(unit_cost=Money(500, "BRL")))


def _node(number: int) -> Node:
    north, east = -23 - number / 50, -46 - number / 40
    return Node(
        f"node-{number}",
        f"Node {number}",
        "warehouse",
        "BR",
        "SP",
        "Cajamar",
        "",
        north,
        east,
        calendar=_CALENDAR,
    )


def _service(number: int) -> CarrierService:
    bands = tuple(
        Band(100 * 4**band, band + number + 1, 1000 + 500 * band - 200 * number)
        for band in range(4)
    )
    return CarrierService(f"service-{number}", f"S{number}", "Carrier", ("BR",), bands, "BRL")


def _balance(sku: str, number: int, node: int) -> Balance:
    units = (node + number) % 7
    return Balance(sku, f"node-{node}", on_hand=units, available=units)


def _supply(sku: str, number: int, node: int) -> Supply:
    due = NOW + timedelta(days=1 + number)
    return Supply(f"po_{sku}_{number}", sku, f"node-{node}", due, 10)


def _text(value: str) -> dict[str, str]:
    return {"S": value}


def _number(value: int) -> dict[str, str]:
    return {"N": str(value)}


def _json(value: object) -> dict[str, str]:
    return _text(to_json(value))


def _numbers(balance: Balance) -> dict[str, Any]:
    names = ("on_hand", "reserved", "safety_stock", "available", "incoming", "sold")
    return {name: _number(getattr(balance, name)) for name in names} | {"version": _number(1000)}


# --- shown ----------------------------------------------------------------------------------


class Table(Protocol):
    def __call__(self, heading: Sequence[str], rows: Iterable[Sequence[object]]) -> str: ...


def as_text(found: PromisingFigures, table: Table) -> str:
    speeds = [
        (each.size.lines, each.size.nodes, each.size.buckets, f"{each.per_cpu_second:.0f}")
        for each in found.speeds
    ]
    reads = [
        (each.skus, each.nodes, each.queries, f"{each.units:.1f}", f"{each.after:.1f}")
        for each in found.reads
    ]
    return "\n\n".join(
        (
            "Promises a CPU second, by lines of the basket, nodes, and supplies of each item",
            table(("lines", "nodes", "supplies", "a CPU second"), speeds),
            "Read units of availability, computed from the sizes of what is read",
            table(("items", "nodes", "queries", "units", f"after {found.orders:,} orders"), reads),
            f"and at most {found.catalogue:.1f} of the catalogue, once in half a minute",
        )
    )


def main() -> int:
    from benchmarks.report import table

    print(as_text(measure(), table))
    return 0


if __name__ == "__main__":
    sys.exit(main())
