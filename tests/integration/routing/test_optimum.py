"""The objective held against a solver that finds the optimum."""

from collections.abc import Iterable

import pytest

from benchmarks.optimum import optimum_of, random_problem
from oms.routing.objective import optimise

MEAN_GAP = 0.01


def gaps_of(
    seeds: Iterable[int], lines: int | None = None, nodes: int | None = None
) -> list[float]:
    """Of all that can be shipped: how far the plan's cost is above the optimum."""
    gaps: list[float] = []
    for seed in seeds:
        problem = random_problem(seed, lines, nodes)
        plan, optimum = optimise(problem), optimum_of(problem)
        assert (plan is None) == (optimum is None), f"feasible or not? seed {seed}"
        if plan is None or optimum is None:
            continue
        assert plan.cost >= optimum.cost, f"cheaper than the optimum: seed {seed}"
        assert not plan.exact or plan.cost == optimum.cost, f"not exact: seed {seed}"
        gaps.append((plan.cost - optimum.cost) / abs(optimum.cost))
    return gaps


def test_plans_cost_what_the_optimum_costs_or_hardly_more() -> None:
    gaps = gaps_of(range(50))
    assert len(gaps) >= 25
    assert sum(gaps) / len(gaps) < MEAN_GAP


def test_of_the_largest_problems_too() -> None:
    gaps = gaps_of(range(1000, 1006), lines=10, nodes=50)
    assert len(gaps) >= 4
    assert sum(gaps) / len(gaps) < MEAN_GAP


@pytest.mark.slow
@pytest.mark.parametrize(("lines", "nodes"), [(None, None), (1, 50), (5, 50), (10, 50), (10, 20)])
def test_of_hundreds_of_problems(lines: int | None, nodes: int | None) -> None:
    gaps = gaps_of(range(5000, 5200), lines, nodes)
    assert sum(gaps) / len(gaps) < MEAN_GAP
