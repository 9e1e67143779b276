"""Any sequence of holds, captures, voids, refunds, top-ups, adjustments and payments, with any of
them asked again: nothing is negative, everything adds up, and what is available is what a model of
a few lines says."""

from dataclasses import dataclass, replace
from datetime import timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from oms.accounts import ledger, opening
from oms.accounts.ledger import Booked
from oms.accounts.opening import CodeSource, Opening
from oms.aws.account_audit import audit
from oms.aws.account_store import AccountStore
from oms.kernel.errors import Conflict
from tests.integration.world import world_in_memory
from tests.samples import CAUSE, money

MINOR = st.integers(1, 4000)
LIMIT = 10000


@dataclass
class Held:
    left: int
    returnable: int = 0


class AccountMachine(RuleBasedStateMachine):
    kind = "gift_card"
    holds = Bundle("holds")

    def __init__(self) -> None:
        super().__init__()
        self.client = world_in_memory().client
        self.accounts = AccountStore(self.client, "accounts")
        self.steps = 0
        self.holds_of: dict[str, Held] = {}
        self.done: list[tuple[object, Booked]] = []
        self.balance = 0 if self.kind == "terms" else LIMIT
        self.limit = LIMIT if self.kind == "terms" else 0
        self.account_id = self.opened()

    def opened(self) -> str:
        if self.kind == "terms":
            wanted = Opening(
                "k", "terms", money(0), "acme", credit_limit=money(LIMIT), days_to_pay=30
            )
            return opening.open_terms(wanted, self.accounts, CAUSE).account.id
        source = CodeSource(lambda: "secret", lambda size: bytes(size))
        wanted = Opening("k", "gift_card", money(LIMIT))
        return opening.issue_gift_card(wanted, source, self.accounts, CAUSE).account.id

    @property
    def held(self) -> int:
        return sum(hold.left for hold in self.holds_of.values())

    @property
    def available(self) -> int:
        return self.limit + self.balance - self.held

    def book(self, act: object, *words: object, allowed: bool = True) -> bool:
        """Whether it was booked, which it is if and only if the model allows it."""
        self.steps += 1
        cause = replace(CAUSE, at=CAUSE.at + timedelta(minutes=self.steps))

        def ask() -> Booked:
            return act(self.account_id, *words, self.accounts, cause)  # type: ignore[operator,no-any-return]

        try:
            booked = ask()
        except Conflict:
            assert not allowed
            return False
        assert allowed and booked.created
        self.done.append((ask, booked))
        return True

    def key(self) -> str:
        return f"key-{self.steps}"

    @rule(target=holds, minor=MINOR)
    def hold(self, minor: int) -> str:
        hold_id = self.key()
        allowed = minor <= self.available
        if self.book(ledger.hold, hold_id, minor, "ord_1", allowed=allowed):
            self.holds_of[hold_id] = Held(minor)
        return hold_id

    @rule(hold=holds, minor=MINOR)
    def capture(self, hold: str, minor: int) -> None:
        if hold not in self.holds_of:
            return
        found = self.holds_of[hold]
        if self.book(ledger.spend, hold, minor, self.key(), allowed=minor <= found.left):
            found.left -= minor
            found.returnable += minor
            self.balance -= minor

    @rule(hold=holds)
    def void(self, hold: str) -> None:
        if hold in self.holds_of and self.book(ledger.release, hold, self.key()):
            self.holds_of[hold].left = 0

    @rule(hold=holds, minor=MINOR)
    def refund(self, hold: str, minor: int) -> None:
        if hold not in self.holds_of:
            return
        found = self.holds_of[hold]
        if self.book(ledger.give_back, hold, minor, self.key(), allowed=minor <= found.returnable):
            found.returnable -= minor
            self.balance += minor

    @precondition(lambda self: self.kind != "terms")
    @rule(minor=MINOR)
    def top_up(self, minor: int) -> None:
        if self.book(ledger.top_up, money(minor), self.key()):
            self.balance += minor

    @precondition(lambda self: self.kind != "terms")
    @rule(minor=MINOR)
    def take(self, minor: int) -> None:
        if self.book(ledger.adjust, money(-minor), self.key(), allowed=minor <= self.available):
            self.balance -= minor

    @precondition(lambda self: self.kind == "terms")
    @rule(minor=MINOR)
    def pay(self, minor: int) -> None:
        if self.book(ledger.pay_invoices, money(minor), self.key(), ""):
            self.balance += minor

    @precondition(lambda self: bool(self.done))
    @rule(data=st.data())
    def ask_again(self, data: st.DataObject) -> None:
        ask, before = data.draw(st.sampled_from(self.done))
        again = ask()  # type: ignore[operator]
        assert (again.entry, again.created) == (before.entry, False)

    @invariant()
    def it_is_what_the_model_says_and_adds_up(self) -> None:
        account = ledger.find_account(self.account_id, self.accounts)
        assert (account.balance, account.held) == (self.balance, self.held)
        assert account.available == self.available >= 0
        assert audit(self.client, "accounts") == (1, [])


class TermsMachine(AccountMachine):
    kind = "terms"


@pytest.mark.parametrize("machine", [AccountMachine, TermsMachine])
def test_whatever_is_asked_in_whatever_order_adds_up(
    machine: type[RuleBasedStateMachine],
) -> None:
    run_state_machine_as_test(machine, settings=settings(max_examples=60, stateful_step_count=25))
