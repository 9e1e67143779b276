"""Return policies: ``return_policies`` has the version that was put last, which holds, and
``return_policy#<id>`` every version (``oms.aws.policy_versions``)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from oms.aws.policy_versions import PolicyVersions
from oms.kernel.encoding import from_json, to_json
from oms.kernel.errors import NotFound
from oms.kernel.events import Cause
from oms.returns.policy import BUILT_IN, ReturnPolicy, chosen

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


@dataclass(frozen=True, slots=True)
class ReturnPolicyPage:
    """Newest first."""

    versions: tuple[ReturnPolicy, ...]
    cursor: str | None


class ReturnPolicyStore:
    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._versions = PolicyVersions(client, table, "return_policy", "return_policies")

    def for_channel(self, channel: str) -> ReturnPolicy:
        """One query."""
        return chosen([_policy(record) for record in self._versions.holding()], channel)

    def held(self, policy_id: str, version: int) -> ReturnPolicy:
        """The version that a return is under. Raises ``NotFound``."""
        if policy_id == BUILT_IN.id:
            return BUILT_IN
        found = self.version(policy_id, version)
        if found is None:
            raise NotFound(f"there is no version {version} of the return policy {policy_id}")
        return found

    def latest(self, policy_id: str) -> ReturnPolicy | None:
        record = self._versions.held(policy_id)
        return _policy(record) if record else None

    def version(self, policy_id: str, version: int) -> ReturnPolicy | None:
        record = self._versions.version(policy_id, version)
        return _policy(record) if record else None

    def versions(self, policy_id: str, limit: int, cursor: str | None) -> ReturnPolicyPage:
        records, following = self._versions.page(policy_id, limit, cursor)
        return ReturnPolicyPage(tuple(_policy(record) for record in records), following)

    def put(self, policy: ReturnPolicy, cause: Cause) -> ReturnPolicy:
        """Store it as the version after ``policy.version``. Raises ``VersionConflict`` when there
        is that version by now."""
        new = replace(policy, version=policy.version + 1, put_at=cause.at)
        record = to_json(new)
        self._versions.put(new.id, new.version, record, holding=record)
        return new


def _policy(record: str) -> ReturnPolicy:
    return from_json(record, ReturnPolicy)
