"""What parcels, tracking and manifests need of persistence: ``oms.aws.parcel_store``."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from oms.fulfillment.parcels import Packing
from oms.fulfillment.tracking import TrackingReport
from oms.kernel.writes import Write


@dataclass(frozen=True, slots=True)
class Dossier:
    """What is known of a fulfilment's parcels.

    Without a ``packing`` nobody said how it is packed.
    """

    packing: Packing | None
    reports: tuple[TrackingReport, ...]


@dataclass(frozen=True, slots=True)
class LabelledParcel:
    """A labelled parcel that is on no manifest yet."""

    parcel_id: str
    fulfillment_id: str
    node: str
    carrier: str
    labels_by: str
    tracking_number: str
    weight_grams: int


@dataclass(frozen=True, slots=True)
class LabelledPage:
    parcels: tuple[LabelledParcel, ...]
    cursor: str | None


@dataclass(frozen=True, slots=True)
class Manifest:
    """What was handed to a carrier at a node on a day; the carrier's ``reference`` closes it."""

    id: str
    node: str
    carrier: str
    labels_by: str
    day: date
    number: int
    parcels: tuple[LabelledParcel, ...]
    reference: str = ""


class ParcelStore(Protocol):
    def dossier(self, fulfillment_id: str) -> Dossier: ...

    def packing(self, fulfillment_id: str) -> Packing | None: ...

    def storing(self, packing: Packing) -> Write:
        """Its next version, unless somebody stored another one: then ``VersionConflict``."""

    def store(
        self,
        packing: Packing,
        awaiting: Sequence[LabelledParcel] = (),
        taken: Sequence[LabelledParcel] = (),
    ) -> Packing:
        """In one transaction, as it is stored now: its next version; ``awaiting`` a manifest from
        now on; ``taken`` from what awaits one. Raises ``VersionConflict``, and ``Conflict``
        (``on_manifest``) when one of ``taken`` does not await a manifest any more."""

    def awaiting(self, node: str, carrier: str, limit: int, cursor: str | None) -> LabelledPage:
        """Labelled parcels that are on no manifest yet, by id."""

    def manifest(self, manifest_id: str) -> Manifest | None: ...

    def open_manifest(self, manifest: Manifest) -> None:
        """With its parcels, which await one no more. Raises ``VersionConflict`` when it is there,
        or one of them is on another."""

    def close_manifest(self, manifest: Manifest) -> None:
        """Keep the carrier's reference."""

    def record(self, report: TrackingReport) -> bool:
        """False when it was known."""
