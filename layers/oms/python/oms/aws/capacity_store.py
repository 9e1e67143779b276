"""What is taken of nodes' days, in the inventory table.

==================  ================  ==========================================================
pk                  sk                what
==================  ================  ==========================================================
``load#<node>``     ``<day>``         fulfilments ``taken``, and by hour in ``at_00`` to ``at_23``
``waits_for_node``  ``at#<node>#…``   orders wait for the SKU because the node takes no work
``opens_later``     ``<time>#<node>…``  orders wait for the SKU until the node opens
``reopened#<node>`` ``reopened``      the last SKUs whose waiting orders were told that it does
==================  ================  ==========================================================

A day and its hours are one item: one write takes both, one read knows both.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from botocore.exceptions import ClientError

from oms.aws import dynamo
from oms.catalog.model import Node
from oms.kernel.clock import rfc3339
from oms.kernel.encoding import to_json
from oms.kernel.errors import StockContended
from oms.kernel.events import Envelope
from oms.kernel.writes import Write
from oms.orders.model import Slot
from oms.routing.capacity import Load, SlotTaking, day_of, is_limited

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

LOAD = "load#"
_WAITS = "waits_for_node"
_LATER = "opens_later"
# No node's id makes of it the sort key of anything else.
_AT = "at#"
_REMEMBERED = timedelta(days=60)
# SKUs of a node that are told of each time.
_TOLD_AT_ONCE = 100
_COME_DUE_AT_ONCE = 500


class CapacityStore:
    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def loads(self, nodes: Iterable[Node], now: datetime) -> Mapping[str, Load]:
        days = {node.id: day for node in nodes if is_limited(node) and (day := day_of(node, now))}
        loads = dict.fromkeys(days, Load())
        # What was written before is seen: a node that only seems full would not be asked again.
        keys = [_key(node, f"{day}") for node, day in sorted(days.items())]
        for item in dynamo.read_batch(self._client, self._table, keys):
            loads[dynamo.read_text(item, "pk").removeprefix(LOAD)] = _load(item)
        return loads

    def take(self, takings: Iterable[SlotTaking]) -> list[Write]:
        return [
            self._change(taking.slot, _units([taking.slot]), _limits(taking)) for taking in takings
        ]

    def give_back(self, slots: Iterable[Slot]) -> list[Write]:
        """One write for each day of a node: a transaction writes an item once."""
        days: dict[tuple[str, str], list[Slot]] = {}
        for slot in slots:
            days.setdefault((slot.node, slot.day), []).append(slot)
        return [
            self._change(of[0], {name: -units for name, units in _units(of).items()}, {})
            for of in days.values()
        ]

    def _change(self, day: Slot, changes: Mapping[str, int], limits: Mapping[str, int]) -> Write:
        request: dict[str, Any] = {
            "TableName": self._table,
            "Key": _key(day.node, day.day),
            "UpdateExpression": "ADD "
            + ", ".join(f"{name} :{name}" for name in changes)
            + " SET forget_at = :forget_at",
            "ExpressionAttributeValues": {
                ":forget_at": dynamo.number(_forget_at(day.day)),
                **{f":{name}": dynamo.number(units) for name, units in changes.items()},
                **{f":below_{name}": dynamo.number(limit) for name, limit in limits.items()},
            },
        }
        if limits:
            request["ConditionExpression"] = " AND ".join(
                f"(attribute_not_exists({name}) OR {name} < :below_{name})" for name in limits
            )
        return Write(
            {"Update": request}, StockContended(f"{day.node} takes no more work on {day.day}")
        )

    def wait(self, node: str, skus: Sequence[str]) -> None:
        for sku in skus:
            item = _wait_key(node, sku) | {"waits": dynamo.text(uuid4().hex)}
            self._client.put_item(TableName=self._table, Item=item)

    def wait_until(self, opens: datetime, node: str, skus: Sequence[str]) -> None:
        for sku in skus:
            place = {
                "pk": dynamo.text(_LATER),
                "sk": dynamo.text(f"{rfc3339(opens)}#{node}#{sku}"),
            }
            self._client.put_item(TableName=self._table, Item=place)

    def come_due(self, now: datetime) -> None:
        """Some of very many; the others with the next call."""
        answer = self._client.query(
            TableName=self._table,
            KeyConditionExpression="pk = :later AND sk < :now",
            ExpressionAttributeValues={
                ":later": dynamo.text(_LATER),
                ":now": dynamo.text(f"{rfc3339(now)}$"),
            },
            Limit=_COME_DUE_AT_ONCE,
        )
        for item in answer["Items"]:
            _, node, sku = dynamo.read_text(dict(item), "sk").split("#", 2)
            self.wait(node, [sku])
            key = {"pk": item["pk"], "sk": item["sk"]}
            self._client.delete_item(TableName=self._table, Key=key)

    def waited_for(self) -> Mapping[str, Mapping[str, str]]:
        """By node the SKUs that are waited for because it takes no work, some of very many; each
        with what says whether it was put again meanwhile. However many wait for one node, those
        after it are seen."""
        found: dict[str, dict[str, str]] = {}
        after = _AT
        while items := self._waits_after(after):
            for item in items:
                node, _, sku = dynamo.read_text(item, "sk").removeprefix(_AT).partition("#")
                found.setdefault(node, {})[sku] = dynamo.read_text(item, "waits")
            if len(items) < _TOLD_AT_ONCE:
                break
            after = f"{_AT}{node}$"
        return found

    def _waits_after(self, key: str) -> list[dynamo.Item]:
        """As many as are told of at once. ``$`` sorts right after the ``#`` behind a node."""
        answer = self._client.query(
            TableName=self._table,
            KeyConditionExpression="pk = :waits AND sk > :after",
            ExpressionAttributeValues={
                ":waits": dynamo.text(_WAITS),
                ":after": dynamo.text(key),
            },
            Limit=_TOLD_AT_ONCE,
        )
        return [dict(item) for item in answer["Items"]]

    def tell(self, node: str, waited_for: Mapping[str, str], now: datetime) -> int:
        """Tell those who wait for a SKU that the node takes work; whoever goes on waiting says so
        again. How many SKUs were told of: those beyond a hundred are left for the next time."""
        told = dict(islice(waited_for.items(), _TOLD_AT_ONCE))
        envelope = Envelope(
            id=f"{node}#reopened:{rfc3339(now)}",
            type="node_reopened",
            subject=node,
            version=0,
            at=now,
            by="clock",
            reason="",
            correlation_id="",
            data={"node": node, "skus": list(told)},
        )
        # First: who is told twice looks twice, who is not told waits for good.
        self._client.put_item(
            TableName=self._table,
            Item={
                "pk": dynamo.text(f"reopened#{node}"),
                "sk": dynamo.text("reopened"),
                "envelopes": dynamo.text(to_json([envelope])),
            },
        )
        for sku, put in told.items():
            self._forget(node, sku, put)
        return len(told)

    def _forget(self, node: str, sku: str, put: str) -> None:
        """Unless somebody began to wait for it meanwhile."""
        try:
            self._client.delete_item(
                TableName=self._table,
                Key=_wait_key(node, sku),
                ConditionExpression="waits = :waits",
                ExpressionAttributeValues={":waits": dynamo.text(put)},
            )
        except ClientError as error:
            if not dynamo.is_refused_condition(error):
                raise


def read_load(item: Mapping[str, Any]) -> tuple[Slot, Load]:
    """The node and the day, and what is taken of it."""
    node = dynamo.read_text(item, "pk").removeprefix(LOAD)
    return Slot(node, dynamo.read_text(item, "sk")), _load(item)


def _load(item: Mapping[str, Any]) -> Load:
    hours = {
        int(name.removeprefix("at_")): dynamo.read_number(dict(item), name)
        for name in item
        if name.startswith("at_")
    }
    return Load(dynamo.read_number(item, "taken"), hours)


def _key(node: str, day: str) -> dynamo.Item:
    return {"pk": dynamo.text(f"{LOAD}{node}"), "sk": dynamo.text(day)}


def _wait_key(node: str, sku: str) -> dynamo.Item:
    return {"pk": dynamo.text(_WAITS), "sk": dynamo.text(f"{_AT}{node}#{sku}")}


def _hour(slot: Slot) -> str:
    return f"at_{slot.hour[-2:]}"


def _units(slots: Iterable[Slot]) -> Mapping[str, int]:
    """What slots of one day take of it and, where hours are counted, of each hour."""
    taken = Counter[str]()
    for slot in slots:
        taken.update(["taken", *([_hour(slot)] if slot.hour else [])])
    return taken


def _limits(taking: SlotTaking) -> dict[str, int]:
    limits = {"taken": taking.below_day}
    if taking.slot.hour:
        limits[_hour(taking.slot)] = taking.below_hour
    return {name: limit for name, limit in limits.items() if limit is not None}


def _forget_at(day: str) -> int:
    end = datetime.fromisoformat(f"{date.fromisoformat(day)}T00:00:00+00:00") + _REMEMBERED
    return int(end.timestamp())
