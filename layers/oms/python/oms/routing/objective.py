"""Sourcing by objective: the nodes and units that cost least in all. Pure.

::

    minimise    Σ fixed of each node that ships + Σ line cost of each SKU it ships
                + Σ unit cost of each unit
    so that     every SKU is shipped in the quantity that is wanted, from stock that is there,
                by at most ``max_nodes`` nodes, each with at most ``lines`` different SKUs,
                and with ``whole_lines`` each SKU by one node

Costs are integers of one unit and one currency; unit costs may be below zero (a credit for stock
that should leave), the others are not. Lines of one SKU are one: they are picked together.

A plan is first put together greedily and improved by adding, dropping and swapping nodes
(``node_sets``). A lower bound (``optimum``) then says which nodes no better plan can contain; the
sets of those that remain are searched, most promising first, until nothing better can be left or
as many were examined as may be. The first makes the plan exact, and the plan says so. The same
input gives the same plan in whatever order it comes: nodes are taken by id, SKUs by name.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from oms.orders.model import Allocation
from oms.routing.node_sets import MOST_EXAMINED, NodeSets, Search, improved, starts
from oms.routing.optimum import prove

# A set takes the longer to examine the more SKUs there are: of more than these fewer are examined.
_USUAL_SKUS = 10


@dataclass(frozen=True, slots=True)
class Demand:
    """``quantity`` of a line's SKU, in units of its scale, above zero."""

    line_id: str
    sku: str
    quantity: int


@dataclass(frozen=True, slots=True)
class Supplier:
    """A node as the objective sees it. ``units`` of each SKU may be taken. ``fixed`` is what a
    parcel from there costs whatever is in it, ``line_cost`` each SKU in it, ``unit_costs`` each
    unit of a SKU (0 where it names none). ``lines``: how many SKUs it can still take on."""

    node: str
    units: Mapping[str, int]
    fixed: int
    line_cost: int = 0
    unit_costs: Mapping[str, int] = field(default_factory=dict)
    lines: int | None = None


@dataclass(frozen=True, slots=True)
class Problem:
    wants: tuple[Demand, ...]
    suppliers: tuple[Supplier, ...]
    max_nodes: int | None = None
    whole_lines: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """``exact``: nothing costs less. ``examined``: sets of nodes that were looked at."""

    allocations: tuple[Allocation, ...]
    cost: int
    exact: bool
    examined: int


def optimise(problem: Problem, most_examined: int = MOST_EXAMINED) -> Plan | None:
    """None when no set of nodes can ship everything, or none was found within the bound."""
    if not problem.wants:
        return Plan((), 0, exact=True, examined=0)
    sets = NodeSets.of(problem)
    if sets is None:
        return None
    search = Search(sets, most_examined * _USUAL_SKUS // max(_USUAL_SKUS, len(sets.skus)))
    for start in starts(sets):
        improved(start, search)
    exact = prove(search)
    if search.best is None:
        return None
    return Plan(
        _allocations(problem, sets.split(search.best)),
        search.cost,
        exact=exact,
        examined=search.examined,
    )


def _allocations(
    problem: Problem, units: Mapping[str, Mapping[str, int]]
) -> tuple[Allocation, ...]:
    """``units`` by SKU and node, given to the lines: to each from one node, where one has it."""
    left = {sku: dict(sorted(by_node.items())) for sku, by_node in units.items()}
    allocations: list[Allocation] = []
    for want in sorted(problem.wants, key=lambda want: want.line_id):
        by_node, wanted = left[want.sku], want.quantity
        for node in sorted(by_node, key=lambda node: _fit(by_node[node], want.quantity, node)):
            given = min(by_node[node], wanted)
            if given:
                by_node[node] -= given
                wanted -= given
                allocations.append(Allocation(want.line_id, want.sku, node, given))
    return tuple(allocations)


def _fit(units: int, wanted: int, node: str) -> tuple[bool, int, str]:
    enough = units >= wanted
    return not enough, units if enough else -units, node
