"""What an order's allocations take from stock."""

from collections.abc import Iterable

from oms.inventory.model import Need
from oms.orders.model import Allocation


def needs_of(allocations: Iterable[Allocation]) -> list[Need]:
    """Units per SKU and node: two lines of one SKU move one balance, once."""
    units: dict[tuple[str, str], int] = {}
    for allocation in allocations:
        key = (allocation.sku, allocation.node)
        units[key] = units.get(key, 0) + allocation.quantity
    return [Need(sku, node, quantity) for (sku, node), quantity in sorted(units.items())]
