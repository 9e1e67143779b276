"""Every work queue: who takes its messages, and which events of the bus are put into it."""

from dataclasses import dataclass

_TOLD_OUTSIDE = (
    "order_captured",
    "fulfillment_shipped",
    "fulfillment_delivered",
    "order_cancelled",
    "payment_refunded",
)


@dataclass(frozen=True, slots=True)
class QueuePlan:
    """``consumer`` is a function; at most ``max_concurrency`` of its invocations run at once."""

    name: str
    consumer: str
    event_types: tuple[str, ...]
    max_concurrency: int | None = None


QUEUES = (
    # Filled by the webhooks function alone.
    QueuePlan("inbox", "inbox", ()),
    # Starts are paced, so that a burst waits in the queue instead of being refused. StartExecution
    # of a STANDARD machine may be called 150 times a second in most regions (300 in the largest
    # three). One invocation makes its calls one after another, some 30 ms each: 33 a second; four
    # at once make 133, which leaves room for executions that are started by hand.
    QueuePlan("starts", "lifecycle", ("order_captured", "lifecycle_resumed"), max_concurrency=4),
    QueuePlan(
        "signals",
        "lifecycle",
        (
            "payment_authorized",
            "payment_declined",
            "payment_captured",
            "fulfillment_delivered",
            "cancel_requested",
            "stock_received",
            "stock_adjusted",
            "reservation_released",
        ),
    ),
    QueuePlan("notifications", "notifications", _TOLD_OUTSIDE),
    QueuePlan("callbacks", "callbacks", _TOLD_OUTSIDE),
    QueuePlan("refunds", "refunds", ("refund_requested", "void_requested")),
    QueuePlan(
        "projections",
        "projections",
        (
            "order_released",
            "fulfillment_accepted",
            "fulfillment_picked",
            "fulfillment_packed",
            "fulfillment_shipped",
            "fulfillment_delivered",
            "fulfillment_withdrawn",
            "fulfillment_overdue",
            "order_backordered",
            "order_sourced",
            "payment_pending",
            "payment_authorized",
            "payment_declined",
            "order_cancelled",
            "exception_raised",
        ),
    ),
)
