"""Source and reserve: choose the nodes, take the stock, give it back when the order turns round.

All lines or none, unless the sourcing policy lets go ahead what is there: then what is lacking is
backordered in the same transaction. An order that fits one transaction is reserved and recorded in
it. A larger one writes its plan down first; its stock is then taken chunk by chunk, each known by
the plan, so that a run which dies in between is taken up where it stopped.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from typing import NoReturn

from oms.catalog.model import Node
from oms.catalog.store import Catalog
from oms.inventory.backorders import Refusal
from oms.inventory.model import Need
from oms.inventory.position import Position
from oms.inventory.positions import positions_to_take_by
from oms.inventory.store import Stock
from oms.kernel.errors import Backordered, Conflict, OutOfStock, StockContended
from oms.kernel.events import Cause
from oms.kernel.writes import Write
from oms.orders import decisions, slots
from oms.orders.backordering import leave_queues, queue_writes, requeue, rooms_for
from oms.orders.command import execute, execute_on
from oms.orders.decisions import Events
from oms.orders.evolve import evolve_all
from oms.orders.model import Allocation, Order, OutOfStockPolicy, Slot, State
from oms.orders.needs import needs_of
from oms.orders.on_counters import level_counters
from oms.orders.prospects import Prospect, prospect_of, units_of
from oms.orders.routing import (
    Route,
    Situation,
    ask_to_be_told,
    decide,
    look,
    makers_of,
    placed,
    said_no,
)
from oms.orders.shares import by_sku
from oms.orders.store import Orders
from oms.orders.taking_back import Freed, given_back, hold, take_back
from oms.routing import engine
from oms.routing.capacity import SlotTaking, takings, takings_beyond
from oms.routing.engine import Decision
from oms.routing.evidence import Evidence
from oms.routing.model import Sourced
from oms.routing.policies import Policies
from oms.routing.policy import Step
from oms.routing.promised import from_promised_nodes

# A transaction holds 100 writes: the commit, two for each need (balance and ledger entry), and two
# for each SKU that the order stops waiting for. What does not fit is reserved in chunks.
NEEDS_IN_ONE = 33
_WRITES_IN_ONE = 99
_PLANS = 4


@dataclass(frozen=True, slots=True)
class Taking:
    """Where all of an order comes from, what it takes of the nodes' capacity, and the writes that
    reserve it."""

    plan: Sourced
    positions: Mapping[str, Position]
    writes: Sequence[Write]
    slots: tuple[Slot, ...] = ()


@dataclass(frozen=True, slots=True)
class _Plan:
    """Where the order comes from. ``left``: units by line that wait for stock while the rest goes
    ahead, or, when ``unroutable``, for a person."""

    allocations: tuple[Allocation, ...]
    rule: str
    reason: str
    evidence: Evidence | None = None
    left: tuple[tuple[str, int], ...] = ()
    unroutable: bool = False


def reserve(
    order_id: str,
    orders: Orders,
    stock: Stock,
    catalog: Catalog,
    policies: Policies,
    cause: Cause,
    *,
    route: Route = engine.route,
) -> Order:
    """Raises ``Backordered`` or ``OutOfStock`` when no plan is possible, ``OrderCancelRequested``,
    and ``StockContended`` when stock went elsewhere as often as it was planned."""
    for _ in range(_PLANS):
        order = orders.load(order_id)
        if decisions.has_reached(order, State.SOURCED):
            return order
        if order.progress.reserving_since:
            skus = {allocation.sku for allocation in order.progress.allocations}
            positions = stock.positions(skus, cause.at)
            return _reserve_in_chunks(order, positions, orders, stock, catalog, cause)
        decisions.turn_round_if_cancelling(order)
        seen = look(order, _to_source(order), stock, catalog, policies, cause.at)
        prospect = seen.prospect
        plan = _plan(order, seen, route, cause)
        if isinstance(plan, Decision):
            _go_short(order, plan, seen, orders, stock, cause, route)
            continue
        work = takings(_nodes(plan.allocations, catalog), prospect.loads, cause.at)
        events = _events(order, plan, _slots(work))
        writes = [
            *_taking(order, plan.allocations, prospect.positions, stock, cause),
            *_requeued(order, events, prospect, stock, cause),
            *_promised_lines(order, stock),
            *stock.capacity.take(work),
        ]
        if len(writes) > _WRITES_IN_ONE:
            return _plan_first(order, plan, prospect, orders, stock, catalog, cause)
        if sourced := _reserve_at_once(order, plan, events, writes, orders, stock, cause):
            level_counters(plan.allocations, prospect.positions, order_id, stock, cause)
            if waits := units_of(sourced, sourced.backordered_lines):
                ask_to_be_told(seen, waits, stock, cause.at)
            return sourced
    raise StockContended("stock went elsewhere each time it was planned")


def may_be_sourced(
    order: Order, stock: Stock, catalog: Catalog, policies: Policies, now: datetime
) -> bool:
    """Whether there is a plan for the order by all that was written before, or it has to wait for
    other lines than it does; nothing is taken."""
    seen = look(order, _to_source(order), stock, catalog, policies, now, consistent=True)
    plan = _plan(order, seen, engine.route, Cause(now, "supervision"))
    return isinstance(plan, _Plan) or plan.lacking != order.backordered_lines


def as_promised(
    order: Order, stock: Stock, catalog: Catalog, cause: Cause, *, consistent: bool
) -> Taking | None:
    """The order from the nodes that it was promised from, however much work these have already;
    None when it may not have all of it there, or when others are ahead of it. Raises
    ``StockContended`` when its channel's part went to others meanwhile."""
    wanted = units_of(order, (line.line_id for line in order.content.lines))
    positions = positions_to_take_by(wanted.keys(), stock, cause.at, consistent=consistent)
    prospect = prospect_of(order, wanted, positions, stock, catalog, cause.at, beyond_capacity=True)
    plan = from_promised_nodes(order, prospect.without(prospect.claimed(wanted)))
    if plan is None:
        return None
    allocations = placed(order, plan.allocations, positions)
    work = takings_beyond(_nodes(allocations, catalog), cause.at)
    taken = _taking(order, allocations, positions, stock, cause)
    writes = [*taken, *stock.capacity.take(work)]
    return Taking(replace(plan, allocations=allocations), positions, writes, _slots(work))


def unreserve(order_id: str, orders: Orders, stock: Stock, cause: Cause) -> Order:
    """Give back all that the order holds. Safe to call when it holds nothing."""
    order = execute(
        orders,
        order_id,
        decisions.leave_queues,
        cause,
        also=lambda found: leave_queues(found, stock),
    )
    needs = needs_of(order.progress.allocations)
    if order.progress.reserving_since:
        return _give_up_plan(order, orders, stock, cause)
    if len(needs) > NEEDS_IN_ONE:
        return _unreserve_in_chunks(order, needs, orders, stock, cause)
    writes = _all_given_back(order, stock, cause)
    if len(writes) > _WRITES_IN_ONE:
        return _unreserve_in_chunks(order, needs, orders, stock, cause)
    return execute_on(
        orders,
        order,
        decisions.release_reservation,
        cause,
        also=lambda found: writes if found is order else _all_given_back(found, stock, cause),
    )


def _all_given_back(order: Order, stock: Stock, cause: Cause) -> list[Write]:
    released = decisions.release_reservation(order)
    return [
        *given_back(order, order.progress.allocations, stock, cause),
        *slots.given_back(order, released, stock.capacity),
    ]


def _nodes(allocations: Iterable[Allocation], catalog: Catalog) -> list[Node]:
    return slots.nodes_of((allocation.node for allocation in allocations), catalog)


def _slots(work: Iterable[SlotTaking]) -> tuple[Slot, ...]:
    return tuple(taking.slot for taking in work)


def _to_source(order: Order) -> dict[str, int]:
    return {
        line.line_id: units
        for index, line in enumerate(order.content.lines)
        if (units := order.to_source(index))
    }


def _plan(order: Order, seen: Situation, route: Route, cause: Cause) -> _Plan | Decision:
    """A plan, or the decision that there is none."""
    candidates = seen.prospect.without(set(seen.claimed))
    makers = makers_of(order, seen, cause.at)
    if promised := from_promised_nodes(order, candidates, makers):
        allocations = placed(order, promised.allocations, seen.positions)
        return _Plan(allocations, promised.rule, promised.reason)
    decision = decide(order, seen, cause.at, excluded=said_no(order), route=route)
    if decision.left and not _goes_ahead(order, decision, seen, cause):
        return decision
    return _Plan(
        allocations=placed(order, decision.allocations, seen.positions),
        rule=decision.rule,
        reason=decision.reason,
        evidence=decision.evidence,
        left=tuple(sorted(decision.left.items())),
        unroutable=decision.otherwise is Step.EXCEPTION,
    )


def _goes_ahead(order: Order, decision: Decision, seen: Situation, cause: Cause) -> bool:
    """Whether what is there goes ahead of the rest: the policy says so, the order was not promised
    as a whole, and its customer and the SKUs' policies let the rest wait."""
    if not decision.partial or order.content.promise is not None:
        return False
    if order.content.on_out_of_stock is OutOfStockPolicy.CANCEL:
        return False
    if decision.otherwise is Step.EXCEPTION:
        return True
    rooms = rooms_for(order, decision.left, seen.positions, cause.at)
    return not isinstance(rooms, Refusal)


def _events(order: Order, plan: _Plan, taken: tuple[Slot, ...]) -> Events:
    events = decisions.source(
        order, plan.allocations, plan.rule, plan.reason, plan.evidence, slots=taken
    )
    if not plan.left or not events:
        return events
    return (*events, decisions.leave_rest(plan.left, plan.reason, unroutable=plan.unroutable))


def _requeued(
    order: Order, events: Events, prospect: Prospect, stock: Stock, cause: Cause
) -> list[Write]:
    """Out of the queues, or, with what is left, in them."""
    after = evolve_all(order, events)
    if not after.backordered_lines:
        return leave_queues(order, stock)
    rooms = rooms_for(order, after.backordered_lines, prospect.positions, cause.at)
    return requeue(order, after, stock, {} if isinstance(rooms, Refusal) else rooms)


def _taking(
    order: Order,
    allocations: Sequence[Allocation],
    positions: Mapping[str, Position],
    stock: Stock,
    cause: Cause,
) -> list[Write]:
    needs = needs_of(allocations)
    channel, order_id = order.content.channel, order.order_id
    return [
        *stock.reserve(needs, order_id, cause),
        *stock.shares.take(channel, by_sku(needs), order_id, positions, cause.at),
        *hold(order, allocations, stock),
        *stock.production.take(effort for one in allocations for effort in one.effort),
    ]


def _promised_lines(order: Order, stock: Stock) -> list[Write]:
    if order.content.promise is None:
        return []
    lines = ((line.line_id, line.sku) for line in order.content.lines)
    return stock.promised_lines_have_it(order.order_id, lines)


def _plan_first(
    order: Order,
    plan: _Plan,
    prospect: Prospect,
    orders: Orders,
    stock: Stock,
    catalog: Catalog,
    cause: Cause,
) -> Order:
    """What is reserved in several transactions is not taken back."""
    allocations = tuple(replace(one, take_back=False) for one in plan.allocations)
    events = decisions.plan_sourcing(
        order, allocations, plan.rule, plan.reason, cause.at, plan.evidence
    )
    if events and plan.unroutable and plan.left:
        events = (*events, decisions.leave_rest(plan.left, plan.reason, unroutable=True))
    planned = orders.commit(order, events, cause)
    return _reserve_in_chunks(planned, prospect.positions, orders, stock, catalog, cause)


def _reserve_at_once(
    order: Order,
    plan: _Plan,
    events: Events,
    writes: Sequence[Write],
    orders: Orders,
    stock: Stock,
    cause: Cause,
) -> Order | None:
    """The sourced order, or nothing when the stock was gone by then: plan again."""
    try:
        return orders.commit(order, events, cause, writes)
    except StockContended:
        stock.reclaim({allocation.sku for allocation in plan.allocations}, cause.at)
        return None


def _reserve_in_chunks(
    order: Order,
    positions: Mapping[str, Position],
    orders: Orders,
    stock: Stock,
    catalog: Catalog,
    cause: Cause,
) -> Order:
    """The capacity of its nodes is taken with the last step: when that is gone by then, so is all
    that the plan took."""
    planned = _as_planned(order, cause)
    needs = needs_of(order.progress.allocations)
    try:
        _take_shares(order, needs, positions, stock, planned)
        for chunk in _chunks(needs):
            _once(stock, stock.reserve(chunk, order.order_id, planned))
        sourced = _source_as_planned(order, orders, stock, catalog, cause)
    except StockContended:
        _give_up_plan(order, orders, stock, cause)
        stock.reclaim({allocation.sku for allocation in order.progress.allocations}, cause.at)
        raise
    for promised in _promised_lines(order, stock):
        stock.transact([promised])
    return sourced


def _source_as_planned(
    order: Order, orders: Orders, stock: Stock, catalog: Catalog, cause: Cause
) -> Order:
    """What is not in the plan was left out of it, and waits for stock. Work at more nodes with a
    limit than one transaction counts is as welcome there as any other."""
    progress = order.progress
    planned = Counter[str]()
    for one in progress.allocations:
        planned[one.line_id] += 0 if one.component else one.quantity
    left = {line_id: units - planned[line_id] for line_id, units in _to_source(order).items()}
    plan = _Plan(
        progress.allocations,
        progress.sourcing_rule,
        progress.sourcing_reason,
        left=tuple((line_id, units) for line_id, units in sorted(left.items()) if units),
        unroutable=bool(progress.unroutable),
    )
    also = [
        *requeue(order, evolve_all(order, _events(order, plan, ())), stock),
        *stock.production.take(effort for one in progress.allocations for effort in one.effort),
    ]
    nodes = _nodes(progress.allocations, catalog)
    work = takings(nodes, stock.capacity.loads(nodes, cause.at), cause.at)
    counted = work[: max(0, _WRITES_IN_ONE - len(also))]
    events = _events(order, plan, _slots(counted))
    return orders.commit(order, events, cause, [*also, *stock.capacity.take(counted)])


def _give_up_plan(order: Order, orders: Orders, stock: Stock, cause: Cause) -> Order:
    """Give back every chunk of the plan that was taken, and forget the plan."""
    planned = _as_planned(order, cause)
    needs = needs_of(order.progress.allocations)
    for chunk in _chunks(needs):
        if stock.has_reserved(chunk[0], order.order_id, planned):
            _once(stock, stock.unreserve(chunk, order.order_id, planned))
    for need in needs:
        # What it did not get to take is not there to be given back: nothing of it counts.
        _once(stock, stock.shares.give_back({need.sku: 0}, order.order_id, cause.at))
    return orders.commit(order, decisions.release_reservation(order), cause)


def _unreserve_in_chunks(
    order: Order, needs: Sequence[Need], orders: Orders, stock: Stock, cause: Cause
) -> Order:
    """The newest commit does not change until the last step, so its time names the entries."""
    same = replace(cause, at=order.content.captured_at)
    for chunk in _chunks(needs):
        _once(stock, stock.unreserve(chunk, order.order_id, same))
    for sku, units in by_sku(needs).items():
        _once(stock, stock.shares.give_back({sku: units}, order.order_id, cause.at))
    released = decisions.release_reservation(order)
    efforts = (effort for one in order.progress.allocations for effort in one.effort)
    also = [
        *slots.given_back(order, released, stock.capacity),
        *stock.production.give_back(efforts),
    ]
    return orders.commit(order, released, cause, also)


def _take_shares(
    order: Order,
    needs: Sequence[Need],
    positions: Mapping[str, Position],
    stock: Stock,
    planned: Cause,
) -> None:
    """What the channel may have is taken first, each SKU's by itself and once."""
    channel, order_id = order.content.channel, order.order_id
    for sku, wanted in by_sku(needs).items():
        _once(stock, stock.shares.take(channel, {sku: wanted}, order_id, positions, planned.at))


def _as_planned(order: Order, cause: Cause) -> Cause:
    assert order.progress.reserving_since is not None
    return replace(cause, at=order.progress.reserving_since)


def _once(stock: Stock, writes: Sequence[Write]) -> None:
    try:
        if writes:
            stock.transact(writes)
    except Conflict as refusal:
        if refusal.problem_code != "entry_exists":
            raise


def _chunks(needs: Sequence[Need]) -> Iterable[list[Need]]:
    rest = iter(needs)
    while chunk := list(islice(rest, NEEDS_IN_ONE)):
        yield chunk


def _go_short(
    order: Order,
    decision: Decision,
    seen: Situation,
    orders: Orders,
    stock: Stock,
    cause: Cause,
    route: Route,
) -> None:
    """Wait, or give up. Returns when it is worth planning again: units were taken back for the
    order, or others were backordered at the same moment."""
    reason, line_ids, prospect = decision.reason, decision.lacking, seen.prospect
    if decision.otherwise is Step.EXCEPTION:
        _hand_to_a_person(order, decision, orders, stock, cause)
    would_not_wait = order.content.on_out_of_stock is OutOfStockPolicy.CANCEL
    lacking = units_of(order, line_ids)
    for_nodes = prospect.waits_for_nodes(lacking)
    if would_not_wait and not for_nodes and not order.is_promised_later(line_ids):
        _run_out(order, reason, decision.evidence, orders, stock, cause)
    rooms = rooms_for(order, line_ids, prospect.positions, cause.at)
    if isinstance(rooms, Refusal):
        _run_out(order, str(rooms), decision.evidence, orders, stock, cause)
    if events := decisions.backorder(order, line_ids, reason, decision.evidence):
        apart = decision.rest_goes_ahead and order.content.promise is None
        writes = queue_writes(order, line_ids, rooms, stock, apart=apart)
        try:
            order = orders.commit(order, events, cause, writes)
        except StockContended:
            return

    def would_do(freed: Freed) -> bool:
        plan = _plan(order, _with(freed, seen), route, cause)
        return isinstance(plan, _Plan) and not plan.left

    if not take_back(order, prospect, orders, stock, cause, would_do):
        ask_to_be_told(seen, lacking, stock, cause.at)
        raise Backordered(reason)


def _with(freed: Freed, seen: Situation) -> Situation:
    """As if these units were there too, and all that is there for the order."""
    candidates = [
        replace(
            one,
            units={
                sku: units + freed.get((one.node.id, sku), 0) for sku, units in one.units.items()
            },
        )
        for one in seen.prospect.candidates
    ]
    prospect = replace(seen.prospect, candidates=candidates)
    return replace(seen, prospect=prospect, claimed=frozenset())


def _hand_to_a_person(
    order: Order, decision: Decision, orders: Orders, stock: Stock, cause: Cause
) -> NoReturn:
    """The policy has no node for it and says who decides. It waits for that, in no queue."""
    units = tuple(sorted(_to_source(order).items()))
    if events := decisions.fail_routing(order, units, decision.reason, decision.evidence):
        orders.commit(order, events, cause, leave_queues(order, stock))
    raise Backordered(decision.reason)


def _run_out(
    order: Order,
    reason: str,
    evidence: Evidence | None,
    orders: Orders,
    stock: Stock,
    cause: Cause,
) -> NoReturn:
    if events := decisions.run_out_of_stock(order, reason, evidence):
        orders.commit(order, events, cause, leave_queues(order, stock))
    raise OutOfStock(reason)
