"""What handing over needs of persistence. ``oms.aws.pickup_store`` implements it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from oms.kernel.writes import Write


@dataclass(frozen=True, slots=True)
class Overdue:
    """A fulfilment that lay ready ``until`` then."""

    fulfillment_id: str
    until: datetime


@dataclass(frozen=True, slots=True)
class Done:
    """A request at the counter that had its effect: what was asked, and the fulfilment that was
    handed over by it."""

    asked: str
    handed_over: str


class Pickups(Protocol):
    def expect(self, pickup: Overdue) -> Write:
        """A write that remembers until when it is kept."""

    def settle(self, pickup: Overdue) -> Write:
        """A write that forgets it: nothing is left there."""

    def forget(self, pickup: Overdue) -> None: ...

    def overdue(self, now: datetime, limit: int) -> tuple[Overdue, ...]:
        """What nobody collected in time, the oldest first."""

    def count_code(self, fulfillment_id: str, now: datetime) -> bool:
        """Count a code that is about to be looked at; false when there were too many of late."""

    def forget_codes(self, fulfillment_id: str) -> None:
        """The right one was given: those before it do not count."""

    def done(self, fulfillment_id: str, key: str) -> Done | None: ...

    def once(self, fulfillment_id: str, key: str, done: Done, now: datetime) -> Write:
        """A write that remembers a request; refused with ``VersionConflict`` when it is known."""
