"""Who waits for stock, what is owed, and whose units may be taken back, in the inventory table.

================== ======================================== ========================================
pk                 sk                                       what
================== ======================================== ========================================
``waiting#<sku>``  ``<rank>``                               an order that lacks ``quantity`` units,
                                                            for a ``channel``, all that it is
                                                            ``lacking``, and what of it is
                                                            collected ``at`` a node
sku                ``owed``                                 ``units`` owed to those who wait, and
                                                            ``to#<channel>`` of them by channel
``held#<sku>``     ``<priority>#<since>#<order id>#<node>`` units that may be taken back
================== ======================================== ========================================
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from oms.aws import dynamo
from oms.inventory.backorders import Holder, QueuePage, Room, Waiter
from oms.kernel.errors import OmsError, StockContended
from oms.kernel.writes import Write

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

OWED = "owed"
WAITING = "waiting#"
_TO = "to#"
_PAGE = 100
_NO_ROOM = StockContended("others were backordered at the same moment")


class BackorderStore:
    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def join(self, waiter: Waiter, sku: str, room: Room) -> list[Write]:
        owed = self._owe(sku, waiter.channel, waiter.lacking[sku], room)
        return [*self.stay(waiter, sku), owed]

    def stay(self, waiter: Waiter, sku: str) -> list[Write]:
        here = waiter.in_queue_of(sku)
        item = _waiting_key(waiter, sku) | {
            "quantity": dynamo.number(here.lacking[sku]),
            "channel": dynamo.text(here.channel),
            "lacking": dynamo.text(json.dumps(here.lacking, separators=(",", ":"))),
        }
        if here.at:
            item["at"] = dynamo.text(json.dumps(here.at, separators=(",", ":")))
        return [self._write("Put", {"Item": item})]

    def change(self, waiter: Waiter, sku: str, units: int, room: Room) -> list[Write]:
        if not units:
            return self.stay(waiter, sku)
        return [*self.stay(waiter, sku), self._owe(sku, waiter.channel, units, room)]

    def leave(self, waiter: Waiter, sku: str) -> list[Write]:
        gone = self._write("Delete", {"Key": _waiting_key(waiter, sku)})
        return [gone, self._owe(sku, waiter.channel, -waiter.lacking[sku], Room())]

    def waiting(self, sku: str, before: str = "") -> Iterator[Waiter]:
        condition, values = "pk = :waiting", {":waiting": dynamo.text(f"{WAITING}{sku}")}
        if before:
            condition += " AND sk < :before"
            values[":before"] = dynamo.text(before)
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            KeyConditionExpression=condition,
            ExpressionAttributeValues=values,
            ConsistentRead=True,
            PaginationConfig={"PageSize": _PAGE},
        )
        return (read_waiter(item) for page in pages for item in page["Items"])

    def queue(self, sku: str, limit: int, cursor: str | None) -> QueuePage:
        partition = f"{WAITING}{sku}"
        key: dict[str, Any] = {}
        if cursor:
            key["ExclusiveStartKey"] = dynamo.decode_cursor(cursor, {"pk": partition})
        answer = self._client.query(
            TableName=self._table,
            KeyConditionExpression="pk = :waiting",
            ExpressionAttributeValues={":waiting": dynamo.text(partition)},
            Limit=min(limit, _PAGE),
            **key,
        )
        waiting = tuple(read_waiter(item) for item in answer["Items"])
        return QueuePage(waiting, dynamo.encode_cursor(answer.get("LastEvaluatedKey")))

    def hold(self, sku: str, holder: Holder) -> list[Write]:
        item = _held_key(sku, holder) | {"quantity": dynamo.number(holder.quantity)}
        return [self._write("Put", {"Item": item})]

    def let_go(self, sku: str, holder: Holder) -> list[Write]:
        return [self._write("Delete", {"Key": _held_key(sku, holder)})]

    def held(self, sku: str, below: int) -> Sequence[Holder]:
        """Where there are more than are looked at, those that are taken from first: of the lowest
        priorities, and of each the youngest."""
        holders, more = self._held(sku, "sk < :end", str(below), _PAGE)
        if not more:
            return holders
        first: list[Holder] = []
        for priority in range(below):
            if room := _PAGE - len(first):
                begins = "begins_with(sk, :end)"
                first += self._held(sku, begins, f"{priority}#", room, youngest_first=True)[0]
        return first

    def _held(
        self, sku: str, condition: str, end: str, limit: int, *, youngest_first: bool = False
    ) -> tuple[list[Holder], bool]:
        """Holders, and whether there are more."""
        answer = self._client.query(
            TableName=self._table,
            KeyConditionExpression=f"pk = :held AND {condition}",
            ExpressionAttributeValues={
                ":held": dynamo.text(f"held#{sku}"),
                ":end": dynamo.text(end),
            },
            ConsistentRead=True,
            Limit=limit,
            ScanIndexForward=not youngest_first,
        )
        return [_read_holder(item) for item in answer["Items"]], "LastEvaluatedKey" in answer

    def _owe(self, sku: str, channel: str, units: int, room: Room) -> Write:
        limits = {"#units": room.in_all, "#to": room.to_channel}
        conditions, values = [], {":change": dynamo.number(units)}
        for number, (name, limit) in enumerate(limits.items()):
            if limit is not None:
                conditions.append(f"(attribute_not_exists({name}) OR {name} <= :limit{number})")
                values[f":limit{number}"] = dynamo.number(limit)
        request: dict[str, Any] = {
            "Key": {"pk": dynamo.text(sku), "sk": dynamo.text(OWED)},
            "UpdateExpression": "ADD #units :change, #to :change",
            "ExpressionAttributeNames": {"#units": "units", "#to": f"{_TO}{channel}"},
            "ExpressionAttributeValues": values,
        }
        if conditions:
            request["ConditionExpression"] = " AND ".join(conditions)
        return self._write("Update", request, _NO_ROOM)

    def _write(self, kind: str, request: dict[str, Any], refusal: OmsError = _NO_ROOM) -> Write:
        return Write({kind: {"TableName": self._table, **request}}, refusal)


def read_owed(item: Mapping[str, Any]) -> tuple[int, dict[str, int]]:
    """Units owed in all, and by channel."""
    by_channel = {
        name.removeprefix(_TO): dynamo.read_number(item, name)
        for name in item
        if name.startswith(_TO)
    }
    return dynamo.read_number(item, "units"), by_channel


def read_waiter(item: Mapping[str, Any]) -> Waiter:
    return Waiter(
        rank=dynamo.read_text(item, "sk"),
        lacking=json.loads(dynamo.read_text(item, "lacking")),
        channel=dynamo.read_text(item, "channel"),
        at=json.loads(dynamo.read_text(item, "at", "{}")),
    )


def _read_holder(item: Mapping[str, Any]) -> Holder:
    priority, since, order_id, node = dynamo.read_text(item, "sk").split("#", 3)
    return Holder(order_id, int(priority), since, node, dynamo.read_number(item, "quantity"))


def _waiting_key(waiter: Waiter, sku: str) -> dict[str, dict[str, str]]:
    return {"pk": dynamo.text(f"{WAITING}{sku}"), "sk": dynamo.text(waiter.rank)}


def _held_key(sku: str, holder: Holder) -> dict[str, dict[str, str]]:
    place = f"{holder.priority}#{holder.since}#{holder.order_id}#{holder.node}"
    return {"pk": dynamo.text(f"held#{sku}"), "sk": dynamo.text(place)}
