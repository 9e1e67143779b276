from dataclasses import replace

import pytest

from oms.catalog.model import Node
from oms.promising.model import Destination
from oms.routing.model import Available
from oms.routing.packages import Filled, Offer
from oms.routing.pickup_places import PickupPlace, Sorting, brought_to, pickup_places

CENTRE = Destination("BR", latitude=-23.55, longitude=-46.63)
NEAR = Node("near", "Paulista", "store", "BR", "SP", "São Paulo", "", -23.56, -46.65, pickup="any")
FAR = Node("far", "Campinas", "store", "BR", "SP", "Campinas", "", -22.91, -47.06, pickup="local")
DEPOT = Node("depot", "Cajamar", "warehouse", "BR", "SP", "Cajamar", "", -23.35, -46.88)


def found(*candidates: Available, wanted: dict[str, int], radius: float | None = None) -> list[str]:
    return [each.node.id for each in pickup_places(candidates, wanted, CENTRE, radius)]


def test_a_local_place_hands_over_what_it_has_and_any_place_what_is_brought_there() -> None:
    candidates = (Available(NEAR, {}), Available(FAR, {"MUG": 1}), Available(DEPOT, {"MUG": 5}))
    assert found(*candidates, wanted={"MUG": 1}) == ["near", "far"]
    assert found(*candidates, wanted={"MUG": 6}) == ["near"]
    assert found(*candidates, wanted={"MUG": 7}) == []


def test_what_a_place_lacks_is_said() -> None:
    [place] = pickup_places(
        [Available(NEAR, {"MUG": 2}), Available(DEPOT, {"MUG": 5})], {"MUG": 3}, CENTRE
    )
    assert place.lacks == {"MUG": 1} and not place.from_own_stock


def test_the_nearest_bring_what_is_lacking_and_no_more_than_that() -> None:
    candidates = [
        Available(NEAR, {"MUG": 2}),
        Available(replace(DEPOT, id="farther", latitude=-20.0), {"MUG": 9, "TEE": 1}),
        Available(DEPOT, {"MUG": 1}),
    ]
    [place] = pickup_places(candidates, {"MUG": 4, "TEE": 1}, CENTRE)
    assert brought_to(place, candidates) == [
        Offer("depot", {"MUG": Filled(1)}),
        Offer("farther", {"MUG": Filled(1), "TEE": Filled(1)}),
    ]


@pytest.mark.parametrize("change", [{"active": False}, {"can_ship": False}])
def test_only_what_ships_supplies_others(change: dict[str, bool]) -> None:
    depot = replace(DEPOT, **change)  # type: ignore[arg-type]
    assert found(Available(NEAR, {}), Available(depot, {"MUG": 5}), wanted={"MUG": 1}) == []


def test_a_place_beyond_the_radius_or_not_in_use_is_none() -> None:
    candidates = (Available(NEAR, {}), Available(FAR, {}))
    assert found(*candidates, wanted={}, radius=50) == ["near"]
    closed = Available(replace(NEAR, active=False), {})
    assert found(closed, Available(FAR, {}), wanted={}) == ["far"]


def test_places_are_sorted_by_what_is_asked_and_then_by_distance() -> None:
    candidates = [Available(NEAR, {}), Available(FAR, {}), Available(replace(FAR, id="a"), {})]

    def ids(*sort: Sorting) -> list[str]:
        places: list[PickupPlace] = pickup_places(candidates, {}, CENTRE, None, sort)
        return [place.node.id for place in places]

    assert ids() == ["near", "a", "far"]
    assert ids(Sorting("city")) == ["a", "far", "near"]
    assert ids(Sorting("distance", descending=True)) == ["a", "far", "near"]
    assert ids(Sorting("city"), Sorting("distance")) == ["near", "a", "far"]
    assert ids(Sorting("city", descending=True), Sorting("id", descending=True))[1:] == ["far", "a"]
