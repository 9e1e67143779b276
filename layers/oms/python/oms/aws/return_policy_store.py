"""Return policies in the catalogue's table.

======================  ============  ============================================================
pk                      sk            what
======================  ============  ============================================================
``return_policies``     id            the ``version`` that was put last, in ``record``
``return_policy#<id>``  ``<version>`` a version in ``record``, for good
======================  ============  ============================================================
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from oms.aws import dynamo
from oms.kernel.encoding import from_json, to_json
from oms.kernel.errors import NotFound, VersionConflict
from oms.kernel.events import Cause
from oms.kernel.writes import Write
from oms.returns.policy import BUILT_IN, ReturnPolicy, chosen

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_ALL = "return_policies"
_PAGE = 100


@dataclass(frozen=True, slots=True)
class ReturnPolicyPage:
    """Newest first."""

    versions: tuple[ReturnPolicy, ...]
    cursor: str | None


class ReturnPolicyStore:
    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def for_channel(self, channel: str) -> ReturnPolicy:
        """One query."""
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            KeyConditionExpression="pk = :all",
            ExpressionAttributeValues={":all": dynamo.text(_ALL)},
        )
        return chosen([_policy(item) for page in pages for item in page["Items"]], channel)

    def held(self, policy_id: str, version: int) -> ReturnPolicy:
        """The version that a return is under. Raises ``NotFound``."""
        if policy_id == BUILT_IN.id:
            return BUILT_IN
        found = self.version(policy_id, version)
        if found is None:
            raise NotFound(f"there is no version {version} of the return policy {policy_id}")
        return found

    def latest(self, policy_id: str) -> ReturnPolicy | None:
        return self._read(_key(_ALL, policy_id))

    def version(self, policy_id: str, version: int) -> ReturnPolicy | None:
        return self._read(_key(_partition(policy_id), _sort(version)))

    def versions(self, policy_id: str, limit: int, cursor: str | None) -> ReturnPolicyPage:
        partition = _partition(policy_id)
        key: dict[str, Any] = {}
        if cursor:
            key["ExclusiveStartKey"] = dynamo.decode_cursor(cursor, {"pk": partition})
        answer = self._client.query(
            TableName=self._table,
            KeyConditionExpression="pk = :policy",
            ExpressionAttributeValues={":policy": dynamo.text(partition)},
            ScanIndexForward=False,
            Limit=min(limit, _PAGE),
            **key,
        )
        return ReturnPolicyPage(
            tuple(_policy(item) for item in answer["Items"]),
            dynamo.encode_cursor(answer.get("LastEvaluatedKey")),
        )

    def put(self, policy: ReturnPolicy, cause: Cause) -> ReturnPolicy:
        """Store it as the version after ``policy.version``. Raises ``VersionConflict`` when there
        is that version by now."""
        new = replace(policy, version=policy.version + 1, put_at=cause.at)
        dynamo.transact(self._client, [self._current(new), self._for_good(new)])
        return new

    def _current(self, new: ReturnPolicy) -> Write:
        put: dict[str, Any] = {
            "TableName": self._table,
            "Item": _key(_ALL, new.id)
            | {"record": dynamo.text(to_json(new)), "version": dynamo.number(new.version)},
            "ConditionExpression": "attribute_not_exists(version)",
        }
        if new.version > 1:
            put["ConditionExpression"] = "version = :before"
            put["ExpressionAttributeValues"] = {":before": dynamo.number(new.version - 1)}
        return Write({"Put": put}, _changed(new.id))

    def _for_good(self, new: ReturnPolicy) -> Write:
        put = {
            "TableName": self._table,
            "Item": _key(_partition(new.id), _sort(new.version))
            | {"record": dynamo.text(to_json(new))},
            "ConditionExpression": "attribute_not_exists(pk)",
        }
        return Write({"Put": put}, _changed(new.id))

    def _read(self, key: dynamo.Item) -> ReturnPolicy | None:
        answer = self._client.get_item(TableName=self._table, Key=key, ConsistentRead=True)
        item = answer.get("Item")
        return _policy(item) if item else None


def _policy(item: Any) -> ReturnPolicy:
    return from_json(dynamo.read_text(item, "record"), ReturnPolicy)


def _changed(policy_id: str) -> VersionConflict:
    return VersionConflict(f"the policy {policy_id} was changed at the same moment")


def _partition(policy_id: str) -> str:
    return f"return_policy#{policy_id}"


def _sort(version: int) -> str:
    return f"{version:08}"


def _key(partition: str, sort: str) -> dynamo.Item:
    return {"pk": dynamo.text(partition), "sk": dynamo.text(sort)}
