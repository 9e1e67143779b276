"""Whatever is sold, given back, shipped, received or lost: the parts are what can be sold."""

from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from oms.aws.reservation_store import ReservationStore
from oms.aws.stock_audit import audit
from oms.catalog.model import Node
from oms.inventory import reservations
from oms.inventory.baskets import Wanted
from oms.inventory.model import MovementKind
from oms.inventory.position import ShareRule
from oms.inventory.reservations import Basket
from oms.kernel.errors import Backordered, Conflict
from oms.kernel.events import Cause
from oms.orders import sourcing
from oms.orders.needs import needs_of
from oms.routing.policies import BuiltIn
from tests.integration.world import RJ, SP, world
from tests.samples import CAUSE, content, line

RULES = (
    ShareRule("web", Decimal("0.4"), None, ("app",)),
    ShareRule("app", Decimal("0.3"), None, ("web",), lends=3),
    ShareRule("market", None, 4),
)
CHANNELS = st.sampled_from(["web", "app", "market", "till"])
UNITS = st.integers(1, 6)
NODES = st.sampled_from([SP, RJ])


class AShopWithChannels(RuleBasedStateMachine):
    orders = Bundle("orders")
    baskets = Bundle("baskets")

    def __init__(self) -> None:
        super().__init__()
        self._world = world()
        self.oms = self._world.__enter__()
        self.kept = ReservationStore(self.oms.client, "inventory", self.oms.stock)
        self.steps = 0
        self.oms.receive("MUG", 8, SP)
        self.oms.receive("MUG", 6, RJ)
        self.oms.stock.shares.put_rules("MUG", RULES, 14, CAUSE)

    def teardown(self) -> None:
        self._world.__exit__(None, None, None)

    def cause(self) -> Cause:
        self.steps += 1
        return replace(CAUSE, at=CAUSE.at + timedelta(hours=1, seconds=self.steps))

    @rule(target=orders, channel=CHANNELS, units=UNITS)
    def buy(self, channel: str, units: int) -> object:
        cause = self.cause()
        ordered = replace(content(line("MUG", units), number=f"{self.steps}"), channel=channel)
        order_id = self.oms.capture(ordered).order_id
        args = (self.oms.orders, self.oms.stock, self.oms.catalog)
        try:
            sourcing.reserve(order_id, *args, BuiltIn(), cause)
        except Backordered:
            sourcing.unreserve(order_id, self.oms.orders, self.oms.stock, self.cause())
            return multiple()
        return order_id

    @rule(order_id=consumes(orders))
    def cancel(self, order_id: str) -> None:
        sourcing.unreserve(order_id, self.oms.orders, self.oms.stock, self.cause())

    @rule(order_id=consumes(orders))
    def ship(self, order_id: str) -> None:
        needs = needs_of(self.oms.orders.load(order_id).progress.allocations)
        self.oms.stock.transact(self.oms.stock.ship(needs, order_id, self.cause()))

    @rule(target=baskets, units=UNITS)
    def hold(self, units: int) -> object:
        cause = self.cause()
        until = cause.at + timedelta(minutes=5)
        asked = Basket(f"b{self.steps}", "web", (Wanted("MUG", units),), until, "same")
        try:
            reservations.take(asked, self.kept, self.oms.stock, self.oms.catalog, cause)
        except Conflict:
            return multiple()
        return asked.id

    @rule(basket_id=consumes(baskets))
    def let_go(self, basket_id: str) -> None:
        reservations.release(basket_id, self.kept, self.cause())

    @rule(basket_id=consumes(baskets))
    def expire(self, basket_id: str) -> None:
        self.oms.stock.expire(basket_id, self.cause().at + timedelta(minutes=5))

    @rule(units=UNITS, node=NODES)
    def receive(self, units: int, node: Node) -> None:
        self.oms.receive("MUG", units, node)

    @rule(units=UNITS)
    def damage(self, units: int) -> None:
        with suppress(Conflict):
            self.oms.move("MUG", units, MovementKind.DAMAGE, SP)

    @rule(found=st.integers(0, 20))
    def count(self, found: int) -> None:
        if found >= self.oms.balance("MUG", RJ).reserved:
            self.oms.move("MUG", found, MovementKind.COUNT, RJ)

    @rule(units=st.integers(0, 5))
    def hold_back(self, units: int) -> None:
        with suppress(Conflict):
            self.oms.stock.set_thresholds("MUG", SP.id, units, 0, self.cause())

    @invariant()
    def the_parts_are_what_can_be_sold(self) -> None:
        left = sum(share.left for share in self.oms.stock.shares.shares("MUG"))
        balances = self.oms.stock.balances_of("MUG", consistent=True)
        assert left == sum(balance.available for balance in balances)

    @invariant()
    def what_is_lent_is_owed(self) -> None:
        lent = {share.channel: share.lent for share in self.oms.stock.shares.shares("MUG")}
        borrows = self.oms.stock.shares.borrows("MUG", 100, None).borrows
        for lender, units in lent.items():
            assert units == sum(each.open for each in borrows if each.lender == lender)

    @invariant()
    def the_ledger_adds_up(self) -> None:
        assert audit(self.oms.client, "inventory")[1] == []


TestAShopWithChannels = AShopWithChannels.TestCase
TestAShopWithChannels.settings = settings(max_examples=25, stateful_step_count=30)


@pytest.mark.slow
def test_a_shop_with_channels_at_length() -> None:
    at_length = settings(max_examples=300, stateful_step_count=60, deadline=None)
    run_state_machine_as_test(AShopWithChannels, settings=at_length)
