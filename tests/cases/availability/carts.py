"""Cases about units that are held for baskets until a moment."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from oms.aws.reservation_store import ReservationStore
from oms.inventory import reservations as baskets
from oms.inventory.baskets import Wanted
from oms.inventory.reservation import Reservation
from oms.kernel.errors import OmsError
from tests.cases.availability.ledgers import Facts, outcome, policy_of
from tests.cases.availability.positions import CHANNEL, OTHERS
from tests.cases.availability.shelf import ORDER, Shelf
from tests.cases.reading import Keys, NotUnderstoodError, Step, number, steps_of, units
from tests.integration.world import World


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
