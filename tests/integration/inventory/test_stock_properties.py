"""Any sequence of receipts, adjustments, reservations and shipments: the ledger adds up."""

from dataclasses import replace
from datetime import timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, multiple, rule

from oms.aws.stock_audit import audit
from oms.inventory.model import MovementKind, Need
from oms.kernel.errors import Conflict, StockContended
from oms.kernel.events import Cause
from tests.integration.world import World, world
from tests.samples import CAUSE

UNITS = st.integers(1, 6)


class AStock(RuleBasedStateMachine):
    """The store on moto, beside a model of three integers."""

    taken = Bundle("taken")

    def __init__(self) -> None:
        super().__init__()
        self._world = world()
        self.oms: World = self._world.__enter__()
        self.on_hand = self.reserved = self.safety_stock = self.damaged = self.held = 0
        self.orders = 0
        self.oms.receive("MUG", 1)
        self.on_hand += 1

    def teardown(self) -> None:
        self._world.__exit__(None, None, None)

    @property
    def available(self) -> int:
        return self.on_hand - self.reserved - self.safety_stock

    def cause(self) -> Cause:
        self.orders += 1
        return replace(CAUSE, at=CAUSE.at + timedelta(seconds=1000 + self.orders))

    @rule(units=UNITS)
    def receive(self, units: int) -> None:
        self.oms.receive("MUG", units)
        self.on_hand += units

    @rule(units=UNITS)
    def lose(self, units: int) -> None:
        try:
            self.oms.move("MUG", -units, MovementKind.ADJUSTMENT)
        except Conflict:
            assert self.available < units
        else:
            self.on_hand -= units

    @rule(units=UNITS)
    def damage(self, units: int) -> None:
        if self.out_of_sale(MovementKind.DAMAGE, units):
            self.damaged += units

    @rule(units=UNITS)
    def quarantine(self, units: int) -> None:
        if self.out_of_sale(MovementKind.QUARANTINE, units):
            self.held += units

    def out_of_sale(self, kind: MovementKind, units: int) -> bool:
        try:
            self.oms.move("MUG", units, kind)
        except Conflict:
            assert self.available < units
            return False
        self.on_hand -= units
        return True

    @rule(units=UNITS)
    def release(self, units: int) -> None:
        try:
            self.oms.move("MUG", units, MovementKind.RELEASE)
        except Conflict:
            assert self.held < units
        else:
            self.held -= units
            self.on_hand += units

    @rule(more=st.integers(0, 3))
    def count(self, more: int) -> None:
        self.on_hand = self.reserved + self.safety_stock + more
        self.oms.move("MUG", self.on_hand, MovementKind.COUNT)

    @rule(units=st.integers(0, 4))
    def hold_back(self, units: int) -> None:
        try:
            self.oms.stock.set_thresholds("MUG", "sp-dc", units, 0, CAUSE)
        except Conflict:
            assert self.available + self.safety_stock < units
        else:
            self.safety_stock = units

    @rule(target=taken, units=UNITS)
    def reserve(self, units: int) -> object:
        cause = self.cause()
        order_id = f"ord_{self.orders}"
        need = [Need("MUG", "sp-dc", units)]
        try:
            self.oms.stock.transact(self.oms.stock.reserve(need, order_id, cause))
        except StockContended:
            assert self.available < units
            return multiple()
        self.reserved += units
        return (order_id, units)

    @rule(taken=consumes(taken))
    def give_back(self, taken: tuple[str, int]) -> None:
        order_id, units = taken
        need = [Need("MUG", "sp-dc", units)]
        self.oms.stock.transact(self.oms.stock.unreserve(need, order_id, self.cause()))
        self.reserved -= units

    @rule(taken=consumes(taken))
    def ship(self, taken: tuple[str, int]) -> None:
        order_id, units = taken
        need = [Need("MUG", "sp-dc", units)]
        self.oms.stock.transact(self.oms.stock.ship(need, order_id, self.cause()))
        self.reserved -= units
        self.on_hand -= units

    @invariant()
    def the_balance_is_the_model_and_the_sum_of_the_ledger(self) -> None:
        balance = self.oms.balance("MUG")
        assert (balance.on_hand, balance.reserved) == (self.on_hand, self.reserved)
        assert (balance.damaged, balance.quality_hold) == (self.damaged, self.held)
        assert audit(self.oms.client, "inventory") == (1, [])
        assert balance.available == self.available >= 0


TestAStock = AStock.TestCase
TestAStock.settings = settings(max_examples=8, stateful_step_count=25)
