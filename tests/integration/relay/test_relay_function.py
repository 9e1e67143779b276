"""The relay as Lambda calls it: what fails is told in a way that gets it alone at last."""

import importlib
import json
import sys
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from aws_lambda_powertools.utilities.typing import LambdaContext
from moto import mock_aws

from oms.aws import clients
from oms.kernel.errors import Unavailable

Relay = Callable[..., list[str]]
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
        boto3.client("events").create_event_bus(Name="bus")
        monkeypatch.setenv("EVENT_BUS", "bus")
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
