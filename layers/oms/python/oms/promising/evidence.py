"""Why an option is what it is, and what ruled out the others. Pure."""

from collections.abc import Iterator
from datetime import date

from oms.kernel.money import Money
from oms.kernel.quantity import quantity_number
from oms.promising.atp import Take
from oms.promising.calendar import Passed
from oms.promising.journeys import Origin
from oms.promising.model import INFINITE, LEAD_TIME, ON_HAND, Evidence, supply_of
from oms.promising.plans import Parcel, Plan, Planner

# Of the nodes that an option does not use, so many are spoken of, the nearest first.
_OTHERS = 3
_RULES = {
    "cut_off": "is after the cut-off",
    "rest_day": "is no working day",
    "closed": "is a day on which it is closed",
    "holiday": "is a holiday",
}


def because(plan: Plan, planner: Planner) -> tuple[Evidence, ...]:
    """What each part rests on, what each date was put off by, and why not otherwise."""
    return (
        *(each for parcel in plan.parcels for each in _parcel(parcel, planner)),
        *_put_off(plan),
        *_other_services(plan, planner),
        *_other_nodes(plan, planner),
    )


def nothing_because(planner: Planner) -> tuple[Evidence, ...]:
    """Why there is no option at all."""
    return (
        *_nowhere_enough(planner),
        *_unusable_services(planner),
        *_no_service_from(planner),
        *_no_node(planner),
        *_too_late(planner),
    )


# --- what a part rests on -------------------------------------------------------------------


def _parcel(parcel: Parcel, planner: Planner) -> Iterator[Evidence]:
    node = parcel.origin.node.id
    for gathered in parcel.gathered:
        for take in gathered.takes:
            yield _source(gathered.sku, take, planner)
        for component in gathered.components:
            yield _source(component.sku, component.take, planner)
        for booking in gathered.bookings:
            says = f"{booking.resource} has {booking.units} left on {booking.date}"
            yield Evidence(
                "capacity", says, gathered.sku, node, quantity=booking.units, day=booking.date
            )
    ready = max(gathered.at for gathered in parcel.gathered)
    for passed in parcel.origin.days.passed(ready):
        yield _passed(passed, node)
    leg = parcel.leg
    service, days = leg.reach.service, leg.reach.band.days
    says = (
        f"{service.carrier} {service.name} takes {days} days for {parcel.origin.away}"
        f" and arrives on {leg.arrives}"
    )
    yield Evidence("transit", says, node=node, service=service.id, day=leg.arrives)
    for passed in leg.reach.days.passed(leg.shipped, leg.arrives):
        yield _passed(passed, service=service.id)


def _source(sku: str, take: Take, planner: Planner) -> Evidence:
    shown = _shown(planner, sku, take.units)
    day = take.at.date()
    supply = supply_of(take.source)
    if take.source == ON_HAND:
        return Evidence(
            "on_hand", f"{take.node} has {shown} of {sku}", sku, take.node, quantity=take.units
        )
    if supply is not None:
        says = f"{supply} brings {shown} of {sku} to {take.node} on {day}"
        rule = "supply"
    elif take.source == LEAD_TIME:
        says, rule = f"{shown} of {sku} are had by {day}", "lead_time"
    elif take.source == INFINITE:
        says, rule = f"{sku} never runs out", "infinite"
    else:
        says, rule = f"{take.node} makes {shown} of {sku}, ready on {day}", "production"
    return Evidence(rule, says, sku, take.node, quantity=take.units, day=day)


def _passed(passed: Passed, node: str = "", service: str = "") -> Evidence:
    name = f" ({passed.name})" if passed.name else ""
    says = f"{passed.day} {_RULES[passed.rule]}{name}"
    return Evidence(passed.rule, says, node=node, service=service, day=passed.day)


def _put_off(plan: Plan) -> Iterator[Evidence]:
    if plan.put_off:
        says = f"it leaves later, so as to arrive on {plan.arrives}, a day the customer accepts"
        yield Evidence("accepted_date", says, day=plan.arrives)


# --- what ruled out the others --------------------------------------------------------------


def _other_services(plan: Plan, planner: Planner) -> Iterator[Evidence]:
    parcel = plan.parcels[0]
    chosen, origin = parcel.leg, parcel.origin
    ready = max(gathered.at for gathered in parcel.gathered)
    for leg in origin.legs(ready):
        service = leg.reach.service
        if service.id == chosen.reach.service.id:
            continue
        if leg.arrives > chosen.arrives:
            rule, says = "slower", f"{service.name} would arrive on {leg.arrives}"
        else:
            cost = _money(origin.cost(leg, planner.grams_of(parcel.gathered)), planner)
            rule, says = "costlier", f"{service.name} would cost {cost}"
        yield _not(rule, says, node=origin.node.id, service=service.id, day=leg.arrives)
    yield from _unusable_services(planner)


def _unusable_services(planner: Planner) -> Iterator[Evidence]:
    for service, why in planner.reach.unusable.items():
        yield _not("service_unusable", f"{service} {why}", service=service)


def _other_nodes(plan: Plan, planner: Planner) -> Iterator[Evidence]:
    others = (origin for origin in planner.reach.origins if origin.node.id not in plan.origins)
    for origin, _ in zip(others, range(_OTHERS), strict=False):
        yield _why_not(origin, plan, planner)
    yield from _no_service_from(planner)


def _why_not(origin: Origin, plan: Plan, planner: Planner) -> Evidence:
    node = origin.node.id
    ready = planner.ready(origin)
    if ready is None:
        return next(_lacks(origin, planner))
    leg = origin.fastest(ready)
    if leg is None:
        return _not("closed", f"{node} is closed", node=node)
    if leg.arrives > plan.arrives:
        says = f"from {node} it would arrive on {leg.arrives}"
        return _not("later", says, node=node, day=leg.arrives)
    grams = planner.grams_of(gathered for parcel in plan.parcels for gathered in parcel.gathered)
    cost = origin.cost(leg, grams)
    rule = "costlier" if cost > plan.cost else "not_preferred"
    return _not(rule, f"from {node} it would cost {_money(cost, planner)}", node=node)


def _lacks(origin: Origin, planner: Planner) -> Iterator[Evidence]:
    node = origin.node.id
    for sku, units in planner.wanted.items():
        if planner.sources.ready(sku, units, node, origin.days) is None:
            stock = planner.facts.stock.get(sku)
            has = stock.total(node) if stock else 0
            says = (
                f"{node} has and expects {_shown(planner, sku, has)} of {sku},"
                f" {_shown(planner, sku, units)} are needed"
            )
            yield _not("not_enough", says, sku=sku, node=node, quantity=has)
    yield _not("not_enough", f"{node} cannot have all of it at once", node=node)


def _no_service_from(planner: Planner) -> Iterator[Evidence]:
    far = planner.reach.out_of_reach
    if far:
        names = ", ".join(node.id for node in far[:_OTHERS])
        more = f" and {len(far) - _OTHERS} more" if len(far) > _OTHERS else ""
        yield _not("out_of_reach", f"no service brings a parcel from {names}{more}")


def _nowhere_enough(planner: Planner) -> Iterator[Evidence]:
    origins = {origin.node.id for origin in planner.reach.origins}
    for sku, units in planner.wanted.items():
        if planner.can_have(sku):
            continue
        stock = planner.facts.stock.get(sku)
        has = sum(stock.total(node) for node in origins) if stock else 0
        says = (
            f"{_shown(planner, sku, units)} of {sku} are needed, and"
            f" {_shown(planner, sku, has)} are there or known to come"
        )
        yield _not("not_enough", says, sku=sku, quantity=has)


def _no_node(planner: Planner) -> Iterator[Evidence]:
    origins = planner.reach.origins
    if not origins and not planner.reach.out_of_reach:
        yield _not("no_node", "there is no node that ships")
    closed = [origin.node.id for origin in origins if not origin.fastest(planner.basket.placed_at)]
    for node in closed[:_OTHERS]:
        yield _not("closed", f"{node} is closed", node=node)


def _too_late(planner: Planner) -> Iterator[Evidence]:
    soonest = planner.soonest_regardless()
    if soonest is not None:
        rule = "not_accepted" if planner.basket.accepts else "too_late"
        yield _not(rule, f"the earliest that it could arrive is {soonest}", day=soonest)


def _not(
    rule: str,
    says: str,
    sku: str = "",
    node: str = "",
    service: str = "",
    quantity: int = 0,
    day: date | None = None,
) -> Evidence:
    return Evidence(rule, says, sku, node, service, quantity, day, ruled_out=True)


def _shown(planner: Planner, sku: str, units: int) -> str:
    return str(quantity_number(units, planner.facts.items[sku].scale))


def _money(minor: int, planner: Planner) -> str:
    return f"{Money(minor, planner.basket.currency)} {planner.basket.currency}"
