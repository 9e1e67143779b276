"""Every work queue: who takes its messages, and which events of the bus are put into it."""

from dataclasses import dataclass

_TOLD_OUTSIDE = (
    "order_captured",
    "fulfillment_shipped",
    "fulfillment_delivered",
    "fulfillment_ready",
    "fulfillment_uncollected",
    "reservation_taken_back",
    "order_cancelled",
    "units_cancelled",
    "address_changed",
    "refund_completed",
    "promise_in_jeopardy",
    "promise_restored",
    "return_approved",
    "return_rejected",
    "return_received",
)


@dataclass(frozen=True, slots=True)
class QueuePlan:
    """``consumer`` is a function; at most ``max_concurrency`` of its invocations run at once.

    ``reported_types`` are put into it only when somebody outside reported them by webhook,
    ``promised_types`` only of orders with a promise, ``drop_ship_types`` only when a supplier
    sends what they are about: the others cost nothing here. A message is dead after
    ``max_receives``. ``batch_size`` is what the consumer surely gets through within its timeout
    when every message takes as long as it may. An ``ordered`` queue is FIFO. A message is hidden
    for ``delay`` seconds before its first delivery.
    """

    name: str
    consumer: str
    event_types: tuple[str, ...]
    reported_types: tuple[str, ...] = ()
    promised_types: tuple[str, ...] = ()
    drop_ship_types: tuple[str, ...] = ()
    max_concurrency: int | None = None
    batch_size: int = 10
    max_receives: int = 5
    ordered: bool = False
    delay: int = 0


QUEUES = (
    # Filled by the webhooks function alone. What only tells that a payment changed has its provider
    # asked, for up to 6.5 seconds.
    QueuePlan("inbox", "inbox", (), batch_size=4),
    # Starts are paced, so that a burst waits in the queue instead of being refused. StartExecution
    # of a STANDARD machine may be called 150 times a second in most regions (300 in the largest
    # three). One invocation makes its calls one after another, some 30 ms each: 33 a second; four
    # at once make 133, which leaves room for executions that are started by hand.
    QueuePlan("starts", "lifecycle", ("order_captured", "lifecycle_resumed"), max_concurrency=4),
    # The last of a function's queues is the one whose dead-letter queue it is told of. A start that
    # is given up is found there too, and can be sent back there: what is done with a message goes
    # by its type, not by its queue.
    QueuePlan(
        "signals",
        "lifecycle",
        (
            "fulfillment_delivered",
            "fulfillment_handed_over",
            "fulfillment_uncollected",
            "cancel_requested",
            "stock_received",
            "stock_adjusted",
            "selling_policy_changed",
            "shares_changed",
            "backorder_released",
            "units_cancelled",
            "reservation_taken_back",
            "reservation_released",
            "fulfillment_rejected",
            "fulfillment_moved",
            "address_changed",
            "routing_resolved",
            "node_reopened",
            "payment_collected",
        ),
        # What a step of the lifecycle did itself it need not be woken for.
        reported_types=(
            "payment_authorized",
            "payment_declined",
            "payment_captured",
            "capture_failed",
        ),
    ),
    QueuePlan("notifications", "notifications", _TOLD_OUTSIDE, batch_size=4),
    # A channel may be down for a while: with the pauses of oms/aws/backoff.py between them, ten
    # attempts take half an hour to an hour.
    QueuePlan(
        "callbacks",
        "callbacks",
        (
            *_TOLD_OUTSIDE,
            "units_backordered",
            "fulfillment_handed_over",
            "purchase_order_sent",
            "purchase_order_changed",
            "purchase_order_cancelled",
            "item_sold_out",
            "item_back_in_stock",
            "return_rate_high",
            "return_resolved",
        ),
        batch_size=1,
        max_receives=10,
    ),
    # Filled by the relay, and by its consumer. It coalesces: oms/aws/availability_queue.py says
    # how, and why the delay is longer than a window, by more than clocks differ. One message at a
    # time: those behind one that fails stay in the queue and use up none of their own attempts.
    # Six of them take three to five minutes: a group that waits for longer piles up what nobody
    # needs any more.
    QueuePlan(
        "availability",
        "availability",
        (),
        batch_size=1,
        max_receives=6,
        ordered=True,
        delay=7,
    ),
    # A provider may be down for a while, as a channel may. One message may be about several parts,
    # and each is asked for up to 14 seconds.
    QueuePlan(
        "refunds",
        "refunds",
        (
            "refund_requested",
            "refund_retried",
            "void_requested",
            "capture_requested",
            "payment_added",
        ),
        batch_size=1,
        max_receives=10,
    ),
    QueuePlan(
        "reorders",
        "replenishment",
        ("stock_low", "node_sold_out", "node_back_in_stock"),
        drop_ship_types=(
            "order_released",
            "units_routed",
            "fulfillment_withdrawn",
            "fulfillment_rejected",
            "fulfillment_reduced",
            "fulfillment_split",
            "fulfillments_merged",
            "fulfillment_moved",
            "address_changed",
        ),
    ),
    # One message may be about a supply that hundreds of promises rest on. Ten attempts tell some
    # thousands, see CHANGED_AT_ONCE in oms/promising/keeping.py.
    QueuePlan(
        "promises",
        "jeopardy",
        ("supply_changed", "stock_adjusted"),
        promised_types=(
            "order_sourced",
            "order_backordered",
            "units_routed",
            "units_backordered",
            "fulfillment_moved",
            "fulfillment_shipped",
            "fulfillment_handed_over",
            "order_cancelled",
            "units_cancelled",
            "address_changed",
        ),
        batch_size=1,
        max_receives=10,
    ),
    # The lifecycle asks too: for orders whose rest waited for stock that is there now.
    QueuePlan(
        "reroutes",
        "rerouting",
        ("fulfillment_rejected", "fulfillment_came_back", "routing_resolved", "address_changed"),
        batch_size=4,
    ),
    QueuePlan(
        "projections",
        "projections",
        (
            "order_released",
            "fulfillment_accepted",
            "fulfillment_picked",
            "fulfillment_packed",
            "fulfillment_shipped",
            "fulfillment_withdrawn",
            "fulfillment_reduced",
            "fulfillment_ready",
            "fulfillment_handed_over",
            "fulfillment_uncollected",
            "fulfillment_rejected",
            "fulfillment_split",
            "fulfillments_merged",
            "fulfillment_moved",
            "units_routed",
            "units_backordered",
            "units_cancelled",
            "routing_failed",
            "routing_resolved",
            "fulfillment_overdue",
            "delivery_failed",
            "delivery_recovered",
            "fulfillment_came_back",
            "order_backordered",
            "payment_pending",
            "payment_failed",
            "payment_resolved",
            "order_cancelled",
            "lifecycle_resumed",
            "exception_raised",
            "promise_in_jeopardy",
            "promise_restored",
            "promise_moved",
            "payment_captured",
            "capture_failed",
            "payment_collected",
            "payment_refunded",
            "charged_back",
            "charge_back_reversed",
            "refund_reversed",
            "refund_requested",
            "refund_retried",
            "refund_failed",
            "refund_completed",
            "fulfillment_delivered",
            "return_requested",
            "return_approved",
            "return_rejected",
            "return_cancelled",
            "return_received",
            "return_inspected",
            "return_resolved",
        ),
    ),
)
