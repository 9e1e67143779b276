"""Whatever happens in whichever turn: what is owed adds up, and nobody is passed."""

from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from oms.aws.policy_store import PolicyStore
from oms.inventory.model import MovementKind
from oms.inventory.policy import Oversell, SellingPolicy
from oms.kernel.errors import Backordered, Conflict, OrderCancelRequested, OutOfStock
from oms.kernel.events import Cause
from oms.orders import decisions, sourcing, supervision
from oms.orders.model import Order, State
from oms.orders.prospects import rank_of, units_of
from oms.routing.policies import BuiltIn
from tests.integration.world import World, world
from tests.samples import CAUSE, NOW, content, line

SKUS = ("MUG", "TEE")
UNITS = st.integers(1, 4)
LIMIT = 6
WANTED = st.dictionaries(st.sampled_from(SKUS), UNITS, min_size=1)


class AQueue(RuleBasedStateMachine):
    """Orders that come, wait, are tried again, filled and cancelled; stock that comes and goes.

    No more than ``LIMIT`` mugs may be sold before they are there, and they may be taken back.
    """

    def __init__(self) -> None:
        super().__init__()
        self._world = world()
        self.oms: World = self._world.__enter__()
        self.ids: list[str] = []
        self.ticks = 0

    @initialize(taken_back=st.booleans())
    def set_policies(self, taken_back: bool) -> None:
        policies = PolicyStore(self.oms.client, "inventory")
        self.taken_back = taken_back
        mug = SellingPolicy(backorder=Oversell(limit=LIMIT), take_back=taken_back)
        policies.put("MUG", mug, CAUSE)

    def teardown(self) -> None:
        self._world.__exit__(None, None, None)

    def cause(self) -> Cause:
        self.ticks += 1
        return replace(CAUSE, at=NOW + timedelta(seconds=1000 + self.ticks))

    def orders(self) -> list[Order]:
        return [self.oms.orders.load(order_id) for order_id in self.ids]

    def available(self) -> dict[str, int]:
        positions = self.oms.stock.positions(set(SKUS), NOW)
        return {
            sku: sum(balance.available for balance in position.balances)
            for sku, position in positions.items()
        }

    @rule(wanted=WANTED, priority=st.sampled_from([1, 5, 9]))
    def comes(self, wanted: dict[str, int], priority: int) -> None:
        number = len(self.ids) + 1
        lines = [line(sku, units) for sku, units in sorted(wanted.items())]
        captured = replace(
            content(*lines, number=str(number)),
            captured_at=NOW + timedelta(seconds=number),
            priority=priority,
        )
        self.oms.capture(captured)
        self.ids.append(captured.order_id)
        self.tries(len(self.ids) - 1)

    @precondition(lambda self: self.ids)
    @rule(index=st.integers(0, 20))
    def tries(self, index: int) -> None:
        order = self.oms.orders.load(self.ids[index % len(self.ids)])
        if order.state is not State.CAPTURED or self.is_over(order):
            return
        before, waiting = self.available(), self.orders()
        with suppress(Backordered, OutOfStock, OrderCancelRequested):
            sourcing.reserve(
                order.order_id,
                self.oms.orders,
                self.oms.stock,
                self.oms.catalog,
                BuiltIn(),
                self.cause(),
            )
            if not self.taken_back:
                self.passed_nobody(order, before, waiting)
        self.was_accepted_within_the_limit(order)

    def was_accepted_within_the_limit(self, before: Order) -> None:
        """It counts what is sold before it is there: what is there already is not."""
        after = self.oms.orders.load(before.order_id)
        waited, waits = (units_of(one, one.backordered_lines) for one in (before, after))
        if "MUG" not in waits or "MUG" in waited or after.progress.taken_back:
            return
        accepted = [one for one in self.orders() if not one.progress.taken_back]
        owed = sum(units_of(one, one.backordered_lines).get("MUG", 0) for one in accepted)
        assert owed - self.available()["MUG"] <= LIMIT

    def passed_nobody(self, order: Order, before: dict[str, int], waiting: list[Order]) -> None:
        """Of what those ahead lack, and lack nothing else, it left what there was for them."""
        had = units_of(order, [each.line_id for each in order.content.lines])
        ahead = [one for one in waiting if one.backordered_lines and rank_of(one) < rank_of(order)]
        lacking = [units_of(one, one.backordered_lines) for one in ahead]
        for sku, units in had.items():
            claimed = sum(one[sku] for one in lacking if one.keys() == {sku})
            assert before[sku] - units >= claimed

    @rule(sku=st.sampled_from(SKUS), units=UNITS)
    def receives(self, sku: str, units: int) -> None:
        self.oms.receive(sku, units)

    @rule(sku=st.sampled_from(SKUS), units=UNITS)
    def loses(self, sku: str, units: int) -> None:
        with suppress(Conflict):
            self.oms.move(sku, -units, MovementKind.ADJUSTMENT)

    @precondition(lambda self: self.ids)
    @rule(index=st.integers(0, 20))
    def is_cancelled(self, index: int) -> None:
        order_id = self.ids[index % len(self.ids)]
        supervision.request_cancel(order_id, "no", self.oms.orders, self.cause())
        sourcing.unreserve(order_id, self.oms.orders, self.oms.stock, self.cause())

    @staticmethod
    def is_over(order: Order) -> bool:
        return order.cancel_requested or order.progress.sourcing_reason.startswith("backorder_")

    @invariant()
    def what_is_owed_is_what_orders_wait_for(self) -> None:
        positions = self.oms.stock.positions(set(SKUS), NOW)
        for sku in SKUS:
            lacking = {
                order.order_id: units
                for order in self.orders()
                if (units := units_of(order, order.backordered_lines).get(sku, 0))
            }
            rows = {
                one.order_id: one.lacking[sku] for one in self.oms.stock.backorders.waiting(sku)
            }
            assert rows == lacking
            assert positions[sku].owed == sum(lacking.values())
            assert positions[sku].owed_to.get("web", 0) == positions[sku].owed

    @invariant()
    def what_is_reserved_is_what_orders_hold(self) -> None:
        for sku in SKUS:
            held = sum(
                allocation.quantity
                for order in self.orders()
                for allocation in order.progress.allocations
                if allocation.sku == sku
            )
            balances = self.oms.stock.balances_of(sku, consistent=True)
            assert sum(balance.reserved for balance in balances) == held
            assert all(balance.available >= 0 for balance in balances)

    @invariant()
    def whose_units_may_be_taken_is_known(self) -> None:
        held = {holder.order_id for holder in self.oms.stock.backorders.held("MUG", 9)}
        may_lose = {
            order.order_id
            for order in self.orders()
            if any(one.take_back for one in order.progress.allocations)
            and order.content.priority < 9
        }
        assert held == may_lose
        assert all(
            decisions.may_be_taken_back(order)
            for order in self.orders()
            if order.order_id in held and not order.cancel_requested
        )


TestAQueue = AQueue.TestCase
TestAQueue.settings = settings(max_examples=20, stateful_step_count=25)


@pytest.mark.slow
def test_a_queue_at_length() -> None:
    at_length = settings(max_examples=300, stateful_step_count=60, deadline=None)
    run_state_machine_as_test(AQueue, settings=at_length)
