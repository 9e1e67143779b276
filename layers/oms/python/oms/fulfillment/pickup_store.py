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

    def is_locked(self, fulfillment_id: str, now: datetime) -> bool:
        """Whether too many wrong codes were given of late."""

    def count_wrong(self, fulfillment_id: str, now: datetime) -> bool:
        """Count a wrong code; false when there were too many before it."""

    def not_locked(self, fulfillment_id: str, now: datetime) -> Write:
        """A write that forgets the wrong codes; refused (``too_many_attempts``) when there were too
        many, counted at the same moment too."""

    def done(self, fulfillment_id: str, key: str) -> Done | None: ...

    def once(self, fulfillment_id: str, key: str, done: Done, now: datetime) -> Write:
        """A write that remembers a request; refused with ``VersionConflict`` when it is known."""
