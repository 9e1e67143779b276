"""Longer and longer waits between the attempts at a queue's message.

A message that fails comes back after its queue's visibility timeout, always the same. ``postpone``
sets another time for that one message, by how often it has been received.
"""

from __future__ import annotations

import functools
import random
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from oms.aws.observability import Handler, logger
from oms.aws.queues import sqs

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

FIRST_SECONDS = 10
LONGEST_SECONDS = 900

Spread = Callable[[float, float], float]


def with_backoff(consume: Handler) -> Handler:
    """``consume`` is the handler of an SQS trigger that reports failures message by message; those
    it reports are postponed. Needs ``sqs:ChangeMessageVisibility`` and ``sqs:GetQueueUrl``."""

    @functools.wraps(consume)
    def consume_patiently(event: dict[str, Any], context: Any) -> Any:
        answer = consume(event, context)
        failed = {failure["itemIdentifier"] for failure in answer["batchItemFailures"]}
        for record in event["Records"]:
            if record["messageId"] in failed:
                _postpone_if_possible(record)
        return answer

    return consume_patiently


def postpone(record: Mapping[str, Any], client: SQSClient, spread: Spread = random.uniform) -> int:
    """Hide a record of an SQS event until its next attempt; returns for how many seconds."""
    receives = int(record["attributes"]["ApproximateReceiveCount"])
    seconds = seconds_until_retry(receives, spread)
    client.change_message_visibility(
        QueueUrl=_queue_url(client, str(record["eventSourceARN"])),
        ReceiptHandle=record["receiptHandle"],
        VisibilityTimeout=seconds,
    )
    return seconds


def seconds_until_retry(receives: int, spread: Spread) -> int:
    """10, 20, 40 … up to 900 seconds by the number of receives so far, each between half and all
    of that so that what failed together does not come back together."""
    longest = min(LONGEST_SECONDS, FIRST_SECONDS * 2 ** min(receives - 1, 16))
    return round(spread(longest / 2, longest))


def _postpone_if_possible(record: Mapping[str, Any]) -> None:
    """Without it the message still comes back, at the queue's own pace; failing the whole batch
    for that would repeat the messages that went well."""
    try:
        postpone(record, sqs())
    except (BotoCoreError, ClientError) as error:
        logger.warning("not postponed", message_id=record["messageId"], error=type(error).__name__)


@functools.cache
def _queue_url(client: SQSClient, arn: str) -> str:
    return client.get_queue_url(QueueName=arn.rpartition(":")[2])["QueueUrl"]
