"""Available to promise: dated supply, less dated demand. Pure.

A demand consumes backward first: the latest supply that is due at its date or before, so that what
is there already stays free for whoever needs it at once. What it lacks it consumes forward: the
earliest supply after its date; it will be late. Demand without a date or a node (backordered units
that no supply was promised to) consumes the earliest supply wherever it is.

What is left of each supply, added up by date, is what can be promised by that date::

    cumulative(t) = max(0, min over u >= t of (supply due by u − demand due by u))

Nothing that is counted here is counted twice: units of accepted promises are ``promised`` on their
supply or ``reserved`` on their balance, and never looked up order by order.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from operator import attrgetter

from oms.inventory.position import Position, Supply
from oms.promising.model import ON_HAND, supply_source

BEFORE_ALL = datetime.min.replace(tzinfo=UTC)

# A supply that is late by less than this is expected a day after its date; one that is later than
# that promises nothing before somebody gives it a new date.
_GRACE = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Inflow:
    """Units that are at a node from ``at`` on."""

    source: str
    node: str
    at: datetime
    units: int


@dataclass(frozen=True, slots=True)
class Outflow:
    """Units that must leave ``node`` by ``at``; without a node, any will do."""

    id: str
    node: str
    at: datetime
    units: int


@dataclass(frozen=True, slots=True)
class Take:
    """Units of an inflow that an outflow consumes."""

    outflow: str
    source: str
    node: str
    at: datetime
    units: int


@dataclass(frozen=True, slots=True)
class Consumed:
    """What is left of each inflow, in order of time; who took what; what nobody can fill."""

    left: tuple[Inflow, ...]
    takes: tuple[Take, ...]
    short: Mapping[str, int]


_IN_TIME = attrgetter("at", "node", "source")


def consume(inflows: Iterable[Inflow], outflows: Sequence[Outflow]) -> Consumed:
    """Outflows consume backward in the order given, then what they lack forward, in that order.
    Linear in inflows times outflows."""
    pool = sorted(inflows, key=_IN_TIME)
    left = [inflow.units for inflow in pool]
    lacking = {outflow.id: outflow.units for outflow in outflows}
    takes: list[Take] = []

    def take(outflow: Outflow, index: int) -> None:
        inflow, units = pool[index], min(left[index], lacking[outflow.id])
        if units <= 0 or outflow.node not in ("", inflow.node):
            return
        left[index] -= units
        lacking[outflow.id] -= units
        takes.append(Take(outflow.id, inflow.source, inflow.node, inflow.at, units))

    for outflow in outflows:
        for index in reversed(range(len(pool))):
            if pool[index].at <= outflow.at and lacking[outflow.id]:
                take(outflow, index)
    for outflow in outflows:
        for index in range(len(pool)):
            if pool[index].at > outflow.at and lacking[outflow.id]:
                take(outflow, index)
    rest = tuple(
        replace(inflow, units=units) for inflow, units in zip(pool, left, strict=True) if units > 0
    )
    return Consumed(rest, tuple(takes), {name: units for name, units in lacking.items() if units})


@dataclass(frozen=True, slots=True)
class Ready:
    """When a quantity is there, and what it is taken from."""

    at: datetime
    takes: tuple[Take, ...]


@dataclass(frozen=True, slots=True)
class Bucket:
    """``units`` can be promised for ``at`` or later."""

    at: datetime
    units: int


@dataclass(frozen=True, slots=True)
class Atp:
    """What is available to promise of one SKU, by node. ``limit`` caps what may be taken of what
    is on hand, over all nodes: what the channel that asks may sell."""

    sku: str
    nodes: Mapping[str, tuple[Inflow, ...]] = field(default_factory=dict)
    limit: int | None = None

    def cumulative(self, node: str | None = None) -> tuple[Bucket, ...]:
        """By date, at a node or in all. Never decreasing."""
        buckets: list[Bucket] = []
        units = 0
        for inflow in self._inflows(node):
            units += inflow.units
            if buckets and buckets[-1].at == inflow.at:
                buckets.pop()
            buckets.append(Bucket(inflow.at, units))
        return tuple(buckets)

    def total(self, node: str | None = None) -> int:
        return sum(inflow.units for inflow in self._inflows(node))

    def earliest(self, quantity: int, node: str | None = None) -> Ready | None:
        """The first moment at which ``quantity`` is there, taken backward from that moment. None
        when all that is known to come is not enough."""
        units, seen = 0, list[Inflow]()
        for inflow in self._inflows(node):
            units += inflow.units
            seen.append(inflow)
            if units >= quantity:
                return Ready(inflow.at, take_backward(seen, quantity))
        return None

    def without(self, takes: Iterable[Take]) -> "Atp":
        """What is left when ``takes`` are gone."""
        gone: dict[str, dict[str, int]] = {}
        on_hand = 0
        for take in takes:
            at_node = gone.setdefault(take.node, {})
            at_node[take.source] = at_node.get(take.source, 0) + take.units
            on_hand += take.units if take.source == ON_HAND else 0
        limit = None if self.limit is None else max(0, self.limit - on_hand)
        nodes = dict(self.nodes)
        for node, sources in gone.items():
            nodes[node] = _left(nodes.get(node, ()), sources)
        if limit != self.limit:
            nodes = {node: _capped(inflows, limit) for node, inflows in nodes.items()}
        return Atp(self.sku, nodes, limit)

    def _inflows(self, node: str | None) -> Sequence[Inflow]:
        if node is not None:
            return self.nodes.get(node, ())
        merged = sorted(
            (inflow for inflows in self.nodes.values() for inflow in inflows), key=_IN_TIME
        )
        return merged if self.limit is None else _limited(merged, self.limit)


def available_to_promise(
    position: Position, now: datetime, limit: int | None = None, ahead: int | None = None
) -> Atp:
    """Of what one read finds. Linear in balances and supplies, but for sorting the supplies.
    ``ahead``: as for ``after_owed``."""
    inflows = free_inflows(position, now)
    return by_node(position.sku, after_owed(position, inflows, ahead), limit)


def free_inflows(position: Position, now: datetime) -> list[Inflow]:
    """What is available, and what is coming and nobody was promised, at the nodes that sell it."""
    policy = position.policy
    closed = policy.not_sold_at if policy.tracked else ()
    inflows = [
        Inflow(ON_HAND, balance.node, now, balance.available)
        for balance in position.balances
        if balance.available > 0 and balance.node not in closed
    ]
    for supply in position.supplies:
        free, at = supply.open - supply.promised, expected(supply, now)
        if free > 0 and at is not None and supply.node not in closed:
            inflows.append(Inflow(supply_source(supply.id), supply.node, at, free))
    inflows.sort(key=_IN_TIME)
    return inflows


def after_owed(
    position: Position, inflows: Sequence[Inflow], ahead: int | None = None
) -> Sequence[Inflow]:
    """Less what orders wait for. Nobody overtakes them, so what is on hand is theirs first; of what
    is coming they have what was promised to them already, and the rest they lack is theirs too.
    What a supply was promised beyond what still comes of it, others make good.

    ``ahead``: as many of them as have what is on hand before the channel that asks; all of them
    when left out."""
    on_hand = [inflow for inflow in inflows if inflow.source == ON_HAND]
    owed = position.owed if ahead is None else ahead
    now = min(owed, sum(inflow.units for inflow in on_hand))
    promised = sum(supply.promised for supply in position.supplies)
    overdrawn = sum(max(0, supply.promised - supply.open) for supply in position.supplies)
    later = max(0, position.owed - now - promised) + overdrawn
    if not now and not later:
        return inflows
    coming = [inflow for inflow in inflows if inflow.source != ON_HAND]
    return [*_without_first(on_hand, now), *_without_first(coming, later)]


def by_node(sku: str, inflows: Iterable[Inflow], limit: int | None) -> Atp:
    """``inflows`` are in order of time."""
    nodes: dict[str, list[Inflow]] = {}
    for inflow in inflows:
        nodes.setdefault(inflow.node, []).append(inflow)
    return Atp(sku, {node: _capped(found, limit) for node, found in nodes.items()}, limit)


def expected(supply: Supply, now: datetime) -> datetime | None:
    """When its units can be counted on: None for a supply whose date has passed unnoticed."""
    if supply.due >= now:
        return supply.due
    return supply.due + _GRACE if supply.due + _GRACE > now else None


def take_backward(inflows: Sequence[Inflow], quantity: int) -> tuple[Take, ...]:
    """``quantity`` of inflows in order of time, latest first."""
    takes: list[Take] = []
    for inflow in reversed(inflows):
        units = min(inflow.units, quantity)
        if units > 0:
            takes.append(Take("", inflow.source, inflow.node, inflow.at, units))
            quantity -= units
    return tuple(takes)


def _without_first(inflows: Sequence[Inflow], units: int) -> list[Inflow]:
    outflow = Outflow("owed", "", BEFORE_ALL, units)
    return list(consume(inflows, [outflow]).left)


def _left(inflows: Iterable[Inflow], gone: Mapping[str, int]) -> tuple[Inflow, ...]:
    left = (
        replace(inflow, units=inflow.units - gone[inflow.source])
        if inflow.source in gone
        else inflow
        for inflow in inflows
    )
    return tuple(inflow for inflow in left if inflow.units > 0)


def _capped(inflows: Sequence[Inflow], limit: int | None) -> tuple[Inflow, ...]:
    """One node's inflows: of what is on hand no more than ``limit``."""
    if limit is None:
        return tuple(inflows)
    capped = (
        replace(inflow, units=limit)
        if inflow.source == ON_HAND and inflow.units > limit
        else inflow
        for inflow in inflows
    )
    return tuple(inflow for inflow in capped if inflow.units > 0)


def _limited(inflows: Sequence[Inflow], limit: int) -> list[Inflow]:
    """The same over all nodes, the first of them first."""
    limited: list[Inflow] = []
    for inflow in inflows:
        units = min(inflow.units, limit) if inflow.source == ON_HAND else inflow.units
        if inflow.source == ON_HAND:
            limit -= units
        if units > 0:
            limited.append(replace(inflow, units=units))
    return limited
