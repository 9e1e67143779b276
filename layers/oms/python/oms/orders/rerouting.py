"""Routing after the release: units that a node said no to, that came with stock, or that a person
sent on their way again.

What can be had is given to nodes, none of which said no to that line before; the rest waits for
stock where the customer agreed to that, and is a person's to decide where that is no use: when too
many nodes have said no, or only those have it that did. All of it is one commit, with the stock and
the capacity that it takes, so that asking again for what is done changes nothing.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from oms.catalog.store import Catalog
from oms.inventory.backorders import Refusal, Room
from oms.inventory.shares import further
from oms.inventory.store import Stock
from oms.kernel.errors import StockContended, VersionConflict
from oms.kernel.events import Cause
from oms.kernel.writes import Write
from oms.orders import decisions, work
from oms.orders import events as happened
from oms.orders.backordering import requeue, rooms_for
from oms.orders.decisions import LINES_PER_FULFILLMENT
from oms.orders.events import Event
from oms.orders.evolve import evolve_all
from oms.orders.freeing import held_anew
from oms.orders.model import (
    Allocation,
    Fulfillment,
    FulfillmentState,
    Order,
    OutOfStockPolicy,
    Slot,
    State,
    Units,
)
from oms.orders.needs import needs_of
from oms.orders.on_counters import level_counters
from oms.orders.routing import Situation, ask_to_be_told, decide, look, placed, said_no
from oms.orders.shares import by_sku
from oms.orders.slots import nodes_of
from oms.orders.store import Orders
from oms.routing.capacity import SlotTaking, takings
from oms.routing.engine import Decision
from oms.routing.evidence import Evidence, listed
from oms.routing.policies import Policies
from oms.routing.policy import Step

# After so many nodes have said no to a line a person decides.
MOST_NODES = 5
_ATTEMPTS = 4
_COMMITS = 20
_WRITES_BESIDE = 99


@dataclass(frozen=True, slots=True)
class Router:
    """What routing needs of persistence."""

    orders: Orders
    stock: Stock
    catalog: Catalog
    policies: Policies


@dataclass(frozen=True, slots=True)
class Plan:
    """What becomes of units by line: ``allocations`` go to nodes, ``waits`` wait for stock and
    ``fails`` need a person."""

    allocations: tuple[Allocation, ...] = ()
    waits: Mapping[str, int] = field(default_factory=dict)
    fails: Mapping[str, int] = field(default_factory=dict)
    rule: str = ""
    reason: str = ""
    evidence: Evidence | None = None
    rooms: Mapping[str, Room] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Commit:
    """Events, and what is written with them."""

    events: tuple[Event, ...]
    writes: Sequence[Write]


def reroute(order_id: str, router: Router, cause: Cause) -> Order:
    """Route what no node has of an order that was released; one that was not, or that is being
    cancelled, is left alone. Raises ``StockContended`` when stock went elsewhere as often as it was
    planned, and ``VersionConflict``."""
    failed = 0
    order = router.orders.load(order_id)
    for _ in range(_COMMITS):
        units = to_route(order)
        if not units:
            return order
        seen, plan = plan_for(order, units, router, cause)
        at_once = commit_of(order, plan, seen, router, cause)
        if at_once is None:
            waits = {order.content.line(line_id).sku for line_id in plan.waits}
            ask_to_be_told(seen, waits, router.stock, cause.at)
            return order
        try:
            order = router.orders.commit(order, at_once.events, cause, at_once.writes)
        except (StockContended, VersionConflict):
            failed += 1
            if failed == _ATTEMPTS:
                raise
            router.stock.reclaim({one.sku for one in plan.allocations}, cause.at)
            order = router.orders.load(order_id)
            continue
        level_counters(plan.allocations, seen.positions, order_id, router.stock, cause)
    return order


def to_route(order: Order) -> dict[str, int]:
    """Units by line that no node has though the order was released, and that are not cancelled."""
    if order.cancel_requested or order.state not in (State.RELEASED, State.SHIPPED):
        return {}
    return {
        line.line_id: units
        for index, line in enumerate(order.content.lines)
        if (units := order.open_quantity(index) + order.progress.counts[index].backordered)
    }


def plan_for(
    order: Order, units: Mapping[str, int], router: Router, cause: Cause
) -> tuple[Situation, Plan]:
    """What is to become of ``units``, and what that was decided from."""
    worn_out = {
        line_id: quantity
        for line_id, quantity in units.items()
        if len(said_no(order).get(line_id, ())) >= MOST_NODES
    }
    tried = {line_id: of for line_id, of in units.items() if line_id not in worn_out}
    seen = look(
        order, tried, router.stock, router.catalog, router.policies, cause.at, consistent=True
    )
    if not tried:
        return seen, Plan(fails=worn_out, reason=_worn_out(worn_out))
    plan = _sorted_out(order, seen, cause)
    if not worn_out:
        return seen, plan
    reason = "; ".join(filter(None, (_worn_out(worn_out), plan.reason if plan.fails else "")))
    return seen, replace(plan, fails={**worn_out, **plan.fails}, reason=reason)


def commit_of(
    order: Order, plan: Plan, seen: Situation, router: Router, cause: Cause
) -> Commit | None:
    """One commit for the plan, or for as many of its lines as fit one; None when it changes
    nothing."""
    lines = list(dict.fromkeys(one.line_id for one in plan.allocations))
    fit = len(lines)
    while True:
        these = set(lines[:fit])
        some = tuple(one for one in plan.allocations if one.line_id in these)
        made = _commit(order, replace(plan, allocations=some), seen, router, cause)
        if made is None or len(made.writes) <= _WRITES_BESIDE or fit <= 1:
            return made
        fit //= 2


def _sorted_out(order: Order, seen: Situation, cause: Cause) -> Plan:
    decision, left, exceptional = _decided(order, seen, cause)
    allocations = placed(order, decision.allocations, seen.positions)
    given = _given(order, allocations)
    fails = {line_id: of for line_id, of in left.items() if _is_no_use(order, line_id, seen, given)}
    reason = decision.reason
    if fails:
        reason = f"{reason}; only nodes that said no have it"
    fails |= {line_id: left[line_id] for line_id in exceptional}
    waits = {line_id: of for line_id, of in left.items() if line_id not in fails}
    rooms = _rooms(order, waits, allocations, seen, cause)
    if isinstance(rooms, str):
        return Plan(
            allocations,
            {},
            left,
            decision.rule,
            f"{reason}; {rooms}",
            decision.evidence,
        )
    return Plan(allocations, waits, fails, decision.rule, reason, decision.evidence, rooms)


def _decided(
    order: Order, seen: Situation, cause: Cause
) -> tuple[Decision, dict[str, int], set[str]]:
    """What the engine gives, what it leaves by line, and which of these its policy calls a person
    for. Lines that stand in the way of others are left: here something is under way already, and
    what can be had goes on."""
    units = dict(seen.units)
    dropped: dict[str, Step] = {}
    while True:
        decision = decide(order, replace(seen, units=units), cause.at, excluded=said_no(order))
        lacking = {
            line_id for line_id in decision.lacking if decision.left.get(line_id) == units[line_id]
        }
        if not lacking or lacking >= decision.left.keys():
            break
        dropped |= dict.fromkeys(lacking, decision.otherwise)
        units = {line_id: of for line_id, of in units.items() if line_id not in lacking}
    left = {line_id: seen.units[line_id] for line_id in dropped} | dict(decision.left)
    fates = dropped | dict.fromkeys(decision.left, decision.otherwise)
    return decision, left, {line_id for line_id, step in fates.items() if step is Step.EXCEPTION}


def _given(order: Order, allocations: Iterable[Allocation]) -> dict[str, int]:
    """Units by SKU that are taken of what there is."""
    given: dict[str, int] = {}
    for one in allocations:
        if one.tracked:
            given[one.sku] = given.get(one.sku, 0) + one.quantity
    return given


def _is_no_use(order: Order, line_id: str, seen: Situation, given: Mapping[str, int]) -> bool:
    """Whether there is enough of it, and nobody ahead claims it, but at nodes that said no: it
    would wait for ever, and what is there would wait with it. Not while another node has it that
    takes no work at the moment."""
    sku, nodes = order.content.line(line_id).sku, said_no(order).get(line_id, frozenset())
    if any(
        one.available.units.get(sku) and one.available.node.id not in nodes
        for one in seen.prospect.closed
    ):
        return False
    left = seen.prospect.left.get(sku, 0) - given.get(sku, 0)
    return bool(nodes) and left >= seen.units[line_id]


def _rooms(
    order: Order,
    waits: Mapping[str, int],
    allocations: Sequence[Allocation],
    seen: Situation,
    cause: Cause,
) -> Mapping[str, Room] | str:
    """How many units may be owed before those that are to wait; or why they may not wait."""
    if not waits:
        return {}
    waits_gladly = order.content.on_out_of_stock is OutOfStockPolicy.BACKORDER
    if not waits_gladly and not order.is_promised_later(waits):
        return "the customer does not wait"
    after = evolve_all(order, routed(order, Plan(tuple(allocations)), ())) if allocations else order
    rooms = rooms_for(after, waits, seen.positions, cause.at)
    return str(rooms) if isinstance(rooms, Refusal) else rooms


def _worn_out(lines: Iterable[str]) -> str:
    return f"{MOST_NODES} nodes said no to {listed(sorted(lines))}"


# --- the commit -----------------------------------------------------------------------------


def _commit(
    order: Order, plan: Plan, seen: Situation, router: Router, cause: Cause
) -> Commit | None:
    stock, allocations = router.stock, plan.allocations
    work_taken = _takings(order, allocations, seen, router, cause)
    to_nodes = routed(order, plan, tuple(one.slot for one in work_taken))
    events = (*to_nodes, *_rest(evolve_all(order, to_nodes), plan))
    if not events:
        return None
    after = evolve_all(order, events)
    needs = needs_of(allocations)
    holder = further(order.order_id, order.version)
    writes = [
        *stock.reserve(needs, order.order_id, cause),
        *stock.shares.take(order.content.channel, by_sku(needs), holder, seen.positions, cause.at),
        *held_anew(after, allocations, stock),
        *stock.production.take(effort for one in allocations for effort in one.effort),
        *stock.capacity.take(work_taken),
        *requeue(order, after, stock, plan.rooms),
        *promised_lines(order, allocations, stock),
    ]
    return Commit(events, writes)


def _takings(
    order: Order,
    allocations: Sequence[Allocation],
    seen: Situation,
    router: Router,
    cause: Cause,
) -> tuple[SlotTaking, ...]:
    """What joins work that a node has anyway takes nothing more of its day."""
    parts = decisions.fulfillments_of(order, allocations, ())
    joining = _joining(order, parts)
    new = {part.node for part in parts if part.id not in joining}
    nodes = nodes_of(new, router.catalog) if new else []
    return takings(nodes, seen.prospect.loads, cause.at)


def routed(order: Order, plan: Plan, slots: Sequence[Slot]) -> tuple[Event, ...]:
    """Nodes have it; what meets open work of the order at its node goes with that."""
    if not plan.allocations:
        return ()
    parts = list(decisions.fulfillments_of(order, plan.allocations, ()))
    joining = _joining(order, parts)
    free = list(slots)
    for number, part in enumerate(parts):
        slot = next((slot for slot in free if slot.node == part.node), None)
        if slot and part.id not in joining:
            free.remove(slot)
            parts[number] = replace(part, slot=slot)
    events: tuple[Event, ...] = (
        happened.UnitsRouted(
            tuple(parts),
            plan.rule,
            plan.reason,
            _waited(order, parts),
            plan.evidence,
            any(part.drop_ship for part in parts),
            decisions.is_promised(order),
        ),
    )
    for part_id, into in joining.items():
        events = (*events, *work.merge(evolve_all(order, events), into, [part_id]))
    return events


def _joining(order: Order, parts: Iterable[Fulfillment]) -> dict[str, str]:
    """Those of ``parts`` that can go with work of the order that is at the same node, goes the same
    way and has not begun; each with the id of that."""
    room = {
        part.id: LINES_PER_FULFILLMENT - decisions.balances_of(part.lines)
        for part in order.live_fulfillments
        if part.state is FulfillmentState.OPEN
    }
    joining: dict[str, str] = {}
    for part in parts:
        for other in order.live_fulfillments:
            balances = decisions.balances_of(part.lines)
            fits = room.get(other.id, 0) >= balances
            if fits and work.goes_with(other, part):
                room[other.id] -= balances
                joining[part.id] = other.id
                break
    return joining


def _waited(order: Order, parts: Iterable[Fulfillment]) -> tuple[Units, ...]:
    """Those of the routed units that were backordered: these go first."""
    units_routed: dict[str, int] = {}
    for part in parts:
        for line_id, units in part.units.items():
            units_routed[line_id] = units_routed.get(line_id, 0) + units
    counts = zip(order.content.lines, order.progress.counts, strict=True)
    waited = {
        line.line_id: min(count.backordered, units_routed.get(line.line_id, 0))
        for line, count in counts
    }
    return work.as_units({line_id: units for line_id, units in waited.items() if units})


def _rest(order: Order, plan: Plan) -> tuple[Event, ...]:
    """What becomes of the units that got no node, as ``order`` stands once the others did."""
    events: list[Event] = []
    backordered = {
        line.line_id: counts.backordered
        for line, counts in zip(order.content.lines, order.progress.counts, strict=True)
    }
    if leaving := [line_id for line_id in plan.fails if backordered[line_id]]:
        skus = {order.content.line(line_id).sku for line_id in leaving}
        events.append(happened.BackorderReleased(tuple(sorted(skus))))
        order = evolve_all(order, events)
    counts = zip(order.content.lines, order.progress.counts, strict=True)
    more = {
        line.line_id: units
        for line, count in counts
        if (units := plan.waits.get(line.line_id, 0) - count.backordered) > 0
    }
    if more:
        promised = decisions.is_promised(order)
        events.append(
            happened.UnitsBackordered(work.as_units(more), plan.reason, plan.evidence, promised)
        )
        order = evolve_all(order, events[-1:])
    if plan.fails and not order.progress.unroutable:
        failed = happened.RoutingFailed(work.as_units(plan.fails), plan.reason, plan.evidence)
        events.append(failed)
    return tuple(events)


def promised_lines(order: Order, allocations: Iterable[Allocation], stock: Stock) -> list[Write]:
    if order.content.promise is None:
        return []
    lines = {one.line_id: order.content.line(one.line_id).sku for one in allocations}
    return stock.promised_lines_have_it(order.order_id, lines.items())
