"""Whatever the policy, the order and the nodes: units are conserved, stock and limits are kept, and
the order of the input does not matter."""

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oms.catalog.delivery import Component
from oms.kernel.money import Money
from oms.routing.engine import Decision, route
from oms.routing.policy import (
    Limits,
    NodeFilter,
    Objective,
    OrderFilter,
    Otherwise,
    RankBy,
    Ranker,
    Rule,
    SourcingPolicy,
    Step,
    Strategy,
)
from oms.routing.request import Maker, NodeFacts, RoutingRequest, Want
from tests.unit.routing.routed import facts, request

SKUS = ("A", "B", "C")
NAMES = ("n0", "n1", "n2", "n3", "n4", "n5")
amounts = st.none() | st.integers(0, 5000).map(lambda minor: Money(minor, "BRL"))

limits = st.builds(
    Limits,
    max_nodes=st.none() | st.integers(1, 4),
    min_lines=st.integers(0, 2),
    min_units=st.integers(0, 4),
    min_value=amounts,
    whole_lines=st.booleans(),
    keep_together=st.booleans(),
)
filters = st.builds(
    NodeFilter,
    kinds=st.sampled_from([(), ("store",), ("warehouse",)]),
    without_nodes=st.lists(st.sampled_from(NAMES), max_size=2).map(tuple),
    within_km=st.none() | st.floats(1, 100),
    stock_depth=st.integers(0, 3),
    safety_stock=st.integers(0, 2),
)
rankers = st.lists(st.builds(Ranker, st.sampled_from(RankBy), st.booleans()), max_size=4).map(tuple)
steps = st.lists(st.sampled_from([Step.DROP_SHIP, Step.MAKE]), max_size=2, unique=True)
ends = st.sampled_from([Step.NEXT, Step.WAIT, Step.EXCEPTION])
rules = st.builds(
    Rule,
    id=st.sampled_from(["x", "y", "z"]),
    orders=st.sampled_from([OrderFilter(), OrderFilter(tags=("gift",))]),
    nodes=filters,
    rankers=rankers,
    limits=limits,
    strategy=st.sampled_from(Strategy),
    objective=st.none() | st.none() | st.none() | st.builds(Objective, amounts, amounts),
    partial=st.booleans(),
    otherwise=st.builds(lambda some, end: Otherwise((*some, end)), steps, ends),
)
policies = st.lists(rules, min_size=1, max_size=3, unique_by=lambda rule: rule.id).map(
    lambda found: SourcingPolicy("p", tuple(found), 1)
)


@st.composite
def nodes(draw: st.DrawFn) -> list[NodeFacts]:
    return [
        facts(
            name,
            draw(st.sampled_from([5, 5, 40, 200])),
            kind=draw(st.sampled_from(["store", "warehouse"])),
            units=draw(st.dictionaries(st.sampled_from((*SKUS, "EGG")), st.integers(-1, 6))),
            load=draw(st.none() | st.integers(0, 2)),
            priority=draw(st.integers(1, 2)),
            capacity_left=draw(st.sampled_from([None, None, 0, 3])),
            sold=draw(st.dictionaries(st.sampled_from(SKUS), st.integers(0, 3))),
            rejected=draw(st.dictionaries(st.sampled_from(SKUS), st.integers(0, 3))),
            markdown_since=draw(
                st.dictionaries(st.sampled_from(SKUS), st.just(date(2026, 1, 2)), max_size=1)
            ),
        )
        for name in draw(st.lists(st.sampled_from(NAMES), unique=True))
    ]


@st.composite
def requests(draw: st.DrawFn) -> RoutingRequest:
    wants = tuple(
        Want(
            f"l{number}",
            draw(st.sampled_from(SKUS)),
            units := draw(st.integers(1, 6)),
            value=units * 500,
            group=draw(st.sampled_from(["", "", "set"])),
        )
        for number in range(draw(st.integers(1, 4)))
    )
    excluded = st.frozensets(st.sampled_from(NAMES), max_size=2)
    return replace(
        request(*wants),
        tags=draw(st.sampled_from([(), ("gift",)])),
        excluded=draw(st.dictionaries(st.sampled_from(["l0", "l1"]), excluded, max_size=2)),
        suppliers=draw(st.sampled_from([{}, {"A": ("s1",)}])),
        makers=draw(
            st.sampled_from([{}, {"B": (Maker("n1", (Component("EGG", 1),)), Maker("n2"))}])
        ),
    )


@given(policies, requests(), nodes(), st.randoms(use_true_random=False))
def test_the_order_of_the_input_does_not_matter(
    policy: SourcingPolicy, asked: RoutingRequest, there: list[NodeFacts], luck: random.Random
) -> None:
    _does_not_depend_on_the_order(policy, asked, there, luck)


def _does_not_depend_on_the_order(
    policy: SourcingPolicy, asked: RoutingRequest, there: list[NodeFacts], luck: random.Random
) -> None:
    decision = route(policy, asked, there)
    shuffled, lines = list(there), list(asked.wants)
    luck.shuffle(shuffled)
    luck.shuffle(lines)
    again = route(policy, replace(asked, wants=tuple(lines)), shuffled)
    assert set(again.allocations) == set(decision.allocations)
    assert (again.left, set(again.lacking)) == (decision.left, set(decision.lacking))
    assert again.evidence == decision.evidence
    assert (again.rule, again.otherwise) == (decision.rule, decision.otherwise)


@given(policies, requests(), nodes())
def test_units_are_conserved_and_never_more_than_there_are(
    policy: SourcingPolicy, asked: RoutingRequest, there: list[NodeFacts]
) -> None:
    _conserves_units(policy, asked, there)


def _conserves_units(policy: SourcingPolicy, asked: RoutingRequest, there: list[NodeFacts]) -> None:
    decision = route(policy, asked, there)
    got = Counter[str]()
    taken = Counter[tuple[str, str]]()
    for one in decision.allocations:
        assert one.quantity > 0
        if not one.component:
            got[one.line_id] += one.quantity
        if not one.drop_ship and (one.component or not one.make):
            taken[one.node, one.sku] += one.quantity
            assert one.node not in asked.excluded.get(one.line_id, frozenset())
    for want in asked.wants:
        assert got[want.line_id] + decision.left.get(want.line_id, 0) == want.quantity
    assert all(units > 0 for units in decision.left.values())
    assert bool(decision.left) == bool(decision.lacking)
    units = {(one.node.id, sku): count for one in there for sku, count in one.units.items()}
    assert all(count <= units.get(place, 0) for place, count in taken.items())
    assert all(one.capacity_left != 0 or one.node.id not in _used(decision) for one in there)


@given(rules, requests(), nodes())
def test_no_filter_and_no_limit_of_a_rule_is_broken(
    rule: Rule, asked: RoutingRequest, there: list[NodeFacts]
) -> None:
    _keeps_filters_and_limits(rule, asked, there)


def _keeps_filters_and_limits(rule: Rule, asked: RoutingRequest, there: list[NodeFacts]) -> None:
    rule = replace(rule, otherwise=Otherwise((Step.WAIT,)))
    decision = route(SourcingPolicy("p", (rule,), 1), asked, there)
    by_id = {one.node.id: one for one in there}
    for node in _used(decision):
        seen = by_id[node]
        assert not rule.nodes.kinds or seen.node.kind in rule.nodes.kinds
        assert node not in rule.nodes.without_nodes
        assert rule.nodes.within_km is None or seen.distance.kilometres <= rule.nodes.within_km
        for sku, units in _by_sku(decision, node).items():
            assert seen.units[sku] >= rule.nodes.stock_depth
            assert seen.units[sku] - units >= rule.nodes.safety_stock
    if rule.strategy is Strategy.SINGLE and rule.objective is None:
        assert len(_used(decision)) <= 1
    _keeps_to(rule.limits, asked.wants, decision)


def _keeps_to(limits: Limits, wants: Sequence[Want], decision: Decision) -> None:
    lines = {want.line_id: want for want in wants}
    everything = sum(want.quantity for want in wants)
    assert limits.max_nodes is None or len(_used(decision)) <= limits.max_nodes
    for node in _used(decision):
        parts = [one for one in decision.allocations if one.node == node]
        units = sum(one.quantity for one in parts)
        if units == everything:
            continue
        assert len({one.line_id for one in parts}) >= limits.min_lines
        assert units >= limits.min_units
        value = sum(one.quantity * 500 for one in parts)
        assert limits.min_value is None or value >= limits.min_value.minor
    if limits.whole_lines:
        for one in decision.allocations:
            assert one.quantity == lines[one.line_id].quantity
    if limits.keep_together:
        group = {want.line_id for want in wants if want.group}
        whole = [one for one in decision.allocations if one.line_id in group]
        assert len({one.node for one in whole}) <= 1
        assert not whole or sum(one.quantity for one in whole) == sum(
            lines[line_id].quantity for line_id in group
        )


def _used(decision: Decision) -> set[str]:
    return {one.node for one in decision.allocations if not one.drop_ship and not one.make}


def _by_sku(decision: Decision, node: str) -> dict[str, int]:
    units: dict[str, int] = {}
    for one in decision.allocations:
        if one.node == node:
            units[one.sku] = units.get(one.sku, 0) + one.quantity
    return units


@given(nodes(), requests())
def test_a_rule_without_limits_finds_whatever_there_is(
    there: list[NodeFacts], asked: RoutingRequest
) -> None:
    _finds_whatever_there_is(there, asked)


def _finds_whatever_there_is(there: list[NodeFacts], asked: RoutingRequest) -> None:
    open_nodes = [replace(one, capacity_left=None) for one in there]
    free = replace(asked, excluded={})
    needs = Counter[str]()
    for want in free.wants:
        needs[want.sku] += want.quantity
    suffices = all(
        sum(max(0, one.units.get(sku, 0)) for one in open_nodes) >= units
        for sku, units in needs.items()
    )
    rule = Rule("r", otherwise=Otherwise((Step.WAIT,)))
    decision = route(SourcingPolicy("p", (rule,), 1), free, open_nodes)
    assert bool(decision.left) != suffices


@pytest.mark.slow
@given(policies, requests(), nodes(), st.randoms(use_true_random=False))
def test_all_of_it_holds_for_a_thousand_policies(
    policy: SourcingPolicy, asked: RoutingRequest, there: list[NodeFacts], luck: random.Random
) -> None:
    _does_not_depend_on_the_order(policy, asked, there, luck)
    _conserves_units(policy, asked, there)
    for rule in policy.rules:
        _keeps_filters_and_limits(rule, asked, there)
    _finds_whatever_there_is(there, asked)
