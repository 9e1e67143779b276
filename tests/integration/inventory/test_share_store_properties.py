"""The store of shares does what the pure functions do, whatever comes in whatever order."""

from datetime import datetime, timedelta
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

from oms.aws.share_store import ShareStore
from oms.aws.stock_audit import audit
from oms.inventory.position import Position, ShareRule
from oms.kernel.errors import StockContended
from tests.integration.world import world
from tests.samples import CAUSE, NOW
from tests.shares import Parts, parts_of

RULES = (
    ShareRule("web", Decimal("0.4"), None, ("app", "market"), lends=3),
    ShareRule("app", Decimal("0.3"), None, ("web",)),
    ShareRule("market", None, 5, ("app",)),
)
CHANNELS = st.sampled_from(["web", "app", "market", "till"])


class SharesInTheStore(RuleBasedStateMachine):
    holders = Bundle("holders")

    def __init__(self) -> None:
        super().__init__()
        self._world = world()
        self.oms = self._world.__enter__()
        self.store = ShareStore(self.oms.client, "inventory")
        self.store.put_rules("MUG", RULES, 20, CAUSE)
        self.model: Parts = parts_of(20, *RULES)
        self.steps = 0

    def teardown(self) -> None:
        assert audit(self.oms.client, "inventory")[1] == []
        self._world.__exit__(None, None, None)

    def now(self) -> datetime:
        self.steps += 1
        return NOW + timedelta(seconds=self.steps)

    @rule(target=holders, channel=CHANNELS, units=st.integers(1, 9))
    def take(self, channel: str, units: int) -> object:
        at = self.now()
        holder = f"ord_{self.steps}"
        positions = {"MUG": Position("MUG", shares=self.store.shares("MUG"))}
        try:
            writes = self.store.take(channel, {"MUG": units}, holder, positions, at)
        except StockContended:
            assert not self.model.take(channel, units, holder)
            return multiple()
        self.oms.stock.transact(writes)
        assert self.model.take(channel, units, holder)
        return holder

    @rule(holder=consumes(holders), again=st.booleans())
    def give_back(self, holder: str, again: bool) -> None:
        at = self.now()
        self.oms.stock.transact(self.store.give_back({"MUG": 1}, holder, at))
        if again:
            assert self.store.give_back({"MUG": 1}, holder, at) == []
        self.model.give_back(holder)

    @rule(holder=consumes(holders))
    def ship(self, holder: str) -> None:
        self.model.ship(holder)

    @rule(units=st.integers(1, 12))
    def receive(self, units: int) -> None:
        self.oms.stock.transact(self.store.change("MUG", units, self.now()))
        self.model.receive(units)

    @rule(units=st.integers(1, 12))
    def lose(self, units: int) -> None:
        if writes := self.store.change("MUG", -units, NOW):
            self.oms.stock.transact(writes)
        self.model.lose(units)

    @invariant()
    def the_parts_are_those_of_the_model(self) -> None:
        self.model.check()
        assert self.store.shares("MUG") == self.model.shares

    @invariant()
    def each_borrow_is_owed_or_was_returned_once(self) -> None:
        borrows = self.store.borrows("MUG", 100, None).borrows
        keys = [(borrow.holder, borrow.lender) for borrow in borrows]
        assert len(keys) == len(set(keys))
        owed = {(b.holder, b.lender): b.open for b in borrows if b.open}
        assert owed == {(debt.holder, debt.lender): debt.open for debt in self.model.debts}
        assert all((borrow.open == 0) == bool(borrow.returned_at) for borrow in borrows)


TestSharesInTheStore = SharesInTheStore.TestCase
TestSharesInTheStore.settings = settings(max_examples=25, stateful_step_count=40)


@pytest.mark.slow
def test_shares_at_length() -> None:
    at_length = settings(max_examples=300, stateful_step_count=80, deadline=None)
    run_state_machine_as_test(SharesInTheStore, settings=at_length)
