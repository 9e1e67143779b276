"""A rule with an objective: what costs least, within the rule's limits."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from oms.catalog.model import Node
from oms.kernel.money import Money
from oms.promising.model import Destination
from oms.routing.costs import Rate
from oms.routing.engine import Decision, route
from oms.routing.model import Distance
from oms.routing.policy import Limits, Objective, Otherwise, Rule, SourcingPolicy, Step
from oms.routing.request import NodeFacts, RoutingRequest, Want

MONDAY = datetime(2026, 5, 4, 12, tzinfo=UTC)
LATER = date(2026, 5, 8)
RIO = Destination("BR", "RJ", "Rio de Janeiro")
RULE = Rule("cheapest", objective=Objective(), otherwise=Otherwise((Step.WAIT,)))


def node(
    node_id: str,
    units: Mapping[str, int],
    base: int = 1000,
    per_kg: int = 0,
    arrives: date = LATER,
    handling: int = 0,
    line: int = 0,
    markdown_since: Mapping[str, date] | None = None,
) -> NodeFacts:
    made = Node(
        node_id,
        node_id,
        "store",
        "BR",
        handling_cost=Money(handling, "BRL"),
        line_cost=Money(line, "BRL"),
    )
    facts = NodeFacts(made, units, Distance(10.0, "same city"))
    rates = (Rate("slow", base, per_kg, arrives),)
    return replace(facts, rates=rates, markdown_since=markdown_since or {})


def asked(*wants: Want, promised_by: date | None = None) -> RoutingRequest:
    return RoutingRequest("ord_1", "web", "BRL", 9900, RIO, wants, MONDAY, promised_by=promised_by)


def decided(request: RoutingRequest, *nodes: NodeFacts, rule: Rule = RULE) -> Decision:
    return route(SourcingPolicy("p", (rule,)), request, nodes)


def taken(decision: Decision) -> list[tuple[str, str, int]]:
    return sorted((one.line_id, one.node, one.quantity) for one in decision.allocations)


MUG, TEE = Want("1", "MUG", 2, weight_grams=400), Want("2", "TEE", 1, weight_grams=200)


def test_the_cheapest_node_and_not_the_nearest_ships() -> None:
    near = node("near", {"MUG": 2}, base=2000)
    far = replace(node("far", {"MUG": 2}, base=900), distance=Distance(900.0, "coordinates"))
    decision = decided(asked(MUG), near, far)
    assert taken(decision) == [("1", "far", 2)]
    assert "costs least, about 9.00 BRL" in decision.reason


def test_weight_and_handling_count() -> None:
    light = node("dear-to-handle", {"MUG": 2}, base=500, handling=900)
    heavy = node("dear-by-weight", {"MUG": 2}, base=500, per_kg=2000)
    plain = node("plain", {"MUG": 2}, base=1300)
    assert taken(decided(asked(MUG), light, heavy, plain)) == [("1", "plain", 2)]


def test_a_split_is_chosen_where_it_costs_less_and_the_limits_allow_it() -> None:
    nodes = (
        node("all", {"MUG": 2, "TEE": 1}, base=3000),
        node("mugs", {"MUG": 2}, base=900),
        node("tees", {"TEE": 1}, base=900),
    )
    assert taken(decided(asked(MUG, TEE), *nodes)) == [("1", "mugs", 2), ("2", "tees", 1)]
    one = replace(RULE, limits=Limits(max_nodes=1))
    assert taken(decided(asked(MUG, TEE), *nodes, rule=one)) == [("1", "all", 2), ("2", "all", 1)]
    together = replace(RULE, limits=Limits(min_lines=2))
    found = decided(asked(MUG, TEE), *nodes, rule=together)
    assert taken(found) == [("1", "all", 2), ("2", "all", 1)]


def test_a_group_stays_together_and_a_line_whole() -> None:
    nodes = (
        node("all", {"MUG": 2, "TEE": 1}, base=3000),
        node("mugs", {"MUG": 2}, base=900),
        node("tees", {"TEE": 1}, base=900),
    )
    group = (replace(MUG, group="gift"), replace(TEE, group="gift"))
    rule = replace(RULE, limits=Limits(keep_together=True))
    assert {one.node for one in decided(asked(*group), *nodes, rule=rule).allocations} == {"all"}
    halves = (node("a", {"MUG": 1}), node("b", {"MUG": 1}), node("c", {"MUG": 2}, base=5000))
    whole = replace(RULE, limits=Limits(whole_lines=True))
    assert taken(decided(asked(MUG), *halves, rule=whole)) == [("1", "c", 2)]
    assert len(decided(asked(MUG), *halves).allocations) == 2


def test_whole_lines_of_one_sku_share_its_stock() -> None:
    wants = (Want("1", "MUG", 2), Want("2", "MUG", 2))
    rule = replace(RULE, limits=Limits(whole_lines=True))
    decision = decided(
        asked(*wants), node("a", {"MUG": 3}), node("b", {"MUG": 4}, base=9000), rule=rule
    )
    assert taken(decision) == [("1", "b", 2), ("2", "b", 2)]


def test_being_late_costs() -> None:
    cheap = node("late", {"MUG": 2}, base=800, arrives=date(2026, 5, 11))
    dear = node("in-time", {"MUG": 2}, base=1200)
    request = asked(MUG, promised_by=LATER)
    assert taken(decided(request, cheap, dear)) == [("1", "late", 2)]
    rule = replace(RULE, objective=Objective(late_per_day=Money(200, "BRL")))
    assert taken(decided(request, cheap, dear, rule=rule)) == [("1", "in-time", 2)]


def test_what_is_marked_down_is_worth_its_credit() -> None:
    old = node("old", {"MUG": 2}, base=1200, markdown_since={"MUG": date(2026, 4, 1)})
    new = node("new", {"MUG": 2}, base=1000)
    assert taken(decided(asked(MUG), old, new)) == [("1", "new", 2)]
    rule = replace(RULE, objective=Objective(markdown_credit=Money(150, "BRL")))
    assert taken(decided(asked(MUG), old, new, rule=rule)) == [("1", "old", 2)]
    soon = replace(old, markdown_since={"MUG": date(2026, 5, 5)})
    assert taken(decided(asked(MUG), soon, new, rule=rule)) == [("1", "new", 2)]


def test_a_node_that_no_carrier_goes_from_is_not_taken_unless_there_is_no_other() -> None:
    unreached = replace(node("a", {"MUG": 2}), rates=())
    reached = node("b", {"MUG": 2}, base=9000)
    assert taken(decided(asked(MUG), unreached, reached)) == [("1", "b", 2)]
    assert taken(decided(asked(MUG), unreached)) == [("1", "a", 2)]


def test_a_line_does_not_come_from_a_node_that_said_no_to_it() -> None:
    request = replace(asked(MUG), excluded={"1": frozenset({"cheap"})})
    nodes = (node("cheap", {"MUG": 2}, base=10), node("dear", {"MUG": 2}))
    assert taken(decided(request, *nodes)) == [("1", "dear", 2)]


def test_a_partial_rule_gives_what_there_is_at_the_least_cost() -> None:
    nodes = (node("a", {"MUG": 1}, base=800), node("b", {"MUG": 1}, base=700))
    rule = replace(RULE, partial=True)
    decision = decided(asked(Want("1", "MUG", 5)), *nodes, rule=rule)
    assert (taken(decision), decision.left) == ([("1", "a", 1), ("1", "b", 1)], {"1": 3})


# --- properties -----------------------------------------------------------------------------

shelves = st.dictionaries(st.sampled_from(("MUG", "TEE", "CAP")), st.integers(0, 4))
stores = st.lists(
    st.tuples(shelves, st.integers(100, 3000), st.integers(0, 300), st.integers(0, 200)),
    min_size=1,
    max_size=6,
)
wants = st.lists(
    st.tuples(
        st.sampled_from(("MUG", "TEE", "CAP")), st.integers(1, 3), st.sampled_from(("", "", "g"))
    ),
    min_size=1,
    max_size=4,
)


@given(stores, wants, st.none() | st.integers(1, 3), st.booleans(), st.booleans(), st.randoms())
def test_units_are_conserved_within_stock_and_limits_in_whatever_order(
    found: list[tuple[dict[str, int], int, int, int]],
    lines: list[tuple[str, int, str]],
    max_nodes: int | None,
    whole_lines: bool,
    partial: bool,
    random: Random,
) -> None:
    nodes = [
        node(f"n{index}", units, base=base, per_kg=per_kg, line=line)
        for index, (units, base, per_kg, line) in enumerate(found)
    ]
    wanted = [
        Want(str(index), sku, units, weight_grams=300, group=group)
        for index, (sku, units, group) in enumerate(lines)
    ]
    limits = Limits(max_nodes=max_nodes, whole_lines=whole_lines, keep_together=True)
    rule = replace(RULE, limits=limits, partial=partial)
    decision = decided(asked(*wanted), *nodes, rule=rule)
    given_by: dict[tuple[str, str], int] = {}
    for one in decision.allocations:
        given_by[one.node, one.sku] = given_by.get((one.node, one.sku), 0) + one.quantity
    there = {(each.node.id, sku): units for each in nodes for sku, units in each.units.items()}
    assert all(units <= there[shelf] for shelf, units in given_by.items())
    for want in wanted:
        allocated = [one.quantity for one in decision.allocations if one.line_id == want.line_id]
        assert sum(allocated) + decision.left.get(want.line_id, 0) == want.quantity
        assert not whole_lines or len(allocated) <= 1
    assert max_nodes is None or len({one.node for one in decision.allocations}) <= max_nodes
    random.shuffle(nodes)
    random.shuffle(wanted)
    assert taken(decided(asked(*wanted), *nodes, rule=rule)) == taken(decision)
