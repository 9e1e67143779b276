"""Parcels arrive, or do not: what carriers report is kept, and applied when it can be.

A report may come before the parcel was said to have left. It is stored first, and the order looked
at then; whoever ships looks at the reports afterwards: one of the two sees that all is delivered.
"""

from collections.abc import Sequence
from functools import partial

from oms.fulfillment.parcel_store import ParcelStore
from oms.fulfillment.shipment_store import Shipments
from oms.fulfillment.tracking import FAILED, TrackingReport, all_delivered, numbers_of, tracked
from oms.fulfillment.worklist import find
from oms.kernel.errors import Conflict, Invalid
from oms.kernel.events import Cause
from oms.kernel.ids import order_of
from oms.orders import at_the_door, decisions
from oms.orders.command import execute
from oms.orders.decisions import Events
from oms.orders.model import Fulfillment, FulfillmentState, Method, Order
from oms.orders.store import Orders
from oms.payments.in_person import Collected


def take_report(
    report: TrackingReport,
    orders: Orders,
    parcels: ParcelStore,
    shipments: Shipments,
    cause: Cause,
) -> Order:
    """What travelled with it arrives with it. Raises ``NotFound``, and ``Conflict``
    (``other_tracking_number``) when the parcel travels with another number, and ``Invalid``
    (``wrong_currency``)."""
    work = find(report.fulfillment_id, orders)
    _check_number(report, work.fulfillment, parcels)
    _check_currency(report, work.order)
    parcels.record(report)
    order = work.order if work.fulfillment.has_left else orders.load(work.order.order_id)
    order = apply_reports(order, report.fulfillment_id, orders, parcels, cause)
    arrive_together(order, report.fulfillment_id, orders, shipments, cause)
    return order


def arrive_together(
    order: Order, fulfillment_id: str, orders: Orders, shipments: Shipments, cause: Cause
) -> None:
    """Deliver what left in one shipment with a fulfilment that is delivered: the carrier knows of
    one parcel, and names one fulfilment of it."""
    found = order.fulfillment(fulfillment_id)
    if found is None or not found.shipment or found.state is not FulfillmentState.DELIVERED:
        return
    for member in shipments.shipment(found.shipment).members:
        other = find(member, orders).fulfillment
        left = other.state is FulfillmentState.SHIPPED
        if left and other.tracking_number == found.tracking_number:
            execute(orders, order_of(member), partial(_deliver, member), cause)


def apply_reports(
    order: Order, fulfillment_id: str, orders: Orders, parcels: ParcelStore, cause: Cause
) -> Order:
    """What was reported so far, to a fulfilment that is under way."""
    found = order.fulfillment(fulfillment_id)
    if found is None or found.state is not FulfillmentState.SHIPPED:
        return order
    dossier = parcels.dossier(fulfillment_id)
    numbers = numbers_of(found, dossier.packing)
    if all_delivered(numbers, dossier.reports):
        told = tuple(each.collected for each in dossier.reports if each.collected)
        return _arrived(order, found, told, orders, cause)
    for number in numbers:
        status = tracked(number, dossier.reports).status
        if status in FAILED:
            fail = partial(_fail, fulfillment_id, number, status)
            order = execute(orders, order.order_id, fail, cause)
    return order


def _arrived(
    order: Order,
    found: Fulfillment,
    told: Sequence[Collected],
    orders: Orders,
    cause: Cause,
) -> Order:
    """A store says itself when it has what it is to hand over."""
    if found.method is not Method.SHIP:
        return order
    return execute(orders, order.order_id, partial(_deliver_as_told, found.id, told), cause)


def _deliver(fulfillment_id: str, order: Order) -> Events:
    return decisions.deliver(order, fulfillment_id)


def _deliver_as_told(fulfillment_id: str, told: Sequence[Collected], order: Order) -> Events:
    return at_the_door.deliver_as_told(order, fulfillment_id, told)


def _fail(fulfillment_id: str, number: str, outcome: str, order: Order) -> Events:
    return decisions.fail_delivery(order, fulfillment_id, number, outcome)


def _check_currency(report: TrackingReport, order: Order) -> None:
    if report.collected and report.collected.amount.currency != order.content.currency:
        raise Invalid(f"the order is in {order.content.currency}", code="wrong_currency")


def _check_number(report: TrackingReport, own: Fulfillment, parcels: ParcelStore) -> None:
    if not own.has_left or report.tracking_number == own.tracking_number:
        return
    if report.tracking_number not in numbers_of(own, parcels.packing(own.id)):
        raise Conflict(
            "the fulfilment left with another tracking number", code="other_tracking_number"
        )
