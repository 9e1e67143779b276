import boto3
import pytest
from moto import mock_aws

from oms.aws.queues import MESSAGE_LIMIT, Queue
from oms.aws.secrets import Secrets
from oms.kernel.errors import TooLarge, Unavailable


class HandClock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@mock_aws
def test_a_replaced_secret_takes_effect_when_its_time_is_over() -> None:
    client = boto3.client("secretsmanager")
    client.create_secret(Name="webhook", SecretString="old")
    clock = HandClock()
    secrets = Secrets(client, keep_seconds=300, clock=clock)
    assert secrets.read("webhook") == "old"
    client.put_secret_value(SecretId="webhook", SecretString="new")

    clock.seconds += 299
    assert secrets.read("webhook") == "old"
    clock.seconds += 1
    assert secrets.read("webhook") == "new"


@mock_aws
def test_what_an_editor_put_at_a_files_end_is_no_part_of_a_secret() -> None:
    client = boto3.client("secretsmanager")
    client.create_secret(Name="webhook", SecretString="whsec_1\n")

    assert Secrets(client).read("webhook") == "whsec_1"


@mock_aws
def test_a_secret_that_cannot_be_read_is_not_replaced_by_an_old_one() -> None:
    client = boto3.client("secretsmanager")
    client.create_secret(Name="webhook", SecretString="old")
    clock = HandClock()
    secrets = Secrets(client, keep_seconds=300, clock=clock)
    secrets.read("webhook")
    client.delete_secret(SecretId="webhook", ForceDeleteWithoutRecovery=True)

    clock.seconds += 300
    with pytest.raises(Unavailable):
        secrets.read("webhook")


@mock_aws
def test_a_message_arrives_with_its_attributes() -> None:
    client = boto3.client("sqs")
    url = client.create_queue(QueueName="work")["QueueUrl"]

    Queue(url, client).send("body", {"reason": "because"})

    (message,) = client.receive_message(QueueUrl=url, MessageAttributeNames=["All"])["Messages"]
    assert message["Body"] == "body"
    assert message["MessageAttributes"]["reason"]["StringValue"] == "because"


@mock_aws
def test_a_message_beyond_the_limit_is_refused_by_its_bytes() -> None:
    client = boto3.client("sqs")
    queue = Queue(client.create_queue(QueueName="work")["QueueUrl"], client)

    queue.send("x" * MESSAGE_LIMIT)
    with pytest.raises(TooLarge):
        queue.send("ã" * (MESSAGE_LIMIT // 2 + 1))


@mock_aws
def test_a_queue_that_is_gone_is_unavailable() -> None:
    client = boto3.client("sqs")
    url = client.create_queue(QueueName="work")["QueueUrl"]
    client.delete_queue(QueueUrl=url)

    with pytest.raises(Unavailable):
        Queue(url, client).send("body")
