"""What a carrier reports on a parcel that comes back."""

from oms.fulfillment.tracking import TrackingReport
from oms.kernel.events import Cause
from oms.kernel.ids import order_of
from oms.orders.command import execute
from oms.orders.model import Order
from oms.orders.store import Orders
from oms.returns import decisions


def take_report(report: TrackingReport, orders: Orders, cause: Cause) -> Order:
    """What a carrier says of a return's parcel, which it knows by the return's id."""
    return_id = report.fulfillment_id
    return execute(
        orders,
        order_of(return_id),
        lambda order: decisions.track(
            order, return_id, report.tracking_number, report.status, report.at
        ),
        cause,
    )
