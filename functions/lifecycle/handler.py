"""Starts an order's lifecycle when it was captured, and wakes it when what it waits for happened.

Starts come through a queue of their own whose concurrency is bounded, so that a burst of orders
cannot exceed the account's quota of new executions, nor hold up the orders that are under way.
"""

import os

from oms.aws import stores
from oms.aws.bus_messages import envelope_of
from oms.aws.clients import stepfunctions
from oms.aws.dead_letters import DeadLetters, Message, consumer
from oms.aws.lifecycle import StateMachine
from oms.aws.observability import correlate
from oms.aws.queues import Queue
from oms.kernel.clock import utc_now
from oms.kernel.events import Envelope
from oms.orders.supervision import restart, signal, wake_for_components, wake_for_stock

lifecycle = StateMachine(
    stepfunctions, Queue(os.environ["REROUTES_QUEUE_URL"]), os.environ["STATE_MACHINE_ARN"]
)

_ABOUT = {
    "payment_authorized": "payment",
    "payment_declined": "payment",
    "payment_captured": "payment",
    "payment_collected": "payment",
    "capture_failed": "payment",
    "fulfillment_delivered": "fulfillment",
    "units_cancelled": "units",
    "fulfillment_handed_over": "fulfillment",
    "cancel_requested": "cancel",
    "reservation_taken_back": "taken_back",
    "routing_resolved": "stock",
}


def take(message: Message) -> None:
    event = envelope_of(message.body)
    correlate(event.correlation_id)
    if event.type == "order_captured":
        _start(event)
    elif event.type == "lifecycle_resumed":
        restart(event.subject, event.version, event.correlation_id, stores.orders(), lifecycle)
    elif event.data.get("action") != "backorder":  # A person has decided that it waits.
        if about := _ABOUT.get(event.type):
            signal(event.subject, about, stores.orders(), stores.orders(), lifecycle)
        for sku in _skus(event):
            _wake(sku)


def _start(event: Envelope) -> None:
    if not event.data.get("fulfilled_by_channel"):
        lifecycle.start(event.subject, event.correlation_id)


def _wake(sku: str) -> None:
    orders = stores.orders()
    wake_for_stock(sku, orders, orders, stores.stock(), stores.catalog(), lifecycle, utc_now())
    made = stores.catalog_store().made_with(sku)
    wake_for_components(made, orders, orders, stores.stock(), lifecycle)


def _skus(event: Envelope) -> list[str]:
    """The SKUs of which there may be more now; none when the event is not about stock."""
    if event.type in ("stock_received", "stock_adjusted"):
        return [str(event.data["sku"])]
    released = event.data.get("skus")
    return [str(sku) for sku in released] if isinstance(released, list) else []


handler = consumer(take, DeadLetters.from_environment())
