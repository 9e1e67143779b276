"""What a date is made of: when a node works, how a carrier travels, how an item comes about.

Weekdays are those of ``date.weekday``: Monday is 0. Costs are in minor units of the currency that
stands beside them.
"""

from dataclasses import dataclass
from datetime import date, time
from enum import StrEnum

from oms.kernel.money import Money

MONDAY_TO_FRIDAY = (0, 1, 2, 3, 4)


@dataclass(frozen=True, slots=True)
class PublicHolidays:
    """``country`` is ISO 3166-1 alpha-2, ``subdivision`` what the country calls its parts, e.g.
    ``SP``. ``customary``: with days off that no law asks for, such as Carnaval in Brazil."""

    country: str
    subdivision: str = ""
    customary: bool = False


@dataclass(frozen=True, slots=True)
class NodeCalendar:
    """When a node works, in its own time zone (an IANA name).

    What is ready after ``cut_off`` is ready the next day; nothing stands for the end of the day.
    ``handling_hours`` pass before that is looked at, ``handling_days`` are working days after.
    """

    timezone: str = "UTC"
    cut_off: time | None = None
    handling_hours: int = 0
    handling_days: int = 0
    working_days: tuple[int, ...] = MONDAY_TO_FRIDAY
    holidays: PublicHolidays | None = None
    closed: tuple[date, ...] = ()


@dataclass(frozen=True, slots=True)
class Band:
    """Distances up to ``up_to_km``: ``days`` in transit, ``cost`` per parcel, and per kilogram."""

    up_to_km: int
    days: int
    cost: int
    cost_per_kg: int = 0


@dataclass(frozen=True, slots=True)
class CarrierService:
    """``countries`` are those it delivers to; ``bands`` go from near to far. It travels and
    delivers on the weekdays ``delivers_on``, and on public holidays only if it says so; with
    ``customary_holidays`` it rests on customary ones too. ``labels_by``: through which integration
    its labels are bought (oms/fulfillment/carriers.py); without one they are made elsewhere."""

    id: str
    name: str
    carrier: str
    countries: tuple[str, ...]
    bands: tuple[Band, ...]
    currency: str
    delivers_on: tuple[int, ...] = MONDAY_TO_FRIDAY
    delivers_on_holidays: bool = False
    customary_holidays: bool = False
    active: bool = True
    labels_by: str = ""


class PromisingMode(StrEnum):
    """What a date rests on: nothing at all, a lead time, stock and supplies (available to
    promise), or these and production (capable to promise)."""

    INFINITE = "infinite"
    LEAD_TIME = "lead_time"
    ATP = "atp"
    CTP = "ctp"


@dataclass(frozen=True, slots=True)
class Component:
    """What one whole unit is made of: ``quantity`` is in units of the component's scale."""

    sku: str
    quantity: int


@dataclass(frozen=True, slots=True)
class Production:
    """Made at ``nodes`` on a ``resource`` whose calendar says how much it can do on which day;
    one whole unit takes ``effort`` of that."""

    resource: str
    nodes: tuple[str, ...]
    effort: int = 1
    components: tuple[Component, ...] = ()


@dataclass(frozen=True, slots=True)
class Promising:
    """How dates of an item are made, and what it costs. ``lead_time_days`` are calendar days."""

    mode: PromisingMode = PromisingMode.ATP
    lead_time_days: int = 0
    production: Production | None = None
    unit_cost: Money | None = None
    weight_grams: int = 0


FROM_STOCK = Promising()
