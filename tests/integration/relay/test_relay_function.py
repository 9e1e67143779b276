"""The relay as Lambda calls it: what fails is told in a way that gets it alone at last."""

import importlib
import json
import os
import sys
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from aws_lambda_powertools.utilities.typing import LambdaContext
from moto import mock_aws

from oms.aws import clients, queues
from oms.kernel.errors import Unavailable
from oms.notifications.availability_message import WINDOW

Relay = Callable[..., list[str]]
START = 1_777_896_000.0  # a window begins
REFUSED = ""  # no type of event: the bus refuses that entry, and takes those beside it


def record(number: int, event_type: str = "order_completed") -> dict[str, Any]:
    texts = {
        "pk": f"ord_{number}",
        "sk": "commit#000002",
        "at": "2026-05-04T12:00:00.000Z",
        "events": json.dumps([{"type": event_type, "data": {}}]),
    }
    image = {name: {"S": value} for name, value in texts.items()} | {"version": {"N": "2"}}
    return {"dynamodb": {"SequenceNumber": str(number), "NewImage": image}}


@pytest.fixture
def relay(monkeypatch: pytest.MonkeyPatch) -> Iterator[Relay]:
    """Calls the function with these records; returns the sequence numbers it reports as failed."""
    with mock_aws():
        clients.events.cache_clear()
        queues.sqs.cache_clear()
        boto3.client("events").create_event_bus(Name="bus")
        monkeypatch.setenv("EVENT_BUS", "bus")
        monkeypatch.setenv("AVAILABILITY_QUEUE_URL", availability_queue())
        monkeypatch.delitem(sys.modules, "functions.relay.handler", raising=False)
        function = importlib.import_module("functions.relay.handler")
        context = LambdaContext()
        context._function_name = context._aws_request_id = context._invoked_function_arn = "relay"
        context._memory_limit_in_mb = 512

        def call(*records: dict[str, Any]) -> list[str]:
            answer = function.handler({"Records": list(records)}, context)
            return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]

        yield call
    clients.events.cache_clear()
    queues.sqs.cache_clear()


def availability_queue() -> str:
    made = boto3.client("sqs").create_queue(
        QueueName="availability.fifo",
        Attributes={
            "FifoQueue": "true",
            "DeduplicationScope": "messageGroup",
            "FifoThroughputLimit": "perMessageGroupId",
        },
    )
    return made["QueueUrl"]


def looks() -> list[dict[str, Any]]:
    """What is in the queue, by SKU and window."""
    received = boto3.client("sqs").receive_message(
        QueueUrl=os.environ["AVAILABILITY_QUEUE_URL"], MaxNumberOfMessages=10
    )
    found = [json.loads(message["Body"]) for message in received.get("Messages", [])]
    return sorted(found, key=lambda look: (look["sku"], look["until"]))


def sold(number: int, sku: str = "MUG", *, at: float = START, available: int = 5) -> dict[str, Any]:
    """One unit less is available than before."""

    def image(units: int) -> dict[str, Any]:
        key = {"pk": {"S": sku}, "sk": {"S": "node#sp-dc"}}
        return {**key, "available": {"N": str(units)}, "version": {"N": str(number)}}

    change = {
        "SequenceNumber": str(number),
        "ApproximateCreationDateTime": at,
        "NewImage": image(available - 1),
        "OldImage": image(available),
    }
    return {"dynamodb": change}


def test_a_batch_that_the_bus_took_has_no_failure(relay: Relay) -> None:
    assert relay(record(1), record(2)) == []


def test_a_batch_begins_again_where_the_bus_did_not_take_an_event(relay: Relay) -> None:
    assert relay(record(1), record(2, REFUSED), record(3)) == ["2"]


def test_a_batch_that_fails_at_its_beginning_raises_so_that_lambda_halves_it(relay: Relay) -> None:
    with pytest.raises(Unavailable):
        relay(record(1, REFUSED), record(2))


def test_halves_get_at_a_record_that_is_never_taken(relay: Relay) -> None:
    records = [record(number, REFUSED if number == 5 else "order_completed") for number in range(9)]

    given_up = list(as_lambda_does(relay, records))

    assert [one["dynamodb"]["SequenceNumber"] for one in given_up] == ["5"]


def as_lambda_does(relay: Relay, batch: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The records that are given up in the end: alone, and still failing."""
    try:
        failed = relay(*batch)
    except Unavailable:
        if len(batch) == 1:
            yield from batch
            return
        middle = len(batch) // 2
        yield from as_lambda_does(relay, batch[:middle])
        yield from as_lambda_does(relay, batch[middle:])
        return
    if failed:
        numbers = [one["dynamodb"]["SequenceNumber"] for one in batch]
        yield from as_lambda_does(relay, batch[numbers.index(failed[0]) :])


def test_a_burst_of_sales_is_one_message_a_window(relay: Relay) -> None:
    burst = [sold(number, at=START + number * 0.25) for number in range(20)]
    relay(*burst, sold(20, "TEE"))
    relay(sold(21, at=START + WINDOW))

    end = int(START) + WINDOW
    assert looks() == [
        {"sku": "MUG", "until": end},
        {"sku": "MUG", "until": end + WINDOW},
        {"sku": "TEE", "until": end},
    ]


def test_what_leaves_as_much_available_as_there_was_is_not_told(relay: Relay) -> None:
    shipped = sold(1)
    shipped["dynamodb"]["NewImage"]["available"] = shipped["dynamodb"]["OldImage"]["available"]

    assert relay(shipped) == []
    assert looks() == []


@pytest.mark.parametrize("sort_key", ["policy", "owed", "share#web"])
def test_what_decides_who_may_sell_is_told_like_stock(relay: Relay, sort_key: str) -> None:
    changed = sold(1)
    for image in ("NewImage", "OldImage"):
        changed["dynamodb"][image] = {"pk": {"S": "MUG"}, "sk": {"S": sort_key}}

    relay(changed)

    assert [look["sku"] for look in looks()] == ["MUG"]


def test_a_counter_that_is_gone_is_a_change_of_its_sku(relay: Relay) -> None:
    gone = sold(1, "counter#MUG#2")
    del gone["dynamodb"]["NewImage"]

    relay(gone)

    assert [look["sku"] for look in looks()] == ["MUG"]


def test_a_channel_by_the_name_of_an_item_of_stock_is_no_stock(relay: Relay) -> None:
    """What a channel was told lies in the same table."""
    told = sold(1)
    for image in ("NewImage", "OldImage"):
        told["dynamodb"][image] = {"pk": {"S": "published#MUG"}, "sk": {"S": "policy"}}

    assert relay(told) == []
    assert looks() == []


def test_a_sku_of_any_letters_is_taken(relay: Relay) -> None:
    assert relay(sold(1, "CAFÉ-☕")) == []
    assert [look["sku"] for look in looks()] == ["CAFÉ-☕"]


def test_a_change_that_the_queue_did_not_take_is_tried_again(relay: Relay) -> None:
    """As an event that the bus did not take: from its record on, and at the very first raising."""
    queue = os.environ["AVAILABILITY_QUEUE_URL"]
    boto3.client("sqs").delete_queue(QueueUrl=queue)

    assert relay(record(1), sold(2), record(3)) == ["2"]
    with pytest.raises(Unavailable):
        relay(sold(2), record(3))

    availability_queue()
    assert relay(sold(2), record(3)) == []
    assert [look["sku"] for look in looks()] == ["MUG"]
