"""Returns that are not done: those that wait for somebody's yes, for the goods, to be looked at, to
be resolved. The list comes from a view, what it shows from the orders themselves."""

from dataclasses import dataclass
from datetime import datetime

from oms.kernel.clock import rfc3339
from oms.kernel.ids import order_of
from oms.orders.model import Order
from oms.orders.store import Orders
from oms.reporting.waiting import View, Views
from oms.returns.model import Return
from oms.returns.transitions import TRANSITIONS

# After these a return is in another list, or in none.
MOVES = (
    "return_requested",
    "return_approved",
    "return_rejected",
    "return_cancelled",
    "return_received",
    "return_inspected",
    "return_resolved",
)


@dataclass(frozen=True, slots=True)
class OpenReturn:
    order: Order
    found: Return


@dataclass(frozen=True, slots=True)
class OpenReturnPage:
    """Oldest first. A page may hold less than asked for, and still not be the last."""

    returns: tuple[OpenReturn, ...]
    cursor: str | None


def returns_that_are(state: str) -> str:
    """The name of the list of the returns in a state."""
    return f"returns#{state}"


def project_return(
    order_id: str, return_id: str, orders: Orders, views: Views, now: datetime
) -> None:
    """Bring its place in the lists up to date."""
    found = _found(orders.load(order_id), return_id)
    if found is None:
        return
    state = str(found.found.state)
    leads_on = bool(TRANSITIONS.get(found.found.state))
    views.put(
        View(
            id=return_id,
            list=returns_that_are(state) if leads_on else "",
            since=rfc3339(found.found.requested_at),
            state=state,
            version=found.order.version,
        ),
        now,
    )


def list_returns(
    state: str, limit: int, cursor: str | None, orders: Orders, views: Views
) -> OpenReturnPage:
    page = views.waiting(returns_that_are(state), limit, cursor)
    listed = (_found(orders.load(order_of(view.id)), view.id) for view in page.waiting)
    fresh = tuple(one for one in listed if one and one.found.state == state)
    return OpenReturnPage(fresh, page.cursor)


def _found(order: Order, return_id: str) -> OpenReturn | None:
    found = next((one for one in order.progress.returns if one.id == return_id), None)
    return OpenReturn(order, found) if found else None
