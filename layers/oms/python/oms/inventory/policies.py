"""Setting a SKU's selling policy: what it may say, and that nobody's change is lost."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Protocol

from oms.catalog.model import Item
from oms.catalog.store import Catalog
from oms.inventory.policy import Oversell, SellingPolicy
from oms.inventory.policy_contract import OversellDocument, PolicyDocument
from oms.kernel.errors import Conflict, Faults, Invalid, VersionConflict
from oms.kernel.events import Cause
from oms.kernel.quantity import parse_quantity

_ATTEMPTS = 5


class Policies(Protocol):
    def policy(self, sku: str) -> SellingPolicy: ...

    def put(self, sku: str, policy: SellingPolicy, cause: Cause) -> SellingPolicy:
        """Replace the policy whose version ``policy`` has. Raises ``VersionConflict``."""


def set_policy(
    item: Item, document: PolicyDocument, policies: Policies, catalog: Catalog, cause: Cause
) -> SellingPolicy:
    """Raises ``Invalid`` with every fault, and ``Conflict`` (``policy_changed``) when the document
    names another version than the present one."""
    read = _read(item, document, catalog, cause.at)
    for attempt in range(1, _ATTEMPTS + 1):
        before = policies.policy(item.sku)
        if document.version not in (None, before.version):
            raise Conflict(
                f"the policy is at version {before.version}",
                code="policy_changed",
                context={"version": before.version},
            )
        try:
            return policies.put(item.sku, replace(read, version=before.version), cause)
        except VersionConflict:
            if attempt == _ATTEMPTS:
                raise
    raise AssertionError("unreachable")


def _read(item: Item, document: PolicyDocument, catalog: Catalog, now: datetime) -> SellingPolicy:
    faults = Faults()
    reader = _QuantityReader(item, faults)
    policy = SellingPolicy(
        tracked=document.tracked,
        backorder=reader.oversell("backorder", document.backorder),
        preorder=reader.oversell("preorder", document.preorder),
        available_from=document.available_from,
        held_back=reader.by_name("held_back", document.held_back),
        not_sold_at=tuple(sorted(set(document.not_sold_at))),
        take_back=document.take_back,
        take_alternative=document.take_alternative,
    )
    _check_names(policy, catalog, faults)
    _check_oversell("backorder", policy.backorder, now, faults)
    _check_oversell("preorder", policy.preorder, now, faults)
    _check_preorder(policy, faults)
    _check_untracked(policy, faults)
    faults.refuse("the policy breaks a rule")
    return policy


class _QuantityReader:
    """Reads quantities in the item's scale; one that cannot be read is a fault, and nothing."""

    def __init__(self, item: Item, faults: Faults) -> None:
        self._item = item
        self._faults = faults

    def units(self, path: str, quantity: Decimal) -> int:
        try:
            return parse_quantity(quantity, self._item.scale)
        except Invalid as fault:
            self._faults.add(path, fault.problem_code, fault.detail)
            return 0

    def by_name(self, path: str, quantities: Mapping[str, Decimal]) -> dict[str, int]:
        return {name: self.units(f"{path}.{name}", one) for name, one in quantities.items()}

    def oversell(self, path: str, document: OversellDocument | None) -> Oversell | None:
        if document is None:
            return None
        limit = document.limit
        return Oversell(
            limit=None if limit is None else self.units(f"{path}.limit", limit),
            until=document.until,
            channels=self.by_name(f"{path}.channels", document.channels),
        )


def _check_names(policy: SellingPolicy, catalog: Catalog, faults: Faults) -> None:
    oversells = {"backorder": policy.backorder, "preorder": policy.preorder}
    channels = {
        f"{path}.channels.{channel}": channel
        for path, oversell in oversells.items()
        for channel in (oversell.channels if oversell else ())
    }
    channels |= {f"held_back.{channel}": channel for channel in policy.held_back}
    for path, channel in channels.items():
        if catalog.channel(channel) is None:
            faults.add(path, "unknown_channel", f"{channel!r} is not a known channel")
    named = {*policy.not_sold_at}
    known = {node.id for node in catalog.nodes(named)} if named else set()
    for node in sorted(named - known):
        faults.add("not_sold_at", "unknown_node", f"{node!r} is not a node")


def _check_oversell(path: str, oversell: Oversell | None, now: datetime, faults: Faults) -> None:
    if oversell is None:
        return
    if oversell.until and oversell.until <= now:
        faults.add(f"{path}.until", "in_the_past", "it would have ended before it began")
    for channel, units in oversell.channels.items():
        if oversell.limit is not None and units > oversell.limit:
            message = "a channel may not be owed more than may be owed in all"
            faults.add(f"{path}.channels.{channel}", "limit_above_total", message)


def _check_preorder(policy: SellingPolicy, faults: Faults) -> None:
    if policy.preorder is None:
        return
    if policy.available_from is None:
        message = "what is pre-ordered is available from a day on"
        faults.add("available_from", "available_from_missing", message)
    elif policy.preorder.until and policy.preorder.until > policy.available_from:
        message = "a pre-order ends when the item is available"
        faults.add("preorder.until", "until_after_available", message)


def _check_untracked(policy: SellingPolicy, faults: Faults) -> None:
    """What never runs out is never short, so nothing can be said of how short it may be."""
    if policy.tracked:
        return
    limited = policy.backorder != Oversell() or policy.preorder is not None
    if limited or policy.held_back or policy.take_back:
        message = "what is not tracked never runs out: nothing is held back, owed or taken back"
        faults.add("tracked", "not_tracked", message)
