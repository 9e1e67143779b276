"""What waits, and since when: the work of each node, the orders that are held up, and those whose
promise is in jeopardy.

All are views of orders. A view is made anew from the order's present state whenever something
happened to it, under the order's version, so that events may come twice, late or out of order.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time
from typing import Protocol

from oms.kernel.clock import rfc3339
from oms.orders.model import Fulfillment, FulfillmentState, Method, Order, Outlook, State
from oms.orders.store import Orders
from oms.promising.severity import THRESHOLDS, Severity

HELD_UP = "orders"
EXCEPTIONS = "exceptions"

_AT_THE_NODE = (
    FulfillmentState.OPEN,
    FulfillmentState.ACCEPTED,
    FulfillmentState.PICKED,
    FulfillmentState.PACKED,
)
_HAVE_LEFT = (State.SHIPPED, State.DELIVERED, State.COMPLETED, State.CANCELLED)
_HELD_UP_STATUS = ("backordered", "exception", "overdue", "undelivered", "unroutable")


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


def exceptions_of(node: str) -> str:
    """The name of the list of the orders that a person must decide on and that have to do with a
    node; of all of them without one."""
    return f"{EXCEPTIONS}#{node}" if node else EXCEPTIONS


def order_of_exception(view_id: str) -> str:
    return view_id.split("#")[1]


def jeopardies(severity: Severity) -> str:
    """The name of the list of the orders whose worst line is in jeopardy by so much; the one whose
    promised day is the first comes first."""
    return f"jeopardy#{severity}"


def refunds_that_are(state: str) -> str:
    """The name of the list of the refunds in a state: ``requested`` or ``failed``."""
    return f"refunds#{state}"


def project(
    order_id: str,
    fulfillment_id: str,
    orders: Orders,
    views: Views,
    now: datetime,
    refund_id: str = "",
) -> None:
    """Bring the views up to date after an event; ``fulfillment_id`` and ``refund_id`` are empty
    unless the event is about one."""
    order = orders.load(order_id)
    found = _refund_views(order, refund_id) if refund_id else _views(order, fulfillment_id)
    for view in found:
        views.put(view, now)


def _views(order: Order, fulfillment_id: str) -> Sequence[View]:
    work = [
        _work_view(order, fulfillment)
        for fulfillment in order.progress.fulfillments
        if fulfillment_id in ("", fulfillment.id)
    ]
    views = [*work, _held_up_view(order)] if _was_held_up(order) else work
    if order.progress.exceptions:
        views += _exception_views(order)
    return [*views, _jeopardy_view(order)] if order.progress.outlooks else views


def _work_view(order: Order, fulfillment: Fulfillment) -> View:
    node = _works_on_it(fulfillment)
    return View(
        id=fulfillment.id,
        list=work_of(node) if node else "",
        since=rfc3339(order.content.captured_at),
        state=fulfillment.state,
        version=order.version,
    )


def _works_on_it(fulfillment: Fulfillment) -> str:
    """The node that has to do something next: the one that ships or, once it is on its way to a
    store or lies ready there, the one that hands it over."""
    if fulfillment.state in _AT_THE_NODE:
        return fulfillment.node
    comes = fulfillment.state is FulfillmentState.SHIPPED
    if comes and fulfillment.method is Method.SHIP_TO_STORE:
        return fulfillment.hand_over_at
    if fulfillment.state is FulfillmentState.READY:
        return fulfillment.hand_over_at or fulfillment.node
    return ""


def _refund_views(order: Order, refund_id: str) -> Sequence[View]:
    """It leaves its list when the money arrived. What a provider gave back by itself has none."""
    state = order.refund_state(refund_id)
    if not state:
        return ()
    return [
        View(
            id=refund_id,
            list="" if state == "refunded" else refunds_that_are(state),
            since=rfc3339(order.content.captured_at),
            state=state,
            version=order.version,
        )
    ]


def _held_up_view(order: Order) -> View:
    waits = _is_held_up(order)
    return View(
        id=order.order_id,
        list=HELD_UP if waits else "",
        since=rfc3339(order.content.captured_at),
        state=order.status if waits else order.state,
        version=order.version,
    )


def _exception_views(order: Order) -> list[View]:
    """In the list of all that a person must decide, and in those of the nodes that have to do with
    it: those that said no, and those with its work."""
    waits = needs_a_person(order)
    return [
        View(
            id=f"exception#{order.order_id}#{node}",
            list=exceptions_of(node) if waits else "",
            since=rfc3339(order.content.captured_at),
            state=order.status,
            version=order.version,
        )
        for node in ("", *sorted(nodes_of(order)))
    ]


def nodes_of(order: Order) -> set[str]:
    """Those that have to do with an order: that said no to some of it, or were given work of it."""
    nodes = {one.node for one in order.progress.rejections}
    for part in order.progress.fulfillments:
        nodes |= {part.node, part.hand_over_at or part.node}
    return nodes


def needs_a_person(order: Order) -> bool:
    """Whether an order stands still until a person decides: its lifecycle stumbled, no node is left
    for some of it, a parcel of it does not arrive, or what is due cannot be taken."""
    if order.state is State.CANCELLED or order.cancel_requested:
        return bool(order.progress.exception)
    if order.state is State.COMPLETED:
        return bool(order.progress.exception or order.progress.unpaid)
    lost = any(part.is_lost for part in order.live_fulfillments)
    progress = order.progress
    return bool(progress.exception or progress.unroutable or progress.unpaid or lost)


def _jeopardy_view(order: Order) -> View:
    """An order that has left, or is closed, is in jeopardy no more."""
    promise = order.content.promise
    assert promise is not None
    worst = None if order.state in _HAVE_LEFT else worst_of(order.progress.outlooks)
    return View(
        id=f"promise#{order.order_id}",
        list=jeopardies(worst) if worst else "",
        since=rfc3339(datetime.combine(promise.arrive_by, time(), UTC)),
        state=worst or "kept",
        version=order.version,
    )


def worst_of(outlooks: Sequence[Outlook]) -> Severity | None:
    told = {outlook.severity for outlook in outlooks}
    return next((severity for _, severity in THRESHOLDS if severity in told), None)


def order_of_jeopardy(view_id: str) -> str:
    return view_id.removeprefix("promise#")


def _is_held_up(order: Order) -> bool:
    return order.status in _HELD_UP_STATUS or order.status.startswith("awaiting_")


def _was_held_up(order: Order) -> bool:
    """Orders that were never held up have no view of their own, and cost no write."""
    return order.progress.holdups > 0 or order.state is State.CANCELLED
