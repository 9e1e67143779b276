"""Packing a fulfilment into parcels, and what is proposed before anybody has."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from oms.catalog.model import Item
from oms.catalog.store import Catalog
from oms.fulfillment.parcel_store import ParcelStore
from oms.fulfillment.parcels import (
    Packing,
    Parcel,
    adds_up,
    check_quantities,
    in_parcels,
    may,
    proposed,
    weight_of,
)
from oms.fulfillment.worklist import Work
from oms.kernel.encoding import to_json
from oms.kernel.errors import Conflict, Faults
from oms.kernel.events import Cause
from oms.kernel.ids import order_of
from oms.kernel.writes import Write
from oms.orders import decisions
from oms.orders.command import execute
from oms.orders.decisions import Events
from oms.orders.model import Fulfillment, Line, Order, Units
from oms.orders.store import Orders
from oms.routing.packages import ParcelLimits


@dataclass(frozen=True, slots=True)
class PackedParcel:
    """As somebody packed it; without a weight it is what its items weigh."""

    lines: tuple[Units, ...]
    weight_grams: int | None = None
    length_mm: int = 0
    width_mm: int = 0
    height_mm: int = 0


def packed_as(work: Work, parcels: ParcelStore, catalog: Catalog) -> Packing:
    """As somebody packed it, else everything in one parcel. Raises as ``check_current`` does."""
    kept = parcels.packing(work.fulfillment.id)
    if kept is None:
        return propose(work, ParcelLimits(), catalog)
    check_current(work, kept)
    return kept


def check_current(work: Work, packing: Packing) -> None:
    """Raises ``Conflict``: ``packed_otherwise`` when units were taken out of it since then,
    ``address_changed`` when its labels bear another address than the order."""
    if not adds_up(work.fulfillment, packing):
        raise Conflict(
            "the fulfilment has other units than its parcels: pack it again",
            code="packed_otherwise",
        )
    if packing.choice is not None and packing.choice.address != fingerprint(work.order):
        raise Conflict(
            "the address was changed: cancel the labels and buy others", code="address_changed"
        )


def fingerprint(order: Order) -> str:
    """Of the address; another for another one."""
    address = to_json(order.content.shipping_address)
    return hashlib.sha256(address.encode()).hexdigest()[:16]


def propose(work: Work, limits: ParcelLimits, catalog: Catalog) -> Packing:
    lines = _lines(work.order)
    units = work.fulfillment.units
    items = _items(units, lines, catalog)
    return in_parcels(work.fulfillment, proposed(units, lines, items, limits))


def pack(
    fulfillment_id: str,
    packed: Sequence[PackedParcel],
    orders: Orders,
    parcels: ParcelStore,
    catalog: Catalog,
    cause: Cause,
) -> Order:
    """The units are in ``packed``, which may be said again otherwise until labels are bought.

    Raises ``Invalid`` when the parcels do not hold exactly what the fulfilment does, ``Conflict``
    when it is not the time to pack, and as ``parcels.may`` once labels are bought.
    """
    kept = parcels.packing(fulfillment_id)
    fresh = False

    def decide(order: Order) -> Events:
        nonlocal fresh
        events = decisions.pack(order, fulfillment_id)
        _check(_fulfillment(order, fulfillment_id), packed)
        fresh = bool(events)
        return events

    def stored(order: Order) -> Packing:
        return _as_said(_fulfillment(order, fulfillment_id), packed, _lines(order), catalog, kept)

    def also(order: Order) -> list[Write]:
        return [parcels.storing(stored(order))]

    order = execute(orders, order_of(fulfillment_id), decide, cause, also)
    if not fresh and (kept is None or kept.parcels != stored(order).parcels):
        parcels.store(stored(order))
    return order


def _check(fulfillment: Fulfillment, packed: Sequence[PackedParcel]) -> None:
    faults = Faults()
    check_quantities(fulfillment.units, [parcel.lines for parcel in packed], faults)
    faults.refuse("the parcels do not hold what the fulfilment does")


def _as_said(
    fulfillment: Fulfillment,
    packed: Sequence[PackedParcel],
    lines: Mapping[str, Line],
    catalog: Catalog,
    kept: Packing | None,
) -> Packing:
    items: Mapping[str, Item] = {}
    if any(parcel.weight_grams is None for parcel in packed):
        items = _items(fulfillment.units, lines, catalog)
    said = in_parcels(fulfillment, [_parcel(parcel, lines, items) for parcel in packed])
    if kept is None:
        return said
    if kept.choice is not None and _unlabelled(kept) == said.parcels:
        return kept
    may(kept, "pack")
    return replace(said, attempt=kept.attempt, version=kept.version)


def _unlabelled(packing: Packing) -> tuple[Parcel, ...]:
    return tuple(replace(parcel, label=None) for parcel in packing.parcels)


def _parcel(packed: PackedParcel, lines: Mapping[str, Line], items: Mapping[str, Item]) -> Parcel:
    weight = packed.weight_grams
    if weight is None:
        weight = weight_of(packed.lines, lines, items)
    return Parcel("", packed.lines, weight, packed.length_mm, packed.width_mm, packed.height_mm)


def _items(
    units: Mapping[str, int], lines: Mapping[str, Line], catalog: Catalog
) -> Mapping[str, Item]:
    return catalog.items({lines[line_id].sku for line_id in units})


def _lines(order: Order) -> dict[str, Line]:
    return {line.line_id: line for line in order.content.lines}


def _fulfillment(order: Order, fulfillment_id: str) -> Fulfillment:
    found = order.fulfillment(fulfillment_id)
    assert found is not None
    return found
