"""What waits, and since when: the work of each node, and the orders that are held up.

Both are views of orders. A view is made anew from the order's present state whenever something
happened to it, under the order's version, so that events may come twice, late or out of order.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from oms.kernel.clock import rfc3339
from oms.orders.model import Fulfillment, FulfillmentState, Order, State
from oms.orders.store import Orders

HELD_UP = "orders"

_AT_THE_NODE = (
    FulfillmentState.OPEN,
    FulfillmentState.ACCEPTED,
    FulfillmentState.PICKED,
    FulfillmentState.PACKED,
)
_HELD_UP_STATUS = ("backordered", "exception", "overdue")


@dataclass(frozen=True, slots=True)
class View:
    """``list`` names the list it stands in; empty when it waits no more."""

    id: str
    list: str
    since: str
    state: str
    version: int


@dataclass(frozen=True, slots=True)
class Waiting:
    id: str
    since: str
    state: str


@dataclass(frozen=True, slots=True)
class WaitingPage:
    """Oldest first."""

    waiting: tuple[Waiting, ...]
    cursor: str | None


class Views(Protocol):
    def put(self, view: View, now: datetime) -> None:
        """Write the view unless a later version of it is there."""

    def waiting(self, list_name: str, limit: int, cursor: str | None) -> WaitingPage: ...


def work_of(node: str) -> str:
    """The name of the list of a node's open work."""
    return f"node#{node}"


def project(
    order_id: str, fulfillment_id: str, orders: Orders, views: Views, now: datetime
) -> None:
    """Bring the views up to date after an event; ``fulfillment_id`` is empty unless the event is
    about one."""
    order = orders.load(order_id)
    for view in _views(order, fulfillment_id):
        views.put(view, now)


def _views(order: Order, fulfillment_id: str) -> Sequence[View]:
    work = [
        _work_view(order, fulfillment)
        for fulfillment in order.progress.fulfillments
        if fulfillment_id in ("", fulfillment.id)
    ]
    return [*work, _held_up_view(order)] if _was_held_up(order) else work


def _work_view(order: Order, fulfillment: Fulfillment) -> View:
    waits = fulfillment.state in _AT_THE_NODE
    return View(
        id=fulfillment.id,
        list=work_of(fulfillment.node) if waits else "",
        since=rfc3339(order.content.captured_at),
        state=fulfillment.state,
        version=order.version,
    )


def _held_up_view(order: Order) -> View:
    waits = _is_held_up(order)
    return View(
        id=order.order_id,
        list=HELD_UP if waits else "",
        since=rfc3339(order.content.captured_at),
        state=order.status if waits else order.state,
        version=order.version,
    )


def _is_held_up(order: Order) -> bool:
    return order.status in _HELD_UP_STATUS or order.status.startswith("awaiting_")


def _was_held_up(order: Order) -> bool:
    """Orders that were never held up have no view of their own, and cost no write."""
    return order.progress.holdups > 0 or order.state is State.CANCELLED
