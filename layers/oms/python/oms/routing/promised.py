"""Before any rule: an order that was captured on a promise comes from the nodes it was promised
from, as long as they have it."""

from collections import Counter
from collections.abc import Sequence

from oms.orders.model import Allocation, Order
from oms.routing.model import Available, Sourced

RULE = "promised_nodes"


def from_promised_nodes(order: Order, candidates: Sequence[Available]) -> Sourced | None:
    """Nothing when the order was promised nothing, or one of its nodes does not have its part."""
    promised = Counter[tuple[str, str]]()
    for part in order.promised_parts:
        promised[part.line_id, part.node] += part.quantity
    allocations = tuple(
        Allocation(line_id, order.content.line(line_id).sku, node, units)
        for (line_id, node), units in promised.items()
    )
    if not allocations or not _have(candidates, allocations):
        return None
    nodes = " and ".join(sorted({allocation.node for allocation in allocations}))
    return Sourced(allocations, RULE, f"it was promised from {nodes}")


def _have(candidates: Sequence[Available], allocations: Sequence[Allocation]) -> bool:
    needed = Counter[tuple[str, str]]()
    for allocation in allocations:
        needed[allocation.node, allocation.sku] += allocation.quantity
    there = {
        (candidate.node.id, sku): units
        for candidate in candidates
        for sku, units in candidate.units.items()
    }
    return all(there.get(key, 0) >= units for key, units in needed.items())
