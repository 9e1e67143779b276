"""An order captured with a soft reservation: what was held for the basket is the order's."""

from collections.abc import Sequence

from oms.catalog.store import Catalog
from oms.inventory.reservation import ReservedLine
from oms.inventory.reservations import Reservations, held_for
from oms.kernel.events import Cause
from oms.kernel.writes import Write
from oms.orders import decisions
from oms.orders.decisions import NOTHING, Events
from oms.orders.events import OrderCaptured
from oms.orders.evolve import begin
from oms.orders.model import Allocation, Content, Line
from oms.orders.slots import nodes_of
from oms.routing.capacity import takings_beyond

RULE = "reservation"

# A transaction holds 100 writes, two of which are what was captured and what happened at once. A
# basket so large that no room is left for the work it makes is as welcome as any other.
_WRITES_BESIDE = 98


def source_from_reservation(
    reservation_id: str,
    content: Content,
    reservations: Reservations,
    catalog: Catalog,
    cause: Cause,
) -> tuple[Events, list[Write]]:
    """What happens to the order at once, and the writes of the same transaction; nothing when the
    reservation is this order's already. The units are where the basket held them, however much work
    these nodes have already. Raises as ``held_for`` does."""
    units: dict[str, int] = {}
    for line in content.lines:
        units[line.sku] = units.get(line.sku, 0) + line.quantity
    held = held_for(
        reservation_id, content.channel, units, content.order_id, reservations, cause.at
    )
    if held is None:
        return NOTHING, []
    writes = reservations.conversion(held, content.order_id, cause)
    nodes = nodes_of((line.node for line in held.lines), catalog)
    work = takings_beyond(nodes, cause.at)[: max(0, _WRITES_BESIDE - len(writes))]
    events = decisions.source(
        begin(OrderCaptured(content)),
        allocations_of(content.lines, held.lines),
        RULE,
        f"held for the basket as {held.id}",
        slots=tuple(taking.slot for taking in work),
    )
    return events, [*writes, *reservations.capacity.take(work)]


def allocations_of(
    lines: Sequence[Line], reserved: Sequence[ReservedLine]
) -> tuple[Allocation, ...]:
    """The units that are reserved, handed to the lines in their order; both are the same by SKU."""
    left = [(part, part.quantity) for part in reserved]
    allocations: list[Allocation] = []
    for line in lines:
        wanted = line.quantity
        for index, (part, units) in enumerate(left):
            given = min(units, wanted) if part.sku == line.sku else 0
            if given:
                allocations.append(
                    Allocation(line.line_id, line.sku, part.node, given, part.counter)
                )
                left[index] = (part, units - given)
                wanted -= given
    return tuple(allocations)
