"""Send what a dead-letter queue holds back to the queue that it came from."""

import json
from collections.abc import Iterator
from typing import Any

from botocore.exceptions import ClientError
from mypy_boto3_sqs import SQSClient
from mypy_boto3_sqs.type_defs import MessageTypeDef

from local.failure import LocalFailure

BATCH = 10


def start_redrive(sqs: SQSClient, dead_letter_queue: str) -> int:
    """Let SQS move the messages, and return about how many there are. AWS has this, and only AWS.

    `dead_letter_queue` is a queue's URL. The move goes on after this returns.
    """
    waiting, arn = _size_and_arn(sqs, dead_letter_queue)
    # SQS knows the origin of what it moved there itself, not of what a function or a rule sent.
    _, source = _size_and_arn(sqs, _source_of(sqs, arn))
    try:
        sqs.start_message_move_task(SourceArn=arn, DestinationArn=source)
    except ClientError as refused:
        raise LocalFailure(f"SQS moves nothing: {refused}") from refused
    return waiting


def redrive(sqs: SQSClient, dead_letter_queue: str) -> int:
    """Move, one by one, the messages that are there now, and return how many were moved.

    A message that fails again meanwhile is not moved twice: the number is fixed at the start.
    Dying midway leaves a message in both queues at worst, which every consumer bears.
    """
    waiting, arn = _size_and_arn(sqs, dead_letter_queue)
    source = _source_of(sqs, arn)
    moved = 0
    while moved < waiting:
        messages = sqs.receive_message(
            QueueUrl=dead_letter_queue,
            MaxNumberOfMessages=min(BATCH, waiting - moved),
            MessageAttributeNames=["All"],
            MessageSystemAttributeNames=["MessageGroupId"],
            WaitTimeSeconds=1,
        ).get("Messages", [])
        if not messages:
            break
        for message in messages:
            _move(sqs, message, dead_letter_queue, source)
        moved += len(messages)
    return moved


def _move(sqs: SQSClient, message: MessageTypeDef, origin: str, destination: str) -> None:
    group = message.get("Attributes", {}).get("MessageGroupId")
    # Known by the dead letter's own id: the queue may still remember the message it was made of.
    ordered: dict[str, Any] = (
        {"MessageGroupId": group, "MessageDeduplicationId": message["MessageId"]} if group else {}
    )
    sqs.send_message(
        QueueUrl=destination,
        MessageBody=message["Body"],
        MessageAttributes=message.get("MessageAttributes", {}),
        **ordered,
    )
    sqs.delete_message(QueueUrl=origin, ReceiptHandle=message["ReceiptHandle"])


def _size_and_arn(sqs: SQSClient, queue: str) -> tuple[int, str]:
    attributes = sqs.get_queue_attributes(
        QueueUrl=queue, AttributeNames=["ApproximateNumberOfMessages", "QueueArn"]
    )["Attributes"]
    return int(attributes["ApproximateNumberOfMessages"]), attributes["QueueArn"]


def _source_of(sqs: SQSClient, dead_letter_arn: str) -> str:
    for queue, policy in _redrive_policies(sqs):
        if policy.get("deadLetterTargetArn") == dead_letter_arn:
            return queue
    raise LocalFailure(
        f"no queue gives its dead letters to {dead_letter_arn.rpartition(':')[2]}: "
        "what is in it did not come from a queue, and the runbook says what to do with it"
    )


def _redrive_policies(sqs: SQSClient) -> Iterator[tuple[str, dict[str, object]]]:
    for page in sqs.get_paginator("list_queues").paginate():
        for queue in page.get("QueueUrls", []):
            attributes = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["RedrivePolicy"])
            policy = attributes.get("Attributes", {}).get("RedrivePolicy")
            if policy:
                yield queue, json.loads(policy)
