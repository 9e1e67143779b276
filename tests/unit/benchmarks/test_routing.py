from benchmarks.optimum import random_problem
from benchmarks.report import table
from benchmarks.routing import (
    OBJECTIVE,
    RULES,
    Gap,
    RoutingFigures,
    Speed,
    as_text,
    growth,
    measure_gap,
    measure_speed,
)


def test_orders_are_routed_by_rules_and_by_objective() -> None:
    for by in (RULES, OBJECTIVE):
        assert measure_speed(by, lines=2, nodes=5, orders=2).per_cpu_second > 0


def test_the_gap_is_that_of_problems_with_a_solution() -> None:
    found = measure_gap(lines=2, nodes=6, seeds=5)
    assert 0 < found.problems <= 5
    assert 0 <= found.mean <= found.most


def test_a_seed_always_makes_the_same_problem() -> None:
    assert random_problem(3) == random_problem(3)
    assert random_problem(3) != random_problem(4)


def test_growth_is_a_power() -> None:
    speeds = [
        Speed(RULES, lines, nodes, 1000 / (lines * nodes**2), 0)
        for lines in (5, 20)
        for nodes in (200, 1000)
    ]
    assert list(growth(speeds)) == [(RULES, "1.0", "2.0")]


def test_the_figures_are_shown() -> None:
    speeds = [Speed(RULES, lines, nodes, 12.5, 3) for lines in (5, 20) for nodes in (200, 1000)]
    shown = as_text(RoutingFigures(speeds, [Gap(10, 50, 22, 0.0001, 0.005, 20, 9.6)], 8), table)
    assert "12.5" in shown
    assert "0.010" in shown
    assert "10" in shown.splitlines()[-1]
