"""What a carrier reports on a parcel, in any order and any number of times. Pure.

Reports are a set: the carrier's event id names each. Shown is the latest by the carrier's own time.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from oms.payments.in_person import Collected

if TYPE_CHECKING:
    from oms.fulfillment.parcels import Packing
    from oms.orders.model import Fulfillment


class TrackingStatus(StrEnum):
    """In the order in which they follow upon each other; it decides between reports of one time."""

    LABEL_CREATED = "label_created"
    ACCEPTED = "accepted"
    IN_TRANSIT = "in_transit"
    OUT_FOR_DELIVERY = "out_for_delivery"
    DELIVERY_ATTEMPTED = "delivery_attempted"
    DELIVERED = "delivered"
    RETURNED_TO_SENDER = "returned_to_sender"
    LOST = "lost"


STATUSES = tuple(TrackingStatus)

# After these the parcel does not arrive: a person must decide.
FAILED = frozenset({TrackingStatus.RETURNED_TO_SENDER, TrackingStatus.LOST})


@dataclass(frozen=True, slots=True)
class TrackingReport:
    """``id`` is the carrier's, the same whenever it is sent again. ``at`` is the carrier's time.
    ``collected`` is what the driver took at the door."""

    id: str
    fulfillment_id: str
    tracking_number: str
    status: TrackingStatus
    at: datetime
    place: str = ""
    description: str = ""
    collected: Collected | None = None


@dataclass(frozen=True, slots=True)
class Tracked:
    """One tracking number: its reports, oldest first, and the status they come to."""

    tracking_number: str
    status: TrackingStatus | None
    reports: tuple[TrackingReport, ...]


def numbers_of(fulfillment: Fulfillment, packing: Packing | None) -> tuple[str, ...]:
    """The tracking numbers it travels with: its labels', else the one that was given by hand."""
    if packing is not None and packing.is_labelled:
        labelled = tuple(label.tracking_number for label in packing.labels)
        if not fulfillment.tracking_number or fulfillment.tracking_number in labelled:
            return labelled
    return (fulfillment.tracking_number,) if fulfillment.tracking_number else ()


def tracked(number: str, reports: Iterable[TrackingReport]) -> Tracked:
    own = sorted((each for each in reports if each.tracking_number == number), key=_when)
    return Tracked(number, own[-1].status if own else None, tuple(own))


def all_delivered(numbers: Sequence[str], reports: Sequence[TrackingReport]) -> bool:
    """Whether each number was reported as delivered, whatever was reported afterwards."""
    delivered = {each.tracking_number for each in reports if each.status == "delivered"}
    return bool(numbers) and delivered.issuperset(numbers)


def _when(report: TrackingReport) -> tuple[datetime, int, str]:
    return report.at, STATUSES.index(report.status), report.id
