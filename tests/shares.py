"""Channels' parts as plain values: what the store of shares is held against."""

from dataclasses import dataclass, field, replace

from oms.inventory.position import Share, ShareRule
from oms.inventory.shares import (
    Borrow,
    Holding,
    borrowed,
    changed,
    give_back,
    parts_for,
    rearrange,
    receive,
    take,
    withdraw,
)
from tests.samples import NOW


@dataclass
class Parts:
    """The pure functions, one after the other, and what must hold between them."""

    shares: tuple[Share, ...]
    came: int
    holdings: dict[str, Holding] = field(default_factory=dict)
    debts: list[Borrow] = field(default_factory=list)
    own: dict[str, int] = field(default_factory=dict)
    """By part, units of it that holders have, or had when they shipped."""

    def take(self, channel: str, units: int, holder: str) -> bool:
        parts = parts_for(channel, units, self.shares)
        if parts is None:
            return False
        holding = Holding("MUG", holder, channel, NOW, parts)
        self.shares = changed(self.shares, take(channel, parts))
        self.holdings[holder] = holding
        lent = borrowed(channel, parts)
        self.debts += [
            Borrow("MUG", holder, channel, part.source, part.units, part.units, NOW)
            for part in lent
        ]
        for part in parts:
            if part not in lent:
                self._own(part.source, part.units)
        return True

    def give_back(self, holder: str) -> None:
        holding = self.holdings.pop(holder)
        debts = [debt for debt in self.debts if debt.holder == holder]
        owed = {debt.lender: debt.open for debt in debts}
        lent = borrowed(holding.channel, holding.parts)
        self.shares = changed(self.shares, give_back(holding, owed, self.shares))
        self.debts = [debt for debt in self.debts if debt not in debts]
        for part in holding.parts:
            if part in lent:
                self._own(holding.channel, owed.get(part.source, 0) - part.units)
            else:
                self._own(part.source, -part.units)

    def ship(self, holder: str) -> None:
        """What is shipped is not given back; what was borrowed for it is still owed."""
        del self.holdings[holder]

    def receive(self, units: int) -> None:
        changes, repayments = receive(units, self.shares, self.debts)
        self.shares = changed(self.shares, changes)
        for repayment in repayments:
            place = self.debts.index(repayment.borrow)
            left = repayment.borrow.open - repayment.units
            assert left >= 0
            self.debts[place] = replace(repayment.borrow, open=left)
            self._own(repayment.borrow.borrower, repayment.units)
        self.debts = [debt for debt in self.debts if debt.open]
        self.came += units

    def lose(self, units: int) -> None:
        lost = withdraw(units, self.shares)
        self.shares = changed(self.shares, lost)
        self.came += sum(change.left for change in lost)

    def check(self) -> None:
        owed = sum(debt.open for debt in self.debts)
        assert self.came == sum(share.left for share in self.shares) + sum(self.own.values()) + owed
        for share in self.shares:
            lent = sum(debt.open for debt in self.debts if debt.lender == share.channel)
            assert share.lent == lent
            assert 0 <= share.left <= share.granted
            assert share.granted == share.left + share.lent + self.own.get(share.channel, 0)
            assert share.rule.lends is None or share.lent <= share.rule.lends

    def _own(self, source: str, units: int) -> None:
        self.own[source] = self.own.get(source, 0) + units


def parts_of(units: int, *rules: ShareRule) -> Parts:
    return Parts(rearrange(units, rules, (), NOW), units)
