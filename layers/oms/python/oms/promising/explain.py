"""Every number explains itself: the signed terms that what is available to promise adds up from."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from oms.inventory.model import Balance
from oms.inventory.policy import SellingPolicy
from oms.inventory.position import Position
from oms.inventory.shares import available_to, owed_ahead
from oms.promising.atp import Atp, Bucket, Inflow, after_owed, by_node, expected, free_inflows


@dataclass(frozen=True, slots=True)
class Term:
    """A signed number of units. ``name`` is stable: ``on_hand``, ``reserved``, ``safety_stock``,
    ``overdrawn`` (a node with less than nothing takes nothing from others), ``supply``, ``owed``,
    ``held_back``, ``granted_to_others``."""

    name: str
    units: int
    node: str = ""
    supply: str = ""
    due: datetime | None = None


@dataclass(frozen=True, slots=True)
class Availability:
    """What can be promised of a SKU for ``at``; ``terms`` add up to ``units``. Without a number it
    never runs out. ``buckets``: the same by date, cumulative."""

    sku: str
    at: datetime
    units: int | None
    buckets: tuple[Bucket, ...] = ()
    terms: tuple[Term, ...] = ()
    nodes: tuple["NodeAvailability", ...] = ()


@dataclass(frozen=True, slots=True)
class NodeAvailability:
    node: str
    units: int
    buckets: tuple[Bucket, ...] = field(default=())


def channel_limit(channel: str, position: Position) -> int:
    """Units on hand that the channel may be promised, over all nodes: not held back from it, not
    somebody else's part, not owed to those who have them before it."""
    sold = tuple(each for each in position.balances if _is_sold(each.node, position.policy))
    here = Position(position.sku, sold, policy=position.policy, shares=position.shares)
    return max(0, available_to(channel, here) - owed_ahead(channel, position))


def availability(
    position: Position, channel: str, now: datetime, at: datetime, node: str | None = None
) -> Availability:
    """In all, or at a node. Without a channel nothing is held back, and all who wait are ahead."""
    if not position.policy.tracked:
        return Availability(position.sku, at, None)
    limit = channel_limit(channel, position) if channel else None
    inflows = free_inflows(position, now)
    owed = after_owed(position, inflows, owed_ahead(channel, position) if channel else None)
    atp = by_node(position.sku, owed, limit)
    units = _until(atp, node, at)
    names = sorted(atp.nodes) if node is None else [node]
    return Availability(
        position.sku,
        at,
        units,
        atp.cumulative(node),
        tuple(_terms(position, inflows, owed, units, now, at, node, channel)),
        tuple(
            NodeAvailability(name, _until(atp, name, at), atp.cumulative(name)) for name in names
        ),
    )


def _terms(
    position: Position,
    free: Sequence[Inflow],
    owed: Sequence[Inflow],
    units: int,
    now: datetime,
    at: datetime,
    node: str | None,
    channel: str,
) -> Iterable[Term]:
    balances = [
        each
        for each in position.balances
        if node in (None, each.node) and _is_sold(each.node, position.policy)
    ]
    yield from _on_hand(balances)
    for supply in position.supplies:
        due = expected(supply, now)
        if due is not None and due <= at and _here(supply.node, node, position.policy):
            left = max(0, supply.open - supply.promised)
            yield Term("supply", left, supply.node, supply.id, due)
    before, after = _by(free, node, at), _by(owed, node, at)
    if before != after:
        yield Term("owed", after - before)
    kept = after - units
    held_back = min(kept, position.policy.held_back.get(channel, 0))
    if held_back:
        yield Term("held_back", -held_back)
    if kept > held_back:
        yield Term("granted_to_others", held_back - kept)


def _on_hand(balances: Sequence[Balance]) -> Iterable[Term]:
    yield Term("on_hand", sum(each.on_hand for each in balances))
    yield Term("reserved", -sum(each.reserved for each in balances))
    yield Term("safety_stock", -sum(each.safety_stock for each in balances))
    overdrawn = sum(max(0, -each.available) for each in balances)
    if overdrawn:
        yield Term("overdrawn", overdrawn)


def _until(atp: Atp, node: str | None, at: datetime) -> int:
    return next((bucket.units for bucket in reversed(atp.cumulative(node)) if bucket.at <= at), 0)


def _by(inflows: Iterable[Inflow], node: str | None, at: datetime) -> int:
    return sum(each.units for each in inflows if each.at <= at and node in (None, each.node))


def _here(node: str, asked: str | None, policy: SellingPolicy) -> bool:
    return asked in (None, node) and _is_sold(node, policy)


def _is_sold(node: str, policy: SellingPolicy) -> bool:
    return node not in policy.not_sold_at
