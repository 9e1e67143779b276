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
Plan = Callable[[Order], tuple[Sequence[Event], Sequence[Write]]]


def _nothing_else(_: Order) -> Sequence[Write]:
    return ()


def execute(
    orders: Orders,
    order_id: str,
    decide: Decide,
    cause: Cause,
    also: Alongside = _nothing_else,
    attempts: int = ATTEMPTS,
) -> Order:
    """The order after the command. When another command wins the race, decide again on what it
    left behind; after so many lost races ``VersionConflict`` goes to the caller."""
    return execute_on(orders, orders.load(order_id), decide, cause, also, attempts)


def execute_on(
    orders: Orders,
    loaded: Order,
    decide: Decide,
    cause: Cause,
    also: Alongside = _nothing_else,
    attempts: int = ATTEMPTS,
) -> Order:
    """``execute`` for an order that was loaded before."""
    order = loaded
    for attempt in range(1, attempts + 1):
        events = decide(order)
        if not events:
            return order
        try:
            return orders.commit(order, events, cause, also(order))
        except VersionConflict:
            if attempt == attempts:
                raise
            order = orders.load(order.order_id)
    raise AssertionError("unreachable")


def execute_plan(orders: Orders, order_id: str, plan: Plan, cause: Cause) -> Order:
    """``execute`` for what is decided from more than the order, such as from stock: events and
    writes come of one look at it, and never say different things."""
    made: dict[int, tuple[Sequence[Event], Sequence[Write]]] = {}

    def of(order: Order) -> tuple[Sequence[Event], Sequence[Write]]:
        if order.version not in made:
            made[order.version] = plan(order)
        return made[order.version]

    return execute(orders, order_id, lambda order: of(order)[0], cause, lambda order: of(order)[1])
