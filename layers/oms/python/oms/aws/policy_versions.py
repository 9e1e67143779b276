"""Policies in versions, in the catalogue's table: what holds by now, and every version for good.

==============  ============  ================================================================
pk              sk            what
==============  ============  ================================================================
all of a kind   id            the ``version`` that was put last, and in ``record`` what the kind
                              needs to know which version holds
``<kind>#<id>`` ``<version>`` a version in ``record``
==============  ============  ================================================================
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from oms.aws import dynamo
from oms.kernel.errors import VersionConflict
from oms.kernel.writes import Write

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_PAGE = 100


@dataclass(frozen=True, slots=True)
class PolicyVersions:
    """Of one kind of policy, as JSON. ``all_of`` is the partition of what holds."""

    client: DynamoDBClient
    table: str
    kind: str
    all_of: str

    def holding(self) -> list[str]:
        """The ``record`` of each policy, by id: one query."""
        pages = self.client.get_paginator("query").paginate(
            TableName=self.table,
            KeyConditionExpression="pk = :all",
            ExpressionAttributeValues={":all": dynamo.text(self.all_of)},
        )
        return [dynamo.read_text(item, "record") for page in pages for item in page["Items"]]

    def held(self, policy_id: str) -> str | None:
        """As ``holding``, of one policy."""
        return self._read(_key(self.all_of, policy_id))

    def version(self, policy_id: str, version: int) -> str | None:
        return self._read(_key(self._partition(policy_id), _sort(version)))

    def page(self, policy_id: str, limit: int, cursor: str | None) -> tuple[list[str], str | None]:
        """Its versions, newest first, and the cursor of the next page."""
        partition = self._partition(policy_id)
        key: dict[str, Any] = {}
        if cursor:
            key["ExclusiveStartKey"] = dynamo.decode_cursor(cursor, {"pk": partition})
        answer = self.client.query(
            TableName=self.table,
            KeyConditionExpression="pk = :policy",
            ExpressionAttributeValues={":policy": dynamo.text(partition)},
            ScanIndexForward=False,
            Limit=min(limit, _PAGE),
            **key,
        )
        records = [dynamo.read_text(item, "record") for item in answer["Items"]]
        return records, dynamo.encode_cursor(answer.get("LastEvaluatedKey"))

    def put(self, policy_id: str, version: int, record: str, holding: str) -> None:
        """Store ``record`` as this version, and what is ``holding`` with it. Raises
        ``VersionConflict`` when there is that version by now."""
        current: dict[str, Any] = {
            "TableName": self.table,
            "Item": _key(self.all_of, policy_id)
            | {"record": dynamo.text(holding), "version": dynamo.number(version)},
            "ConditionExpression": "attribute_not_exists(version)",
        }
        if version > 1:
            current["ConditionExpression"] = "version = :before"
            current["ExpressionAttributeValues"] = {":before": dynamo.number(version - 1)}
        for_good = {
            "TableName": self.table,
            "Item": _key(self._partition(policy_id), _sort(version))
            | {"record": dynamo.text(record)},
            "ConditionExpression": "attribute_not_exists(pk)",
        }
        changed = VersionConflict(f"the policy {policy_id} was changed at the same moment")
        dynamo.transact(
            self.client, [Write({"Put": current}, changed), Write({"Put": for_good}, changed)]
        )

    def _read(self, key: dynamo.Item) -> str | None:
        answer = self.client.get_item(TableName=self.table, Key=key, ConsistentRead=True)
        item = answer.get("Item")
        return dynamo.read_text(item, "record") if item else None

    def _partition(self, policy_id: str) -> str:
        return f"{self.kind}#{policy_id}"


def _sort(version: int) -> str:
    return f"{version:08}"


def _key(partition: str, sort: str) -> dynamo.Item:
    return {"pk": dynamo.text(partition), "sk": dynamo.text(sort)}
