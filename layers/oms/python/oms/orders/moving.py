"""The work of nodes divided, put together, and moved from node to node. No unit is ever in two
places: each is one commit of its order, with the stock and the capacity that change with it."""

from collections.abc import Mapping, Sequence

from oms.catalog.model import Node
from oms.inventory.store import Stock
from oms.kernel.errors import Conflict, Invalid, StockContended, TooLarge
from oms.kernel.events import Cause
from oms.kernel.ids import order_of
from oms.kernel.writes import Write
from oms.orders import decisions, slots, work
from oms.orders.command import execute, execute_plan
from oms.orders.decisions import NOTHING, Events, find_fulfillment, may_step
from oms.orders.evolve import evolve_all
from oms.orders.freeing import held_anew
from oms.orders.model import Allocation, Fulfillment, Order
from oms.orders.needs import needs_of
from oms.orders.rerouting import Router
from oms.orders.routing import placed
from oms.orders.shares import by_sku
from oms.orders.store import Orders
from oms.orders.units import allocations_of
from oms.routing.capacity import NO_LOAD, closed_because, is_limited, takings

_WRITES_BESIDE = 99


def split(
    fulfillment_id: str,
    units: Mapping[str, int],
    orders: Orders,
    cause: Cause,
    with_it: Sequence[Write] = (),
) -> Order:
    """``units`` by line id become a fulfilment of their own, the last of the order's. Raises
    ``NotFound``, ``Conflict`` (``illegal_transition``) and ``Invalid``
    (``quantities_do_not_add_up``)."""
    return execute(
        orders,
        order_of(fulfillment_id),
        lambda order: work.split(order, fulfillment_id, units),
        cause,
        lambda order: with_it,
    )


def merge(
    fulfillment_id: str, others: Sequence[str], orders: Orders, stock: Stock, cause: Cause
) -> Order:
    """``others`` become a part of it, and their nodes' capacity is free. Raises ``NotFound``, and
    ``Conflict`` (``not_mergeable``, ``illegal_transition``)."""
    order_id = order_of(fulfillment_id)
    if any(order_of(other) != order_id for other in others):
        raise Conflict("fulfilments of other orders are joined, not merged", code="not_mergeable")

    def decide(order: Order) -> Events:
        return work.merge(order, fulfillment_id, others)

    return execute(
        orders,
        order_id,
        decide,
        cause,
        lambda order: slots.given_back(order, decide(order), stock.capacity),
    )


def move(
    fulfillment_id: str,
    node_id: str,
    reason: str,
    router: Router,
    cause: Cause,
    with_it: Sequence[Write] = (),
) -> Order:
    """All of it is the work of another node now, as a new fulfilment.

    Raises ``NotFound``; ``Invalid`` (``unknown_node``, ``same_node``); ``Conflict``:
    ``insufficient_stock``, ``node_takes_no_work``, ``not_movable`` for what its node makes or sends
    from elsewhere, ``illegal_transition``; ``TooLarge`` (``too_many_lines``): split it first.
    """
    order = router.orders.load(order_of(fulfillment_id))
    found = find_fulfillment(order, fulfillment_id)
    if not may_step(order, found, "move"):
        return order
    node = _destination(found, node_id, router, cause)

    def plan(order: Order) -> tuple[Events, Sequence[Write]]:
        events, writes = _move(order, fulfillment_id, node, reason, router, cause)
        return events, (*writes, *with_it)

    try:
        return execute_plan(router.orders, order.order_id, plan, cause)
    except StockContended as refusal:
        raise Conflict(refusal.detail, code="insufficient_stock") from None


def _destination(found: Fulfillment, node_id: str, router: Router, cause: Cause) -> Node:
    if found.drop_ship or found.make:
        raise Conflict("what a node makes, or has sent, is not moved", code="not_movable")
    if node_id == found.node:
        raise Invalid(f"it is at {node_id} already", code="same_node")
    nodes = router.catalog.nodes({node_id})
    node = next((one for one in nodes if one.id == node_id and one.active), None)
    hands_over = node is not None and found.hand_over_at == node_id
    if node is None or not (node.can_ship or hands_over):
        raise Invalid(f"{node_id!r} is no node that can have it", code="unknown_node")
    load = router.stock.capacity.loads([node], cause.at).get(node_id, NO_LOAD)
    if why := closed_because(node, cause.at, load):
        raise Conflict(f"{node_id} takes no work", code="node_takes_no_work", context={"why": why})
    return node


def _move(
    order: Order, fulfillment_id: str, node: Node, reason: str, router: Router, cause: Cause
) -> tuple[Events, Sequence[Write]]:
    found, stock = find_fulfillment(order, fulfillment_id), router.stock
    if not may_step(order, found, "move"):
        return NOTHING, ()
    here = allocations_of(order, found)
    there = _allocations(order, found, node, stock, cause)
    loads = stock.capacity.loads([node], cause.at) if is_limited(node) else {}
    work_taken = takings([node], loads, cause.at)
    parts = decisions.fulfillments_of(order, there, tuple(one.slot for one in work_taken))
    if len(parts) > 1:
        raise TooLarge("it has too many lines to be moved at once", code="too_many_lines")
    events = work.move(order, fulfillment_id, parts[0], reason)
    after = evolve_all(order, events)
    writes = [
        *stock.unreserve(needs_of(here), order.order_id, cause),
        *stock.reserve(needs_of(there), order.order_id, cause),
        *held_anew(after, (*here, *there), stock),
        *slots.given_back(order, events, stock.capacity),
        *stock.capacity.take(work_taken),
    ]
    if len(writes) > _WRITES_BESIDE:
        raise TooLarge("it has too many lines to be moved at once", code="too_many_lines")
    return events, writes


def _allocations(
    order: Order, found: Fulfillment, node: Node, stock: Stock, cause: Cause
) -> tuple[Allocation, ...]:
    """The same units at the other node. What its channel may have of them it has already."""
    wanted = tuple(
        Allocation(line_id, order.content.line(line_id).sku, node.id, units)
        for line_id, units in found.units.items()
    )
    positions = stock.positions({one.sku for one in wanted}, cause.at, consistent=True)
    allocations = placed(order, wanted, positions)
    for sku, needed in by_sku(needs_of(allocations)).items():
        available = positions[sku].at(node.id).available
        if available < needed:
            raise Conflict(
                f"{node.id} does not have so many of {sku}",
                code="insufficient_stock",
                context={"sku": sku, "node": node.id, "available": max(0, available)},
            )
    return allocations
