"""Keeps the read models: each node's open work, the orders that are held up, the refunds that have
not arrived, the returns that are not done; what moved at each payment provider; how much of what is
delivered comes back."""

from oms.aws import stores
from oms.aws.bus_messages import envelope_of
from oms.aws.dead_letters import DeadLetters, Message, consumer
from oms.aws.observability import correlate, count, logger
from oms.kernel.clock import utc_now
from oms.kernel.events import Envelope
from oms.reporting.money_moved import HEARD, note
from oms.reporting.open_returns import MOVES, project_return
from oms.reporting.return_counts import DELIVERED, RECEIVED, count_event
from oms.reporting.waiting import project

# These name one fulfilment, and change others too.
_OF_SEVERAL = ("fulfillment_split", "fulfillments_merged", "fulfillment_moved")
# Of these a refund waits: until it arrives, or, once it failed, until somebody retries it.
_OF_REFUNDS = ("refund_requested", "refund_retried", "refund_failed", "refund_completed")
# Nothing of these waits anywhere.
_COUNTED_ONLY = ("fulfillment_delivered",)


def take(message: Message) -> None:
    event = envelope_of(message.body)
    correlate(event.correlation_id)
    if event.type in HEARD:
        note(event, stores.orders(), stores.settlements())
    if event.type in _OF_REFUNDS:
        _project(event, str(event.data["refund_id"]))
    if event.type in (*HEARD, *_OF_REFUNDS):
        return
    if event.type in (*DELIVERED, RECEIVED):
        _count(event)
    if event.type in MOVES:
        return_id = str(event.data["return_id"])
        project_return(event.subject, return_id, stores.orders(), stores.views(), utc_now())
        return
    if event.type not in _COUNTED_ONLY:
        _project(event)


def _project(event: Envelope, refund_id: str = "") -> None:
    fulfillment_id = str(event.data.get("fulfillment_id", ""))
    if event.type in _OF_SEVERAL:
        fulfillment_id = ""
    project(event.subject, fulfillment_id, stores.orders(), stores.views(), utc_now(), refund_id)


def _count(event: Envelope) -> None:
    for high in count_event(event, stores.orders().load, stores.return_rates(), utc_now()):
        # Whose it is is told in the event: a customer's id is not logged.
        logger.warning("high return rate", by=high.found.by, month=high.month)
        count("ReturnRatesHigh")


handler = consumer(take, DeadLetters.from_environment())
