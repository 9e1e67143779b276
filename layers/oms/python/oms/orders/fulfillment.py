"""Releasing the work to the nodes, the nodes' steps, and taking the work back."""

from collections.abc import Callable
from functools import partial

from oms.inventory.model import Need
from oms.inventory.store import Stock
from oms.kernel.events import Cause
from oms.kernel.ids import order_of
from oms.kernel.writes import Write
from oms.orders import decisions
from oms.orders.command import execute
from oms.orders.decisions import Events
from oms.orders.model import Allocation, Fulfillment, Order
from oms.orders.needs import needs_of
from oms.orders.store import Orders

NODE_STEPS: dict[str, Callable[[Order, str], Events]] = {
    "accept": decisions.accept,
    "pick": decisions.pick,
    "pack": decisions.pack,
    "deliver": decisions.deliver,
}


def release(order_id: str, orders: Orders, cause: Cause) -> Order:
    """Raises ``OrderCancelRequested``."""
    return execute(orders, order_id, decisions.release, cause)


def withdraw(order_id: str, orders: Orders, cause: Cause) -> Order:
    """Take back the work that has not left its node; its stock stays reserved."""
    return execute(orders, order_id, decisions.withdraw, cause)


def advance(fulfillment_id: str, step: str, orders: Orders, cause: Cause) -> Order:
    """One of ``NODE_STEPS``. Raises ``NotFound``, and ``Conflict`` when it is not the next one."""
    decide = NODE_STEPS[step]
    return execute(
        orders, order_of(fulfillment_id), lambda order: decide(order, fulfillment_id), cause
    )


def ship(
    fulfillment_id: str,
    carrier: str,
    tracking_number: str,
    orders: Orders,
    stock: Stock,
    cause: Cause,
) -> Order:
    """The parcel leaves: its units leave the node's stock in the same transaction."""
    return execute(
        orders,
        order_of(fulfillment_id),
        lambda order: decisions.ship(order, fulfillment_id, carrier, tracking_number),
        cause,
        also=partial(_ship_stock, fulfillment_id, stock, cause),
    )


def _ship_stock(fulfillment_id: str, stock: Stock, cause: Cause, order: Order) -> list[Write]:
    fulfillment = order.fulfillment(fulfillment_id)
    assert fulfillment is not None
    return stock.ship(_needs(order, fulfillment), order.order_id, cause)


def _needs(order: Order, fulfillment: Fulfillment) -> list[Need]:
    return needs_of(
        Allocation(
            line.line_id, order.content.line(line.line_id).sku, fulfillment.node, line.quantity
        )
        for line in fulfillment.lines
    )
