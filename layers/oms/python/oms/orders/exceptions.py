"""What a person must decide: orders that no rule finds a node for, whose lifecycle stumbled, of
which a parcel does not arrive, or what is due cannot be taken. The list comes from a view, what it
shows from orders and stock.

Resolving is one commit, with the stock that it takes, and says who decided what; whoever hears of
``routing_resolved`` goes on from there.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from oms.catalog.model import Node
from oms.inventory.backorders import Refusal
from oms.inventory.model import Balance
from oms.inventory.position import Position
from oms.inventory.shares import further
from oms.inventory.store import Stock
from oms.kernel.errors import Conflict, Invalid, StockContended, TooLarge
from oms.kernel.events import Cause
from oms.kernel.writes import Write
from oms.orders import decisions, taking, work
from oms.orders import events as happened
from oms.orders.backordering import requeue, rooms_for
from oms.orders.cancelling import cancel_units
from oms.orders.command import execute_plan
from oms.orders.events import Event
from oms.orders.evolve import evolve_all
from oms.orders.freeing import freed, held_anew
from oms.orders.model import Allocation, Order, Rejection, Slot, State
from oms.orders.needs import needs_of
from oms.orders.rerouting import Plan, Router, promised_lines, routed
from oms.orders.routing import placed
from oms.orders.shares import by_sku
from oms.reporting.waiting import Views, exceptions_of, needs_a_person, order_of_exception
from oms.routing.capacity import takings_beyond

RETRY, ROUTE_TO, BACKORDER, CANCEL_UNITS = "retry", "route_to", "backorder", "cancel_units"
RULE = "decided_by_a_person"
_WRITES_BESIDE = 99


@dataclass(frozen=True, slots=True)
class StuckLine:
    """``units`` have no node, ``waiting`` of them wait for stock. ``rejections``: who said no to
    it. ``stock``: where there is any of it now."""

    line_id: str
    sku: str
    units: int
    waiting: int
    rejections: tuple[Rejection, ...]
    stock: tuple[Balance, ...]


@dataclass(frozen=True, slots=True)
class StuckOrder:
    """``actions`` are those that resolve it."""

    order: Order
    lines: tuple[StuckLine, ...]
    actions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StuckPage:
    """A page may hold less than asked for, and still not be the last."""

    orders: tuple[StuckOrder, ...]
    cursor: str | None


@dataclass(frozen=True, slots=True)
class Resolution:
    """``lines``: units by line id; all that have no node when there are none."""

    action: str
    note: str = ""
    node: str = ""
    lines: Mapping[str, int] = field(default_factory=dict)
    reason: str = ""


@dataclass(frozen=True, slots=True)
class _Resolved:
    events: tuple[Event, ...]
    writes: Sequence[Write] = ()


def list_exceptions(
    node: str, limit: int, cursor: str | None, router: Router, views: Views, cause: Cause
) -> StuckPage:
    """Oldest order first; with a ``node`` only those that it said no to, or has work of."""
    page = views.waiting(exceptions_of(node), limit, cursor)
    orders = [router.orders.load(order_of_exception(view.id)) for view in page.waiting]
    stuck = [order for order in orders if needs_a_person(order)]
    return StuckPage(tuple(_shown(order, router.stock, cause) for order in stuck), page.cursor)


def resolve(order_id: str, resolution: Resolution, router: Router, cause: Cause) -> Order:
    """Raises ``NotFound``; ``Conflict`` (``not_in_exception``) when the order needs nobody, or not
    for this, ``insufficient_stock``, and the code of a selling policy by which it may not wait;
    ``Invalid`` (``unknown_node``, ``quantities_do_not_add_up``); ``TooLarge`` (``too_many_lines``):
    some of them first."""
    cause = replace(cause, reason=resolution.note or resolution.reason or cause.reason)

    def plan(order: Order) -> tuple[Sequence[Event], Sequence[Write]]:
        if order.progress.reserving_since and resolution.action != RETRY:
            raise StockContended("the order is being reserved at this moment")
        if resolution.action not in actions_of(order):
            raise Conflict(
                f"the order is {order.status}: {resolution.action} resolves nothing",
                code="not_in_exception",
                context={"allowed": list(actions_of(order))},
            )
        resolved = _ACTIONS[resolution.action](order, resolution, router, cause)
        if len(resolved.writes) > _WRITES_BESIDE:
            raise TooLarge("resolve fewer lines at once", code="too_many_lines")
        return resolved.events, resolved.writes

    return execute_plan(router.orders, order_id, plan, cause)


def actions_of(order: Order) -> tuple[str, ...]:
    if not needs_a_person(order):
        return ()
    if order.progress.unroutable:
        return (RETRY, ROUTE_TO, BACKORDER, CANCEL_UNITS)
    return (RETRY,)


def unplaced(order: Order) -> dict[str, int]:
    """Units by line that no node has."""
    counts = zip(order.content.lines, order.progress.counts, strict=True)
    return {
        line.line_id: units
        for index, (line, count) in enumerate(counts)
        if (units := order.open_quantity(index) + count.backordered)
    }


def _shown(order: Order, stock: Stock, cause: Cause) -> StuckOrder:
    units = unplaced(order)
    lines = [line for line in order.content.lines if line.line_id in units]
    positions = stock.positions({line.sku for line in lines}, cause.at)
    waiting = {
        line.line_id: count.backordered
        for line, count in zip(order.content.lines, order.progress.counts, strict=True)
    }
    return StuckOrder(
        order,
        tuple(
            StuckLine(
                line.line_id,
                line.sku,
                units[line.line_id],
                waiting[line.line_id],
                tuple(one for one in order.progress.rejections if one.line_id == line.line_id),
                tuple(one for one in positions[line.sku].balances if one.available > 0),
            )
            for line in lines
        ),
        actions_of(order),
    )


# --- the actions ----------------------------------------------------------------------------


def _retry(order: Order, resolution: Resolution, router: Router, cause: Cause) -> _Resolved:
    """Once more from the beginning: every node may be asked again, the lifecycle goes on, a parcel
    that was given up is on its way, and what is due is asked for."""
    events: list[Event] = [
        happened.DeliveryRecovered(part.id) for part in order.live_fulfillments if part.is_lost
    ]
    events.append(happened.RoutingResolved(RETRY, resolution.note, forgotten=True))
    if order.progress.unpaid:
        events += taking.try_again(order)
    if order.progress.exception:
        events += decisions.resume(order)
    return _Resolved(tuple(events))


def _route_to(order: Order, resolution: Resolution, router: Router, cause: Cause) -> _Resolved:
    node = _node(resolution.node, router)
    units = _units(order, resolution)
    skus = {order.content.line(line_id).sku for line_id in units}
    positions = router.stock.positions(skus, cause.at, consistent=True)
    allocations = placed(order, _allocations(order, units, node, positions), positions)
    taken = takings_beyond([node], cause.at)
    plan = Plan(allocations, rule=RULE, reason=f"{cause.by} sent it to {node.id}")
    released = order.state is not State.CAPTURED
    slots_taken = tuple(one.slot for one in taken)
    resolved = happened.RoutingResolved(ROUTE_TO, resolution.note)
    after = evolve_all(order, [resolved])
    if released:
        parts = routed(after, plan, slots_taken)
        merged = any(isinstance(one, happened.FulfillmentsMerged) for one in parts)
        taken = () if merged else taken
    else:
        parts = _sourced(after, plan, slots_taken)
    events: tuple[Event, ...] = (resolved, *parts)
    after = evolve_all(order, events)
    needs = needs_of(allocations)
    stock, holder = router.stock, further(order.order_id, order.version)
    try:
        shares = stock.shares.take(
            order.content.channel, by_sku(needs), holder, positions, cause.at
        )
    except StockContended as refusal:
        raise Conflict(refusal.detail, code="insufficient_stock") from None
    return _Resolved(
        events,
        [
            *stock.reserve(needs, order.order_id, cause),
            *shares,
            *held_anew(after, allocations, stock),
            *stock.capacity.take(taken),
            *requeue(order, after, stock),
            *promised_lines(order, allocations, stock),
        ],
    )


def _allocations(
    order: Order, units: Mapping[str, int], node: Node, positions: Mapping[str, Position]
) -> list[Allocation]:
    """From its stock, or, where it has none and is a supplier that does so, sent by itself."""
    left = {sku: max(0, position.at(node.id).available) for sku, position in positions.items()}
    found: list[Allocation] = []
    for line_id, quantity in units.items():
        sku = order.content.line(line_id).sku
        there = left[sku] if positions[sku].policy.tracked else quantity
        if there >= quantity:
            left[sku] -= quantity
            found.append(Allocation(line_id, sku, node.id, quantity))
        elif node.drop_ship:
            one = Allocation(line_id, sku, node.id, quantity, tracked=False, drop_ship=True)
            found.append(one)
        else:
            raise _lacking(node.id, sku, there)
    return found


def _sourced(order: Order, plan: Plan, taken: Sequence[Slot]) -> tuple[Event, ...]:
    """Before the first release: what is not sent there waits for stock."""
    sourced = decisions.source(order, plan.allocations, plan.rule, plan.reason, slots=tuple(taken))
    after = evolve_all(order, sourced)
    rest = {
        line.line_id: units
        for index, line in enumerate(order.content.lines)
        if (units := after.open_quantity(index))
    }
    if not rest:
        return sourced
    promised = decisions.is_promised(order)
    waits = happened.UnitsBackordered(work.as_units(rest), plan.reason, promised=promised)
    return (*sourced, waits)


def _backorder(order: Order, resolution: Resolution, router: Router, cause: Cause) -> _Resolved:
    """It waits for stock, whatever nodes said of it before; what is left out is still a person's
    to decide."""
    units = _units(order, resolution)
    skus = {order.content.line(line_id).sku for line_id in units}
    positions = router.stock.positions(skus, cause.at, consistent=True)
    rooms = rooms_for(order, units, positions, cause.at)
    if isinstance(rooms, Refusal):
        raise Conflict(rooms.reason, code=rooms.code)
    resolved = happened.RoutingResolved(BACKORDER, resolution.note, forgotten=True)
    reason = f"{cause.by} has it wait for stock"
    waits: Event
    still_his: tuple[Event, ...] = ()
    if order.state is State.CAPTURED:
        lines = tuple(line.line_id for line in order.content.lines if line.line_id in units)
        waits = happened.OrderBackordered(lines, reason, decisions.is_promised(order))
    else:
        counts = zip(order.content.lines, order.progress.counts, strict=True)
        waiting = {line.line_id: count.backordered for line, count in counts}
        more = {
            line_id: quantity - waiting[line_id]
            for line_id, quantity in units.items()
            if quantity > waiting[line_id]
        }
        promised = decisions.is_promised(order)
        waits = happened.UnitsBackordered(work.as_units(more), reason, promised=promised)
        rest = {
            line.line_id: of
            for index, line in enumerate(order.content.lines)
            if (of := order.open_quantity(index) - more.get(line.line_id, 0))
        }
        if rest:
            failed = happened.RoutingFailed(work.as_units(rest), order.progress.unroutable)
            still_his = (failed,)
    events = (resolved, waits, *still_his)
    after = evolve_all(order, events)
    return _Resolved(events, requeue(order, after, router.stock, rooms))


def _cancel_units(order: Order, resolution: Resolution, router: Router, cause: Cause) -> _Resolved:
    resolved = happened.RoutingResolved(CANCEL_UNITS, resolution.note)
    after = evolve_all(order, [resolved])
    units = _units(order, resolution)
    cancelled = cancel_units(after, units, resolution.reason or CANCEL_UNITS)
    events = (resolved, *cancelled.events)
    return _Resolved(events, freed(order, events, cancelled.allocations, router.stock, cause))


_ACTIONS: Mapping[str, Callable[[Order, Resolution, Router, Cause], _Resolved]] = {
    RETRY: _retry,
    ROUTE_TO: _route_to,
    BACKORDER: _backorder,
    CANCEL_UNITS: _cancel_units,
}


def _units(order: Order, resolution: Resolution) -> dict[str, int]:
    there = unplaced(order)
    for line_id, quantity in resolution.lines.items():
        if quantity > there.get(line_id, 0):
            raise Invalid(
                f"line {line_id} has not so many units without a node",
                code="quantities_do_not_add_up",
            )
    return dict(resolution.lines) or there


def _node(node_id: str, router: Router) -> Node:
    found = next((one for one in router.catalog.nodes({node_id}) if one.id == node_id), None)
    if found is None or not found.active:
        raise Invalid(f"there is no node {node_id!r} that works", code="unknown_node")
    return found


def _lacking(node: str, sku: str, there: int) -> Conflict:
    return Conflict(
        f"{node} does not have so many of {sku}",
        code="insufficient_stock",
        context={"sku": sku, "node": node, "available": max(0, there)},
    )
