"""The event bus and the queues behind it, as their records show them."""

import json
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from tests.e2e.stack import Stack, eventually

_BATCH = 10


@dataclass
class Tap:
    """Hears everything that is said on the event bus: a queue of the tests' own behind it."""

    stack: Stack
    queue: str
    _heard: list[dict[str, Any]] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @classmethod
    def open(cls, stack: Stack) -> "Tap":
        sqs, events = stack.aws("sqs"), stack.aws("events")
        queue = sqs.create_queue(QueueName="tap")["QueueUrl"]
        attributes = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])
        bus = stack.deployment.event_bus
        pattern = json.dumps({"source": [{"prefix": "oms."}]})
        events.put_rule(Name="tap", EventBusName=bus, EventPattern=pattern)
        target = {"Id": "tap", "Arn": attributes["Attributes"]["QueueArn"]}
        events.put_targets(Rule="tap", EventBusName=bus, Targets=[target])
        return cls(stack, queue)

    def about(self, subject: str) -> list[dict[str, Any]]:
        """What was said about an order, or about a SKU at a node (`sku#node`)."""
        with self._lock:
            self._listen()
            return [one for one in self._heard if one["detail"]["subject"] == subject]

    def hears(self, kind: str, subject: str) -> dict[str, Any]:
        """The data of the first event of that type about that subject."""

        def said() -> dict[str, Any] | None:
            for one in self.about(subject):
                if one["detail-type"] == kind:
                    data: dict[str, Any] = one["detail"]["data"]
                    return data
            return None

        return eventually(said, otherwise=lambda: self.about(subject))

    def repeat(self, said: Iterable[dict[str, Any]]) -> None:
        """Say it all again, with the same ids."""
        entries = [
            {
                "EventBusName": self.stack.deployment.event_bus,
                "Source": one["source"],
                "DetailType": one["detail-type"],
                "Detail": json.dumps(one["detail"]),
            }
            for one in said
        ]
        for start in range(0, len(entries), _BATCH):
            batch = entries[start : start + _BATCH]
            answer = self.stack.aws("events").put_events(Entries=batch)
            assert answer["FailedEntryCount"] == 0, answer

    def _listen(self) -> None:
        sqs = self.stack.aws("sqs")
        while messages := _receive(sqs, self.queue, hide_seconds=60):
            self._heard += [json.loads(message["Body"]) for message in messages]
            handles = [
                {"Id": str(number), "ReceiptHandle": message["ReceiptHandle"]}
                for number, message in enumerate(messages)
            ]
            sqs.delete_message_batch(QueueUrl=self.queue, Entries=handles)


@dataclass(frozen=True)
class DeadLetters:
    """What was parked, which stays where it is when it is looked at."""

    stack: Stack

    def of(self, queue: str, text: str) -> list[dict[str, Any]]:
        """The dead letters of that queue with `text` in their body."""
        found: dict[str, dict[str, Any]] = {}
        url = self.stack.deployment.dead_letter_queues[queue]
        while fresh := self._unseen(url, found):
            found |= fresh
        return [message for message in found.values() if text in message["Body"]]

    def gets(self, queue: str, text: str, seconds: float = 30) -> dict[str, Any]:
        """The first of them, once it is there."""
        return eventually(lambda: next(iter(self.of(queue, text)), None), seconds)

    def count(self, queue: str) -> int:
        url = self.stack.deployment.dead_letter_queues[queue]
        return _size(self.stack, url)

    def _unseen(self, url: str, found: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
        messages = _receive(self.stack.aws("sqs"), url, hide_seconds=1)
        return {one["MessageId"]: one for one in messages if one["MessageId"] not in found}


def reason_of(dead_letter: dict[str, Any]) -> str:
    return str(dead_letter["MessageAttributes"]["reason"]["StringValue"])


def until_quiet(stack: Stack, seconds: float = 30) -> None:
    """Return once no work queue holds a message, nor does a consumer."""
    eventually(lambda: not any(_size(stack, url) for url in _work_queues(stack)), seconds)


def _work_queues(stack: Stack) -> list[str]:
    sqs = stack.aws("sqs")
    dead = set(stack.deployment.dead_letter_queues.values())
    urls = sqs.list_queues()["QueueUrls"]
    return [url for url in urls if url not in dead and not url.endswith("/tap")]


def _size(stack: Stack, url: str) -> int:
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    answer = stack.aws("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=names)
    return sum(int(answer["Attributes"][name]) for name in names)


def _receive(sqs: Any, url: str, *, hide_seconds: int) -> list[dict[str, Any]]:
    answer = sqs.receive_message(
        QueueUrl=url,
        MaxNumberOfMessages=_BATCH,
        MessageAttributeNames=["All"],
        VisibilityTimeout=hide_seconds,
    )
    messages: list[dict[str, Any]] = answer.get("Messages", [])
    return messages
