"""Putting a sourcing policy: checked, and each time a new version, unless it says the same."""

from collections.abc import Set
from dataclasses import replace
from typing import Protocol

from oms.catalog.model import Channel, Node
from oms.kernel.errors import Faults
from oms.kernel.events import Cause
from oms.routing.checking import check, named_channels, named_nodes
from oms.routing.contract import SourcingPolicyDocument, policy_of
from oms.routing.policies import is_same
from oms.routing.policy import SourcingPolicy


class PolicyVersions(Protocol):
    def latest(self, policy_id: str) -> SourcingPolicy | None: ...

    def put(self, policy: SourcingPolicy, cause: Cause) -> SourcingPolicy:
        """Store it as the version after ``policy.version``. Raises ``VersionConflict`` when there
        is that version by now."""


class Places(Protocol):
    def nodes(self, among_them: Set[str] = frozenset()) -> tuple[Node, ...]: ...

    def channel(self, channel_id: str) -> Channel | None: ...


def put_policy(
    policy_id: str,
    document: SourcingPolicyDocument,
    versions: PolicyVersions,
    catalog: Places,
    cause: Cause,
) -> SourcingPolicy:
    """Raises ``Invalid`` with every fault, and ``VersionConflict`` when it was put twice at the
    same moment."""
    policy = checked(policy_id, document, catalog)
    latest = versions.latest(policy_id)
    if latest and is_same(latest, policy):
        return latest
    if policy.effective_from and policy.effective_from < cause.at:
        faults = Faults()
        faults.add("effective_from", "in_the_past", "a policy does not change what was decided")
        faults.refuse("the policy breaks a rule")
    return versions.put(replace(policy, version=latest.version if latest else 0), cause)


def checked(policy_id: str, document: SourcingPolicyDocument, catalog: Places) -> SourcingPolicy:
    """The policy, if it can be evaluated. Raises ``Invalid`` with every fault."""
    faults = Faults()
    policy = policy_of(policy_id, document, faults)
    named = named_nodes(policy)
    nodes = {node.id for node in catalog.nodes(named)} if named else set[str]()
    channels = {one for one in named_channels(policy) if catalog.channel(one) is not None}
    check(policy, nodes, channels, faults)
    faults.refuse("the policy breaks a rule")
    return policy
