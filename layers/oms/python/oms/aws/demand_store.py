"""Dated demand in DynamoDB, in the table of stock, where supply and capacity are.

=================  ===========================  ===============================================
pk                 sk                           what
=================  ===========================  ===============================================
``demand#<sku>``   ``<order id>#<line id>``     a promised line that has not left; ``version``;
                                                ``reserved``: its stock is, since a moment ago
sku                ``supply#<supply id>``       ``promised``: units of it that lines wait for
``promise#<id>``   ``promise``                  ``order_id``: the order it was accepted with
=================  ===========================  ===============================================
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from oms.aws import dynamo
from oms.aws.supply_items import read_supply, supply_key
from oms.inventory.position import Supply
from oms.kernel.clock import rfc3339
from oms.kernel.encoding import from_json, to_json
from oms.kernel.errors import Conflict, OmsError, StockContended
from oms.kernel.writes import Write
from oms.promising.demand import DemandLine, demands
from oms.promising.store import DemandPage

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_LARGEST_PAGE = 100
_CHANGED = StockContended("the promised line was changed at the same moment")
_GONE = Conflict("what was promised has gone to others: ask again", code="promise_gone")
_TAKEN = Conflict("the promise was accepted with another order", code="promise_taken")


class DemandStore:
    """Implements ``oms.promising.demand.DemandLines`` and ``oms.promising.store.DemandRows``."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def rows(self, sku: str, limit: int, cursor: str | None) -> DemandPage:
        """``limit`` counts lines; one that waits for no supply has no row, one in parts several."""
        partition = f"demand#{sku}"
        key: dict[str, Any] = {}
        if cursor:
            key["ExclusiveStartKey"] = dynamo.decode_cursor(cursor, {"pk": partition})
        answer = self._client.query(
            TableName=self._table,
            KeyConditionExpression="pk = :demand",
            ExpressionAttributeValues={":demand": dynamo.text(partition)},
            Limit=min(limit, _LARGEST_PAGE),
            **key,
        )
        rows = tuple(row for item in answer["Items"] for row in demands(_read(item)))
        return DemandPage(rows, dynamo.encode_cursor(answer.get("LastEvaluatedKey")))

    def of_sku(self, sku: str) -> Iterator[DemandLine]:
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            KeyConditionExpression="pk = :demand",
            ExpressionAttributeValues={":demand": dynamo.text(f"demand#{sku}")},
            ConsistentRead=True,
        )
        return (_read(item) for page in pages for item in page["Items"])

    def of_order(self, order_id: str, of: Iterable[tuple[str, str]]) -> Sequence[DemandLine]:
        keys = [_key(sku, order_id, line_id) for line_id, sku in of]
        return [_read(item) for key in keys if (item := self._get(key))]

    def add(self, line: DemandLine) -> Write:
        request = {"Item": _item(line, 1), "ConditionExpression": "attribute_not_exists(pk)"}
        return self._write("Put", request, _CHANGED)

    def change(self, line: DemandLine) -> Write:
        request = {"Item": _item(line, line.version + 1), **_unchanged(line)}
        return self._write("Put", request, _CHANGED)

    def remove(self, line: DemandLine) -> Write:
        request = {"Key": _key(line.sku, line.order_id, line.line_id), **_unchanged(line)}
        return self._write("Delete", request, _CHANGED)

    def supply(self, sku: str, supply_id: str) -> Supply | None:
        item = self._get(supply_key(sku, supply_id))
        return read_supply(item) if item else None

    def peg(self, supply: Supply, units: int) -> Write:
        """A condition cannot subtract, so what is open is to be what was read, and what may be
        promised of it is reckoned from that."""
        request = {
            "Key": supply_key(supply.sku, supply.id),
            "UpdateExpression": "ADD promised :units, version :one",
            "ConditionExpression": "#open = :open AND due = :due AND promised <= :most",
            "ExpressionAttributeNames": {"#open": "open"},
            "ExpressionAttributeValues": {
                ":units": dynamo.number(units),
                ":one": dynamo.number(1),
                ":open": dynamo.number(supply.open),
                ":due": dynamo.text(rfc3339(supply.due)),
                ":most": dynamo.number(supply.open - units),
            },
        }
        return self._write("Update", request, _GONE)

    def set_promised(self, supply: Supply, units: int) -> Write:
        request = {
            "Key": supply_key(supply.sku, supply.id),
            "UpdateExpression": "SET promised = :units ADD version :one",
            "ConditionExpression": "version = :read",
            "ExpressionAttributeValues": {
                ":units": dynamo.number(units),
                ":one": dynamo.number(1),
                ":read": dynamo.number(supply.version),
            },
        }
        return self._write("Update", request, _CHANGED)

    def accept(self, promise_id: str, order_id: str) -> Write:
        request = {
            "Key": _promise_key(promise_id),
            "UpdateExpression": "SET order_id = :order",
            "ConditionExpression": "attribute_exists(pk) AND attribute_not_exists(order_id)",
            "ExpressionAttributeValues": {":order": dynamo.text(order_id)},
        }
        return self._write("Update", request, _TAKEN)

    def accepted_by(self, promise_id: str) -> str:
        return dynamo.read_text(self._get(_promise_key(promise_id)) or {}, "order_id")

    def _get(self, key: dict[str, dict[str, str]]) -> Mapping[str, Any] | None:
        answer = self._client.get_item(TableName=self._table, Key=key, ConsistentRead=True)
        return answer.get("Item")

    def _write(self, kind: str, request: dict[str, Any], refusal: OmsError) -> Write:
        return Write({kind: {"TableName": self._table, **request}}, refusal)


def reserved_line(table: str, order_id: str, line_id: str, sku: str) -> Write:
    """Written with the reservation itself, so that nobody takes the line for one that waits."""
    request = {
        "TableName": table,
        "Key": _key(sku, order_id, line_id),
        "UpdateExpression": "SET reserved = :yes ADD version :one",
        "ConditionExpression": "attribute_exists(pk)",
        "ExpressionAttributeValues": {":yes": dynamo.text("yes"), ":one": dynamo.number(1)},
    }
    return Write({"Update": request}, _CHANGED)


def _read(item: Mapping[str, Any]) -> DemandLine:
    line = from_json(dynamo.read_text(item, "document"), DemandLine)
    version = dynamo.read_number(item, "version")
    return replace(line, version=version, reserved="reserved" in item)


def _item(line: DemandLine, version: int) -> dict[str, Any]:
    item = {
        **_key(line.sku, line.order_id, line.line_id),
        "document": dynamo.text(to_json(replace(line, version=0, reserved=False))),
        "version": dynamo.number(version),
    }
    return item | {"reserved": dynamo.text("yes")} if line.reserved else item


def _unchanged(line: DemandLine) -> dict[str, Any]:
    return {
        "ConditionExpression": "version = :read",
        "ExpressionAttributeValues": {":read": dynamo.number(line.version)},
    }


def _key(sku: str, order_id: str, line_id: str) -> dict[str, dict[str, str]]:
    return {"pk": dynamo.text(f"demand#{sku}"), "sk": dynamo.text(f"{order_id}#{line_id}")}


def _promise_key(promise_id: str) -> dict[str, dict[str, str]]:
    return {"pk": dynamo.text(f"promise#{promise_id}"), "sk": dynamo.text("promise")}
