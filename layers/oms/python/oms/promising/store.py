"""What promising needs of persistence. ``oms.aws.promise_store`` and ``oms.aws.demand_store``
implement it."""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from oms.kernel.writes import Write
from oms.promising.model import CapacityBooking, CapacityDay, Demand, Promise


@dataclass(frozen=True, slots=True)
class DemandPage:
    """Dated demand of one SKU, in the order of its orders' ids."""

    rows: tuple[Demand, ...]
    cursor: str | None


class DemandRows(Protocol):
    def rows(self, sku: str, limit: int, cursor: str | None) -> DemandPage:
        """At most ``limit`` rows of the SKU, from ``cursor`` on."""


class Promises(Protocol):
    def offer(self, promise: Promise) -> None:
        """Keep an offered promise until it expires."""

    def promise(self, promise_id: str) -> Promise | None:
        """What was offered, expired or not, for as long as it is kept."""


class Capacities(Protocol):
    def days(self, resources: Set[str], first: date, last: date) -> Mapping[str, list[CapacityDay]]:
        """Per resource its days within both ends, in order."""

    def set_days(self, resource: str, days: Mapping[date, int]) -> None:
        """Set the capacity of days. What is booked stays booked: ``left`` may fall below zero."""

    def book(self, bookings: Sequence[CapacityBooking]) -> list[Write]:
        """Writes that take capacity; refused with ``Conflict`` ``capacity_taken``."""

    def give_back(self, bookings: Sequence[CapacityBooking]) -> list[Write]: ...
