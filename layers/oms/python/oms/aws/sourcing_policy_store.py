"""Sourcing policies in the catalogue's table.

=======================  ==============  ==========================================================
pk                       sk              what
=======================  ==============  ==========================================================
``sourcing_policies``    id              the latest ``version``, and in ``record`` the version that
                                         holds with those that are to: all of them are one query
``sourcing_policy#<id>`` ``<version>``   a version in ``record``, for good
=======================  ==============  ==========================================================
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from oms.aws import dynamo
from oms.kernel.encoding import from_json, to_json
from oms.kernel.errors import VersionConflict
from oms.kernel.events import Cause
from oms.kernel.writes import Write
from oms.routing.policies import chosen, effective, still_needed
from oms.routing.policy import SourcingPolicy

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_ALL = "sourcing_policies"
_PAGE = 100


@dataclass(frozen=True, slots=True)
class VersionPage:
    """Newest first."""

    versions: tuple[SourcingPolicy, ...]
    cursor: str | None


class SourcingPolicyStore:
    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def for_channel(self, channel: str, now: datetime) -> SourcingPolicy:
        """One query."""
        holding = (effective(versions, now) for versions in self.current())
        return chosen([one for one in holding if one is not None], channel)

    def current(self) -> list[tuple[SourcingPolicy, ...]]:
        """Of each policy, by id, the version that held when the latest was put, and all since."""
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            KeyConditionExpression="pk = :all",
            ExpressionAttributeValues={":all": dynamo.text(_ALL)},
        )
        return [_versions(item) for page in pages for item in page["Items"]]

    def of(self, policy_id: str) -> tuple[SourcingPolicy, ...]:
        """As ``current``, of one policy; nothing when there is none."""
        answer = self._client.get_item(
            TableName=self._table, Key=_key(_ALL, policy_id), ConsistentRead=True
        )
        item = answer.get("Item")
        return _versions(item) if item else ()

    def latest(self, policy_id: str) -> SourcingPolicy | None:
        return max(self.of(policy_id), key=lambda one: one.version, default=None)

    def version(self, policy_id: str, version: int) -> SourcingPolicy | None:
        key = _key(_partition(policy_id), _sort(version))
        item = self._client.get_item(TableName=self._table, Key=key).get("Item")
        return from_json(dynamo.read_text(item, "record"), SourcingPolicy) if item else None

    def versions(self, policy_id: str, limit: int, cursor: str | None) -> VersionPage:
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
        found = (dynamo.read_text(item, "record") for item in answer["Items"])
        return VersionPage(
            tuple(from_json(record, SourcingPolicy) for record in found),
            dynamo.encode_cursor(answer.get("LastEvaluatedKey")),
        )

    def put(self, policy: SourcingPolicy, cause: Cause) -> SourcingPolicy:
        """Store it as the version after ``policy.version``. Raises ``VersionConflict`` when there
        is that version by now."""
        new = replace(policy, version=policy.version + 1, put_at=cause.at)
        needed = still_needed((*self.of(policy.id), new), cause.at)
        dynamo.transact(self._client, [self._current(new, needed), self._for_good(new)])
        return new

    def _current(self, new: SourcingPolicy, needed: tuple[SourcingPolicy, ...]) -> Write:
        put: dict[str, Any] = {
            "TableName": self._table,
            "Item": _key(_ALL, new.id)
            | {"record": dynamo.text(to_json(needed)), "version": dynamo.number(new.version)},
            "ConditionExpression": "attribute_not_exists(version)",
        }
        if new.version > 1:
            put["ConditionExpression"] = "version = :before"
            put["ExpressionAttributeValues"] = {":before": dynamo.number(new.version - 1)}
        return Write({"Put": put}, _changed(new.id))

    def _for_good(self, new: SourcingPolicy) -> Write:
        put = {
            "TableName": self._table,
            "Item": _key(_partition(new.id), _sort(new.version))
            | {"record": dynamo.text(to_json(new))},
            "ConditionExpression": "attribute_not_exists(pk)",
        }
        return Write({"Put": put}, _changed(new.id))


def _changed(policy_id: str) -> VersionConflict:
    return VersionConflict(f"the policy {policy_id} was changed at the same moment")


def _versions(item: dynamo.Item) -> tuple[SourcingPolicy, ...]:
    return from_json(dynamo.read_text(item, "record"), tuple[SourcingPolicy, ...])


def _partition(policy_id: str) -> str:
    return f"sourcing_policy#{policy_id}"


def _sort(version: int) -> str:
    return f"{version:08}"


def _key(partition: str, sort: str) -> dynamo.Item:
    return {"pk": dynamo.text(partition), "sk": dynamo.text(sort)}
