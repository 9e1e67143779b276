"""Cases about which step is refused or allowed in a node's work, and what it does."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from pydantic import ValidationError

from oms.catalog.delivery_contract import CostDocument
from oms.inventory.model import MovementKind, Need
from oms.kernel.errors import Invalid
from oms.orders.model import Fulfillment, FulfillmentState
from oms.orders.paying import amount_to_capture
from tests.cases.lifecycle.shop import (
    HERE,
    MEANS,
    STATES_HERE,
    THERE,
    Shop,
    called,
    error_called,
    order_called,
)
from tests.cases.reading import Keys, NotUnderstoodError, Step, steps_of
from tests.integration.world import World

Facts = dict[str, Any]

_VERBS = frozenset(
    """fulfil fulfill ship approve cancel_fulfilment cancel_fulfillment cancel to create_parcel
    create_fulfilment create_fulfillment resume mark_delivered deliver update_tracking
    purchase_label buy_label""".split()
)
_WITHDRAWN = frozenset({"canceled", "cancelled"})
# An order that is not agreed yet, or not paid: nothing of it is with a node.
_NOT_PLACED = frozenset(
    """draft unconfirmed incomplete cart adding_items arranging_payment address delivery payment
    unpaid pending_payment""".split()
)
_PLACED = frozenset(
    """payment_settled payment_authorized unfulfilled partially_fulfilled placed complete completed
    paid processing partially_shipped confirmed fulfilled""".split()
)
_RACE = "being fulfilled by a parallel request"


# --- the order at the start ----------------------------------------------------------------------


def _units(value: Mapping[str, Any]) -> dict[str, int]:
    return {str(name): int(units) for name, units in value.items()}


def _ordered(given: Keys) -> tuple[dict[str, int], list[tuple[str, dict[str, int]]]]:
    """What is ordered by line, and the parts it is divided into, each with its state."""
    state = str(given.first("fulfilment_state", "fulfillment_state", "state", default=""))
    parts: list[tuple[str, dict[str, int]]] = []
    for place, part in enumerate(given.each("fulfilments", "fulfillments"), start=1):
        lines = part.value("lines", {f"L{place}": 1})
        parts.append((str(part.value("state", "pending")), _units(lines)))
        part.done()
    parcels = given.first("parcels", default=())
    if parcel := given.value("parcel"):
        parcels = [parcel]
    parts += [(state, _units(parcel)) for parcel in parcels]
    ordered = _units(given.value("ordered", {}))
    if not ordered:
        for _, units in parts:
            for name, many in units.items():
                ordered[name] = ordered.get(name, 0) + many
    ordered = ordered or _DEFAULT
    if state and not parts:
        parts = [(state, dict(ordered))]
    return ordered, parts


_DEFAULT = {"L1": 3, "L2": 2}


def opened(given: Keys, oms: World) -> Shop:
    ordered, parts = _ordered(given)
    shop = Shop(oms, ordered, _stock(given, ordered))
    _fails(given, "webhook")  # it hears of what is done when it is done, and stops nothing
    breaks = ("carrier_handler", "later_step", "label_provider")
    shop.carrier_fails = True in [_fails(given, name) for name in breaks]
    order_state = str(given.value("order_state", ""))
    if order_state and order_state not in _NOT_PLACED | _PLACED | _WITHDRAWN | {_RACE}:
        raise NotUnderstoodError(f"order_state: {order_state!r}")
    given.first("force", "warehouse_given", "fulfilment_auto_approve")
    if not shop.attempt(shop.reserve):
        shop.waits, shop.refused = shop.refused, ""
        return shop
    if order_state in _NOT_PLACED:
        return shop
    unpaid = not given.value("paid", True)
    if unpaid and not given.value("allow_unpaid_fulfilment", given.value("allow_unpaid")):
        return shop
    given.first("allow_unpaid_fulfilment", "allow_unpaid")
    shop.pay(later=unpaid)
    shop.release()
    _divide(shop, parts, given)
    if order_state in _WITHDRAWN:
        shop.cancel_order()
    whole = str(given.first("order_fulfilment", "order_fulfillment", default=""))
    for part in shop.still_here() if whole else ():
        _bring(shop, part.id, whole, given)
    return shop


def _fails(given: Keys, name: str) -> bool:
    how = given.value(name)
    if how not in (None, "fails", "unknown", "works", "no label"):
        raise NotUnderstoodError(f"{name}: {how!r}")
    return how in ("fails", "unknown")


def _stock(given: Keys, ordered: Mapping[str, int]) -> dict[str, int]:
    """Enough, when nothing is said of it."""
    said, waits = given.value("stock"), given.value("line")
    exceeds = given.first("allow_stock_exceeded", "allow_stock_to_be_exceeded")
    if exceeds not in (None, True, False):
        raise NotUnderstoodError(f"allow_stock_exceeded: {exceeds!r}")
    if waits is not None:
        if not str(waits).startswith(("pre-order", "preorder", "backorder")):
            raise NotUnderstoodError(f"line: {waits!r}")
        return {}
    if said is None:
        return dict(ordered)
    if isinstance(said, Mapping):
        return _units(said)
    if said in ("less than asked", "not enough", "insufficient"):
        return {name: units - 1 for name, units in ordered.items()}
    if said in ("none", 0):
        return {}
    raise NotUnderstoodError(f"stock: {said!r}")


def _divide(shop: Shop, parts: Sequence[tuple[str, dict[str, int]]], given: Keys) -> None:
    for state, units in parts:
        there = {name for part in shop.open_parts() for name in part.units}
        if not units.keys() <= there:
            shop.route_rest()
        found = shop.carve(units, shop.open_parts())
        for part in found:
            _bring(shop, part, state, given)


def _bring(shop: Shop, part: str, state: str, given: Keys) -> None:
    """A part into a peer's state: the first of ours that means the same. What can still be put back
    into a warehouse is packed, and has not left."""
    shop.last = part
    if state in ("", "unfulfilled", "created", "open", "ready"):
        return None
    if state in _WITHDRAWN:
        return shop.give_back(part)
    if state not in MEANS:
        raise NotUnderstoodError(f"state: {state!r}")
    means = MEANS[state]
    if state in ("pending", "waiting_for_approval"):
        return shop.to(part, FulfillmentState.ACCEPTED)
    if state == "fulfilled" and given.value("warehouse_given"):
        return shop.to(part, FulfillmentState.PACKED)
    [to] = means
    return shop.to(part, to)


# --- what is done ---------------------------------------------------------------------------------


def fulfilment(given: Keys, when: Any, then: Keys, oms: World) -> Facts:
    shop = opened(given, oms)
    steps = steps_of(when, _VERBS)
    _check_words(given, steps)
    taken: Facts = {"restocked": False}
    due = shop.order.due
    if given.value("order_state") == _RACE:
        shop.attempt(partial(_act, shop, steps[0], given, taken))
    for step in steps:
        shop.attempt(partial(_act, shop, step, given, taken))
    total = "unchanged" if shop.order.due == due else shop.order.due.minor
    return {**_facts(shop, then), **taken, "order_total": total}


def _check_words(given: Keys, steps: Sequence[Step]) -> None:
    """What accompanies a step is read by it; nothing is left over."""
    for step in steps:
        unknown = step.more.members.keys() - _WITH
        if unknown:
            raise NotUnderstoodError(f"{step.verb}: {sorted(unknown)}")
        if step.verb not in _OF_UNITS and step.value is not None:
            raise NotUnderstoodError(f"{step.verb}: {step.value!r}")


_OF_UNITS = frozenset(
    """fulfil fulfill ship create_parcel create_fulfilment create_fulfillment to
    update_tracking""".split()
)
_WITH = frozenset(
    """state status cost location tracking tracking_number tracking_carrier notify_customer
    force""".split()
)


def _act(shop: Shop, step: Step, given: Keys, taken: Facts) -> None:
    match step.verb:
        case "approve":
            _approve(shop)
        case "fulfil" | "fulfill" | "ship":
            _fulfil(shop, step, given)
        case "create_parcel":
            _create(shop, step)
        case "create_fulfilment" | "create_fulfillment":
            _make(shop, step.value)
        case "cancel_fulfilment" | "cancel_fulfillment" | "cancel":
            _cancel(shop, taken)
        case "purchase_label" | "buy_label":
            _label(shop, taken)
        case "resume":
            shop.resume()
        case "mark_delivered" | "deliver":
            shop.step(shop.part.id, "deliver")
        case "update_tracking":
            shop.step(shop.part.id, "ship", number=str(step.value))
        case _:
            _change(shop, str(step.value), taken)


def _label(shop: Shop, taken: Facts) -> None:
    """A label is bought of what is packed."""
    part = shop.part
    if part.state in STATES_HERE and part.state is not FulfillmentState.PACKED:
        shop.to(part.id, FulfillmentState.PACKED)
    taken["tracking"] = shop.buy_label(part.id)
    taken["label"] = "bought"


def _approve(shop: Shop) -> None:
    """The node does its work, once it is given it."""
    if not shop.order.progress.fulfillments:
        shop.release()
    shop.to(shop.part.id, FulfillmentState.SHIPPED)


def _change(shop: Shop, state: str, taken: Facts) -> None:
    """Into a state that a peer names, by the steps that lead there."""
    part = shop.part
    if state in _WITHDRAWN:
        return _cancel(shop, taken)
    if state in ("pending", "created"):
        return shop.step(part.id, "accept")
    if state in ("shipped", "fulfilled"):
        return shop.to(part.id, FulfillmentState.SHIPPED, number=_another(shop))
    if state == "delivered":
        return shop.step(part.id, "deliver")
    raise NotUnderstoodError(f"to: {state!r}")


def _cancel(shop: Shop, taken: Facts) -> None:
    """The node gives its work back. What it had taken off the shelf goes back on it."""
    part = shop.part
    off_the_shelf = part.state in (FulfillmentState.PICKED, FulfillmentState.PACKED)
    before = {sku: shop.balance(sku)[1] for sku in part.units}
    shop.give_back(part.id)
    if shop.order.fulfillment(part.id) == part:
        raise Invalid("it has been given back", code="illegal_transition")
    freed = all(shop.balance(sku)[1] < before[sku] for sku in part.units)
    taken["restocked"] = off_the_shelf and freed


def _fulfil(shop: Shop, step: Step, given: Keys) -> None:
    """Peers that name how an order is paid make a fulfilment first, and ship it with a step of its
    own; the others do both in one."""
    tracking = str(step.more.first("tracking", "tracking_number", default="") or "")
    quiet = not step.more.first("notify_customer", default=given.value("notify_customer", True))
    if given.value("fulfilment_auto_approve") is False:
        return None  # it waits for its node, or before that for its stock
    if not shop.order.progress.fulfillments:
        shop.release()
    if _makes_first(given) and not shop.carrier_fails:
        return _make(shop, step.value)
    for part in _wanted(shop, step.value, given):
        shop.to(part, FulfillmentState.SHIPPED, number=tracking or _another(shop), quiet=quiet)
    return None


def _another(shop: Shop) -> str:
    """No two requests ship with one number: the same again would be a repeat."""
    return f"T-{shop.cause().at.timestamp():.0f}"


def _makes_first(given: Keys) -> bool:
    names_payment = str(given.value("order_state", "")).startswith("payment_")
    made = {each.get("state", "pending") for each in given.value("fulfilments", ())}
    return names_payment or bool(made & {"pending", "created", "shipped"})


def _make(shop: Shop, value: Any) -> None:
    """A part that a node begins with, of what none has begun with."""
    if not shop.order.progress.fulfillments:
        shop.release()
    shop.route_rest()
    units = None if value in (None, "all") else _units(value)
    among = shop.open_parts()
    parts = [part.id for part in among] if units is None else shop.carve(units, among)
    if not parts:
        raise Invalid("nothing is left", code="quantities_do_not_add_up")
    for part in parts:
        shop.to(part, FulfillmentState.ACCEPTED)


def _wanted(shop: Shop, value: Any, given: Keys) -> list[str]:
    """The parts that are to leave: all of it, or the units that are named. What is in a fulfilment
    already is not put into another."""
    among = shop.open_parts() if "fulfilments" in given else shop.still_here()
    if value in (None, "all", "more than stock"):
        return [part.id for part in among] or [shop.part.id]
    here, there = _places(value)
    if len({line for line, _ in here}) < len(here) or len({n for n, _ in there}) < len(there):
        shop.pack_in_one(shop.part.id, here)
    parts = _carved(shop, here, among) if here else []
    for part in _carved(shop, there, shop.still_here()) if there else ():
        for line_id, units in there:
            shop.oms.receive(line_id, units, shop.node(THERE))
        shop.move(part)
        parts.append(shop.last)
    return parts


def _carved(
    shop: Shop, lines: Sequence[tuple[str, int]], among: Sequence[Fulfillment]
) -> list[str]:
    """Lines of nothing that stand beside others are not asked for."""
    units = {name: many for name, many in lines if many} or dict(lines)
    return shop.carve(units, among)


def _places(value: Any) -> tuple[list[tuple[str, int]], list[tuple[str, int]]]:
    """What is to leave the first warehouse that is named, and what the second: lines with units, or
    with units by warehouse."""
    lines = [*value.items()] if isinstance(value, Mapping) else [_line(each) for each in value]
    named: list[tuple[str, str, int]] = []
    for name, units in lines:
        for place in units if isinstance(units, list) else [{"qty": units}]:
            said = Keys(name, place)
            warehouse = str(said.first("warehouse", "location", default=""))
            named.append((name, warehouse, int(said.first("qty", "quantity"))))
            said.done()
    warehouses = list(dict.fromkeys(warehouse for _, warehouse, _ in named))
    if len(warehouses) > 2 or not named:
        raise Invalid("nothing is named", code="quantities_do_not_add_up")
    first = [(name, units) for name, warehouse, units in named if warehouse == warehouses[0]]
    other = [(name, units) for name, warehouse, units in named if warehouse != warehouses[0]]
    return first, [(name, units) for name, units in other if units]


def _line(each: Any) -> tuple[str, Any]:
    said = Keys("line", each)
    name = str(said.first("line", "order_line", "line_item", "sku"))
    stocks = said.first("stocks", "warehouses")
    units = said.first("qty", "quantity")
    said.done()
    return name, units if stocks is None else stocks


def _create(shop: Shop, step: Step) -> None:
    """Units become a parcel of their own: here, elsewhere, or of what has left already."""
    cost = step.more.first("cost")
    state = str(step.more.first("state", "status", default=""))
    location = str(step.more.first("location", default=HERE))
    number = str(step.more.first("tracking", "tracking_number", default="") or "")
    if cost not in (None, ""):
        _check_cost(cost)
    if state not in ("", "shipped", "pending", "unfulfilled"):
        raise Invalid(f"a parcel is not made {state}", code="unknown_state")
    if not shop.order.progress.fulfillments:
        shop.release()
    units = None if step.value in (None, "all") else _units(step.value)
    if units is None:
        units = {}
        for part in shop.still_here():
            for name, many in part.units.items():
                units[name] = units.get(name, 0) + many
    parts = shop.carve(units, shop.still_here())
    if not parts:
        raise Invalid("nothing is left", code="quantities_do_not_add_up")
    shop.last = parts[-1]
    for made in parts:
        if location not in (HERE, "source", "same"):
            shop.move(made)
        if state == "shipped":
            shop.to(shop.last, FulfillmentState.SHIPPED, number=number or _another(shop))


def _check_cost(cost: Any) -> None:
    """As every amount that comes in."""
    try:
        CostDocument.model_validate({"amount": str(cost), "currency": "USD"})
    except ValidationError:
        raise Invalid(f"{cost!r} is no amount", code="invalid_amount") from None


# --- what can be seen -----------------------------------------------------------------------------


def _told(lines: Sequence[Mapping[str, int]], expected: Any) -> Any:
    """How many, or what is in each: which of them is the first is the peer's own matter."""
    if not isinstance(expected, list):
        return len(lines)
    rest = [dict(each) for each in lines]
    for each in expected:
        if each in rest:
            rest.remove(each)
    same = not rest and len(expected) == len(lines)
    return expected if same else [dict(each) for each in lines]


def _facts(shop: Shop, then: Keys) -> Facts:
    order, parts = shop.order, shop.parts or shop.ended
    known = bool(order.progress.fulfillments)
    state = shop.part.state if known else FulfillmentState.OPEN
    expected = then.value("states", ())
    states = [
        called(expected[place] if place < len(expected) else "", part.state)
        for place, part in enumerate(parts)
    ]
    lines = [part.units for part in parts]
    counts = dict(
        zip((line.line_id for line in order.content.lines), order.progress.counts, strict=True)
    )
    fulfilled = {name: each.shipped + each.delivered for name, each in counts.items()}
    return {
        "accepted": not shop.refused,
        "error": error_called(then.value("error"), shop.refused) if shop.refused else None,
        "state": called(then.value("state"), state),
        "fulfilment_state": called(then.value("fulfilment_state"), state),
        "states": states,
        "parcels": _told(lines, then.value("parcels")),
        "fulfilments": _told(lines, then.value("fulfilments")),
        "order_state": order_called(then.value("order_state"), order),
        "order_fulfilment": order_called(then.value("order_fulfilment"), order),
        "still_listed": known and shop.part in order.progress.fulfillments,
        "tracking": shop.part.tracking_number if known else None,
        "lines": shop.part.units if known else {},
        "fulfilled": fulfilled,
        "unfulfilled": {
            line.line_id: line.quantity - fulfilled[line.line_id] for line in order.content.lines
        },
    }


# --- stock ----------------------------------------------------------------------------------------

_STOCK_VERBS = frozenset(
    """fulfil fulfill ship resume cancel_fulfilment cancel create_parcel approve""".split()
)


def fulfilment_stock(given: Keys, when: Any, then: Keys, oms: World) -> Facts:
    """One SKU of an order, at the node that has the work, and at another."""
    source = given.keys("source")
    on_hand = int(given.first("on_hand", default=source.first("on_hand", default=10)))
    allocated = given.first("allocated", default=source.first("allocated"))
    units = int(given.first("units", "quantity", default=allocated or 1))
    source.done()
    moves = "target" in given or "destination" in given
    target = given.keys("target", "destination")
    there = int(target.first("on_hand", default=units if moves else 0))
    target.first("allocated")
    target.done()
    state = str(given.first("state", "fulfilment_state", default=""))
    given.first("force")
    shop = Shop(oms, {"L1": units}, {"L1": max(on_hand, units)})
    promised = allocated is None or int(allocated) > 0 or state in _WITHDRAWN
    promised = bool(given.first("promised", "holds_promise", default=promised))
    if promised:
        shop.reserve()
        shop.pay()
        shop.release()
        if state:
            _bring(shop, shop.part.id, state, given)
    _count(shop, on_hand, oms)
    others = int(allocated or 0) - shop.balance("L1")[1]
    if others > 0:
        needs = [Need("L1", HERE, others)]
        oms.stock.transact(oms.stock.reserve(needs, "others", shop.cause()))
    if there:
        oms.receive("L1", there, shop.node(THERE))
    before = {node: shop.balance("L1", node) for node in (HERE, THERE)}
    taken: Facts = {}
    for step in steps_of(when, _STOCK_VERBS):
        _check_words(given, [step])
        shop.attempt(partial(_act, shop, step, given, taken))
    now = {node: shop.balance("L1", node) for node in (HERE, THERE)}
    return {
        "accepted": not shop.refused,
        "error": error_called(then.value("error"), shop.refused) if shop.refused else None,
        "on_hand": now[HERE][0],
        "allocated": now[HERE][1],
        "available_unchanged": before[HERE][0] - before[HERE][1] == now[HERE][0] - now[HERE][1],
        "source": _at(then, "source", before[HERE], now[HERE]),
        "target": _at(then, "target", before[THERE], now[THERE]),
    }


def _at(then: Keys, name: str, before: tuple[int, int], now: tuple[int, int]) -> Facts:
    """What a case calls unchanged is compared with what there was."""
    expected = then.value(name, {})
    facts: Facts = {"on_hand": now[0], "allocated": now[1]}
    places = {"on_hand": 0, "allocated": 1}
    for key, place in places.items():
        if isinstance(expected, Mapping) and expected.get(key) == "unchanged":
            facts[key] = "unchanged" if before[place] == now[place] else now[place]
    return facts


def _count(shop: Shop, on_hand: int, oms: World) -> None:
    """The shelf is found to have that much, also where more is promised."""
    there, _ = shop.balance("L1")
    if there != on_hand:
        oms.move("L1", on_hand, MovementKind.COUNT, shop.node(HERE))


# --- effects and money ----------------------------------------------------------------------------


def fulfilment_effects(given: Keys, when: Any, then: Keys, oms: World) -> Facts:
    shop = opened(given, oms)
    given.value("notify_customer")
    for step in steps_of(when, _VERBS):
        _check_words(given, [step])
        shop.attempt(partial(_act, shop, step, given, {}))
    return {**_facts(shop, then), "notify_customer": shop.is_told()}


def capture_on_dispatch(given: Keys, when: Any, then: Keys, oms: World) -> Facts:
    """An order has one payment here, and it is captured for what was delivered."""
    payments = [*given.each("payments")]
    for payment in payments:
        payment.first("state", "capture", "amount", "method")
        payment.done()
    given.first("method_capture", "capture_method", "store_capture", "store_capture_method")
    given.first("auto_capture")
    state = str(given.value("payment", "authorized"))
    if state not in ("authorized", "pending"):
        raise NotUnderstoodError(f"payment: {state!r}")
    shop = opened(given, oms)
    for step in steps_of(when, _VERBS):
        _check_words(given, [step])
        shop.attempt(partial(_act, shop, step, given, {}))
    payment_now = shop.order.payments
    return {
        **_facts(shop, then),
        "payment": payment_now.status,
        "captured": payment_now.captured.minor,
        "order_payment": "paid" if payment_now.captured >= shop.order.due else "balance_due",
        "captured_when_delivered": _captured_later(shop),
    }


def _captured_later(shop: Shop) -> bool:
    """Whether what is due is still to be captured once everything has arrived."""
    return amount_to_capture(shop.order) == shop.order.due.minor


KINDS: Mapping[str, Callable[[Keys, Any, Keys, World], Facts]] = {
    "guard.fulfilment": fulfilment,
    "guard.fulfilment_stock": fulfilment_stock,
    "guard.fulfilment_effects": fulfilment_effects,
    "guard.capture_on_dispatch": capture_on_dispatch,
}
