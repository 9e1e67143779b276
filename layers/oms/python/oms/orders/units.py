"""An order's units from one of their lines' counters to another, and the work they are in.

What every change of an order is made of: no unit is in two places, and none gets lost.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from oms.orders.model import (
    Allocation,
    Counts,
    Fulfillment,
    FulfillmentLine,
    FulfillmentState,
    Order,
    State,
)


def by_line(allocations: Iterable[Allocation]) -> dict[str, int]:
    """Units of each line; components are none."""
    units: dict[str, int] = {}
    for allocation in allocations:
        if not allocation.component:
            units[allocation.line_id] = units.get(allocation.line_id, 0) + allocation.quantity
    return units


def climb(order: Order) -> Order:
    """Up the ladder, as far as the slowest part has come; not while any unit has no node."""
    live = order.live_fulfillments
    if not live or order.unrouted or order.state not in (State.RELEASED, State.SHIPPED):
        return order
    if all(part.state is FulfillmentState.DELIVERED for part in live):
        return order.with_progress(state=State.DELIVERED)
    if order.state is State.RELEASED and all(part.has_left for part in live):
        return order.with_progress(state=State.SHIPPED, overdue=0)
    return order


def with_new(order: Order, parts: Iterable[Fulfillment]) -> Order:
    return order.with_progress(fulfillments=(*order.progress.fulfillments, *parts))


def fulfillment_of(order: Order, fulfillment_id: str) -> Fulfillment:
    found = order.fulfillment(fulfillment_id)
    assert found is not None
    return found


def allocations_of(
    order: Order, fulfillment: Fulfillment, lines: Iterable[FulfillmentLine] | None = None
) -> tuple[Allocation, ...]:
    """What a fulfilment holds of its node's stock, or what some of its ``lines`` do."""
    return tuple(
        Allocation(
            line.line_id,
            line.sku or order.content.line(line.line_id).sku,
            fulfillment.node,
            line.quantity,
            tracked=line.tracked,
            take_back=line.take_back,
            counter=line.counter,
            drop_ship=fulfillment.drop_ship,
            make=fulfillment.make,
            component=line.component,
            effort=line.effort,
        )
        for line in (fulfillment.lines if lines is None else lines)
    )


def with_fulfillment(order: Order, fulfillment_id: str, **changes: object) -> Order:
    return order.with_progress(
        fulfillments=tuple(
            replace(fulfillment, **changes)  # type: ignore[arg-type]
            if fulfillment.id == fulfillment_id
            else fulfillment
            for fulfillment in order.progress.fulfillments
        )
    )


def move_units(order: Order, fulfillment_id: str, here: str, there: str) -> Order:
    return move(order, fulfillment_of(order, fulfillment_id).units, here, there)


def move(order: Order, units: Mapping[str, int], here: str, there: str) -> Order:
    """Units by line from one counter to another; no name stands for what is open."""
    counts = tuple(
        _moved_counts(counts, units.get(line.line_id, 0), here, there)
        for line, counts in zip(order.content.lines, order.progress.counts, strict=True)
    )
    return order.with_progress(counts=counts)


def _moved_counts(counts: Counts, units: int, here: str, there: str) -> Counts:
    changes = {}
    if units and here:
        changes[here] = getattr(counts, here) - units
    if units and there:
        changes[there] = getattr(counts, there) + units
    return replace(counts, **changes) if changes else counts
