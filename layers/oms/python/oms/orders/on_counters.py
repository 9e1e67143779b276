"""From which counters of a hot SKU an order's units are taken."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from oms.inventory.counters import is_short, pick
from oms.inventory.position import Position
from oms.inventory.store import Stock
from oms.kernel.events import Cause
from oms.orders.model import Allocation


def on_counters(
    allocations: Sequence[Allocation], positions: Mapping[str, Position], order_id: str
) -> tuple[Allocation, ...]:
    """``allocations`` with their counters; one is split when no single counter has enough. Those of
    a SKU that is not spread stay as they are, and so do those that the counters cannot fill: taking
    them is refused, and whoever tries plans again."""
    left: dict[tuple[str, str], list[int]] = {}
    placed: list[Allocation] = []
    for one in allocations:
        position = positions.get(one.sku)
        if position is None or not position.counters or not one.tracked:
            placed.append(one)
            continue
        key = (one.sku, one.node)
        available = left.setdefault(key, list(position.available_on_counters(one.node)))
        taken = pick(available, one.quantity, order_id) or ((0, one.quantity),)
        for counter, units in taken:
            available[counter] -= units
            placed.append(replace(one, quantity=units, counter=counter))
    return tuple(placed)


def level_counters(
    allocations: Sequence[Allocation],
    positions: Mapping[str, Position],
    order_id: str,
    stock: Stock,
    cause: Cause,
) -> None:
    """Share out what is at home where the order did not find enough on the counter it began at."""
    for one in allocations:
        position = positions.get(one.sku)
        if position is None or not position.counters:
            continue
        if is_short(position.available_on_counters(one.node), one.counter, order_id):
            stock.level(one.sku, one.node, cause)
