"""What an order's allocations take from stock."""

from collections.abc import Iterable

from oms.inventory.model import Need
from oms.orders.model import Allocation


def needs_of(allocations: Iterable[Allocation]) -> list[Need]:
    """Units per SKU, node and counter: two lines of one SKU move one balance, once. What is not
    tracked moves none."""
    units: dict[tuple[str, str, int], int] = {}
    for allocation in allocations:
        if not allocation.tracked:
            continue
        key = (allocation.sku, allocation.node, allocation.counter)
        units[key] = units.get(key, 0) + allocation.quantity
    return [
        Need(sku, node, quantity, counter)
        for (sku, node, counter), quantity in sorted(units.items())
    ]
