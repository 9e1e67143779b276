"""The sourcing objective as a mixed-integer program for HiGHS: what the optimum is. A yardstick of
tests and benchmarks; nothing that is deployed needs it."""

from dataclasses import dataclass
from random import Random

import highspy

from oms.routing.objective import Demand, Problem, Supplier


@dataclass(frozen=True, slots=True)
class Optimum:
    cost: int


def optimum_of(problem: Problem) -> Optimum | None:
    """None when nothing is feasible. As ``oms.routing.objective`` states it: lines of one SKU are
    one."""
    wanted: dict[str, int] = {}
    for want in problem.wants:
        wanted[want.sku] = wanted.get(want.sku, 0) + want.quantity
    solver = highspy.Highs()  # type: ignore[no-untyped-call]
    solver.silent()
    solver.setOptionValue("threads", 1)
    solver.setOptionValue("mip_rel_gap", 0.0)
    solver.setOptionValue("mip_abs_gap", 0.0)
    ships = {supplier.node: solver.addBinary(obj=supplier.fixed) for supplier in problem.suppliers}
    if problem.max_nodes is not None:
        solver.addConstr(solver.qsum(ships.values()) <= problem.max_nodes)
    units: dict[str, list[highspy.highs.highs_var]] = {sku: [] for sku in wanted}
    for supplier in problem.suppliers:
        picked = []
        for sku, quantity in wanted.items():
            there = min(supplier.units.get(sku, 0), quantity)
            if there <= 0 or (problem.whole_lines and there < quantity):
                continue
            unit = supplier.unit_costs.get(sku, 0)
            line = solver.addBinary(obj=supplier.line_cost)
            taken = solver.addIntegral(lb=0, ub=there, obj=unit)
            solver.addConstr(taken <= there * line)
            if problem.whole_lines:
                solver.addConstr(taken >= quantity * line)
            solver.addConstr(line <= ships[supplier.node])
            picked.append(line)
            units[sku].append(taken)
        if picked and supplier.lines is not None:
            solver.addConstr(solver.qsum(picked) <= supplier.lines)
    for sku, quantity in wanted.items():
        if not units[sku]:
            return None
        solver.addConstr(solver.qsum(units[sku]) == quantity)
    solver.solve()
    if solver.getModelStatus() != highspy.HighsModelStatus.kOptimal:
        assert solver.getModelStatus() == highspy.HighsModelStatus.kInfeasible
        return None
    return Optimum(round(solver.getObjectiveValue()))


def random_problem(seed: int, lines: int | None = None, nodes: int | None = None) -> Problem:
    """Up to 10 lines over 50 nodes, always the same for a seed: plenty of stock and next to none,
    few nodes and many allowed, whole lines, nodes that take on few of them."""
    random = Random(seed)
    lines, nodes = lines or random.randint(1, 10), nodes or random.randint(2, 50)
    skus = [f"SKU-{number}" for number in range(lines)]
    density, deep = random.choice([0.2, 0.4, 0.7, 0.95]), random.choice([3, 8, 20])
    are_limited = random.random() < 0.3
    return Problem(
        tuple(Demand(f"line-{sku}", sku, random.randint(1, 6)) for sku in skus),
        tuple(
            Supplier(
                f"node-{number}",
                {sku: random.randint(1, deep) for sku in skus if random.random() < density},
                fixed=random.randint(300, 2500),
                line_cost=random.choice([0, random.randint(10, 150)]),
                unit_costs={sku: random.randint(-60, 250) for sku in skus},
                lines=random.randint(1, 6) if are_limited and random.random() < 0.6 else None,
            )
            for number in range(nodes)
        ),
        max_nodes=random.choice([None, 2, 3, 4]),
        whole_lines=random.random() < 0.3,
    )
