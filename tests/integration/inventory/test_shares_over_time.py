"""Rules come and go while units are held and owed: nothing sticks, nothing counts twice."""

from collections.abc import Mapping, Set
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from oms.aws.share_store import ShareStore
from oms.aws.stock_store import StockStore
from oms.inventory.allocations import set_shares
from oms.inventory.model import Need
from oms.inventory.position import Position, ShareRule
from oms.inventory.share_contract import ShareRuleDocument, SharesDocument
from oms.inventory.shares import EVERYBODY
from oms.kernel.events import Cause
from oms.kernel.writes import Write
from oms.purchasing.model import MAX_SUPPLIES
from tests.integration.world import World
from tests.samples import CAUSE, NOW

WEB = ShareRule("web", Decimal("0.5"), None, ("app",))
APP = ShareRule("app", Decimal("0.5"))
LATER = NOW + timedelta(hours=1)


@pytest.fixture
def shares(oms: World) -> ShareStore:
    return ShareStore(oms.client, "inventory")


def taking(shares: ShareStore, units: int, holder: str, channel: str = "web") -> list[Write]:
    positions = {"MUG": Position("MUG", shares=shares.shares("MUG"))}
    return shares.take(channel, {"MUG": units}, holder, positions, NOW)


def left(shares: ShareStore) -> dict[str, int]:
    return {share.channel: share.left for share in shares.shares("MUG")}


def at(hours: int) -> Cause:
    return replace(CAUSE, at=CAUSE.at + timedelta(hours=hours))


def test_a_capped_lender_is_repaid_by_the_receipt_that_fills_its_cap(
    oms: World, shares: ShareStore
) -> None:
    capped = ShareRule("app", None, 10)
    shares.put_rules("MUG", [WEB, capped], 16, CAUSE)
    oms.stock.transact(taking(shares, 11, "ord_1"))
    assert left(shares) == {"web": 0, "app": 5, EVERYBODY: 0}
    oms.stock.transact(shares.change("MUG", 20, NOW))
    assert left(shares) == {"web": 7, "app": 13, EVERYBODY: 5}


def test_a_lender_that_left_and_came_back_is_repaid_nothing_that_it_did_not_lend(
    oms: World, shares: ShareStore
) -> None:
    shares.put_rules("MUG", [WEB, APP], 10, CAUSE)
    oms.stock.transact(taking(shares, 7, "ord_1"))
    shares.put_rules("MUG", [ShareRule("web", Decimal("0.5"))], 3, at(1))
    shares.put_rules("MUG", [WEB, APP], 3, at(2))
    oms.stock.transact(shares.give_back({"MUG": 7}, "ord_1", LATER))
    assert sum(left(shares).values()) == 10
    assert not shares.borrows("MUG", 10, None).borrows[0].open


def test_what_came_back_after_its_part_had_gone_and_come_can_be_withdrawn(
    oms: World, shares: ShareStore
) -> None:
    shares.put_rules("MUG", [WEB, APP], 10, CAUSE)
    oms.stock.transact(taking(shares, 5, "ord_1", "app"))
    shares.put_rules("MUG", [WEB], 5, at(1))
    shares.put_rules("MUG", [WEB, APP], 0, at(2))
    oms.stock.transact(shares.give_back({"MUG": 5}, "ord_1", LATER))
    oms.stock.transact(shares.change("MUG", -5, LATER))
    assert sum(left(shares).values()) == 0


def test_what_was_given_back_while_there_were_no_rules_can_be_taken_again(
    oms: World, shares: ShareStore
) -> None:
    shares.put_rules("MUG", [WEB, APP], 10, CAUSE)
    oms.stock.transact(taking(shares, 7, "ord_1"))
    shares.put_rules("MUG", [], 3, at(1))
    oms.stock.transact(shares.give_back({"MUG": 7}, "ord_1", LATER))
    assert not shares.borrows("MUG", 10, None).borrows[0].open
    shares.put_rules("MUG", [WEB, APP], 10, at(2))
    oms.stock.transact(taking(shares, 7, "ord_1"))
    assert sum(left(shares).values()) == 3


def test_what_is_taken_while_rules_are_set_is_not_granted_as_well(
    oms: World, shares: ShareStore
) -> None:
    oms.receive("MUG", 10)
    item = oms.catalog.items({"MUG"})["MUG"]
    rules = SharesDocument(rules=[ShareRuleDocument(channel="web", share="0.5")])
    set_shares(item, rules, oms.stock, oms.catalog, at(1))
    busy = TakenMeanwhile(oms)
    set_shares(item, rules, busy, oms.catalog, at(2))
    assert sum(left(shares).values()) == oms.balance("MUG").available == 7


class TakenMeanwhile(StockStore):
    """The stock of a shop in which somebody is quicker than whoever looked first."""

    def __init__(self, oms: World) -> None:
        super().__init__(oms.client, "inventory")
        self.looks = 0

    def positions(
        self, skus: Set[str], now: datetime, *, consistent: bool = False
    ) -> Mapping[str, Position]:
        found = super().positions(skus, now, consistent=consistent)
        self.looks += 1
        if self.looks == 1:
            needs = [Need("MUG", "sp-dc", 3)]
            taken = self.shares.take("web", {"MUG": 3}, "ord_1", found, now)
            self.transact([*self.reserve(needs, "ord_1", at(1)), *taken])
        return found


def test_a_receipt_of_many_dates_and_debts_fits_one_transaction(
    oms: World, shares: ShareStore
) -> None:
    tenth = Decimal("0.05")
    others = [ShareRule(f"c{number}", tenth) for number in range(18)]
    shares.put_rules(
        "MUG", [replace(WEB, share=tenth), replace(APP, share=tenth), *others], 1000, CAUSE
    )
    oms.stock.transact(taking(shares, 50, "ord_0"))
    for number in range(1, 26):
        oms.stock.transact(taking(shares, 1, f"ord_{number}"))
    of_the_order = 1 + 3 + 2 + MAX_SUPPLIES
    of_the_movement = 1 + 2
    assert len(shares.change("MUG", 1000, NOW)) + of_the_order + of_the_movement <= 100


def test_who_did_not_get_to_take_gives_nothing_back(oms: World, shares: ShareStore) -> None:
    shares.put_rules("MUG", [WEB, APP], 10, CAUSE)
    oms.stock.transact(shares.give_back({"MUG": 0}, "ord_1", NOW))
    assert sum(left(shares).values()) == 10
    oms.stock.transact(taking(shares, 1, "ord_1"))
