"""Publishes what the tables' streams tell, in their order, and counts the orders by state.

A batch stops at the first event the bus did not take and begins there again; what was published
twice by that has the same id.
"""

import os
from typing import Any

from aws_lambda_powertools.metrics import MetricUnit, single_metric

from oms.aws.clients import events
from oms.aws.event_bus import EventBus
from oms.aws.observability import NAMESPACE, logger, observed
from oms.aws.outbox import entered_state, publications

bus = EventBus(events(), os.environ["EVENT_BUS"])


def relay(event: dict[str, Any], context: Any) -> dict[str, Any]:
    records = event["Records"]
    of_record = [publications(record) for record in records]
    failed = bus.publish([one for found in of_record for one in found])
    for record, found in zip(records, of_record, strict=True):
        if any(one.envelope.id in failed for one in found):
            sequence = record["dynamodb"]["SequenceNumber"]
            logger.warning("the bus did not take an event", sequence_number=sequence)
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
