"""What is promised: options with their evidence, and the dated demand a promise leaves behind.

A moment (``ship_by``, ``ready_at``) is an aware datetime; a day (``arrive_by``, a day of
production) is a calendar day where it happens: carriers promise days, not hours. Quantities are
units of the item's scale.
"""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from oms.kernel.money import Money

ON_HAND = "on_hand"
INFINITE = "infinite"
LEAD_TIME = "lead_time"
_SUPPLY = "supply:"
_PRODUCTION = "production:"


def supply_source(supply_id: str) -> str:
    return f"{_SUPPLY}{supply_id}"


def production_source(resource: str) -> str:
    return f"{_PRODUCTION}{resource}"


def is_production(source: str) -> bool:
    return source.startswith(_PRODUCTION)


def supply_of(source: str) -> str | None:
    """The id of the supply that a source names, e.g. ``po_1`` for ``supply:po_1``."""
    return source.removeprefix(_SUPPLY) if source.startswith(_SUPPLY) else None


class Rank(StrEnum):
    FASTEST = "fastest"
    CHEAPEST = "cheapest"
    MOST_PROFITABLE = "most_profitable"


@dataclass(frozen=True, slots=True)
class Evidence:
    """Why a number or a date is what it is, or why another was ruled out.

    ``rule`` is a stable code (``on_hand``, ``supply``, ``closed_day``, ``not_enough``, …), ``says``
    the same for a person. The others name what it is about, where that applies.
    """

    rule: str
    says: str
    sku: str = ""
    node: str = ""
    service: str = ""
    quantity: int = 0
    day: date | None = None
    ruled_out: bool = False


@dataclass(frozen=True, slots=True)
class CapacityBooking:
    """Capacity of a production resource on one of its days that an accepted option takes."""

    resource: str
    date: date
    units: int


@dataclass(frozen=True, slots=True)
class CapacityDay:
    """A day of a production resource; ``left`` is what no accepted order has booked."""

    date: date
    capacity: int
    left: int


@dataclass(frozen=True, slots=True)
class OptionLine:
    """Units of a line from one node and one source: a line in parts has several.

    ``source``: ``on_hand``, ``supply:<id>``, ``production:<resource>``, ``infinite`` or
    ``lead_time``. ``ready_at``: when the units are there; ``ship_by``: when the parcel must have
    left the node; ``service``: the carrier service that takes it.
    """

    line_id: str
    sku: str
    node: str
    quantity: int
    source: str
    ready_at: datetime
    ship_by: datetime
    arrive_by: date
    service: str = ""


@dataclass(frozen=True, slots=True)
class Option:
    """One way to serve the whole basket. ``ship_by`` and ``arrive_by`` are those of its last part;
    ``cost`` is the cost to serve, ``profit`` the margin less that, where prices and costs are
    known. ``together``: every line arrives on that one day. Accepting it takes ``bookings`` of
    capacity and ``components``, which production uses up."""

    id: str
    ranks: tuple[Rank, ...]
    ship_by: datetime
    arrive_by: date
    lines: tuple[OptionLine, ...]
    cost: Money
    profit: Money | None = None
    together: bool = True
    bookings: tuple[CapacityBooking, ...] = ()
    components: tuple[OptionLine, ...] = ()
    evidence: tuple[Evidence, ...] = ()


@dataclass(frozen=True, slots=True)
class BasketLine:
    """What was asked for. ``unit_price`` is what the customer pays for one whole unit."""

    line_id: str
    sku: str
    quantity: int
    unit_price: Money | None = None


@dataclass(frozen=True, slots=True)
class Destination:
    """Where a parcel goes, without whom it goes to."""

    country: str
    region: str = ""
    city: str = ""
    postal_code: str = ""
    latitude: float | None = None
    longitude: float | None = None


@dataclass(frozen=True, slots=True)
class AcceptedDate:
    """A day the customer would take the parcels on, and ``pays`` for their delivery then."""

    day: date
    pays: Money | None = None


@dataclass(frozen=True, slots=True)
class Basket:
    """What is to be promised. Money is in ``currency``. Nothing arrives after ``wanted_by``; with
    ``accepts`` everything arrives on one of these days."""

    lines: tuple[BasketLine, ...]
    destination: Destination
    placed_at: datetime
    currency: str
    wanted_by: date | None = None
    accepts: tuple[AcceptedDate, ...] = ()
    rank: Rank = Rank.FASTEST


@dataclass(frozen=True, slots=True)
class Offer:
    """The options, best first; without any, ``ruled_out`` says why."""

    options: tuple[Option, ...]
    ruled_out: tuple[Evidence, ...] = ()


@dataclass(frozen=True, slots=True)
class Promise:
    """What was offered: the options hold until ``expires_at`` for this channel and this basket."""

    id: str
    channel: str
    offered_at: datetime
    expires_at: datetime
    destination: Destination
    lines: tuple[BasketLine, ...]
    options: tuple[Option, ...]


@dataclass(frozen=True, slots=True)
class Demand:
    """Dated demand of one promised line, or of a part of it: as its ``OptionLine``.

    ``priority``: a higher one is served first.
    """

    order_id: str
    line_id: str
    sku: str
    node: str
    quantity: int
    ship_by: datetime
    arrive_by: date
    source: str
    promised_at: datetime
    priority: int = 0
    part: int = 0
    service: str = ""
