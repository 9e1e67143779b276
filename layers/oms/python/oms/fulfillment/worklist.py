"""The open work of a node. The list comes from a view, what it shows from the orders themselves."""

from dataclasses import dataclass

from oms.kernel.errors import NotFound
from oms.kernel.ids import order_of
from oms.orders.model import Fulfillment, FulfillmentState, Order
from oms.orders.store import Orders
from oms.reporting.waiting import Views, work_of


@dataclass(frozen=True, slots=True)
class Work:
    order: Order
    fulfillment: Fulfillment


@dataclass(frozen=True, slots=True)
class WorkPage:
    """A page may hold less than asked for, and still not be the last."""

    work: tuple[Work, ...]
    cursor: str | None


def open_work(
    node: str,
    state: FulfillmentState | None,
    limit: int,
    cursor: str | None,
    orders: Orders,
    views: Views,
) -> WorkPage:
    """What the node has still to do, oldest order first; only what is in ``state``, if given."""
    page = views.waiting(work_of(node), limit, cursor)
    listed = (view.id for view in page.waiting if state in (None, view.state))
    work = tuple(find(fulfillment_id, orders) for fulfillment_id in listed)
    fresh = tuple(entry for entry in work if state in (None, entry.fulfillment.state))
    return WorkPage(fresh, page.cursor)


def find(fulfillment_id: str, orders: Orders) -> Work:
    """Raises ``NotFound``."""
    order = orders.load(order_of(fulfillment_id))
    fulfillment = order.fulfillment(fulfillment_id)
    if fulfillment is None:
        raise NotFound(f"there is no fulfilment {fulfillment_id}")
    return Work(order, fulfillment)
