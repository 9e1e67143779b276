from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from oms.aws.outbox import publications
from oms.aws.share_store import ShareStore
from oms.inventory.position import Position, ShareRule
from oms.inventory.shares import EVERYBODY
from oms.kernel.errors import Conflict, StockContended
from oms.kernel.writes import Write
from tests.integration.world import World
from tests.samples import CAUSE, NOW

WEB = ShareRule("web", Decimal("0.2"), None, ("app",))
APP = ShareRule("app", Decimal("0.5"))


@pytest.fixture
def shares(oms: World) -> ShareStore:
    return ShareStore(oms.client, "inventory")


def taking(shares: ShareStore, units: int, holder: str, channel: str = "web") -> list[Write]:
    positions = {"MUG": Position("MUG", shares=shares.shares("MUG"))}
    return shares.take(channel, {"MUG": units}, holder, positions, NOW)


def left(shares: ShareStore) -> dict[str, int]:
    return {share.channel: share.left for share in shares.shares("MUG")}


def test_parts_stand_in_the_order_of_their_rules(shares: ShareStore) -> None:
    shares.put_rules("MUG", [WEB, APP], 10, CAUSE)
    assert list(left(shares).items()) == [("web", 2), ("app", 5), (EVERYBODY, 3)]


def test_a_sku_without_shares_is_written_nothing_for(shares: ShareStore) -> None:
    positions = {"MUG": Position("MUG")}
    assert shares.take("web", {"MUG": 3, "TEE": 1}, "ord_1", positions, NOW) == []
    assert shares.give_back({"MUG": 3}, "ord_1", NOW) == []
    assert shares.change("MUG", 5, NOW) == []


def test_of_two_who_planned_with_the_same_units_one_gets_them(
    oms: World, shares: ShareStore
) -> None:
    shares.put_rules("MUG", [WEB, APP], 10, CAUSE)
    first, second = taking(shares, 10, "ord_1"), taking(shares, 1, "ord_2")
    oms.stock.transact(first)
    with pytest.raises(StockContended):
        oms.stock.transact(second)
    with pytest.raises(StockContended):
        taking(shares, 1, "ord_3")
    assert left(shares) == {"web": 0, "app": 0, EVERYBODY: 0}


def test_a_lender_does_not_lend_more_to_two_at_once_than_it_lends(
    oms: World, shares: ShareStore
) -> None:
    shares.put_rules("MUG", [WEB, ShareRule("app", Decimal("0.8"), lends=3)], 10, CAUSE)
    first, second = taking(shares, 4, "ord_1"), taking(shares, 4, "ord_2")
    oms.stock.transact(first)
    with pytest.raises(StockContended):
        oms.stock.transact(second)


def test_a_holder_takes_its_part_once_and_again_after_giving_it_back(
    oms: World, shares: ShareStore
) -> None:
    shares.put_rules("MUG", [WEB, APP], 10, CAUSE)
    oms.stock.transact(taking(shares, 2, "ord_1"))
    with pytest.raises(Conflict) as refused:
        oms.stock.transact(taking(shares, 1, "ord_1"))
    assert refused.value.problem_code == "entry_exists"
    oms.stock.transact(shares.give_back({"MUG": 2}, "ord_1", NOW))
    oms.stock.transact(taking(shares, 1, "ord_1"))


def test_giving_back_was_prepared_twice_but_happens_once(oms: World, shares: ShareStore) -> None:
    shares.put_rules("MUG", [WEB, APP], 10, CAUSE)
    oms.stock.transact(taking(shares, 7, "ord_1"))
    back, again = (shares.give_back({"MUG": 7}, "ord_1", NOW) for _ in range(2))
    oms.stock.transact(back)
    with pytest.raises(Conflict):
        oms.stock.transact(again)
    assert left(shares) == {"web": 2, "app": 5, EVERYBODY: 3}


def test_what_was_taken_before_there_were_rules_comes_back_to_everybody(
    oms: World, shares: ShareStore
) -> None:
    shares.put_rules("MUG", [WEB, APP], 10, CAUSE)
    oms.stock.transact(shares.give_back({"MUG": 4}, "ord_old", NOW))
    assert left(shares)[EVERYBODY] == 7
    assert shares.give_back({"MUG": 4}, "ord_old", NOW) == []


def test_a_reservation_hands_its_part_over_to_the_order(oms: World, shares: ShareStore) -> None:
    shares.put_rules("MUG", [WEB, APP], 10, CAUSE)
    oms.stock.transact(taking(shares, 7, "rsv_1"))
    oms.stock.transact(shares.hand_over(["MUG"], "rsv_1", "ord_1", NOW))
    assert shares.give_back({"MUG": 7}, "rsv_1", NOW) == []
    assert left(shares) == {"web": 0, "app": 3, EVERYBODY: 0}
    oms.stock.transact(shares.give_back({"MUG": 7}, "ord_1", NOW + timedelta(hours=1)))
    assert left(shares) == {"web": 2, "app": 5, EVERYBODY: 3}
    (borrow,) = shares.borrows("MUG", 10, None).borrows
    assert (borrow.lender, borrow.units, borrow.open) == ("app", 2, 0)
    assert borrow.returned_at == NOW + timedelta(hours=1)


def test_a_borrow_that_was_repaid_meanwhile_is_not_returned_again(
    oms: World, shares: ShareStore
) -> None:
    shares.put_rules("MUG", [WEB, APP], 10, CAUSE)
    oms.stock.transact(taking(shares, 7, "ord_1"))
    stale = shares.give_back({"MUG": 7}, "ord_1", NOW)
    oms.stock.transact(shares.change("MUG", 10, NOW))
    with pytest.raises(StockContended):
        oms.stock.transact(stale)
    oms.stock.transact(shares.give_back({"MUG": 7}, "ord_1", NOW))
    assert left(shares) == {"web": 2 + 2, "app": 10, EVERYBODY: 6}


def test_borrows_are_listed_page_by_page_what_is_owed_first(oms: World, shares: ShareStore) -> None:
    shares.put_rules("MUG", [WEB, APP], 10, CAUSE)
    for number in range(3):
        oms.stock.transact(taking(shares, 5 if not number else 1, f"ord_{number}"))
    oms.stock.transact(taking(shares, 1, "ord_3"))
    oms.stock.transact(shares.give_back({"MUG": 1}, "ord_1", NOW))
    first = shares.borrows("MUG", 2, None)
    second = shares.borrows("MUG", 2, first.cursor)
    holders = [borrow.holder for borrow in (*first.borrows, *second.borrows)]
    assert holders == ["ord_2", "ord_3", "ord_1"]


def test_rules_are_not_replaced_under_the_hand_of_who_takes(oms: World, shares: ShareStore) -> None:
    shares.put_rules("MUG", [WEB, APP], 10, CAUSE)
    late = taking(shares, 2, "ord_1")
    shares.put_rules("MUG", [APP], 10, CAUSE)
    with pytest.raises(StockContended):
        oms.stock.transact(late)
    assert left(shares) == {"app": 5, EVERYBODY: 5}


def test_without_rules_a_sku_has_no_shares(shares: ShareStore) -> None:
    shares.put_rules("MUG", [WEB, APP], 10, CAUSE)
    shares.put_rules("MUG", [], 10, CAUSE)
    assert left(shares) == {}


@pytest.mark.parametrize("rules", [[WEB, APP], []])
def test_those_who_wait_are_told_that_rules_changed(
    oms: World, shares: ShareStore, rules: list[ShareRule]
) -> None:
    shares.put_rules("MUG", [WEB, APP], 10, CAUSE)
    shares.put_rules("MUG", rules, 10, replace(CAUSE, at=NOW + timedelta(hours=1)))
    key = {"pk": {"S": "shares#MUG"}, "sk": {"S": "shares"}}
    item = oms.client.get_item(TableName="inventory", Key=key)["Item"]
    (told,) = publications({"dynamodb": {"NewImage": item}})
    assert (told.envelope.type, told.envelope.data) == ("shares_changed", {"skus": ["MUG"]})


def test_two_receipts_at_once_do_not_fill_a_cap_twice(oms: World, shares: ShareStore) -> None:
    shares.put_rules("MUG", [ShareRule("market", None, 5)], 2, CAUSE)
    first, second = shares.change("MUG", 3, NOW), shares.change("MUG", 3, NOW)
    oms.stock.transact(first)
    with pytest.raises(StockContended):
        oms.stock.transact(second)
    oms.stock.transact(shares.change("MUG", 3, NOW))
    assert left(shares) == {"market": 5, EVERYBODY: 3}


def test_what_a_channel_without_a_rule_still_owes_stands_in_nobodys_way(
    oms: World, shares: ShareStore
) -> None:
    till = ShareRule("till", Decimal(0), None, ("app",))
    shares.put_rules(
        "MUG", [till, replace(WEB, share=Decimal(0)), replace(APP, share=Decimal(1))], 60, CAUSE
    )
    for number in range(30):
        oms.stock.transact(taking(shares, 1, f"ord_{number:02}", "till"))
    oms.stock.transact(taking(shares, 4, "ord_30"))
    shares.put_rules(
        "MUG", [replace(WEB, share=Decimal(1)), replace(APP, share=Decimal(0))], 0, CAUSE
    )
    oms.stock.transact(shares.change("MUG", 5, NOW))
    assert left(shares) == {"web": 1, "app": 4, EVERYBODY: 0}
    assert shares.owed_by("MUG") == {"till": 30}
