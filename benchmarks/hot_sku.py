"""How many reservations a second a SKU takes on 1, 4 and 16 counters.

DynamoDB gives one item, and one range of keys that is not split, 1,000 write units and 3,000 read
units a second. A laptop gives neither that limit nor that speed, so the limit is modelled: the
use case and the stores are the real ones, over a table in memory, but every request they make goes
through ``Metered``, which takes the units it costs out of a token bucket for each item it touches
and moves a *virtual* clock to when the bucket has them. Seconds in the table are of that clock.

- A transactional write of an item costs 2 units for each kilobyte, a cancelled one as well; an
  index entry 1. An eventually consistent read costs half a unit for each 4 kB.
- A bucket is filled every hundredth of a second, and nothing that was not used is kept.
- One bucket for each balance, each counter's ledger, the ``until#`` items of each counter, each
  reservation, each partition of the index. These are the ranges DynamoDB splits a hot partition
  into; before it has done so everything of a counter shares one bucket (``WHOLE``).
- Callers wait for their answer and come again at once. What is not modelled: transactions that
  cancel one another on one item, which a single counter suffers from most.

All units are sold, so the end of a sale is in the figures, when counters run dry one by one.
"""

import json
import os
import sys
from collections.abc import Mapping, Sequence, Set
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from heapq import heapify, heappop, heappush
from typing import Any

from local.tables import Tables
from oms.aws.reservation_store import ReservationStore
from oms.aws.stock_audit import audit
from oms.aws.stock_store import StockStore
from oms.catalog.delivery import CarrierService
from oms.catalog.model import Channel, Item, Node
from oms.inventory import reservations
from oms.inventory.baskets import Wanted
from oms.inventory.model import Movement, MovementKind
from oms.inventory.reservations import Basket
from oms.kernel.errors import Conflict
from oms.kernel.events import Cause

COUNTERS = (1, 4, 16)
WRITES_A_SECOND = 1000
READS_A_SECOND = 3000
LATENCY = 0.006
FILLED_EVERY = 0.01
UNITS_A_COUNTER = 150
CALLERS_A_COUNTER = 12

SPLIT, WHOLE = "split", "whole"
_TABLE = "inventory"
_SKU, _NODE = "HOT", "dc"
_START = datetime(2026, 5, 4, 12, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Rush:
    """``buckets``: whether DynamoDB has split the hot partition already. ``seconds`` are virtual,
    ``oversold`` is what was held beyond what there was."""

    counters: int
    buckets: str
    units: int
    held: int
    oversold: int
    seconds: float
    per_second: float
    write_units: float
    read_units: float


def measure(counters: Sequence[int] = COUNTERS) -> list[Rush]:
    """Raises ``AssertionError`` when a unit was sold twice, or the ledger does not add up."""
    return [_rush(number, buckets) for buckets in (SPLIT, WHOLE) for number in counters]


def rows(rushes: Sequence[Rush]) -> list[tuple[object, ...]]:
    whole = {rush.counters: rush for rush in rushes if rush.buckets == WHOLE}
    return [
        (
            rush.counters,
            f"{rush.per_second:.0f}",
            f"{whole[rush.counters].per_second:.0f}",
            rush.held,
            rush.oversold,
            f"{rush.write_units:g}",
            f"{rush.read_units:g}",
        )
        for rush in rushes
        if rush.buckets == SPLIT
    ]


HEADING = (
    "hot SKU: counters",
    "held a second",
    "before a split",
    "held",
    "oversold",
    "writes each",
    "reads each",
)


@dataclass
class Limits:
    """Token buckets by what they are for, in virtual time: each is filled every ``FILLED_EVERY``
    seconds with what it gives in that time, and what is not used by then is gone. A request that
    comes later in the program but earlier in virtual time finds what was left for it."""

    now: float = 0.0
    used: dict[tuple[tuple[str, str], int], float] = field(default_factory=dict)
    full_before: dict[tuple[str, str], int] = field(default_factory=dict)
    written: float = 0.0
    read: float = 0.0

    def take(self, units: Mapping[tuple[str, str], float], a_second: int) -> None:
        """Wait until every bucket has its units."""
        began = int(self.now / FILLED_EVERY)
        latest = max(self._fill(key, began, amount, a_second) for key, amount in units.items())
        self.now = max(self.now, latest * FILLED_EVERY) + LATENCY

    def _fill(self, key: tuple[str, str], began: int, amount: float, a_second: int) -> int:
        """The first filling, from ``began`` on, that has so much left; it is taken out of it."""
        holds = a_second * FILLED_EVERY
        filling = max(began, self.full_before.get(key, 0))
        while self.used.get((key, filling), 0) + amount > holds + 1e-9:
            filling += 1
        self.used[key, filling] = self.used.get((key, filling), 0) + amount
        if self.used[key, filling] > holds - 0.5 and filling == self.full_before.get(key, 0):
            self.full_before[key] = filling + 1
        return filling


class Metered:
    """A DynamoDB client whose requests cost what they do in AWS. Only what a taking calls."""

    def __init__(self, client: Tables, limits: Limits, buckets: str) -> None:
        self._client = client
        self._limits = limits
        self._whole = buckets == WHOLE
        self.exceptions = client.exceptions

    def transact_write_items(self, **request: Any) -> Any:
        units: dict[tuple[str, str], float] = {}
        for member in request["TransactItems"]:
            ((kind, write),) = member.items()
            _add(units, self._bucket(write.get("Item") or write["Key"], "write"), _cost(write))
            for bucket in _index_entries(kind, write):
                _add(units, bucket, 1)
        self._limits.written += sum(units.values())
        self._limits.take(units, WRITES_A_SECOND)
        return self._client.transact_write_items(**request)

    def get_item(self, **request: Any) -> Any:
        self._read(request["Key"], 1 if request.get("ConsistentRead") else 0.5)
        return self._client.get_item(**request)

    def get_paginator(self, operation: str) -> "MeteredPages":
        return MeteredPages(self, self._client.get_paginator(operation))

    def read_range(self, partition: str, consistent: bool) -> None:
        self._read({"pk": {"S": partition}, "sk": {"S": "node#"}}, 1 if consistent else 0.5)

    def _read(self, key: Any, units: float) -> None:
        self._limits.read += units
        self._limits.take({self._bucket(key, "read"): units}, READS_A_SECOND)

    def _bucket(self, key: Any, what: str) -> tuple[str, str]:
        partition, sort_key = key["pk"]["S"], key["sk"]["S"]
        if self._whole:
            return what, partition
        within = sort_key if sort_key.startswith("node#") else sort_key.partition("#")[0]
        ledger = partition.count("#") and not partition.startswith("counter#")
        return what, partition if ledger else f"{partition}|{within}"


@dataclass(frozen=True, slots=True)
class MeteredPages:
    metered: Metered
    pages: Any

    def paginate(self, **request: Any) -> Any:
        partition = request["ExpressionAttributeValues"][":sku"]["S"]
        self.metered.read_range(partition, bool(request.get("ConsistentRead")))
        return self.pages.paginate(**request)


class OneShop:
    """A catalogue of one item at one node, in memory: what it costs is not of interest here."""

    def items(self, skus: Set[str]) -> Mapping[str, Item]:
        return {_SKU: Item(_SKU, "What everybody wants")}

    def nodes(self, among_them: Set[str] = frozenset()) -> tuple[Node, ...]:
        return (Node(_NODE, "Warehouse", "warehouse", "BR"),)

    def channel(self, channel_id: str) -> Channel | None:
        return Channel("web", "Web shop", ("BRL",))

    def carrier_services(self) -> tuple[CarrierService, ...]:
        return ()


def _rush(counters: int, buckets: str) -> Rush:
    table, units = _stocked(counters)
    limits = Limits()
    held, last = _sell(table, limits, buckets, counters)
    plain: Any = table
    balances, found = audit(plain, _TABLE)
    (balance,) = StockStore(plain, _TABLE).balances_of(_SKU, consistent=True)
    assert not found, found
    oversold = max(0, held - units)
    assert oversold == 0 and held == balance.reserved == units and balances == counters
    return Rush(
        counters=counters,
        buckets=buckets,
        units=units,
        held=held,
        oversold=oversold,
        seconds=round(last, 3),
        per_second=round(held / last, 1),
        write_units=round(limits.written / held, 2),
        read_units=round(limits.read / held, 2),
    )


def _stocked(counters: int) -> tuple[Tables, int]:
    """A table with a receipt of that many units, spread over the counters."""
    units = UNITS_A_COUNTER * counters
    tables: Any = Tables()
    tables.create_table(TableName=_TABLE)
    stock = StockStore(tables, _TABLE)
    stock.move(Movement("m1", MovementKind.RECEIPT, _SKU, _NODE, units), _cause(0.0))
    stock.spread(_SKU, _NODE, counters, _cause(0.001))
    return tables, units


def _sell(table: Tables, limits: Limits, buckets: str, counters: int) -> tuple[int, float]:
    """How many baskets were held, and when the last was: callers come again until each is told
    that there is nothing left."""
    metered: Any = Metered(table, limits, buckets)
    stock = StockStore(metered, _TABLE)
    store = ReservationStore(metered, _TABLE, stock)
    callers = [(0.0, number) for number in range(CALLERS_A_COUNTER * counters)]
    heapify(callers)
    held, last, number = 0, 0.0, 0
    while callers:
        limits.now, caller = heappop(callers)
        number += 1
        cause = _cause(limits.now)
        until = cause.at + timedelta(minutes=15)
        basket = Basket(f"basket-{number}", "web", (Wanted(_SKU, 1),), until, "same")
        try:
            reservations.take(basket, store, stock, OneShop(), cause)
        except Conflict:
            continue
        held += 1
        last = max(last, limits.now)
        heappush(callers, (limits.now, caller))
    return held, last


def _index_entries(kind: str, write: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The partitions of the index that the write changes."""
    bucket = write.get("Item", {}).get("expiring")
    return [("index", bucket["S"])] if kind == "Put" and bucket else []


def _cost(write: Mapping[str, Any]) -> int:
    """2 units a kilobyte, of what is put; what is updated and deleted here is smaller than one."""
    size = sum(len(name) + len(str(value)) for name, value in write.get("Item", {}).items())
    return 2 * max(1, -(-size // 1024))


def _add(units: dict[tuple[str, str], float], key: tuple[str, str], amount: float) -> None:
    units[key] = units.get(key, 0) + amount


def _cause(seconds: float) -> Cause:
    return Cause(_START + timedelta(seconds=seconds), "benchmark")


def main() -> int:
    from benchmarks.report import table

    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        os.environ.setdefault(name, "testing")
    rushes = measure()
    print(table(HEADING, rows(rushes)))
    print(json.dumps([asdict(rush) for rush in rushes], indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
