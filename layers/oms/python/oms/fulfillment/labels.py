"""Buying the labels of a fulfilment's parcels, and cancelling them.

What is wanted is stored before the carrier is asked, so that whoever asks again asks for the same
under the same keys: a parcel never gets two labels.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from oms.catalog.delivery import CarrierService
from oms.catalog.model import Node
from oms.catalog.store import Catalog
from oms.fulfillment.carriers import (
    CancelRequest,
    Carriers,
    LabelRequest,
    Rate,
    RateRequest,
)
from oms.fulfillment.packing import fingerprint, packed_as
from oms.fulfillment.parcel_store import LabelledParcel, ParcelStore
from oms.fulfillment.parcels import Choice, Label, Packing, PackingState, Parcel, may
from oms.fulfillment.patience import patiently
from oms.fulfillment.rate_shopping import choose, promised_day
from oms.fulfillment.worklist import Work, find
from oms.kernel.errors import Conflict, NotFound
from oms.orders.model import Address
from oms.orders.store import Orders
from oms.orders.transitions import TRANSITIONS


@dataclass(frozen=True, slots=True)
class Station:
    """What a packing station works with."""

    orders: Orders
    parcels: ParcelStore
    catalog: Catalog
    carriers: Carriers


def buy_labels(station: Station, fulfillment_id: str, service: str, now: datetime) -> Packing:
    """A label for each parcel, of ``service`` or, without one, of the cheapest that keeps the
    promise. Once they are there they are answered again.

    Raises ``Conflict`` (``illegal_transition`` unless it is packed; ``no_carrier``; ``labelled``
    with another service; ``label_pending``; ``withdrawn`` and ``other_tracking_number`` when they
    are not needed any more and were cancelled), ``Invalid`` (``unknown_service``,
    ``carrier_refused``), and ``ProviderUnavailable``: then the same call goes on where this one
    stopped.
    """
    work = find(fulfillment_id, station.orders)
    packing = packed_as(work, station.parcels, station.catalog)
    if packing.is_labelled:
        return _same_service(packing, service)
    _check_packed(work)
    if packing.state is not PackingState.LABELLING:
        may(packing, "label")
        choice = _shop(station, work, packing, service, now)
        choice = replace(choice, address=fingerprint(work.order))
        packing = station.parcels.store(replace(packing, choice=choice))
    else:
        _same_service(packing, service)
    may(packing, "bought")
    labelled = packing.with_labels(_buy(station, work, packing))
    bought = station.parcels.store(labelled, awaiting=tuple(labelled_parcels(labelled)))
    return _still_wanted(station, bought)


def cancel_labels(station: Station, fulfillment_id: str) -> Packing | None:
    """Nothing is due for them any more; others may be bought. Nothing when there are none.

    Raises ``Conflict`` once the fulfilment was ``shipped`` or a parcel is ``on_manifest``.
    """
    packing = station.parcels.packing(fulfillment_id)
    if packing is None or packing.choice is None:
        return packing
    if not packing.cancelling:
        may(packing, "cancel")
        awaiting = tuple(labelled_parcels(packing)) if packing.is_labelled else ()
        packing = station.parcels.store(replace(packing, cancelling=True), taken=awaiting)
    assert packing.choice is not None
    carrier = station.carriers.named(packing.choice.labels_by)
    for parcel in packing.parcels:
        request = _cancelling(packing, parcel)
        patiently(partial(carrier.cancel, request))
    may(packing, "cancelled")
    return station.parcels.store(packing.without_labels())


def labelled_parcels(packing: Packing) -> Iterable[LabelledParcel]:
    choice = packing.choice
    assert choice is not None
    for parcel in packing.parcels:
        assert parcel.label is not None
        yield LabelledParcel(
            parcel_id=parcel.id,
            fulfillment_id=packing.fulfillment_id,
            node=packing.node,
            carrier=choice.carrier,
            labels_by=choice.labels_by,
            tracking_number=parcel.label.tracking_number,
            weight_grams=parcel.weight_grams,
        )


def destination(work: Work, catalog: Catalog) -> Address:
    """The customer's address, or the store that hands it over."""
    store = work.fulfillment.hand_over_at
    if not store or store == work.fulfillment.node:
        return work.order.content.shipping_address
    return address_of(origin(store, catalog))


def address_of(node: Node) -> Address:
    return Address(
        name=node.name,
        line1="",
        city=node.city,
        country=node.country,
        region=node.region,
        postal_code=node.postal_code,
        latitude=node.latitude,
        longitude=node.longitude,
    )


def origin(node_id: str, catalog: Catalog) -> Node:
    node = next((node for node in catalog.nodes({node_id}) if node.id == node_id), None)
    if node is None:
        raise NotFound(f"there is no node {node_id}")
    return node


def _same_service(packing: Packing, service: str) -> Packing:
    assert packing.choice is not None
    if service and packing.choice.service != service:
        raise Conflict(f"its labels are of {packing.choice.service}", code="labelled")
    return packing


def _check_packed(work: Work) -> None:
    """Labels are bought when the next step may be to ship."""
    state, method = work.fulfillment.state, work.fulfillment.method
    allowed = TRANSITIONS[method].get(state, {})
    if "ship" not in allowed:
        raise Conflict(
            f"the fulfilment is {state}; labels are for what is packed and is to be shipped",
            code="illegal_transition",
            context={"state": state, "allowed": sorted(allowed)},
        )


def _shop(station: Station, work: Work, packing: Packing, service: str, now: datetime) -> Choice:
    currency = work.order.content.currency
    offered = [
        each for each in station.catalog.carrier_services() if each.labels_by and each.active
    ]
    rates: list[Rate] = []
    for name in sorted({each.labels_by for each in offered}):
        request = RateRequest(
            services=[each for each in offered if each.labels_by == name],
            origin=origin(packing.node, station.catalog),
            to=destination(work, station.catalog),
            parcels=packing.parcels,
            currency=currency,
            ready=now,
        )
        carrier = station.carriers.named(name)
        rates += patiently(partial(carrier.rates, request))
    promised = promised_day(work.order, work.fulfillment)
    return choose(rates, promised, service, currency)


def _buy(station: Station, work: Work, packing: Packing) -> list[Label]:
    assert packing.choice is not None
    carrier = station.carriers.named(packing.choice.labels_by)
    service = _service(packing.choice.service, station.catalog)
    node = origin(packing.node, station.catalog)
    to = destination(work, station.catalog)
    labels: list[Label] = []
    for parcel in packing.parcels:
        key = packing.key(parcel)
        request = LabelRequest(service, node, to, parcel, packing.fulfillment_id, key)
        bought = patiently(partial(carrier.buy, request))
        labels.append(Label(bought.tracking_number, bought.reference, bought.cost, key))
    return labels


def _service(service_id: str, catalog: Catalog) -> CarrierService:
    found = (each for each in catalog.carrier_services() if each.id == service_id)
    service = next(found, None)
    if service is None:
        raise Conflict(f"{service_id} is offered no more; cancel the labels", code="no_carrier")
    return service


def _cancelling(packing: Packing, parcel: Parcel) -> CancelRequest:
    if parcel.label is None:
        return CancelRequest(packing.key(parcel))
    return CancelRequest(parcel.label.key, parcel.label.tracking_number, parcel.label.reference)


def _still_wanted(station: Station, packing: Packing) -> Packing:
    """The order may have been cancelled while the carrier was asked, or have left with a number
    that somebody gave."""
    part = find(packing.fulfillment_id, station.orders).fulfillment
    left_otherwise = part.has_left and part.tracking_number != packing.labels[0].tracking_number
    if part.is_live and not left_otherwise:
        return packing
    cancel_labels(station, packing.fulfillment_id)
    if left_otherwise:
        raise Conflict("it left with another tracking number", code="other_tracking_number")
    raise Conflict("the node no longer has the work", code="withdrawn")
