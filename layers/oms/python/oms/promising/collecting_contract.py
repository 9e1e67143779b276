"""The JSON of places where a basket can be collected."""

import re
from collections.abc import Iterable
from decimal import Decimal
from typing import Literal

from pydantic import Field

from oms.kernel.errors import Faults
from oms.orders.contract import View
from oms.promising.collecting import Collecting
from oms.routing.pickup_places import SORTABLE, Sorting

_NUMBER = re.compile(r"^\d+(\.\d+)?$")


class PickupPlaceView(View):
    """``distance_km`` is rounded; ``distance_by`` says what it was reckoned from: coordinates, or
    how much of the place agrees."""

    node: str
    name: str
    country: str
    region: str
    city: str
    postal_code: str
    latitude: float | None
    longitude: float | None
    distance_km: int
    distance_by: str
    supplied_by: Literal["own_stock", "transfer"] = Field(
        description="Whether it has all of the basket, or other nodes bring what it lacks"
    )
    brought_from: list[str] = Field(description="Nodes that bring it, the nearest first")


class PickupPlaceList(View):
    places: list[PickupPlaceView]


def basket_of(text: str) -> dict[str, Decimal]:
    """``MUG:2,TEE`` → 2 and 1. What follows the last colon is the quantity when it is a number, so
    that a SKU may have colons. Raises ``Invalid`` with every fault."""
    faults = Faults()
    basket: dict[str, Decimal] = {}
    for each in filter(None, text.split(",")):
        sku, units = _wanted(each)
        if units <= 0:
            faults.add("sku", "invalid_quantity", f"{each!r}: a quantity is above zero")
        basket[sku] = basket.get(sku, Decimal(0)) + units
    faults.refuse("the basket breaks a rule")
    return basket


def _wanted(text: str) -> tuple[str, Decimal]:
    sku, _, quantity = text.rpartition(":")
    return (sku, Decimal(quantity)) if sku and _NUMBER.match(quantity) else (text, Decimal(1))


def sorting_of(text: str) -> list[Sorting]:
    """``city,-name`` → by city, of equals the last name first. Raises ``Invalid``."""
    faults = Faults()
    sorting = []
    for each in filter(None, text.split(",")):
        by = each.removeprefix("-")
        if by not in SORTABLE:
            faults.add("sort", "unknown_field", f"{by!r} is none of {', '.join(SORTABLE)}")
        sorting.append(Sorting(by, descending=each.startswith("-")))
    faults.refuse("the question breaks a rule")
    return sorting


def pickup_place_list(places: Iterable[Collecting]) -> PickupPlaceList:
    return PickupPlaceList(places=[_view(each) for each in places])


def _view(collecting: Collecting) -> PickupPlaceView:
    place = collecting.place
    node = place.node
    return PickupPlaceView(
        node=node.id,
        name=node.name,
        country=node.country,
        region=node.region,
        city=node.city,
        postal_code=node.postal_code,
        latitude=node.latitude,
        longitude=node.longitude,
        distance_km=round(place.away.kilometres),
        distance_by=place.away.by,
        supplied_by="own_stock" if place.from_own_stock else "transfer",
        brought_from=list(collecting.brought_from),
    )
