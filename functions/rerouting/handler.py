"""Routes again what no node has of released orders: what a node said no to, what came with stock,
what a person sent on its way again, what goes to another address.

Environment: ``ORDERS_TABLE``, ``INVENTORY_TABLE``, ``CATALOG_TABLE``, ``DEAD_LETTER_QUEUE_URL``.
"""

from oms.aws import stores
from oms.aws.bus_messages import envelope_of
from oms.aws.dead_letters import DeadLetters, Message, consumer
from oms.aws.observability import correlate, logger
from oms.kernel.clock import utc_now
from oms.kernel.events import Cause
from oms.orders.exceptions import BACKORDER
from oms.orders.rerouting import Router, reroute

router = Router(stores.orders(), stores.stock(), stores.catalog(), stores.sourcing_policies())


def take(message: Message) -> None:
    event = envelope_of(message.body)
    correlate(event.correlation_id)
    if event.data.get("action") == BACKORDER:
        return  # A person has decided that it waits.
    cause = Cause(utc_now(), "rerouting", correlation_id=event.correlation_id)
    order = reroute(event.subject, router, cause)
    logger.info("rerouted", event_id=event.id, event_type=event.type, status=order.status)


handler = consumer(take, DeadLetters.from_environment())
