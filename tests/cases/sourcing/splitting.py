"""Cases about what is there, what is promised for later, and what goes into one package."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from oms.routing.engine import Decision
from oms.routing.packages import (
    Filled,
    Goods,
    Offer,
    Packed,
    ParcelLimits,
    fill,
    merge_offers,
    split_by_limits,
)
from oms.routing.policy import RankBy, Ranker, Rule
from oms.routing.request import Want
from tests.cases.reading import Keys, NotUnderstoodError, number, steps_of, units
from tests.cases.sourcing.network import (
    DEFAULT,
    Facts,
    Network,
    Stock,
    arranged,
    decide,
    demand_of,
    network_of,
    rows_of,
)

# Few sources first, then the default one.
_FEWEST = Rule("case", rankers=(Ranker(RankBy.PRIORITY),), partial=True)


def split_backorder(given: Keys, when: Any, then: Keys) -> Facts:
    """What is there is sourced by the engine. Units that are left are promised for later at the
    first source that may owe them."""
    network, wants = network_of(given), demand_of(given)
    given.first("reservations_enabled", "stock_reservations_enabled")
    preferred(network, given)
    for step in steps_of(when, frozenset({"allocate", "build_packages"})):
        step.only()
    decision = decide(network, wants, _FEWEST)
    merged = merge_offers(
        {want.line_id: want.quantity for want in wants}, _offers(network, wants, decision)
    )
    on_hand = sum(line.on_hand for offer in merged for line in offer.lines.values())
    owed = sum(line.backordered for offer in merged for line in offer.lines.values())
    used = [offer.node for offer in merged]
    return {
        "per_location": {offer.node: _filled(offer) for offer in merged},
        "total_on_hand": number(on_hand),
        "total_backordered": number(owed),
        "total_units": number(on_hand + owed),
        "used": used,
        "not_used": _unused(network, used, then),
        "locations_used": len(used),
        "backordered_locations": sum(bool(_filled(offer)["backordered"]) for offer in merged),
        "packages": _told(network, merged, wants, then),
        "packages_with_backorder": sum(bool(_filled(offer)["backordered"]) for offer in merged),
        "packages_at": {offer.node: len(_packages(network, offer, wants)) for offer in merged},
        "allocations": arranged(rows_of(network, decision, wants), then.value("allocations")),
        "never_more_than_ordered": on_hand + owed <= sum(want.quantity for want in wants),
        "available_to_the_order": on_hand == sum(want.quantity for want in wants),
    }


def _offers(network: Network, wants: Sequence[Want], decision: Decision) -> list[Offer]:
    """What each source gives, and what it would owe, in the order in which they are asked."""
    given = {(one.line_id, one.node): one.quantity for one in decision.allocations}
    ranked = sorted(network.everything(), key=lambda one: (one.node.priority, one.node.id))
    left = decision.left
    return [
        Offer(
            one.node.id,
            {
                want.line_id: Filled(
                    given.get((want.line_id, one.node.id), 0),
                    _owed(network, one.node.id, want, left.get(want.line_id, 0)),
                )
                for want in wants
            },
        )
        for one in ranked
    ]


def _owed(network: Network, node: str, want: Want, units_left: int) -> int:
    stock = network.stock[node].get(want.sku)
    return fill(units_left, 0, backorderable=bool(stock and stock.backorderable)).backordered


def _told(network: Network, merged: Sequence[Offer], wants: Sequence[Want], then: Keys) -> Any:
    """How many, or what is in each when a case lists them."""
    if isinstance(then.value("packages"), list):
        return [{"location": offer.node, **_filled(offer)} for offer in merged]
    return sum(len(_packages(network, offer, wants)) for offer in merged)


def _filled(offer: Offer) -> dict[str, Any]:
    return {
        "on_hand": number(sum(line.on_hand for line in offer.lines.values())),
        "backordered": number(sum(line.backordered for line in offer.lines.values())),
    }


def _unused(network: Network, used: Iterable[str], then: Keys) -> list[str]:
    """In the order in which the case names them."""
    unused = [code for code in network.nodes if code not in set(used)]
    named = then.value("not_used", ())
    return sorted(unused, key=lambda code: named.index(code) if code in named else len(named))


def _packages(network: Network, offer: Offer, wants: Sequence[Want]) -> list[Packed]:
    skus = {want.line_id: want.sku for want in wants}
    goods = [
        Goods(
            line_id,
            line.units,
            step=line.units,
            profile=_profile(network, offer.node, skus[line_id]),
        )
        for line_id, line in offer.lines.items()
        if line.units
    ]
    return split_by_limits(goods, ParcelLimits())


def _profile(network: Network, node: str, sku: str) -> str:
    return network.stock[node].get(sku, Stock()).profile


def preferred(network: Network, given: Keys) -> bool:
    """A source that the order prefers is asked before the default one."""
    code = given.first("preferred_location", "preferred", "order_preferred_location")
    if code is None:
        return False
    node = network.nodes[str(code)]
    network.nodes[node.id] = replace(node, priority=DEFAULT - 1)
    network.distances = {each: float(each != code) for each in network.nodes}
    return True


def allocate(network: Network, wants: Sequence[Want], then: Keys) -> Facts:
    """Which sources are used when few are liked best, then the preferred, then the default one."""
    decision = decide(network, wants, _FEWEST)
    used = list(dict.fromkeys(one.node for one in decision.allocations))
    return {
        "used": used,
        "picked": used[0] if used else None,
        "allocations": arranged(rows_of(network, decision, wants), then.value("allocations")),
    }


# --- one location alone ---------------------------------------------------------------------------


def fill_one_location(given: Keys, when: Any, then: Keys) -> Facts:
    network, wants = network_of(given), demand_of(given)
    [step] = steps_of(when, frozenset({"fill_from_location", "fill"}))
    said = step.value.get("location") if isinstance(step.value, Mapping) else step.value
    step.more.done()
    there = network.stock[str(said or next(iter(network.nodes)))]
    filled = [_fill(want, there.get(want.sku)) for want in wants]
    return {
        "on_hand": number(sum(each.on_hand for each in filled)),
        "backordered": number(sum(each.backordered for each in filled)),
        "total_units": number(sum(each.units for each in filled)),
    }


def _fill(want: Want, stock: Stock | None) -> Filled:
    """What it does not stock it does not promise either."""
    if stock is None:
        return Filled()
    there = stock.free if stock.tracked else None
    return fill(want.quantity, there, backorderable=stock.backorderable)


# --- packages -------------------------------------------------------------------------------------


def package_merge(given: Keys, when: Any, then: Keys) -> Facts:
    """Each unit is a line of its own. Units that no package can deliver are in none."""
    offers: list[Offer] = []
    wanted: dict[str, int] = {}
    for package in given.each("candidate_packages", "packages"):
        there = [str(unit) for unit in package.first("on_hand_units", "on_hand", default=())]
        later = [
            str(unit) for unit in package.first("backordered_units", "backordered", default=())
        ]
        lines = {unit: Filled(1) for unit in there} | {unit: Filled(0, 1) for unit in later}
        node = str(package.first("location", "source"))
        deliverable = package.first("deliverable", default=True)
        package.done()
        wanted |= dict.fromkeys(lines, 1)
        if deliverable:
            offers.append(Offer(node, lines))
    for step in steps_of(when, frozenset({"merge_candidate_packages", "prioritize_packages"})):
        step.only()
    merged = merge_offers(wanted, offers)
    nodes = [_named(offer.node) for offer in merged]
    count = isinstance(then.value("packages"), int)
    return {
        "packages": len(merged) if count else [_units(offer) for offer in merged],
        "packages_count": len(merged),
        "quantities": [offer.units for offer in merged],
        "surviving_location": nodes[0] if nodes else None,
        "locations": nodes,
        "on_hand": [sum(line.on_hand for line in offer.lines.values()) for offer in merged],
        "backordered": [sum(line.backordered for line in offer.lines.values()) for offer in merged],
    }


def _named(location: str) -> int | str:
    return int(location) if location.isdecimal() else location


def _units(offer: Offer) -> dict[str, Any]:
    return {"location": _named(offer.node), "units": sorted(offer.lines)}


_SPLITS = frozenset(
    """split_by_weight split_by_volume split_by_profile split_by_delivery_profile
    split_by_shipping_category split_by_fulfilment_type split_by_backorder split_backordered
    split_by_status split""".split()
)


def package_split(given: Keys, when: Any, then: Keys) -> Facts:
    limits = ParcelLimits(_limit(given, "max_weight", "threshold"), _limit(given, "max_volume"))
    packages = given.first("packages")
    if packages is None:
        packages = [given.value("package")]
    for step in steps_of(when, _SPLITS):
        step.only()
    split = [split_by_limits([*_goods(package)], limits) for package in packages]
    parcels = [parcel for each in split for parcel in each]
    most = then.value("each_weight_at_most")
    most_volume = then.value("each_volume_at_most")
    return {
        "packages_count": len(parcels),
        "packages": len(parcels),
        "quantities": [sum(parcel.quantities.values()) for parcel in parcels],
        "weights": [parcel.weight_grams for parcel in parcels],
        "packages_of_each": [len(each) for each in split],
        "units_conserved": _counted(packages) == _packed(parcels),
        "each_weight_at_most": _at_most([parcel.weight_grams for parcel in parcels], most),
        "each_volume_at_most": _at_most([p.volume_cubic_cm for p in parcels], most_volume),
    }


def _limit(given: Keys, *names: str) -> int | None:
    limit = given.first(*names)
    return None if limit is None else int(limit)


def _goods(package: Any) -> Iterable[Goods]:
    for place, each in enumerate(_contents(package)):
        said = Keys("package", each)
        state = str(said.first("state", "status", default=""))
        profile = str(
            said.first("profile", "delivery_profile", "shipping_category", "fulfilment_type") or ""
        )
        yield Goods(
            f"{place}",
            int(said.first("count", "qty", "quantity", default=1)),
            int(said.first("weight", default=0)),
            int(said.first("volume", default=0)),
            profile=f"{profile} {state}".strip(),
        )
        said.first("sku", "variant", "name")
        said.done()


def _contents(package: Any) -> list[Mapping[str, Any]]:
    """A list of what is in it; or how many of it are there, and how many are owed."""
    if isinstance(package, Mapping):
        said = Keys("package", package)
        there = said.first("on_hand", "on_hand_units", default=0)
        later = said.first("backordered", "backordered_units", default=0)
        said.done()
        both = (("on_hand", there), ("backordered", later))
        return [{"state": state, "count": _many(many)} for state, many in both if _many(many)]
    if not isinstance(package, list):
        raise NotUnderstoodError(f"package: {package!r}")
    return package


def _many(many: Any) -> int:
    return len(many) if isinstance(many, list) else int(units(many) // units(1))


def _counted(packages: Sequence[Any]) -> int:
    return sum(goods.quantity for package in packages for goods in _goods(package))


def _packed(parcels: Sequence[Packed]) -> int:
    return sum(sum(parcel.quantities.values()) for parcel in parcels)


def _at_most(values: Sequence[int], most: Any) -> Any:
    """The bound, when all keep it; else what breaks it."""
    return most if most is not None and max(values, default=0) <= most else max(values, default=0)
