"""Items, nodes and channels in DynamoDB, each one record.

===================  ============  ================================================
pk                   sk            what
===================  ============  ================================================
``item#<sku>``       ``item``      an item
``nodes``            node id       a node; all of them are one query
``channel#<id>``     ``channel``   a channel
===================  ============  ================================================
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from itertools import islice
from typing import TYPE_CHECKING, TypeVar

from oms.aws import dynamo
from oms.catalog.model import Channel, Item, Node
from oms.kernel.encoding import from_json, to_json
from oms.kernel.errors import Unavailable

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

T = TypeVar("T")
Key = tuple[str, str]
_BATCH = 100
_BATCH_ATTEMPTS = 5


class CatalogStore:
    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def items(self, skus: Set[str]) -> Mapping[str, Item]:
        found: dict[str, Item] = {}
        for batch in _batches(sorted(skus)):
            for record in self._read_batch(batch):
                item = from_json(record, Item)
                found[item.sku] = item
        return found

    def nodes(self, among_them: Set[str] = frozenset()) -> tuple[Node, ...]:
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            KeyConditionExpression="pk = :nodes",
            ExpressionAttributeValues={":nodes": dynamo.text("nodes")},
        )
        return tuple(
            from_json(dynamo.read_text(item, "record"), Node)
            for page in pages
            for item in page["Items"]
        )

    def channel(self, channel_id: str) -> Channel | None:
        return self._get((f"channel#{channel_id}", "channel"), Channel)

    def node(self, node_id: str) -> Node | None:
        return self._get(("nodes", node_id), Node)

    def put_item(self, item: Item) -> None:
        self._put((f"item#{item.sku}", "item"), item)

    def put_node(self, node: Node) -> None:
        self._put(("nodes", node.id), node)

    def put_channel(self, channel: Channel) -> None:
        self._put((f"channel#{channel.id}", "channel"), channel)

    def _get(self, key: Key, as_type: type[T]) -> T | None:
        item = self._client.get_item(TableName=self._table, Key=_key(key)).get("Item")
        return None if item is None else from_json(dynamo.read_text(item, "record"), as_type)

    def _put(self, key: Key, value: object) -> None:
        record = dynamo.text(to_json(value))
        self._client.put_item(TableName=self._table, Item={**_key(key), "record": record})

    def _read_batch(self, skus: Sequence[str]) -> list[str]:
        request = {self._table: {"Keys": [_key((f"item#{sku}", "item")) for sku in skus]}}
        records: list[str] = []
        for attempt in range(_BATCH_ATTEMPTS):
            answer = self._client.batch_get_item(RequestItems=request)  # type: ignore[arg-type]
            found = answer["Responses"].get(self._table, [])
            records.extend(dynamo.read_text(item, "record") for item in found)
            if not answer.get("UnprocessedKeys"):
                return records
            request = answer["UnprocessedKeys"]  # type: ignore[assignment]
            time.sleep(0.02 * 2**attempt)
        raise Unavailable("the catalogue is throttled")


class CachedCatalog:
    """Remembers what it read for ``seconds``, for as long as the execution environment lives.

    What was not found is not remembered, so that a new item sells at once and a new
    node ships at once.
    """

    def __init__(
        self,
        store: CatalogStore,
        seconds: float = 30,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._seconds = seconds
        self._clock = clock
        self._items: dict[str, tuple[float, Item]] = {}
        self._channels: dict[str, tuple[float, Channel]] = {}
        self._nodes: tuple[float, tuple[Node, ...]] | None = None

    def items(self, skus: Set[str]) -> Mapping[str, Item]:
        now = self._clock()
        fresh = {
            sku: known[1] for sku in skus if (known := self._items.get(sku)) and known[0] > now
        }
        missing = skus - fresh.keys()
        if not missing:
            return fresh
        found = self._store.items(missing)
        if len(self._items) + len(found) > 10_000:
            self._items.clear()
        self._items.update({sku: (now + self._seconds, item) for sku, item in found.items()})
        return {**fresh, **found}

    def nodes(self, among_them: Set[str] = frozenset()) -> tuple[Node, ...]:
        now = self._clock()
        if self._nodes and self._nodes[0] > now:
            remembered = self._nodes[1]
            if among_them <= {node.id for node in remembered}:
                return remembered
        self._nodes = (now + self._seconds, self._store.nodes())
        return self._nodes[1]

    def channel(self, channel_id: str) -> Channel | None:
        now = self._clock()
        known = self._channels.get(channel_id)
        if known and known[0] > now:
            return known[1]
        found = self._store.channel(channel_id)
        if found:
            self._channels[channel_id] = (now + self._seconds, found)
        return found


def _key(key: Key) -> dict[str, dict[str, str]]:
    return {"pk": dynamo.text(key[0]), "sk": dynamo.text(key[1])}


def _batches(skus: Sequence[str]) -> Iterator[Sequence[str]]:
    rest = iter(skus)
    while batch := list(islice(rest, _BATCH)):
        yield batch
