"""What an order's channel may have of the stock that nodes have."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from oms.inventory.model import Need
from oms.inventory.position import Position
from oms.inventory.shares import available_to
from oms.routing.model import Available


def within_shares(
    candidates: Sequence[Available],
    channel: str,
    wanted: Mapping[str, int],
    positions: Mapping[str, Position],
) -> list[Available]:
    """What nodes have, as far as the channel may have it. Where it may have all that is ``wanted``
    the nodes are left as they are, so that any of them can be chosen."""
    units = [dict(candidate.units) for candidate in candidates]
    for sku, position in positions.items():
        may = available_to(channel, position)
        if may < wanted.get(sku, 0):
            _limit(units, sku, may)
    return [
        replace(candidate, units=limited)
        for candidate, limited in zip(candidates, units, strict=True)
    ]


def by_sku(needs: Iterable[Need]) -> dict[str, int]:
    units: dict[str, int] = {}
    for need in needs:
        units[need.sku] = units.get(need.sku, 0) + need.quantity
    return units


def _limit(units: Sequence[dict[str, int]], sku: str, most: int) -> None:
    for node in units:
        if sku in node:
            node[sku] = min(node[sku], most)
            most -= node[sku]
