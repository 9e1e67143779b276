"""The first sourcing rule: the nearest node that can ship all of it, else the fewest nodes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from operator import itemgetter

from oms.orders.model import Address, Allocation, Line
from oms.routing.model import Available, Distance, Sourced, Unsourced, distance

RULE = "nearest_whole_else_fewest_nodes"

# Splits are searched among the nearest nodes only, so that the work is bounded: at most
# C(12,2) + C(12,3) sets are tried before the greedy choice takes over.
_SEARCHED_NODES = 12
_SEARCHED_SPLITS = (2, 3)


@dataclass(frozen=True, slots=True)
class _Candidate:
    available: Available
    away: Distance

    @property
    def node(self) -> str:
        return self.available.node.id

    @property
    def nearness(self) -> tuple[float, str]:
        return (self.away.kilometres, self.node)

    def covers(self, needs: Mapping[str, int]) -> bool:
        return all(self.available.units.get(sku, 0) >= units for sku, units in needs.items())

    def usable(self, needs: Mapping[str, int]) -> int:
        return sum(min(self.available.units.get(sku, 0), units) for sku, units in needs.items())


def nearest_whole_else_fewest_nodes(
    lines: Sequence[Line], to: Address, candidates: Sequence[Available]
) -> Sourced | Unsourced:
    needs = _needs(lines)
    ranked = sorted(
        (_Candidate(candidate, distance(candidate.node, to)) for candidate in candidates),
        key=lambda candidate: candidate.nearness,
    )
    missing = _missing(needs, ranked)
    if missing:
        line_ids = tuple(line.line_id for line in lines if line.sku in missing)
        return Unsourced(line_ids, f"no set of nodes has enough of {', '.join(sorted(missing))}")
    whole = [candidate for candidate in ranked if candidate.covers(needs)]
    if whole:
        return Sourced(_allocate(lines, whole[:1]), RULE, _why_whole(whole[0], len(whole)))
    chosen = _fewest(needs, ranked)
    return Sourced(_allocate(lines, chosen), RULE, _why_split(chosen))


def _needs(lines: Sequence[Line]) -> dict[str, int]:
    needs: dict[str, int] = {}
    for line in lines:
        needs[line.sku] = needs.get(line.sku, 0) + line.quantity
    return needs


def _missing(needs: Mapping[str, int], candidates: Sequence[_Candidate]) -> set[str]:
    return {
        sku
        for sku, units in needs.items()
        if sum(candidate.available.units.get(sku, 0) for candidate in candidates) < units
    }


def _fewest(needs: Mapping[str, int], ranked: Sequence[_Candidate]) -> list[_Candidate]:
    """The smallest set that has everything; of equals the one with the least distance in all."""
    useful = [candidate for candidate in ranked if candidate.usable(needs)]
    for size in _SEARCHED_SPLITS:
        sets = [
            nodes
            for nodes in combinations(useful[:_SEARCHED_NODES], size)
            if not _missing(needs, nodes)
        ]
        if sets:
            distances = [(_total_distance(nodes), nodes) for nodes in sets]
            return list(min(distances, key=itemgetter(0))[1])
    return _greedy(needs, useful)


def _total_distance(nodes: Sequence[_Candidate]) -> tuple[float, tuple[str, ...]]:
    return sum(node.away.kilometres for node in nodes), tuple(node.node for node in nodes)


def _greedy(needs: Mapping[str, int], useful: Sequence[_Candidate]) -> list[_Candidate]:
    """Take the node that fills most of what is left, again and again. Stock is known to suffice."""
    left, chosen, pool = dict(needs), list[_Candidate](), list(useful)
    while any(left.values()):
        best = min(pool, key=lambda candidate: (-candidate.usable(left), candidate.nearness))
        pool.remove(best)
        chosen.append(best)
        for sku, units in left.items():
            left[sku] = units - min(best.available.units.get(sku, 0), units)
    return sorted(chosen, key=lambda candidate: candidate.nearness)


def _allocate(lines: Sequence[Line], chosen: Sequence[_Candidate]) -> tuple[Allocation, ...]:
    """Whole lines where a node can, units where it must; nearer nodes give first."""
    left = {candidate.node: dict(candidate.available.units) for candidate in chosen}
    allocations: list[Allocation] = []
    for line in lines:
        wanted = line.quantity
        nodes = [candidate.node for candidate in chosen]
        nodes.sort(key=lambda node: left[node].get(line.sku, 0) < line.quantity)
        for node in nodes:
            units = min(left[node].get(line.sku, 0), wanted)
            if units:
                left[node][line.sku] -= units
                wanted -= units
                allocations.append(Allocation(line.line_id, line.sku, node, units))
    return tuple(allocations)


def _why_whole(nearest: _Candidate, able: int) -> str:
    return f"{nearest.node} is the nearest of {able} that can ship all of it ({nearest.away})"


def _why_split(chosen: Sequence[_Candidate]) -> str:
    nodes = " and ".join(f"{candidate.node} ({candidate.away})" for candidate in chosen)
    return f"no node has all of it; {nodes} are the fewest that do"
