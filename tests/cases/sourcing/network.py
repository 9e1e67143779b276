"""The sources of a case: nodes, what they have of each SKU, and what the engine knows of them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from typing import Any, cast

from oms.catalog.delivery import CarrierService
from oms.catalog.model import Channel, Item, Node
from oms.inventory.model import Balance
from oms.inventory.policy import Oversell, SellingPolicy
from oms.inventory.position import Position
from oms.inventory.store import Stock as Stocks
from oms.kernel.quantity import LARGEST
from oms.orders.prospects import what_can_ship
from oms.promising.model import Destination
from oms.routing.engine import Decision, route
from oms.routing.model import Available, Distance, distance
from oms.routing.policy import Rule, SourcingPolicy
from oms.routing.request import NodeFacts, RoutingRequest, Want
from tests.cases.reading import SCALE, Keys, NotUnderstoodError, number, units
from tests.samples import NOW

Facts = dict[str, Any]
NOWHERE = Destination("")
# The node of a source that is a peer's default comes before all others.
DEFAULT, OTHER = 1, 5


@dataclass
class Stock:
    """What a source has of a SKU. ``own`` is held for whoever asks."""

    on_hand: int = 0
    held: int = 0
    in_baskets: int = 0
    backorderable: bool = False
    tracked: bool = True
    in_stock: bool = True
    profile: str = ""

    @property
    def free(self) -> int:
        return max(0, self.on_hand - self.taken)

    @property
    def taken(self) -> int:
        return self.held + self.in_baskets


@dataclass
class Network:
    """Of one channel. ``distances`` are those that a case states instead of coordinates."""

    nodes: dict[str, Node] = field(default_factory=dict)
    stock: dict[str, dict[str, Stock]] = field(default_factory=dict)
    outside: set[str] = field(default_factory=set)
    unserved: set[str] = field(default_factory=set)
    distances: dict[str, float] = field(default_factory=dict)
    facts_of: dict[str, dict[str, Any]] = field(default_factory=dict)
    to: Destination = NOWHERE

    # --- as the catalogue, for what can ship ------------------------------------------------------

    def items(self, skus: Set[str]) -> Mapping[str, Item]:
        return {sku: Item(sku, sku, SCALE) for sku in skus}

    def carrier_services(self) -> tuple[CarrierService, ...]:
        return ()

    def channel(self, channel_id: str) -> Channel | None:
        return None

    def nodes_(self) -> tuple[Node, ...]:
        return tuple(node for node in self.nodes.values() if node.id not in self.outside)

    # --- what there is ----------------------------------------------------------------------------

    def skus(self) -> list[str]:
        return list(dict.fromkeys(sku for stock in self.stock.values() for sku in stock))

    def positions(self) -> dict[str, Position]:
        return {sku: self._position(sku) for sku in self.skus()}

    def _position(self, sku: str) -> Position:
        at = {node: stock[sku] for node, stock in self.stock.items() if sku in stock}
        balances = tuple(
            Balance(sku, node, stock.on_hand, stock.taken, available=stock.on_hand - stock.taken)
            for node, stock in at.items()
        )
        policy = SellingPolicy(
            tracked=all(stock.tracked for stock in at.values()),
            backorder=Oversell() if self.may_be_owed(sku) else None,
            not_sold_at=tuple(node for node, stock in at.items() if not stock.in_stock),
        )
        return Position(sku, balances, policy=policy)

    def may_be_owed(self, sku: str) -> bool:
        return any(sku in stock and stock[sku].backorderable for stock in self.stock.values())

    def available(self) -> list[Available]:
        """What each node of the network could give now, as our sourcing sees it."""
        catalog, no_stock = _Catalog(self), cast(Stocks, None)
        shipping = what_can_ship(self.positions(), no_stock, catalog, NOW, beyond_capacity=True)
        return shipping.open

    def everything(self) -> list[Available]:
        """Every node of the network that is in use, those that have nothing too."""
        known = {one.node.id: one for one in self.available()}
        return [known.get(node.id, Available(node, {})) for node in self.nodes_() if node.active]

    def candidates(self) -> list[NodeFacts]:
        return [self.facts(one) for one in self.available()]

    def facts(self, one: Available) -> NodeFacts:
        stated = self.distances.get(one.node.id)
        away = (
            distance(one.node, self.to)
            if stated is None
            else Distance(float(stated), "coordinates")
        )
        known = NodeFacts(one.node, one.units, away)
        return replace(known, **self.facts_of.get(one.node.id, {}))


class _Catalog:
    def __init__(self, network: Network) -> None:
        self.network = network
        self.items = network.items
        self.carrier_services = network.carrier_services
        self.channel = network.channel

    def nodes(self, among_them: Set[str] = frozenset()) -> tuple[Node, ...]:
        return self.network.nodes_()


# --- reading -------------------------------------------------------------------------------------

_DEFAULTS = ("default", "is_default")
_NAMES = ("code", "id", "name", "location", "source", "facility", "warehouse")


def network_of(given: Keys) -> Network:
    network = Network(to=destination_of(given))
    ranked = False
    for source in given.each("sources", "facilities", "locations", "warehouses", "stores"):
        ranked = ranked or bool(source.members.keys() & {"priority", "sort_order", *_DEFAULTS})
        _read_source(network, source)
        source.done()
    if not ranked:
        ask_in_turn(network, [*network.nodes])
    return network


def ask_in_turn(network: Network, order: Iterable[str]) -> None:
    """Sources that a case names in an order are asked in it, whatever their priorities."""
    for place, code in enumerate(order, start=1):
        if code in network.nodes:
            network.nodes[code] = replace(network.nodes[code], priority=place)


def _read_source(network: Network, source: Keys) -> None:
    code = str(source.first(*_NAMES))
    default = bool(source.first(*_DEFAULTS, default=False))
    priority = source.first("priority", "sort_order")
    groups = source.first("groups", "facility_groups", "group", default=())
    network.nodes[code] = Node(
        code,
        str(source.first("display_name", "title", default=code)),
        str(source.first("kind", "type", default="warehouse")),
        str(source.first("country", "country_code", default="")),
        str(source.first("region", "state", default="")),
        str(source.first("city", default="")),
        str(source.first("postal_code", "postcode", "zip", default="")),
        _degrees(source.first("lat", "latitude")),
        _degrees(source.first("lon", "lng", "longitude")),
        active=bool(source.first("enabled", "active", "online", default=True)),
        groups=(groups,) if isinstance(groups, str) else tuple(groups),
        priority=int(priority) if priority is not None else (DEFAULT if default else OTHER),
        pickup=_pickup(source),
    )
    network.stock[code] = _stock(source)
    if not source.first("in_channel", "in_stock_network", default=True):
        network.outside.add(code)
    if not source.first("serves_destination", "ships_to_destination", default=True):
        network.unserved.add(code)
    away = source.first("distance", "distance_km", "distance_miles")
    if away is not None:
        network.distances[code] = float(away)
    facts: dict[str, Any] = {}
    limit, taken = _capacity(source)
    if limit is not None:
        facts["capacity_left"] = max(0, limit - taken)
    if taken:
        facts["load"] = taken
    if (weekly := source.first("velocity_per_week", "weekly_velocity", "velocity")) is not None:
        facts["weekly"] = {sku: float(units(weekly)) for sku in network.stock[code]}
    network.facts_of[code] = facts


def _capacity(source: Keys) -> tuple[int | None, int]:
    limit = source.first(
        "daily_order_limit", "order_limit", "facility_order_limit", "max_orders", "capacity"
    )
    taken = source.first("orders_allocated_today", "orders_today", "allocated_today", default=0)
    left = source.first("remaining_capacity", "capacity_left", "remaining_order_limit")
    if left is not None:
        return int(left), 0
    return None if limit is None else int(limit), int(taken)


def _pickup(source: Keys) -> str:
    mode = source.first("pickup_mode", "click_and_collect", "click_and_collect_option")
    enabled = source.first("pickup_enabled", "pickup", "is_pickup_location")
    if mode is None:
        return "any" if enabled else "disabled"
    if mode not in _PICKUP_MODES:
        raise NotUnderstoodError(f"pickup_mode: {mode!r}")
    return _PICKUP_MODES[mode]


_PICKUP_MODES = {
    "any": "any",
    "all": "any",
    "local": "local",
    "local_stock": "local",
    "disabled": "disabled",
    "none": "disabled",
}


def _stock(source: Keys) -> dict[str, Stock]:
    """By SKU; a source that names no SKU has what it says of the one there is."""
    if "qty" in source:
        return {"SKU": Stock(source.units("qty", "atp", "quantity"))}
    return {sku: _stock_of(sku, held) for sku, held in source.keys("stock", "inventory").named()}


def _stock_of(sku: str, held: Any) -> Stock:
    if not isinstance(held, Mapping):
        return Stock(units(held))
    said = Keys(sku, held)
    in_baskets = said.units("reserved", "reserved_by_others", "reserved_by_other_order")
    if said.first("reservation_expired", "reserved_until_past", default=False):
        in_baskets = 0
    stock = Stock(
        said.units("qty", "on_hand", "quantity", "count_on_hand"),
        said.units("allocated"),
        in_baskets,
        bool(said.first("backorderable", "allow_backorder", default=False)),
        bool(said.first("tracked", "track_inventory", "manage_stock", default=True)),
        bool(said.first("in_stock", default=True)),
        str(said.first("delivery_profile", "shipping_category", "fulfilment_type", default="")),
    )
    # What is held for whoever asks is free for it; what was held until a moment ago is free again.
    said.units("reserved_by_this_order", "reserved_by_this_cart", "own_reservation")
    said.units("reserved_expired", "expired_reservations")
    said.done()
    return stock


def destination_of(given: Keys) -> Destination:
    said = given.keys("destination", "ship_to", "customer", "address", "near")
    said.first("place", "name")
    to = Destination(
        str(said.first("country", "country_code", default="")),
        str(said.first("region", "state", default="")),
        str(said.first("city", default="")),
        str(said.first("postal_code", "postcode", "zip", default="")),
        _degrees(said.first("lat", "latitude")),
        _degrees(said.first("lon", "lng", "longitude")),
    )
    said.done()
    return to


def _degrees(value: Any) -> float | None:
    return None if value is None else float(value)


def demand_of(given: Keys) -> tuple[Want, ...]:
    """Items of a group go together: each line says of which it is, or the groups name their
    items."""
    groups = given.first("item_groups", "grouped_items", "kits", default=())
    if groups and not isinstance(groups[0], list):
        groups = [groups]
    of = {sku: f"{place}" for place, group in enumerate(groups) for sku in group}
    return tuple(replace(want, group=of.get(want.sku, want.group)) for want in _wants(given))


def _wants(given: Keys) -> Iterator[Want]:
    for place, line in enumerate(given.each("demand", "lines", "items", "order_lines")):
        sku = str(line.first("sku", "variant", "product"))
        value = line.first("value", "amount", default=0)
        group = line.first("group", "keep_together", "kit", default="")
        wanted = line.units("qty", "quantity")
        yield Want(f"{place}", sku, wanted, int(value), group=str(group), scale=SCALE)
        line.done()


# --- asking the engine ---------------------------------------------------------------------------


def decide(network: Network, wants: Sequence[Want], *rules: Rule) -> Decision:
    policy = SourcingPolicy("case", tuple(rules), version=1)
    return route(policy, request_of(network, wants), network.candidates())


def request_of(network: Network, wants: Sequence[Want], value: int = 0) -> RoutingRequest:
    to = network.to
    return RoutingRequest(
        order_id="order",
        channel="web",
        currency="USD",
        value=value or sum(want.value for want in wants),
        to=to,
        wants=tuple(wants),
        now=NOW,
        region=to.region,
        country=to.country,
    )


def rows_of(network: Network, decision: Decision, wants: Sequence[Want]) -> list[Facts]:
    """What each source gives, line by line; of one line in the order in which sources were asked.
    What nobody tracks is there in any quantity."""
    skus = {want.line_id: want.sku for want in wants}
    return [
        {
            "source": one.node,
            "sku": skus[one.line_id],
            "qty": number(one.quantity),
            "available": number(_there(network, one.node, one.sku)),
        }
        for one in decision.allocations
    ]


def _there(network: Network, node: str, sku: str) -> int:
    stock = network.stock[node].get(sku)
    if stock is None or not stock.tracked:
        return LARGEST
    return stock.free


def arranged(rows: Sequence[Facts], expected: Any) -> list[Facts]:
    """Which line comes first is the peer's own matter; the order of the sources of one is not."""
    if not isinstance(expected, list) or not all(isinstance(row, Mapping) for row in expected):
        return [*rows]
    wanted = [(row.get("source"), row.get("sku")) for row in expected]
    places = {key: place for place, key in enumerate(wanted)}
    found = [(row["source"], row["sku"]) for row in rows]
    if sorted(map(str, found)) != sorted(map(str, wanted)) or _by_sku(found) != _by_sku(wanted):
        return [*rows]
    return sorted(rows, key=lambda row: places[row["source"], row["sku"]])


def _by_sku(keys: Sequence[tuple[Any, Any]]) -> dict[Any, list[Any]]:
    found: dict[Any, list[Any]] = {}
    for source, sku in keys:
        found.setdefault(sku, []).append(source)
    return found
