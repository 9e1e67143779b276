"""What the rule engine is asked, and what it knows of each node. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING

from oms.catalog.delivery import Component
from oms.catalog.model import Node
from oms.orders.model import Method
from oms.routing.model import Distance, Place

if TYPE_CHECKING:
    from oms.routing.costs import Rate


@dataclass(frozen=True, slots=True)
class Want:
    """Units of a line that have no node yet. ``quantity`` is in units of 10^-``scale``; ``value``
    is what all of it costs, in minor units of the order's currency; ``weight_grams`` is that of one
    whole unit. Lines of one ``group`` go together."""

    line_id: str
    sku: str
    quantity: int
    value: int = 0
    weight_grams: int = 0
    group: str = ""
    scale: int = 0


@dataclass(frozen=True, slots=True)
class Maker:
    """A node that makes a SKU; one whole unit of it takes the ``components`` and ``effort`` of a
    production ``resource``, if it needs one."""

    node: str
    components: tuple[Component, ...] = ()
    resource: str = ""
    effort: int = 0


@dataclass(frozen=True, slots=True)
class RoutingRequest:
    """Units of one order that go one way. ``value`` is that of the order, in minor units of
    ``currency``; ``region`` and ``country`` are those of the place it goes to.

    ``excluded``: by line the nodes that have said no to it. ``suppliers`` and ``makers``: by SKU
    the nodes that drop-ship or make it, the preferred one first. ``production``: by resource what
    its days from today on have left, in order, each such as ``2026-05-03``; lines that are in
    ``has_capacity`` took theirs when they were promised. ``passed_over``: nodes that have some of
    it and are no candidates, and why.
    """

    order_id: str
    channel: str
    currency: str
    value: int
    to: Place
    wants: tuple[Want, ...]
    now: datetime
    region: str = ""
    country: str = ""
    tags: tuple[str, ...] = ()
    customer_class: str = ""
    method: Method = Method.SHIP
    pickup_node: str = ""
    excluded: Mapping[str, frozenset[str]] = field(default_factory=dict)
    promised_by: date | None = None
    sold_at: str = ""
    suppliers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    makers: Mapping[str, tuple[Maker, ...]] = field(default_factory=dict)
    production: Mapping[str, tuple[tuple[str, int], ...]] = field(default_factory=dict)
    has_capacity: frozenset[str] = frozenset()
    passed_over: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NodeFacts:
    """A node as the engine sees it; what nobody knows is None, or missing by SKU.

    ``units``: of each SKU what the order could have there now, ``distance`` is from there to where
    the order goes. ``load`` counts the work taken for today and ``capacity_left`` what may still be
    taken (None: no limit). ``open_now``: it works today and its cut-off is still to come;
    ``switched_on``: it takes work at all at the moment. ``parcel_cost`` is what one parcel from
    there costs, handling and carriage, in minor units. By SKU: units ``sold``, units that it
    ``rejected``, units it sells in a ``week``, and since when they are marked down. ``rates``:
    how a parcel can go from there, for policies that reckon what it costs.
    """

    node: Node
    units: Mapping[str, int]
    distance: Distance
    load: int | None = None
    capacity_left: int | None = None
    open_now: bool = True
    switched_on: bool = True
    parcel_cost: int | None = None
    sold: Mapping[str, int] = field(default_factory=dict)
    rejected: Mapping[str, int] = field(default_factory=dict)
    weekly: Mapping[str, float] = field(default_factory=dict)
    markdown_since: Mapping[str, date] = field(default_factory=dict)
    rates: tuple["Rate", ...] = ()
