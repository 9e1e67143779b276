"""Cases that ask how much may be sold: sources and locations become a ``Position``."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

from oms.catalog.model import Item
from oms.inventory.model import Balance
from oms.inventory.policy import Oversell, SellingPolicy
from oms.inventory.position import Lapsed, Position
from oms.inventory.selling import Asking, Refusal, check_sale, free, sellable
from oms.kernel.errors import Invalid
from oms.kernel.quantity import parse_quantity
from tests.cases.reading import SCALE, Keys, NotUnderstoodError, number, steps_of, units
from tests.samples import NOW

CHANNEL = "web"
# What other carts hold at a location.
OTHERS = ("reserved", "reserved_by_others", "reserved_by_other_cart", "reserved_by_other_carts")
# What cases call our refusals.
ERRORS = {
    "insufficient_stock": {
        "insufficient_stock",
        "backorder_limit",
        "backorder_ended",
        "stock_contended",
    },
    "out_of_stock": {"insufficient_stock", "backorder_limit", "backorder_ended"},
    "not_enough_stock": {"insufficient_stock", "stock_contended", "backorder_limit"},
    "insufficient_stock_on_hand": {"stock_contended", "below_zero"},
    "below_threshold": {"backorder_not_allowed", "backorder_limit"},
    "stock_below_threshold": {"backorder_not_allowed", "backorder_limit"},
    "stock_on_hand_below_threshold": {"backorder_not_allowed", "backorder_limit"},
    "negative_stock": {"below_zero", "backorder_not_allowed", "quantity_not_positive"},
    "negative_on_hand": {"below_zero", "backorder_not_allowed", "quantity_not_positive"},
    "invalid_quantity": {"quantity_zero", "quantity_not_positive", "too_many_decimals"},
    "zero_quantity": {"quantity_zero"},
    "reason_required": {"required"},
    "below_zero": {"below_zero"},
    "not_available": {"unknown_sku"},
    "min_quantity": {"below_minimum"},
    "max_quantity": {"above_maximum"},
    "quantity_limit": {"above_maximum"},
    "qty_increment": {"not_an_increment"},
}


@dataclass
class Offer:
    """An item with its position, and who asks."""

    item: Item = field(default_factory=lambda: Item("SKU", "An item", SCALE))
    position: Position = field(
        default_factory=lambda: Position("SKU", policy=SellingPolicy(backorder=None))
    )
    asking: Asking = field(default_factory=lambda: Asking(CHANNEL, NOW))

    def policy(self, **changes: Any) -> None:
        self.position = replace(self.position, policy=replace(self.position.policy, **changes))

    def add(self, *balances: Balance) -> None:
        self.position = replace(self.position, balances=(*self.position.balances, *balances))

    def threshold(self, at: Any, *, backorders: bool | None = None) -> None:
        """Above zero it is kept back, below zero it is how much may be owed. Backorders without a
        threshold below zero have no limit."""
        kept = units(at or 0)
        if kept < 0 and backorders is not False:
            self.policy(backorder=Oversell(limit=-kept))
        elif backorders:
            self.policy(backorder=Oversell())
        if kept > 0:
            self.policy(held_back={self.asking.channel: kept})

    def refusal(self, quantity: Any) -> Refusal | None:
        """The amount is asked for as the item is counted, as it would be sent."""
        try:
            parse_quantity(Decimal(quantity), self.item.scale)
        except Invalid as refused:
            return Refusal(refused.problem_code, refused.detail)
        counted = replace(self.item, scale=SCALE)
        return check_sale(counted, units(quantity), self.position, self.asking)

    def free(self) -> int:
        return free(self.position, self.asking)

    def sellable(self) -> int | None:
        return sellable(self.position, self.asking)


def error_of(refusal: str, expected: Any) -> str:
    """The case's word for a refusal of ours, when it is one of the words for it."""
    return str(expected) if refusal in ERRORS.get(str(expected), {expected}) else refusal


# --- networks of sources -------------------------------------------------------------------------


def network(given: Keys) -> Offer:
    offer = Offer(asking=Asking(str(given.value("network", CHANNEL)), NOW))
    sku, flagged, enabled = given.value("sku"), [], set()
    decimals, short = 0, {}
    for source in given.each("sources"):
        code = source.value("code")
        if source.value("enabled", True):
            enabled.add(code)
        for name, kept in source.keys("stock").named():
            keys = Keys(f"{source.where}.stock", kept)
            quantity = keys.first("qty", "quantity", "on_hand")
            if not keys.first("in_stock", "status", default=True):
                flagged.append(code)
            keys.done()
            if name == sku:
                there = units(quantity)
                decimals = max(decimals, -int(Decimal(quantity).normalize().as_tuple().exponent))
                short[code] = max(0, -there)
                offer.add(Balance(sku, code, on_hand=max(0, there), available=max(0, there)))
        source.done()
    offer.policy(not_sold_at=tuple(flagged))
    offer.asking = replace(offer.asking, nodes=frozenset(enabled))
    offer.item = replace(offer.item, scale=decimals)
    _configure(offer, given.keys("config"))
    owed = sum(units for code, units in short.items() if code in enabled - {*flagged})
    _reserve(offer, owed, given.value("reservations", ()))
    return offer


def _configure(offer: Offer, config: Keys) -> None:
    decimal = config.first("decimal_allowed", "is_decimal", "qty_decimal")
    if decimal is not None:
        offer.item = replace(offer.item, scale=SCALE if decimal else 0)
    offer.policy(tracked=bool(config.first("manage_stock", "tracked", default=True)))
    backorders = config.first("backorders", "backorder", "backorderable")
    offer.threshold(config.first("threshold", "min_qty", default=0), backorders=backorders)
    steps = config.first("enable_qty_increments", default=True)
    offer.item = replace(
        offer.item,
        minimum=max(0, config.units("min_sale_qty", "minimum")),
        maximum=config.units("max_sale_qty", "maximum") or None,
        increment=config.units("qty_increment", "qty_increments", "increment") if steps else 0,
    )
    config.done()


def _reserve(offer: Offer, owed: int, entries: Sequence[Any]) -> None:
    """Signed entries: what they come to is held where there is something, the rest is owed, as is
    what sources have below zero."""
    demand = max(0, -sum(units(entry) for entry in entries))
    balances = []
    for balance in offer.position.balances:
        sold = balance.node in (offer.asking.nodes or ()) and (
            balance.node not in offer.position.policy.not_sold_at
        )
        held = min(demand, max(0, balance.available)) if sold else 0
        demand -= held
        balances.append(replace(balance, reserved=held, available=balance.available - held))
    offer.position = replace(offer.position, balances=tuple(balances), owed=owed + demand)


def salable_qty(given: Keys, when: Any, then: Keys) -> dict[str, Any]:
    offer = network(given)
    verbs = frozenset({"salable_quantity", "salable_qty", "get_salable_quantity"})
    steps_of(when, verbs)[0].only()
    return {"salable": number(offer.sellable()), "salable_quantity": number(offer.sellable())}


def is_salable(given: Keys, when: Any, then: Keys) -> dict[str, Any]:
    offer = network(given)
    steps_of(when, frozenset({"is_salable", "are_salable"}))[0].only()
    most = offer.sellable()
    return {"salable": offer.item.active and (most is None or most > 0)}


def requested_qty(given: Keys, when: Any, then: Keys) -> dict[str, Any]:
    offer = network(given)
    (step,) = steps_of(when, frozenset({"can_sell", "is_salable_for", "request"}))
    step.more.done()
    refusal = offer.refusal(step.value)
    observed = {"salable": refusal is None, "accepted": refusal is None}
    return observed | _told(refusal, then)


def _told(refusal: Refusal | None, then: Keys) -> dict[str, Any]:
    if refusal is None:
        return {"error": None, "errors": []}
    code = error_of(refusal.code, then.value("error"))
    obtainable = number(refusal.obtainable)
    return {"error": code, "errors": [code], "quantity_available": obtainable}


# --- locations -----------------------------------------------------------------------------------


def locations(given: Keys) -> Offer:
    channel = str(given.value("channel", CHANNEL))
    offer = Offer(asking=Asking(channel, NOW))
    active, own, owed, backorderable = set(), 0, 0, False
    holds = given.first("reservations_enabled", "stock_reservations_enabled", default=True)
    lapsed = []
    for location in given.each("locations", "sources", "stocks"):
        code = str(location.first("code", "at", "id"))
        on_hand = location.units("on_hand", "stocked", "qty", "quantity")
        mine = location.units("reserved_by_this_cart", "own_reserved") if holds else 0
        held = mine + (location.units(*OTHERS) if holds else 0)
        location.first(*OTHERS, "reserved_by_this_cart")
        allocated = location.units("allocated", "committed")
        safety = location.units("safety_stock", "threshold")
        expired = location.units("reserved_expired", "expired_reserved")
        served = location.first("channels", default=[channel])
        if location.first("active", "enabled", default=True) and channel in served:
            active.add(code)
            backorderable |= bool(location.value("backorderable", False))
            own += mine
            owed += max(0, held + allocated - on_hand)
        location.first("backorderable", "pickup_only", "in_stock")
        if location.value("in_stock", True) is False:
            offer.policy(not_sold_at=(*offer.position.policy.not_sold_at, code))
        reserved = min(max(0, on_hand), held + allocated)
        on_hand = max(0, on_hand)
        there = on_hand - reserved - safety
        offer.add(Balance("SKU", code, on_hand, reserved, safety, there))
        if expired:
            past = NOW - timedelta(seconds=1)
            lapsed.append(Lapsed("r", "SKU", code, expired, past))
        location.done()
    offer.asking = replace(offer.asking, nodes=frozenset(active), own=own)
    offer.position = replace(offer.position, owed=owed, lapsed=tuple(lapsed))
    offer.policy(tracked=is_tracked(given), backorder=Oversell() if backorderable else None)
    offer.threshold(given.first("threshold", default=0))
    offer.item = replace(
        offer.item,
        active=bool(given.first("variant_available", "available_for_sale", default=True)),
        minimum=given.units("minimum", "min_quantity"),
        maximum=given.units("maximum", "quantity_limit", "max_quantity") or None,
    )
    _pre_order(offer, given)
    return offer


def is_tracked(given: Keys) -> bool:
    """By the item, and by whatever wider setting is named; also said as ``inherit(false)``."""
    said = [str(given.value(name, True)).lower() for name in _TRACKED]
    if unknown := set(said) - _SAID_OF_TRACKING.keys():
        raise NotUnderstoodError(f"tracked: {unknown}")
    return all(_SAID_OF_TRACKING[each] for each in said)


_TRACKED = (
    "tracked track_inventory track_inventory_levels store_tracked store_tracks_inventory"
    " global_tracked".split()
)
_SAID_OF_TRACKING = {
    "true": True,
    "false": False,
    "inherit(true)": True,
    "inherit(false)": False,
}


def _pre_order(offer: Offer, given: Keys) -> None:
    said = given.first("preorder", "is_preorder", default=False)
    in_all = given.first("global_threshold", "preorder_global_threshold")
    of_channel = given.first("channel_threshold", "preorder_channel_threshold")
    sold = given.units("preorder_allocated", "global_allocated")
    sold_to = given.units("channel_allocated", "preorder_channel_allocated", default=sold)
    if not said:
        return
    channel = offer.asking.channel
    limits = {} if of_channel is None else {channel: units(of_channel)}
    limit = None if in_all is None else units(in_all)
    offer.policy(preorder=Oversell(limit, channels=limits), available_from=NOW + timedelta(days=9))
    offer.position = replace(offer.position, owed=max(sold, sold_to), owed_to={channel: sold_to})


_ASKED = frozenset(
    "available_quantity can_sell can_sell_each is_in_stock reserved_quantity total_on_hand".split()
)


def available_qty(given: Keys, when: Any, then: Keys) -> dict[str, Any]:
    offer = locations(given)
    (step,) = steps_of(when, _ASKED)
    at = step.more.first("at", "locations")
    if at:
        named = frozenset([at] if isinstance(at, str) else at)
        offer.asking = replace(offer.asking, nodes=named & (offer.asking.nodes or named))
    step.more.done()
    most = offer.sellable()
    there = offer.free() if offer.item.active else 0
    observed: dict[str, Any] = {
        "available": number(there) if offer.position.policy.tracked else None,
        "quantity_available": number(there),
        "total_on_hand": number(there),
        "reserved": number(max(0, _held(offer) - offer.asking.own)),
        "unlimited": most is None,
        "backorderable": offer.position.policy.backorder is not None,
        "in_stock": most is None or most > 0,
    }
    if step.verb == "can_sell_each":
        refusals = [offer.refusal(quantity) for quantity in step.value]
        return observed | {"accepted": [refusal is None for refusal in refusals]}
    if step.verb == "can_sell":
        refusal = offer.refusal(step.value)
        return observed | {"accepted": refusal is None} | _told(refusal, then)
    return observed


def _held(offer: Offer) -> int:
    return sum(balance.reserved for balance in offer.position.balances) + offer.position.owed


# --- baskets, channels, events, queues -----------------------------------------------------------


def cart_add_clamp(given: Keys, when: Any, then: Keys) -> dict[str, Any]:
    """The basket is the channel's: it asks, and where we refuse it takes what we say can be had."""
    on_hand, allocated = given.units("on_hand"), given.units("allocated")
    in_cart = given.units("cart_line_qty", "line_qty")
    tracked = is_tracked(given)
    threshold = given.first("threshold", default=0)
    lines = units(1) and given.value("lines", 1 if in_cart else 0)
    refusal: Refusal | None = None
    verbs = frozenset(
        "add_to_cart set_cart_line adjust_line adjust_cart_line set_on_hand allocate".split()
    )
    for step in steps_of(when, verbs):
        step.more.done()
        if step.verb == "set_on_hand":
            on_hand = step.units()
            continue
        if step.verb == "allocate":
            allocated += step.units()
            continue
        offer = _one_shelf(on_hand, allocated, threshold, tracked)
        before = in_cart
        wanted = step.units() + (in_cart if step.verb == "add_to_cart" else 0)
        refusal = offer.refusal(number(wanted))
        in_cart = wanted if refusal is None else refusal.obtainable or 0
        lines = 1 if in_cart else 0
    observed: dict[str, Any] = {"accepted": refusal is None} | _told(refusal, then)
    if refusal is not None:
        observed["quantity_available"] = number(max(0, (refusal.obtainable or 0) - before))
    return observed | {
        "lines": lines,
        "line_qty": number(in_cart),
        "on_hand": number(on_hand),
        "allocated": number(allocated),
    }


def _one_shelf(on_hand: int, allocated: int, threshold: Any, tracked: bool) -> Offer:
    offer = Offer()
    there = max(0, on_hand)
    held = min(there, allocated)
    offer.add(Balance("SKU", "A", on_hand=there, reserved=held, available=there - held))
    offer.position = replace(offer.position, owed=allocated - held + there - on_hand)
    offer.policy(tracked=tracked)
    offer.threshold(threshold)
    return offer


def channel_atp(given: Keys, when: Any, then: Keys) -> dict[str, Any]:
    verbs = {
        "publish_to_channel",
        "publish",
        "online_atp",
        "compute_online_atp",
        "available_quantity",
    }
    (step,) = steps_of(when, frozenset(verbs))
    step.more.done()
    thresholds = given.first("threshold", "thresholds", default=0)
    kept = sum(units(each) for each in _listed(thresholds))
    offer = Offer()
    for number_, facility in enumerate(given.each("facilities", "locations")):
        online = facility.first("online", "enabled", "allow_brokering", "in_group", default=True)
        online = online and not facility.first("excluded", default=False)
        safety = facility.units("safety_stock", "minimum_stock")
        held = facility.units("reserved", "allocated")
        there = facility.units("atp", "available", "on_hand", "qoh", "qty")
        code = str(facility.first("code", "id", default=number_))
        facility.done()
        if online:
            free_there = there - held - safety
            offer.add(Balance("SKU", code, there, held, safety, available=free_there))
    there = given.units(
        "available_after_facility_controls",
        "available",
        "atp",
        "on_hand",
        "qoh",
        "quantity_on_hand",
    )
    # What waits to be sourced is owed; what lies at nodes that do not ship for the channel is not
    # its to sell.
    queued = given.units(
        "orders_in_brokering_queue",
        "brokering_queue",
        "queued",
        "in_brokering_queue",
        "unallocated",
    )
    excluded = given.units(
        "excluded_facilities_atp", "excluded_facility_atp", "excluded_facilities", "excluded"
    )
    reserved = given.units("reserved", "reserved_quantities", "reserved_quantity", "allocated")
    safety = given.units("safety_stock")
    own = there - excluded
    offer.add(
        Balance("SKU", "all", own, reserved, safety, available=own - reserved - safety),
        Balance("SKU", "excluded", on_hand=excluded, available=excluded),
    )
    nodes = {each.node for each in offer.position.balances} - {"excluded"}
    offer.asking = replace(offer.asking, nodes=frozenset(nodes))
    offer.position = replace(offer.position, owed=queued)
    offer.policy(held_back={CHANNEL: kept})
    published = number(offer.free())
    return {"published": published, "online_atp": published, "atp": published}


def _listed(value: Any) -> Sequence[Any]:
    if isinstance(value, list):
        return value
    if isinstance(value, int | Decimal):
        return [value]
    raise NotUnderstoodError(f"not one quantity or several: {value!r}")
