"""Which policy an order is routed by: of the versions that were put, the one that holds now. Pure.

A version holds from its ``effective_from`` until a version that begins later does; of two that
begin at the same moment the one that was put last. The policy that names the order's channel comes
before one for all channels, and of several the first by id; where there is none the built-in holds.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Protocol

from oms.kernel.clock import rfc3339
from oms.routing.policy import BUILT_IN, SourcingPolicy


class Policies(Protocol):
    def for_channel(self, channel: str, now: datetime) -> SourcingPolicy:
        """The policy that orders of a channel are routed by now; there always is one."""


class BuiltIn:
    """Nobody has put a policy."""

    def for_channel(self, channel: str, now: datetime) -> SourcingPolicy:
        return BUILT_IN


def effective(versions: Iterable[SourcingPolicy], now: datetime) -> SourcingPolicy | None:
    """Of the versions of one policy the one that holds now, if any does."""
    holding = (one for one in versions if one.since is None or one.since <= now)
    return max(holding, key=_began, default=None)


def still_needed(versions: Iterable[SourcingPolicy], now: datetime) -> tuple[SourcingPolicy, ...]:
    """The version that holds now, and those that may hold later, by version."""
    versions = sorted(versions, key=lambda one: one.version)
    holds = effective(versions, now)
    return tuple(
        one for one in versions if one is holds or (one.since is not None and one.since > now)
    )


def chosen(policies: Iterable[SourcingPolicy], channel: str) -> SourcingPolicy:
    """Of policies that hold the one for a channel."""
    fitting = (
        one for one in policies if one.active and (not one.channels or channel in one.channels)
    )
    return min(fitting, key=lambda one: (not one.channels, one.id), default=BUILT_IN)


def is_same(one: SourcingPolicy, other: SourcingPolicy) -> bool:
    """Whether they say the same, whenever they were put."""
    return _content(one) == _content(other)


def _content(policy: SourcingPolicy) -> SourcingPolicy:
    return replace(policy, version=0, put_at=None)


def _began(policy: SourcingPolicy) -> tuple[str, int]:
    return "" if policy.since is None else rfc3339(policy.since), policy.version
