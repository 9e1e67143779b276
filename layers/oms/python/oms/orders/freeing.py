"""Giving back a part of what an order holds, while the rest of it goes on."""

from collections.abc import Sequence

from oms.inventory.store import Stock
from oms.kernel.events import Cause
from oms.kernel.writes import Write
from oms.orders import slots
from oms.orders.backordering import requeue
from oms.orders.events import Event
from oms.orders.evolve import evolve_all
from oms.orders.model import Allocation, FulfillmentState, Order
from oms.orders.needs import needs_of
from oms.orders.shares import by_sku
from oms.orders.taking_back import hold, let_go
from oms.orders.units import allocations_of


def freed(
    order: Order,
    events: Sequence[Event],
    allocations: Sequence[Allocation],
    stock: Stock,
    cause: Cause,
) -> list[Write]:
    """Writes that give back what ``allocations`` hold, and what follows from ``events``, with which
    they are committed: places in queues, nodes' capacity, what others may take back."""
    after = evolve_all(order, events)
    needs = needs_of(allocations)
    return [
        *stock.unreserve(needs, order.order_id, cause),
        *stock.shares.reduce(by_sku(needs), order.order_id, cause.at),
        *held_anew(after, allocations, stock),
        *stock.production.give_back(effort for one in allocations for effort in one.effort),
        *requeue(order, after, stock),
        *slots.given_back(order, events, stock.capacity),
    ]


def held_anew(after: Order, allocations: Sequence[Allocation], stock: Stock) -> list[Write]:
    """What may be taken back at a node is one item: it is gone, or says what is left there."""
    touched = {(one.sku, one.node) for one in allocations if one.take_back}
    held = (
        *after.progress.allocations,
        *(
            allocation
            for part in after.live_fulfillments
            if part.state is FulfillmentState.OPEN
            for allocation in allocations_of(after, part)
        ),
    )
    left = [one for one in held if one.take_back and (one.sku, one.node) in touched]
    still = {(one.sku, one.node) for one in left}
    gone = [one for one in allocations if one.take_back and (one.sku, one.node) not in still]
    return [*let_go(after, gone, stock), *hold(after, left, stock)]
