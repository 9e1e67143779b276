"""Putting a return policy: each time a new version, unless it says the same."""

from collections.abc import Set
from dataclasses import replace
from typing import Protocol

from oms.catalog.model import Channel, Node
from oms.kernel.errors import Faults
from oms.kernel.events import Cause
from oms.returns.policy import ReturnPolicy, is_same
from oms.returns.policy_contract import ReturnPolicyDocument, policy_of
from oms.returns.store import ReturnPolicyVersions


class Known(Protocol):
    def nodes(self, among_them: Set[str] = frozenset()) -> tuple[Node, ...]: ...

    def channel(self, channel_id: str) -> Channel | None: ...


def put_return_policy(
    policy_id: str,
    document: ReturnPolicyDocument,
    versions: ReturnPolicyVersions,
    catalog: Known,
    cause: Cause,
) -> ReturnPolicy:
    """Raises ``Invalid`` with every fault, and ``VersionConflict`` when it was put twice at the
    same moment."""
    faults = Faults()
    policy = policy_of(policy_id, document, faults)
    _check_names(policy, catalog, faults)
    faults.refuse("the policy breaks a rule")
    latest = versions.latest(policy_id)
    if latest and is_same(latest, policy):
        return latest
    return versions.put(replace(policy, version=latest.version if latest else 0), cause)


def _check_names(policy: ReturnPolicy, catalog: Known, faults: Faults) -> None:
    node = policy.return_node
    if node and all(one.id != node for one in catalog.nodes({node})):
        faults.add("return_node", "unknown_node", f"{node!r} is not a node")
    for index, channel in enumerate(policy.channels):
        if catalog.channel(channel) is None:
            faults.add(f"channels.{index}", "unknown_channel", f"{channel!r} is not a channel")
