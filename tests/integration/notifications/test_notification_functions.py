"""Both functions as the queue drives them, against moto and a real receiver."""

import importlib
import io
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import boto3
import msgspec
import pytest
from aws_lambda_powertools.utilities.typing import LambdaContext
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.ses.models import ses_backends
from standardwebhooks import Webhook

from oms.aws.catalog_store import CatalogStore
from oms.aws.clients import dynamodb
from oms.aws.observability import logger
from oms.aws.order_store import OrderStore
from oms.aws.queues import sqs
from oms.aws.secrets import secretsmanager
from oms.catalog.model import Channel
from oms.notifications.signing import channel_secret
from oms.orders.events import OrderCancelled
from oms.orders.model import Content

from .conftest import CAUSE, Receiver, bus_event, status

Serve = Callable[..., Receiver]
MASTER = "the master secret"


@dataclass
class Trigger:
    """A queue with its dead-letter queue, and the function behind it."""

    function: str
    queue: str
    dead_letters: str

    def deliver(self, body: str) -> dict[str, Any]:
        """One message on its way: sent, received, handled."""
        sqs().send_message(QueueUrl=self.queue, MessageBody=body)
        return self.receive()

    def receive(self) -> dict[str, Any]:
        return self.handle(self.take())

    def take(self) -> dict[str, Any]:
        received = sqs().receive_message(
            QueueUrl=self.queue, AttributeNames=["All"], MaxNumberOfMessages=10
        )
        return {
            "Records": [
                {
                    "messageId": message["MessageId"],
                    "receiptHandle": message["ReceiptHandle"],
                    "body": message["Body"],
                    "attributes": message["Attributes"],
                    "messageAttributes": {},
                    "md5OfBody": message["MD5OfBody"],
                    "eventSource": "aws:sqs",
                    "eventSourceARN": f"arn:aws:sqs:us-east-1:{DEFAULT_ACCOUNT_ID}:work",
                    "awsRegion": "us-east-1",
                }
                for message in received["Messages"]
            ]
        }

    def handle(self, event: dict[str, Any]) -> dict[str, Any]:
        module = f"functions.{self.function}.handler"
        if module not in sys.modules:
            importlib.import_module(module)
        answer: dict[str, Any] = sys.modules[module].handler(event, _context())
        return answer

    def show_again(self, event: dict[str, Any]) -> None:
        """As if the visibility timeout of what ``take`` took were over."""
        for record in event["Records"]:
            sqs().change_message_visibility(
                QueueUrl=self.queue, ReceiptHandle=record["receiptHandle"], VisibilityTimeout=0
            )

    @property
    def parked(self) -> list[dict[str, str]]:
        """The reasons in the dead-letter queue."""
        received = sqs().receive_message(
            QueueUrl=self.dead_letters, MessageAttributeNames=["All"], MaxNumberOfMessages=10
        )
        return [
            {
                name: attribute["StringValue"]
                for name, attribute in message["MessageAttributes"].items()
            }
            for message in received.get("Messages", [])
        ]


@pytest.fixture
def start(
    aws: None, table: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], Trigger]:
    for client in (dynamodb, sqs, secretsmanager):
        client.cache_clear()

    def begin(function: str) -> Trigger:
        work = sqs().create_queue(QueueName="work")["QueueUrl"]
        dead = sqs().create_queue(QueueName="dead")["QueueUrl"]
        environment = {
            "ORDERS_TABLE": table("orders"),
            "VIEWS_TABLE": table("views"),
            "CATALOG_TABLE": table("catalog"),
            "SENDER_EMAIL": "Loja Azul <pedidos@loja.example>",
            "CALLBACK_SECRET": "callbacks",
            "ALLOW_PLAIN_CALLBACKS": "1",
            "DEAD_LETTER_QUEUE_URL": dead,
        }
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        secretsmanager().create_secret(Name="callbacks", SecretString=MASTER)
        boto3.client("sesv2").create_email_identity(EmailIdentity="pedidos@loja.example")
        monkeypatch.delitem(sys.modules, f"functions.{function}.handler", raising=False)
        return Trigger(function, work, dead)

    return begin


@pytest.fixture
def emails(start: Callable[[str], Trigger], content: Content) -> Trigger:
    trigger = start("notifications")
    OrderStore(dynamodb(), "orders").add(content, "f", CAUSE)
    return trigger


@pytest.fixture
def callbacks(start: Callable[[str], Trigger], content: Content) -> Trigger:
    trigger = start("callbacks")
    OrderStore(dynamodb(), "orders").add(content, "f", CAUSE)
    return trigger


def connect(receiver: Receiver) -> None:
    """The channel of the order wants its callbacks at ``receiver``."""
    channel = Channel("web", "Web shop", ("BRL",), receiver.url)
    CatalogStore(dynamodb(), "catalog").put_channel(channel)


def captured(content: Content) -> str:
    """The newest event of the order, as the bus hands it on."""
    event = OrderStore(dynamodb(), "orders").history(content.order_id)[-1]
    return bus_event(msgspec.to_builtins(event))


def sent() -> list[Any]:
    return list(ses_backends[DEFAULT_ACCOUNT_ID]["us-east-1"].sent_messages)


def test_a_captured_order_is_confirmed_by_email(emails: Trigger, content: Content) -> None:
    answer = emails.deliver(captured(content))

    assert answer == {"batchItemFailures": []}
    assert [email.subject for email in sent()] == ["Recebemos o seu pedido W-1001"]
    assert sent()[0].destinations["ToAddresses"] == ["maria@customer.example"]


def test_an_event_that_comes_twice_is_told_once(emails: Trigger, content: Content) -> None:
    emails.deliver(captured(content))
    again = emails.deliver(captured(content))

    assert again == {"batchItemFailures": []}
    assert len(sent()) == 1
    assert not emails.parked


def test_a_cancelled_order_is_told_in_the_words_of_its_event(
    emails: Trigger, content: Content
) -> None:
    store = OrderStore(dynamodb(), "orders")
    store.commit(store.load(content.order_id), (OrderCancelled("out_of_stock"),), CAUSE)

    emails.deliver(captured(content))

    assert [email.subject for email in sent()] == ["Seu pedido W-1001 foi cancelado"]


def test_a_refusal_of_ses_is_tried_again_later_and_then_sent(
    emails: Trigger, content: Content
) -> None:
    boto3.client("sesv2").delete_email_identity(EmailIdentity="pedidos@loja.example")
    sqs().send_message(QueueUrl=emails.queue, MessageBody=captured(content))
    event = emails.take()

    failed = emails.handle(event)
    boto3.client("sesv2").create_email_identity(EmailIdentity="pedidos@loja.example")
    emails.show_again(event)

    assert failed == {"batchItemFailures": [{"itemIdentifier": event["Records"][0]["messageId"]}]}
    assert emails.receive() == {"batchItemFailures": []}
    assert len(sent()) == 1


def test_a_function_that_died_while_sending_leaves_a_dead_letter_and_no_second_email(
    emails: Trigger, content: Content, monkeypatch: pytest.MonkeyPatch
) -> None:
    sqs().send_message(QueueUrl=emails.queue, MessageBody=captured(content))
    event = emails.take()
    _die_after_sending(emails, event, monkeypatch)

    answer = emails.handle(event)

    assert answer == {"batchItemFailures": []}
    assert len(sent()) == 1
    assert [letter["reason"] for letter in emails.parked] == ["delivery_unknown"]


def test_no_log_line_names_the_customer(
    emails: Trigger, content: Content, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = io.StringIO()
    monkeypatch.setattr(logger.registered_handler, "stream", written)
    emails.deliver(captured(content))
    boto3.client("sesv2").delete_email_identity(EmailIdentity="pedidos@loja.example")
    emails.deliver(captured(content).replace(":1:1", ":1:2"))

    logged = written.getvalue()
    assert '"correlation_id":"c-1"' in logged
    assert "maria" not in logged.lower()
    assert "customer.example" not in logged


@pytest.mark.parametrize("body", ["{}", "not json", '{"detail": {"id": 1}}', '{"detail": null}'])
def test_a_message_that_is_no_event_is_parked(emails: Trigger, body: str) -> None:
    answer = emails.deliver(body)

    assert answer == {"batchItemFailures": []}
    assert [letter["reason"] for letter in emails.parked] == ["not_an_event"]


def test_a_channel_verifies_what_it_is_called_with(
    callbacks: Trigger, content: Content, serve: Serve
) -> None:
    receiver = serve(status(204))
    connect(receiver)

    assert callbacks.deliver(captured(content)) == {"batchItemFailures": []}

    call = receiver.calls[0]
    told = Webhook(channel_secret(MASTER, "web")).verify(call.body, call.headers)
    assert call.headers["webhook-id"] == f"{content.order_id}:1:1"
    assert told["type"] == "order.captured"
    assert told["data"]["state"] == "captured"


def test_a_callback_that_failed_is_postponed_and_comes_again_with_the_same_id(
    callbacks: Trigger, content: Content, serve: Serve
) -> None:
    receiver = serve(status(503))
    connect(receiver)
    sqs().send_message(QueueUrl=callbacks.queue, MessageBody=captured(content))
    event = callbacks.take()

    failed = callbacks.handle(event)
    receiver.answer = status(204)
    callbacks.show_again(event)

    assert len(failed["batchItemFailures"]) == 1
    assert callbacks.receive() == {"batchItemFailures": []}
    assert len({call.headers["webhook-id"] for call in receiver.calls}) == 1
    assert len(receiver.calls) == 2


def test_a_callback_is_parked_with_its_reason_when_its_attempts_are_used_up(
    callbacks: Trigger, content: Content, serve: Serve
) -> None:
    connect(serve(status(500)))
    sqs().send_message(QueueUrl=callbacks.queue, MessageBody=captured(content))
    event = callbacks.take()
    event["Records"][0]["attributes"]["ApproximateReceiveCount"] = "5"

    assert callbacks.handle(event) == {"batchItemFailures": []}
    assert [letter["reason"] for letter in callbacks.parked] == ["callback_not_accepted"]


def test_a_channel_that_is_gone_is_not_called_again(
    callbacks: Trigger, content: Content, serve: Serve
) -> None:
    connect(serve(status(410)))

    assert callbacks.deliver(captured(content)) == {"batchItemFailures": []}
    assert not callbacks.parked


def test_one_bad_callback_does_not_hold_up_the_others(
    callbacks: Trigger, content: Content, serve: Serve
) -> None:
    other = replace(content, order_id=f"ord_{'b' * 26}", channel="app")
    OrderStore(dynamodb(), "orders").add(other, "f", CAUSE)
    connect(serve(status(500)))
    for body in (captured(content), captured(other)):
        sqs().send_message(QueueUrl=callbacks.queue, MessageBody=body)
    event = callbacks.take()

    failed = callbacks.handle(event)["batchItemFailures"]

    bodies = {record["messageId"]: json.loads(record["body"]) for record in event["Records"]}
    assert [bodies[f["itemIdentifier"]]["detail"]["subject"] for f in failed] == [content.order_id]


def _die_after_sending(
    emails: Trigger, event: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Run the function until the e-mail has left, and not a step further."""

    class Killed(BaseException):
        pass

    def die(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr("oms.aws.notification_store.NotificationStore.mark_sent", die)
        with pytest.raises(Killed):
            emails.handle(event)


def _context() -> LambdaContext:
    context = LambdaContext()
    context._function_name = "notifications"
    context._memory_limit_in_mb = 128
    context._invoked_function_arn = "arn:aws:lambda:us-east-1:000000000000:function:notifications"
    context._aws_request_id = "r-1"
    return context
