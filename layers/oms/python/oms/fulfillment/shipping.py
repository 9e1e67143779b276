"""Parcels leave: with the labels that were bought, or with a number that somebody gives."""

from dataclasses import dataclass, replace

from oms.fulfillment.arrival import apply_reports
from oms.fulfillment.packing import check_current
from oms.fulfillment.parcel_store import ParcelStore
from oms.fulfillment.parcels import Packing, may
from oms.fulfillment.worklist import find
from oms.inventory.store import Stock
from oms.kernel.errors import Conflict
from oms.kernel.events import Cause
from oms.kernel.writes import Write
from oms.orders import fulfillment
from oms.orders.model import Order
from oms.orders.store import Orders


@dataclass(frozen=True, slots=True)
class GivenNumber:
    """A tracking number that somebody gives, of a label that was made elsewhere."""

    carrier: str
    tracking_number: str


def ship(
    fulfillment_id: str,
    given: GivenNumber | None,
    orders: Orders,
    stock: Stock,
    parcels: ParcelStore,
    cause: Cause,
    *,
    quiet: bool = False,
) -> Order:
    """With the labels that were bought, else with what is ``given``. ``quiet``: the customer is not
    told.

    Raises ``Conflict``: ``not_labelled`` when there is neither, ``labelled`` when they differ,
    ``label_pending`` while they are being bought or cancelled, ``packed_otherwise`` and
    ``address_changed`` when they are not for what leaves now.
    """
    packing = parcels.packing(fulfillment_id)
    number = _number(packing, given)
    leaving: list[Write] = []
    if packing is not None and packing.choice is not None and not packing.shipped:
        check_current(find(fulfillment_id, orders), packing)
        # In the same transaction: from now on the labels are not cancelled any more.
        leaving = [parcels.storing(replace(packing, shipped=True))]
    order = fulfillment.ship(
        fulfillment_id,
        number.carrier,
        number.tracking_number,
        orders,
        stock,
        cause,
        with_it=leaving,
        quiet=quiet,
    )
    return apply_reports(order, fulfillment_id, orders, parcels, cause)


def _number(packing: Packing | None, given: GivenNumber | None) -> GivenNumber:
    if packing is None or packing.choice is None:
        if given is None:
            raise Conflict(
                "buy a label, or say with which carrier and tracking number it leaves",
                code="not_labelled",
            )
        return given
    if not packing.shipped:
        may(packing, "ship")
    numbers = [label.tracking_number for label in packing.labels]
    if given is not None and given.tracking_number not in numbers:
        raise Conflict("it has a label with another tracking number", code="labelled")
    return GivenNumber(packing.choice.carrier, numbers[0])
