"""The audit of channels' parts finds what was corrupted, and nothing else."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oms.aws.stock_audit import audit
from oms.inventory.position import Position, ShareRule
from oms.kernel.errors import StockContended
from oms.kernel.writes import Write
from tests.integration.world import World, world
from tests.samples import CAUSE, NOW

WEB = ShareRule("web", Decimal("0.4"), None, ("app",))
APP = ShareRule("app", Decimal("0.4"), lends=4)
MARKET = ShareRule("market", None, 5, ("web",))
ALONE = ShareRule("web", Decimal("0.4"))
RULES = [[WEB, APP], [ALONE], [WEB, APP, MARKET], [], [APP]]

STEPS = st.one_of(
    st.tuples(st.just("rules"), st.sampled_from(RULES)),
    st.tuples(
        st.just("take"), st.tuples(st.sampled_from(["web", "app", "market"]), st.integers(1, 9))
    ),
    st.tuples(st.just("back"), st.integers(0, 9)),
    st.tuples(st.just("come"), st.integers(1, 9)),
    st.tuples(st.just("go"), st.integers(1, 9)),
)


def of_shares(oms: World) -> list[tuple[str, int, int]]:
    return [(one.quantity, one.balance, one.ledger) for one in audit(oms.client, "inventory")[1]]


@settings(max_examples=8, deadline=None)
@given(st.lists(STEPS, min_size=5, max_size=25))
def test_rules_may_come_and_go_and_nothing_sticks_or_counts_twice(
    steps: list[tuple[str, object]],
) -> None:
    with world() as oms:
        run = Run(oms)
        for step in [("rules", RULES[0]), *steps]:
            run.do(*step)
            left = sum(share.left for share in oms.stock.shares.shares("MUG"))
            assert left == (run.free if oms.stock.shares.shares("MUG") else 0)
        assert of_shares(oms) == []


class Run:
    """``free`` units that nobody holds."""

    def __init__(self, oms: World) -> None:
        self.oms, self.free, self.steps = oms, 20, 0
        self.held: dict[str, int] = {}

    def do(self, what: str, said: object) -> None:
        self.steps += 1
        shares, at = self.oms.stock.shares, NOW + timedelta(seconds=self.steps)
        match what, said:
            case "rules", list(rules):
                shares.put_rules("MUG", rules, self.free, replace(CAUSE, at=at))
            case "take", (str(channel), int(units)):
                self._take(channel, min(units, self.free))
            case "back", int(number):
                if self.held:
                    holder = sorted(self.held)[number % len(self.held)]
                    units = self.held.pop(holder)
                    self._write(shares.give_back({"MUG": units}, holder, at))
                    self.free += units
            case "come", int(units):
                self._write(shares.change("MUG", units, at))
                self.free += units
            case "go", int(units):
                units = min(units, self.free)
                self._write(shares.change("MUG", -units, at))
                self.free -= units

    def _take(self, channel: str, units: int) -> None:
        shares, holder = self.oms.stock.shares, f"ord_{self.steps % 5}"
        if not units or holder in self.held:
            return
        positions = {"MUG": Position("MUG", shares=shares.shares("MUG"))}
        at = NOW + timedelta(seconds=self.steps)
        try:
            writes = shares.take(channel, {"MUG": units}, holder, positions, at)
        except StockContended:
            return
        self._write(writes)
        self.free -= units
        self.held[holder] = units

    def _write(self, writes: list[Write]) -> None:
        if writes:
            self.oms.stock.transact(writes)


@pytest.mark.parametrize(
    ("key", "attribute", "found"),
    [
        ("web", "granted", [("granted to web", 9, 8)]),
        ("web", "left", [("granted to web", 8, 9)]),
        ("app", "lent", [("granted to app", 8, 9), ("lent by app", 3, 2)]),
    ],
)
def test_what_a_test_corrupts_is_found(
    oms: World, key: str, attribute: str, found: list[tuple[str, int, int]]
) -> None:
    oms.stock.shares.put_rules("MUG", [WEB, APP], 20, CAUSE)
    shares = oms.stock.shares.shares("MUG")
    positions = {"MUG": Position("MUG", shares=shares)}
    oms.stock.transact(oms.stock.shares.take("web", {"MUG": 14}, "ord_1", positions, NOW))
    assert of_shares(oms) == []
    oms.client.update_item(
        TableName="inventory",
        Key={"pk": {"S": "MUG"}, "sk": {"S": f"share#{key}"}},
        UpdateExpression="ADD #name :one",
        ExpressionAttributeNames={"#name": attribute},
        ExpressionAttributeValues={":one": {"N": "1"}},
    )
    assert sorted(of_shares(oms)) == found
