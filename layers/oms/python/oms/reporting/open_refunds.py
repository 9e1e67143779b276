"""Refunds that are on their way or failed, as lists of views of orders."""

from dataclasses import dataclass
from typing import Protocol

from oms.kernel.errors import NotFound
from oms.kernel.ids import order_of
from oms.orders.model import Order, Refund
from oms.reporting.waiting import Views, refunds_that_are


@dataclass(frozen=True, slots=True)
class OpenRefunds:
    """Each with its order, and since when that is there."""

    refunds: tuple[tuple[Order, Refund, str], ...]
    cursor: str | None


class LoadsOrders(Protocol):
    def load(self, order_id: str) -> Order: ...


def list_refunds(
    state: str, limit: int, cursor: str | None, orders: LoadsOrders, views: Views
) -> OpenRefunds:
    """Oldest order first; a refund that moved on since it was listed is left out."""
    page = views.waiting(refunds_that_are(state), limit, cursor)
    found = []
    for waiting in page.waiting:
        refund = _refund(waiting.id, orders)
        if refund and refund[1].state == state:
            found.append((*refund, waiting.since))
    return OpenRefunds(tuple(found), page.cursor)


def _refund(refund_id: str, orders: LoadsOrders) -> tuple[Order, Refund] | None:
    try:
        order = orders.load(order_of(refund_id))
    except NotFound:
        return None
    refund = order.refund(refund_id)
    return (order, refund) if refund else None
