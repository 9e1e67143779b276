"""Dead letters go back to where they came from, each once."""

import json
from collections.abc import Iterator
from dataclasses import dataclass

import boto3
import pytest
from moto import mock_aws
from mypy_boto3_sqs import SQSClient

from local.failure import LocalFailure
from local.redrive import redrive


@dataclass(frozen=True, slots=True)
class Queues:
    sqs: SQSClient
    source: str
    dead_letters: str

    def receive(self) -> list[str]:
        messages = self.sqs.receive_message(QueueUrl=self.source, MaxNumberOfMessages=10)
        return sorted(message["Body"] for message in messages.get("Messages", []))


@pytest.fixture
def queues() -> Iterator[Queues]:
    with mock_aws():
        sqs = boto3.client("sqs")
        dead_letters = sqs.create_queue(QueueName="dead-letters")["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=dead_letters, AttributeNames=["QueueArn"])
        policy = {"deadLetterTargetArn": arn["Attributes"]["QueueArn"], "maxReceiveCount": "1"}
        sqs.create_queue(QueueName="bystander")
        source = sqs.create_queue(
            QueueName="source", Attributes={"RedrivePolicy": json.dumps(policy)}
        )["QueueUrl"]
        yield Queues(sqs, source, dead_letters)


def test_dead_letters_go_back_to_their_queue(queues: Queues) -> None:
    for body in ("a", "b", "c"):
        queues.sqs.send_message(QueueUrl=queues.dead_letters, MessageBody=body)

    moved = redrive(queues.sqs, queues.dead_letters)

    assert moved == 3
    assert queues.receive() == ["a", "b", "c"]


def test_a_message_keeps_its_attributes(queues: Queues) -> None:
    queues.sqs.send_message(
        QueueUrl=queues.dead_letters,
        MessageBody="a",
        MessageAttributes={"source": {"DataType": "String", "StringValue": "shopify"}},
    )

    redrive(queues.sqs, queues.dead_letters)

    message = queues.sqs.receive_message(QueueUrl=queues.source, MessageAttributeNames=["All"])
    attributes = message["Messages"][0]["MessageAttributes"]
    assert attributes["source"]["StringValue"] == "shopify"


def test_a_message_of_a_queue_that_keeps_an_order_goes_back_to_its_group() -> None:
    with mock_aws():
        sqs = boto3.client("sqs")
        dead = sqs.create_queue(QueueName="dead.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]
        policy = {"deadLetterTargetArn": arn["QueueArn"], "maxReceiveCount": "1"}
        source = sqs.create_queue(
            QueueName="source.fifo",
            Attributes={"FifoQueue": "true", "RedrivePolicy": json.dumps(policy)},
        )["QueueUrl"]
        # The queue remembers for five minutes that it had the message.
        for queue in (source, dead):
            sqs.send_message(
                QueueUrl=queue, MessageBody="a", MessageGroupId="MUG", MessageDeduplicationId="once"
            )
        sqs.purge_queue(QueueUrl=source)

        assert redrive(sqs, dead) == 1

        (message,) = sqs.receive_message(QueueUrl=source, AttributeNames=["All"])["Messages"]
        assert message["Attributes"]["MessageGroupId"] == "MUG"


def test_more_than_a_batch_is_moved_whole(queues: Queues) -> None:
    for number in range(23):
        queues.sqs.send_message(QueueUrl=queues.dead_letters, MessageBody=str(number))

    assert redrive(queues.sqs, queues.dead_letters) == 23
    assert redrive(queues.sqs, queues.dead_letters) == 0


def test_a_queue_that_serves_no_other_is_refused(queues: Queues) -> None:
    with pytest.raises(LocalFailure, match="did not come from a queue"):
        redrive(queues.sqs, queues.source)
