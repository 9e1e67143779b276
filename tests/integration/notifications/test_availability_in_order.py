"""Many sales and many consumers at once, against an engine whose queue really keeps its groups."""

import json
import time
from collections.abc import Iterator, Mapping, Set
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from local import engine
from local.aws import local_session
from oms.aws.availability_queue import AvailabilityQueue, look_of
from oms.aws.outbox import StockChange
from oms.aws.published_store import PublishedStore
from oms.aws.queues import Queue
from oms.catalog.model import Channel
from oms.inventory.model import Need
from oms.inventory.position import Position
from oms.kernel.clock import utc_now
from oms.kernel.errors import ProviderUnavailable
from oms.notifications import availability_message
from oms.notifications.availability import tell
from oms.notifications.callback import CallbackOutcome
from tests.integration.world import World, made_with
from tests.samples import CAUSE

SALES = 40
SECONDS = 60


@dataclass
class Feed:
    """A queue that hides a message for longer than a window, and whoever takes from it."""

    oms: World
    sqs: Any
    url: str
    heard: list[tuple[int, Any]] = field(default_factory=list)
    handled: list[str] = field(default_factory=list)
    done: Event = field(default_factory=Event)

    def sell(self, number: int) -> None:
        """One unit, and what the relay makes of it."""
        need = [Need("MUG", "sp-dc", 1)]
        self.oms.stock.transact(self.oms.stock.reserve(need, f"ord_{number}", CAUSE))
        assert not self.queue.tell([StockChange("MUG", time.time())])

    @property
    def queue(self) -> AvailabilityQueue:
        return AvailabilityQueue(Queue(self.url, self.sqs))

    def consume(self) -> None:
        while not self.done.is_set():
            answer = self.sqs.receive_message(
                QueueUrl=self.url, MaxNumberOfMessages=1, VisibilityTimeout=30, WaitTimeSeconds=1
            )
            for message in answer.get("Messages", []):
                self._take(message)

    def _take(self, message: Any) -> None:
        handle = {"QueueUrl": self.url, "ReceiptHandle": message["ReceiptHandle"]}
        try:
            self._handle(message["Body"])
        except ProviderUnavailable:
            self.sqs.change_message_visibility(**handle, VisibilityTimeout=0)
            return
        self.handled.append(message["Body"])
        self.sqs.delete_message(**handle)

    def _handle(self, body: str) -> None:
        look = look_of(body)
        if not look.channel:
            channels = self.oms.catalog.told_of_availability()
            self.queue.fan_out(look, [channel.id for channel in channels], [])
            return
        store = PublishedStore(self.oms.client, "inventory")
        channel = self.oms.catalog.channel(look.channel)
        tell(look, channel, self._positions, self.oms.catalog, store, self._post, utc_now)

    def _positions(self, skus: Set[str], now: Any) -> Mapping[str, Position]:
        return self.oms.stock.positions(skus, now, consistent=True)

    def _post(self, url: str, channel: str, message_id: str, body: str) -> CallbackOutcome:
        """A channel that takes what it is told and forgets now and then to say so."""
        told = availability_of(body)
        self.heard.append(told)
        time.sleep(0.02)  # a slow channel: long enough for another message to overtake
        if len(self.heard) % 3 == 1:
            raise ProviderUnavailable("the answer got lost")
        return CallbackOutcome.ACCEPTED

    @property
    def knows(self) -> Any:
        return self.heard[-1][1] if self.heard else None


def availability_of(body: str) -> tuple[int, Any]:
    data = json.loads(body)["data"]
    return data["sequence"], data["available"]


@pytest.fixture
def feed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Feed]:
    monkeypatch.setattr(availability_message, "WINDOW", 1)
    running = engine.start(tmp_path, lifetime="with this process")
    try:
        session = local_session()
        sqs = session.client("sqs", endpoint_url=running.endpoint)
        url = sqs.create_queue(
            QueueName="availability.fifo",
            Attributes={
                "FifoQueue": "true",
                "DelaySeconds": "2",
                "DeduplicationScope": "messageGroup",
                "FifoThroughputLimit": "perMessageGroupId",
            },
        )["QueueUrl"]
        oms = made_with(session.client("dynamodb", endpoint_url=running.endpoint))
        oms.catalog.put_channel(Channel("web", "Web", ("BRL",), "https://shop.example", True))
        yield Feed(oms, sqs, url)
    finally:
        engine.stop(running)


def test_what_a_channel_hears_is_never_out_of_order_and_ends_with_what_there_is(
    feed: Feed,
) -> None:
    feed.oms.receive("MUG", SALES + 2)

    with ThreadPoolExecutor(12) as threads:
        consumers = [threads.submit(feed.consume) for _ in range(4)]
        list(threads.map(feed.sell, range(SALES)))
        deadline = time.monotonic() + SECONDS
        while feed.knows != 2 and time.monotonic() < deadline:
            time.sleep(0.1)
        feed.done.set()
        for consumer in consumers:
            consumer.result()

    sequences = [sequence for sequence, _ in feed.heard]
    assert sequences == sorted(sequences)
    assert [left for _, left in feed.heard] == sorted((left for _, left in feed.heard))[::-1]
    assert len(set(feed.heard)) == len(set(sequences)), "a sequence is said with one content"
    assert feed.knows == feed.oms.balance("MUG").available == 2
    assert len(feed.heard) < SALES / 2
