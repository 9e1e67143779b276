"""Load, decide, commit: how every command on an order is carried out."""

from collections.abc import Callable, Sequence

from oms.kernel.errors import VersionConflict
from oms.kernel.events import Cause
from oms.kernel.writes import Write
from oms.orders.events import Event
from oms.orders.model import Order
from oms.orders.store import Orders

ATTEMPTS = 5

Decide = Callable[[Order], Sequence[Event]]
Alongside = Callable[[Order], Sequence[Write]]


def _nothing_else(_: Order) -> Sequence[Write]:
    return ()


def execute(
    orders: Orders,
    order_id: str,
    decide: Decide,
    cause: Cause,
    also: Alongside = _nothing_else,
) -> Order:
    """The order after the command. When another command wins the race, decide again on what it
    left behind; after ``ATTEMPTS`` lost races ``VersionConflict`` goes to the caller."""
    for attempt in range(1, ATTEMPTS + 1):
        order = orders.load(order_id)
        events = decide(order)
        if not events:
            return order
        try:
            return orders.commit(order, events, cause, also(order))
        except VersionConflict:
            if attempt == ATTEMPTS:
                raise
    raise AssertionError("unreachable")
