"""What it costs to ship a part of an order from a node. Pure.

::

    parcel = carriage    the rate of the distance's band, and of each kilogram begun
           + handling    of the node, for a parcel and for each SKU in it
           + lateness    days after the promised day, each at what a day costs
           - credit      for units of stock that should leave

The rates, days and bands are those that promises are made by (``oms.promising.journeys``), so that
an order costs what was reckoned when it was promised. All is in minor units of one currency.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from oms.catalog.delivery import CarrierService
from oms.catalog.model import Node
from oms.promising.journeys import survey
from oms.promising.model import Destination
from oms.routing.model import Place

_GRAMS = 1000


@dataclass(frozen=True, slots=True)
class Rate:
    """How a parcel can go from a node: ``base`` whatever it weighs, ``per_kg`` for each kilogram
    begun; it is there on the day ``arrives``."""

    service: str
    base: int
    per_kg: int
    arrives: date

    def carriage(self, grams: int) -> int:
        return self.base + self.per_kg * -(-grams // _GRAMS)

    def late(self, promised_by: date | None) -> int:
        """Days after the promised one."""
        return 0 if promised_by is None else max(0, (self.arrives - promised_by).days)


@dataclass(frozen=True, slots=True)
class Penalties:
    """What is not paid to anybody: ``late_per_day`` for each day that a parcel comes after
    ``promised_by``, ``credit`` for each whole unit that is marked down."""

    promised_by: date | None = None
    late_per_day: int = 0
    credit: int = 0


@dataclass(frozen=True, slots=True)
class Packed:
    """What one parcel holds: its weight, how many SKUs, and whole units that are marked down."""

    grams: int
    lines: int
    marked_down: int = 0


@dataclass(frozen=True, slots=True)
class ParcelCost:
    """``late``: days after the promised one. ``service`` is empty where no rate is known; then
    nothing is counted for carriage."""

    carriage: int
    handling: int
    lateness: int
    credit: int
    late: int = 0
    service: str = ""

    @property
    def total(self) -> int:
        return self.carriage + self.handling + self.lateness - self.credit


def rates_from(
    nodes: Iterable[Node],
    services: Sequence[CarrierService],
    to: Place,
    currency: str,
    now: datetime,
) -> Mapping[str, tuple[Rate, ...]]:
    """By node, for parcels that it begins with ``now``. A node from which no service goes there has
    none, nor has one that is closed for good or reckons in another currency."""
    destination = Destination(
        to.country, to.region, to.city, to.postal_code, to.latitude, to.longitude
    )
    reach = survey(nodes, services, destination, currency)
    return {
        origin.node.id: tuple(
            Rate(leg.reach.service.id, leg.reach.band.cost, leg.reach.band.cost_per_kg, leg.arrives)
            for leg in origin.legs(now)
        )
        for origin in reach.origins
    }


def best_rate(rates: Iterable[Rate], grams: int, penalties: Penalties) -> Rate | None:
    """The one that costs least with what it is late; of equals the earlier, then by service."""

    def key(rate: Rate) -> tuple[int, date, str]:
        lateness = rate.late(penalties.promised_by) * penalties.late_per_day
        return rate.carriage(grams) + lateness, rate.arrives, rate.service

    return min(rates, key=key, default=None)


def kept_rate(rates: Iterable[Rate], grams: int, promised_by: date | None) -> Rate | None:
    """The cheapest that keeps the promise, else the one that breaks it least."""
    return min(
        rates,
        key=lambda rate: (
            rate.late(promised_by),
            rate.carriage(grams),
            rate.arrives,
            rate.service,
        ),
        default=None,
    )


def handling_of(node: Node, currency: str, lines: int) -> int:
    """Of one parcel with so many SKUs; what is reckoned in another currency counts for nothing."""
    parcel, line = node.handling_cost, node.line_cost
    return (parcel.minor if parcel and parcel.currency == currency else 0) + lines * (
        line.minor if line and line.currency == currency else 0
    )


def parcel_cost(
    node: Node, rates: Iterable[Rate], packed: Packed, currency: str, penalties: Penalties
) -> ParcelCost:
    """With the service that costs least."""
    rate = best_rate(rates, packed.grams, penalties)
    return cost_with(node, rate, packed, currency, penalties)


def cost_with(
    node: Node, rate: Rate | None, packed: Packed, currency: str, penalties: Penalties
) -> ParcelCost:
    """With that rate; without one nothing is counted for carriage."""
    late = rate.late(penalties.promised_by) if rate else 0
    return ParcelCost(
        carriage=rate.carriage(packed.grams) if rate else 0,
        handling=handling_of(node, currency, packed.lines),
        lateness=late * penalties.late_per_day,
        credit=packed.marked_down * penalties.credit,
        late=late,
        service=rate.service if rate else "",
    )


def weight(quantity: int, weight_grams: int, scale: int) -> int:
    """Grams of ``quantity`` units of 10^-``scale``, begun grams counted whole."""
    whole: int = 10**scale
    return -(-quantity * weight_grams // whole)
