"""Where a customer can collect: the places near by that could hand over a whole basket.

A place whose pickup is ``local`` hands over what it has itself. One whose pickup is ``any`` also
what other nodes that ship can bring there. Where it is ``disabled`` nobody collects, but it may
supply others. Pure.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter

from oms.catalog.model import Node
from oms.routing.model import Available, Distance, Place, distance
from oms.routing.packages import Offer, fill, merge_offers

LOCAL = "local"
ANY = "any"

# What places can be sorted by; the nearest first when nothing is said, then by the node's id.
SORTABLE = ("distance", "name", "city", "postal_code", "region", "country", "id")


@dataclass(frozen=True, slots=True)
class PickupPlace:
    """``from_own_stock``: it has all of it; else what it ``lacks`` is brought there first."""

    node: Node
    away: Distance
    lacks: Mapping[str, int]

    @property
    def from_own_stock(self) -> bool:
        return not self.lacks


@dataclass(frozen=True, slots=True)
class Sorting:
    by: str = "distance"
    descending: bool = False


def pickup_places(
    candidates: Sequence[Available],
    wanted: Mapping[str, int],
    near: Place,
    radius_km: float | None = None,
    sort: Sequence[Sorting] = (),
) -> list[PickupPlace]:
    """Places within the radius that could hand over all of ``wanted`` (units by SKU; of nothing:
    every place where customers collect). ``candidates`` are all nodes with what they have, those
    that only supply among them."""
    reachable = [
        (candidate, away)
        for candidate in candidates
        if _is_pickup_point(candidate.node)
        and (away := distance(candidate.node, near)).kilometres <= _radius(radius_km)
    ]
    shipped = _shipped(candidates, wanted)
    places = [
        PickupPlace(candidate.node, away, lacks)
        for candidate, away in reachable
        if not (lacks := lacking(candidate, wanted))
        or (candidate.node.pickup == ANY and _can_be_brought(lacks, candidate, shipped))
    ]
    return _sorted(places, sort)


def brought_to(place: PickupPlace, candidates: Iterable[Available]) -> list[Offer]:
    """Who brings what the place lacks, by SKU: the nearest to it that has some gives first."""
    suppliers = [
        each
        for each in candidates
        if _supplies(each.node, place.node)
        and any(each.units.get(sku, 0) > 0 for sku in place.lacks)
    ]
    suppliers.sort(key=lambda each: (distance(each.node, place.node).kilometres, each.node.id))
    offers = [
        Offer(
            each.node.id,
            {sku: fill(units, each.units.get(sku, 0)) for sku, units in place.lacks.items()},
        )
        for each in suppliers
    ]
    return merge_offers(place.lacks, offers)


def lacking(candidate: Available, wanted: Mapping[str, int]) -> dict[str, int]:
    """What a node does not have of what is wanted."""
    missing = {sku: units - candidate.units.get(sku, 0) for sku, units in wanted.items()}
    return {sku: units for sku, units in missing.items() if units > 0}


def _is_pickup_point(node: Node) -> bool:
    return node.active and node.pickup in (LOCAL, ANY)


def _shipped(candidates: Iterable[Available], skus: Iterable[str]) -> dict[str, int]:
    """What all nodes that ship have of each SKU."""
    shipping = [each for each in candidates if each.node.active and each.node.can_ship]
    return {sku: sum(each.units.get(sku, 0) for each in shipping) for sku in skus}


def _can_be_brought(lacks: Mapping[str, int], to: Available, shipped: Mapping[str, int]) -> bool:
    """By others: what it has itself is not brought to it."""
    own = to.units if to.node.can_ship else {}
    return all(shipped[sku] - own.get(sku, 0) >= units for sku, units in lacks.items())


def _supplies(node: Node, to: Node) -> bool:
    return node.active and node.can_ship and node.id != to.id


def _radius(radius_km: float | None) -> float:
    return float("inf") if radius_km is None else radius_km


def _sorted(places: Sequence[PickupPlace], sort: Sequence[Sorting]) -> list[PickupPlace]:
    """By distance before all else when that is asked for, then by the first, of equals by the next;
    at last by distance and id."""
    found = sorted(places, key=lambda place: (place.away.kilometres, place.node.id))
    distance_first = sorted(sort, key=lambda one: one.by != "distance")
    for each in distance_first[::-1]:
        found.sort(key=lambda place: _key(place, each.by), reverse=each.descending)
    return found


def _key(place: PickupPlace, by: str) -> float | str:
    if by == "distance":
        return place.away.kilometres
    return str(attrgetter(by)(place.node)).casefold()
