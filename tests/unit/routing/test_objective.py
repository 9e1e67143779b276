from collections import Counter
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oms.routing.objective import Demand, Plan, Problem, Supplier, optimise

SKUS = ("CAP", "MUG", "TEE")


def plan_of(problem: Problem) -> Plan:
    plan = optimise(problem)
    assert plan is not None
    return plan


def units_of(plan: Plan) -> dict[tuple[str, str], int]:
    return {(one.line_id, one.node): one.quantity for one in plan.allocations}


def want(sku: str, quantity: int = 1, line_id: str = "") -> Demand:
    return Demand(line_id or sku, sku, quantity)


def test_a_dear_parcel_with_everything_is_cheaper_than_two_cheap_ones() -> None:
    problem = Problem(
        (want("MUG"), want("TEE")),
        (
            Supplier("far", {"MUG": 1, "TEE": 1}, fixed=1500),
            Supplier("near", {"MUG": 1}, fixed=900),
            Supplier("next", {"TEE": 1}, fixed=900),
        ),
    )
    assert units_of(plan_of(problem)) == {("MUG", "far"): 1, ("TEE", "far"): 1}


def test_two_parcels_are_sent_where_they_cost_less_than_one() -> None:
    problem = Problem(
        (want("MUG"), want("TEE")),
        (
            Supplier("far", {"MUG": 1, "TEE": 1}, fixed=1500),
            Supplier("near", {"MUG": 1}, fixed=700),
            Supplier("next", {"TEE": 1}, fixed=700),
        ),
    )
    plan = plan_of(problem)
    assert (plan.cost, plan.exact) == (1400, True)


def test_all_costs_are_in_the_sum() -> None:
    supplier = Supplier("sp", {"MUG": 9, "TEE": 9}, 1000, 50, {"MUG": 30, "TEE": -20})
    plan = plan_of(Problem((want("MUG", 3), want("TEE", 2)), (supplier,)))
    assert plan.cost == 1000 + 2 * 50 + 3 * 30 - 2 * 20


def test_a_line_is_split_only_where_it_must_be() -> None:
    suppliers = (
        Supplier("a", {"MUG": 2}, fixed=500),
        Supplier("b", {"MUG": 2}, fixed=500),
        Supplier("c", {"MUG": 4}, fixed=1100),
    )
    whole = Problem((want("MUG", 4),), suppliers, whole_lines=True)
    assert units_of(plan_of(whole)) == {("MUG", "c"): 4}
    assert units_of(plan_of(Problem((want("MUG", 4),), suppliers))) == {
        ("MUG", "a"): 2,
        ("MUG", "b"): 2,
    }


def test_a_credit_brings_stock_out_that_should_leave() -> None:
    problem = Problem(
        (want("MUG"),),
        (
            Supplier("fresh", {"MUG": 1}, fixed=1000),
            Supplier("marked-down", {"MUG": 1}, fixed=1200, unit_costs={"MUG": -300}),
        ),
    )
    assert units_of(plan_of(problem)) == {("MUG", "marked-down"): 1}


def test_no_more_nodes_than_may_be() -> None:
    suppliers = tuple(Supplier(sku, {sku: 1}, fixed=1) for sku in SKUS)
    wants = tuple(want(sku) for sku in SKUS)
    assert optimise(Problem(wants, suppliers, max_nodes=2)) is None
    assert plan_of(Problem(wants, suppliers, max_nodes=3)).cost == 3


def test_a_node_takes_on_no_more_lines_than_it_can() -> None:
    wants = (want("MUG"), want("TEE"))
    busy = Supplier("busy", {"MUG": 1, "TEE": 1}, fixed=10, lines=1)
    idle = Supplier("idle", {"MUG": 1, "TEE": 1}, fixed=500)
    assert optimise(Problem(wants, (busy,))) is None
    assert plan_of(Problem(wants, (busy, idle))).cost == 500
    full = Supplier("full", {"MUG": 1, "TEE": 1}, fixed=1, lines=0)
    assert plan_of(Problem(wants, (full, idle))).cost == 500


def test_of_equals_the_first_by_id() -> None:
    suppliers = tuple(Supplier(node, {"MUG": 1}, fixed=700) for node in ("c", "a", "b"))
    assert units_of(plan_of(Problem((want("MUG"),), suppliers))) == {("MUG", "a"): 1}


def test_lines_of_one_sku_share_its_stock_and_are_whole_where_they_can_be() -> None:
    wants = (want("MUG", 2, "1"), want("MUG", 3, "2"))
    suppliers = (Supplier("a", {"MUG": 3}, fixed=10), Supplier("b", {"MUG": 2}, fixed=10))
    assert units_of(plan_of(Problem(wants, suppliers))) == {("1", "b"): 2, ("2", "a"): 3}


def test_nothing_when_there_is_too_little() -> None:
    assert optimise(Problem((want("MUG", 2),), (Supplier("a", {"MUG": 1}, fixed=1),))) is None
    assert optimise(Problem((want("MUG"),), ())) is None


def test_what_is_not_wanted_costs_nothing() -> None:
    assert optimise(Problem((), (Supplier("a", {"MUG": 1}, fixed=1),))) == Plan((), 0, True, 0)


def test_the_work_is_bounded_and_the_plan_says_that_it_may_not_be_the_cheapest() -> None:
    random = Random(1)
    skus = [f"SKU-{number}" for number in range(12)]
    problem = Problem(
        tuple(Demand(sku, sku, 5) for sku in skus),
        tuple(
            Supplier(
                f"node-{number}",
                {sku: random.randint(1, 3) for sku in skus if random.random() < 0.3},
                random.randint(500, 900),
                20,
                {sku: random.randint(0, 99) for sku in skus},
            )
            for number in range(60)
        ),
    )
    plan = optimise(problem, most_examined=300)
    assert plan is not None
    assert not plan.exact
    assert plan.examined < 400


def test_a_want_that_takes_hundreds_of_nodes_is_planned_without_trying_everything() -> None:
    suppliers = tuple(
        Supplier(f"node-{number:03}", {"MUG": 1}, fixed=100 + number % 7, line_cost=5)
        for number in range(300)
    )
    plan = plan_of(Problem((want("MUG", 250),), suppliers))
    assert sum(one.quantity for one in plan.allocations) == 250
    assert plan.cost == sum(sorted(105 + number % 7 for number in range(300))[:250])


# --- properties -----------------------------------------------------------------------------

quantities = st.integers(1, 5)
lines = st.lists(st.tuples(st.sampled_from(SKUS), quantities), min_size=1, max_size=4)
suppliers = st.lists(
    st.tuples(
        st.dictionaries(st.sampled_from(SKUS), st.integers(0, 6)),
        st.integers(0, 2000),
        st.integers(0, 100),
        st.dictionaries(st.sampled_from(SKUS), st.integers(-50, 200)),
        st.none() | st.integers(0, 3),
    ),
    min_size=1,
    max_size=7,
)


@st.composite
def problems(draw: st.DrawFn) -> Problem:
    return Problem(
        tuple(Demand(f"line-{n}", sku, units) for n, (sku, units) in enumerate(draw(lines))),
        tuple(
            Supplier(f"node-{n}", units, fixed, line, costs, limit)
            for n, (units, fixed, line, costs, limit) in enumerate(draw(suppliers))
        ),
        max_nodes=draw(st.none() | st.integers(1, 4)),
        whole_lines=draw(st.booleans()),
    )


@given(problems())
def test_a_plan_keeps_within_stock_and_limits_and_ships_what_is_wanted(problem: Problem) -> None:
    plan = optimise(problem)
    if plan is None:
        return
    by_line, by_shelf = Counter[str](), Counter[tuple[str, str]]()
    for one in plan.allocations:
        assert one.quantity > 0
        by_line[one.line_id] += one.quantity
        by_shelf[one.node, one.sku] += one.quantity
    assert by_line == {want.line_id: want.quantity for want in problem.wants}
    there = {
        (one.node, sku): units for one in problem.suppliers for sku, units in one.units.items()
    }
    assert all(units <= there[shelf] for shelf, units in by_shelf.items())
    picked = Counter(node for node, _ in by_shelf)
    limits = {one.node: one.lines for one in problem.suppliers}
    assert all((limit := limits[node]) is None or n <= limit for node, n in picked.items())
    assert problem.max_nodes is None or len(picked) <= problem.max_nodes
    if problem.whole_lines:
        assert len(by_shelf) == len({want.sku for want in problem.wants})


@given(problems())
def test_a_plan_costs_what_its_allocations_cost(problem: Problem) -> None:
    plan = optimise(problem)
    if plan is None:
        return
    by_node = {one.node: one for one in problem.suppliers}
    nodes = {one.node for one in plan.allocations}
    shelves = {(one.node, one.sku) for one in plan.allocations}
    assert plan.cost == (
        sum(by_node[node].fixed for node in nodes)
        + sum(by_node[node].line_cost for node, _ in shelves)
        + sum(
            by_node[one.node].unit_costs.get(one.sku, 0) * one.quantity for one in plan.allocations
        )
    )


@given(problems(), st.randoms())
def test_the_same_plan_in_whatever_order_the_input_comes(problem: Problem, random: Random) -> None:
    wants, nodes = list(problem.wants), list(problem.suppliers)
    random.shuffle(wants)
    random.shuffle(nodes)
    shuffled = Problem(tuple(wants), tuple(nodes), problem.max_nodes, problem.whole_lines)
    assert optimise(shuffled) == optimise(problem)


@given(problems(), st.data())
def test_more_stock_never_costs_more(problem: Problem, data: st.DataObject) -> None:
    node = data.draw(st.sampled_from(problem.suppliers))
    sku = data.draw(st.sampled_from(SKUS))
    more = Supplier(
        node.node,
        {**node.units, sku: node.units.get(sku, 0) + 2},
        node.fixed,
        node.line_cost,
        node.unit_costs,
        node.lines,
    )
    before = optimise(problem)
    after = optimise(
        Problem(
            problem.wants,
            tuple(more if one is node else one for one in problem.suppliers),
            problem.max_nodes,
            problem.whole_lines,
        )
    )
    if before is not None and before.exact:
        assert after is not None
        assert not after.exact or after.cost <= before.cost


@pytest.mark.parametrize("most", [1, 5, 50])
def test_however_little_may_be_examined_what_is_found_ships_everything(most: int) -> None:
    wants = tuple(want(sku, 2) for sku in SKUS)
    nodes = tuple(Supplier(f"n{n}", {SKUS[n % 3]: 2}, fixed=100 + n) for n in range(9))
    plan = optimise(Problem(wants, nodes), most_examined=most)
    assert plan is not None
    assert sum(one.quantity for one in plan.allocations) == 6
