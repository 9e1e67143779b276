"""The options for a basket, ranked, each with what it costs and what it rests on. Pure."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from oms.catalog.delivery import CarrierService
from oms.catalog.model import Item, Node
from oms.kernel.money import Money
from oms.pricing.shares import extended_price
from oms.promising.evidence import because, nothing_because
from oms.promising.journeys import survey
from oms.promising.model import (
    Basket,
    BasketLine,
    CapacityBooking,
    Offer,
    Option,
    OptionLine,
    Rank,
)
from oms.promising.plans import Candidate, Parcel, Part, Plan, Planner
from oms.promising.sources import Facts


@dataclass(frozen=True, slots=True)
class _Ranking:
    """``key`` orders candidates, ``of_plan`` whole plans; least is best."""

    rank: Rank
    key: Callable[[Candidate], tuple[int | date, ...]]
    of_plan: Callable[[Plan], tuple[int | date, ...]]


_RANKINGS = (
    _Ranking(
        Rank.FASTEST,
        lambda each: (each.leg.arrives, each.cost),
        lambda plan: (plan.arrives, plan.cost, len(plan.parcels)),
    ),
    _Ranking(
        Rank.CHEAPEST,
        lambda each: (each.cost, each.leg.arrives),
        lambda plan: (plan.cost, plan.arrives, len(plan.parcels)),
    ),
    _Ranking(
        Rank.MOST_PROFITABLE,
        lambda each: (each.cost - each.pays, each.leg.arrives),
        lambda plan: (plan.cost - plan.pays, plan.arrives, len(plan.parcels)),
    ),
)


def offer(
    basket: Basket, facts: Facts, nodes: Sequence[Node], services: Sequence[CarrierService]
) -> Offer:
    """At most four options: the best by each rank, and each line as fast as it can be where that
    brings one forward. The same for the same input: ties go to the nearest node, then by id."""
    reach = survey(nodes, services, basket.destination, basket.currency)
    planner = Planner(basket, facts, reach)
    plans = _plans(planner)
    if not plans:
        return Offer((), nothing_because(planner))
    margin = _margin(basket, facts)
    rankings = _RANKINGS if margin is not None else _RANKINGS[:2]
    best = {ranking.rank: min(plans, key=ranking.of_plan) for ranking in rankings}
    first = best.get(basket.rank, best[Rank.FASTEST])
    by_line = [plan for plan in plans if not plan.together]
    kept = {id(plan): plan for plan in (first, *best.values(), *by_line)}
    return Offer(
        tuple(
            _option(
                str(number),
                plan,
                tuple(rank for rank in best if best[rank] is plan),
                margin,
                planner,
            )
            for number, plan in enumerate(kept.values(), start=1)
        )
    )


def _plans(planner: Planner) -> list[Plan]:
    best: dict[Rank, Candidate] = {}
    for candidate in planner.from_one_node():
        for ranking in _RANKINGS:
            known = best.get(ranking.rank)
            if known is None or ranking.key(candidate) < ranking.key(known):
                best[ranking.rank] = candidate
    chosen = {id(candidate): candidate for candidate in best.values()}
    plans = [planner.plan_of(candidate) for candidate in chosen.values()]
    fastest = min((plan.arrives for plan in plans), default=None)
    soonest = planner.soonest()
    if fastest is None or (soonest is not None and soonest < fastest):
        plans += _faster(planner, fastest)
    return plans


def _faster(planner: Planner, than: date | None) -> Iterator[Plan]:
    """Plans that take more than one parcel, for an earlier day of the whole or of a part."""
    split = planner.split(than)
    if split is not None:
        yield split
    if planner.basket.accepts or len(planner.wanted) < 2:
        return
    by_line = planner.line_by_line()
    if by_line is None or not planner.in_time(by_line.arrives):
        return
    before = min((day for day in (than, split.arrives if split else None) if day), default=None)
    if before is None or any(parcel.leg.arrives < before for parcel in by_line.parcels):
        yield by_line


def _option(
    number: str, plan: Plan, ranks: tuple[Rank, ...], margin: Money | None, planner: Planner
) -> Option:
    currency = planner.basket.currency
    cost, pays = Money(plan.cost, currency), Money(plan.pays, currency)
    return Option(
        id=number,
        ranks=ranks,
        ship_by=plan.leaves,
        arrive_by=plan.arrives,
        lines=_lines(plan, planner.parts),
        cost=cost,
        profit=None if margin is None else margin + pays - cost,
        together=plan.together,
        bookings=tuple(_bookings(plan)),
        components=tuple(_components(plan)),
        evidence=because(plan, planner),
    )


def _lines(plan: Plan, parts: Sequence[Part]) -> tuple[OptionLine, ...]:
    """The units that were taken, given to the lines that want them, in their order."""
    lines: list[OptionLine] = []
    left = {(part.line_id, part.sku): 0 for part in parts}
    for part in parts:
        left[part.line_id, part.sku] += part.quantity
    for parcel in plan.parcels:
        for gathered in parcel.gathered:
            wanting = [key for key in left if key[1] == gathered.sku and left[key]]
            for take in gathered.takes:
                units = take.units
                for key in wanting:
                    given = min(units, left[key])
                    if given:
                        left[key] -= given
                        units -= given
                        lines.append(
                            _line(key[0], gathered.sku, given, take.source, take.at, parcel)
                        )
    return tuple(lines)


def _components(plan: Plan) -> Iterator[OptionLine]:
    for parcel in plan.parcels:
        for gathered in parcel.gathered:
            for component in gathered.components:
                take = component.take
                yield _line("", component.sku, take.units, take.source, take.at, parcel)


def _line(
    line_id: str, sku: str, units: int, source: str, at: datetime, parcel: Parcel
) -> OptionLine:
    leg = parcel.leg
    return OptionLine(
        line_id=line_id,
        sku=sku,
        node=parcel.origin.node.id,
        quantity=units,
        source=source,
        ready_at=at,
        ship_by=leg.leaves,
        arrive_by=leg.arrives,
        service=leg.reach.service.id,
    )


def _bookings(plan: Plan) -> Iterator[CapacityBooking]:
    """Per resource and day once, however many lines use it."""
    units: dict[tuple[str, date], int] = {}
    for parcel in plan.parcels:
        for gathered in parcel.gathered:
            for booking in gathered.bookings:
                key = (booking.resource, booking.date)
                units[key] = units.get(key, 0) + booking.units
    for (resource, day), booked in sorted(units.items()):
        yield CapacityBooking(resource, day, booked)


def _margin(basket: Basket, facts: Facts) -> Money | None:
    """Prices less costs of the goods; None unless all are known in the basket's currency."""
    margin = Money.zero(basket.currency)
    for line in basket.lines:
        item = facts.items[line.sku]
        unit_cost = _unit_cost(item, facts, basket.currency)
        if line.unit_price is None or unit_cost is None:
            return None
        margin += _extended(line.unit_price - unit_cost, line, item)
    return margin


def _unit_cost(item: Item, facts: Facts, currency: str) -> Money | None:
    """The item's own, else of a bundle what its components cost."""
    own = item.promising.unit_cost
    if own is not None or not item.components:
        return own if own is None or own.currency == currency else None
    cost = Money.zero(currency)
    for component in item.components:
        part = facts.items[component.sku]
        unit_cost = _unit_cost(part, facts, currency)
        if unit_cost is None:
            return None
        cost += extended_price(unit_cost, component.quantity, part.scale)
    return cost


def _extended(amount: Money, line: BasketLine, item: Item) -> Money:
    return extended_price(amount, line.quantity, item.scale)
