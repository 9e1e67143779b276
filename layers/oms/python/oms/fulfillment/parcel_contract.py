"""The JSON of parcels, labels, manifests and tracking."""

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field, StringConstraints

from oms.fulfillment.manifests import Closed
from oms.fulfillment.parcel_store import Dossier, Manifest
from oms.fulfillment.parcels import Choice, Label, Packing, PackingState, Parcel
from oms.fulfillment.tracking import Tracked, TrackingReport, TrackingStatus, numbers_of, tracked
from oms.fulfillment.worklist import Work
from oms.kernel.clock import rfc3339
from oms.kernel.money import Money
from oms.kernel.quantity import quantity_number
from oms.orders.contract import Day, Document, Name, Quantity, View
from oms.orders.model import Order


class LabelOrder(Document):
    """Without a ``service`` it is the cheapest that keeps the promise."""

    service: Annotated[str, StringConstraints(pattern=r"^([\w.:\-]{1,64})?$")] = ""


class ManifestDocument(Document):
    """``number``: the first of a day is 1; the next one takes what was labelled since."""

    carrier: Name
    day: Day
    number: Annotated[int, Field(ge=1, le=9999)] = 1


class ParcelLineView(View):
    line_id: str
    sku: str
    quantity: Quantity


class ParcelLabelView(View):
    tracking_number: str
    cost: str


class ParcelView(View):
    id: str
    weight_grams: int
    length_mm: int
    width_mm: int
    height_mm: int
    lines: list[ParcelLineView]
    label: ParcelLabelView | None


class ComparedService(View):
    service: str
    carrier: str
    cost: str
    days: int
    arrives: str
    keeps_promise: bool


class ServiceChoice(View):
    """The service that was chosen, why, and what it was compared with, the best first."""

    service: str
    name: str
    carrier: str
    cost: str
    currency: str
    arrives: str
    promised: str | None
    reason: str
    compared: list[ComparedService]


class ParcelsView(View):
    """``proposed``: nobody said how it is packed."""

    fulfillment_id: str
    state: PackingState
    parcels: list[ParcelView]
    label: ServiceChoice | None


class TrackingReportView(View):
    id: str
    status: TrackingStatus
    at: str
    place: str
    description: str


class TrackedParcel(View):
    """``status`` is that of the latest report by the carrier's time; null before the first."""

    tracking_number: str
    parcel_id: str
    status: TrackingStatus | None
    reports: list[TrackingReportView]


class TrackingView(View):
    fulfillment_id: str
    state: str
    carrier: str
    parcels: list[TrackedParcel]


class ManifestParcel(View):
    parcel_id: str
    fulfillment_id: str
    tracking_number: str
    weight_grams: int


class ManifestView(View):
    """``reference`` is the carrier's. ``more``: labelled parcels are left for the next number."""

    id: str
    node: str
    carrier: str
    day: str
    number: int
    reference: str
    weight_grams: int
    parcels: list[ManifestParcel]
    more: bool | None = None


def parcels_view(order: Order, packing: Packing) -> ParcelsView:
    currency = packing.choice.currency if packing.choice else order.content.currency
    return ParcelsView.model_validate(
        {
            "fulfillment_id": packing.fulfillment_id,
            "state": packing.state,
            "parcels": [_parcel_view(order, parcel, currency) for parcel in packing.parcels],
            "label": _choice_view(packing, packing.choice) if packing.choice else None,
        }
    )


def _parcel_view(order: Order, parcel: Parcel, currency: str) -> ParcelView:
    label = parcel.label
    return ParcelView(
        id=parcel.id,
        weight_grams=parcel.weight_grams,
        length_mm=parcel.length_mm,
        width_mm=parcel.width_mm,
        height_mm=parcel.height_mm,
        lines=[
            ParcelLineView.model_validate(
                {
                    "line_id": units.line_id,
                    "sku": (line := order.content.line(units.line_id)).sku,
                    "quantity": quantity_number(units.quantity, line.scale),
                }
            )
            for units in parcel.lines
        ],
        label=_label_view(label, currency) if label else None,
    )


def _label_view(label: Label, currency: str) -> ParcelLabelView:
    return ParcelLabelView(
        tracking_number=label.tracking_number, cost=str(Money(label.cost, currency))
    )


def _choice_view(packing: Packing, choice: Choice) -> ServiceChoice:
    chosen = next((each.cost for each in choice.compared if each.service == choice.service), 0)
    cost = packing.cost if packing.is_labelled else chosen
    return ServiceChoice(
        service=choice.service,
        name=choice.name,
        carrier=choice.carrier,
        cost=str(Money(cost, choice.currency)),
        currency=choice.currency,
        arrives=choice.arrives.isoformat(),
        promised=choice.promised.isoformat() if choice.promised else None,
        reason=choice.reason,
        compared=[
            ComparedService(
                service=each.service,
                carrier=each.carrier,
                cost=str(Money(each.cost, choice.currency)),
                days=each.days,
                arrives=each.arrives.isoformat(),
                keeps_promise=each.keeps_promise,
            )
            for each in choice.compared
        ],
    )


def tracking_view(work: Work, dossier: Dossier) -> TrackingView:
    packing = dossier.packing
    parcels = packing.parcels if packing else ()
    ids = {parcel.label.tracking_number: parcel.id for parcel in parcels if parcel.label}
    numbers = numbers_of(work.fulfillment, packing)
    choice = packing.choice if packing else None
    return TrackingView(
        fulfillment_id=work.fulfillment.id,
        state=work.fulfillment.state,
        carrier=work.fulfillment.carrier or (choice.carrier if choice else ""),
        parcels=[
            _tracked_view(tracked(number, dossier.reports), ids.get(number, ""))
            for number in numbers
        ],
    )


def _tracked_view(one: Tracked, parcel_id: str) -> TrackedParcel:
    return TrackedParcel(
        tracking_number=one.tracking_number,
        parcel_id=parcel_id,
        status=one.status,
        reports=_report_views(one.reports),
    )


def _report_views(reports: Sequence[TrackingReport]) -> list[TrackingReportView]:
    return [
        TrackingReportView(
            id=report.id,
            status=report.status,
            at=rfc3339(report.at),
            place=report.place,
            description=report.description,
        )
        for report in reports
    ]


def closed_view(closed: Closed) -> ManifestView:
    return manifest_view(closed.manifest).model_copy(update={"more": closed.more})


def manifest_view(manifest: Manifest) -> ManifestView:
    return ManifestView(
        id=manifest.id,
        node=manifest.node,
        carrier=manifest.carrier,
        day=manifest.day.isoformat(),
        number=manifest.number,
        reference=manifest.reference,
        weight_grams=sum(parcel.weight_grams for parcel in manifest.parcels),
        parcels=[
            ManifestParcel(
                parcel_id=parcel.parcel_id,
                fulfillment_id=parcel.fulfillment_id,
                tracking_number=parcel.tracking_number,
                weight_grams=parcel.weight_grams,
            )
            for parcel in manifest.parcels
        ],
    )
