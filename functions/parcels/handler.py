"""Parcels, labels, packing slips, tracking and manifests over HTTP."""

from typing import Annotated, Any, Literal

from aws_lambda_powertools.event_handler.openapi.params import Body, Path, Query

from oms.aws import stores
from oms.aws.http import caller, refusals, reply_file, resolver, serve
from oms.aws.paths import NodeId
from oms.fulfillment import labels, manifests
from oms.fulfillment.carrier_registry import CarrierRegistry
from oms.fulfillment.packing import packed_as, propose
from oms.fulfillment.parcel_contract import (
    LabelOrder,
    ManifestDocument,
    ManifestView,
    ParcelsView,
    TrackingView,
    closed_view,
    manifest_view,
    parcels_view,
    tracking_view,
)
from oms.fulfillment.printing import Format, print_labels, print_slips
from oms.fulfillment.staff import check_node
from oms.fulfillment.worklist import Work, find
from oms.kernel.clock import utc_now
from oms.routing.packages import ParcelLimits

app = resolver()
carriers = CarrierRegistry()

FulfillmentId = Annotated[str, Path(pattern=r"^ful_[a-z2-7]{26}_\d{1,4}$")]
ManifestId = Annotated[str, Path(pattern=r"^man_[a-z2-7]{26}$")]
PrintAs = Annotated[Literal["pdf", "zpl"], Query(alias="format")]
Limit = Annotated[int | None, Query(ge=1, le=100_000_000, description="Of one parcel")]
_PRINTED: dict[str, Any] = {
    "application/pdf": {"schema": {"type": "string", "format": "binary"}},
    "x-application/zpl": {"schema": {"type": "string"}},
}


@app.get(
    "/v1/fulfillments/<fulfillment_id>/parcels",
    summary="How a fulfilment is packed, or could be",
    description="As it was packed; else a proposal: as few parcels as the limits allow, one without"
    " limits.",
    tags=["fulfillments"],
    responses={200: {"description": "The parcels"}, **refusals(401, 403, 404, 409, 422)},
)
def read_parcels(
    fulfillment_id: FulfillmentId,
    max_weight_grams: Limit = None,
    max_volume_cubic_cm: Limit = None,
) -> ParcelsView:
    work = find(fulfillment_id, stores.orders())
    limits = ParcelLimits(max_weight_grams, max_volume_cubic_cm)
    packing = stores.parcels().packing(fulfillment_id)
    if packing is None:
        return parcels_view(work.order, propose(work, limits, stores.catalog()))
    return parcels_view(work.order, packing)


@app.post(
    "/v1/fulfillments/<fulfillment_id>/label",
    summary="Buy a label for each parcel",
    description="Of the service that is named, else of the cheapest that keeps the promise. Sent"
    " again it answers the same labels.",
    tags=["fulfillments"],
    responses={
        200: {"description": "The labels, and what the service was compared with"},
        **refusals(400, 401, 403, 404, 409, 415, 422, 503),
    },
)
def buy_labels(
    fulfillment_id: FulfillmentId, wanted: Annotated[LabelOrder | None, Body()] = None
) -> ParcelsView:
    work = _work(fulfillment_id)
    service = wanted.service if wanted else ""
    packing = labels.buy_labels(_station(), fulfillment_id, service, utc_now())
    return parcels_view(work.order, packing)


@app.post(
    "/v1/fulfillments/<fulfillment_id>/label/cancel",
    summary="Cancel the labels",
    description="Until the parcels have left or are on a manifest. Others may be bought then.",
    tags=["fulfillments"],
    responses={
        200: {"description": "The parcels without labels"},
        **refusals(401, 403, 404, 409, 422, 503),
    },
)
def cancel_labels(fulfillment_id: FulfillmentId) -> ParcelsView:
    work = _work(fulfillment_id)
    packing = labels.cancel_labels(_station(), fulfillment_id)
    return parcels_view(work.order, packing or propose(work, ParcelLimits(), stores.catalog()))


@app.get(
    "/v1/fulfillments/<fulfillment_id>/label",
    summary="Print the labels",
    tags=["fulfillments"],
    responses={
        200: {"description": "A page for each parcel", "content": _PRINTED},
        **refusals(401, 403, 404, 409, 422),
    },
)
def read_label(fulfillment_id: FulfillmentId, print_as: PrintAs = "pdf") -> Any:
    work = find(fulfillment_id, stores.orders())
    packing = packed_as(work, stores.parcels(), stores.catalog())
    return reply_file(*print_labels(work, packing, stores.catalog(), Format(print_as)))


@app.get(
    "/v1/fulfillments/<fulfillment_id>/packing-slip",
    summary="Print the packing slips",
    tags=["fulfillments"],
    responses={
        200: {"description": "A page or more for each parcel", "content": _PRINTED},
        **refusals(401, 403, 404, 409, 422),
    },
)
def read_packing_slip(fulfillment_id: FulfillmentId, print_as: PrintAs = "pdf") -> Any:
    work = find(fulfillment_id, stores.orders())
    packing = packed_as(work, stores.parcels(), stores.catalog())
    return reply_file(*print_slips(work, packing, stores.catalog(), Format(print_as)))


@app.get(
    "/v1/fulfillments/<fulfillment_id>/tracking",
    summary="Where the parcels are",
    tags=["fulfillments"],
    responses={200: {"description": "By parcel"}, **refusals(401, 403, 404, 422)},
)
def read_tracking(fulfillment_id: FulfillmentId) -> TrackingView:
    work = find(fulfillment_id, stores.orders())
    return tracking_view(work, stores.parcels().dossier(fulfillment_id))


@app.post(
    "/v1/nodes/<node_id>/manifests",
    summary="Close a manifest of the parcels that a carrier takes",
    description="All that is labelled and packed and on none yet, up to a bound: `more` says that"
    " another number is needed. The same number again answers the same manifest.",
    tags=["fulfillments"],
    responses={
        200: {"description": "The manifest"},
        **refusals(400, 401, 403, 404, 409, 415, 422, 503),
    },
)
def close_manifest(node_id: NodeId, wanted: Annotated[ManifestDocument, Body()]) -> ManifestView:
    check_node(caller(app), node_id, stores.staff())
    closed = manifests.close_manifest(
        _station(), node_id, wanted.carrier, wanted.day, wanted.number
    )
    return closed_view(closed)


@app.get(
    "/v1/nodes/<node_id>/manifests/<manifest_id>",
    summary="Read a manifest",
    tags=["fulfillments"],
    responses={200: {"description": "The manifest"}, **refusals(401, 403, 404, 422)},
)
def read_manifest(node_id: NodeId, manifest_id: ManifestId) -> ManifestView:
    return manifest_view(manifests.read_manifest(_station(), node_id, manifest_id))


def _work(fulfillment_id: str) -> Work:
    """For whoever may act on the work of its node."""
    work = find(fulfillment_id, stores.orders())
    check_node(caller(app), work.fulfillment.node, stores.staff())
    return work


def _station() -> labels.Station:
    """Labels are bought of the services there are now, not of those of half a minute ago."""
    return labels.Station(stores.orders(), stores.parcels(), stores.catalog_store(), carriers)


handler = serve(app)
