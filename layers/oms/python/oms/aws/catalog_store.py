"""Items, nodes and channels in DynamoDB, each one record.

===================  ============  ================================================
pk                   sk            what
===================  ============  ================================================
``item#<sku>``       ``item``      an item; of a bundle ``made_of`` names its components
``nodes``            node id       a node; all of them are one query
``nodes``            ``<id>#off``  that it is switched off, and until when
``carrier_services`` service id    a carrier service; all of them are one query
``channel#<id>``     ``channel``   a channel
``part_of#<sku>``    bundle        that the bundle holds the SKU, or did once
``goes_into#<sku>``  SKU           that it is made with the SKU, or was once
``availability``     channel id    a channel that is told what it may sell, once more
===================  ============  ================================================
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

from oms.aws import dynamo
from oms.catalog.delivery import CarrierService
from oms.catalog.model import Channel, Item, Node, SwitchedOff
from oms.kernel.encoding import from_json, to_json
from oms.kernel.errors import Unavailable
from oms.kernel.writes import Write

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

T = TypeVar("T")
Key = tuple[str, str]
_FEED = "availability"
_BATCH = 100
_SERVICES = "carrier_services"
_OFF = "#off"
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
        return _with_switches(self._items_in("nodes"))

    def carrier_services(self) -> tuple[CarrierService, ...]:
        return self._records_in(_SERVICES, CarrierService)

    def carrier_service(self, service_id: str) -> CarrierService | None:
        return self._get((_SERVICES, service_id), CarrierService)

    def put_carrier_service(self, service: CarrierService) -> None:
        self._put((_SERVICES, service.id), service)

    def channel(self, channel_id: str) -> Channel | None:
        return self._get((f"channel#{channel_id}", "channel"), Channel)

    def node(self, node_id: str) -> Node | None:
        """Its switch is beside it: no id holds a ``#``, nor what sorts before one."""
        answer = self._client.query(
            TableName=self._table,
            KeyConditionExpression="pk = :nodes AND sk BETWEEN :node AND :off",
            ExpressionAttributeValues={
                ":nodes": dynamo.text("nodes"),
                ":node": dynamo.text(node_id),
                ":off": dynamo.text(node_id + _OFF),
            },
            ConsistentRead=True,
        )
        return next(iter(_with_switches(answer["Items"])), None)

    def switch(self, node_id: str, off: SwitchedOff | None) -> None:
        """Off, or on again."""
        key = ("nodes", node_id + _OFF)
        if off:
            self._put(key, off)
        else:
            self._client.delete_item(TableName=self._table, Key=_key(key))

    def put_item(self, item: Item, reaches: Sequence[Item] = ()) -> None:
        """Store it, if each of ``reaches`` still is made of what it was. Two bundles that are
        stored at the same moment check each other, so that no circle can come about. Raises
        ``Unavailable``."""
        # First: a bundle that is not found would go unmentioned when a part of it runs out, and one
        # too many only is looked at.
        for component in item.components:
            part_of = _key((f"part_of#{component.sku}", item.sku))
            self._client.put_item(TableName=self._table, Item=part_of)
        for sku in _goes_into(item):
            goes_into = _key((f"goes_into#{sku}", item.sku))
            self._client.put_item(TableName=self._table, Item=goes_into)
        record: dict[str, Any] = {
            **_key((f"item#{item.sku}", "item")),
            "record": dynamo.text(to_json(item)),
        }
        if item.components:
            record["made_of"] = dynamo.text(_made_of(item))
        if not reaches:
            self._client.put_item(TableName=self._table, Item=record)
            return
        put = {"Put": {"TableName": self._table, "Item": record}}
        changed = Unavailable("what the bundle is made of was changed at the same moment")
        checks = [Write(self._check(each), changed) for each in reaches]
        dynamo.transact(self._client, [Write(put, changed), *checks])

    def _check(self, item: Item) -> dict[str, Any]:
        check: dict[str, Any] = {
            "TableName": self._table,
            "Key": _key((f"item#{item.sku}", "item")),
            "ConditionExpression": "attribute_exists(pk) AND attribute_not_exists(made_of)",
        }
        if item.components:
            check["ConditionExpression"] = "made_of = :made_of"
            check["ExpressionAttributeValues"] = {":made_of": dynamo.text(_made_of(item))}
        return {"ConditionCheck": check}

    def put_node(self, node: Node) -> None:
        """Whether it is switched off stays as it is."""
        self._put(("nodes", node.id), replace(node, switched_off=None))

    def put_channel(self, channel: Channel) -> None:
        """Also among those that are told of availability, or not any more, in one transaction."""
        listed = _key((_FEED, channel.id))
        record = {"record": dynamo.text(to_json(channel))}
        own = {"Put": {"Item": {**_key((f"channel#{channel.id}", "channel")), **record}}}
        other = (
            {"Put": {"Item": {**listed, **record}}}
            if channel.availability
            else {"Delete": {"Key": listed}}
        )
        contended = Unavailable("the channel was changed at the same moment")
        writes = [
            Write({kind: {"TableName": self._table, **request}}, contended)
            for write in (own, other)
            for kind, request in write.items()
        ]
        dynamo.transact(self._client, writes)

    def bundles_with(self, sku: str) -> tuple[str, ...]:
        """SKUs of the bundles that hold it themselves, and maybe of some that no longer do."""
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            KeyConditionExpression="pk = :part",
            ExpressionAttributeValues={":part": dynamo.text(f"part_of#{sku}")},
        )
        return tuple(dynamo.read_text(item, "sk") for page in pages for item in page["Items"])

    def made_with(self, sku: str) -> tuple[str, ...]:
        """SKUs of what is made with it, itself if it is made or sent by a supplier, and maybe of
        some that no longer are."""
        return tuple(dynamo.read_text(item, "sk") for item in self._items_in(f"goes_into#{sku}"))

    def told_of_availability(self) -> tuple[Channel, ...]:
        """By id."""
        return self._records_in(_FEED, Channel)

    def _records_in(self, partition: str, as_type: type[T]) -> tuple[T, ...]:
        return tuple(
            from_json(dynamo.read_text(item, "record"), as_type)
            for item in self._items_in(partition)
        )

    def _items_in(self, partition: str) -> Iterator[Mapping[str, Any]]:
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            KeyConditionExpression="pk = :partition",
            ExpressionAttributeValues={":partition": dynamo.text(partition)},
        )
        return (item for page in pages for item in page["Items"])

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
        self._services: tuple[float, tuple[CarrierService, ...]] | None = None

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

    def carrier_services(self) -> tuple[CarrierService, ...]:
        now = self._clock()
        if self._services and self._services[0] > now and self._services[1]:
            return self._services[1]
        self._services = (now + self._seconds, self._store.carrier_services())
        return self._services[1]

    def channel(self, channel_id: str) -> Channel | None:
        now = self._clock()
        known = self._channels.get(channel_id)
        if known and known[0] > now:
            return known[1]
        found = self._store.channel(channel_id)
        if found:
            self._channels[channel_id] = (now + self._seconds, found)
        return found


def _with_switches(items: Iterable[Mapping[str, Any]]) -> tuple[Node, ...]:
    """A node's switch follows it."""
    nodes: dict[str, Node] = {}
    for item in items:
        node_id, _, off = dynamo.read_text(item, "sk").partition("#")
        record = dynamo.read_text(item, "record")
        if not off:
            nodes[node_id] = from_json(record, Node)
        elif node_id in nodes:
            switched_off = from_json(record, SwitchedOff)
            nodes[node_id] = replace(nodes[node_id], switched_off=switched_off)
    return tuple(nodes.values())


def _goes_into(item: Item) -> set[str]:
    """What an item is made of, and the item, if it is made or sent by a supplier: there may be more
    of it when any is there again, or the node takes work again."""
    made = item.promising.production
    components = {component.sku for component in made.components} if made else set()
    return components | {item.sku} if made or item.suppliers else set()


def _made_of(item: Item) -> str:
    return ",".join(component.sku for component in item.components)


def _key(key: Key) -> dict[str, dict[str, str]]:
    return {"pk": dynamo.text(key[0]), "sk": dynamo.text(key[1])}


def _batches(skus: Sequence[str]) -> Iterator[Sequence[str]]:
    rest = iter(skus)
    while batch := list(islice(rest, _BATCH)):
        yield batch
