"""Cases about modes of keeping inventory, and about the states that units are in."""

from typing import Any

from oms.inventory.model import Entry
from oms.inventory.policy import Oversell, SellingPolicy
from oms.kernel.errors import Conflict, OmsError
from tests.cases.availability.ledgers import NODE, Facts, outcome
from tests.cases.availability.shelf import ORDER, Shelf
from tests.cases.reading import Keys, NotUnderstoodError, Step, number, steps_of, units
from tests.integration.world import World

_MODES = {
    "None": SellingPolicy(tracked=False),
    "TrackOnly": SellingPolicy(backorder=Oversell()),
    "ReserveOnOrder": SellingPolicy(backorder=None),
    "ReserveOnCart": SellingPolicy(backorder=None),
}


def inventory_mode(given: Keys, when: Any, then: Keys, oms: World) -> Facts:
    mode = given.value("mode")
    if mode not in _MODES:
        raise NotUnderstoodError(f"mode: {mode!r}")
    entered = given.value("inventory_entry_exists", given.members.get("available") is not None)
    shelf = Shelf(oms, policy=_MODES[mode])
    if mode == "ReserveOnOrder" and given.value("restockable_in_days") is not None:
        shelf.policy = SellingPolicy(backorder=Oversell())
    there = given.value("available")
    given.value("restockable_in_days")
    if entered or mode == "None":  # where nothing is counted, no entry says nothing
        shelf.open(NODE, units(there or 0))
    refused = ""
    for step in steps_of(when, frozenset({"place_order", "order", "create_order", "add_to_cart"})):
        if step.verb != "add_to_cart" or mode == "ReserveOnCart":
            refused = shelf.promise(ORDER, step.units())
        step.more.done()
    known = number(shelf.available()) if entered else None
    return {**outcome(refused, then), "available": known}


_STATES = frozenset(
    """fulfil fulfill ship commit place_order create_order order uncommit cancel cancel_order
    receive receive_incoming adjust adjust_available restock move damage mark_damaged quarantine
    reserve unreserve set_on_hand""".split()
)
# A movement of ours between two states of a peer.
_BETWEEN = {
    ("available", "damaged"): "damage",
    ("available", "quality_control"): "quarantine",
    ("quality_control", "available"): "release",
}


def inventory_states(given: Keys, when: Any, then: Keys, oms: World) -> Facts:
    """A peer's on hand is all that is in the building, also what cannot be sold; its states are
    parts of that. What it calls reserved is held for drafts, which here are baskets."""
    shelf = Shelf(oms)
    damaged, quality = given.units("damaged"), given.units("quality_control")
    safety, committed = given.units("safety_stock"), given.units("committed")
    drafts, coming = given.units("reserved"), given.units("incoming")
    there = given.units("available") + committed + drafts + safety
    stated = given.units("on_hand", default=there + damaged + quality)
    assert stated == there + damaged + quality, "the states of a case come to its on hand"
    shelf.open(NODE, there, damaged=damaged, quality_hold=quality, incoming=coming)
    shelf.hold(ORDER, {NODE: committed})
    shelf.hold("draft", {NODE: drafts})
    if safety:
        oms.stock.set_thresholds("SKU", NODE, safety, 0, shelf.cause())
    refused = ""
    for step in steps_of(when, _STATES):
        refused = _stated(shelf, step) or refused
        step.more.done()
    now = shelf.balance(NODE)
    return {
        **outcome(refused, then),
        "available": number(now.available),
        "committed": number(shelf.line(ORDER).units),
        "reserved": number(shelf.line("draft").units),
        "damaged": number(now.damaged),
        "quality_control": number(now.quality_hold),
        "safety_stock": number(now.safety_stock),
        "incoming": number(now.incoming),
        "unavailable": number(
            now.damaged + now.quality_hold + now.safety_stock + shelf.line("draft").units
        ),
        "on_hand": number(now.on_hand + now.damaged + now.quality_hold),
    }


def _stated(shelf: Shelf, step: Step) -> str:
    match step.verb:
        case "fulfil" | "fulfill" | "ship":
            return shelf.ship(ORDER, step.units())
        case "commit" | "place_order" | "create_order" | "order":
            return shelf.promise(ORDER, step.units())
        case "uncommit" | "cancel" | "cancel_order":
            shelf.release(ORDER, step.units())
            return ""
        case "receive" | "receive_incoming":
            return _arrive(shelf, step.units())
        case "restock":
            return shelf.move("receipt", step.units())
        case "adjust" | "adjust_available":
            return shelf.move("adjustment", step.units(), str(step.more.value("reason", "a case")))
        case "damage" | "mark_damaged":
            return shelf.move("damage", step.units(), "a case")
        case "quarantine":
            return shelf.move("quarantine", step.units(), "a case")
        case "set_on_hand":
            return shelf.count(step.units())
        case "reserve":
            return shelf.hold("draft", {NODE: step.units()})
        case "unreserve":
            shelf.release("draft", step.units())
            return ""
        case _:
            said = step.said()
            between = (said.first("from"), said.first("to"))
            many = said.units("qty", "quantity")
            said.done()
            return _move(shelf, between, many)


def _arrive(shelf: Shelf, many: int) -> str:
    """What was coming is there; what nobody announced is a receipt."""
    coming = min(many, shelf.balance(NODE).incoming)
    entry = Entry(
        "arrival", "arrival", shelf.sku, NODE, shelf.tick(), "t", on_hand=coming, incoming=-coming
    )
    if coming:
        shelf.oms.stock.transact(shelf.oms.stock.book([entry], Conflict("not announced")))
    return shelf.move("receipt", many - coming) if many > coming else ""


def _move(shelf: Shelf, between: tuple[Any, Any], many: int) -> str:
    if between in _BETWEEN:
        return shelf.move(_BETWEEN[between], many, "a case")
    match between:
        case ("incoming", "available"):
            return _arrive(shelf, many)
        case ("available", "committed"):
            return shelf.promise(ORDER, many)
        case ("committed", "available"):
            shelf.release(ORDER, many)
            return ""
        case ("available", "reserved"):
            return shelf.hold("draft", {NODE: many})
        case ("reserved", "available"):
            shelf.release("draft", many)
            return ""
        case ("available", "safety_stock"):
            return _keep_back(shelf, many)
        case ("safety_stock", "available"):
            return _keep_back(shelf, -many)
        case ("damaged", "available"):
            refused = shelf.move("write_off", many, "a case")
            return refused or shelf.move("adjustment", many, "found to be good")
        case _:
            raise NotUnderstoodError(f"move: {between!r}")


def _keep_back(shelf: Shelf, many: int) -> str:
    kept = shelf.balance(NODE).safety_stock + many
    try:
        shelf.oms.stock.set_thresholds(shelf.sku, NODE, kept, 0, shelf.cause())
    except OmsError as refused:
        return refused.problem_code
    return ""
