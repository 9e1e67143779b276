"""Routing for an order: what there is for it, by which policy, and what the engine makes of that.

Whoever routes units of an order, before its release or after, does it here: ``look`` reads all that
a decision needs, ``decide`` is what comes of it, and ``placed`` says from which counters it is
taken. Lines that go different ways, or are handed over at different nodes, are routed by
themselves, one after the other, from what those before left.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from typing import TYPE_CHECKING

from oms.catalog.model import Item, Node
from oms.catalog.store import Catalog
from oms.inventory.position import Position
from oms.inventory.positions import positions_to_take_by
from oms.inventory.store import Stock
from oms.orders.model import Allocation, Line, Method, Order, OutOfStockPolicy
from oms.orders.on_counters import on_counters
from oms.orders.prospects import Prospect, prospect_of
from oms.pricing.shares import of_units
from oms.promising.calendar import NodeDays
from oms.promising.model import is_production
from oms.routing import engine
from oms.routing.capacity import NO_LOAD, capacity_left, closed_because, opens_after
from oms.routing.engine import Decision
from oms.routing.evidence import EXPLAINED_WAYS, Evidence, listed
from oms.routing.making import components_of
from oms.routing.model import Available, Place, distance
from oms.routing.policies import Policies
from oms.routing.policy import BUILT_IN, RankBy, SourcingPolicy, Step
from oms.routing.request import Maker, NodeFacts, RoutingRequest, Want

if TYPE_CHECKING:
    from oms.routing.costs import Rate

Route = Callable[[SourcingPolicy, RoutingRequest, Sequence[NodeFacts]], Decision]
Excluded = Mapping[str, frozenset[str]]

_NOBODY: Excluded = {}
_ONE_WEEK = timedelta(days=7)
# An order that no node takes asks to be told of so many nodes, and so many SKUs of each: each is a
# write, and all who wait for a SKU look again together.
_NODES_WAITED_FOR = 10
_SKUS_WAITED_FOR = 10


@dataclass(frozen=True, slots=True)
class Situation:
    """All that was read to decide. ``units``: what is to be routed, by line. ``claimed``: SKUs of
    which there is enough, but not for this order. ``items`` are those of its lines, and ``rates``
    says how parcels go from nodes to a place; both only when the policy asks. ``production``: what
    days of resources have left; ``weekly``: units that are sold in a week, by SKU and node, for a
    policy that ranks by it."""

    units: Mapping[str, int]
    policy: SourcingPolicy
    prospect: Prospect
    claimed: frozenset[str] = frozenset()
    nodes: Mapping[str, Node] = field(default_factory=dict)
    items: Mapping[str, Item] = field(default_factory=dict)
    rates: Callable[[Iterable[Node], Place], "Mapping[str, tuple[Rate, ...]]"] | None = None
    production: Mapping[str, tuple[tuple[str, int], ...]] = field(default_factory=dict)
    weekly: Mapping[tuple[str, str], float] = field(default_factory=dict)

    @property
    def positions(self) -> Mapping[str, Position]:
        return self.prospect.positions


def look(
    order: Order,
    units: Mapping[str, int],
    stock: Stock,
    catalog: Catalog,
    policies: Policies,
    now: datetime,
    *,
    consistent: bool = False,
) -> Situation:
    """Read what routing ``units`` of the order's lines needs: its policy in one query, the position
    of each SKU, and items and carrier services only for a policy that asks for them."""
    policy = policies.for_channel(order.content.channel, now)
    asks = asks_of(policy)
    if any(is_production(part.source) for part in order.promised_parts):
        asks.add("items")
    lines = [line for line in order.content.lines if units.get(line.line_id)]
    items = catalog.items({line.sku for line in lines}) if asks else {}
    wanted = units_by_sku(lines, units)
    if _makes(policy) or order.promised_parts:
        for sku, needed in _components(lines, units, items).items():
            wanted[sku] = wanted.get(sku, 0) + needed
    positions = positions_to_take_by(wanted.keys(), stock, now, consistent=consistent)
    prospect = prospect_of(order, wanted, positions, stock, catalog, now)
    claimed = frozenset(prospect.claimed(wanted))
    named = {line.pickup_node for line in lines if line.pickup_node}
    named |= {node for item in items.values() for node in _elsewhere(item)}
    nodes = {node.id: node for node in catalog.nodes(named)} if named else {}
    elsewhere = {node for item in items.values() for node in _elsewhere(item)} & nodes.keys()
    loads = stock.capacity.loads((nodes[node] for node in sorted(elsewhere)), now)
    prospect = replace(prospect, loads={**loads, **prospect.loads})
    production = production_of(items, policy, stock, now)
    weekly = weekly_of(positions, policy, stock, now)
    if not asks & {RankBy.COST}:
        return Situation(
            units, policy, prospect, claimed, nodes, items, production=production, weekly=weekly
        )
    from oms.routing.costs import rates_from  # few policies reckon costs

    services, currency = catalog.carrier_services(), order.content.currency
    return Situation(
        units,
        policy,
        prospect,
        claimed,
        nodes,
        items,
        lambda of, to: rates_from(of, services, to, currency, now),
        production,
        weekly,
    )


def weekly_of(
    positions: Mapping[str, Position], policy: SourcingPolicy, stock: Stock, now: datetime
) -> Mapping[tuple[str, str], float]:
    """By SKU and node the units sold in a week, by what was sold since the end of the day a week
    ago; nothing for a policy that does not rank by it."""
    rankers = (ranker.by for rule in policy.rules for ranker in rule.rankers)
    if RankBy.WEEKS_OF_SUPPLY not in rankers:
        return {}
    sold = {
        (sku, balance.node): balance.sold
        for sku, position in sorted(positions.items())
        for balance in position.balances
        if balance.available > 0
    }
    day = now.date() - _ONE_WEEK
    days = (now - datetime.combine(day + timedelta(days=1), time.min, UTC)) / timedelta(days=1)
    before = stock.sold_by(sold, day)
    return {place: (sold[place] - units) * 7 / days for place, units in before.items()}


def production_of(
    items: Mapping[str, Item], policy: SourcingPolicy, stock: Stock, now: datetime
) -> Mapping[str, tuple[tuple[str, int], ...]]:
    """What is left of the resources that the items are made with, where the policy makes any."""
    made = (item.promising.production for item in items.values())
    resources = {production.resource for production in made if production and production.effort}
    return stock.production.left(resources, now) if resources and _makes(policy) else {}


def _makes(policy: SourcingPolicy) -> bool:
    return any(Step.MAKE in rule.otherwise.steps for rule in policy.rules)


def decide(
    order: Order,
    seen: Situation,
    now: datetime,
    *,
    excluded: Excluded = _NOBODY,
    route: Route = engine.route,
) -> Decision:
    """Where the units come from, what is left of them, and why. ``excluded``: by line the nodes
    that it must not come from."""
    taken: dict[str, dict[str, int]] = {}
    decisions: list[Decision] = []
    for (method, pickup_node), lines in _groups(order, seen.units).items():
        decision = _decided(order, seen, lines, (method, pickup_node), excluded, taken, route, now)
        decisions.append(decision)
        for one in decision.allocations:
            at = taken.setdefault(one.node, {})
            at[one.sku] = at.get(one.sku, 0) + one.quantity
    return _together(order, decisions, seen.claimed)


def _decided(
    order: Order,
    seen: Situation,
    lines: Sequence[Line],
    way: tuple[Method, str],
    excluded: Excluded,
    taken: Mapping[str, Mapping[str, int]],
    route: Route,
    now: datetime,
) -> Decision:
    """What a store lacks of what is collected there is brought there, all of it, where the policy
    has a rule for that."""
    method, pickup_node = way
    request = _request(order, lines, seen, method, pickup_node, excluded, now)
    facts = _facts(order, seen, request, taken, now)
    decision = route(_policy_for(method, seen.policy), request, facts)
    if not decision.left or not _may_be_brought(method, pickup_node, seen):
        return decision
    to_store = (Method.SHIP_TO_STORE, pickup_node)
    brought = _decided(order, seen, lines, to_store, excluded, taken, route, now)
    return decision if brought.left else brought


def _may_be_brought(method: Method, pickup_node: str, seen: Situation) -> bool:
    node = seen.nodes.get(pickup_node)
    named = any(Method.SHIP_TO_STORE in rule.orders.methods for rule in seen.policy.rules)
    return method is Method.PICKUP and named and node is not None and node.pickup == "any"


def makers_of(order: Order, seen: Situation, now: datetime) -> Mapping[str, tuple[Maker, ...]]:
    """By SKU of the order the nodes that make it now."""
    return _makers(order.content.lines, seen, now)


def placed(
    order: Order, allocations: Sequence[Allocation], positions: Mapping[str, Position]
) -> tuple[Allocation, ...]:
    """As the SKUs' policies say, and from their counters. Whoever would rather be cancelled than
    wait is not taken back from, nor is what a supplier sends or a node makes."""
    waits = order.content.on_out_of_stock is OutOfStockPolicy.BACKORDER
    found: list[Allocation] = []
    for one in allocations:
        if one.drop_ship or (one.make and not one.component):
            found.append(one)
            continue
        policy = positions[one.sku].policy
        may = policy.take_back and waits and not one.component
        found.append(replace(one, tracked=policy.tracked, take_back=may))
    return on_counters(found, positions, order.order_id)


def said_no(order: Order) -> Excluded:
    """By line the nodes that have rejected it."""
    nodes: dict[str, set[str]] = {}
    for rejection in order.progress.rejections:
        nodes.setdefault(rejection.line_id, set()).add(rejection.node)
    return {line_id: frozenset(of) for line_id, of in nodes.items()}


def units_by_sku(lines: Iterable[Line], units: Mapping[str, int]) -> dict[str, int]:
    wanted: dict[str, int] = {}
    for line in lines:
        if line_units := units.get(line.line_id, 0):
            wanted[line.sku] = wanted.get(line.sku, 0) + line_units
    return wanted


def asks_of(policy: SourcingPolicy) -> set[str]:
    """What a policy needs to know beyond stock: ``cost`` and ``items``."""
    found: set[str] = set()
    for rule in policy.rules:
        if rule.objective or any(ranker.by is RankBy.COST for ranker in rule.rankers):
            found |= {RankBy.COST, "items"}
        if rule.limits.keep_together or {Step.MAKE, Step.DROP_SHIP} & set(rule.otherwise.steps):
            found.add("items")
    return found


def _elsewhere(item: Item) -> Iterable[str]:
    """Nodes that drop-ship or make it."""
    made = item.promising.production
    return (*item.suppliers, *(made.nodes if made else ()))


def _components(
    lines: Iterable[Line], units: Mapping[str, int], items: Mapping[str, Item]
) -> dict[str, int]:
    """What making all of it would take."""
    needed: dict[str, int] = {}
    for line in lines:
        made = items[line.sku].promising.production if line.sku in items else None
        if made is None:
            continue
        want = Want(line.line_id, line.sku, units[line.line_id], scale=line.scale)
        for sku, of in components_of(want, Maker("", made.components)).items():
            needed[sku] = needed.get(sku, 0) + of
    return needed


def _groups(order: Order, units: Mapping[str, int]) -> dict[tuple[Method, str], list[Line]]:
    """What is handed over at a node first: nothing else can take its place."""
    groups: dict[tuple[Method, str], list[Line]] = {}
    for line in order.content.lines:
        if units.get(line.line_id):
            groups.setdefault((line.method, line.pickup_node), []).append(line)
    first = (Method.PICKUP, Method.SHIP_TO_STORE, Method.SHIP)
    return dict(sorted(groups.items(), key=lambda group: (first.index(group[0][0]), group[0][1])))


def _policy_for(method: Method, policy: SourcingPolicy) -> SourcingPolicy:
    """What is collected comes from where it is collected: only rules that name it are for that."""
    if method is not Method.PICKUP:
        return policy
    rules = tuple(rule for rule in policy.rules if Method.PICKUP in rule.orders.methods)
    return replace(policy, rules=rules) if rules else BUILT_IN


def _request(
    order: Order,
    lines: Sequence[Line],
    seen: Situation,
    method: Method,
    pickup_node: str,
    excluded: Excluded,
    now: datetime,
) -> RoutingRequest:
    content = order.content
    to: Place = content.shipping_address
    if method is not Method.SHIP and pickup_node in seen.nodes:
        to = seen.nodes[pickup_node]
    elsewhere = method is not Method.PICKUP
    return RoutingRequest(
        order_id=order.order_id,
        channel=content.channel,
        currency=content.currency,
        value=content.total.minor,
        to=to,
        wants=tuple(_want(line, seen) for line in lines),
        now=now,
        region=to.region,
        country=to.country,
        tags=content.tags,
        customer_class=content.customer.customer_class,
        method=method,
        pickup_node=pickup_node,
        excluded=excluded,
        promised_by=content.promise.arrive_by if content.promise else None,
        sold_at=content.sold_at,
        suppliers=_suppliers(lines, seen, now) if elsewhere else {},
        makers=_makers(lines, seen, now) if elsewhere else {},
        production=seen.production,
        has_capacity=frozenset(
            part.line_id for part in order.promised_parts if is_production(part.source)
        ),
        passed_over={one.available.node.id: one.why for one in seen.prospect.closed},
    )


def _want(line: Line, seen: Situation) -> Want:
    units, item = seen.units[line.line_id], seen.items.get(line.sku)
    return Want(
        line_id=line.line_id,
        sku=line.sku,
        quantity=units,
        value=of_units(line.net, units, line.quantity).minor,
        weight_grams=item.promising.weight_grams if item else 0,
        group=item.keep_together if item else "",
        scale=line.scale,
    )


def _suppliers(lines: Iterable[Line], seen: Situation, now: datetime) -> dict[str, tuple[str, ...]]:
    def drop_ships(node_id: str) -> bool:
        node = seen.nodes.get(node_id)
        return bool(node and node.active and node.drop_ship and _takes_work(node, seen, now))

    return {
        line.sku: tuple(node for node in seen.items[line.sku].suppliers if drop_ships(node))
        for line in lines
        if line.sku in seen.items
    }


def _makers(lines: Iterable[Line], seen: Situation, now: datetime) -> dict[str, tuple[Maker, ...]]:
    makers: dict[str, tuple[Maker, ...]] = {}
    for line in lines:
        made = seen.items[line.sku].promising.production if line.sku in seen.items else None
        if made is None:
            continue
        makers[line.sku] = tuple(
            Maker(node, made.components, made.resource, made.effort)
            for node in made.nodes
            if (found := seen.nodes.get(node))
            and found.active
            and found.makes
            and _takes_work(found, seen, now)
        )
    return makers


def _takes_work(node: Node, seen: Situation, now: datetime) -> bool:
    return not closed_because(node, now, seen.prospect.loads.get(node.id, NO_LOAD))


def _facts(
    order: Order,
    seen: Situation,
    request: RoutingRequest,
    taken: Mapping[str, Mapping[str, int]],
    now: datetime,
) -> list[NodeFacts]:
    candidates = [
        replace(one, units=_left(one, taken.get(one.node.id, {}), seen.claimed))
        for one in seen.prospect.candidates
        if _may_give(one.node, request)
    ]
    asks_when_open = any(rule.nodes.open_now for rule in seen.policy.rules)
    nodes = [one.node for one in candidates]
    rates = seen.rates(nodes, request.to) if seen.rates else {}
    known = _Known.of(seen.positions)
    return [
        _fact(one, request, seen, known, rates.get(one.node.id, ()), asks_when_open, now)
        for one in candidates
    ]


def _may_give(node: Node, request: RoutingRequest) -> bool:
    if request.method is Method.PICKUP:
        return node.id == request.pickup_node
    return node.can_ship


def _left(one: Available, taken: Mapping[str, int], claimed: frozenset[str]) -> Mapping[str, int]:
    if not taken and not claimed:
        return one.units
    return {
        sku: units - taken.get(sku, 0) for sku, units in one.units.items() if sku not in claimed
    }


@dataclass(frozen=True, slots=True)
class _Known:
    """What balances say of nodes beyond what is available: by node, then by SKU."""

    sold: Mapping[str, Mapping[str, int]]
    rejected: Mapping[str, Mapping[str, int]]
    marked_down: Mapping[str, Mapping[str, date]]

    @classmethod
    def of(cls, positions: Mapping[str, Position]) -> "_Known":
        sold: dict[str, dict[str, int]] = {}
        rejected: dict[str, dict[str, int]] = {}
        marked_down: dict[str, dict[str, date]] = {}
        for sku, position in positions.items():
            for balance in position.balances:
                sold.setdefault(balance.node, {})[sku] = balance.sold
                rejected.setdefault(balance.node, {})[sku] = balance.rejected
                if since := balance.marked_down_since:
                    marked_down.setdefault(balance.node, {})[sku] = since
        return cls(sold, rejected, marked_down)


def _fact(
    one: Available,
    request: RoutingRequest,
    seen: Situation,
    known: _Known,
    rates: "tuple[Rate, ...]",
    asks_when_open: bool,
    now: datetime,
) -> NodeFacts:
    node, load = one.node, seen.prospect.loads.get(one.node.id)
    return NodeFacts(
        node=node,
        units=one.units,
        distance=distance(node, request.to),
        load=load.day if load else None,
        capacity_left=capacity_left(node, now, load) if load else None,
        open_now=_is_open(node, now) if asks_when_open else True,
        parcel_cost=_parcel_cost(node, request, rates) if rates else None,
        sold=known.sold.get(node.id, {}),
        rejected=known.rejected.get(node.id, {}),
        weekly={
            sku: seen.weekly[sku, node.id] for sku in one.units if (sku, node.id) in seen.weekly
        },
        markdown_since=known.marked_down.get(node.id, {}),
        rates=rates,
    )


def _is_open(node: Node, now: datetime) -> bool:
    """Whether what it is given now is ready today: it works, and its cut-off is still to come."""
    days = NodeDays(node.calendar)
    today = days.local_day(now)
    return days.works_on(today) and days.first_day(now) == today


def ask_to_be_told(seen: Situation, lacking: Iterable[str], stock: Stock, now: datetime) -> None:
    """Where nodes have some of these SKUs, send or make them, that take no work at the moment, or
    that the policy does not take work to at this hour, whoever waits for them looks again when they
    do."""
    skus = sorted(lacking)
    closed = [
        (one.available.node.id, _some_there(one.available, skus)) for one in seen.prospect.closed
    ]
    for node, some in [*closed, *_closed_elsewhere(seen, skus, now).items()][:_NODES_WAITED_FOR]:
        stock.capacity.wait(node, some[:_SKUS_WAITED_FOR])
    later = (one for one in seen.prospect.candidates if _is_left_out(one.node, seen, now))
    for one in islice(later, _NODES_WAITED_FOR):
        if opens := opens_after(one.node, now):
            some = _some_there(one, skus)[:_SKUS_WAITED_FOR]
            stock.capacity.wait_until(opens, one.node.id, some)


def _closed_elsewhere(
    seen: Situation, skus: Iterable[str], now: datetime
) -> Mapping[str, list[str]]:
    """What is sent by suppliers, or made at nodes, that take no work at the moment."""
    closed: dict[str, list[str]] = {}
    for item in (seen.items[sku] for sku in skus if sku in seen.items):
        for name in _elsewhere(item):
            if name in seen.nodes and not _takes_work(seen.nodes[name], seen, now):
                closed.setdefault(name, []).append(item.sku)
    return closed


def _some_there(one: Available, skus: Sequence[str]) -> list[str]:
    return [sku for sku in skus if one.units.get(sku)]


def _is_left_out(node: Node, seen: Situation, now: datetime) -> bool:
    """Whether a rule has no use for the node today that may have tomorrow."""
    load = seen.prospect.loads.get(node.id)
    left = capacity_left(node, now, load) if load else None
    wanted = max((rule.nodes.capacity_left for rule in seen.policy.rules), default=0)
    if left is not None and left < wanted:
        return True
    return any(rule.nodes.open_now for rule in seen.policy.rules) and not _is_open(node, now)


def _parcel_cost(node: Node, request: RoutingRequest, rates: "tuple[Rate, ...]") -> int:
    from oms.routing.costs import Packed, Penalties, parcel_cost, weight

    grams = sum(weight(want.quantity, want.weight_grams, want.scale) for want in request.wants)
    packed = Packed(grams, len({want.sku for want in request.wants}))
    return parcel_cost(node, rates, packed, request.currency, Penalties(request.promised_by)).total


def _together(order: Order, decisions: Sequence[Decision], claimed: frozenset[str]) -> Decision:
    """One decision for the order: of all its groups what they were given, and what is left."""
    evidence = [decision.evidence for decision in decisions]
    left = {line_id: units for one in decisions for line_id, units in one.left.items()}
    reasons = [listed(dict.fromkeys(decision.reason for decision in decisions), "; ")]
    if left and claimed:
        reasons.append(f"orders ahead claim what there is of {listed(sorted(claimed))}")
    lacking = {line_id for one in decisions for line_id in one.lacking}
    failed = any(one.left and one.otherwise is Step.EXCEPTION for one in decisions)
    return Decision(
        allocations=tuple(one for decision in decisions for one in decision.allocations),
        left=left,
        lacking=tuple(one.line_id for one in order.content.lines if one.line_id in lacking),
        otherwise=Step.EXCEPTION if failed else Step.WAIT,
        rule=", ".join(dict.fromkeys(decision.rule for decision in decisions)),
        reason="; ".join(reasons),
        evidence=_evidence(evidence),
        rest_goes_ahead=all(one.rest_goes_ahead for one in decisions if one.left),
    )


def _evidence(evidence: Sequence[Evidence]) -> Evidence:
    if not evidence:
        return Evidence(BUILT_IN.id)
    return replace(evidence[0], also=tuple(evidence[1:EXPLAINED_WAYS]))
