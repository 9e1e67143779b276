"""Where the units of a basket are taken from. Pure, and the same for the same input."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from oms.inventory.counters import pick
from oms.inventory.position import Position
from oms.inventory.reservation import ReservedLine
from oms.inventory.shares import available_to, owed_ahead

Units = dict[tuple[str, str], int]


@dataclass(frozen=True, slots=True)
class Wanted:
    """``quantity`` units of a SKU; at ``node`` when it is named, else wherever they are."""

    sku: str
    quantity: int
    node: str = ""


@dataclass(frozen=True, slots=True)
class Lacking:
    """More is wanted of a SKU, at ``node`` if one is named, than is ``available``."""

    sku: str
    node: str
    wanted: int
    available: int


def lacking(
    wanted: Sequence[Wanted],
    positions: Mapping[str, Position],
    shipping: frozenset[str],
    channel: str,
) -> tuple[Lacking, ...]:
    """What there is not enough of: at the nodes that are named, at those that ship for what may
    come from anywhere, and in all for the channel; what orders wait for is theirs."""
    named, anywhere = _asked(wanted)
    free = {sku: _free(position, named) for sku, position in positions.items()}
    found = [
        Lacking(sku, node, quantity, quantity + free[sku].get(node, -quantity))
        for (sku, node), quantity in named.items()
        if free[sku].get(node, -quantity) < 0
    ]
    for sku, position in positions.items():
        open_ = anywhere.get(sku, 0)
        in_all = open_ + sum(quantity for (of, _), quantity in named.items() if of == sku)
        for_channel = max(0, available_to(channel, position) - owed_ahead(channel, position))
        there = sum(max(0, units) for node, units in free[sku].items() if node in shipping)
        if there < open_ or for_channel < in_all:
            most = min(there + in_all - open_, for_channel)
            found.append(Lacking(sku, "", in_all, most))
    return tuple(found)


def choose(
    wanted: Sequence[Wanted],
    positions: Mapping[str, Position],
    shipping: frozenset[str],
    key: str,
) -> tuple[ReservedLine, ...]:
    """The lines of a basket of which nothing is ``lacking``. Where no node is named, the node in
    ``shipping`` that has most of what is still wanted comes first, so that few are needed."""
    named, anywhere = _asked(wanted)
    free = {sku: _free(position, named) for sku, position in positions.items()}
    taken = dict(named)
    nodes = sorted(shipping)
    while any(anywhere.values()):
        best = max(nodes, key=lambda node: sum(_usable(anywhere, free, node).values()))
        nodes.remove(best)
        for sku, units in _usable(anywhere, free, best).items():
            taken[sku, best] = taken.get((sku, best), 0) + units
            anywhere[sku] -= units
    return tuple(
        ReservedLine(sku, node, units, counter)
        for (sku, node), quantity in sorted(taken.items())
        for counter, units in pick(positions[sku].available_on_counters(node), quantity, key)
    )


def _asked(wanted: Iterable[Wanted]) -> tuple[Units, dict[str, int]]:
    named: Units = {}
    anywhere: dict[str, int] = {}
    for one in wanted:
        if one.node:
            named[one.sku, one.node] = named.get((one.sku, one.node), 0) + one.quantity
        else:
            anywhere[one.sku] = anywhere.get(one.sku, 0) + one.quantity
    return named, anywhere


def _free(position: Position, named: Units) -> dict[str, int]:
    """What is left at each node once what is named has been taken; below zero where it cannot."""
    return {
        balance.node: max(0, balance.available) - named.get((position.sku, balance.node), 0)
        for balance in position.balances
    }


def _usable(
    anywhere: Mapping[str, int], free: Mapping[str, Mapping[str, int]], node: str
) -> dict[str, int]:
    usable = {sku: min(units, free[sku].get(node, 0)) for sku, units in anywhere.items()}
    return {sku: units for sku, units in usable.items() if units > 0}
