"""Any sequence of receipts, counts, damage, quarantine, transfers, baskets of single items and of
bundles, expiries, orders, spreading and gathering: the store does what a model of a few lines does,
and the ledger adds up at each step."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    multiple,
    precondition,
    rule,
    run_state_machine_as_test,
)

from oms.aws.reservation_store import ReservationStore
from oms.aws.stock_audit import audit
from oms.catalog.delivery import Component
from oms.catalog.model import Item
from oms.inventory import reservations
from oms.inventory.baskets import Wanted
from oms.inventory.model import Movement, MovementKind, Need
from oms.inventory.reservation import ReservationState
from oms.inventory.reservations import Basket
from oms.kernel.clock import parse_rfc3339, rfc3339
from oms.kernel.errors import Conflict
from oms.kernel.events import Cause
from tests.integration.world import RJ, SP, World, world, world_on_moto
from tests.samples import CAUSE, NOW

NODES = (SP.id, RJ.id)
SKUS = ("MUG", "TEE")
# What each that can be asked for takes, by SKU; the last is a bundle.
MADE_OF = {"MUG": {"MUG": 1}, "TEE": {"TEE": 1}, "SET": {"MUG": 2, "TEE": 1}}
PLACES = tuple((sku, node) for sku in SKUS for node in NODES)
UNITS = st.integers(1, 6)
PLACE = st.sampled_from(PLACES)
MINUTES = st.integers(1, 12)
LINES = st.dictionaries(st.sampled_from(list(MADE_OF)), st.integers(1, 4), min_size=1)
Place = tuple[str, str]


def none_yet() -> dict[Place, int]:
    return dict.fromkeys(PLACES, 0)


@dataclass
class Held:
    """A basket in the model: where its units are, until when, and whose they are."""

    id: str
    lines: dict[Place, int]
    until: datetime
    order_id: str = ""
    ended: bool = False


@dataclass
class Model:
    """Stock as a person would count it: what is there, who holds it, and nothing of how."""

    now: datetime = NOW
    on_hand: dict[Place, int] = field(default_factory=none_yet)
    held_back: dict[Place, int] = field(default_factory=none_yet)
    incoming: dict[Place, int] = field(default_factory=none_yet)
    damaged: dict[Place, int] = field(default_factory=none_yet)
    in_quarantine: dict[Place, int] = field(default_factory=none_yet)
    baskets: dict[str, Held] = field(default_factory=dict)

    def live(self, basket: Held) -> bool:
        return not basket.ended and (bool(basket.order_id) or self.now < basket.until)

    def reserved(self, place: Place) -> int:
        return sum(one.lines.get(place, 0) for one in self.baskets.values() if self.live(one))

    def available(self, place: Place) -> int:
        return self.on_hand[place] - self.reserved(place) - self.held_back[place]

    def room(self, sku: str, node: str | None) -> int:
        at = (node,) if node else NODES
        return sum(max(0, self.available((sku, each))) for each in at)


class AnInventory(RuleBasedStateMachine):
    baskets = Bundle("baskets")
    sent = Bundle("sent")
    where = staticmethod(world)

    def __init__(self) -> None:
        super().__init__()
        self._world = self.where()
        self.oms: World = self._world.__enter__()
        self.store = ReservationStore(self.oms.client, "inventory", self.oms.stock)
        self.model = Model()
        self.number = 0
        made_of = tuple(Component(sku, units) for sku, units in MADE_OF["SET"].items())
        self.oms.catalog.put_item(Item("SET", "Two mugs and a tee", components=made_of))
        for place in PLACES:
            self.move(MovementKind.RECEIPT, place, 4)
            self.model.on_hand[place] += 4

    def teardown(self) -> None:
        self._world.__exit__(None, None, None)

    # --- what everything does -------------------------------------------------------------------

    def next(self, prefix: str) -> str:
        self.number += 1
        return f"{prefix}{self.number}"

    def cause(self) -> Cause:
        """Each step a millisecond after the one before, so that no two are at one moment."""
        self.model.now += timedelta(milliseconds=1)
        return replace(CAUSE, at=self.model.now)

    def move(
        self, kind: MovementKind, place: Place, units: int, to_node: str = "", transfer: str = ""
    ) -> str:
        """Booked once, however often it comes."""
        movement = Movement(self.next("m"), kind, *place, units, "a test", to_node, transfer)
        cause = self.cause()
        assert self.oms.stock.move(movement, cause)
        assert not self.oms.stock.move(movement, cause)
        return movement.id

    def moves(
        self, kind: MovementKind, place: Place, units: int, there: int, to_node: str = ""
    ) -> str | None:
        """None when of what is moved fewer are ``there``, and only then."""
        try:
            moved = self.move(kind, place, abs(units) if to_node else units, to_node)
        except Conflict:
            assert there < abs(units)
            return None
        assert there >= abs(units)
        return moved

    # --- stock ----------------------------------------------------------------------------------

    @rule(place=PLACE, units=UNITS)
    def receive(self, place: Place, units: int) -> None:
        self.move(MovementKind.RECEIPT, place, units)
        self.model.on_hand[place] += units

    @rule(place=PLACE, units=UNITS)
    def lose(self, place: Place, units: int) -> None:
        there = self.available(place)
        if self.moves(MovementKind.ADJUSTMENT, place, -units, there):
            self.model.on_hand[place] -= units

    @rule(place=PLACE, units=UNITS)
    def damage(self, place: Place, units: int) -> None:
        if self.moves(MovementKind.DAMAGE, place, units, self.available(place)):
            self.model.on_hand[place] -= units
            self.model.damaged[place] += units

    @rule(place=PLACE, units=UNITS)
    def write_off(self, place: Place, units: int) -> None:
        if self.moves(MovementKind.WRITE_OFF, place, units, self.model.damaged[place]):
            self.model.damaged[place] -= units

    @rule(place=PLACE, units=UNITS)
    def quarantine(self, place: Place, units: int) -> None:
        if self.moves(MovementKind.QUARANTINE, place, units, self.available(place)):
            self.model.on_hand[place] -= units
            self.model.in_quarantine[place] += units

    @rule(place=PLACE, units=UNITS)
    def clear(self, place: Place, units: int) -> None:
        if self.moves(MovementKind.RELEASE, place, units, self.model.in_quarantine[place]):
            self.model.in_quarantine[place] -= units
            self.model.on_hand[place] += units

    @rule(place=PLACE, found=st.integers(0, 12))
    def count(self, place: Place, found: int) -> None:
        self.move(MovementKind.COUNT, place, found)
        self.model.on_hand[place] = found

    @rule(place=PLACE, units=st.integers(0, 4))
    def hold_back(self, place: Place, units: int) -> None:
        room = self.available(place) + self.model.held_back[place]
        less = units <= self.model.held_back[place]
        try:
            self.oms.stock.set_thresholds(*place, units, 0, self.cause())
        except Conflict:
            assert room < units
        else:
            assert room >= units or less
            self.model.held_back[place] = units

    @rule(target=sent, place=PLACE, units=UNITS)
    def send(self, place: Place, units: int) -> object:
        sku, node = place
        to = next(other for other in NODES if other != node)
        there = self.available(place)
        transfer = self.moves(MovementKind.TRANSFER, place, units, there, to_node=to)
        if transfer is None:
            return multiple()
        self.model.on_hand[place] -= units
        self.model.incoming[sku, to] += units
        return transfer, (sku, to), units

    @rule(transfer=consumes(sent), short=st.integers(0, 2))
    def arrive(self, transfer: tuple[str, Place, int], short: int) -> None:
        movement_id, place, units = transfer
        arrived = max(0, units - short)
        self.move(MovementKind.ARRIVAL, place, arrived, transfer=movement_id)
        self.model.incoming[place] -= units
        self.model.on_hand[place] += arrived

    @rule(place=PLACE, counters=st.sampled_from((1, 2, 4, 16)))
    def spread(self, place: Place, counters: int) -> None:
        self.oms.stock.spread(*place, counters, self.cause())

    def available(self, place: Place) -> int:
        """At the moment of what comes next."""
        self.model.now += timedelta(milliseconds=1)
        there = self.model.available(place)
        self.model.now -= timedelta(milliseconds=1)
        return there

    # --- baskets --------------------------------------------------------------------------------

    @rule(target=baskets, lines=LINES, node=st.none() | st.sampled_from(NODES), minutes=MINUTES)
    def take(self, lines: dict[str, int], node: str | None, minutes: int) -> object:
        cause = self.cause()
        until = parse_rfc3339(rfc3339(cause.at + timedelta(minutes=minutes)))
        wanted = tuple(Wanted(sku, units, node or "") for sku, units in lines.items())
        basket = Basket(self.next("b"), "web", wanted, until, "same")
        needed = {
            sku: units
            for sku in SKUS
            if (units := sum(MADE_OF[one].get(sku, 0) * many for one, many in lines.items()))
        }
        room = {place: max(0, self.model.available(place)) for place in PLACES}
        fits = all(self.model.room(sku, node) >= units for sku, units in needed.items())
        args = (self.store, self.oms.stock, self.oms.catalog, cause)
        try:
            taken = reservations.take(basket, *args).reservation
        except Conflict:
            assert not fits
            return multiple()
        held: dict[Place, int] = {}
        for line in taken.lines:
            held[line.sku, line.node] = held.get((line.sku, line.node), 0) + line.quantity
        for sku, units in needed.items():
            assert sum(held.get((sku, at), 0) for at in NODES) == units
        assert fits and all(room[place] >= units for place, units in held.items())
        again = reservations.take(basket, *args)
        assert not again.created and again.reservation == taken
        self.model.baskets[basket.id] = Held(basket.id, held, until)
        return basket.id

    @rule(basket=baskets, minutes=MINUTES)
    def extend(self, basket: str, minutes: int) -> None:
        cause = self.cause()
        held = self.model.baskets[basket]
        until = parse_rfc3339(rfc3339(cause.at + timedelta(minutes=minutes)))
        may = self.model.live(held) and not held.order_id
        try:
            reservations.extend(basket, until, self.store, cause.at)
        except Conflict:
            assert not may
        else:
            assert may
            held.until = until

    @rule(basket=baskets)
    def release(self, basket: str) -> None:
        cause = self.cause()
        held = self.model.baskets[basket]
        try:
            ended = reservations.release(basket, self.store, cause)
        except Conflict:
            assert held.order_id
            return
        assert ended.state is not ReservationState.HELD and not held.order_id
        assert reservations.release(basket, self.store, self.cause()) == ended
        held.ended = True

    @rule(basket=baskets)
    def convert(self, basket: str) -> None:
        """As capturing an order does, in the transaction of the order."""
        cause = self.cause()
        held = self.model.baskets[basket]
        units = {
            sku: many
            for sku in SKUS
            if (many := sum(held.lines.get((sku, node), 0) for node in NODES))
        }
        order_id = f"ord_{basket}"
        may = self.model.live(held) and not held.order_id
        try:
            found = reservations.held_for(basket, "web", units, order_id, self.store, cause.at)
        except Conflict:
            assert not may
            return
        if found is None:
            assert held.order_id == order_id
            return
        assert may
        self.oms.stock.transact(self.store.conversion(found, order_id, cause))
        held.order_id = order_id

    @rule(basket=baskets, ships=st.booleans())
    def end_order(self, basket: str, ships: bool) -> None:
        """Its units leave, or are given back; from whichever counter they were taken."""
        held = self.model.baskets[basket]
        if not held.order_id or held.ended:
            return
        if ships and any(self.model.on_hand[place] < units for place, units in held.lines.items()):
            return  # A count found less than is promised.
        kept = self.store.find(basket)
        assert kept is not None
        needs = [
            Need(line.sku, line.node, line.quantity, line.counter)
            for line in kept.reservation.lines
        ]
        stock = self.oms.stock
        prepare = stock.ship if ships else stock.unreserve
        cause = self.cause()
        stock.transact(prepare(needs, held.order_id, cause))
        with pytest.raises(Conflict):
            stock.transact(prepare(needs, held.order_id, cause))
        held.ended = True
        for place, units in held.lines.items():
            self.model.on_hand[place] -= units if ships else 0

    # --- time -----------------------------------------------------------------------------------

    @rule(minutes=MINUTES)
    def wait(self, minutes: int) -> None:
        self.model.now += timedelta(minutes=minutes)

    @precondition(lambda self: self.model.baskets)
    @rule(pick=st.integers(0, 99))
    def wait_until_the_moment(self, pick: int) -> None:
        """Exactly to where a basket expires: then its units are free, and not before."""
        held = list(self.model.baskets.values())[pick % len(self.model.baskets)]
        self.model.now = max(self.model.now, held.until)

    @rule()
    def sweep(self) -> None:
        reservations.sweep(self.store, self.cause().at)

    # --- what always holds ----------------------------------------------------------------------

    @invariant()
    def the_store_says_what_the_model_says(self) -> None:
        positions = self.oms.stock.positions(set(SKUS), self.model.now)
        for place in PLACES:
            balance = positions[place[0]].at(place[1])
            found = (balance.on_hand, balance.reserved, balance.available, balance.incoming)
            assert found == (
                self.model.on_hand[place],
                self.model.reserved(place),
                self.model.available(place),
                self.model.incoming[place],
            )
            assert balance.damaged == self.model.damaged[place]
            assert balance.quality_hold == self.model.in_quarantine[place]

    @invariant()
    def the_ledger_adds_up(self) -> None:
        assert audit(self.oms.client, "inventory")[1] == []


class AnInventoryOnMoto(AnInventory):
    where = staticmethod(world_on_moto)


TestAnInventory = AnInventory.TestCase
TestAnInventory.settings = settings(max_examples=25, stateful_step_count=50)


@pytest.mark.slow
def test_an_inventory_at_length() -> None:
    at_length = settings(max_examples=600, stateful_step_count=100, deadline=None)
    run_state_machine_as_test(AnInventory, settings=at_length)


@pytest.mark.slow
def test_an_inventory_on_moto() -> None:
    on_moto = settings(max_examples=20, stateful_step_count=30, deadline=None)
    run_state_machine_as_test(AnInventoryOnMoto, settings=on_moto)
