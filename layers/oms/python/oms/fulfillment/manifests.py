"""The manifest at day's end: which labelled parcels of a node were handed to a carrier."""

import base64
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from functools import partial

from oms.fulfillment.carriers import ManifestRequest
from oms.fulfillment.labels import Station, cancel_labels
from oms.fulfillment.parcel_store import LabelledParcel, Manifest
from oms.fulfillment.patience import patiently
from oms.fulfillment.worklist import find
from oms.kernel.errors import Conflict, NotFound, VersionConflict
from oms.orders.model import FulfillmentState

# They are taken from what awaits a manifest in one transaction with it.
MOST_ON_A_MANIFEST = 95

_PAGE = 100
# What is packed, and what has left: where it has come to by then is no matter.
_HANDED_OVER = (
    FulfillmentState.PACKED,
    FulfillmentState.SHIPPED,
    FulfillmentState.READY,
    FulfillmentState.DELIVERED,
    FulfillmentState.UNCOLLECTED,
)


@dataclass(frozen=True, slots=True)
class Closed:
    """``more``: labelled parcels are left, for the manifest with the next number."""

    manifest: Manifest
    more: bool


def manifest_id(node: str, carrier: str, day: date, number: int) -> str:
    """Always the same for the same natural key."""
    key = f"{node}|{day.isoformat()}|{number}|{carrier}"
    digest = hashlib.sha256(key.encode()).digest()
    return f"man_{base64.b32encode(digest).decode().lower()[:26]}"


def close_manifest(station: Station, node: str, carrier: str, day: date, number: int) -> Closed:
    """The manifest with that number of that day; closed when it is not, else as it was closed.

    Raises ``Conflict``: ``nothing_to_hand_over``; ``manifest_missing`` when the one before is not
    there. ``ProviderUnavailable``: the same call goes on where this one stopped.
    """
    wanted = manifest_id(node, carrier, day, number)
    manifest = station.parcels.manifest(wanted)
    if manifest is None:
        _check_previous(station, node, carrier, day, number)
        manifest = _open(station, Manifest(wanted, node, carrier, "", day, number, ()))
    if not manifest.reference:
        manifest = _close(station, manifest)
    more = station.parcels.awaiting(node, carrier, 1, None).parcels
    return Closed(manifest, bool(more))


def read_manifest(station: Station, node: str, wanted: str) -> Manifest:
    """Raises ``NotFound``."""
    manifest = station.parcels.manifest(wanted)
    if manifest is None or manifest.node != node:
        raise NotFound(f"{node} has no manifest {wanted}")
    return manifest


def _check_previous(station: Station, node: str, carrier: str, day: date, number: int) -> None:
    if number > 1 and not station.parcels.manifest(manifest_id(node, carrier, day, number - 1)):
        raise Conflict(f"there is no manifest {number - 1} of that day", code="manifest_missing")


def _open(station: Station, empty: Manifest) -> Manifest:
    parcels = _handed_over(station, empty.node, empty.carrier)
    if not parcels:
        raise Conflict("no labelled parcel awaits a manifest", code="nothing_to_hand_over")
    labels_by = parcels[0].labels_by
    same = tuple(parcel for parcel in parcels if parcel.labels_by == labels_by)
    manifest = replace(empty, labels_by=labels_by, parcels=same)
    try:
        station.parcels.open_manifest(manifest)
    except VersionConflict:
        opened = station.parcels.manifest(manifest.id)
        if opened is None:
            raise
        return opened
    return manifest


def _close(station: Station, manifest: Manifest) -> Manifest:
    """Asked twice with one key, the carrier closes it once."""
    carrier = station.carriers.named(manifest.labels_by)
    request = ManifestRequest(
        node=manifest.node,
        carrier=manifest.carrier,
        day=manifest.day,
        tracking_numbers=[parcel.tracking_number for parcel in manifest.parcels],
        idempotency_key=manifest.id,
    )
    closed = replace(manifest, reference=patiently(partial(carrier.close, request)))
    station.parcels.close_manifest(closed)
    return closed


def _handed_over(station: Station, node: str, carrier: str) -> tuple[LabelledParcel, ...]:
    """Labels of work that the node no longer has are cancelled on the way."""
    states: dict[str, FulfillmentState] = {}
    handed_over: list[LabelledParcel] = []
    for parcel in _awaiting(station, node, carrier):
        of = parcel.fulfillment_id
        if of not in states:
            states[of] = find(of, station.orders).fulfillment.state
            if states[of] not in _HANDED_OVER:
                cancel_labels(station, of)
        if states[of] in _HANDED_OVER:
            handed_over.append(parcel)
        if len(handed_over) == MOST_ON_A_MANIFEST:
            break
    return tuple(handed_over)


def _awaiting(station: Station, node: str, carrier: str) -> Iterator[LabelledParcel]:
    cursor: str | None = None
    while True:
        page = station.parcels.awaiting(node, carrier, _PAGE, cursor)
        yield from page.parcels
        cursor = page.cursor
        if cursor is None:
            return
