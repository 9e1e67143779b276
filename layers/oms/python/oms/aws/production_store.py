"""What is left of production resources' days, for orders that make to order: the items
``capacity#<resource>`` that ``oms.aws.promise_store`` keeps, in the table of stock."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from oms.aws.promise_store import PromiseStore
from oms.kernel.errors import StockContended
from oms.kernel.writes import Write
from oms.orders.model import Effort
from oms.promising.model import CapacityBooking

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

# What would have to wait for longer than this is not made to order.
_DAYS_LOOKED_AT = 60


class ProductionStore:
    """Implements ``oms.inventory.store.Production``."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._days = PromiseStore(client, table)

    def left(self, resources: Set[str], now: datetime) -> Mapping[str, tuple[tuple[str, int], ...]]:
        today = now.date()
        found = self._days.days(resources, today, today + timedelta(days=_DAYS_LOOKED_AT))
        return {
            resource: tuple((day.date.isoformat(), day.left) for day in days if day.left > 0)
            for resource, days in found.items()
        }

    def take(self, efforts: Iterable[Effort]) -> list[Write]:
        return [
            replace(write, refusal=StockContended(f"{booking.resource} has too little capacity"))
            for booking in _bookings(efforts)
            for write in self._days.book([booking])
        ]

    def give_back(self, efforts: Iterable[Effort]) -> list[Write]:
        return self._days.give_back(_bookings(efforts))


def _bookings(efforts: Iterable[Effort]) -> list[CapacityBooking]:
    """One of each day: a transaction writes an item once."""
    units: dict[tuple[str, str], int] = {}
    for effort in efforts:
        key = (effort.resource, effort.day)
        units[key] = units.get(key, 0) + effort.units
    return [
        CapacityBooking(resource, date.fromisoformat(day), taken)
        for (resource, day), taken in sorted(units.items())
    ]
