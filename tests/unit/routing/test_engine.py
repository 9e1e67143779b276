"""What a rule does with an order and with nodes, and what becomes of what it leaves."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from oms.catalog.delivery import Component
from oms.kernel.money import Money
from oms.orders.model import Method
from oms.routing.evidence import RankedNode, TriedRule
from oms.routing.policy import (
    Limits,
    NodeFilter,
    OrderFilter,
    Otherwise,
    RankBy,
    Ranker,
    Rule,
    Step,
    Strategy,
)
from oms.routing.request import Maker, Want
from tests.samples import NOW
from tests.unit.routing.routed import MUG, decided, facts, given, request, units_at

WAIT = Otherwise((Step.WAIT,))


def ranked(*by: RankBy | Ranker, **changes: Any) -> Rule:
    rankers = tuple(one if isinstance(one, Ranker) else Ranker(one) for one in by)
    return Rule("r", rankers=rankers, otherwise=WAIT, **changes)


def brl(minor: int) -> Money:
    return Money(minor, "BRL")


@pytest.mark.parametrize(
    ("orders", "changes", "why"),
    [
        (OrderFilter(channels=("web",)), {"channel": "app"}, "channels"),
        (OrderFilter(countries=("BR",)), {"country": "PT"}, "countries"),
        (OrderFilter(regions=("sp", "RJ")), {"region": "MG"}, "regions"),
        (OrderFilter(tags=("gift", "vip")), {"tags": ("other",)}, "tags"),
        (OrderFilter(without_tags=("b2b",)), {"tags": ("b2b", "gift")}, "without_tags"),
        (OrderFilter(customer_classes=("gold",)), {"customer_class": "tin"}, "customer_classes"),
        (OrderFilter(methods=("ship",)), {"method": Method.PICKUP}, "methods"),
        (OrderFilter(value_from=brl(3000)), {"value": 2999}, "value_from"),
        (OrderFilter(value_from=brl(1)), {"currency": "EUR"}, "value_from"),
        (OrderFilter(value_to=brl(3001)), {"value": 3001}, "value_to"),
    ],
)
def test_a_rule_is_only_for_orders_that_fit_its_filter(
    orders: OrderFilter, changes: dict[str, Any], why: str
) -> None:
    fitting = request(tags=("gift",), customer_class="Gold")
    rules = [Rule("narrow", orders), Rule("all", otherwise=WAIT)]
    assert decided(rules[:1], [facts("a")], fitting).rule == "narrow"
    other = decided(rules, [facts("a")], replace(fitting, **changes))
    assert other.rule == "all"
    assert other.evidence.tried == (TriedRule("narrow", f"the order does not fit {why}"),)


@pytest.mark.parametrize(
    ("nodes", "out", "why"),
    [
        (NodeFilter(kinds=("store",)), facts("x", kind="warehouse"), "kind"),
        (NodeFilter(groups=("city",)), facts("x", groups=("far",)), "groups"),
        (NodeFilter(without_groups=("far",)), facts("x", groups=("far",)), "without_groups"),
        (NodeFilter(nodes=("in",)), facts("x"), "nodes"),
        (NodeFilter(without_nodes=("x",)), facts("x"), "without_nodes"),
        (NodeFilter(within_km=50), facts("x", 50.1), "distance"),
        (NodeFilter(capacity_left=3), facts("x", capacity_left=2), "capacity"),
        (NodeFilter(), facts("x", capacity_left=0), "capacity"),
        (NodeFilter(open_now=True), facts("x", open_now=False), "closed"),
        (NodeFilter(switched_on=True), facts("x", switched_on=False), "switched_off"),
        (NodeFilter(stock_depth=5), facts("x", units={"MUG": 4, "TEE": 4}), "stock_depth"),
        (NodeFilter(safety_stock=9), facts("x"), "safety_stock"),
        (NodeFilter(), facts("x", units={"MUG": 0}), "no_stock"),
        (NodeFilter(), facts("x", active=False), "inactive"),
    ],
)
def test_a_node_that_does_not_pass_is_counted_by_what_kept_it_out(
    nodes: NodeFilter, out: Any, why: str
) -> None:
    inside = facts("in", 50, groups=("city",), capacity_left=3, units={"MUG": 99, "TEE": 99})
    decision = decided(Rule("r", nodes=nodes, otherwise=WAIT), [out, inside])
    assert units_at(decision) == {"in": 3}
    assert decision.evidence.others == ((why, 1),)
    assert [one.node for one in decision.evidence.candidates] == ["in"]


def test_safety_stock_is_left_at_the_node_in_whole_units() -> None:
    rule = Rule("r", nodes=NodeFilter(safety_stock=2), partial=True, otherwise=WAIT)
    ham = Want("HAM", "HAM", 5000, scale=3)
    decision = decided(rule, [facts("a", units={"HAM": 5500})], request(ham))
    assert (given(decision), decision.left) == ([("HAM", "a", 3500)], {"HAM": 1500})


@pytest.mark.parametrize(
    ("ranker", "best", "worst"),
    [
        (Ranker(RankBy.DISTANCE), {"km": 1}, {"km": 2}),
        (Ranker(RankBy.DISTANCE, descending=True), {"km": 2}, {"km": 1}),
        (Ranker(RankBy.COST), {"parcel_cost": 900}, {"parcel_cost": 1000}),
        (Ranker(RankBy.LOAD), {"load": 1}, {"load": 7}),
        (Ranker(RankBy.LOAD), {"load": 7}, {"load": None}),
        (Ranker(RankBy.PRIORITY), {"priority": 1}, {"priority": 5}),
        (
            Ranker(RankBy.STOCK_DEPTH, descending=True),
            {"units": {"MUG": 9, "TEE": 9}},
            {"units": {"MUG": 9, "TEE": 8}},
        ),
        (
            Ranker(RankBy.WEEKS_OF_SUPPLY, descending=True),
            {"weekly": {"MUG": 3.0, "TEE": 1.0}},
            {"weekly": {"MUG": 1.0, "TEE": 5.0}},
        ),
        (
            Ranker(RankBy.MARKDOWN_AGE, descending=True),
            {"markdown_since": {"MUG": date(2026, 1, 1)}},
            {"markdown_since": {"TEE": date(2026, 2, 1)}},
        ),
        (
            Ranker(RankBy.REJECT_RATE),
            {"sold": {"MUG": 90}, "rejected": {"MUG": 10}},
            {"sold": {"MUG": 8}, "rejected": {"MUG": 1, "TEE": 1}},
        ),
        (Ranker(RankBy.REJECT_RATE), {"sold": {"MUG": 1}}, {}),
    ],
)
def test_a_ranker_says_which_node_is_the_better(
    ranker: Ranker, best: dict[str, Any], worst: dict[str, Any]
) -> None:
    """The id alone would have it the other way round."""
    nodes = [facts("a", **worst), facts("z", **best)]
    decision = decided(ranked(ranker), nodes)
    assert set(units_at(decision)) == {"z"}
    assert decision.evidence.candidates[0].ranks == (1,)


def test_a_tie_goes_on_to_the_next_ranker_and_at_last_to_the_id() -> None:
    nodes = [
        facts("c", 10, priority=2, load=4),
        facts("b", 90, priority=1, load=4),
        facts("a", 90, priority=1, load=4),
        facts("d", 90, priority=1),
    ]
    rule = ranked(RankBy.LOAD, RankBy.WEEKS_OF_SUPPLY, RankBy.PRIORITY)
    decision = decided(rule, nodes)
    assert decision.evidence.rankers == ("load", "weeks_of_supply", "priority")
    assert decision.evidence.candidates == (
        RankedNode("a", (1, None, 1)),
        RankedNode("b", (1, None, 1)),
        RankedNode("c", (1, None, 2)),
        RankedNode("d", (None, None, 1)),
    )
    assert decision.reason == (
        "a is the first of 4 that can ship all of it, by load, weeks_of_supply, priority"
    )


def test_in_order_every_node_gives_what_it_has_until_nothing_is_left() -> None:
    nodes = [
        facts("near", 1, units={"MUG": 1}),
        facts("mid", 2, units={"MUG": 5, "TEE": 5}),
        facts("far", 3),
    ]
    decision = decided(ranked(RankBy.DISTANCE, strategy=Strategy.IN_ORDER), nodes)
    assert given(decision) == [("MUG", "near", 1), ("MUG", "mid", 1), ("TEE", "mid", 1)]
    assert decision.reason.endswith("give it in their order by distance")


def test_a_single_node_gives_everything_or_nothing() -> None:
    rule = ranked(RankBy.DISTANCE, strategy=Strategy.SINGLE)
    parts = [facts("a", 1, units={"MUG": 9}), facts("b", 2, units={"TEE": 9})]
    assert decided(rule, parts).allocations == ()
    assert units_at(decided(rule, [*parts, facts("c", 900)])) == {"c": 3}
    some = decided(replace(rule, partial=True), parts)
    assert (units_at(some), some.left) == ({"a": 2}, {"TEE": 1})


def test_no_more_nodes_are_used_than_may_be() -> None:
    nodes = [facts(name, units={"MUG": 1}) for name in "abcdef"]
    wanted = request(Want("MUG", "MUG", 6))
    for most in range(1, 6):
        rule = ranked(RankBy.DISTANCE, limits=Limits(max_nodes=most))
        assert decided(rule, nodes, wanted).allocations == ()
        some = decided(replace(rule, partial=True), nodes, wanted)
        assert (len(units_at(some)), some.left) == (most, {"MUG": 6 - most})
    assert len(units_at(decided(ranked(limits=Limits(max_nodes=6)), nodes, wanted))) == 6


@pytest.mark.parametrize(
    "limits",
    [Limits(min_lines=2), Limits(min_units=3), Limits(min_value=brl(2500))],
)
def test_a_split_whose_part_would_be_too_small_is_not_made(limits: Limits) -> None:
    """``tiny`` is the nearest, and would give the one TEE that ``big`` lacks."""
    rule = ranked(RankBy.DISTANCE, limits=limits)
    tiny, big = facts("tiny", 1, units={"TEE": 1}), facts("big", 2, units={"MUG": 9})
    assert decided(rule, [tiny, big]).allocations == ()
    assert units_at(decided(rule, [tiny, big, facts("all", 99)])) == {"all": 3}


def test_an_order_below_the_minimum_still_goes_from_one_node() -> None:
    rule = ranked(RankBy.DISTANCE, limits=Limits(min_units=10, min_value=brl(10_000)))
    assert units_at(decided(rule, [facts("a")])) == {"a": 3}


def test_a_minimum_in_another_currency_binds_nobody() -> None:
    rule = ranked(limits=Limits(min_value=Money(99_999, "EUR")))
    nodes = [facts("a", units={"MUG": 2}), facts("b", units={"TEE": 1})]
    assert units_at(decided(rule, nodes)) == {"a": 2, "b": 1}


def test_whole_lines_are_not_split() -> None:
    nodes = [facts("a", 1, units={"MUG": 1, "TEE": 1}), facts("b", 2, units={"MUG": 1})]
    assert units_at(decided(ranked(RankBy.DISTANCE), nodes)) == {"a": 2, "b": 1}
    whole = ranked(RankBy.DISTANCE, limits=Limits(whole_lines=True))
    decision = decided(whole, nodes)
    assert (decision.allocations, decision.lacking) == ((), ("MUG",))
    some = decided(replace(whole, partial=True), nodes)
    assert (given(some), some.left) == ([("TEE", "a", 1)], {"MUG": 2})


def test_a_group_comes_from_one_node() -> None:
    sofa = [Want("SEAT", "SEAT", 1, group="sofa"), Want("BACK", "BACK", 2, group="sofa")]
    nodes = [
        facts("a", 1, units={"SEAT": 1, "MUG": 9}),
        facts("b", 2, units={"SEAT": 1, "BACK": 2}),
        facts("c", 3, units={"BACK": 9}),
    ]
    together = ranked(RankBy.DISTANCE, limits=Limits(keep_together=True))
    decision = decided(together, nodes, request(*sofa, MUG))
    assert given(decision) == [("SEAT", "b", 1), ("BACK", "b", 2), ("MUG", "a", 2)]
    apart = decided(ranked(RankBy.DISTANCE), nodes, request(*sofa, MUG))
    assert units_at(apart) == {"a": 3, "b": 2}
    without = decided(together, [nodes[0], nodes[2]], request(*sofa, MUG))
    assert (without.allocations, without.lacking) == ((), ("SEAT", "BACK"))
    assert without.reason == "no set of nodes has enough of BACK, SEAT"


def test_a_node_that_said_no_to_a_line_may_give_the_others() -> None:
    asked = request(excluded={"MUG": frozenset({"a"})})
    decision = decided(
        ranked(RankBy.DISTANCE), [facts("a", 1), facts("b", 2, units={"MUG": 9})], asked
    )
    assert given(decision) == [("MUG", "b", 2), ("TEE", "a", 1)]
    both = request(excluded={"MUG": frozenset({"a"}), "TEE": frozenset({"a"})})
    assert decided(ranked(RankBy.DISTANCE), [facts("a")], both).evidence.others == (
        ("rejected", 1),
    )


def test_a_line_of_the_same_sku_is_not_kept_from_a_node_that_said_no_to_another() -> None:
    lines = Want("MUG", "MUG", 2), Want("gift", "MUG", 2)
    asked = request(*lines, excluded={"MUG": frozenset({"a"})})
    nodes = [facts("a", 1, units={"MUG": 2}), facts("b", 2, units={"MUG": 2})]
    assert given(decided(ranked(RankBy.DISTANCE), nodes, asked)) == [
        ("MUG", "b", 2),
        ("gift", "a", 2),
    ]


# --- from rule to rule ----------------------------------------------------------------------


def test_what_a_partial_rule_leaves_is_for_the_next() -> None:
    near = Rule("near", nodes=NodeFilter(within_km=50), partial=True)
    decision = decided(
        [near, Rule("far", otherwise=WAIT)],
        [facts("a", 10, units={"MUG": 1}), facts("b", 900, units={"MUG": 1, "TEE": 1})],
    )
    assert given(decision) == [("MUG", "a", 1), ("MUG", "b", 1), ("TEE", "b", 1)]
    assert (decision.rule, decision.left) == ("near, far", {})
    assert decision.evidence.tried == (TriedRule("near", "no set of nodes has enough of MUG, TEE"),)


def test_a_later_rule_does_not_give_again_what_was_given() -> None:
    rules = [Rule("one", partial=True), Rule("two", otherwise=WAIT)]
    decision = decided(rules, [facts("a", units={"MUG": 1, "TEE": 1})])
    assert units_at(decision) == {"a": 2}
    assert (decision.left, decision.lacking, decision.partial) == ({"MUG": 1}, ("MUG",), True)


def test_a_rule_that_is_not_partial_gives_all_or_nothing() -> None:
    decision = decided(Rule("r", otherwise=WAIT), [facts("a", units={"MUG": 9})])
    assert (decision.allocations, decision.left) == ((), {"MUG": 2, "TEE": 1})
    assert (decision.lacking, decision.otherwise, decision.partial) == (("TEE",), Step.WAIT, False)


def test_otherwise_may_name_the_rule_it_goes_on_to() -> None:
    rules = [
        Rule("first", nodes=NodeFilter(kinds=("warehouse",)), otherwise=Otherwise(rule="third")),
        Rule("second", otherwise=WAIT),
        Rule("third", otherwise=Otherwise((Step.EXCEPTION,))),
    ]
    assert decided(rules, [facts("a")]).rule == "third"
    none = decided(rules, [])
    assert (none.otherwise, none.rule) == (Step.EXCEPTION, "third")


def test_after_the_last_rule_the_rest_waits() -> None:
    decision = decided([Rule("r", OrderFilter(tags=("x",)))], [facts("a")])
    assert (decision.otherwise, decision.lacking) == (Step.WAIT, ("MUG", "TEE"))
    assert decision.reason == "no rule is for MUG, TEE"


def test_a_policy_that_goes_round_in_a_circle_comes_to_an_end() -> None:
    """Such a policy is refused when it is put; the engine does not rely on that."""
    rules = [Rule("a", otherwise=Otherwise(rule="b")), Rule("b", otherwise=Otherwise(rule="a"))]
    assert decided(rules, []).left == {"MUG": 2, "TEE": 1}


def test_what_is_lacking_is_drop_shipped_and_the_rest_goes_from_stock() -> None:
    rule = Rule("r", otherwise=Otherwise((Step.DROP_SHIP, Step.WAIT)))
    asked = request(suppliers={"TEE": ("s1", "s2"), "MUG": ("s1",)})
    decision = decided(rule, [facts("a", units={"MUG": 9})], asked)
    assert [(one.line_id, one.node, one.drop_ship) for one in decision.allocations] == [
        ("TEE", "s1", True),
        ("MUG", "a", False),
    ]
    assert not decision.left
    assert all(one.tracked != one.drop_ship for one in decision.allocations)
    rejected = replace(asked, excluded={"TEE": frozenset({"s1"})})
    assert decided(rule, [facts("a", units={"MUG": 9})], rejected).allocations[0].node == "s2"


def test_nothing_is_drop_shipped_when_the_rest_would_still_wait() -> None:
    rule = Rule("r", otherwise=Otherwise((Step.DROP_SHIP, Step.WAIT)))
    decision = decided(rule, [], request(suppliers={"TEE": ("s1",)}))
    assert (decision.allocations, decision.left) == ((), {"MUG": 2, "TEE": 1})
    some = decided(replace(rule, partial=True), [], request(suppliers={"TEE": ("s1",)}))
    assert (given(some), some.left) == ([("TEE", "s1", 1)], {"MUG": 2})


def test_what_is_made_takes_its_components_from_the_node_that_makes_it() -> None:
    rule = Rule("r", otherwise=Otherwise((Step.MAKE, Step.EXCEPTION)))
    cake = Want("CAKE", "CAKE", 2)
    makers = tuple(Maker(name, (Component("EGG", 3), Component("OIL", 1))) for name in "ab")
    nodes = [facts("a", units={"EGG": 5, "OIL": 9}), facts("b", units={"EGG": 6, "OIL": 2})]
    decision = decided(rule, nodes, request(cake, makers={"CAKE": makers}))
    assert [
        (one.sku, one.node, one.quantity, one.make, one.component) for one in decision.allocations
    ] == [
        ("CAKE", "b", 2, True, False),
        ("EGG", "b", 6, True, True),
        ("OIL", "b", 2, True, True),
    ]
    assert not decision.left
    twice = request(cake, Want("pie", "CAKE", 1), makers={"CAKE": makers})
    both = decided(replace(rule, partial=True), nodes, twice)
    assert [(one.line_id, one.node) for one in both.allocations if not one.component] == [
        ("CAKE", "b"),
        ("pie", "a"),
    ]


def test_what_goes_together_is_drop_shipped_together() -> None:
    sofa = [Want("SEAT", "SEAT", 1, group="sofa"), Want("BACK", "BACK", 2, group="sofa")]
    limits = Limits(keep_together=True)
    rule = Rule("r", limits=limits, otherwise=Otherwise((Step.DROP_SHIP, Step.WAIT)))
    suppliers = {"SEAT": ("s1", "s2"), "BACK": ("s2", "s3")}
    asked = request(*sofa, MUG, suppliers=suppliers)
    decision = decided(rule, [facts("a", units={"MUG": 9, "SEAT": 9})], asked)
    assert given(decision) == [("BACK", "s2", 2), ("SEAT", "s2", 1), ("MUG", "a", 2)]
    apart = replace(asked, suppliers={"SEAT": ("s1",), "BACK": ("s2",)})
    assert decided(rule, [facts("a", units={"MUG": 9})], apart).allocations == ()


def test_what_goes_together_is_made_at_one_node() -> None:
    pair = [Want("CAKE", "CAKE", 1, group="tea"), Want("PIE", "PIE", 1, group="tea")]
    limits = Limits(keep_together=True)
    rule = Rule("r", limits=limits, otherwise=Otherwise((Step.MAKE, Step.WAIT)))
    egg = (Component("EGG", 1),)
    makers = {"CAKE": (Maker("a", egg), Maker("b", egg)), "PIE": (Maker("b", egg),)}
    asked = request(*pair, makers=makers)
    one_egg, eggs = facts("a", units={"EGG": 1}), facts("b", units={"EGG": 2})
    assert decided(rule, [one_egg, eggs], asked).allocations == ()
    assert {one.node for one in decided(rule, [eggs], asked).allocations} == {"b"}


# --- evidence -------------------------------------------------------------------------------


def test_the_evidence_names_twenty_candidates_and_counts_the_others() -> None:
    nodes = [facts(f"n{number:02}", number) for number in range(30)]
    nodes += [facts(f"w{number}", kind="warehouse") for number in range(5)]
    asked = request(passed_over={"off": "switched_off"})
    decision = decided(Rule("r", nodes=NodeFilter(kinds=("store",)), otherwise=WAIT), nodes, asked)
    evidence = decision.evidence
    assert [one.node for one in evidence.candidates] == [f"n{number:02}" for number in range(20)]
    assert evidence.others == (("kind", 5), ("not_chosen", 10), ("switched_off", 1))
    assert (evidence.policy, evidence.version, evidence.rule) == ("p", 3, "r")


def test_the_evidence_names_the_node_that_was_chosen_however_far_down_it_stands() -> None:
    nodes = [facts(f"n{number:02}", number, units={"MUG": 1}) for number in range(30)]
    decision = decided(ranked(RankBy.DISTANCE), [*nodes, facts("z", 999)])
    assert units_at(decision) == {"z": 3}
    assert decision.evidence.candidates[-1] == RankedNode("z", (31,))
    assert len(decision.evidence.candidates) == 20


def test_a_collected_order_says_where_it_lies() -> None:
    decision = decided(ranked(RankBy.DISTANCE), [facts("a")], request(method=Method.PICKUP))
    assert decision.reason == "a has all of it, where it is collected"


def test_a_markdown_that_is_still_to_come_is_not_older_than_one_that_came() -> None:
    today = NOW.date()
    nodes = [
        facts("a", markdown_since={"MUG": today + timedelta(days=3)}),
        facts("z", markdown_since={"MUG": today}),
    ]
    decision = decided(ranked(Ranker(RankBy.MARKDOWN_AGE, descending=True)), nodes)
    assert set(units_at(decision)) == {"z"}


def test_nothing_is_wanted_and_nothing_is_given() -> None:
    decision = decided(Rule("r"), [facts("a")], replace(request(), wants=()))
    assert (decision.allocations, decision.left, decision.lacking) == ((), {}, ())
