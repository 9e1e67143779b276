"""Ways to serve a basket: from one node, split over the fewest, or each line as fast as it can be.

With N nodes, L SKUs and V services: from one node N·(L+V); each line for itself N·L; a split looks
at pairs and threes of the twelve fastest nodes, and is only looked for when it can be faster than
one node. Dates are worked out once for each calendar and moment, not for each node (``journeys``).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from itertools import combinations

from oms.catalog.bundles import parts_of
from oms.promising.journeys import Leg, Map, Origin
from oms.promising.model import AcceptedDate, Basket
from oms.promising.sources import Facts, Gathered, Sources

_SEARCHED_NODES = 12
_SEARCHED_SPLITS = (2, 3)


@dataclass(frozen=True, slots=True)
class Part:
    """Units of a stocked SKU for a line: of a bundle each component is a part."""

    line_id: str
    sku: str
    quantity: int


@dataclass(frozen=True, slots=True)
class Parcel:
    """``cost`` is in minor units."""

    origin: Origin
    leg: Leg
    gathered: tuple[Gathered, ...]
    cost: int


@dataclass(frozen=True, slots=True)
class Plan:
    """``pays``: what the customer gives for delivery on that day, in minor units; ``put_off``: it
    could arrive earlier, but not on a day that the customer accepts."""

    parcels: tuple[Parcel, ...]
    pays: int = 0
    together: bool = True
    put_off: bool = False

    @property
    def arrives(self) -> date:
        return max(parcel.leg.arrives for parcel in self.parcels)

    @property
    def leaves(self) -> datetime:
        return max(parcel.leg.leaves for parcel in self.parcels)

    @property
    def cost(self) -> int:
        return sum(parcel.cost for parcel in self.parcels)

    @property
    def origins(self) -> tuple[str, ...]:
        return tuple(sorted({parcel.origin.node.id for parcel in self.parcels}))


@dataclass(frozen=True, slots=True)
class Candidate:
    """All of the basket from one node."""

    origin: Origin
    ready: datetime
    leg: Leg
    cost: int
    pays: int = 0
    put_off: bool = False


class Planner:
    def __init__(self, basket: Basket, facts: Facts, reach: Map) -> None:
        self.basket = basket
        self.facts = facts
        self.reach = reach
        self.parts = tuple(_parts(basket, facts))
        self.wanted = _added_up(self.parts)
        self.sources = Sources(facts, basket.placed_at)
        self.produces = self.sources.makes(self.wanted)
        self._grams = {sku: self._weight(sku, units) for sku, units in self.wanted.items()}
        self._arriving: dict[tuple[int, str, int, date, date], Leg | None] = {}

    # --- from one node --------------------------------------------------------------------------

    def from_one_node(self) -> Iterator[Candidate]:
        """Every node that can send all of it, by every service, on every day that is accepted."""
        grams = sum(self._grams.values())
        for origin in self.reach.origins:
            ready = self.ready(origin)
            if ready is None:
                continue
            for leg in origin.legs(ready):
                cost = origin.cost(leg, grams)
                for accepted, pays in self._accepted(origin, leg):
                    put_off = accepted is not leg
                    yield Candidate(origin, ready, accepted, cost, pays, put_off)

    def ready(self, origin: Origin) -> datetime | None:
        """When all of it is at one node."""
        latest = self.basket.placed_at
        for sku, units in self.wanted.items():
            at = self.sources.ready(sku, units, origin.node.id, origin.days)
            if at is None:
                return None
            latest = max(latest, at)
        if not self.produces:
            return latest
        found = self.sources.gather(self.wanted, origin.node.id, origin.days)
        return None if found is None else max(each.at for each in found)

    def plan_of(self, candidate: Candidate) -> Plan:
        origin = candidate.origin
        gathered = self.sources.gather(self.wanted, origin.node.id, origin.days)
        assert gathered is not None
        parcel = Parcel(origin, candidate.leg, gathered, candidate.cost)
        return Plan((parcel,), candidate.pays, put_off=candidate.put_off)

    # --- split ----------------------------------------------------------------------------------

    def split(self, before: date | None) -> Plan | None:
        """From the fewest nodes, at the first moment when all nodes together have everything; None
        when that does not arrive ``before``."""
        at = self._all_ready(self.wanted)
        if at is None:
            return None
        parcels = self._cover(self.wanted, at, self.sources)
        if not parcels:
            return None
        plan = Plan(parcels)
        if before is not None and plan.arrives >= before:
            return None
        return self._on_an_accepted_day(plan)

    def can_have(self, sku: str) -> bool:
        """Whether all that is wanted of it will be there some day, over all nodes."""
        return self._all_ready({sku: self.wanted[sku]}) is not None

    def soonest_regardless(self) -> date | None:
        """The first day on which all of it could arrive, whatever the customer wants."""
        at = self._all_ready(self.wanted)
        legs = (origin.fastest(at) for origin in self.reach.origins) if at is not None else ()
        return min((leg.arrives for leg in legs if leg is not None), default=None)

    def soonest(self) -> date | None:
        """The day on which a parcel could arrive if every node had everything now."""
        return min(
            (
                leg.arrives
                for origin in self.reach.origins
                if (leg := origin.fastest(self.basket.placed_at)) is not None
            ),
            default=None,
        )

    def _all_ready(self, wanted: Mapping[str, int]) -> datetime | None:
        latest = self.basket.placed_at
        for sku, units in wanted.items():
            moments = list(self._beyond_stock(sku, units))
            stock = self.facts.stock.get(sku)
            together = stock.earliest(units) if stock else None
            if together is not None:
                moments.append(together.at)
            if not moments:
                return None
            latest = max(latest, min(moments))
        return latest

    def _beyond_stock(self, sku: str, units: int) -> Iterator[datetime]:
        """When each node would have it that need not have or expect it."""
        if self.sources.is_stock_alone(sku):
            return
        for origin in self.reach.origins:
            if self.sources.is_beyond_stock(sku, origin.node.id):
                at = self.sources.ready(sku, units, origin.node.id, origin.days)
                if at is not None:
                    yield at

    def _cover(
        self, wanted: Mapping[str, int], at: datetime, sources: Sources
    ) -> tuple[Parcel, ...] | None:
        useful = []
        for origin in self.reach.origins:
            has = {
                sku: sources.by(at, sku, units, origin.node.id, origin.days)
                for sku, units in wanted.items()
            }
            leg = origin.fastest(at) if any(has.values()) else None
            if leg is not None:
                useful.append(_Useful(origin, leg.arrives, has))
        useful.sort(
            key=lambda each: (each.arrives, each.origin.away.kilometres, each.origin.node.id)
        )
        chosen = _fewest(wanted, useful)
        return None if chosen is None else self._parcels(wanted, chosen, sources)

    def _parcels(
        self, wanted: Mapping[str, int], chosen: Sequence["_Useful"], sources: Sources
    ) -> tuple[Parcel, ...] | None:
        """None when what nodes share (capacity, a channel's share) does not do for all."""
        left = dict(wanted)
        parcels: list[Parcel] = []
        for each in chosen:
            given = {sku: min(units, each.has[sku]) for sku, units in left.items()}
            given = {sku: units for sku, units in given.items() if units}
            origin = each.origin
            gathered = sources.gather(given, origin.node.id, origin.days)
            parcel = None if not given or gathered is None else self._parcel(origin, gathered)
            if parcel is None:
                return None
            sources = sources.after(parcel.gathered)
            left = {sku: units - given.get(sku, 0) for sku, units in left.items()}
            parcels.append(parcel)
        return None if any(left.values()) else tuple(parcels)

    # --- each line for itself -------------------------------------------------------------------

    def line_by_line(self) -> Plan | None:
        """Each SKU from the node that has it at the destination first; of equals from one that
        sends a parcel already, then the cheapest, then the nearest."""
        sources, gathered = self.sources, dict[tuple[str, datetime], list[Gathered]]()
        origins = {origin.node.id: origin for origin in self.reach.origins}
        for sku in sorted(self.wanted, key=lambda sku: sources.makes([sku])):
            found = self._fastest_for(sku, sources, {node for node, _ in gathered})
            if found is None:
                return None
            for origin, each in found:
                gathered.setdefault((origin.node.id, each.at), []).append(each)
            if self.produces:
                sources = sources.after(each for _, each in found)
        parcels: dict[tuple[str, date], Parcel] = {}
        for (node, _), together in sorted(gathered.items(), key=lambda item: item[0]):
            parcel = self._parcel(origins[node], tuple(together))
            if parcel is None:
                return None
            key = (node, parcel.leg.shipped)
            known = parcels.get(key)
            parcels[key] = parcel if known is None else self._joined(known, parcel)
        return Plan(tuple(parcels.values()), together=False)

    def _fastest_for(
        self, sku: str, sources: Sources, used: set[str]
    ) -> list[tuple[Origin, Gathered]] | None:
        units = self.wanted[sku]
        best: tuple[tuple[date, bool, int, float, str], Origin] | None = None
        for origin in self.reach.origins:
            at = sources.ready(sku, units, origin.node.id, origin.days)
            leg = origin.fastest(at) if at is not None else None
            if leg is None:
                continue
            node = origin.node.id
            cost = origin.cost(leg, self._grams[sku])
            key = (leg.arrives, node not in used, cost, origin.away.kilometres, node)
            if best is None or key < best[0]:
                best = (key, origin)
        if best is not None:
            origin = best[1]
            whole = sources.gather({sku: units}, origin.node.id, origin.days)
            return None if whole is None else [(origin, whole[0])]
        at = self._all_ready({sku: units})
        parcels = self._cover({sku: units}, at, sources) if at is not None else None
        if parcels is None:
            return None
        return [(parcel.origin, each) for parcel in parcels for each in parcel.gathered]

    # --- shared ---------------------------------------------------------------------------------

    def _parcel(self, origin: Origin, gathered: tuple[Gathered, ...]) -> Parcel | None:
        leg = origin.fastest(max(each.at for each in gathered))
        if leg is None:
            return None
        return Parcel(origin, leg, gathered, origin.cost(leg, self.grams_of(gathered)))

    def _joined(self, one: Parcel, other: Parcel) -> Parcel:
        gathered = (*one.gathered, *other.gathered)
        later = max(one, other, key=lambda parcel: parcel.leg.leaves)
        cost = one.origin.cost(later.leg, self.grams_of(gathered))
        return Parcel(one.origin, later.leg, gathered, cost)

    def grams_of(self, gathered: Iterable[Gathered]) -> int:
        return sum(
            self._weight(each.sku, sum(take.units for take in each.takes)) for each in gathered
        )

    def _weight(self, sku: str, units: int) -> int:
        item = self.facts.items[sku]
        whole: int = 10**item.scale
        return -(-units * item.promising.weight_grams // whole)

    def _accepted(self, origin: Origin, leg: Leg) -> Iterator[tuple[Leg, int]]:
        if not self.basket.accepts:
            if self.in_time(leg.arrives):
                yield leg, 0
            return
        for accepted in self.basket.accepts:
            if accepted.day >= leg.arrives and self.in_time(accepted.day):
                later = self._leg_on(origin, leg, accepted.day)
                if later is not None:
                    yield later, _paid(accepted)

    def _on_an_accepted_day(self, plan: Plan) -> Plan | None:
        if not self.basket.accepts:
            return plan if self.in_time(plan.arrives) else None
        for accepted in sorted(self.basket.accepts, key=lambda each: each.day):
            if accepted.day < plan.arrives or not self.in_time(accepted.day):
                continue
            legs = [self._leg_on(p.origin, p.leg, accepted.day) for p in plan.parcels]
            parcels = tuple(
                replace(parcel, leg=leg)
                for parcel, leg in zip(plan.parcels, legs, strict=True)
                if leg is not None
            )
            if len(parcels) == len(plan.parcels):
                return Plan(parcels, _paid(accepted), put_off=parcels != plan.parcels)
        return None

    def _leg_on(self, origin: Origin, leg: Leg, day: date) -> Leg | None:
        if leg.arrives == day:
            return leg
        service, band = leg.reach.service, leg.reach.band
        key = (id(origin.days), service.id, band.days, leg.shipped, day)
        if key not in self._arriving:
            self._arriving[key] = origin.arriving(leg, day)
        found = self._arriving[key]
        return None if found is None else replace(found, reach=leg.reach)

    def in_time(self, day: date) -> bool:
        return self.basket.wanted_by is None or day <= self.basket.wanted_by


@dataclass(frozen=True, slots=True)
class _Useful:
    """What a node has by a moment, at most what is wanted, and when it would arrive."""

    origin: Origin
    arrives: date
    has: Mapping[str, int]


def _fewest(wanted: Mapping[str, int], useful: Sequence[_Useful]) -> Sequence[_Useful] | None:
    if not _suffices(wanted, useful):
        return None
    for each in useful:
        if _suffices(wanted, (each,)):
            return (each,)
    for size in _SEARCHED_SPLITS:
        for some in combinations(useful[:_SEARCHED_NODES], size):
            if _suffices(wanted, some):
                return some
    return _greedy(wanted, useful)


def _suffices(wanted: Mapping[str, int], useful: Sequence[_Useful]) -> bool:
    return all(sum(each.has[sku] for each in useful) >= units for sku, units in wanted.items())


def _greedy(wanted: Mapping[str, int], useful: Sequence[_Useful]) -> list[_Useful]:
    left, chosen, pool = dict(wanted), list[_Useful](), list(useful)
    while any(left.values()):
        best = max(pool, key=lambda each: sum(min(each.has[s], u) for s, u in left.items()))
        pool.remove(best)
        chosen.append(best)
        left = {sku: units - min(best.has[sku], units) for sku, units in left.items()}
    return chosen


def _parts(basket: Basket, facts: Facts) -> Iterator[Part]:
    for line in basket.lines:
        for sku, units in parts_of(line.sku, facts.items).items():
            yield Part(line.line_id, sku, units * line.quantity)


def _added_up(parts: Iterable[Part]) -> dict[str, int]:
    wanted: dict[str, int] = {}
    for part in parts:
        wanted[part.sku] = wanted.get(part.sku, 0) + part.quantity
    return wanted


def _paid(accepted: AcceptedDate) -> int:
    return accepted.pays.minor if accepted.pays else 0
