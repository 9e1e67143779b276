"""Publishes what the tables' streams tell, in their order, and counts the orders by state.

A batch begins again at the first record of which the bus did not take every event; what is
published twice by that has the same id. When that is the very first record, the batch raises:
Lambda halves what raised, until a record that can never be published is alone. What only reported
would come again as it was, until all of it is given up.
"""

import os
from typing import Any

from aws_lambda_powertools.metrics import MetricUnit, single_metric

from oms.aws.clients import events
from oms.aws.event_bus import EventBus
from oms.aws.observability import NAMESPACE, logger, observed
from oms.aws.outbox import entered_state, publications
from oms.kernel.errors import Unavailable

bus = EventBus(events(), os.environ["EVENT_BUS"])


def relay(event: dict[str, Any], context: Any) -> dict[str, Any]:
    records = event["Records"]
    of_record = [publications(record) for record in records]
    failed = bus.publish([one for found in of_record for one in found])
    for record, found in zip(records, of_record, strict=True):
        if any(one.envelope.id in failed for one in found):
            sequence = record["dynamodb"]["SequenceNumber"]
            logger.warning("the bus did not take an event", sequence_number=sequence)
            if record is records[0]:
                raise Unavailable("the bus did not take the batch's first event")
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
