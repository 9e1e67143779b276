"""Releasing the work to the nodes, the nodes' steps, and taking the work back."""

from collections.abc import Callable, Sequence

from oms.inventory.store import Stock
from oms.kernel.errors import Conflict
from oms.kernel.events import Cause
from oms.kernel.ids import order_of
from oms.kernel.writes import Write
from oms.orders import decisions, slots, taking
from oms.orders.command import execute
from oms.orders.decisions import Events, find_fulfillment
from oms.orders.model import Allocation, Order
from oms.orders.needs import needs_of
from oms.orders.store import Orders
from oms.orders.taking_back import let_go
from oms.orders.units import allocations_of
from oms.routing.capacity import Capacity

NODE_STEPS: dict[str, Callable[[Order, str], Events]] = {
    "accept": decisions.accept,
    "pick": decisions.pick,
    "pack": decisions.pack,
    "deliver": decisions.deliver,
}


def release(order_id: str, orders: Orders, cause: Cause) -> Order:
    """Raises ``OrderCancelRequested``."""
    return execute(orders, order_id, decisions.release, cause)


def withdraw(order_id: str, orders: Orders, capacity: Capacity, cause: Cause) -> Order:
    """Take back the work that has not left its node; its stock stays reserved, while the node has
    room for other work again."""
    return execute(
        orders,
        order_id,
        decisions.withdraw,
        cause,
        also=lambda order: slots.given_back(order, decisions.withdraw(order), capacity),
    )


def advance(fulfillment_id: str, step: str, orders: Orders, cause: Cause) -> Order:
    """One of ``NODE_STEPS``. Raises ``NotFound``, and ``Conflict`` when it is not the next one, or
    when a supplier is to say so (``drop_shipped``)."""

    def decide(order: Order) -> Events:
        if step != "deliver":
            _refuse_what_is_drop_shipped(order, fulfillment_id)
        return NODE_STEPS[step](order, fulfillment_id)

    return execute(orders, order_of(fulfillment_id), decide, cause)


def accept(fulfillment_id: str, orders: Orders, stock: Stock, cause: Cause) -> Order:
    """The node begins: from now on nothing is taken back from the order."""

    def decide(order: Order) -> Events:
        _refuse_what_is_drop_shipped(order, fulfillment_id)
        return decisions.accept(order, fulfillment_id)

    return execute(
        orders,
        order_of(fulfillment_id),
        decide,
        cause,
        also=lambda order: let_go(order, _allocations(order, fulfillment_id), stock),
    )


def ship(
    fulfillment_id: str,
    carrier: str,
    tracking_number: str,
    orders: Orders,
    stock: Stock,
    cause: Cause,
    with_it: Sequence[Write] = (),
    *,
    quiet: bool = False,
) -> Order:
    """The parcel leaves: its units leave the node's stock in the same transaction, and ``with_it``
    is written too. ``quiet``: the customer is not told."""

    def decide(order: Order) -> Events:
        _refuse_what_is_drop_shipped(order, fulfillment_id)
        shipped = decisions.ship(order, fulfillment_id, carrier, tracking_number, quiet=quiet)
        return taking.with_captures(order, shipped)

    return execute(
        orders,
        order_of(fulfillment_id),
        decide,
        cause,
        also=lambda order: (*_ship_stock(fulfillment_id, stock, cause, order), *with_it),
    )


def _refuse_what_is_drop_shipped(order: Order, fulfillment_id: str) -> None:
    """A supplier says what becomes of it in its purchase order: else that would never hear."""
    if find_fulfillment(order, fulfillment_id).drop_ship:
        raise Conflict(
            "its supplier confirms it and announces the parcel, in the purchase order of this id",
            code="drop_shipped",
        )


def _ship_stock(fulfillment_id: str, stock: Stock, cause: Cause, order: Order) -> list[Write]:
    return stock.ship(needs_of(_allocations(order, fulfillment_id)), order.order_id, cause)


def _allocations(order: Order, fulfillment_id: str) -> tuple[Allocation, ...]:
    fulfillment = order.fulfillment(fulfillment_id)
    assert fulfillment is not None
    return allocations_of(order, fulfillment)
