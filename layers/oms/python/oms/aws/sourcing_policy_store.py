"""Sourcing policies: ``sourcing_policies`` has of each the version that holds with those that are
to, so that all of them are one query, and ``sourcing_policy#<id>`` every version
(``oms.aws.policy_versions``)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from oms.aws.policy_versions import PolicyVersions
from oms.kernel.encoding import from_json, to_json
from oms.kernel.events import Cause
from oms.routing.policies import chosen, effective, still_needed
from oms.routing.policy import SourcingPolicy

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


@dataclass(frozen=True, slots=True)
class VersionPage:
    """Newest first."""

    versions: tuple[SourcingPolicy, ...]
    cursor: str | None


class SourcingPolicyStore:
    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._versions = PolicyVersions(client, table, "sourcing_policy", "sourcing_policies")

    def for_channel(self, channel: str, now: datetime) -> SourcingPolicy:
        """One query."""
        holding = (effective(versions, now) for versions in self.current())
        return chosen([one for one in holding if one is not None], channel)

    def current(self) -> list[tuple[SourcingPolicy, ...]]:
        """Of each policy, by id, the version that held when the latest was put, and all since."""
        return [_policies(record) for record in self._versions.holding()]

    def of(self, policy_id: str) -> tuple[SourcingPolicy, ...]:
        """As ``current``, of one policy; nothing when there is none."""
        record = self._versions.held(policy_id)
        return _policies(record) if record else ()

    def latest(self, policy_id: str) -> SourcingPolicy | None:
        return max(self.of(policy_id), key=lambda one: one.version, default=None)

    def version(self, policy_id: str, version: int) -> SourcingPolicy | None:
        record = self._versions.version(policy_id, version)
        return from_json(record, SourcingPolicy) if record else None

    def versions(self, policy_id: str, limit: int, cursor: str | None) -> VersionPage:
        records, following = self._versions.page(policy_id, limit, cursor)
        return VersionPage(
            tuple(from_json(record, SourcingPolicy) for record in records), following
        )

    def put(self, policy: SourcingPolicy, cause: Cause) -> SourcingPolicy:
        """Store it as the version after ``policy.version``. Raises ``VersionConflict`` when there
        is that version by now."""
        new = replace(policy, version=policy.version + 1, put_at=cause.at)
        needed = still_needed((*self.of(policy.id), new), cause.at)
        self._versions.put(new.id, new.version, to_json(new), holding=to_json(needed))
        return new


def _policies(record: str) -> tuple[SourcingPolicy, ...]:
    return from_json(record, tuple[SourcingPolicy, ...])
