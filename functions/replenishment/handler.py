"""Suggests orders to suppliers, tells what is late and what is sold out.

On a queue: stock ran low or out at a node, or came back; work that a supplier drop-ships was given
or taken away. On a schedule: everything else, from where
the last run stopped; a run ends in time, the next goes on.
"""

from typing import Any

from oms.aws import stores
from oms.aws.bus_messages import envelope_of
from oms.aws.dead_letters import DeadLetters, Message, consumer
from oms.aws.observability import correlate, count, logger, observed
from oms.kernel.clock import utc_now
from oms.kernel.errors import OmsError
from oms.kernel.events import Cause, Envelope
from oms.purchasing import purchasing, replenishment, sold_out
from oms.purchasing.reorder import Settings

DROP_SHIPPING = (
    "order_released",
    "units_routed",
    "fulfillment_withdrawn",
    "fulfillment_rejected",
    "fulfillment_reduced",
    "fulfillment_split",
    "fulfillments_merged",
    "fulfillment_moved",
    "address_changed",
)

# What one look takes at the most, and then some.
_RESERVE_MILLISECONDS = 8_000


def take(message: Message) -> None:
    event = envelope_of(message.body)
    correlate(event.correlation_id)
    if event.type in DROP_SHIPPING:
        _tell_supplier(event)
        return
    sku, node = str(event.data["sku"]), str(event.data["node"])
    now = utc_now()
    if event.type != "stock_low":
        told = sold_out.look(sku, stores.stock(), stores.replenishment(), now)
        logger.info("sold out or not", sku=sku, told=told)
        if told == "item_sold_out":
            count("ItemsSoldOut")
    settings = stores.replenishment().find(sku, node)
    if settings is not None and event.type != "node_back_in_stock":
        _review(settings, Cause(now, "replenishment", event.type, event.correlation_id))


def _tell_supplier(event: Envelope) -> None:
    # Read for what is drop-shipped alone: the others need no orders.
    from oms.purchasing.drop_shipping import Desk, follow

    desk = Desk(stores.orders(), stores.stock(), stores.purchases())
    cause = Cause(utc_now(), "drop_shipping", event.type, event.correlation_id)
    written = follow(event.subject, desk, cause)
    logger.info("drop-shipping", order_id=event.subject, purchase_orders=written)


def run(event: dict[str, Any], context: Any) -> None:
    def may_go_on() -> bool:
        return int(context.get_remaining_time_in_millis()) > _RESERVE_MILLISECONDS

    cause = Cause(utc_now(), "replenishment", "review")
    late = replenishment.tell_late(
        stores.purchases(), cause.at, lambda order_id: _tell_late(order_id, cause), may_go_on
    )
    done = replenishment.review_all(
        stores.replenishment(), lambda settings: _look(settings, cause), may_go_on
    )
    logger.info("reviewed", late_orders=late, all=done)


def _tell_late(order_id: str, cause: Cause) -> bool:
    try:
        purchasing.tell_late(order_id, stores.purchases(), stores.stock(), cause)
    except OmsError as error:
        logger.error("not told to be late", purchase_order=order_id, reason=error.problem_code)
        return False
    return True


def _look(settings: Settings, cause: Cause) -> None:
    """One that is refused does not keep the others from being looked at."""
    try:
        _review(settings, cause)
    except OmsError as error:
        logger.error(
            "not reviewed", sku=settings.sku, node=settings.node, reason=error.problem_code
        )


def _review(settings: Settings, cause: Cause) -> None:
    suggested = replenishment.review(
        settings, stores.replenishment(), stores.purchases(), stores.stock(), stores.stock(), cause
    )
    if suggested is not None:
        logger.info("suggested", purchase_order=suggested.id, sku=settings.sku)


_consume = consumer(take, DeadLetters.from_environment())
_run = observed(run)


def handler(event: dict[str, Any], context: Any) -> Any:
    """A batch of messages, or the schedule's call."""
    return (_consume if "Records" in event else _run)(event, context)
