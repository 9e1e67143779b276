"""What the items of the inventory table say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any

from oms.aws import dynamo
from oms.inventory.model import Balance, Entry
from oms.inventory.position import Lapsed
from oms.inventory.reservation import Reservation
from oms.kernel.clock import parse_rfc3339, rfc3339
from oms.kernel.encoding import from_json

Item = Mapping[str, Any]


def sort_key(item: Item) -> str:
    return dynamo.read_text(item, "sk")


def read_balance(item: Item) -> Balance:
    sku, counter = _sku_and_counter(dynamo.read_text(item, "pk"))
    return Balance(
        sku=sku,
        node=sort_key(item).removeprefix("node#"),
        on_hand=dynamo.read_number(item, "on_hand"),
        reserved=dynamo.read_number(item, "reserved"),
        safety_stock=dynamo.read_number(item, "safety_stock"),
        available=dynamo.read_number(item, "available"),
        incoming=dynamo.read_number(item, "incoming"),
        damaged=dynamo.read_number(item, "damaged"),
        quality_hold=dynamo.read_number(item, "quality_hold"),
        low_stock_at=dynamo.read_number(item, "low_stock_at"),
        sold=dynamo.read_number(item, "sold"),
        counters=dynamo.read_number(item, "counters", 1),
        counter=counter,
        bin=dynamo.read_text(item, "bin"),
        marked_down_since=_day(dynamo.read_text(item, "marked_down_since")),
        rejected=dynamo.read_number(item, "rejected"),
    )


def _day(text: str) -> date | None:
    return date.fromisoformat(text) if text else None


def read_entry(item: Item) -> Entry:
    return from_json(dynamo.read_text(item, "record"), Entry)


def read_reservation(item: Item) -> Reservation:
    return from_json(dynamo.read_text(item, "document"), Reservation)


def read_lapsed(item: Item) -> Lapsed:
    """Of an item ``until#<expires_at>#<reservation id>#<node>``."""
    sku, counter = _sku_and_counter(dynamo.read_text(item, "pk"))
    _, until, rest = sort_key(item).split("#", 2)
    reservation_id, _, node = rest.rpartition("#")
    quantity = dynamo.read_number(item, "quantity")
    return Lapsed(reservation_id, sku, node, quantity, parse_rfc3339(until), counter)


def counters_to_read(home: Iterable[Item], now: datetime) -> int:
    """How many counters may hold anything of a SKU, by what its balances at home say.

    ``spread`` is how many it ever had. After they were gathered ``spread_until`` says how long a
    reservation may still be found there; without it they have not been gathered."""
    return max((_spread(item, rfc3339(now)) for item in home), default=1)


def is_spread(home: Item) -> bool:
    """Whether units may be on further counters."""
    return dynamo.read_number(home, "spread", 1) > 1 and (
        dynamo.read_number(home, "counters", 1) > 1 or "spread_until" not in home
    )


def summed(parts: Sequence[Sequence[Balance]]) -> tuple[Balance, ...]:
    """Balances by node, of those of each counter; the first part is what is at home."""
    by_node = {balance.node: balance for balance in parts[0]}
    for balance in (balance for part in parts[1:] for balance in part):
        held = by_node[balance.node]
        by_node[balance.node] = replace(
            held,
            on_hand=held.on_hand + balance.on_hand,
            reserved=held.reserved + balance.reserved,
            available=held.available + balance.available,
            sold=held.sold + balance.sold,
            rejected=held.rejected + balance.rejected,
        )
    return tuple(by_node.values())


def without_lapsed(
    balances: Iterable[Balance], lapsed: Sequence[Lapsed], counter: int
) -> tuple[Balance, ...]:
    """The balances of a counter as they are once what has expired there is given back."""
    units: dict[str, int] = {}
    for one in lapsed:
        if one.counter == counter:
            units[one.node] = units.get(one.node, 0) + one.quantity
    return tuple(
        replace(
            balance,
            reserved=balance.reserved - units.get(balance.node, 0),
            available=balance.available + units.get(balance.node, 0),
        )
        for balance in balances
    )


def _spread(home: Item, now: str) -> int:
    counters = dynamo.read_number(home, "counters", 1)
    until = dynamo.read_text(home, "spread_until")
    if until and until <= now:
        return counters
    return max(counters, dynamo.read_number(home, "spread", 1))


def _sku_and_counter(partition: str) -> tuple[str, int]:
    if not partition.startswith("counter#"):
        return partition, 0
    sku, _, counter = partition.removeprefix("counter#").rpartition("#")
    return sku, int(counter)
