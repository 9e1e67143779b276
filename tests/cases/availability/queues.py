"""Cases about whom stock that comes goes to, and what channels are told when it is gone."""

import re
from collections.abc import Mapping
from typing import Any

from oms.inventory.backorders import Waiter, hand_out, rank
from oms.inventory.selling import turned
from tests.cases.availability.positions import locations
from tests.cases.reading import Keys, NotUnderstoodError, number, steps_of, units

_TURN = re.compile(r"(\w[\w ,-]*?) just became (empty|available|in stock|out of stock)")


def stock_events(given: Keys, when: Any, then: Keys) -> dict[str, Any]:
    """What a channel can sell is the sum over the nodes that ship for it; nodes where orders are
    only picked up are counted apart."""
    codes, became = _turn(when)
    single = [*given.value("channel_locations", ())]
    channels = {**given.value("channels", {})} or {"": single}
    told: dict[str, list[str]] = {}
    for channel, members in channels.items():
        for name, event in _told(codes, became, Keys("channels", {"locations": members})).items():
            told.setdefault(f"{name}{event}", []).append(channel)
    observed: dict[str, Any] = {}
    for event in ("out_of_stock", "back_in_stock"):
        for name in ("", "pickup_"):
            who = told.get(f"{name}{event}", [])
            observed[f"{name}{event}_event"] = bool(who)
            observed[f"{name}{event}_event_for"] = who
    return observed


def _turn(when: Any) -> tuple[set[str], bool]:
    """The nodes, and whether they have units now."""
    found = _TURN.fullmatch(when) if isinstance(when, str) else None
    if found is None:
        raise NotUnderstoodError(f"when: {when!r}")
    codes = set(re.split(r", | and ", found.group(1)))
    return codes, found.group(2) in ("available", "in stock")


def _told(codes: set[str], became_available: bool, channel: Keys) -> dict[str, str]:
    """By kind of node, what the channel is told."""
    told = {}
    for name, nodes in _by_kind(channel).items():
        if not codes & nodes.keys():
            continue
        after = sum(nodes.values())
        others = sum(there for node, there in nodes.items() if node not in codes)
        before = others if became_available else others + units(1)
        if event := turned(before, after):
            told[name] = {"sold_out": "out_of_stock"}.get(event, event)
    return told


def _by_kind(channel: Keys) -> Mapping[str, dict[str, int]]:
    """What is available at each node that ships, and at each that only hands over."""
    nodes: dict[str, dict[str, int]] = {"": {}, "pickup_": {}}
    for location in channel.each("locations"):
        kind = "pickup_" if location.first("pickup_only", "click_and_collect") else ""
        code = str(location.value("code"))
        if "available" in location:
            there = location.units("available")
            location.done()
        else:
            there = locations(Keys(code, {"locations": [location.members]})).free()
        nodes[kind][code] = there
    return nodes


def backorder_fill(given: Keys, when: Any, then: Keys) -> dict[str, Any]:
    """A peer's ``on_hand`` below zero is what is owed, and it counts what is handed out as gone:
    here that is what is on the shelf for nobody yet, less what is owed."""
    on_hand = given.units("on_hand")
    waiting = tuple(
        Waiter(rank(5, None, f"{place:04}", f"order-{place}"), {"SKU": units(lot)})
        for place, lot in enumerate(given.first("backordered_units", "backorders", default=()))
    )
    came = 0
    verbs = frozenset({"receive", "restock", "adjust", "set_on_hand"})
    for step in steps_of(when, verbs):
        step.more.first("force", "reason")
        step.more.done()
        change = step.units() - on_hand if step.verb == "set_on_hand" else step.units()
        on_hand += change
        came += change
    handed = hand_out({"SKU": max(0, came)}, waiting)
    filled = {waiter.order_id for waiter in handed.filled}
    spoken_for = max(0, came) - max(0, handed.left["SKU"])
    return {
        "on_hand": number(on_hand),
        "filled": [waiter.order_id in filled for waiter in waiting],
        "filled_units": number(spoken_for),
        "backordered_units": [
            number(0 if waiter.order_id in filled else waiter.lacking["SKU"]) for waiter in waiting
        ],
    }
