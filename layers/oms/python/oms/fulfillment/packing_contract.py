"""The JSON of how a fulfilment was packed."""

from typing import Annotated

from pydantic import Field

from oms.fulfillment.packing import PackedParcel
from oms.fulfillment.parcels import MOST_PARCELS
from oms.kernel.errors import Faults, Invalid
from oms.kernel.quantity import parse_quantity
from oms.orders.contract import Document, Identifier, Quantity
from oms.orders.model import Order, Units

Grams = Annotated[int, Field(ge=0, le=10_000_000)]
Millimetre = Annotated[int, Field(ge=0, le=100_000, description="0: not measured")]


class ParcelLineDocument(Document):
    line_id: Identifier
    quantity: Quantity


class ParcelDocument(Document):
    """Without a weight it is what its items weigh."""

    lines: Annotated[tuple[ParcelLineDocument, ...], Field(min_length=1, max_length=100)]
    weight_grams: Grams | None = None
    length_mm: Millimetre = 0
    width_mm: Millimetre = 0
    height_mm: Millimetre = 0


class PackDocument(Document):
    """Every unit of the fulfilment is in exactly one parcel."""

    parcels: Annotated[tuple[ParcelDocument, ...], Field(min_length=1, max_length=MOST_PARCELS)]


def parcels_of(document: PackDocument, order: Order) -> tuple[PackedParcel, ...]:
    """Quantities in their lines' scale. Raises ``Invalid`` with every fault."""
    scales = {line.line_id: line.scale for line in order.content.lines}
    faults = Faults()
    packed = tuple(
        _parcel_of(parcel, f"parcels.{number}", scales, faults)
        for number, parcel in enumerate(document.parcels)
    )
    faults.refuse("the parcels break a rule")
    return packed


def _parcel_of(
    parcel: ParcelDocument, path: str, scales: dict[str, int], faults: Faults
) -> PackedParcel:
    lines = []
    for place, line in enumerate(parcel.lines):
        where = f"{path}.lines.{place}.quantity"
        if line.quantity <= 0:
            faults.add(where, "quantity_not_positive", "there is some of it in the parcel")
            continue
        try:
            quantity = parse_quantity(line.quantity, scales.get(line.line_id, 0))
        except Invalid as refused:
            faults.add(where, refused.problem_code, refused.detail)
            continue
        lines.append(Units(line.line_id, quantity))
    return PackedParcel(
        tuple(lines), parcel.weight_grams, parcel.length_mm, parcel.width_mm, parcel.height_mm
    )
