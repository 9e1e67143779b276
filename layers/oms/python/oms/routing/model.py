"""Sourcing: what nodes have, where an order comes from, and how far that is."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import asin, cos, radians, sin, sqrt
from typing import Protocol

from oms.catalog.model import Node
from oms.orders.model import Allocation

_EARTH_RADIUS_KM = 6371.0


@dataclass(frozen=True, slots=True)
class Available:
    """Units of each SKU that a node could ship now."""

    node: Node
    units: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Sourced:
    allocations: tuple[Allocation, ...]
    rule: str
    reason: str


class Place(Protocol):
    """Where something goes: an order's address, or one without a name on it."""

    @property
    def country(self) -> str: ...
    @property
    def region(self) -> str: ...
    @property
    def city(self) -> str: ...
    @property
    def postal_code(self) -> str: ...
    @property
    def latitude(self) -> float | None: ...
    @property
    def longitude(self) -> float | None: ...


@dataclass(frozen=True, slots=True)
class Distance:
    """Great-circle kilometres; ``by`` says what they were reckoned from."""

    kilometres: float
    by: str

    def __str__(self) -> str:
        return f"{self.kilometres:.0f} km" if self.by == "coordinates" else self.by


def distance(node: Node, to: Place) -> Distance:
    """Between coordinates where both ends have them, else a typical distance for how much of the
    place agrees, so that nodes with and without coordinates can still be compared."""
    if None in (node.latitude, node.longitude, to.latitude, to.longitude):
        return _typical(node, to)
    assert node.latitude is not None and node.longitude is not None
    assert to.latitude is not None and to.longitude is not None
    north, south = radians(node.latitude), radians(to.latitude)
    half_height = sin((south - north) / 2) ** 2
    half_width = sin(radians(to.longitude - node.longitude) / 2) ** 2
    chord = sqrt(half_height + cos(north) * cos(south) * half_width)
    return Distance(2 * _EARTH_RADIUS_KM * asin(min(1.0, chord)), "coordinates")


def _typical(node: Node, to: Place) -> Distance:
    if node.country != to.country:
        return Distance(8000.0, "another country")
    if node.postal_code and node.postal_code == to.postal_code:
        return Distance(2.0, "same postal code")
    if not node.region or node.region.casefold() != to.region.casefold():
        return Distance(1500.0, "same country")
    if node.city.casefold() != to.city.casefold():
        return Distance(300.0, "same region")
    return Distance(20.0, "same city")
