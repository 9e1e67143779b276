"""Any sequence of receipts, baskets, expiries, orders, transfers, counts, spreading and gathering:
the store does what a model of a few lines does, and the ledger adds up at each step."""

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
from oms.inventory import reservations
from oms.inventory.baskets import Wanted
from oms.inventory.model import Movement, MovementKind, Need
from oms.inventory.reservation import ReservationState
from oms.inventory.reservations import Basket
from oms.kernel.clock import parse_rfc3339, rfc3339
from oms.kernel.errors import Conflict
from oms.kernel.events import Cause
from tests.integration.world import RJ, SP, world_in_memory
from tests.samples import CAUSE, NOW

NODES = (SP.id, RJ.id)
UNITS = st.integers(1, 6)
NODE = st.sampled_from(NODES)
MINUTES = st.integers(1, 12)


@dataclass
class Held:
    """A basket in the model: where its units are, until when, and whose they are."""

    id: str
    lines: dict[str, int]
    until: datetime
    order_id: str = ""
    ended: bool = False


@dataclass
class Model:
    """Stock as a person would count it: what is there, who holds it, and nothing of how."""

    now: datetime = NOW
    on_hand: dict[str, int] = field(default_factory=lambda: dict.fromkeys(NODES, 0))
    held_back: dict[str, int] = field(default_factory=lambda: dict.fromkeys(NODES, 0))
    incoming: dict[str, int] = field(default_factory=lambda: dict.fromkeys(NODES, 0))
    baskets: dict[str, Held] = field(default_factory=dict)

    def live(self, basket: Held) -> bool:
        return not basket.ended and (bool(basket.order_id) or self.now < basket.until)

    def reserved(self, node: str) -> int:
        return sum(one.lines.get(node, 0) for one in self.baskets.values() if self.live(one))

    def available(self, node: str) -> int:
        return self.on_hand[node] - self.reserved(node) - self.held_back[node]


class AnInventory(RuleBasedStateMachine):
    baskets = Bundle("baskets")
    sent = Bundle("sent")

    def __init__(self) -> None:
        super().__init__()
        self.oms = world_in_memory()
        self.store = ReservationStore(self.oms.client, "inventory", self.oms.stock)
        self.model = Model()
        self.number = 0
        for node in NODES:
            self.move(MovementKind.RECEIPT, node, 4)
            self.model.on_hand[node] += 4

    # --- what everything does -------------------------------------------------------------------

    def next(self, prefix: str) -> str:
        self.number += 1
        return f"{prefix}{self.number}"

    def cause(self) -> Cause:
        """Each step a millisecond after the one before, so that no two are at one moment."""
        self.model.now += timedelta(milliseconds=1)
        return replace(CAUSE, at=self.model.now)

    def move(
        self, kind: MovementKind, node: str, units: int, to_node: str = "", transfer: str = ""
    ) -> str:
        movement = Movement(self.next("m"), kind, "MUG", node, units, "a test", to_node, transfer)
        cause = self.cause()
        assert self.oms.stock.move(movement, cause)
        assert not self.oms.stock.move(movement, cause)
        return movement.id

    def moves(self, kind: MovementKind, node: str, units: int, to_node: str = "") -> str | None:
        """None when there are not so many, which the model knows too."""
        try:
            moved = self.move(kind, node, units, to_node)
        except Conflict:
            assert self.model.available(node) < units
            return None
        self.model.on_hand[node] -= units
        return moved

    # --- stock ----------------------------------------------------------------------------------

    @rule(node=NODE, units=UNITS)
    def receive(self, node: str, units: int) -> None:
        self.move(MovementKind.RECEIPT, node, units)
        self.model.on_hand[node] += units

    @rule(node=NODE, units=UNITS)
    def damage(self, node: str, units: int) -> None:
        self.moves(MovementKind.DAMAGE, node, units)

    @rule(node=NODE, found=st.integers(0, 12))
    def count(self, node: str, found: int) -> None:
        self.move(MovementKind.COUNT, node, found)
        self.model.on_hand[node] = found

    @rule(node=NODE, units=st.integers(0, 4))
    def hold_back(self, node: str, units: int) -> None:
        room = self.model.available(node) + self.model.held_back[node]
        try:
            self.oms.stock.set_thresholds("MUG", node, units, 0, self.cause())
        except Conflict:
            assert room < units
        else:
            self.model.held_back[node] = units

    @rule(target=sent, node=NODE, units=UNITS)
    def send(self, node: str, units: int) -> object:
        to = next(other for other in NODES if other != node)
        transfer = self.moves(MovementKind.TRANSFER, node, units, to_node=to)
        if transfer is None:
            return multiple()
        self.model.incoming[to] += units
        return transfer, to, units

    @rule(transfer=consumes(sent), short=st.integers(0, 2))
    def arrive(self, transfer: tuple[str, str, int], short: int) -> None:
        movement_id, node, units = transfer
        arrived = max(0, units - short)
        self.move(MovementKind.ARRIVAL, node, arrived, transfer=movement_id)
        self.model.incoming[node] -= units
        self.model.on_hand[node] += arrived

    @rule(node=NODE, counters=st.sampled_from((1, 2, 4, 16)))
    def spread(self, node: str, counters: int) -> None:
        self.oms.stock.spread("MUG", node, counters, self.cause())

    # --- baskets --------------------------------------------------------------------------------

    @rule(target=baskets, units=UNITS, node=st.none() | NODE, minutes=MINUTES)
    def take(self, units: int, node: str | None, minutes: int) -> object:
        cause = self.cause()
        until = parse_rfc3339(rfc3339(cause.at + timedelta(minutes=minutes)))
        wanted = (Wanted("MUG", units, node or ""),)
        basket = Basket(self.next("b"), "web", wanted, until, "same")
        room = {at: max(0, self.model.available(at)) for at in NODES}
        try:
            taken = reservations.take(
                basket, self.store, self.oms.stock, self.oms.catalog, cause
            ).reservation
        except Conflict:
            assert (room[node] if node else sum(room.values())) < units
            return multiple()
        lines: dict[str, int] = {}
        for line in taken.lines:
            lines[line.node] = lines.get(line.node, 0) + line.quantity
        assert sum(lines.values()) == units
        assert all(room[at] >= held for at, held in lines.items())
        again = reservations.take(basket, self.store, self.oms.stock, self.oms.catalog, cause)
        assert not again.created and again.reservation == taken
        self.model.baskets[basket.id] = Held(basket.id, lines, until)
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
        units = {"MUG": sum(held.lines.values())}
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
        if ships and any(self.model.on_hand[node] < units for node, units in held.lines.items()):
            return  # A count found less than is promised.
        kept = self.store.find(basket)
        assert kept is not None
        needs = [
            Need(line.sku, line.node, line.quantity, line.counter)
            for line in kept.reservation.lines
        ]
        stock = self.oms.stock
        prepare = stock.ship if ships else stock.unreserve
        stock.transact(prepare(needs, held.order_id, self.cause()))
        held.ended = True
        for node, units in held.lines.items():
            self.model.on_hand[node] -= units if ships else 0

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
        position = self.oms.stock.positions({"MUG"}, self.model.now)["MUG"]
        for node in NODES:
            balance = position.at(node)
            assert (balance.on_hand, balance.reserved, balance.available, balance.incoming) == (
                self.model.on_hand[node],
                self.model.reserved(node),
                self.model.available(node),
                self.model.incoming[node],
            )

    @invariant()
    def the_ledger_adds_up(self) -> None:
        assert audit(self.oms.client, "inventory")[1] == []


TestAnInventory = AnInventory.TestCase
TestAnInventory.settings = settings(max_examples=6, stateful_step_count=25, deadline=None)


@pytest.mark.slow
def test_an_inventory_at_length() -> None:
    at_length = settings(max_examples=40, stateful_step_count=50, deadline=None)
    run_state_machine_as_test(AnInventory, settings=at_length)
