"""Orders routed again under another policy, beside where they really come from. Commits nothing.

The stock is what is there at present and what these very orders hold or took, as if none of them
had come yet; they take it again one after the other, in the order of their capture. So it is not
the stock of that day: what came since is there from the start, and what other orders took is not.
Nodes, calendars and rates are those of today, capacity counts these orders alone, and nobody else
waits. An order that was promised comes from the nodes it was promised from where they have it, as
it does when it is really routed.

What both would cost is reckoned alike: each parcel by the cheapest service that keeps the promise,
begun when the order was captured. Pure.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from oms.catalog.delivery import CarrierService
from oms.catalog.model import Item, Node
from oms.inventory.position import Position
from oms.kernel.quantity import LARGEST
from oms.orders.model import Allocation, Method, Order
from oms.orders.prospects import Closed, Prospect
from oms.orders.routing import Situation, asks_of, decide
from oms.routing.capacity import NO_LOAD, Load, closed_because, day_of, is_limited, slot_for
from oms.routing.costs import Packed, Penalties, cost_with, kept_rate, rates_from, weight
from oms.routing.model import Available, Place
from oms.routing.policy import RankBy, SourcingPolicy
from oms.routing.promised import from_promised_nodes

_HOUR = slice(11, 13)


@dataclass(frozen=True, slots=True)
class Scenario:
    """``orders`` in the order of their capture; ``positions`` and ``items`` of all that they, and
    what is made for them, are made of; ``production`` and ``weekly`` as in ``Situation``."""

    policy: SourcingPolicy
    orders: Sequence[Order]
    positions: Mapping[str, Position]
    items: Mapping[str, Item]
    nodes: Sequence[Node]
    services: Sequence[CarrierService]
    production: Mapping[str, tuple[tuple[str, int], ...]] = field(default_factory=dict)
    weekly: Mapping[tuple[str, str], float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Parcel:
    """Units by line that a node sends, or hands over. ``cost`` is in minor units of the order's
    currency, ``late`` in days after the promised one."""

    node: str
    units: Mapping[str, int]
    cost: int
    late: int = 0


@dataclass(frozen=True, slots=True)
class Placement:
    """Where an order comes from. ``unfilled``: units by line that have no node."""

    parcels: tuple[Parcel, ...]
    unfilled: Mapping[str, int]
    rule: str
    reason: str

    @property
    def cost(self) -> int:
        return sum(parcel.cost for parcel in self.parcels)

    @property
    def late(self) -> int:
        """Days that its last parcel is late."""
        return max((parcel.late for parcel in self.parcels), default=0)

    @property
    def is_split(self) -> bool:
        return len(self.parcels) > 1

    @property
    def units(self) -> dict[tuple[str, str], int]:
        """By line and node."""
        return {
            (line_id, parcel.node): units
            for parcel in self.parcels
            for line_id, units in parcel.units.items()
        }


@dataclass(frozen=True, slots=True)
class Replayed:
    order: Order
    recorded: Placement
    proposed: Placement

    @property
    def differs(self) -> bool:
        return self.recorded.units != self.proposed.units


def replay(scenario: Scenario, may_go_on: Callable[[], bool]) -> tuple[Replayed, ...]:
    """As many of the orders as there is time for, from the first."""
    world = _World.of(scenario)
    found: list[Replayed] = []
    for order in scenario.orders:
        if not may_go_on():
            break
        recorded = world.placement(
            order,
            recorded_allocations(order),
            order.progress.sourcing_rule,
            order.progress.sourcing_reason,
        )
        found.append(Replayed(order, recorded, world.route(order)))
    return tuple(found)


def to_route(order: Order) -> dict[str, int]:
    """Units by line that the customer still wants, or has."""
    counts = zip(order.content.lines, order.progress.counts, strict=True)
    wanted = {line.line_id: line.quantity - count.cancelled for line, count in counts}
    return {line_id: units for line_id, units in wanted.items() if units > 0}


def recorded_allocations(order: Order) -> tuple[Allocation, ...]:
    """Where the order comes from: what is reserved for it, and the work that lives."""
    skus = {line.line_id: line.sku for line in order.content.lines}
    work = (
        Allocation(
            line.line_id,
            line.sku or skus[line.line_id],
            part.node,
            line.quantity,
            tracked=line.tracked,
            drop_ship=part.drop_ship,
            make=part.make,
            component=line.component,
            effort=line.effort,
        )
        for part in order.live_fulfillments
        for line in part.lines
    )
    return (*order.progress.allocations, *work)


@dataclass(slots=True)
class _World:
    """What is left as one order after the other is routed: ``there`` by SKU and node, ``taken`` by
    node and day what it was given to do."""

    scenario: Scenario
    nodes: Mapping[str, Node]
    there: dict[str, dict[str, int]]
    production: dict[str, dict[str, int]]
    taken: dict[tuple[str, str], Load] = field(default_factory=dict)

    @classmethod
    def of(cls, scenario: Scenario) -> "_World":
        there = {
            sku: {
                balance.node: balance.available
                for balance in position.balances
                if balance.node not in position.policy.not_sold_at
            }
            for sku, position in scenario.positions.items()
            if position.policy.tracked
        }
        production = {name: dict(days) for name, days in scenario.production.items()}
        for order in scenario.orders:
            for one in recorded_allocations(order):
                for effort in one.effort:
                    days = production.setdefault(effort.resource, {})
                    days[effort.day] = days.get(effort.day, 0) + effort.units
                if one.tracked and one.sku in there:
                    at = there[one.sku]
                    at[one.node] = at.get(one.node, 0) + one.quantity
        return cls(scenario, {node.id: node for node in scenario.nodes}, there, production)

    def route(self, order: Order) -> Placement:
        now, units = order.content.captured_at, to_route(order)
        open_now, closed, loads = self._candidates(order, units, now)
        allocations, rule, reason = self._decided(order, units, open_now, closed, loads, now)
        self._take(allocations, now)
        return self.placement(order, allocations, rule, reason)

    def _decided(
        self,
        order: Order,
        units: Mapping[str, int],
        candidates: list[Available],
        closed: tuple[Closed, ...],
        loads: Mapping[str, Load],
        now: datetime,
    ) -> tuple[Sequence[Allocation], str, str]:
        if sum(units.values()) == sum(line.quantity for line in order.content.lines):
            promised = from_promised_nodes(order, candidates)
            if promised is not None:
                return promised.allocations, promised.rule, promised.reason
        scenario, currency = self.scenario, order.content.currency
        costs = RankBy.COST in asks_of(scenario.policy)
        situation = Situation(
            units=units,
            policy=scenario.policy,
            prospect=Prospect(scenario.positions, candidates, {}, closed, loads),
            nodes=self.nodes,
            items=scenario.items,
            rates=(lambda of, to: rates_from(of, scenario.services, to, currency, now))
            if costs
            else None,
            production={
                name: tuple(sorted((day, units) for day, units in days.items() if units > 0))
                for name, days in self.production.items()
            },
            weekly=scenario.weekly,
        )
        decision = decide(order, situation, now)
        return decision.allocations, decision.rule, decision.reason

    def _candidates(
        self, order: Order, units: Mapping[str, int], now: datetime
    ) -> tuple[list[Available], tuple[Closed, ...], Mapping[str, Load]]:
        skus = skus_of(order, units, self.scenario.items)
        endless = {sku: LARGEST for sku in skus if sku not in self.there}
        by_node: dict[str, dict[str, int]] = {}
        for sku in skus & self.there.keys():
            for node_id, left in self.there[sku].items():
                by_node.setdefault(node_id, {})[sku] = max(0, left)
        found: list[Available] = []
        closed: list[Closed] = []
        loads: dict[str, Load] = {}
        for node in self.scenario.nodes:
            if not node.active or not (endless or node.id in by_node):
                continue
            one = Available(node, by_node.get(node.id, {}) | endless)
            load = self._load(node, now)
            if is_limited(node):
                loads[node.id] = load
            if why := closed_because(node, now, load):
                closed.append(Closed(one, why))
            else:
                found.append(one)
        return found, tuple(closed), loads

    def _load(self, node: Node, now: datetime) -> Load:
        if not is_limited(node):
            return NO_LOAD
        return self.taken.get((node.id, f"{day_of(node, now)}"), NO_LOAD)

    def _take(self, allocations: Iterable[Allocation], now: datetime) -> None:
        allocations = tuple(allocations)
        for one in allocations:
            for effort in one.effort:
                self.production[effort.resource][effort.day] -= effort.units
            made = one.make and not one.component
            if one.sku in self.there and not made and not one.drop_ship:
                at = self.there[one.sku]
                at[one.node] = at.get(one.node, 0) - one.quantity
        for node_id in {one.node for one in allocations}:
            node = self.nodes.get(node_id)
            if node is None or not is_limited(node):
                continue
            load = self._load(node, now)
            slot = slot_for(node, now, load)
            if slot is None:
                continue
            hours = dict(load.hours)
            if slot.hour:
                hour = int(slot.hour[_HOUR])
                hours[hour] = hours.get(hour, 0) + 1
            self.taken[node_id, slot.day] = Load(load.day + 1, hours)

    # --- what it costs --------------------------------------------------------------------------

    def placement(
        self, order: Order, allocations: Iterable[Allocation], rule: str, reason: str
    ) -> Placement:
        lines = {line.line_id: line for line in order.content.lines}
        unfilled = to_route(order)
        parcels: dict[tuple[str, str], dict[str, int]] = {}
        for one in allocations:
            if one.component:
                continue
            line = lines[one.line_id]
            handed_over = line.pickup_node if line.method is not Method.SHIP else ""
            units = parcels.setdefault((one.node, handed_over), {})
            units[one.line_id] = units.get(one.line_id, 0) + one.quantity
            unfilled[one.line_id] = unfilled.get(one.line_id, 0) - one.quantity
        return Placement(
            tuple(
                self._parcel(order, node, handed_over, units)
                for (node, handed_over), units in sorted(parcels.items())
            ),
            {line_id: units for line_id, units in unfilled.items() if units > 0},
            rule,
            reason,
        )

    def _parcel(
        self, order: Order, node_id: str, handed_over: str, units: Mapping[str, int]
    ) -> Parcel:
        node, content, scenario = self.nodes.get(node_id), order.content, self.scenario
        if node is None:
            return Parcel(node_id, units, 0)
        to: Place = self.nodes.get(handed_over) or content.shipping_address
        rates = (
            ()
            if node_id == handed_over
            else rates_from(
                [node], scenario.services, to, content.currency, content.captured_at
            ).get(node_id, ())
        )
        lines = [content.line(line_id) for line_id in units]
        grams = sum(
            weight(units[line.line_id], item.promising.weight_grams, line.scale)
            for line in lines
            if (item := scenario.items.get(line.sku))
        )
        promised_by = content.promise.arrive_by if content.promise else None
        cost = cost_with(
            node,
            kept_rate(rates, grams, promised_by),
            Packed(grams, len({line.sku for line in lines})),
            content.currency,
            Penalties(promised_by),
        )
        return Parcel(node_id, units, cost.total, cost.late)


def skus_of(order: Order, units: Iterable[str], items: Mapping[str, Item]) -> set[str]:
    """Of these lines, and of what they may be made of."""
    skus = {order.content.line(line_id).sku for line_id in units}
    made = (items[sku].promising.production for sku in skus if sku in items)
    return skus | {of.sku for production in made if production for of in production.components}
