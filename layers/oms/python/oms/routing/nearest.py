"""The built-in policy by itself: the nearest node that can ship all of it, else the fewest."""

from collections.abc import Sequence
from datetime import UTC, datetime

from oms.orders.model import Address, Line
from oms.routing.engine import route
from oms.routing.model import Available, Sourced, Unsourced, distance
from oms.routing.policy import BUILT_IN
from oms.routing.request import NodeFacts, RoutingRequest, Want

_ANY_TIME = datetime(2000, 1, 1, tzinfo=UTC)


def nearest_whole_else_fewest_nodes(
    lines: Sequence[Line], to: Address, candidates: Sequence[Available]
) -> Sourced | Unsourced:
    wants = tuple(Want(line.line_id, line.sku, line.quantity, scale=line.scale) for line in lines)
    request = RoutingRequest("", "", "", 0, to, wants, _ANY_TIME)
    facts = [NodeFacts(one.node, one.units, distance(one.node, to)) for one in candidates]
    decision = route(BUILT_IN, request, facts)
    if decision.left:
        return Unsourced(decision.lacking, decision.reason)
    return Sourced(decision.allocations, decision.rule, decision.reason)
