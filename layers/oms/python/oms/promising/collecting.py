"""Where a basket can be collected, of what is there now."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from oms.catalog.bundles import parts_of, with_components
from oms.catalog.store import Catalog
from oms.inventory.position import Position
from oms.inventory.selling import Asking, free
from oms.kernel.errors import Faults, Invalid
from oms.kernel.quantity import LARGEST, parse_quantity
from oms.promising.asking import MOST_PARTS, MOST_SKUS, Stock
from oms.promising.model import Destination
from oms.routing.model import Available
from oms.routing.pickup_places import PickupPlace, Sorting, brought_to, pickup_places


@dataclass(frozen=True, slots=True)
class Collecting:
    """A place, and the nodes that bring what it lacks, the nearest to it first."""

    place: PickupPlace
    brought_from: tuple[str, ...] = ()


def places_to_collect(
    basket: Mapping[str, Decimal],
    near: Destination,
    radius_km: float | None,
    channel: str,
    sort: Sequence[Sorting],
    limit: int,
    now: datetime,
    catalog: Catalog,
    stock: Stock,
) -> list[Collecting]:
    """The first ``limit``. The basket is whole units by SKU. What is for others (orders that wait,
    another channel's part) is not there for it. Raises ``Invalid`` with every fault."""
    wanted = _wanted(basket, channel, catalog)
    positions = stock.positions(wanted.keys(), now)
    if any(_is_for_others(positions[sku], units, channel, now) for sku, units in wanted.items()):
        return []
    candidates = _candidates(positions, catalog, now)
    places = pickup_places(candidates, wanted, near, radius_km, sort)[:limit]
    return [
        Collecting(place, tuple(offer.node for offer in brought_to(place, candidates)))
        for place in places
    ]


def _wanted(basket: Mapping[str, Decimal], channel: str, catalog: Catalog) -> dict[str, int]:
    """Units of each stocked SKU: of a bundle those of what it is made of."""
    faults = Faults()
    if len(basket) > MOST_SKUS:
        faults.add("sku", "too_many_skus", f"ask for {MOST_SKUS} items at most")
        faults.refuse("the question breaks a rule")
    if channel and catalog.channel(channel) is None:
        faults.add("channel", "unknown_channel", f"there is no channel {channel!r}")
    items = with_components(set(basket), catalog)
    wanted: dict[str, int] = {}
    for sku, quantity in basket.items():
        if sku not in items:
            faults.add("sku", "unknown_sku", f"{sku!r} is not in the catalogue")
            continue
        try:
            units = parse_quantity(quantity, items[sku].scale)
        except Invalid as refused:
            faults.add("sku", refused.problem_code, f"{sku}: {refused.detail}")
            continue
        for part, in_one in parts_of(sku, items).items():
            wanted[part] = wanted.get(part, 0) + units * in_one
    if len(wanted) > MOST_PARTS:
        faults.add("sku", "too_many_parts", f"these are made of more than {MOST_PARTS} items")
    faults.refuse("the question breaks a rule")
    return wanted


def _is_for_others(position: Position, units: int, channel: str, now: datetime) -> bool:
    return position.policy.tracked and free(position, Asking(channel, now)) < units


def _candidates(
    positions: Mapping[str, Position], catalog: Catalog, now: datetime
) -> list[Available]:
    """Every node that takes work, with what it has; what nobody tracks is at each of them."""
    endless = {sku: LARGEST for sku, each in positions.items() if not each.policy.tracked}
    units: dict[str, dict[str, int]] = {}
    for sku, position in positions.items():
        for balance in position.balances:
            if sku not in endless and balance.node not in position.policy.not_sold_at:
                units.setdefault(balance.node, {})[sku] = max(0, balance.available)
    return [
        Available(node, units.get(node.id, {}) | endless)
        for node in catalog.nodes(units.keys())
        if node.active and node.is_on(now)
    ]
