"""Cases about where a customer collects, and what is kept there for those who do."""

from collections.abc import Mapping
from typing import Any

from oms.catalog.model import Node
from oms.inventory.model import Need
from oms.routing.pickup_places import SORTABLE, Sorting, pickup_places
from tests.cases.reading import Keys, NotUnderstoodError, number, steps_of, units
from tests.cases.sourcing.network import Facts, demand_of, destination_of, network_of
from tests.integration.world import World
from tests.samples import CAUSE


def pickup_radius(given: Keys, when: Any, then: Keys) -> Facts:
    network = network_of(given)
    [step] = steps_of(when, frozenset({"list_pickup_locations", "pickup_locations"}))
    said = step.said()
    radius = said.first("radius_km", "radius", "within_km")
    sorting = [_sorting(text) for text in _texts(said.first("sort", "order_by"))]
    to = destination_of(said) if "destination" in said else network.to
    most = said.first("limit", "page_size")
    said.done()
    step.more.done()
    wanted = {want.sku: want.quantity for want in demand_of(given)}
    near = None if radius is None else float(radius)
    places = pickup_places(network.everything(), wanted, to, near, sorting)
    found = [place.node.id for place in places][: None if most is None else int(most)]
    ordered = then.value("order_matters", bool(sorting))
    return {
        "pickup_locations": found if ordered else _as_listed(found, then),
        "order_matters": ordered,
        "count": len(found),
        "total_count": len(places),
    }


def _texts(value: Any) -> list[str]:
    if value is None:
        return []
    return [value] if isinstance(value, str) else [*value]


def _sorting(text: str) -> Sorting:
    by, _, direction = text.partition(" ")
    name = {"code": "id", "source_code": "id", "postcode": "postal_code"}.get(by, by)
    if name not in SORTABLE or direction not in ("", "asc", "desc"):
        raise NotUnderstoodError(f"sort: {text!r}")
    return Sorting(name, descending=direction == "desc")


def _as_listed(found: list[str], then: Keys) -> list[str]:
    """Where the order says nothing: as the case lists them, when they are the same ones."""
    expected = [str(code) for code in then.value("pickup_locations", then.value("eligible", ()))]
    return expected if sorted(found) == sorted(expected) else found


def pickup_eligibility(given: Keys, when: Any, then: Keys) -> Facts:
    network, wants = network_of(given), demand_of(given)
    for step in steps_of(when, frozenset({"list_eligible_pickup_locations", "list_eligible"})):
        step.only()
    wanted: dict[str, int] = {}
    for want in wants:
        wanted[want.sku] = wanted.get(want.sku, 0) + want.quantity
    places = pickup_places(network.everything(), wanted, network.to)
    found = [place.node.id for place in places]
    return {
        "eligible": _as_listed(found, then),
        "count": len(found),
        "from_own_stock": [place.node.id for place in places if place.from_own_stock],
        "by_transfer": [place.node.id for place in places if not place.from_own_stock],
    }


def pickup_hold(given: Keys, when: Any, then: Keys, oms: World) -> Facts:
    """What is collected at a store is reserved there, as any order's units are where it is sourced.
    An order that has no source yet takes nothing from any."""
    nodes = given.value("stock")
    for step in steps_of(when, frozenset({"quantity_available_for_sourcing", "available"})):
        step.only()
    skus = _opened(nodes, oms)
    for place, order in enumerate(given.each("open_pickup_orders", "pickup_orders")):
        _hold(order, oms, f"order-{place}")
    for order in given.each("open_orders", "open_shipping_orders", "orders"):
        if "source" in order:
            raise NotUnderstoodError("an order that ships has no source before it is sourced")
        order.first("sku")
        order.units("qty", "quantity")
        order.done()
    found: dict[str, dict[str, Any]] = {node: {} for node in nodes}
    for sku in skus:
        for balance in oms.stock.balances_of(sku, consistent=True):
            found[balance.node][sku] = number(balance.available)
    return {"available": found}


def _opened(nodes: Mapping[str, Mapping[str, Any]], oms: World) -> list[str]:
    skus: dict[str, None] = {}
    for code, stock in nodes.items():
        node = Node(code, code, "store", "")
        oms.catalog.put_node(node)
        for sku, quantity in stock.items():
            oms.receive(sku, units(quantity), node)
            skus[sku] = None
    return [*skus]


def _hold(order: Keys, oms: World, name: str) -> None:
    need = Need(str(order.first("sku")), str(order.first("source", "at")), order.units("qty"))
    state = order.first("state", "status", default="open")
    order.first("id", "order")
    order.done()
    oms.stock.transact(oms.stock.reserve([need], name, CAUSE))
    if state in ("collected", "picked_up", "completed", "shipped"):
        oms.stock.transact(oms.stock.ship([need], name, CAUSE))
    elif state in ("canceled", "cancelled"):
        oms.stock.transact(oms.stock.unreserve([need], name, CAUSE))
    elif state not in ("open", "pending", "processing", "ready", "ready_for_pickup"):
        raise NotUnderstoodError(f"state: {state!r}")
