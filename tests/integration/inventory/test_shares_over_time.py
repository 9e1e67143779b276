"""Rules come and go while units are held and owed: nothing sticks, nothing counts twice."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from oms.aws.share_store import ShareStore
from oms.inventory.position import Position, ShareRule
from oms.inventory.shares import EVERYBODY
from oms.kernel.events import Cause
from oms.kernel.writes import Write
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
