"""Keeps the lists of what waits: each node's open work, orders that are held up, refunds."""

from oms.aws import stores
from oms.aws.bus_messages import envelope_of
from oms.aws.dead_letters import DeadLetters, Message, consumer
from oms.aws.observability import correlate
from oms.kernel.clock import utc_now
from oms.reporting.waiting import project

# These name one fulfilment, and change others too.
_OF_SEVERAL = ("fulfillment_split", "fulfillments_merged", "fulfillment_moved")


def take(message: Message) -> None:
    event = envelope_of(message.body)
    correlate(event.correlation_id)
    fulfillment_id = str(event.data.get("fulfillment_id", ""))
    if event.type in _OF_SEVERAL:
        fulfillment_id = ""
    refund_id = str(event.data.get("refund_id", ""))
    project(event.subject, fulfillment_id, stores.orders(), stores.views(), utc_now(), refund_id)


handler = consumer(take, DeadLetters.from_environment())
