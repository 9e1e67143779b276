"""Requests, nodes and policies that tests vary."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from oms.catalog.model import Node
from oms.routing.engine import Decision, route
from oms.routing.model import Distance
from oms.routing.policy import Rule, SourcingPolicy
from oms.routing.request import NodeFacts, RoutingRequest, Want
from tests.samples import NOW, content

HOME = content().shipping_address
MUG, TEE = Want("MUG", "MUG", 2, value=2000), Want("TEE", "TEE", 1, value=1000)


def facts(name: str, km: float = 10, *, kind: str = "store", **changes: Any) -> NodeFacts:
    """``units`` are both of what is usually wanted, unless they are given."""
    node = Node(name, name, kind, "BR")
    known: dict[str, Any] = {"units": {"MUG": 9, "TEE": 9}, **changes}
    of_node = {member: known.pop(member) for member in list(known) if hasattr(node, member)}
    return NodeFacts(
        replace(node, **of_node), known.pop("units"), Distance(km, "coordinates"), **known
    )


def request(*wants: Want, **changes: Any) -> RoutingRequest:
    asked = RoutingRequest(
        order_id="ord_1",
        channel="web",
        currency="BRL",
        value=3000,
        to=HOME,
        wants=wants or (MUG, TEE),
        now=NOW,
        region="SP",
        country="BR",
    )
    return replace(asked, **changes)


def decided(
    rules: Rule | Sequence[Rule],
    nodes: Sequence[NodeFacts],
    asked: RoutingRequest | None = None,
) -> Decision:
    policy = SourcingPolicy("p", (rules,) if isinstance(rules, Rule) else tuple(rules), 3)
    return route(policy, asked or request(), nodes)


def given(decision: Decision) -> list[tuple[str, str, int]]:
    return [(one.line_id, one.node, one.quantity) for one in decision.allocations]


def units_at(decision: Decision) -> Mapping[str, int]:
    units: dict[str, int] = {}
    for one in decision.allocations:
        units[one.node] = units.get(one.node, 0) + one.quantity
    return units
