"""Cases about units held for baskets and at locations, and about what the books say of them."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from oms.aws.reservation_store import ReservationStore
from oms.inventory import reservations as baskets
from oms.inventory.backorders import Room
from oms.inventory.baskets import Wanted
from oms.inventory.ledger import shortfalls
from oms.inventory.model import Balance, Entry
from oms.inventory.policy import Oversell, SellingPolicy
from oms.inventory.reservation import Reservation
from oms.kernel.errors import Conflict, OmsError
from tests.cases.availability.ledgers import NODE, Facts, outcome, policy_of
from tests.cases.availability.positions import CHANNEL, OTHERS
from tests.cases.availability.shelf import ORDER, Shelf
from tests.cases.reading import Keys, NotUnderstoodError, Step, number, steps_of, units
from tests.integration.world import World
from tests.samples import NOW

# --- signed reservations of a network ------------------------------------------------------------

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


# --- baskets -------------------------------------------------------------------------------------


class Cart:
    """A channel's basket. Another content is another reservation: the one before is let go first,
    and taken again when the new one is refused."""

    def __init__(self, shelf: Shelf, minutes: int) -> None:
        self.shelf = shelf
        self.minutes = minutes
        self.store = ReservationStore(shelf.oms.client, "inventory", shelf.oms.stock)
        self.wanted: tuple[Wanted, ...] = ()
        self.now: Reservation | None = None
        self.content: list[Any] = []
        # What never runs out need not be held; nor does a channel ask that holds nothing.
        self.asks = True

    def take(self, wanted: tuple[Wanted, ...], name: str = "cart") -> str:
        if not self.asks:
            return ""
        if wanted != self.wanted:
            self.release()
        named = f"{name}-{hash(wanted) % 10**9}-{len(wanted)}"
        until = self.shelf.tick() + timedelta(minutes=self.minutes)
        basket = baskets.Basket(named, CHANNEL, wanted, until, str(wanted))
        oms = self.shelf.oms
        try:
            taken = baskets.take(basket, self.store, oms.stock, oms.catalog, self.shelf.cause())
        except OmsError as refused:
            if self.wanted and wanted != self.wanted:
                self.take(self.wanted, f"{name}-again")
            return refused.problem_code
        self.now, self.wanted = taken.reservation, wanted
        return ""

    def release(self) -> None:
        if self.now is not None:
            baskets.release(self.now.id, self.store, self.shelf.cause())
        self.now = None

    def extend(self, minutes: int) -> str:
        if self.now is None:
            return "not_found"
        until = self.shelf.at + timedelta(minutes=minutes)
        try:
            self.now = baskets.extend(self.now.id, until, self.store, self.shelf.at)
        except OmsError as refused:
            return refused.problem_code
        return ""

    @property
    def live(self) -> Reservation | None:
        if self.now is None or self.now.state_at(self.shelf.at) != "held":
            return None
        return self.now


_CART = frozenset("reserve release extend expire wait_minutes release_all sweep".split())


def cart_reservation(given: Keys, when: Any, then: Keys, oms: World) -> Facts:
    shelf = Shelf(oms, policy=policy_of(given))
    minutes = int(given.first("ttl_minutes", "ttl", "reservation_ttl_minutes", default=10))
    cart = Cart(shelf, minutes)
    order = _located(shelf, cart, given)
    cart.asks = shelf.policy.tracked and bool(
        given.first("reservations_enabled", "stock_reservations_enabled", default=True)
    )
    lines = given.first("order_lines", "lines", "cart_lines", default=())
    cart.content = [_quantity(line) for line in lines]
    refused = ""
    for step in steps_of(when, _CART):
        refused = _carted(cart, step, order)
        step.more.done()
    live = cart.live
    lines = live.lines if live else ()
    expires = (live.expires_at - live.taken_at).total_seconds() / 60 if live else None
    return {
        **outcome(refused, then),
        "reservations": {line.node: number(line.quantity) for line in lines},
        "number_of_reservations": len(lines),
        "expires_in_minutes": None if expires is None else round(expires),
        "ttl_minutes": None if expires is None else round(expires),
        "expires_after_minutes": None if expires is None else round(expires),
        "available": number(sum(max(0, each.available) for each in shelf.position.balances)),
        "on_hand": {node: number(shelf.balance(node).on_hand) for node in shelf.nodes},
        "quantity_available": number(shelf.sellable()),
    }


def _located(shelf: Shelf, cart: Cart, given: Keys) -> list[str]:
    """The nodes, in the order in which they are to be asked; none when that is left to us."""
    named = [str(node) for node in given.first("order", "sorting_order", "priority", default=())]
    strategy = given.first("strategy", "allocation_strategy", default="highest_stock")
    places: list[tuple[Any, str]] = []
    mine: list[Wanted] = []
    for place, location in enumerate(given.each("locations", "stocks")):
        node = str(location.first("code", "at"))
        places.append((location.first("sort_order", "priority", default=place), node))
        shelf.open(node, location.units("on_hand", "stocked", "qty"))
        location.first("backorderable")
        if allocated := location.units("allocated"):
            shelf.hold(ORDER, {node: allocated})
        if others := location.units(*OTHERS):
            assert not Cart(shelf, 600).take((Wanted(shelf.sku, others, node),), f"other-{node}")
        if lapsed := location.units("reserved_expired"):
            assert not Cart(shelf, 1).take((Wanted(shelf.sku, lapsed, node),), f"lapsed-{node}")
        if own := location.units("reserved_by_this_cart"):
            mine.append(Wanted(shelf.sku, own, node))
        location.done()
    if mine:
        assert not cart.take(tuple(mine))
    shelf.tick(timedelta(minutes=2))
    if strategy in ("highest_stock", "prioritize_high_stock"):
        return []
    if named:
        return named
    if strategy in ("sorting_order", "sort_order", "priority", "prioritize_sorting_order"):
        return [node for _, node in sorted(places)]
    raise NotUnderstoodError(f"strategy: {strategy!r}")


def _carted(cart: Cart, step: Step, order: list[str]) -> str:
    match step.verb:
        case "reserve":
            if ttl := step.more.first("ttl_minutes", "minutes"):
                cart.minutes = int(ttl)
            return cart.take(_wanted(cart, step, order))
        case "release" | "release_all":
            cart.release()
            return ""
        case "extend":
            return cart.extend(int(step.value))
        case "sweep":
            baskets.sweep(cart.store, cart.shelf.tick())
            return ""
        case "expire":
            cart.shelf.tick(timedelta(minutes=cart.minutes + 1))
            return ""
        case _:
            cart.shelf.tick(timedelta(minutes=int(step.value)))
            return ""


def _wanted(cart: Cart, step: Step, order: list[str]) -> tuple[Wanted, ...]:
    """As asked for; in the channel's own order of nodes, when it has one, it names them."""
    asked = cart.content if step.value is None else step.value
    quantities = [_quantity(each) for each in asked] if isinstance(asked, list) else [asked]
    sku = cart.shelf.sku
    if not order:
        return tuple(Wanted(sku, units(quantity)) for quantity in quantities)
    left = sum(units(quantity) for quantity in quantities)
    wanted = []
    for node in order:
        there = min(left, max(0, cart.shelf.balance(node).available))
        left -= there
        wanted += [Wanted(sku, there, node)] if there else []
    return (*wanted, *([Wanted(sku, left)] if left else []))


def _quantity(line: Any) -> Any:
    if not isinstance(line, Mapping):
        return line
    said = Keys("line", line)
    found = said.first("qty", "quantity")
    said.first("line", "sku", "option")
    said.done()
    return found


# --- reservations at locations -------------------------------------------------------------------

_AT_LOCATION = frozenset(
    """reserve change_reservation update_reservation move_reservation release_line release_location
    release_reservation delete_reservation restore_line can_sell confirm adjust
    available_quantity stocked_quantity reserved_quantity remove_location""".split()
)


def location_reservation(given: Keys, when: Any, then: Keys, oms: World) -> Facts:
    shelf = Shelf(oms)
    names = _reserved(shelf, given)
    refused = ""
    asked: Facts = {}
    released: dict[str, dict[str, int]] = {}
    for step in steps_of(when, _AT_LOCATION):
        refused = _at_location(shelf, step, names, released, asked) or refused
        step.more.done()
    available = {node: number(shelf.balance(node).available) for node in shelf.nodes}
    total = number(sum(shelf.balance(node).available for node in shelf.nodes))
    facts = {
        **outcome(refused, then),
        "reserved": {node: number(shelf.balance(node).reserved) for node in shelf.nodes},
        "stocked": {node: number(shelf.balance(node).on_hand) for node in shelf.nodes},
        "available": available if isinstance(then.value("available"), Mapping) else total,
    }
    return facts | asked


def _reserved(shelf: Shelf, given: Keys) -> list[str]:
    """What is reserved at the start, each under a name: its line's, when it has one."""
    said = [*given.each("reservations")]
    wanted: list[tuple[str, str, int]] = []
    for place, one in enumerate(said):
        name = str(one.first("line", "line_item", "id", default=f"r{place}"))
        wanted.append((name, str(one.first("at", "location")), one.units("qty", "quantity")))
        one.done()
    for place, location in enumerate(given.each("locations")):
        node = str(location.value("code"))
        shelf.open(node, location.units("stocked", "on_hand"))
        if reserved := location.units("reserved"):
            wanted.append((f"l{place}", node, reserved))
        location.done()
    for _, node, _ in wanted:
        if node not in shelf.nodes:
            shelf.open(node, sum(many for _, at, many in wanted if at == node))
    for name, node, many in wanted:
        assert not shelf.hold(name, {node: many})
    return [name for name, _, _ in wanted]


def _at_location(
    shelf: Shelf,
    step: Step,
    names: list[str],
    released: dict[str, dict[str, int]],
    asked: Facts,
) -> str:
    match step.verb:
        case "reserve":
            return _reserve(shelf, step, names)
        case "change_reservation" | "update_reservation" | "move_reservation":
            return _change(shelf, step, names)
        case "release_line" | "release_reservation" | "delete_reservation":
            name = str(step.value) if str(step.value) in shelf.lines else names[0]
            released[name] = dict(shelf.line(name).held)
            shelf.release(name, shelf.line(name).units)
            return ""
        case "restore_line":
            return shelf.hold(str(step.value), released.pop(str(step.value)))
        case "release_location":
            for name in names:
                shelf.release(name, shelf.line(name).units, only_at=str(step.value))
            return ""
        case "remove_location":
            shelf.nodes.remove(str(step.value))
            return ""
        case "can_sell" | "confirm":
            return _confirm(shelf, step)
        case "adjust":
            said = _said(step)
            node = str(said.first("at", "location", default=shelf.nodes[0]))
            many = said.units("qty", "by", "quantity")
            said.done()
            return shelf.move("adjustment", many, "a case", node)
        case _:
            return _ask(shelf, step, asked)


def _said(step: Step) -> Keys:
    """``{at, qty}``, or only the quantity."""
    if isinstance(step.value, Mapping):
        return Keys(step.verb, step.value)
    return Keys(step.verb, {"qty": step.value, **step.more.members, **_consumed(step.more)})


def _consumed(more: Keys) -> dict[str, Any]:
    more.read |= more.members.keys()
    return {}


def _reserve(shelf: Shelf, step: Step, names: list[str]) -> str:
    """One, or several together: all of them or none."""
    if isinstance(step.value, list):
        return _reserve_together(shelf, [Keys(step.verb, one) for one in step.value], names)
    said = _said(step)
    node = str(said.first("at", "location", default=shelf.nodes[0]))
    many = said.units("qty", "quantity")
    name = str(said.first("line", "line_item", "id", default=f"n{len(names)}"))
    beyond = said.first("allow_backorder", default=False)
    said.done()
    names.append(name)
    there = min(many, max(0, shelf.balance(node).available)) if beyond else many
    if refused := shelf.hold(name, {node: there}):
        return refused
    shelf.wait(name, many - there, Room())
    return ""


def _reserve_together(shelf: Shelf, several: Sequence[Keys], names: list[str]) -> str:
    where: dict[str, int] = {}
    for one in several:
        node = str(one.first("at", "location", default=shelf.nodes[0]))
        where[node] = where.get(node, 0) + one.units("qty", "quantity")
        one.first("line", "line_item", "id")
        one.done()
    names.append("together")
    return shelf.hold("together", where)


def _change(shelf: Shelf, step: Step, names: list[str]) -> str:
    said = _said(step)
    name = str(said.first("line", "reservation", "id", default=names[0]))
    held = shelf.line(name).held
    before = next(node for node, many in held.items() if many)
    node = str(said.first("at", "location", "to_location", "to_at", default=before))
    many = said.units("qty", "to", "quantity", default=held[before])
    said.done()
    if node != before:
        refused = shelf.hold(name, {node: many})
        return refused or ("" if shelf.release(name, held[before], only_at=before) else "nothing")
    if many > held[before]:
        return shelf.hold(name, {node: many - held[before]})
    shelf.release(name, held[before] - many, only_at=before)
    return ""


def _confirm(shelf: Shelf, step: Step) -> str:
    said = _said(step)
    nodes = _nodes(shelf, said.first("at", "locations", "location"))
    many = said.units("qty", "quantity")
    said.done()
    there = sum(max(0, shelf.balance(node).available) for node in nodes)
    return "" if many <= there else "insufficient_stock"


def _nodes(shelf: Shelf, at: Any) -> Sequence[str]:
    if at is None:
        return shelf.nodes
    return [at] if isinstance(at, str) else [*at]


def _ask(shelf: Shelf, step: Step, asked: Facts) -> str:
    at = step.value if step.value is not None else step.more.first("at", "locations")
    at = at.get("at", at.get("locations")) if isinstance(at, Mapping) else at
    balances = [shelf.balance(node) for node in _nodes(shelf, at)]
    asked["available"] = number(sum(each.available for each in balances))
    asked["stocked"] = number(sum(each.on_hand for each in balances))
    asked["reserved"] = number(sum(each.reserved for each in balances))
    asked["quantity"] = asked[step.verb.removesuffix("_quantity")]
    return ""


# --- modes and states ----------------------------------------------------------------------------

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
            said = _said(step)
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
