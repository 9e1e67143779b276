"""From a stock change to what a channel hears: the queue, the function, a real receiver."""

import importlib
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from standardwebhooks import Webhook

from oms.aws import clients, queues, secrets, stores
from oms.catalog.model import Channel, Component, Item
from oms.inventory.model import MovementKind, Need
from oms.notifications.signing import channel_secret
from tests.integration.world import World, world
from tests.samples import CAUSE

from .conftest import Receiver, status

Serve = Callable[..., Receiver]
MASTER = "the master secret"
CONTEXT = SimpleNamespace(
    function_name="availability",
    memory_limit_in_mb=128,
    invoked_function_arn="arn:aws:lambda:us-east-1:123456789012:function:availability",
    aws_request_id="r-1",
)
MADE_ONCE = (
    clients.dynamodb,
    queues.sqs,
    secrets.secretsmanager,
    stores.stock,
    stores.catalog,
    stores.catalog_store,
    stores.published,
)


@dataclass
class Feed:
    """The function behind its queue; a window is told by its end."""

    oms: World
    handler: Callable[..., Any]
    queue: str
    dead_letters: str
    taken: list[dict[str, Any]] = field(default_factory=list)

    def wants(self, channel: str, receiver: Receiver) -> None:
        self.oms.catalog.put_channel(Channel(channel, channel, ("BRL",), receiver.url, True))

    def changed(self, until: int, sku: str = "MUG") -> None:
        """What the relay sends."""
        self.send({"sku": sku, "until": until}, sku, f"{sku}:{until}")

    def send(self, look: dict[str, Any], group: str, once: str) -> None:
        boto3.client("sqs").send_message(
            QueueUrl=self.queue,
            MessageBody=json.dumps(look),
            MessageGroupId=group,
            MessageDeduplicationId=once,
        )

    def run(self) -> list[str]:
        """Until nothing is to be had; the bodies of the messages that failed, in their order."""
        failed = []
        while messages := self.receive():
            for message in messages:
                if self.handle(message):
                    failed.append(message["Body"])
                    continue
                boto3.client("sqs").delete_message(
                    QueueUrl=self.queue, ReceiptHandle=message["ReceiptHandle"]
                )
        return failed

    def receive(self) -> list[Any]:
        """One at a time, as the function's trigger does."""
        answer = boto3.client("sqs").receive_message(
            QueueUrl=self.queue, AttributeNames=["All"], MaxNumberOfMessages=1
        )
        return list(answer.get("Messages", []))

    def handle(self, message: Any, receives: int | None = None) -> bool:
        """Whether it failed."""
        attributes = dict(message["Attributes"])
        if receives:
            attributes["ApproximateReceiveCount"] = str(receives)
        record = {
            "messageId": message["MessageId"],
            "receiptHandle": message["ReceiptHandle"],
            "body": message["Body"],
            "attributes": attributes,
            "messageAttributes": {},
            "eventSource": "aws:sqs",
            "eventSourceARN": "arn:aws:sqs:us-east-1:123456789012:work.fifo",
            "awsRegion": "us-east-1",
        }
        return bool(self.handler({"Records": [record]}, CONTEXT)["batchItemFailures"])

    def show_again(self) -> None:
        """As if the pauses of what failed were over."""
        for message in self.all_messages():
            boto3.client("sqs").change_message_visibility(
                QueueUrl=self.queue, ReceiptHandle=message.receipt_handle, VisibilityTimeout=0
            )

    def all_messages(self) -> list[Any]:
        from moto.core.models import DEFAULT_ACCOUNT_ID
        from moto.sqs.models import sqs_backends

        backend = sqs_backends[DEFAULT_ACCOUNT_ID]["us-east-1"]
        return [each for each in backend.queues["work.fifo"]._messages if each.receipt_handle]

    def parked(self) -> list[tuple[dict[str, Any], str]]:
        """What is in the dead-letter queue, and why."""
        answer = boto3.client("sqs").receive_message(
            QueueUrl=self.dead_letters, MessageAttributeNames=["All"], MaxNumberOfMessages=10
        )
        return [
            (json.loads(each["Body"]), each["MessageAttributes"]["reason"]["StringValue"])
            for each in answer.get("Messages", [])
        ]


@pytest.fixture
def feed(monkeypatch: pytest.MonkeyPatch) -> Iterator[Feed]:
    with world() as oms:
        for made in MADE_ONCE:
            made.cache_clear()
        work, dead = fifo("work.fifo"), fifo("dead.fifo")
        boto3.client("secretsmanager").create_secret(Name="callbacks", SecretString=MASTER)
        environment = {
            "INVENTORY_TABLE": "inventory",
            "CATALOG_TABLE": "catalog",
            "CALLBACK_SECRET": "callbacks",
            "ALLOW_PLAIN_CALLBACKS": "1",
            "AVAILABILITY_QUEUE_URL": work,
            "DEAD_LETTER_QUEUE_URL": dead,
            "MAX_RECEIVES": "6",
        }
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.delitem(sys.modules, "functions.availability.handler", raising=False)
        function = importlib.import_module("functions.availability.handler")
        yield Feed(oms, function.handler, work, dead)
    for made in MADE_ONCE:
        made.cache_clear()


def fifo(name: str) -> str:
    made = boto3.client("sqs").create_queue(
        QueueName=name, Attributes={"FifoQueue": "true", "VisibilityTimeout": "600"}
    )
    return made["QueueUrl"]


def heard(receiver: Receiver) -> list[tuple[int, Any, str]]:
    """(sequence, available, state) of every call, in their order."""
    told = [json.loads(call.body)["data"] for call in receiver.calls]
    return [(each["sequence"], each["available"], each["state"]) for each in told]


def sell(oms: World, units: int, order_id: str) -> None:
    oms.stock.transact(oms.stock.reserve([Need("MUG", "sp-dc", units)], order_id, CAUSE))


def test_a_channel_hears_what_it_may_sell_under_its_own_signature(feed: Feed, serve: Serve) -> None:
    receiver = serve(status(204))
    feed.wants("web", receiver)
    feed.oms.receive("MUG", 7)

    feed.changed(until=1000)
    assert feed.run() == []

    (call,) = receiver.calls
    told = Webhook(channel_secret(MASTER, "web")).verify(call.body, call.headers)
    assert told["type"] == "availability.changed"
    assert told["data"] == {
        "sku": "MUG",
        "channel": "web",
        "available": 7,
        "state": "in_stock",
        "sequence": 1,
    }


def test_a_channel_hears_what_is_left_and_at_last_that_it_is_sold_out(
    feed: Feed, serve: Serve
) -> None:
    receiver = serve(status(204))
    feed.wants("web", receiver)
    feed.oms.receive("MUG", 5)
    for number, units in enumerate((0, 2, 0, 3)):
        if units:
            sell(feed.oms, units, f"ord_{number}")
        feed.changed(until=1000 + number)
        feed.run()

    assert heard(receiver) == [(1, 5, "in_stock"), (2, 3, "in_stock"), (3, 0, "sold_out")]
    assert len({call.headers["webhook-id"] for call in receiver.calls}) == 3


def test_only_channels_that_want_it_are_told(feed: Feed, serve: Serve) -> None:
    web, app = serve(status(204)), serve(status(204))
    feed.wants("web", web)
    feed.wants("app", app)
    feed.oms.receive("MUG", 5)
    feed.changed(until=1000)
    feed.run()
    feed.oms.catalog.put_channel(Channel("app", "app", ("BRL",), app.url, availability=False))

    sell(feed.oms, 1, "ord_1")
    feed.changed(until=1005)
    feed.run()

    assert (len(heard(web)), len(heard(app))) == (2, 1)


def test_a_channel_that_left_meanwhile_is_not_told(feed: Feed, serve: Serve) -> None:
    receiver = serve(status(204))
    feed.oms.catalog.put_channel(Channel("web", "web", ("BRL",), receiver.url, availability=False))

    feed.send({"sku": "MUG", "until": 1000, "channel": "web"}, "g", "o")

    assert feed.run() == []
    assert not receiver.calls


def test_a_lost_answer_is_repeated_with_the_same_id_and_content(feed: Feed, serve: Serve) -> None:
    receiver = serve(status(503))
    feed.wants("web", receiver)
    feed.oms.receive("MUG", 5)
    feed.changed(until=1000)
    assert len(feed.run()) == 1

    receiver.answer = status(204)
    feed.show_again()
    assert feed.run() == []

    first, second = receiver.calls
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.body == second.body


def test_after_a_lost_answer_other_content_has_a_higher_sequence(feed: Feed, serve: Serve) -> None:
    receiver = serve(status(503))
    feed.wants("web", receiver)
    feed.oms.receive("MUG", 5)
    feed.changed(until=1000)
    feed.run()

    sell(feed.oms, 1, "ord_1")
    receiver.answer = status(204)
    feed.show_again()
    feed.run()

    assert heard(receiver) == [(1, 5, "in_stock"), (2, 4, "in_stock")]


def test_a_channel_that_is_down_holds_up_itself_alone(feed: Feed, serve: Serve) -> None:
    down, up = serve(status(503)), serve(status(204))
    feed.wants("down", down)
    feed.wants("up", up)
    feed.oms.receive("MUG", 5)
    feed.changed(until=1000)
    feed.run()

    sell(feed.oms, 1, "ord_1")
    feed.changed(until=1005)
    feed.run()

    assert heard(up) == [(1, 5, "in_stock"), (2, 4, "in_stock")]
    assert heard(down) == [(1, 5, "in_stock")]


def test_what_is_given_up_is_a_dead_letter_and_the_next_change_tells_the_newest(
    feed: Feed, serve: Serve
) -> None:
    receiver = serve(status(503))
    feed.wants("web", receiver)
    feed.oms.receive("MUG", 5)
    look = {"sku": "MUG", "until": 1000, "channel": "web"}
    feed.send(look, "g", "o")
    (message,) = feed.receive()
    assert not feed.handle(message, receives=6)

    assert feed.parked() == [(look, "callback_not_accepted")]
    receiver.answer = status(204)
    sell(feed.oms, 2, "ord_1")
    behind, newer = ({**look, "until": until} for until in (1005, 99_999_999_999))
    for again in (behind, newer):
        assert not feed.handle({**message, "Body": json.dumps(again)})
    assert heard(receiver) == [(1, 5, "in_stock"), (2, 3, "in_stock")]


def test_a_channel_that_wants_no_more_is_not_called_twice(feed: Feed, serve: Serve) -> None:
    receiver = serve(status(410))
    feed.wants("web", receiver)
    feed.oms.receive("MUG", 5)
    for until in (1000, 1005):
        feed.changed(until)
        assert feed.run() == []

    assert len(receiver.calls) == 1


def test_sequences_rise_without_a_stale_last_word_whatever_comes_between(
    feed: Feed, serve: Serve
) -> None:
    """Stock moves while a channel is being told: what it hears last is what there is."""
    oms, moved = feed.oms, iter(range(5))

    def answer(request: Any) -> None:
        number = next(moved, None)
        if number is not None:
            sell(oms, 1, f"ord_{number}")
            feed.changed(until=2000 + number)
        status(204 if (number or 0) % 2 == 0 else 500)(request)

    receiver = serve(answer)
    feed.wants("web", receiver)
    oms.receive("MUG", 9)
    feed.changed(until=1000)
    while feed.run():
        feed.show_again()

    sequences = [sequence for sequence, _, _ in heard(receiver)]
    assert sequences == sorted(set(sequences))
    assert heard(receiver)[-1][1] == oms.balance("MUG").available == 4


def test_a_bundle_is_told_when_a_part_of_it_runs_out(feed: Feed, serve: Serve) -> None:
    receiver = serve(status(204))
    feed.wants("web", receiver)
    whole = Item("SET", "Mug and shirts", components=(Component("MUG", 1), Component("TEE", 2)))
    feed.oms.catalog.put_item(whole)
    feed.oms.receive("MUG", 5)
    feed.oms.receive("TEE", 7)

    feed.changed(1000)
    feed.changed(1000, "TEE")
    feed.run()
    sell(feed.oms, 5, "ord_1")
    feed.changed(1005)
    feed.run()

    told = [json.loads(call.body)["data"] for call in receiver.calls]
    of_bundle = [(each["available"], each["state"]) for each in told if each["sku"] == "SET"]
    assert of_bundle == [(3, "in_stock"), (0, "sold_out")]


@pytest.mark.parametrize("body", ["not json", "{}", '{"sku": 1, "until": 2}'])
def test_a_message_that_names_no_sku_is_parked(feed: Feed, body: str) -> None:
    boto3.client("sqs").send_message(
        QueueUrl=feed.queue, MessageBody=body, MessageGroupId="g", MessageDeduplicationId="o"
    )

    (message,) = feed.receive()

    assert not feed.handle(message)
    answer = boto3.client("sqs").receive_message(
        QueueUrl=feed.dead_letters, MessageAttributeNames=["All"]
    )
    (letter,) = answer["Messages"]
    assert letter["MessageAttributes"]["reason"]["StringValue"] == "not_an_event"


def test_what_the_catalogue_does_not_know_is_not_told(feed: Feed, serve: Serve) -> None:
    receiver = serve(status(204))
    feed.wants("web", receiver)

    feed.changed(1000, sku="GHOST")

    assert feed.run() == []
    assert not receiver.calls


def test_quarantined_units_are_not_for_sale(feed: Feed, serve: Serve) -> None:
    receiver = serve(status(204))
    feed.wants("web", receiver)
    feed.oms.receive("MUG", 5)
    feed.oms.move("MUG", 5, MovementKind.QUARANTINE)

    feed.changed(until=1000)
    feed.run()

    assert heard(receiver) == [(1, 0, "sold_out")]


def test_of_two_at_once_one_is_told_to_try_again(feed: Feed, serve: Serve) -> None:
    """The queue hands out one at a time; should it ever not, the sequence is still used once."""
    store = stores.published()
    receiver = serve(status(204))
    feed.wants("web", receiver)
    feed.oms.receive("MUG", 5)
    feed.changed(until=1000)
    feed.run()
    last = store.last("MUG", "web")
    assert last

    following = replace(last, sequence=last.sequence + 1, told=False)
    store.begin(following, last)

    with pytest.raises(Exception, match="at the same moment"):
        store.begin(following, last)
    with pytest.raises(Exception, match="at the same moment"):
        store.accepted(last)
