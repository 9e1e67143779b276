"""Which policy an order is routed by: of the versions that were put, the one that holds now. Pure.

A version holds from its ``effective_from`` until a version that begins later does; of two that
begin at the same moment the one that was put last. The policy that names the order's channel comes
before one for all channels, and of several the first by id; where there is none the built-in holds.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Protocol

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
    holding = [one for one in versions if one.effective_from is None or one.effective_from <= now]
    return max(holding, key=_since, default=None)


def still_needed(versions: Iterable[SourcingPolicy], now: datetime) -> tuple[SourcingPolicy, ...]:
    """The version that holds now, and those that may hold later, by version."""
    versions = tuple(versions)
    holds = effective(versions, now)
    return tuple(
        one
        for one in sorted(versions, key=lambda one: one.version)
        if one == holds or (one.effective_from is not None and one.effective_from > now)
    )


def chosen(policies: Iterable[SourcingPolicy], channel: str) -> SourcingPolicy:
    """Of policies that hold the one for a channel."""
    fitting = [one for one in policies if not one.channels or channel in one.channels]
    return min(fitting, key=lambda one: (not one.channels, one.id), default=BUILT_IN)


def _since(policy: SourcingPolicy) -> tuple[bool, str, int]:
    since = policy.effective_from
    return since is not None, "" if since is None else since.isoformat(), policy.version
