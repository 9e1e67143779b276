"""Cases about signed reservations of a network, and about what the books say of them."""

from collections.abc import Mapping
from typing import Any

from oms.inventory.ledger import shortfalls
from oms.inventory.model import Balance, Entry
from tests.cases.availability.ledgers import NODE, Facts, outcome
from tests.cases.availability.shelf import ORDER, Shelf
from tests.cases.reading import Keys, NotUnderstoodError, Step, number, steps_of, units
from tests.integration.world import World
from tests.samples import NOW

_SIGNED = frozenset(
    """revert_sale register_sale register_products_sale place_order order sell sale buy reserve
    place_reservation append_reservation cancel cancel_order back_item_qty back_to_stock
    return_to_stock return_items restock invoice ship credit_memo refund""".split()
)


def reservation_ledger(given: Keys, when: Any, then: Keys, oms: World) -> Facts:
    """What is sold is held; what is taken back is no longer held; what leaves takes both."""
    given.value("network")
    shelves = _stocked(given, oms)
    refused = ""
    for sku, many in given.keys("order").named():
        refused = shelves[sku].promise(ORDER, units(many)) or refused
    for step in steps_of(when, _SIGNED):
        for sku, many in _quantities(step, next(iter(shelves))).items():
            refused = _signed(shelves[sku], step.verb, many) or refused
        step.more.done()
    first = next(iter(shelves.values()))
    return {
        **outcome(refused, then),
        "salable": number(first.sellable()),
        "stock": {
            sku: {node: number(shelf.balance(node).on_hand) for node in shelf.nodes}
            for sku, shelf in shelves.items()
        },
        "reservations_sum": {sku: number(-each.allocated()) for sku, each in shelves.items()},
    }


def _stocked(given: Keys, oms: World) -> dict[str, Shelf]:
    nodes = given.value("sources_priority", [])
    shelves = {}
    for sku, there in given.keys("stock").named():
        shelves[sku] = Shelf(oms, sku)
        for node in nodes or there:
            shelves[sku].open(node, units(there.get(node, 0)))
    if not shelves:
        sku = given.value("sku", "SKU")
        shelves[sku] = Shelf(oms, sku)
        shelves[sku].open(NODE, given.units("salable", "on_hand"))
        if sold := given.units("reserved", "allocated"):
            shelves[sku].hold(ORDER, {NODE: sold})
    return shelves


def _quantities(step: Step, sku: str) -> dict[str, int]:
    if not isinstance(step.value, Mapping):
        return {sku: step.units()}
    if "qty" in step.value or "quantity" in step.value:
        said = Keys(step.verb, step.value)
        found = {str(said.value("sku", sku)): said.units("qty", "quantity")}
        said.done()
        return found
    return {name: units(many) for name, many in step.value.items()}


def _signed(shelf: Shelf, verb: str, many: int) -> str:
    match verb:
        case "append_reservation" if many > 0:
            return _back(shelf, many)
        case "append_reservation":
            return shelf.promise(ORDER, -many)
        case "revert_sale" | "cancel" | "cancel_order":
            return _back(shelf, many)
        case "back_item_qty" | "back_to_stock" | "return_to_stock" | "return_items" | "restock":
            return shelf.move("receipt", many)
        case "credit_memo" | "refund":
            return shelf.move("receipt", many)
        case "invoice" | "ship":
            return _leave(shelf, many)
        case _:
            return shelf.promise(ORDER, many)


def _back(shelf: Shelf, many: int) -> str:
    return "" if shelf.release(ORDER, many) == many else "nothing_held"


def _leave(shelf: Shelf, many: int) -> str:
    """From the nodes that hold it for the order."""
    for node, held in [*shelf.line(ORDER).held.items()]:
        leaves = min(many, held)
        if leaves and (refused := shelf.ship(ORDER, leaves, node)):
            return refused
        many -= leaves
    return "stock_contended" if many else ""


def reservation_audit(given: Keys, when: Any, then: Keys) -> Facts:
    """The books of a shelf with one unit that was ordered, held against their entries: the balance
    is what the order's state says, the ledger what was written."""
    steps_of(when, frozenset({"find_reservation_inconsistencies", "audit"}))[0].only()
    orders = [given.keys("order")] if "order" in given else [*given.each("orders")]
    balances, entries = [], []
    for place, order in enumerate(orders):
        balance, written = _books(f"SKU-{place}", order)
        order.done()
        balances.append(balance)
        entries += written
    found = shortfalls(balances, entries, ())
    wrong = sorted({each.sku for each in found})
    return {"count": len(wrong), "inconsistent": wrong}


def _books(sku: str, order: Keys) -> tuple[Balance, list[Entry]]:
    state = order.value("state")
    if state not in _HOLDS:
        raise NotUnderstoodError(f"state: {state!r}")
    left = state in ("complete", "completed", "shipped")
    held = _HOLDS[state]
    both = order.first("reservation_and_compensation_present", default=None)
    reserved = order.first("reservation_present", default=bool(both))
    undone = order.first("compensation_present", default=not held if both is None else bool(both))
    reserved = reserved and not order.first("reservation_missing", default=False)
    undone = undone and not order.first("compensation_missing", default=False)
    order.first("sku", "qty", "virtual", "id")
    entries = [_entry(sku, "opening", on_hand=1)]
    if reserved:
        entries.append(_entry(sku, "reserve", reserved=1))
    if undone:
        entries.append(_entry(sku, "ship", on_hand=-1 if left else 0, reserved=-1))
    on_hand = 0 if left else 1
    return Balance(sku, NODE, on_hand, int(held), available=on_hand - int(held)), entries


# Whether an order in that state has its units held.
_HOLDS = {
    "open": True,
    "incomplete": True,
    "pending": True,
    "processing": True,
    "new": True,
    "complete": False,
    "completed": False,
    "shipped": False,
    "cancelled": False,
    "canceled": False,
}


def _entry(sku: str, kind: str, on_hand: int = 0, reserved: int = 0) -> Entry:
    order_id = "" if kind == "opening" else f"order-of-{sku}"
    return Entry(
        kind, kind, sku, NODE, NOW, "t", on_hand=on_hand, reserved=reserved, order_id=order_id
    )
