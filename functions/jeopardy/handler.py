"""Keeps promises: finds those that break or mend when supply or stock moves, tells their orders,
and gives back what orders that have left or were cancelled had taken.

Environment: ``ORDERS_TABLE``, ``INVENTORY_TABLE``, ``CATALOG_TABLE``, ``DEAD_LETTER_QUEUE_URL``.
"""

from oms.aws import stores
from oms.aws.bus_messages import envelope_of
from oms.aws.dead_letters import DeadLetters, Message, consumer
from oms.aws.observability import correlate, count, logger
from oms.kernel.clock import utc_now
from oms.kernel.events import Cause, Envelope
from oms.promising import keeping
from oms.promising.keeping import Keeper

keeper = Keeper(
    stores.orders(), stores.stock(), stores.catalog(), stores.demand(), stores.promises()
)


def take(message: Message) -> None:
    event = envelope_of(message.body)
    correlate(event.correlation_id)
    cause = Cause(utc_now(), "jeopardy", correlation_id=event.correlation_id)
    endangered = _keep(event, cause)
    logger.info("promises", event_id=event.id, event_type=event.type, endangered=endangered)
    if endangered:
        count("PromisesInJeopardy", endangered)


def _keep(event: Envelope, cause: Cause) -> int:
    """How many promises are in jeopardy by it that were not before, or are for another day."""
    match event.type:
        case "supply_changed":
            return keeping.look_after(_text(event, "sku"), _text(event, "reason"), keeper, cause)
        case "stock_adjusted":
            return keeping.look_after(_text(event, "sku"), _text(event, "movement"), keeper, cause)
        case "order_backordered":
            return keeping.stock_is_lacking(event.subject, "sold_out", keeper, cause)
        case "order_sourced":
            keeping.stock_is_held(event.subject, keeper, cause)
        case "units_routed" | "units_backordered" | "fulfillment_moved":
            return keeping.stock_has_moved(event.subject, keeper, cause)
        case "fulfillment_shipped" | "fulfillment_handed_over":
            keeping.units_left(event.subject, keeper)
        case "address_changed":
            return keeping.address_changed(event.subject, keeper, cause)
        case "units_cancelled":
            keeping.units_cancelled(event.subject, keeper)
        case "order_cancelled":
            keeping.order_cancelled(event.subject, keeper)
    return 0


def _text(event: Envelope, name: str) -> str:
    return str(event.data[name])


handler = consumer(take, DeadLetters.from_environment())
