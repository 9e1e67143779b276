"""Cases about rules in sequence: what one leaves goes to the next, and at last to a person."""

from dataclasses import replace
from typing import Any

from oms.catalog.model import Node
from oms.kernel.money import Money
from oms.routing.engine import Decision, route
from oms.routing.policy import (
    Limits,
    NodeFilter,
    OrderFilter,
    Otherwise,
    RankBy,
    Ranker,
    Rule,
    SourcingPolicy,
    Step,
    Strategy,
)
from oms.routing.request import Want
from tests.cases.reading import SCALE, Keys, number, steps_of, units
from tests.cases.sourcing.network import (
    Facts,
    Network,
    Stock,
    arranged,
    decide,
    demand_of,
    network_of,
    request_of,
    rows_of,
)
from tests.cases.sourcing.ranking import ranker_of

_RUNS = frozenset("run_rule run_rules_in_sequence run_rules run".split())
_EXCEPTION = Otherwise((Step.EXCEPTION,))


def waterfall(given: Keys, when: Any, then: Keys) -> Facts:
    for step in steps_of(when, _RUNS):
        step.only()
    if "allocated_by_rule" in given:
        return _counted(given, then)
    network, wants = network_of(given), demand_of(given)
    rankers = tuple(ranker_of(text) for text in _texts(given.first("sort", default=())))
    said = [*given.each("rules")] or [given.keys("rule")]
    rules = [_rule(f"{place}", rule, rankers) for place, rule in enumerate(said, start=1)]
    rules[-1] = replace(rules[-1], otherwise=_EXCEPTION)
    decision = decide(network, wants, *rules)
    rows = rows_of(network, decision, wants)
    return {
        "allocations": arranged(rows, then.value("allocations")),
        "decided_by_rule": int(decision.rule.split(", ")[-1]) if decision.allocations else None,
        "used": list(dict.fromkeys(row["source"] for row in rows)),
        "shippable": not decision.left,
        "unallocated": [
            {"sku": want.sku, "qty": number(decision.left[want.line_id])}
            for want in wants
            if want.line_id in decision.left
        ],
        "unfillable": [want.sku for want in wants if want.line_id in decision.left],
        "unfillable_queue": _queue(decision, then),
        "queue": _queue(decision, then),
    }


def _texts(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else [*value]


def _rule(name: str, said: Keys, rankers: tuple[Ranker, ...]) -> Rule:
    """Partial, as a peer says it: from several places, and as much as there is. What must all be
    somewhere is given whole, or not at all."""
    whole = bool(
        said.first("require_all_items_available_somewhere", "all_items_available", default=False)
    )
    partial = bool(said.first("allow_partial", "partial_allocation", "allow_split", default=False))
    together = not said.first(
        "split_grouped_items", "allow_split_grouped", "allow_partial_grouped", default=False
    )
    away = said.first("max_distance", "within_km", "proximity")
    own = tuple(ranker_of(text) for text in _texts(said.first("sort", default=())))
    limit = said.first("shipment_threshold", "threshold")
    nodes = NodeFilter(
        within_km=None if away is None else float(away),
        groups=tuple(said.first("groups", "facility_groups", default=())),
        without_groups=tuple(said.first("exclude_groups", default=())),
        stock_depth=int(said.first("brokering_safety_stock", "minimum_stock", default=0)),
    )
    said.first("name", "id")
    said.done()
    return Rule(
        name,
        nodes=nodes,
        rankers=own or rankers or (Ranker(RankBy.DISTANCE),),
        limits=Limits(
            min_value=None if limit is None else Money(int(limit), "USD"), keep_together=together
        ),
        strategy=Strategy.WHOLE_FIRST if partial else Strategy.SINGLE,
        partial=partial and not whole,
    )


def _queue(decision: Decision, then: Keys) -> Any:
    """What nobody can fill waits for a person: peers have a name of their own for that queue."""
    waits = bool(decision.left) and decision.otherwise is Step.EXCEPTION
    return (then.value("unfillable_queue") or then.value("queue") or True) if waits else None


def _counted(given: Keys, then: Keys) -> Facts:
    """As many orders as a case counts, each of a kind that one of the rules is for."""
    orders = int(given.value("orders"))
    by_rule = [int(count) for count in given.value("allocated_by_rule")]
    network = Network()
    network.nodes["F"] = Node("F", "F", "warehouse", "")
    network.stock["F"] = {"SKU": Stock(units(1))}
    policy = SourcingPolicy(
        "case",
        (
            *(Rule(f"{place}", OrderFilter(tags=(f"{place}",))) for place, _ in enumerate(by_rule)),
            Rule("rest", nodes=NodeFilter(nodes=("none",)), otherwise=_EXCEPTION),
        ),
    )
    tags = [f"{place}" for place, count in enumerate(by_rule) for _ in range(count)]
    tags += ["other"] * (orders - len(tags))
    request = request_of(network, [Want("1", "SKU", units(1), scale=SCALE)])
    candidates = network.candidates()
    decisions = [route(policy, replace(request, tags=(tag,)), candidates) for tag in tags]
    left = [decision for decision in decisions if decision.left]
    return {
        "unfillable": len(left),
        "allocated": len(decisions) - len(left),
        "allocated_by_rule": [
            sum(decision.rule == f"{place}" and not decision.left for decision in decisions)
            for place, _ in enumerate(by_rule)
        ],
        "unfillable_queue": _queue(left[0], then) if left else None,
    }
