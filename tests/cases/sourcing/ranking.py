"""Cases about what makes a source better than another, and what keeps one out."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from oms.catalog.delivery import NodeCalendar
from oms.catalog.model import Node
from oms.kernel.money import Money
from oms.routing.capacity import Load, capacity_left
from oms.routing.engine import Decision, route
from oms.routing.filters import keeps_node_out, offered
from oms.routing.model import Distance
from oms.routing.policy import Limits, NodeFilter, RankBy, Ranker, Rule, SourcingPolicy, Strategy
from oms.routing.rankers import key_of, values_of
from oms.routing.request import NodeFacts, Want
from tests.cases.reading import SCALE, Keys, NotUnderstoodError, number, steps_of, units
from tests.cases.sourcing.network import (
    DEFAULT,
    OTHER,
    Facts,
    Network,
    Stock,
    decide,
    demand_of,
    network_of,
    request_of,
)
from tests.cases.sourcing.splitting import allocate, preferred
from tests.samples import NOW

_ALWAYS = NodeCalendar(working_days=(0, 1, 2, 3, 4, 5, 6))
_NEAR = Distance(1.0, "coordinates")

# --- a chain of rules -----------------------------------------------------------------------------

_CHAIN = frozenset("pick_location pick allocate rank_by_coverage rank".split())

# Of what our rankers look at, what a rule of a case may stand for: each may know nothing of a node.
_MOST = 1000


def _as_load(rank: int) -> Facts:
    return {"load": rank}


def _as_cost(rank: int) -> Facts:
    return {"parcel_cost": rank}


def _as_rejects(rank: int) -> Facts:
    return {"rejected": {"SKU": rank}, "sold": {"SKU": _MOST - rank}}


def _as_markdown(rank: int) -> Facts:
    return {"markdown_since": {"SKU": NOW.date() - timedelta(days=rank)}}


_RULES = (
    (Ranker(RankBy.LOAD), _as_load),
    (Ranker(RankBy.COST), _as_cost),
    (Ranker(RankBy.REJECT_RATE), _as_rejects),
    (Ranker(RankBy.MARKDOWN_AGE), _as_markdown),
)
_DEFAULT_LAST = Ranker(RankBy.PRIORITY)


def rule_chain(given: Keys, when: Any, then: Keys) -> Facts:
    if "rules" in given or "locations" in given:
        return _picked(given, when)
    [step] = steps_of(when, _CHAIN)
    step.only()
    network, wants = network_of(given), demand_of(given)
    if step.verb in ("rank_by_coverage", "rank"):
        return _by_coverage(network, wants)
    preferred(network, given)
    return allocate(network, wants, then)


def _picked(given: Keys, when: Any) -> Facts:
    """Each rule becomes a ranker of ours, over facts that make it rank as the rule does."""
    for step in steps_of(when, _CHAIN):
        step.only()
    network = Network()
    for name in given.first("locations", default=()):
        code, _, note = str(name).partition(" ")
        priority = DEFAULT if "default" in note else OTHER
        network.nodes[code] = Node(code, code, "warehouse", "", priority=priority)
        network.stock[code] = {"SKU": Stock(units(1))}
        network.facts_of[code] = {}
    rankers = []
    for place, ranked in enumerate(given.first("rules", default=())):
        if place == len(_RULES):
            raise NotUnderstoodError(f"more than {len(_RULES)} rules")
        ranker, facts_of = _RULES[place]
        rankers.append(ranker)
        for code, rank in ranked.items():
            if rank is not None:
                network.facts_of[code] |= facts_of(int(rank))
    if preferred(network, given):
        rankers.insert(0, Ranker(RankBy.DISTANCE))
    rule = Rule("case", rankers=(*rankers, _DEFAULT_LAST), strategy=Strategy.SINGLE)
    decision = decide(network, [Want("1", "SKU", units(1), scale=SCALE)], rule)
    order = [each.node for each in decision.evidence.candidates]
    picked = decision.allocations[0].node if decision.allocations else None
    return {"picked": picked, "best_first": order, "order": order}


def _by_coverage(network: Network, wants: Sequence[Want]) -> Facts:
    """Who alone could give how many lines: asked one by one, the fullest first."""
    alone = {node: _from_alone(node, network, wants) for node in network.nodes}
    covered = {
        node: sum(want.line_id not in decision.left for want in wants)
        for node, decision in alone.items()
    }
    chosen = decide(network, wants, Rule("case", partial=True))
    used = {one.node for one in chosen.allocations}
    best = sorted(covered, key=lambda node: (-covered[node], node not in used))
    return {
        "best_first": best,
        "lines_covered": covered,
        "picked": best[0] if best else None,
    }


def _from_alone(node: str, network: Network, wants: Sequence[Want]) -> Decision:
    only = Rule("case", nodes=NodeFilter(nodes=(node,)), partial=True)
    return decide(network, wants, only)


# --- sorting and filtering ------------------------------------------------------------------------

_SORTED_BY: Mapping[str, RankBy] = {
    "weeks_of_supply": RankBy.WEEKS_OF_SUPPLY,
    "inventory_balance": RankBy.STOCK_DEPTH,
    "stock": RankBy.STOCK_DEPTH,
    "qty": RankBy.STOCK_DEPTH,
    "proximity": RankBy.DISTANCE,
    "distance": RankBy.DISTANCE,
    "facility_order_limit": RankBy.CAPACITY_LEFT,
    "remaining_capacity": RankBy.CAPACITY_LEFT,
    "capacity": RankBy.CAPACITY_LEFT,
    "load": RankBy.LOAD,
    "orders_allocated_today": RankBy.LOAD,
    "custom_sequence": RankBy.PRIORITY,
    "sequence": RankBy.PRIORITY,
    "priority": RankBy.PRIORITY,
}


def facility_sort(given: Keys, when: Any, then: Keys) -> Facts:
    """Weeks are those that a demand of so many weeks takes: their number orders nothing anew."""
    weeks = given.first("weeks", "velocity_weeks", default=1)
    sequence = given.first("custom_sequence", "sequence", default=())
    network = network_of(given)
    for place, code in enumerate(sequence, start=1):
        network.nodes[code] = replace(network.nodes[code], priority=place)
    [step] = steps_of(when, frozenset({"sort_facilities", "sort"}))
    step.more.done()
    rankers = tuple(ranker_of(each) for each in _list(step.value))
    if not weeks:  # without a number of weeks there is no score to sort by
        rankers = tuple(each for each in rankers if each.by is not RankBy.WEEKS_OF_SUPPLY)
    wants = [Want("1", sku, units(1), scale=SCALE) for sku in network.skus()[:1]]
    ordered = sorted(
        (network.facts(one) for one in network.everything()),
        key=lambda facts: (
            key_of(rankers, values_of(rankers, facts, wants, NOW.date())),
            [*network.nodes].index(facts.node.id),
        ),
    )
    return {"order": [facts.node.id for facts in ordered]}


def _list(value: Any) -> list[str]:
    return [*value] if isinstance(value, list) else [str(value)]


def ranker_of(text: str) -> Ranker:
    by, _, direction = text.partition(" ")
    if by not in _SORTED_BY or direction not in ("", "asc", "desc"):
        raise NotUnderstoodError(f"sort: {text!r}")
    return Ranker(_SORTED_BY[by], descending=direction == "desc")


def facility_filter(given: Keys, when: Any, then: Keys) -> Facts:
    network = network_of(given)
    for step in steps_of(when, frozenset({"filter_facilities", "filter"})):
        step.only()
    depth = given.first("brokering_safety_stock", "minimum_stock", "safety_stock")
    limit = given.first("max_distance", "within_km", "proximity", "radius")
    groups = _named(
        given.first("groups", "facility_groups", "include_groups", "facility_group", default=())
    )
    without = _named(given.first("exclude_groups", "excluded_groups", "exclude_group", default=()))
    ignores = _ignores_limit(given)
    nodes = NodeFilter(
        groups=groups,
        without_groups=without,
        within_km=None if limit is None else float(limit),
        stock_depth=0 if depth is None else int(depth),
    )
    wants = tuple(Want("1", sku, units(1), scale=SCALE) for sku in network.skus()[:1])
    eligible = []
    for one in network.everything():
        facts = network.facts(one)
        if ignores:
            facts = replace(facts, capacity_left=None)
        if keeps_node_out(nodes, facts):
            continue
        if wants and isinstance(offered(nodes, facts, wants, {}), str):
            continue
        eligible.append(facts.node.id)
    return {"eligible": eligible}


def _named(value: Any) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)


def _ignores_limit(said: Keys) -> bool:
    return bool(
        said.first(
            "ignore_order_limit",
            "ignore_facility_order_limit",
            "order_limit_check_off",
            "override_limit",
            default=False,
        )
    )


def facility_capacity(given: Keys, when: Any, then: Keys) -> Facts:
    """One more order for a node, by our count of what it takes in a day; its stock is not asked."""
    facility = given.keys("facility", "location")
    limit = facility.first("daily_order_limit", "order_limit", "capacity", "max_orders")
    taken = int(facility.first("orders_allocated_today", "orders_today", default=0))
    atp = facility.units("atp", "qty", "available")
    facility.first("code", "id")
    facility.done()
    rule = given.keys("rule")
    ignores = _ignores_limit(given) or _ignores_limit(rule)
    rule.done()
    for step in steps_of(when, frozenset({"can_allocate_another_order", "allocate_order"})):
        said = Keys(step.verb, step.value) if isinstance(step.value, Mapping) else step.more
        ignores = ignores or _ignores_limit(said)
        said.done()
    per_day = None if limit is None or ignores else int(limit)
    node = Node("F", "F", "store", "", calendar=_ALWAYS, capacity_per_day=per_day)
    left = capacity_left(node, NOW, Load(taken))
    facts = NodeFacts(node, {"SKU": max(atp, units(1))}, _NEAR, capacity_left=left)
    wants = [Want("1", "SKU", units(1), scale=SCALE)]
    policy = SourcingPolicy("case", (Rule("case"),))
    decision = route(policy, request_of(Network(), wants), [facts])
    return {
        "eligible": bool(decision.allocations),
        "atp": number(facts.units["SKU"]),
        "remaining": left,
    }


# --- what a split must be worth -------------------------------------------------------------------


def shipment_value_threshold(given: Keys, when: Any, then: Keys) -> Facts:
    """Each facility alone has one line of what it would send; what nobody has is a line too."""
    limit = Money(int(given.first("threshold", "shipment_threshold", default=0)), "USD")
    values = [int(value) for value in given.first("proposed_facility_values", "values", default=())]
    rest = int(given.first("unavailable_remainder_value", "remainder_value", default=0) or 0)
    for step in steps_of(when, frozenset({"check_shipment_threshold", "check_threshold"})):
        step.only()
    network = Network()
    wants = []
    for place, value in enumerate(values):
        code = f"F{place}"
        network.nodes[code] = Node(code, code, "store", "")
        network.stock[code] = {f"SKU-{place}": Stock(units(1))}
        wants.append(Want(f"{place}", f"SKU-{place}", units(1), value, scale=SCALE))
    if rest:
        wants.append(Want("rest", "NOWHERE", units(1), rest, scale=SCALE))
    rule = Rule("case", limits=Limits(min_value=limit), partial=True)
    decision = decide(network, wants, rule)
    sent = {one.line_id for one in decision.allocations}
    return {"proceeds": sent == {want.line_id for want in wants} - {"rest"}}
