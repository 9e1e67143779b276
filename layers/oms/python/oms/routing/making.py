"""Making a line to order: at which node, of what, and on which days of the resource. Pure.

A line is made as a whole, at the first node of its makers that has all of its components, on the
first days on which the resource has capacity left. The components are allocated beside the line:
they are reserved with it, go back to the shelf with it, and leave the node's stock when what was
made of them leaves the node. What is made itself is no stock.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from oms.orders.model import Allocation, Effort
from oms.routing.request import Maker, RoutingRequest, Want


@dataclass(frozen=True, slots=True)
class Making:
    """The line's allocation and those of its components; without any, ``why_not``."""

    allocations: tuple[Allocation, ...] = ()
    why_not: str = ""


def make(
    want: Want,
    request: RoutingRequest,
    there: Mapping[str, Mapping[str, int]],
    given: Sequence[Allocation] = (),
) -> Making:
    """``there``: by node what is left of each SKU for this order; ``given``: what it is given
    already, for the capacity that this takes."""
    makers = request.makers.get(want.sku, ())
    if not makers:
        return Making(why_not=f"no node makes {want.sku}")
    why_not = f"every node that makes {want.sku} has said no"
    for maker in makers:
        if maker.node in request.excluded.get(want.line_id, frozenset()):
            continue
        needed = components_of(want, maker)
        at_node = there.get(maker.node, {})
        short = sorted(sku for sku, units in needed.items() if at_node.get(sku, 0) < units)
        if short:
            why_not = f"{maker.node} has too little of {', '.join(short)}"
            continue
        effort = _effort(want, maker, request, given)
        if effort is None:
            why_not = f"{maker.resource} has no capacity left for {want.sku}"
            continue
        return Making(allocations_of(want, maker, effort))
    return Making(why_not=why_not)


def components_of(want: Want, maker: Maker) -> dict[str, int]:
    """Units of each component that the wanted quantity takes, rounded up."""
    needed: dict[str, int] = {}
    for component in maker.components:
        units = _of_whole(component.quantity, want)
        needed[component.sku] = needed.get(component.sku, 0) + units
    return needed


def allocations_of(
    want: Want, maker: Maker, effort: tuple[Effort, ...] = ()
) -> tuple[Allocation, ...]:
    """The wanted units, made by ``maker``, and what goes into them."""
    made = Allocation(
        want.line_id,
        want.sku,
        maker.node,
        want.quantity,
        tracked=False,
        make=True,
        effort=effort,
    )
    consumed = (
        Allocation(want.line_id, sku, maker.node, units, make=True, component=True)
        for sku, units in sorted(components_of(want, maker).items())
    )
    return (made, *consumed)


def _effort(
    want: Want, maker: Maker, request: RoutingRequest, given: Sequence[Allocation]
) -> tuple[Effort, ...] | None:
    """From the first day on what each still has; None when all days together have too little. What
    was promised has its capacity since then."""
    if not maker.resource or want.line_id in request.has_capacity:
        return ()
    left = _of_whole(maker.effort, want)
    found: list[Effort] = []
    for day, free in request.production.get(maker.resource, ()):
        units = min(left, free - _taken(maker.resource, day, given))
        if units > 0:
            found.append(Effort(maker.resource, day, units))
            left -= units
        if not left:
            break
    return tuple(found) if left <= 0 else None


def _taken(resource: str, day: str, given: Sequence[Allocation]) -> int:
    return sum(
        effort.units
        for allocation in given
        for effort in allocation.effort
        if (effort.resource, effort.day) == (resource, day)
    )


def _of_whole(quantity: int, want: Want) -> int:
    """What the wanted units take when one whole unit takes ``quantity``, rounded up."""
    whole: int = 10**want.scale
    return -(-quantity * want.quantity // whole)
