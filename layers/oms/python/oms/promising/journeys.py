"""How a parcel gets from a node to the destination: which services, in how many days, at what cost.

What depends only on a calendar or on a service is worked out once per request and shared by all
nodes that have the same: with few calendars and services the dates of 200 nodes cost little more
than those of one.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from oms.catalog.delivery import Band, CarrierService, NodeCalendar, PublicHolidays
from oms.catalog.model import Node
from oms.promising.calendar import NodeDays, ServiceDays
from oms.routing.model import Distance, Place, distance


@dataclass(frozen=True, slots=True)
class Reach:
    """A service that goes from a node to the destination, in the band of that distance."""

    days: ServiceDays
    band: Band

    @property
    def service(self) -> CarrierService:
        return self.days.service


@dataclass(frozen=True, slots=True)
class Leg:
    """A parcel's dates: ``leaves`` is the moment by which it has left, on the day ``shipped``."""

    reach: Reach
    shipped: date
    leaves: datetime
    arrives: date


@dataclass(slots=True)
class Origin:
    """A node as seen from the destination. Legs are shared by all nodes with the same days and the
    same reaches: nothing else of a node is in them."""

    node: Node
    away: Distance
    days: NodeDays
    reaches: tuple[Reach, ...]
    handling: int
    _legs: dict[datetime, tuple[Leg, ...]]
    _fastest: dict[datetime, Leg | None]

    def legs(self, ready: datetime) -> tuple[Leg, ...]:
        """One leg for each service, for units that are there at ``ready``."""
        if ready not in self._legs:
            self._legs[ready] = self._legs_from(ready)
        return self._legs[ready]

    def fastest(self, ready: datetime) -> Leg | None:
        if ready not in self._fastest:
            self._fastest[ready] = min(
                self.legs(ready),
                key=lambda leg: (leg.arrives, leg.reach.band.cost),
                default=None,
            )
        return self._fastest[ready]

    def arriving(self, leg: Leg, day: date) -> Leg | None:
        """The same service, shipped later so that it arrives on ``day``, if that can be."""
        shipped, leaves, arrives = leg.shipped, leg.leaves, leg.arrives
        while arrives < day:
            following = self.days.next_shipping(shipped)
            if following is None:
                return None
            shipped, leaves = following
            reached = leg.reach.days.arrives(shipped, leg.reach.band.days)
            if reached is None:
                return None
            arrives = reached
        return Leg(leg.reach, shipped, leaves, arrives) if arrives == day else None

    def cost(self, leg: Leg, grams: int) -> int:
        """Of one parcel, in minor units."""
        return self.handling + parcel_cost(leg.reach.band, grams)

    def _legs_from(self, ready: datetime) -> tuple[Leg, ...]:
        shipping = self.days.ships(ready)
        if shipping is None:
            return ()
        shipped, leaves = shipping
        return tuple(
            Leg(reach, shipped, leaves, arrives)
            for reach in self.reaches
            if (arrives := reach.days.arrives(shipped, reach.band.days)) is not None
        )


_Fastest = dict[datetime, Leg | None]


@dataclass(frozen=True, slots=True)
class Map:
    """The origins that can serve a destination, nearest first; ``out_of_reach`` are nodes that no
    service brings a parcel from, ``unusable`` the services that do not go there, and why."""

    origins: tuple[Origin, ...]
    out_of_reach: tuple[Node, ...]
    unusable: Mapping[str, str]


def survey(
    nodes: Iterable[Node],
    services: Sequence[CarrierService],
    destination: Place,
    currency: str,
) -> Map:
    """Linear in nodes times usable services."""
    holidays = PublicHolidays(destination.country, destination.region)
    customary = PublicHolidays(destination.country, destination.region, customary=True)
    unusable = {
        service.id: why
        for service in services
        if (why := _unusable(service, destination, currency))
    }
    usable = [
        ServiceDays(service, customary if service.customary_holidays else holidays)
        for service in services
        if service.id not in unusable
    ]
    calendars: dict[NodeCalendar | None, NodeDays] = {}
    reached: dict[tuple[str, int], Reach] = {}
    shared: dict[tuple[int, ...], tuple[dict[datetime, tuple[Leg, ...]], _Fastest]] = {}
    origins: list[Origin] = []
    out_of_reach: list[Node] = []
    for node in nodes:
        if not (node.active and node.can_ship):
            continue
        away = distance(node, destination)
        reaches = tuple(
            reached.setdefault((days.service.id, band.up_to_km), Reach(days, band))
            for days in usable
            if (band := band_of(days.service, away.kilometres)) is not None
        )
        cost = node.handling_cost
        if not reaches or (cost is not None and cost.currency != currency):
            out_of_reach.append(node)
            continue
        if node.calendar not in calendars:
            calendars[node.calendar] = NodeDays(node.calendar)
        days = calendars[node.calendar]
        legs, fastest = shared.setdefault((id(days), *map(id, reaches)), ({}, {}))
        handling = cost.minor if cost else 0
        origins.append(Origin(node, away, days, reaches, handling, legs, fastest))
    origins.sort(key=lambda origin: (origin.away.kilometres, origin.node.id))
    return Map(tuple(origins), tuple(out_of_reach), unusable)


def _unusable(service: CarrierService, destination: Place, currency: str) -> str:
    if not service.active:
        return "is not offered"
    if destination.country not in service.countries:
        return f"does not deliver in {destination.country}"
    if service.currency != currency:
        return f"is priced in {service.currency}"
    return ""


def parcel_cost(band: Band, grams: int) -> int:
    """Minor units of the service's currency for one parcel; a kilogram begun counts whole."""
    return band.cost + band.cost_per_kg * -(-grams // 1000)


def band_of(service: CarrierService, kilometres: float) -> Band | None:
    return next((band for band in service.bands if kilometres <= band.up_to_km), None)
