"""Counting what is delivered and what comes back, once for each event, and telling what is high."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from oms.kernel.events import Envelope
from oms.orders.model import Order
from oms.reporting.periods import last_months, month_of
from oms.reporting.return_rates import (
    JUDGED_MONTHS,
    Counted,
    MonthCount,
    RankedBy,
    RateOf,
    RateSettings,
    ReturnRate,
    of_delivery,
    of_receipt,
)

DELIVERED = ("fulfillment_delivered", "fulfillment_handed_over")
RECEIVED = "return_received"
# Of one transaction, beside the guard of its event.
COUNTED_AT_ONCE = 50

LoadOrder = Callable[[str], Order]


@dataclass(frozen=True, slots=True)
class RatePage:
    rates: tuple[ReturnRate, ...]
    cursor: str | None


@dataclass(frozen=True, slots=True)
class HighRate:
    """``month`` is the last of those that were judged; ``channel`` that of the return which did
    it."""

    found: ReturnRate
    month: str
    channel: str


class ReturnCounts(Protocol):
    def deliver(
        self, event_id: str, at: datetime, counted: Sequence[Counted], now: datetime
    ) -> None:
        """The same event again changes nothing."""

    def catch_up(self, by: RateOf, subject: str, now: datetime) -> Sequence[MonthCount]:
        """All months of the subject, oldest first. From now on ``page`` has what was delivered
        in them too."""

    def count(self, guard: str, month: str, counted: Sequence[Counted], now: datetime) -> bool:
        """Count what came back. Whether it was not counted before, under ``guard``. Raises
        ``StockContended`` when others count the same at the same moment."""

    def of(self, by: RateOf, subject: str, months: Sequence[str]) -> Sequence[MonthCount]:
        """Those months of which anything was counted, oldest first."""

    def page(
        self,
        by: RateOf,
        months: Sequence[str],
        ranked_by: RankedBy,
        minimum: int,
        limit: int,
        cursor: str | None,
    ) -> RatePage:
        """Of what came back in the months; what was delivered as of each subject's last return."""

    def settings(self) -> RateSettings: ...

    def put_settings(self, settings: RateSettings) -> None: ...

    def tell_high(self, high: HighRate, at: datetime, correlation_id: str) -> bool:
        """Publish ``return_rate_high``, once for a subject and month. Whether it was now."""


def count_event(
    event: Envelope, load: LoadOrder, counts: ReturnCounts, now: datetime
) -> Sequence[HighRate]:
    """Count what an event says; the rates that were told to be high now."""
    if event.type in DELIVERED:
        delivered = _delivered(event, load(event.subject))
        counts.deliver(event.id, event.at, delivered, now)
        return ()
    if event.type != RECEIVED:
        return ()
    order = load(event.subject)
    counted, at = _received(event, order)
    _count(event, counted, at, counts, now)
    # Looked at each time the event comes: counted, and not told, it may have been before.
    settings, month = counts.settings(), month_of(at)
    found = [_judged(one, month, counts, now) for one in counted]
    high = [HighRate(one, month, order.content.channel) for one in found if settings.is_high(one)]
    return [one for one in high if counts.tell_high(one, event.at, event.correlation_id)]


def _judged(counted: Counted, month: str, counts: ReturnCounts, now: datetime) -> ReturnRate:
    judged = last_months(month, JUDGED_MONTHS)
    months = counts.catch_up(counted.by, counted.subject, now)
    found = tuple(one for one in months if one.month in judged)
    return ReturnRate(counted.by, counted.subject, found)


def _count(
    event: Envelope,
    counted: Sequence[Counted],
    at: datetime,
    counts: ReturnCounts,
    now: datetime,
) -> None:
    for first in range(0, len(counted), COUNTED_AT_ONCE):
        guard = f"{event.id}#{first}" if first else event.id
        counts.count(guard, month_of(at), counted[first : first + COUNTED_AT_ONCE], now)


def _delivered(event: Envelope, order: Order) -> tuple[Counted, ...]:
    part = order.fulfillment(str(event.data["fulfillment_id"]))
    return of_delivery(order, part) if part else ()


def _received(event: Envelope, order: Order) -> tuple[tuple[Counted, ...], datetime]:
    return_id = str(event.data["return_id"])
    told = event.data["receipt"]
    assert isinstance(told, dict)
    for found in order.progress.returns:
        for receipt in found.receipts:
            if found.id == return_id and receipt.id == told["id"]:
                return of_receipt(order, found, receipt), receipt.at
    return (), event.at
