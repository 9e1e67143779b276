"""Publishes what the tables' streams tell, in their order, and counts the orders by state. Of which
SKUs there is more or less to sell goes into a queue of its own, to be told to channels.

A batch begins again at the first record of which the bus did not take every event, or the queue
not the SKU; what is published twice by that has the same id. When that is the very first record,
the batch raises: Lambda halves what raised, until a record that can never be published is alone.
What only reported would come again as it was, until all of it is given up.
"""

import os
from typing import Any

from aws_lambda_powertools.metrics import MetricUnit, single_metric

from oms.aws.availability_queue import AvailabilityQueue
from oms.aws.clients import events
from oms.aws.event_bus import EventBus
from oms.aws.observability import NAMESPACE, logger, observed
from oms.aws.outbox import entered_state, publications, stock_change
from oms.aws.queues import Queue
from oms.kernel.errors import Unavailable

bus = EventBus(events(), os.environ["EVENT_BUS"])
feed = AvailabilityQueue(Queue(os.environ["AVAILABILITY_QUEUE_URL"]))


def relay(event: dict[str, Any], context: Any) -> dict[str, Any]:
    records = event["Records"]
    of_record = [publications(record) for record in records]
    changes = [stock_change(record) for record in records]
    failed = bus.publish([one for found in of_record for one in found])
    untold = feed.tell(change for change in changes if change)
    for record, found, change in zip(records, of_record, changes, strict=True):
        if change in untold or any(one.envelope.id in failed for one in found):
            sequence = record["dynamodb"]["SequenceNumber"]
            logger.warning("a record was not published", sequence_number=sequence)
            if record is records[0]:
                raise Unavailable("the batch's first record was not published")
            return {"batchItemFailures": [{"itemIdentifier": sequence}]}
        _count(entered_state(record))
    return {"batchItemFailures": []}


def _count(state: str) -> None:
    if not state:
        return
    with single_metric(
        name="OrdersEntered", unit=MetricUnit.Count, value=1, namespace=NAMESPACE
    ) as metric:
        metric.add_dimension("state", state)


handler = observed(relay)
