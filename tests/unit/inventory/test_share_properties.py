"""Any order of taking, borrowing, giving back, shipping, receiving and losing units."""

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

from oms.inventory.model import Balance
from oms.inventory.position import Position, ShareRule
from oms.inventory.shares import available_to, check_rules
from oms.kernel.errors import Faults
from tests.shares import Parts, parts_of

RULES = (
    ShareRule("web", Decimal("0.4"), None, ("app", "market"), lends=3),
    ShareRule("app", Decimal("0.3"), None, ("web",)),
    ShareRule("market", None, 5, ("app",)),
)
CHANNELS = st.sampled_from(["web", "app", "market", "till"])


class ManyChannels(RuleBasedStateMachine):
    holders = Bundle("holders")

    def __init__(self) -> None:
        super().__init__()
        check_rules(RULES, Faults())
        self.parts: Parts = parts_of(20, *RULES)
        self.taken = 0

    def position(self) -> Position:
        free = sum(share.left for share in self.parts.shares)
        return Position("MUG", (Balance("MUG", "n1", available=free),), shares=self.parts.shares)

    @rule(target=holders, channel=CHANNELS, units=st.integers(1, 9))
    def take(self, channel: str, units: int) -> object:
        self.taken += 1
        promised = available_to(channel, self.position())
        taken = self.parts.take(channel, units, f"ord_{self.taken}")
        assert taken == (units <= promised)
        return f"ord_{self.taken}" if taken else multiple()

    @rule(holder=consumes(holders))
    def give_back(self, holder: str) -> None:
        self.parts.give_back(holder)

    @rule(holder=consumes(holders))
    def ship(self, holder: str) -> None:
        self.parts.ship(holder)

    @rule(units=st.integers(1, 12))
    def receive(self, units: int) -> None:
        self.parts.receive(units)

    @rule(units=st.integers(1, 12))
    def lose(self, units: int) -> None:
        self.parts.lose(units)

    @invariant()
    def every_unit_is_in_one_part_or_with_one_holder(self) -> None:
        self.parts.check()


TestManyChannels = ManyChannels.TestCase
TestManyChannels.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


@pytest.mark.slow
def test_hundreds_of_long_walks() -> None:
    at_length = settings(max_examples=300, stateful_step_count=80, deadline=None)
    run_state_machine_as_test(ManyChannels, settings=at_length)
