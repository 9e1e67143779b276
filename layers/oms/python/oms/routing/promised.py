"""Before any rule: an order that was captured on a promise comes from the nodes it was promised
from, as long as they have it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from oms.orders.model import Allocation, Line, Order
from oms.promising.model import is_production
from oms.routing.evidence import listed
from oms.routing.making import allocations_of
from oms.routing.model import Available, Sourced
from oms.routing.request import Maker, Want

RULE = "promised_nodes"
NOBODY: Mapping[str, Sequence[Maker]] = MappingProxyType({})


def from_promised_nodes(
    order: Order,
    candidates: Sequence[Available],
    makers: Mapping[str, Sequence[Maker]] = NOBODY,
) -> Sourced | None:
    """Nothing when the order was promised nothing, or one of its nodes does not have its part.
    What was promised from production is made there where ``makers`` (by SKU) has the node: of the
    components that lie there, with the capacity that was taken with the promise."""
    promised, made = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
    left = {line.line_id: order.to_source(index) for index, line in enumerate(order.content.lines)}
    for part in order.promised_parts:
        # Of what is cancelled nothing is to come.
        units = min(part.quantity, left[part.line_id])
        left[part.line_id] -= units
        sku = order.content.line(part.line_id).sku
        produced = is_production(part.source) and _maker(makers, sku, part.node)
        (made if produced else promised)[part.line_id, part.node] += units
    promised, made = +promised, +made
    allocations = tuple(
        Allocation(line_id, order.content.line(line_id).sku, node, units)
        for (line_id, node), units in promised.items()
    )
    for (line_id, node), units in made.items():
        allocations += _made(order.content.line(line_id), node, units, makers)
    if not allocations or not _have(candidates, allocations):
        return None
    nodes = listed(sorted({allocation.node for allocation in allocations}), " and ")
    return Sourced(allocations, RULE, f"it was promised from {nodes}")


def _made(
    line: Line, node: str, units: int, makers: Mapping[str, Sequence[Maker]]
) -> tuple[Allocation, ...]:
    maker = _maker(makers, line.sku, node)
    assert maker is not None
    return allocations_of(Want(line.line_id, line.sku, units, scale=line.scale), maker)


def _maker(makers: Mapping[str, Sequence[Maker]], sku: str, node: str) -> Maker | None:
    return next((maker for maker in makers.get(sku, ()) if maker.node == node), None)


def _have(candidates: Sequence[Available], allocations: Sequence[Allocation]) -> bool:
    needed = Counter[tuple[str, str]]()
    for allocation in allocations:
        if allocation.component or not allocation.make:
            needed[allocation.node, allocation.sku] += allocation.quantity
    there = {
        (candidate.node.id, sku): units
        for candidate in candidates
        for sku, units in candidate.units.items()
    }
    return all(there.get(key, 0) >= units for key, units in needed.items())
