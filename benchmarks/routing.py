"""What routing costs: orders that a CPU second routes, and how far from the cheapest they are.

An order is routed as ``oms.routing.engine`` does it: from nodes with their units, distances and,
for the objective, the rates of carriers, to a decision with its evidence. Each SKU is at about half
of the nodes, and in every other order one node has everything.

The optimum is found by HiGHS, on seeded random problems (``benchmarks.optimum``): the gap is what
our plan costs more, the speed ratio how many of ours are made in the time of one of its own.

``python -m benchmarks.routing`` measures it alone.
"""

import gc
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from math import log
from random import Random
from statistics import mean
from typing import Protocol

from benchmarks.optimum import optimum_of, random_problem
from oms.catalog.delivery import Band, CarrierService
from oms.catalog.model import Node
from oms.kernel.money import Money
from oms.promising.model import Destination
from oms.routing.costs import rates_from
from oms.routing.engine import Decision, route
from oms.routing.model import distance
from oms.routing.objective import optimise
from oms.routing.policy import (
    BUILT_IN,
    Limits,
    Objective,
    Otherwise,
    Rule,
    SourcingPolicy,
    Step,
)
from oms.routing.request import NodeFacts, RoutingRequest, Want

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
LINES, NODES = (1, 5, 20), (10, 200, 1000)
ORDERS, REPEATS = 8, 2
PROBLEMS = ((1, 50), (5, 50), (10, 50))
SEEDS = 30

RULES = "rules"
OBJECTIVE = "objective"
_POLICIES = {
    RULES: BUILT_IN,
    OBJECTIVE: SourcingPolicy(
        "cheapest",
        (
            Rule(
                "cheapest",
                limits=Limits(max_nodes=5),
                objective=Objective(Money(200, "BRL")),
                otherwise=Otherwise((Step.WAIT,)),
            ),
        ),
    ),
}
_RIO = Destination("BR", "RJ", "Rio de Janeiro", "", -22.9, -43.2)
_SERVICES = tuple(
    CarrierService(
        f"service-{number}",
        f"S{number}",
        "Carrier",
        ("BR",),
        tuple(
            Band(
                100 * 4**band, band + number + 1, 1000 + 500 * band - 200 * number, 100 + 50 * band
            )
            for band in range(4)
        ),
        "BRL",
    )
    for number in range(3)
)


@dataclass(frozen=True, slots=True)
class Speed:
    """Orders of so many lines over so many nodes; how many were split."""

    by: str
    lines: int
    nodes: int
    per_cpu_second: float
    split: int


@dataclass(frozen=True, slots=True)
class Gap:
    """Of problems that have a solution. ``mean`` and ``most`` are parts of the optimum's cost;
    ``faster``: how many of our plans are made in the time of one of HiGHS."""

    lines: int
    nodes: int
    problems: int
    mean: float
    most: float
    exact: int
    faster: float


@dataclass(frozen=True, slots=True)
class RoutingFigures:
    speeds: Sequence[Speed]
    gaps: Sequence[Gap]
    orders: int = ORDERS


def measure() -> RoutingFigures:
    return RoutingFigures(
        [
            measure_speed(by, lines, nodes)
            for by in (RULES, OBJECTIVE)
            for lines in LINES
            for nodes in NODES
        ],
        [measure_gap(lines, nodes) for lines, nodes in PROBLEMS],
    )


# --- orders a CPU second ----------------------------------------------------------------------


def measure_speed(by: str, lines: int, nodes: int, orders: int = ORDERS) -> Speed:
    """The best of some, since nothing but a busy machine makes it slower."""
    asked = [Asked.of(seed, lines, nodes) for seed in range(orders)]
    decisions = [one.answer(by) for one in asked]
    assert all(not decision.left for decision in decisions)
    best = min(_cpu_time(lambda: [one.answer(by) for one in asked]) for _ in range(REPEATS))
    split = sum(len({one.node for one in decision.allocations}) > 1 for decision in decisions)
    return Speed(by, lines, nodes, orders / best, split)


def _cpu_time(work: Callable[[], object]) -> float:
    gc.collect()
    begun = time.process_time()
    work()
    return time.process_time() - begun


@dataclass(frozen=True, slots=True)
class Asked:
    request: RoutingRequest
    nodes: Sequence[Node]
    units: Sequence[dict[str, int]]

    @classmethod
    def of(cls, seed: int, lines: int, nodes: int) -> "Asked":
        """Each SKU is at about half of the nodes, and all of them at one in every other order."""
        random = Random(seed)
        wants = tuple(
            Want(
                f"line-{line}",
                f"SKU-{line}",
                random.randint(1, 3),
                1500,
                random.choice((100, 350, 800)),
            )
            for line in range(lines)
        )
        units = [
            {
                want.sku: random.randint(1, 6)
                for want in wants
                if random.random() < 0.5 and (lines > 1 or node % 2 or seed % 2)
            }
            for node in range(nodes)
        ]
        # What is nowhere is where the first nodes are; every other order has all of it at one.
        for index, want in enumerate(wants):
            units[index % min(4, nodes)][want.sku] = want.quantity
        if seed % 2:
            units[random.randrange(nodes)] = {want.sku: want.quantity for want in wants}
        request = RoutingRequest(
            f"ord_{seed}", "web", "BRL", 15_000, _RIO, wants, NOW, region="RJ", country="BR"
        )
        return cls(request, [_node(random, number) for number in range(nodes)], units)

    def answer(self, by: str) -> Decision:
        """Distances and rates are reckoned anew for each order, since each goes elsewhere."""
        rates = (
            rates_from(self.nodes, _SERVICES, self.request.to, "BRL", NOW)
            if by == OBJECTIVE
            else {}
        )
        facts = [
            NodeFacts(node, units, distance(node, self.request.to), rates=rates.get(node.id, ()))
            for node, units in zip(self.nodes, self.units, strict=True)
        ]
        return route(_POLICIES[by], self.request, facts)


def _node(random: Random, number: int) -> Node:
    return Node(
        f"node-{number:04}",
        f"Node {number}",
        "warehouse" if number % 5 == 0 else "store",
        "BR",
        "SP",
        "Cajamar",
        "",
        -23 - random.random() * 8,
        -46 - random.random() * 8,
        handling_cost=Money(random.choice((150, 250, 400)), "BRL"),
        line_cost=Money(random.choice((20, 40)), "BRL"),
    )


# --- against the optimum ----------------------------------------------------------------------


def measure_gap(lines: int, nodes: int, seeds: int = SEEDS) -> Gap:
    gaps: list[float] = []
    exact, ours, theirs = 0, 0.0, 0.0
    for seed in range(seeds):
        problem = random_problem(seed, lines, nodes)
        begun = time.process_time()
        plan = optimise(problem)
        planned = time.process_time()
        optimum = optimum_of(problem)
        solved = time.process_time()
        assert (plan is None) == (optimum is None)
        ours, theirs = ours + planned - begun, theirs + solved - planned
        if plan is not None and optimum is not None:
            gaps.append((plan.cost - optimum.cost) / abs(optimum.cost))
            exact += plan.exact
    return Gap(lines, nodes, len(gaps), mean(gaps), max(gaps), exact, theirs / ours)


# --- shown ----------------------------------------------------------------------------------


class Table(Protocol):
    def __call__(self, heading: Sequence[str], rows: Iterable[Sequence[object]]) -> str: ...


def as_text(found: RoutingFigures, table: Table) -> str:
    speeds = [
        (each.by, each.lines, each.nodes, f"{each.per_cpu_second:,.1f}", each.split)
        for each in found.speeds
    ]
    gaps = [
        (
            each.lines,
            each.nodes,
            each.problems,
            f"{100 * each.mean:.3f}",
            f"{100 * each.most:.2f}",
            each.exact,
            f"{each.faster:.0f}",
        )
        for each in found.gaps
    ]
    return "\n\n".join(
        (
            f"Orders routed in a CPU second, and how many of {found.orders} were split",
            table(("by", "lines", "nodes", "a CPU second", "split"), speeds),
            "How the time of an order grows: the power of lines, and of nodes, that it grows with",
            table(("by", "lines", "nodes"), growth(found.speeds)),
            "Against the optimum of HiGHS, on random problems",
            table(
                ("lines", "nodes", "solved", "mean gap %", "largest %", "exact", "× faster"), gaps
            ),
        )
    )


def growth(speeds: Sequence[Speed]) -> Iterator[tuple[str, str, str]]:
    """From the two largest of each: 1.0 is in proportion."""
    for by in dict.fromkeys(each.by for each in speeds):
        times = {(s.lines, s.nodes): 1 / s.per_cpu_second for s in speeds if s.by == by}
        fewer_lines, lines = sorted({lines for lines, _ in times})[-2:]
        fewer_nodes, nodes = sorted({nodes for _, nodes in times})[-2:]
        last = times[lines, nodes]
        yield (
            by,
            f"{log(last / times[fewer_lines, nodes]) / log(lines / fewer_lines):.1f}",
            f"{log(last / times[lines, fewer_nodes]) / log(nodes / fewer_nodes):.1f}",
        )


def main() -> int:
    from benchmarks.report import table

    print(as_text(measure(), table))
    return 0


if __name__ == "__main__":
    sys.exit(main())
