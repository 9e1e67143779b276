"""The sourcing objective as a mixed-integer program for HiGHS: what the optimum is. A yardstick of
tests and benchmarks; nothing that is deployed needs it."""

from dataclasses import dataclass

import highspy

from oms.routing.objective import Problem


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
