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
        sqs, url = self.stack.aws("sqs"), self.stack.deployment.dead_letter_queues[queue]
        found: list[dict[str, Any]] = []
        while fresh := _receive(sqs, url, hide_seconds=30):
            found += fresh
        for message in found:
            sqs.change_message_visibility(
                QueueUrl=url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0
            )
        return [message for message in found if text in message["Body"]]

    def gets(self, queue: str, text: str, seconds: float = 30) -> dict[str, Any]:
        """The first of them, once it is there."""
        return eventually(lambda: next(iter(self.of(queue, text)), None), seconds)


def reason_of(dead_letter: dict[str, Any]) -> str:
    return str(dead_letter["MessageAttributes"]["reason"]["StringValue"])


def until_quiet(stack: Stack, *queues: str, seconds: float = 30) -> None:
    """Return once those work queues are empty and their consumers have nothing in hand."""
    urls = json.loads(stack.deployment_output("QueueUrls"))
    left: dict[str, int] = {}

    def quiet() -> bool:
        left.update({queue: _size(stack, urls[queue]) for queue in queues})
        return not any(left.values())

    eventually(quiet, seconds, lambda: left)


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
