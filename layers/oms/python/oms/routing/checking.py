"""Whether a sourcing policy can be evaluated at all. Pure: every fault with its path and its code.

From a rule the engine goes on to the one after it when the order does not fit its filter, and to
the one that ``otherwise`` names when units are left. A policy in which that can come back to a rule
is refused, and so is one with a rule that it never comes to.
"""

from collections.abc import Iterator, Sequence, Set

from oms.kernel.errors import Faults
from oms.routing.policy import OrderFilter, Rule, SourcingPolicy, Step

_ENDS = (Step.NEXT, Step.WAIT, Step.EXCEPTION)


def check(policy: SourcingPolicy, nodes: Set[str], channels: Set[str], faults: Faults) -> None:
    """``nodes`` and ``channels``: ids of those among the ones it names that there are."""
    _check_known("channels", policy.channels, channels, "channel", faults)
    if not policy.rules:
        faults.add("rules", "no_rules", "a policy has at least one rule")
    places: dict[str, int] = {}
    for index, rule in enumerate(policy.rules):
        if rule.id in places:
            faults.add(f"rules.{index}.id", "rule_twice", f"{rule.id!r} is there already")
        places.setdefault(rule.id, index)
        at = f"rules.{index}.orders.channels"
        _check_known(at, rule.orders.channels, channels, "channel", faults)
        _check_rule(f"rules.{index}", rule, nodes, faults)
    for index, rule in enumerate(policy.rules):
        if rule.otherwise.rule and rule.otherwise.rule not in places:
            path, named = f"rules.{index}.next_rule", rule.otherwise.rule
            faults.add(path, "unknown_rule", f"the policy has no rule {named!r}")
    if not faults.found:
        _check_ways(policy, places, faults)


def named_channels(policy: SourcingPolicy) -> set[str]:
    of_rules = (channel for rule in policy.rules for channel in rule.orders.channels)
    return {*policy.channels, *of_rules}


def named_nodes(policy: SourcingPolicy) -> set[str]:
    return {
        node for rule in policy.rules for node in (*rule.nodes.nodes, *rule.nodes.without_nodes)
    }


def _check_rule(path: str, rule: Rule, nodes: Set[str], faults: Faults) -> None:
    _check_known(f"{path}.nodes.nodes", rule.nodes.nodes, nodes, "node", faults)
    _check_known(f"{path}.nodes.without_nodes", rule.nodes.without_nodes, nodes, "node", faults)
    if rule.nodes.nodes and set(rule.nodes.nodes) <= set(rule.nodes.without_nodes):
        faults.add(f"{path}.nodes", "no_node_passes", "every node it names is left out as well")
    if rule.nodes.groups and set(rule.nodes.groups) <= set(rule.nodes.without_groups):
        faults.add(f"{path}.nodes", "no_node_passes", "every group it names is left out as well")
    seen: set[str] = set()
    for index, ranker in enumerate(rule.rankers):
        if ranker.by in seen:
            faults.add(f"{path}.rankers.{index}", "ranker_twice", f"{ranker.by} has ranked already")
        seen.add(ranker.by)
    _check_value(f"{path}.orders", rule.orders, faults)
    _check_steps(path, rule, faults)


def _check_known(
    path: str, named: Sequence[str], known: Set[str], what: str, faults: Faults
) -> None:
    codes = {"channel": "unknown_channel", "node": "unknown_node"}
    for index, name in enumerate(named):
        if name not in known:
            faults.add(f"{path}.{index}", codes[what], f"{name!r} is not a {what}")


def _check_value(path: str, orders: OrderFilter, faults: Faults) -> None:
    low, high = orders.value_from, orders.value_to
    if low is None or high is None:
        return
    if low.currency != high.currency:
        faults.add(f"{path}.value_to", "wrong_currency", "both bounds are in one currency")
    elif high.minor <= low.minor:
        faults.add(f"{path}.value_to", "no_order_fits", "no value lies between the bounds")


def _check_steps(path: str, rule: Rule, faults: Faults) -> None:
    ended = False
    taken: set[Step] = set()
    if not rule.otherwise.steps:
        faults.add(f"{path}.otherwise", "no_steps", "it says what becomes of what is left")
    for index, step in enumerate(rule.otherwise.steps):
        if ended or step in taken:
            faults.add(f"{path}.otherwise.{index}", "step_never_taken", f"{step} is never come to")
        ended = ended or step in _ENDS
        taken.add(step)
    if rule.otherwise.rule and Step.NEXT not in taken:
        message = "only the step next goes on to a rule"
        faults.add(f"{path}.next_rule", "next_rule_without_next", message)


def _check_ways(policy: SourcingPolicy, places: dict[str, int], faults: Faults) -> None:
    ways = [sorted(set(_ways(policy, places, index))) for index in range(len(policy.rules))]
    reached = _reached(ways)
    for index in range(len(ways)):
        if index not in reached:
            rule = policy.rules[index].id
            faults.add(f"rules.{index}", "unreachable_rule", f"nothing leads to the rule {rule!r}")
        elif any(index in _reached(ways, way) for way in ways[index]):
            rule = policy.rules[index].id
            faults.add(f"rules.{index}", "rule_cycle", f"the rule {rule!r} leads back to itself")


def _ways(policy: SourcingPolicy, places: dict[str, int], index: int) -> Iterator[int]:
    rule, after = policy.rules[index], index + 1
    if rule.orders != OrderFilter() and after < len(policy.rules):
        yield after
    if Step.NEXT in rule.otherwise.steps:
        target = places[rule.otherwise.rule] if rule.otherwise.rule else after
        if target < len(policy.rules):
            yield target


def _reached(ways: list[list[int]], start: int = 0) -> set[int]:
    reached, to_look_at = set[int](), [start]
    while to_look_at:
        index = to_look_at.pop()
        if index not in reached:
            reached.add(index)
            to_look_at += ways[index]
    return reached
