"""Longer and longer waits between the attempts at a queue's message.

A message that fails comes back after its queue's visibility timeout, always the same. ``postpone``
sets another time for that one message, by how often it has been received.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

FIRST_SECONDS = 10
LONGEST_SECONDS = 900

_CONFIG = Config(connect_timeout=2, read_timeout=5, retries={"mode": "standard"})


def seconds_until_retry(receives: int, spread: Callable[[float, float], float]) -> int:
    """10, 20, 40 … up to 900 seconds by the number of receives so far, each between half and all
    of that so that what failed together does not come back together."""
    longest = min(LONGEST_SECONDS, FIRST_SECONDS * 2 ** min(receives - 1, 16))
    return round(spread(longest / 2, longest))


def postpone(
    record: Mapping[str, Any],
    client: SQSClient | None = None,
    spread: Callable[[float, float], float] = random.uniform,
) -> int:
    """Hide a record of an SQS event until its next attempt; returns for how many seconds.

    The record must also be reported as failed. Needs ``sqs:ChangeMessageVisibility`` and
    ``sqs:GetQueueUrl`` on the queue.
    """
    client = client or _sqs()
    receives = int(record["attributes"]["ApproximateReceiveCount"])
    seconds = seconds_until_retry(receives, spread)
    client.change_message_visibility(
        QueueUrl=_queue_url(client, str(record["eventSourceARN"])),
        ReceiptHandle=record["receiptHandle"],
        VisibilityTimeout=seconds,
    )
    return seconds


@cache
def _sqs() -> SQSClient:
    return boto3.client("sqs", config=_CONFIG)


@cache
def _queue_url(client: SQSClient, arn: str) -> str:
    return client.get_queue_url(QueueName=arn.rpartition(":")[2])["QueueUrl"]
