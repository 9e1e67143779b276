"""The orders whose promise is in jeopardy: the list comes from a view, what it shows from the
orders themselves."""

from oms.orders.listing import Page
from oms.orders.store import Orders
from oms.promising.severity import Severity
from oms.reporting.waiting import Views, jeopardies, order_of_jeopardy, worst_of


def in_jeopardy(
    severity: Severity, limit: int, cursor: str | None, orders: Orders, views: Views
) -> Page:
    """Those whose worst line is in jeopardy by so much, the first promised day first."""
    page = views.waiting(jeopardies(severity), limit, cursor)
    listed = (orders.load(order_of_jeopardy(view.id)) for view in page.waiting)
    fresh = tuple(order for order in listed if worst_of(order.progress.outlooks) is severity)
    return Page(fresh, page.cursor)
