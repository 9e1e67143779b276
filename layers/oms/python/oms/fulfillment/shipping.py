"""Parcels leave, and arrive: what carriers report is kept, and applied when it can be.

A report may come before the parcel was said to have left. It is stored first, and the order looked
at then; whoever ships looks at the reports afterwards: one of the two sees that all is delivered.
"""

from dataclasses import dataclass, replace
from functools import partial

from oms.fulfillment.packing import check_current
from oms.fulfillment.parcel_store import ParcelStore
from oms.fulfillment.parcels import Packing
from oms.fulfillment.tracking import FAILED, TrackingReport, all_delivered, numbers_of, tracked
from oms.fulfillment.worklist import find
from oms.inventory.store import Stock
from oms.kernel.errors import Conflict
from oms.kernel.events import Cause
from oms.kernel.writes import Write
from oms.orders import decisions, fulfillment
from oms.orders.command import execute
from oms.orders.decisions import Events
from oms.orders.model import Fulfillment, FulfillmentState, Method, Order
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
    return _apply(order, fulfillment_id, orders, parcels, cause)


def take_report(
    report: TrackingReport, orders: Orders, parcels: ParcelStore, cause: Cause
) -> Order:
    """Raises ``NotFound``, and ``Conflict`` (``other_tracking_number``) when the parcel travels
    with another number."""
    work = find(report.fulfillment_id, orders)
    _check_number(report, work.fulfillment, parcels)
    parcels.record(report)
    order = work.order if work.fulfillment.has_left else orders.load(work.order.order_id)
    return _apply(order, report.fulfillment_id, orders, parcels, cause)


def _apply(
    order: Order, fulfillment_id: str, orders: Orders, parcels: ParcelStore, cause: Cause
) -> Order:
    """What was reported so far, to a fulfilment that is under way."""
    found = order.fulfillment(fulfillment_id)
    if found is None or found.state is not FulfillmentState.SHIPPED:
        return order
    dossier = parcels.dossier(fulfillment_id)
    numbers = numbers_of(found, dossier.packing)
    if all_delivered(numbers, dossier.reports):
        return _arrived(order, found, orders, cause)
    for number in numbers:
        status = tracked(number, dossier.reports).status
        if status in FAILED:
            fail = partial(_fail, fulfillment_id, number, status)
            order = execute(orders, order.order_id, fail, cause)
    return order


def _arrived(order: Order, found: Fulfillment, orders: Orders, cause: Cause) -> Order:
    """A store says itself when it has what it is to hand over."""
    if found.method is not Method.SHIP:
        return order
    return execute(orders, order.order_id, partial(_deliver, found.id), cause)


def _deliver(fulfillment_id: str, order: Order) -> Events:
    return decisions.deliver(order, fulfillment_id)


def _fail(fulfillment_id: str, number: str, outcome: str, order: Order) -> Events:
    return decisions.fail_delivery(order, fulfillment_id, number, outcome)


def _number(packing: Packing | None, given: GivenNumber | None) -> GivenNumber:
    if packing is None or packing.choice is None:
        if given is None:
            raise Conflict(
                "buy a label, or say with which carrier and tracking number it leaves",
                code="not_labelled",
            )
        return given
    if packing.cancelling or not packing.is_labelled:
        raise Conflict("its labels are being bought or cancelled", code="label_pending")
    numbers = [label.tracking_number for label in packing.labels]
    if given is not None and given.tracking_number not in numbers:
        raise Conflict("it has a label with another tracking number", code="labelled")
    return GivenNumber(packing.choice.carrier, numbers[0])


def _check_number(report: TrackingReport, own: Fulfillment, parcels: ParcelStore) -> None:
    if not own.has_left or report.tracking_number == own.tracking_number:
        return
    if report.tracking_number not in numbers_of(own, parcels.packing(own.id)):
        raise Conflict(
            "the fulfilment left with another tracking number", code="other_tracking_number"
        )
