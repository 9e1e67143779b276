"""Publish again what the relay could not, or what got lost behind it.

The same building blocks as the relay's, so that an event has the same id and the same form as the
first time. Consumers drop what they have had, by that id.
"""

import logging
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from botocore.config import Config
from mypy_boto3_dynamodbstreams import DynamoDBStreamsClient
from mypy_boto3_sqs import SQSClient
from mypy_boto3_sqs.type_defs import MessageTypeDef

from local.failure import LocalFailure
from local.stream import Place, Record, read_place, records_at
from local.target import Target
from oms.aws.availability_queue import AvailabilityQueue
from oms.aws.event_bus import EventBus
from oms.aws.notification_store import KEPT_FOR
from oms.aws.observability import logger
from oms.aws.order_store import OrderStore
from oms.aws.outbox import publication_of, publications, stock_change
from oms.aws.queues import Queue
from oms.kernel.errors import NotFound

# Long enough for the largest place; a run that dies gives its message back after that.
HIDDEN_SECONDS = 600
REASONS_NAMED = 5

# A person waits for the answer.
_IMPATIENT = Config(
    connect_timeout=3, read_timeout=10, retries={"mode": "standard", "max_attempts": 3}
)


@dataclass(frozen=True, slots=True)
class Redriven:
    """`places` were published whole, with so many `events`. `left` says of each message that was
    left in the queue why."""

    places: int
    events: int
    left: tuple[str, ...]


def bus_of(stack: Target) -> EventBus:
    _tell_apart_from_answers(logger.registered_handler)
    client = stack.session.client("events", endpoint_url=stack.endpoint, config=_IMPATIENT)
    return EventBus(client, stack.event_bus)


def feed_of(stack: Target) -> AvailabilityQueue:
    client = stack.session.client("sqs", endpoint_url=stack.endpoint, config=_IMPATIENT)
    return AvailabilityQueue(Queue(stack.availability_queue, client))


def orders_of(stack: Target) -> OrderStore:
    client = stack.session.client("dynamodb", endpoint_url=stack.endpoint)
    return OrderStore(client, stack.orders_table)


def redrive_relay(
    sqs: SQSClient,
    failures: str,
    streams: DynamoDBStreamsClient,
    bus: EventBus,
    feed: AvailabilityQueue,
) -> Redriven:
    """Publish the records of every place that the queue names, and delete its message.

    `failures` is the URL of the relay's failure queue. A message of whose place not everything
    was published stays there; the rest of the place is published all the same.
    """
    places = events = 0
    left: list[tuple[MessageTypeDef, str]] = []
    try:
        for message in _messages(sqs, failures):
            try:
                events += _publish(read_place(message["Body"]), streams, bus, feed)
            except LocalFailure as failure:
                left.append((message, str(failure)))
                continue
            sqs.delete_message(QueueUrl=failures, ReceiptHandle=message["ReceiptHandle"])
            places += 1
    finally:
        for message, _ in left:
            _show_again(sqs, failures, message)
    return Redriven(places, events, tuple(reason for _, reason in left))


def republish_order(order_id: str, orders: OrderStore, bus: EventBus, now: datetime) -> int:
    """Publish every event of the order's history, oldest first; returns how many.

    Raises `LocalFailure` for an order that is unknown, whose events consumers have forgotten by
    now, or of which the bus did not take everything.
    """
    try:
        history = orders.history(order_id)
    except NotFound as unknown:
        raise LocalFailure(unknown.detail) from None
    if now - history[0].at > KEPT_FOR:
        raise LocalFailure(
            f"{order_id} is older than {KEPT_FOR.days} days: consumers have forgotten its events, "
            "and its customer would be mailed again"
        )
    failed = bus.publish([publication_of(envelope) for envelope in history])
    if failed:
        missing = [envelope.id for envelope in history if envelope.id in failed]
        raise LocalFailure(f"the bus did not take {_listed(missing)}")
    return len(history)


def _messages(sqs: SQSClient, queue: str) -> Iterator[MessageTypeDef]:
    """As many as are there now: what fails anew meanwhile is for the next run."""
    attributes = sqs.get_queue_attributes(
        QueueUrl=queue, AttributeNames=["ApproximateNumberOfMessages"]
    )["Attributes"]
    for _ in range(int(attributes["ApproximateNumberOfMessages"])):
        yield from sqs.receive_message(
            QueueUrl=queue,
            MaxNumberOfMessages=1,
            VisibilityTimeout=HIDDEN_SECONDS,
            WaitTimeSeconds=1,
        ).get("Messages", [])


def _show_again(sqs: SQSClient, queue: str, message: MessageTypeDef) -> None:
    sqs.change_message_visibility(
        QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0
    )


def _publish(
    place: Place, streams: DynamoDBStreamsClient, bus: EventBus, feed: AvailabilityQueue
) -> int:
    """Record by record, so that one which the bus refuses takes no other with it."""
    events, refused = 0, []
    for record in records_at(streams, place):
        try:
            events += _publish_record(record, bus, feed)
        except LocalFailure as failure:
            refused.append(str(failure))
    if refused:
        raise LocalFailure(f"{place}: {events} events published, but {_listed(refused)}")
    return events


def _publish_record(record: Record, bus: EventBus, feed: AvailabilityQueue) -> int:
    try:
        found, change = publications(record), stock_change(record)
    except Exception as error:
        # Only its name: the text of an error may repeat what the record holds.
        number = record["dynamodb"]["SequenceNumber"]
        raise LocalFailure(f"record {number} cannot be read ({type(error).__name__})") from None
    failed = bus.publish(found)
    if failed:
        raise LocalFailure(f"the bus did not take {_listed(sorted(failed))}")
    if change and feed.tell([change]):
        raise LocalFailure(f"the queue did not take {change.sku}")
    return len(found)


def _tell_apart_from_answers(log: logging.Handler) -> None:
    """Why the bus did not answer stands in the OMS's log, which a function writes to its output."""
    if isinstance(log, logging.StreamHandler):
        log.setStream(sys.stderr)


def _listed(reasons: list[str]) -> str:
    more = len(reasons) - REASONS_NAMED
    return ", ".join(reasons[:REASONS_NAMED]) + (f" and {more} more" if more > 0 else "")
