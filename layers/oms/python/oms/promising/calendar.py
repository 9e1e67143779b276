"""Days: when a node can have a parcel ready, and when a carrier brings it. Pure.

::

    earliest ship date   the first working day on or after the moment the units are ready (the next
                         day, after the cut-off), and ``handling_days`` working days more
    arrival              the ship date and the transit days of the distance's band, each of them a
                         day on which the service travels and that is no holiday where it goes
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from oms.catalog.delivery import CarrierService, NodeCalendar, PublicHolidays
from oms.promising.public_holidays import public_holidays

ALWAYS = NodeCalendar(working_days=(0, 1, 2, 3, 4, 5, 6))

_ONE_DAY = timedelta(days=1)
_END_OF_DAY = time(23, 59, 59, 999000)
# A node that is closed for longer than this does not ship.
_FARTHEST_DAYS = 400


@dataclass(frozen=True, slots=True)
class Passed:
    """A day that was passed over, and why: ``cut_off``, ``rest_day``, ``closed`` or ``holiday``."""

    day: date
    rule: str
    name: str = ""


class NodeDays:
    """The days of one node. Remembers what it worked out, for the many lines of one request."""

    def __init__(self, calendar: NodeCalendar | None) -> None:
        self.calendar = calendar or ALWAYS
        self.zone: ZoneInfo | None = (
            None if self.calendar.timezone == "UTC" else ZoneInfo(self.calendar.timezone)
        )
        self._working = frozenset(self.calendar.working_days)
        self._closed = frozenset(self.calendar.closed)
        self._cut_off = self.calendar.cut_off or _END_OF_DAY
        self._next: dict[date, date | None] = {}
        self._shipping: dict[date, tuple[date, datetime] | None] = {}

    def ships(self, ready: datetime) -> tuple[date, datetime] | None:
        """The ship date in the node's zone, and the moment by which the parcel leaves, for units
        that are there at ``ready``. None when it is closed for more than a year."""
        return self.ships_after(self.first_day(ready))

    def first_day(self, ready: datetime) -> date:
        """The day that counts as the one the units are ready on."""
        local = self._local(ready)
        return local.date() + _ONE_DAY if local.time() > self._cut_off else local.date()

    def ships_after(self, first: date) -> tuple[date, datetime] | None:
        """As ``ships``, for units that are ready on the day ``first``."""
        if first not in self._shipping:
            self._shipping[first] = self._ship_day(first)
        return self._shipping[first]

    def next_shipping(self, shipped: date) -> tuple[date, datetime] | None:
        """The ship date after ``shipped``."""
        day = self._working_day(shipped + _ONE_DAY)
        return None if day is None else (day, self.leaves(day))

    def leaves(self, day: date) -> datetime:
        """The moment by which a parcel of that ship date leaves."""
        return datetime.combine(day, self._cut_off, self.zone or UTC).astimezone(UTC)

    def start_of(self, day: date) -> datetime:
        return datetime.combine(day, time(), self.zone or UTC).astimezone(UTC)

    def local_day(self, moment: datetime) -> date:
        return moment.astimezone(self.zone or UTC).date()

    def works_on(self, day: date) -> bool:
        return self.closed_because(day) is None

    def closed_because(self, day: date) -> Passed | None:
        if day in self._closed:
            return Passed(day, "closed")
        if day.weekday() not in self._working:
            return Passed(day, "rest_day")
        if self.calendar.holidays is None:
            return None
        name = public_holidays(self.calendar.holidays, day.year).get(day)
        return None if name is None else Passed(day, "holiday", name)

    def passed(self, ready: datetime) -> Iterator[Passed]:
        """What stands between ``ready`` and the ship date."""
        local, shipping = self._local(ready), self.ships(ready)
        if local.time() > self._cut_off and self.works_on(local.date()):
            yield Passed(local.date(), "cut_off", f"{self._cut_off:%H:%M}")
        day = self.first_day(ready)
        while shipping and day < shipping[0]:
            closed = self.closed_because(day)
            if closed:
                yield closed
            day += _ONE_DAY

    def _local(self, ready: datetime) -> datetime:
        later = ready + timedelta(hours=self.calendar.handling_hours)
        return later.astimezone(self.zone or UTC)

    def _ship_day(self, first: date) -> tuple[date, datetime] | None:
        day = self._working_day(first)
        for _ in range(self.calendar.handling_days):
            if day is None:
                return None
            day = self._working_day(day + _ONE_DAY)
        return None if day is None else (day, self.leaves(day))

    def _working_day(self, day: date) -> date | None:
        if day not in self._next:
            self._next[day] = _first(day, self.works_on)
        return self._next[day]


@dataclass(slots=True)
class ServiceDays:
    """The days of a carrier service at one destination."""

    service: CarrierService
    holidays: PublicHolidays
    _arrivals: dict[tuple[date, int], date | None] = field(default_factory=dict)

    def arrives(self, shipped: date, days: int) -> date | None:
        """The day a parcel arrives that left on ``shipped`` and travels ``days``; with 0 the same
        day, if the service delivers on it."""
        key = (shipped, days)
        if key not in self._arrivals:
            self._arrivals[key] = self._arrival(shipped, days)
        return self._arrivals[key]

    def rests_on(self, day: date) -> Passed | None:
        if day.weekday() not in self.service.delivers_on:
            return Passed(day, "rest_day")
        if self.service.delivers_on_holidays:
            return None
        name = public_holidays(self.holidays, day.year).get(day)
        return None if name is None else Passed(day, "holiday", name)

    def passed(self, shipped: date, arrives: date) -> Iterator[Passed]:
        day = shipped + _ONE_DAY
        while day < arrives:
            rest = self.rests_on(day)
            if rest:
                yield rest
            day += _ONE_DAY

    def _delivers(self, day: date) -> bool:
        return self.rests_on(day) is None

    def _arrival(self, shipped: date, days: int) -> date | None:
        if days == 0:
            return _first(shipped, self._delivers)
        day: date | None = shipped
        for _ in range(days):
            day = None if day is None else _first(day + _ONE_DAY, self._delivers)
        return day


def _first(day: date, open_on: Callable[[date], bool]) -> date | None:
    for _ in range(_FARTHEST_DAYS):
        if open_on(day):
            return day
        day += _ONE_DAY
    return None
