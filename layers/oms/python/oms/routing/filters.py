"""Which orders a rule is for, and which nodes it may use. Pure.

Every filter answers with the word that goes into the evidence, or with nothing.
"""

from collections.abc import Mapping

from oms.kernel.money import Money
from oms.routing.policy import NodeFilter, OrderFilter
from oms.routing.request import NodeFacts, RoutingRequest, Want

NO_STOCK = "no_stock"
REJECTED = "rejected"
CAPACITY = "capacity"


def keeps_order_out(orders: OrderFilter, request: RoutingRequest) -> str:
    """The member of the filter that the order does not fit; empty when it fits."""
    for member, allowed, found in (
        ("channels", orders.channels, request.channel),
        ("countries", orders.countries, request.country),
        ("regions", orders.regions, request.region),
        ("customer_classes", orders.customer_classes, request.customer_class),
        ("methods", orders.methods, request.method),
    ):
        if allowed and found.casefold() not in {each.casefold() for each in allowed}:
            return member
    if orders.tags and not set(orders.tags) & set(request.tags):
        return "tags"
    if set(orders.without_tags) & set(request.tags):
        return "without_tags"
    return _keeps_value_out(orders, request)


def _keeps_value_out(orders: OrderFilter, request: RoutingRequest) -> str:
    if not _is_reached(orders.value_from, request):
        return "value_from"
    if orders.value_to is None:
        return ""
    below = orders.value_to.currency == request.currency and request.value < orders.value_to.minor
    return "" if below else "value_to"


def _is_reached(bound: Money | None, request: RoutingRequest) -> bool:
    if bound is None:
        return True
    return bound.currency == request.currency and request.value >= bound.minor


def keeps_node_out(nodes: NodeFilter, facts: NodeFacts) -> str:
    """The filter that the node does not pass, whatever it has; empty when it passes."""
    node = facts.node
    if not node.active:
        return "inactive"
    if nodes.kinds and node.kind not in nodes.kinds:
        return "kind"
    if nodes.groups and not set(nodes.groups) & set(node.groups):
        return "groups"
    if nodes.without_groups and set(nodes.without_groups) & set(node.groups):
        return "without_groups"
    if nodes.nodes and node.id not in nodes.nodes:
        return "nodes"
    if node.id in nodes.without_nodes:
        return "without_nodes"
    if nodes.within_km is not None and facts.distance.kilometres > nodes.within_km:
        return "distance"
    if facts.capacity_left is not None and facts.capacity_left < max(1, nodes.capacity_left):
        return CAPACITY
    if nodes.open_now and not facts.open_now:
        return "closed"
    if nodes.switched_on and not facts.switched_on:
        return "switched_off"
    return ""


def offered(
    nodes: NodeFilter, facts: NodeFacts, wants: tuple[Want, ...], taken: Mapping[str, int]
) -> Mapping[str, int] | str:
    """What the node may give of each SKU, less what was ``taken`` of it before; or what keeps it
    from giving anything."""
    units: dict[str, int] = {}
    why = NO_STOCK
    for want in wants:
        there = facts.units.get(want.sku, 0) - taken.get(want.sku, 0)
        if there <= 0:
            continue
        whole = 10**want.scale
        if nodes.stock_depth and there < nodes.stock_depth * whole:
            why = "stock_depth"
            continue
        left = there - nodes.safety_stock * whole
        if left > 0:
            units[want.sku] = left
        else:
            why = "safety_stock"
    return units or why
