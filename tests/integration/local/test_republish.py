"""What the relay could not publish, or what got lost behind it, is published again."""

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import boto3
import pytest

from local import engine
from local.__main__ import main
from local.aws import local_session
from local.failure import LocalFailure
from local.republish import Redriven, redrive_relay, republish_order
from oms.aws.availability_queue import AvailabilityQueue
from oms.aws.event_bus import EventBus
from oms.aws.observability import logger
from oms.aws.queues import Queue
from oms.kernel.clock import parse_rfc3339, utc_now
from oms.orders.events import CancelRequested, ExceptionRaised, OrderCancelled
from oms.orders.model import Order
from oms.orders.store import AwaitedToken
from tests.integration.world import World, made_with, world_on_moto
from tests.samples import CAUSE, NOW, content

BUS = "what-happened"
PERSONAL = ("Ana", "ana@example.com", "Paulista", "01310-100", "4242424242424242")

Client = Callable[[str], Any]
Record = dict[str, Any]


@dataclass
class Shop:
    """Tables with streams, a bus whose every event a queue hears, and a failure queue."""

    oms: World
    client: Client
    heard_in: str
    failures: str
    availability: str

    @property
    def bus(self) -> EventBus:
        return EventBus(self.client("events"), BUS)

    def redrive(self, bus: str = BUS) -> Redriven:
        streams, sqs = self.client("dynamodbstreams"), self.client("sqs")
        feed = AvailabilityQueue(Queue(self.availability, sqs))
        bus_there = EventBus(self.client("events"), bus)
        return redrive_relay(sqs, self.failures, streams, bus_there, feed)

    def republish(self, order_id: str, after: timedelta = timedelta(0)) -> int:
        return republish_order(order_id, self.oms.orders, self.bus, NOW + after)

    def order(self, at: datetime = NOW) -> Order:
        """Captured, then cancelled: three events in three commits."""
        orders, cause = self.oms.orders, replace(CAUSE, at=at)
        order = orders.add(content(), "fingerprint", cause).order
        order = orders.commit(order, [CancelRequested("changed my mind")], cause)
        return orders.commit(order, [OrderCancelled("requested")], cause)

    def stream(self, table: str = "orders") -> str:
        arn: str = self.client("dynamodb").describe_table(TableName=table)["Table"][
            "LatestStreamArn"
        ]
        return arn

    def records(self, table: str = "orders") -> list[Record]:
        streams = self.client("dynamodbstreams")
        iterator = streams.get_shard_iterator(
            StreamArn=self.stream(table),
            ShardId=self.shard(table),
            ShardIteratorType="TRIM_HORIZON",
        )["ShardIterator"]
        found: list[Record] = streams.get_records(ShardIterator=iterator)["Records"]
        return found

    def shard(self, table: str = "orders") -> str:
        described = self.client("dynamodbstreams").describe_stream(StreamArn=self.stream(table))
        shard: str = described["StreamDescription"]["Shards"][0]["ShardId"]
        return shard

    def give_up(self, records: Sequence[Record], table: str = "orders", **place: str) -> None:
        """As Lambda does with a batch that failed for too long."""
        ends = [record["dynamodb"]["SequenceNumber"] for record in (records[0], records[-1])]
        message = {
            "requestContext": {"condition": "RetryAttemptsExhausted"},
            "DDBStreamBatchInfo": {
                "shardId": self.shard(table),
                "startSequenceNumber": ends[0],
                "endSequenceNumber": ends[1],
                "approximateArrivalOfFirstRecord": "2026-05-04T12:00:00Z",
                "approximateArrivalOfLastRecord": "2026-05-04T12:05:00Z",
                "batchSize": len(records),
                "streamArn": self.stream(table),
            }
            | place,
        }
        self.client("sqs").send_message(QueueUrl=self.failures, MessageBody=json.dumps(message))

    def heard(self) -> list[dict[str, Any]]:
        """The envelopes that the bus delivered, as they came."""
        sqs, found = self.client("sqs"), []
        while messages := sqs.receive_message(QueueUrl=self.heard_in, MaxNumberOfMessages=10).get(
            "Messages"
        ):
            found += [json.loads(message["Body"])["detail"] for message in messages]
        return found

    def waiting(self) -> int:
        name = "ApproximateNumberOfMessages"
        answer = self.client("sqs").get_queue_attributes(
            QueueUrl=self.failures, AttributeNames=[name]
        )
        return int(answer["Attributes"][name])


def opened(oms: World, client: Client) -> Shop:
    for table in ("orders", "inventory"):
        client("dynamodb").update_table(
            TableName=table,
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
        )
    sqs, events = client("sqs"), client("events")
    heard_in = sqs.create_queue(QueueName="heard")["QueueUrl"]
    attributes = sqs.get_queue_attributes(QueueUrl=heard_in, AttributeNames=["QueueArn"])
    events.create_event_bus(Name=BUS)
    pattern = json.dumps({"source": ["oms.orders", "oms.inventory"]})
    events.put_rule(Name="all", EventBusName=BUS, EventPattern=pattern)
    target = {"Id": "heard", "Arn": attributes["Attributes"]["QueueArn"]}
    events.put_targets(Rule="all", EventBusName=BUS, Targets=[target])
    failures = sqs.create_queue(QueueName="failures")["QueueUrl"]
    fifo = {"FifoQueue": "true"}
    availability = sqs.create_queue(QueueName="availability.fifo", Attributes=fifo)["QueueUrl"]
    return Shop(oms, client, heard_in, failures, availability)


@pytest.fixture
def shop() -> Iterator[Shop]:
    with world_on_moto() as oms:
        yield opened(oms, cache(lambda service: boto3.client(service)))


@pytest.fixture
def shop_on_engine(opened_on_engine: Shop) -> Shop:
    opened_on_engine.client("sqs").purge_queue(QueueUrl=opened_on_engine.failures)
    return opened_on_engine


@pytest.fixture(scope="module")
def opened_on_engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """Other than moto's, the local engine's streams know what they no longer have."""
    running = engine.start(tmp_path_factory.mktemp("engine"), lifetime="with this process")

    session = local_session()

    @cache
    def client(service: str) -> Any:
        return session.client(service, endpoint_url=running.endpoint)  # type: ignore[call-overload]

    yield opened(made_with(client("dynamodb")), client)
    engine.stop(running)


# --- redrive -------------------------------------------------------------------------------------


def test_a_failed_range_is_published_again_and_its_message_deleted(shop: Shop) -> None:
    order_id = shop.order().order_id
    shop.give_up(shop.records())

    done = shop.redrive()

    assert done == Redriven(places=1, events=3, left=())
    assert [envelope["id"] for envelope in shop.heard()] == [
        f"{order_id}:{version}:1" for version in (1, 2, 3)
    ]
    assert shop.waiting() == 0


def test_what_lies_around_the_range_is_not_published(shop: Shop) -> None:
    order_id = shop.order().order_id
    shop.give_up(shop.records()[1:2])

    done = shop.redrive()

    assert done.events == 1
    assert [envelope["id"] for envelope in shop.heard()] == [f"{order_id}:2:1"]


def test_no_customer_is_on_the_bus_after_a_redrive(shop: Shop) -> None:
    shop.order()
    shop.give_up(shop.records())

    shop.redrive()

    said = json.dumps(shop.heard(), ensure_ascii=False)
    assert not [word for word in PERSONAL if word in said]


def test_stock_that_was_low_is_told_with_the_id_and_time_of_then(shop: Shop) -> None:
    shop.oms.receive("MUG", 10)
    shop.oms.stock.set_thresholds("MUG", "sp-dc", 8, 3, CAUSE)
    records = shop.records("inventory")
    shop.give_up(records, "inventory")

    shop.redrive()

    (low,) = [envelope for envelope in shop.heard() if envelope["type"] == "stock_low"]
    change = records[-1]["dynamodb"]
    assert low["id"] == f"MUG#sp-dc:{change['NewImage']['version']['N']}:1"
    assert parse_rfc3339(low["at"]) == change["ApproximateCreationDateTime"]


def test_records_that_are_trimmed_are_named_and_their_message_left(shop_on_engine: Shop) -> None:
    shop_on_engine.order()
    shop_on_engine.give_up(shop_on_engine.records(), startSequenceNumber="0" * 30)

    done = shop_on_engine.redrive()

    assert (done.places, done.events, shop_on_engine.heard()) == (0, 0, [])
    assert "orders, written from 2026-05-04T12:00:00Z to 2026-05-04T12:05:00Z" in done.left[0]
    assert "trimmed" in done.left[0] and "make republish ORDER=" in done.left[0]
    assert shop_on_engine.waiting() == 1


def test_a_shard_that_is_gone_is_named_and_its_message_left(shop_on_engine: Shop) -> None:
    shop_on_engine.order()
    shop_on_engine.give_up(
        shop_on_engine.records(), shardId="shardId-00000000000000000000-99999999"
    )

    done = shop_on_engine.redrive()

    assert "its shard is gone" in done.left[0] and "make republish ORDER=" in done.left[0]
    assert shop_on_engine.waiting() == 1


def test_one_place_that_is_gone_keeps_no_other_from_being_published(shop_on_engine: Shop) -> None:
    order_id = shop_on_engine.order().order_id
    records = shop_on_engine.records()
    shop_on_engine.give_up(records, startSequenceNumber="0" * 30)
    shop_on_engine.give_up(records[-3:])

    done = shop_on_engine.redrive()

    assert (done.places, done.events, len(done.left)) == (1, 3, 1)
    assert {envelope["subject"] for envelope in shop_on_engine.heard()} == {order_id}
    assert shop_on_engine.waiting() == 1


def test_a_message_stays_while_the_bus_takes_nothing(shop: Shop) -> None:
    order_id = shop.order().order_id
    shop.give_up(shop.records())

    done = shop.redrive(bus="no-such-bus")

    assert (done.places, done.events) == (0, 0)
    assert f"the bus did not take {order_id}:1:1" in done.left[0]
    assert shop.waiting() == 1


def test_a_record_that_cannot_be_read_takes_no_other_with_it(shop: Shop) -> None:
    order = shop.order()
    poison = {"pk": {"S": order.order_id}, "sk": {"S": "commit#000004"}, "events": {"S": "{"}}
    shop.oms.client.put_item(TableName="orders", Item=poison)
    shop.oms.orders.put_token(order.order_id, AwaitedToken("a token", "payment"))
    shop.give_up(shop.records())

    done = shop.redrive()

    assert "cannot be read" in done.left[0] and "3 events published" in done.left[0]
    assert len(shop.heard()) == 3
    assert shop.waiting() == 1


def test_a_message_that_names_no_place_stays(shop: Shop) -> None:
    for body in ("not JSON", "[]", '{"DDBStreamBatchInfo": {"shardId": "s"}}'):
        shop.client("sqs").send_message(QueueUrl=shop.failures, MessageBody=body)

    done = shop.redrive()

    assert done.left == ("a message names no place in a stream",) * 3
    assert shop.waiting() == 3


# --- republish -----------------------------------------------------------------------------------


def test_an_orders_events_are_all_published_again_in_their_order(shop: Shop) -> None:
    order_id = shop.order().order_id

    events = shop.republish(order_id)

    heard = shop.heard()
    assert events == 3
    assert [envelope["id"] for envelope in heard] == [f"{order_id}:{n}:1" for n in (1, 2, 3)]
    assert [envelope["type"] for envelope in heard] == [
        "order_captured",
        "cancel_requested",
        "order_cancelled",
    ]


def test_a_history_longer_than_a_call_to_the_bus_keeps_its_order(shop: Shop) -> None:
    order = shop.oms.capture(content())
    for number in range(24):
        order = shop.oms.orders.commit(order, [ExceptionRaised(f"step {number}", "Error")], CAUSE)

    shop.republish(order.order_id)

    assert [envelope["version"] for envelope in shop.heard()] == list(range(1, 26))


def test_an_order_is_published_again_just_as_its_stream_told_it(shop: Shop) -> None:
    order_id = shop.order().order_id
    shop.give_up(shop.records())
    shop.redrive()
    told = shop.heard()

    shop.republish(order_id)

    assert shop.heard() == told


def test_an_order_is_published_again_without_its_customer(shop: Shop) -> None:
    order_id = shop.order().order_id

    shop.republish(order_id)

    captured, *others = shop.heard()
    said = json.dumps([captured, *others], ensure_ascii=False)
    assert captured["data"]["channel"] == "web"
    assert not [word for word in PERSONAL if word in said]


def test_an_order_that_does_not_exist_is_named(shop: Shop) -> None:
    with pytest.raises(LocalFailure, match="there is no order ord_none"):
        shop.republish("ord_none")


def test_an_order_that_consumers_have_forgotten_is_not_published_again(shop: Shop) -> None:
    order_id = shop.order().order_id

    with pytest.raises(LocalFailure, match="would be mailed again"):
        shop.republish(order_id, after=timedelta(days=91))

    assert shop.heard() == []


def test_events_that_the_bus_does_not_take_are_named(shop: Shop) -> None:
    order_id = shop.order().order_id
    nowhere = EventBus(shop.client("events"), "no-such-bus")

    with pytest.raises(LocalFailure, match=f"{order_id}:1:1, {order_id}:2:1, {order_id}:3:1"):
        republish_order(order_id, shop.oms.orders, nowhere, NOW)


def test_skus_whose_change_was_given_up_are_put_into_the_queue_again(shop: Shop) -> None:
    shop.oms.receive("MUG", 5)
    shop.give_up(shop.records("inventory"), "inventory")

    shop.redrive()

    answer = shop.client("sqs").receive_message(QueueUrl=shop.availability)
    assert [json.loads(each["Body"])["sku"] for each in answer["Messages"]] == ["MUG"]


# --- in an account -------------------------------------------------------------------------------


Run = Callable[..., int]


@pytest.fixture
def run(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a command in an account that has the stack, which is known by its outputs."""
    outputs = {
        "DeadLetterQueues": json.dumps({"relay": shop.failures}),
        "QueueUrls": json.dumps({"availability": shop.availability}),
        "EventBusName": BUS,
        "OrdersTable": "orders",
        "InventoryTable": "inventory",
        "AccountsTable": "accounts",
    }
    template = {
        "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}},
        "Outputs": {name: {"Value": value} for name, value in outputs.items()},
    }
    stacks = shop.client("cloudformation")
    stacks.create_stack(StackName="OmsService", TemplateBody=json.dumps(template))
    log = logger.registered_handler
    monkeypatch.setattr(log, "stream", log.stream)  # type: ignore[attr-defined]

    def run_words(*words: str) -> int:
        monkeypatch.setattr(sys, "argv", ["python -m local", *words, "--aws"])
        return main()

    return run_words


def test_the_relays_failures_in_an_account_are_published_again(
    shop: Shop, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    shop.order()
    shop.give_up(shop.records())

    code = run("redrive", "relay")

    assert (code, len(shop.heard()), shop.waiting()) == (0, 3, 0)
    assert capsys.readouterr().out == "relay: 1 places done, 3 events published\n"


def test_what_is_left_of_them_is_told_and_is_a_failure(
    shop: Shop, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    shop.client("sqs").send_message(QueueUrl=shop.failures, MessageBody="not a place")

    code = run("redrive", "relay")

    said = capsys.readouterr()
    assert (code, said.out) == (1, "relay: 0 places done, 0 events published\n")
    assert said.err.splitlines() == [
        "redrive: 1 left in the queue:",
        "  a message names no place in a stream",
    ]


def test_an_order_in_an_account_is_published_again(
    shop: Shop, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    order_id = shop.order(at=utc_now()).order_id

    code = run("republish", order_id)

    assert (code, len(shop.heard())) == (0, 3)
    assert capsys.readouterr().out == f"{order_id}: 3 events published\n"
