"""Cases about what happens to stock: orders that take it, parcels that leave, movements."""

from collections.abc import Iterable, Mapping
from typing import Any

from oms.catalog.model import Node
from oms.inventory.backorders import Room
from oms.inventory.policy import Oversell, SellingPolicy
from tests.cases.availability.positions import error_of, is_tracked
from tests.cases.availability.shelf import BEFORE, ORDER, Shelf
from tests.cases.reading import Keys, Step, number, steps_of, units
from tests.integration.world import World

Facts = dict[str, Any]
NODE = "A"
_ELSEWHERE = Node("elsewhere", "Elsewhere", "warehouse", "BR")


def policy_of(given: Keys) -> SellingPolicy:
    threshold = units(given.first("threshold", "out_of_stock_threshold", default=0) or 0)
    backorder = Oversell(limit=-threshold) if threshold < 0 else None
    if given.first("backorderable", "allow_backorder", default=False):
        backorder = Oversell()
    return SellingPolicy(
        tracked=is_tracked(given),
        backorder=backorder,
        held_back={"web": threshold} if threshold > 0 else {},
    )


def _opened(oms: World, given: Keys, sku: str = "SKU") -> Shelf:
    """A shelf with orders that have units coming to them."""
    shelf = Shelf(oms, sku, policy_of(given))
    on_hand = given.units("on_hand", "stocked", "count_on_hand")
    shelf.open(NODE, on_hand)
    if allocated := given.units("allocated", "allocated_count"):
        _allocate(shelf, allocated, on_hand)
    shelf.begin()
    return shelf


def _allocate(
    shelf: Shelf, allocated: int, on_hand: int, node: str = NODE, line: str = ORDER
) -> None:
    there = min(max(0, on_hand), allocated)
    shelf.hold(line, {node: there})
    if allocated > there:
        shelf.wait(line, allocated - there, Room())


def outcome(refused: str, then: Keys) -> Facts:
    if not refused:
        return {"accepted": True, "error": None}
    return {"accepted": False, "error": error_of(refused, then.value("error"))}


# --- the ledger of an order's life ---------------------------------------------------------------

_LEDGER = frozenset(
    """set_on_hand adjust receive restock pay authorize_payment settle_payment settle place_order
    create_fulfilment create_fulfillment fulfil fulfill ship cancel cancel_order cancel_fulfilment
    cancel_fulfillment cancel_line cancel_lines cancel_items cancel_units cancel_unfulfilled
    cancel_fulfilled release add_to_order complete_order""".split()
)


def ledger(given: Keys, when: Any, then: Keys, oms: World) -> Facts:
    if "variants" in given:
        return _several(given, when, then, oms)
    shelves, _ = _shelves(given, oms) if "locations" in given else ({"SKU": _opened(oms, given)}, 0)
    shelf = shelves["SKU"]
    shelf.begin()
    ordered = [units(each) for each in _orders(given)]
    lines = [f"line-{number_}" for number_, _ in enumerate(ordered)]
    placed = given.first("order_qty") is not None
    if placed and "allocated" in given:
        lines = [ORDER]
    given.first("order_state", "payment_state", "payment")
    shelf.gone = given.units("fulfilled", "sold", "shipped")
    stages: dict[str, Facts] = {}
    parcels: Parcels = []
    refused = ""
    for step in steps_of(when, _LEDGER):
        refused = _lived(shelf, step, lines, ordered, parcels) or refused
        step.more.done()
        stages[_STAGES.get(step.verb, step.verb)] = (
            shelf.facts() if not parcels else _left(shelf, parcels)
        )
    refused = _leave(shelf, parcels) or refused
    facts = {**outcome(refused, then), **shelf.facts(), **stages}
    facts["locations"] = {node: _at(shelf, node) for node in shelf.nodes}
    return facts | {"movements": shelf.movements()}


_STAGES = {
    "pay": "after_pay",
    "authorize_payment": "after_pay",
    "create_fulfilment": "after_fulfilment",
    "cancel": "after_cancel",
    "set_on_hand": "after_adjustment",
}


def _orders(given: Keys) -> list[Any]:
    if "order_lines" in given:
        found = []
        for line in given.each("order_lines"):
            line.first("option", "line", "id")
            found.append(line.first("qty", "quantity"))
            line.done()
        return found
    ordered = given.first("order", "order_qty")
    return [] if ordered is None else [ordered]


Parcels = list[tuple[str, int]]


def _lived(shelf: Shelf, step: Step, lines: list[str], ordered: list[int], parcels: Parcels) -> str:
    """A fulfilment that is made has its parcel leave at the end, unless it is cancelled first: as
    long as it can be cancelled it has not left."""
    match step.verb:
        case "set_on_hand":
            _leave(shelf, parcels)
            return shelf.count(step.units(), force=bool(step.more.value("force", False)))
        case "adjust":
            return shelf.move("adjustment", step.units(), str(step.more.value("reason", "a case")))
        case "receive" | "restock":
            return shelf.move("receipt", step.units())
        case "pay" | "complete_order" | "authorize_payment" | "place_order" | "add_to_order":
            if step.value is not None:
                return shelf.promise(ORDER, step.units())
            return _first(
                shelf.promise(line, qty) for line, qty in zip(lines, ordered, strict=True)
            )
        case "settle_payment" | "settle":
            return ""
        case "create_fulfilment" | "create_fulfillment" | "fulfil" | "fulfill" | "ship":
            return _pack(shelf, step, lines, ordered, parcels)
        case "cancel_fulfilment" | "cancel_fulfillment":
            return _unpack(shelf, parcels)
        case "cancel" if step.value in ("fulfilment", "fulfillment"):
            return _unpack(shelf, parcels)
        case "cancel_fulfilled":
            _leave(shelf, parcels)
            return shelf.come_back(step.units() if step.value is not None else shelf.gone)
        case _:
            return _cancel(shelf, step, parcels)


def _pack(shelf: Shelf, step: Step, lines: list[str], ordered: list[int], parcels: Parcels) -> str:
    if step.value is None or step.value == "for all":
        packed = [(line, shelf.line(line).units) for line in shelf.lines if line != BEFORE]
    else:
        packed = [(ORDER if ORDER in shelf.lines or not lines else lines[0], step.units())]
    for line, quantity in packed:
        in_parcels = sum(many for name, many in parcels if name == line)
        if shelf.policy.tracked and quantity + in_parcels > _shippable(shelf, line):
            return "stock_contended"
        parcels.append((line, quantity))
    return ""


def _shippable(shelf: Shelf, line: str) -> int:
    """What the line holds, and what it waits for and is there by now."""
    held = sum(shelf.line(line).held.values())
    free = sum(max(0, shelf.balance(node).available) for node in shelf.nodes)
    return held + min(free, shelf.line(line).owed)


def _leave(shelf: Shelf, parcels: Parcels) -> str:
    refused = _first(shelf.ship(line, quantity) for line, quantity in parcels)
    parcels.clear()
    return refused


def _left(shelf: Shelf, parcels: Parcels) -> Facts:
    """What the figures are once the parcels have left."""
    gone = sum(quantity for _, quantity in parcels) if shelf.policy.tracked else 0
    return {
        "on_hand": number(shelf.on_hand() - gone),
        "allocated": number(shelf.allocated() - gone),
        "available": number(shelf.available()),
    }


def _unpack(shelf: Shelf, parcels: Parcels) -> str:
    """A parcel that has not left is not packed any more; of one that has, its units come back."""
    if parcels:
        parcels.clear()
        return ""
    return shelf.come_back(shelf.gone)


def _cancel(shelf: Shelf, step: Step, parcels: Parcels) -> str:
    """All, or so many units: those that have not left first; those that have come back."""
    words = (None, "order", "all")
    left = shelf.gone + _coming(shelf) if step.value in words else units(step.value)
    parcels.clear()
    for name in [name for name in shelf.lines if name != BEFORE]:
        left -= shelf.release(name, left)
    return shelf.come_back(left) if left else ""


def _coming(shelf: Shelf) -> int:
    return sum(line.units for name, line in shelf.lines.items() if name != BEFORE)


def _first(refusals: Iterable[str]) -> str:
    return next((refused for refused in [*refusals] if refused), "")


def _several(given: Keys, when: Any, then: Keys, oms: World) -> Facts:
    shelves = {}
    for name, said in given.keys("variants").named():
        variant = Keys(name, said)
        shelves[name] = _opened(oms, variant, name)
        variant.done()
    ordered = {name: units(many) for name, many in given.keys("order").named()}
    refused = ""
    for step in steps_of(when, _LEDGER):
        for name, shelf in shelves.items():
            parcels: Parcels = []
            many = [ordered[name]] if name in ordered else []
            lines = [ORDER] * len(many)
            refused = _lived(shelf, step, lines, many, parcels) or refused
            refused = _leave(shelf, parcels) or refused
        step.more.done()
    promised = [each for shelf in shelves.values() for each in shelf.promised]
    return {
        **outcome(refused, then),
        "levels": {name: shelf.facts() for name, shelf in shelves.items()},
        "movement_recorded_for_all": [[name, number(many)] for name, many in promised],
    }


# --- allocations ---------------------------------------------------------------------------------

_ALLOCATION = frozenset(
    """deallocate deallocate_all allocate allocate_more increase_allocation decrease_allocation
    restock increase_stock decrease_stock ship fulfil release movement receive adjust cancel
    adjust_on_hand set_on_hand adjust_allocated release_allocated reduce_on_hand_to_zero""".split()
)


def allocation_ledger(given: Keys, when: Any, then: Keys, oms: World) -> Facts:
    shelves, by_line = _shelves(given, oms)
    first = next(iter(shelves.values()))
    first.begin()
    refused = ""
    for step in steps_of(when, _ALLOCATION):
        if isinstance(step.value, Mapping):
            for name, many in step.value.items():
                refused = _allocation(shelves[name], Step(step.verb, many, step.more)) or refused
        else:
            refused = _allocation(first, step) or refused
        step.more.done()
    facts = {**outcome(refused, then), **first.facts()}
    if by_line:
        facts |= {name: shelf.facts() for name, shelf in shelves.items()}
    facts["locations"] = {node: _at(first, node) for node in first.nodes}
    held = first.line(ORDER).held
    facts["line_allocations"] = {node: number(held.get(node, 0)) for node in first.nodes}
    facts["allocations"] = {node: number(many) for node, many in held.items() if many}
    return facts | {"movements": first.movements()}


def _at(shelf: Shelf, node: str) -> Facts:
    return {
        "on_hand": number(shelf.balance(node).on_hand),
        "allocated": number(shelf.allocated(node)),
        "available": number(shelf.balance(node).available),
    }


def _located(given: Keys) -> Iterable[tuple[str, Keys]]:
    """The locations, by name or in a list."""
    if isinstance(given.members.get("locations"), list):
        return [(str(each.first("code", "at")), each) for each in given.each("locations")]
    return [(node, Keys(node, said)) for node, said in given.keys("locations").named()]


def _shelves(given: Keys, oms: World) -> tuple[dict[str, Shelf], bool]:
    """One SKU at one node or at several, or a SKU for each line."""
    if "locations" in given or "line_allocations" in given:
        shelf = Shelf(oms, policy=policy_of(given))
        places = []
        for number_, (node, there) in enumerate(_located(given)):
            places.append((there.first("sort_order", "priority", default=number_), node))
            on_hand, allocated = there.units("on_hand", "stocked"), there.units("allocated")
            shelf.open(node, on_hand)
            _allocate(shelf, allocated, on_hand, node)
            if others := there.units("reserved"):
                shelf.hold("other", {node: others})
            there.done()
        strategy = given.first("strategy", "allocation_strategy", default="highest_stock")
        if strategy not in ("highest_stock", "prioritize_high_stock"):
            shelf.order = [str(each) for each in given.first("order", default=())]
            shelf.order = shelf.order or [node for _, node in sorted(places)]
        for node, allocated in given.keys("line_allocations").named():
            if node not in shelf.nodes:
                shelf.open(node, units(allocated))
                _allocate(shelf, units(allocated), units(allocated), node)
        return {"SKU": shelf}, False
    lines = {name: said for name, said in given.members.items() if isinstance(said, Mapping)}
    if not lines:
        return {"SKU": _opened(oms, given)}, False
    shelves = {}
    for name in lines:
        said = given.keys(name)
        shelves[name] = _opened(oms, said, name)
        said.done()
    return shelves, True


def _allocation(shelf: Shelf, step: Step) -> str:
    match step.verb:
        case "deallocate_all":
            shelf.release(ORDER, shelf.line(ORDER).units)
            return ""
        case "adjust_allocated" if step.units() < 0:
            shelf.release(ORDER, -step.units())
            return ""
        case "deallocate" | "release" | "release_allocated" | "decrease_allocation" | "cancel":
            shelf.release(ORDER, step.units())
            return ""
        case "allocate" | "allocate_more" | "increase_allocation" | "adjust_allocated":
            at = step.more.first("at", "from", "collection_point")
            return shelf.promise(ORDER, step.units(), [str(at)] if at else None)
        case "restock" | "increase_stock" | "receive":
            also = step.more.first("allocate", default=False)
            refused = shelf.move("receipt", step.units())
            return refused or (shelf.promise(ORDER, step.units()) if also else "")
        case "ship" | "fulfil" | "decrease_stock":
            return shelf.ship(ORDER, step.units(), str(step.more.first("from", "at", default="")))
        case "adjust" | "adjust_on_hand":
            return shelf.move("adjustment", step.units(), str(step.more.value("reason", "a case")))
        case "set_on_hand":
            return shelf.count(step.units(), force=bool(step.more.value("force", False)))
        case "reduce_on_hand_to_zero":
            return shelf.count(0) if shelf.on_hand() > 0 else ""
        case _:
            return _movement(shelf, step)


def _movement(shelf: Shelf, step: Step) -> str:
    """A departure that belongs to a fulfilment takes what its line holds; any other leaves on a
    transfer, and takes nobody's units. What left although the books did not have it is owed."""
    quantity = units(step.more.first("qty", "quantity"))
    reason = step.more.value("reason", "" if step.value == "adjusted" else "a case") or ""
    fulfilment = step.more.first("fulfilment", "fulfillment")
    if step.more.first("force", default=False) and quantity > 0 and step.value == "shipped":
        return shelf.count(shelf.on_hand() - quantity, force=True)
    if step.value in ("allocated", "released", "shipped") and quantity <= 0:
        return "quantity_not_positive"
    match step.value:
        case "received":
            return shelf.move("receipt", quantity) if shelf.policy.tracked or not quantity else ""
        case "adjusted":
            return shelf.move("adjustment", quantity, reason)
        case "allocated":
            return shelf.promise(ORDER, quantity)
        case "released":
            shelf.release(ORDER, quantity)
            return ""
        case "shipped" if fulfilment is not None:
            return shelf.ship(ORDER, quantity)
        case "shipped":
            shelf.oms.catalog.put_node(_ELSEWHERE)
            return shelf.move("transfer", quantity, to_node=_ELSEWHERE.id)
        case _:
            return "unknown_kind"
