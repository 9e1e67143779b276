"""Picklists in the table of work.

=============================  ============================  =====================================
pk                             sk                            what
=============================  ============================  =====================================
``picklist#<id>``              ``picklist``                  the list, its state and its items
``picklists#<node>``           ``<created at>#<id>``         that the node has it
fulfilment id                  ``picklist``                  the live list that it is on
=============================  ============================  =====================================

Lists that have ended, and what points to them, are forgotten after half a year.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from oms.aws import dynamo
from oms.fulfillment.picking import PicklistPage, is_live
from oms.fulfillment.picklists import Picklist
from oms.kernel.clock import rfc3339
from oms.kernel.encoding import from_json, to_json
from oms.kernel.errors import Conflict, VersionConflict
from oms.kernel.writes import Write

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_PICKLIST = "picklist"
_KEPT = timedelta(days=180)
_TAKEN = Conflict("it is on another picklist", code="on_picklist")


class PicklistTable:
    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def find(self, picklist_id: str) -> Picklist | None:
        answer = self._client.get_item(
            TableName=self._table, Key=_list_key(picklist_id), ConsistentRead=True
        )
        item = answer.get("Item")
        return None if item is None else _picklist(item)

    def add(self, picklist: Picklist) -> bool:
        pointer = {**_pointer_key(picklist), "expires_at": _expires_at(picklist)}
        claims = [
            {**_claim_key(each), _PICKLIST: dynamo.text(picklist.id)}
            for each in picklist.fulfillments
        ]
        puts = [self._item(picklist), pointer, *claims]
        try:
            dynamo.transact(self._client, [self._once(item) for item in puts])
        except Conflict as refusal:
            if refusal is not _TAKEN:
                raise
            return False
        return True

    def store(self, picklist: Picklist) -> Picklist:
        put = {
            "TableName": self._table,
            "Item": self._item(picklist),
            "ConditionExpression": "version = :before",
            "ExpressionAttributeValues": {":before": dynamo.number(picklist.version)},
        }
        elsewhere = VersionConflict("the picklist was changed at the same moment")
        writes = [Write({"Put": put}, elsewhere)]
        if not is_live(picklist):
            writes += [
                Write({"Delete": {"TableName": self._table, "Key": _claim_key(each)}}, elsewhere)
                for each in picklist.fulfillments
            ]
        dynamo.transact(self._client, writes)
        return replace(picklist, version=picklist.version + 1)

    def claimed(self, fulfillments: Sequence[str]) -> set[str]:
        items = dynamo.read_batch(
            self._client, self._table, [_claim_key(each) for each in fulfillments]
        )
        return {dynamo.read_text(item, "pk") for item in items}

    def of_node(self, node: str, limit: int, cursor: str | None) -> PicklistPage:
        partition = f"picklists#{node}"
        request: dict[str, Any] = {
            "TableName": self._table,
            "KeyConditionExpression": "pk = :node",
            "ExpressionAttributeValues": {":node": dynamo.text(partition)},
            "ScanIndexForward": False,
            "Limit": limit,
        }
        if cursor:
            request["ExclusiveStartKey"] = dynamo.decode_cursor(cursor, {"pk": partition})
        answer = self._client.query(**request)
        ids = [dynamo.read_text(item, "sk").partition("#")[2] for item in answer["Items"]]
        items = dynamo.read_batch(self._client, self._table, [_list_key(one) for one in ids])
        found = {one.id: one for one in map(_picklist, items)}
        picklists = tuple(found[one] for one in ids if one in found)
        return PicklistPage(picklists, dynamo.encode_cursor(answer.get("LastEvaluatedKey")))

    def _item(self, picklist: Picklist) -> dynamo.Item:
        item = {
            **_list_key(picklist.id),
            "document": dynamo.text(to_json(replace(picklist, version=0))),
            "version": dynamo.number(picklist.version + 1),
        }
        if not is_live(picklist):
            item["expires_at"] = _expires_at(picklist)
        return item

    def _once(self, item: dynamo.Item) -> Write:
        put = {
            "TableName": self._table,
            "Item": item,
            "ConditionExpression": "attribute_not_exists(pk)",
        }
        return Write({"Put": put}, _TAKEN)


def _picklist(item: dynamo.Item) -> Picklist:
    picklist = from_json(dynamo.read_text(item, "document"), Picklist)
    return replace(picklist, version=dynamo.read_number(item, "version"))


def _list_key(picklist_id: str) -> dynamo.Item:
    return {"pk": dynamo.text(f"picklist#{picklist_id}"), "sk": dynamo.text(_PICKLIST)}


def _pointer_key(picklist: Picklist) -> dynamo.Item:
    created = f"{rfc3339(picklist.created_at)}#{picklist.id}"
    return {"pk": dynamo.text(f"picklists#{picklist.node}"), "sk": dynamo.text(created)}


def _claim_key(fulfillment_id: str) -> dynamo.Item:
    return {"pk": dynamo.text(fulfillment_id), "sk": dynamo.text(_PICKLIST)}


def _expires_at(picklist: Picklist) -> dict[str, str]:
    return dynamo.number(int((picklist.created_at + _KEPT).timestamp()))
