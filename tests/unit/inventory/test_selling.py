from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oms.catalog.model import Item
from oms.inventory.model import Balance
from oms.inventory.policy import Oversell, SellingPolicy
from oms.inventory.position import Position, Share
from oms.inventory.selling import (
    Asking,
    check_amount,
    check_sale,
    free,
    is_carried,
    sellable,
    turned,
)
from tests.samples import NOW

ITEM = Item("MUG", "Mug")
ASKING = Asking("web", NOW)
NONE_OWED = SellingPolicy(backorder=None)
HERE, THERE = Balance("MUG", "here", 5, available=5), Balance("MUG", "there", 3, available=3)


def position(*balances: Balance, policy: SellingPolicy = NONE_OWED, owed: int = 0) -> Position:
    return Position("MUG", balances or (HERE, THERE), policy=policy, owed=owed)


def refused(quantity: int, at: Position, asking: Asking = ASKING) -> tuple[str, int | None]:
    refusal = check_sale(ITEM, quantity, at, asking)
    return (refusal.code, refusal.obtainable) if refusal else ("", None)


def test_what_is_there_at_all_nodes_may_be_sold_and_no_more() -> None:
    assert refused(8, position()) == ("", None)
    assert refused(9, position()) == ("insufficient_stock", 8)


def test_only_the_nodes_that_are_asked_count() -> None:
    assert refused(5, position(), replace(ASKING, nodes={"there", "elsewhere"})) == (
        "insufficient_stock",
        3,
    )


def test_nothing_is_sold_where_it_was_declared_out_of_stock() -> None:
    flagged = replace(NONE_OWED, not_sold_at=("here",))
    assert sellable(position(policy=flagged), ASKING) == 3
    endless = replace(flagged, not_sold_at=("here", "there"), backorder=Oversell())
    assert refused(1, position(policy=endless)) == ("insufficient_stock", 0)


def test_what_is_held_back_from_a_channel_is_not_free_for_it() -> None:
    kept = replace(NONE_OWED, held_back={"web": 6})
    assert free(position(policy=kept), ASKING) == 2
    assert free(position(policy=kept), replace(ASKING, channel="app")) == 8


def test_what_orders_wait_for_is_theirs() -> None:
    assert refused(2, position(owed=7)) == ("insufficient_stock", 1)


def test_a_share_bounds_what_a_channel_may_have() -> None:
    shared = replace(position(), shares=(Share("web", 3, 2), Share("*", 5, 5)))
    assert free(shared, ASKING) == 7
    assert free(shared, replace(ASKING, channel="app")) == 5


def test_whoever_holds_units_may_buy_them() -> None:
    held = position(Balance("MUG", "here", 5, reserved=5))
    assert refused(4, held, replace(ASKING, own=4)) == ("", None)
    assert refused(4, held) == ("insufficient_stock", 0)


def test_what_is_not_tracked_never_runs_out_where_a_node_keeps_it() -> None:
    endless = SellingPolicy(tracked=False, not_sold_at=("here", "there"))
    assert sellable(position(policy=endless), ASKING) is None
    assert refused(1, position(policy=endless), replace(ASKING, nodes=set())) == (
        "insufficient_stock",
        0,
    )


@pytest.mark.parametrize(
    ("policy", "most"),
    [
        (SellingPolicy(backorder=Oversell()), None),
        (SellingPolicy(backorder=Oversell(limit=10)), 10),
        (SellingPolicy(backorder=Oversell(channels={"web": 6})), 6),
        (SellingPolicy(backorder=Oversell(limit=4)), 4),
        (SellingPolicy(backorder=Oversell(until=NOW)), 4),
        (SellingPolicy(backorder=None), 4),
    ],
)
def test_beyond_what_is_there_the_policy_says_how_much_may_be_owed(
    policy: SellingPolicy, most: int | None
) -> None:
    """Four are owed already: they have the first claim on what is there."""
    owing = replace(position(policy=policy, owed=4), owed_to={"web": 4})
    assert sellable(owing, ASKING) == most


def test_a_limit_is_told_from_a_sale_that_is_not_allowed() -> None:
    limited = SellingPolicy(backorder=Oversell(limit=2))
    assert refused(11, position(policy=limited)) == ("backorder_limit", 10)
    ended = SellingPolicy(backorder=Oversell(until=NOW))
    assert refused(9, position(policy=ended)) == ("backorder_ended", 8)


def test_a_pre_order_needs_no_node_yet_and_a_backorder_does() -> None:
    soon = SellingPolicy(
        backorder=None, preorder=Oversell(limit=5), available_from=NOW + timedelta(days=1)
    )
    nowhere = Position("MUG", policy=soon)
    assert not is_carried(nowhere, ASKING)
    assert refused(5, nowhere) == ("", None)
    assert refused(6, nowhere) == ("backorder_limit", 5)
    assert refused(1, Position("MUG", policy=SellingPolicy())) == ("insufficient_stock", 0)


@pytest.mark.parametrize(
    ("quantity", "code"), [(1, "below_minimum"), (12, "above_maximum"), (5, "not_an_increment")]
)
def test_how_few_how_many_and_in_which_steps(quantity: int, code: str) -> None:
    item = replace(ITEM, minimum=2, maximum=10, increment=2)
    refusal = check_amount(item, quantity)
    assert refusal is not None and refusal.code == code
    assert check_amount(item, 10) is None


def test_amounts_are_told_in_the_items_decimals() -> None:
    refusal = check_amount(Item("HAM", "Ham", 3, minimum=250), 100)
    assert refusal is not None and "0.250" in refusal.detail


def test_what_is_no_longer_sold_is_not_sold() -> None:
    refusal = check_sale(replace(ITEM, active=False), 1, position(), ASKING)
    assert refusal is not None and refusal.code == "unknown_sku"


def test_a_channel_is_told_when_the_last_unit_goes_and_the_first_comes() -> None:
    assert (turned(1, 0), turned(0, 2), turned(2, 1), turned(0, 0)) == (
        "sold_out",
        "back_in_stock",
        "",
        "",
    )


@given(
    st.lists(st.integers(-5, 20), min_size=1, max_size=3),
    st.integers(0, 10),
    st.one_of(st.none(), st.builds(Oversell, limit=st.one_of(st.none(), st.integers(0, 20)))),
    st.integers(1, 40),
)
def test_a_quantity_is_sold_exactly_when_it_can_be_had(
    there: list[int], owed: int, backorder: Oversell | None, quantity: int
) -> None:
    balances = [Balance("MUG", str(n), units, available=units) for n, units in enumerate(there)]
    at = position(*balances, policy=SellingPolicy(backorder=backorder), owed=owed)
    most = sellable(at, ASKING)
    assert (check_sale(ITEM, quantity, at, ASKING) is None) == (most is None or quantity <= most)
    assert most is None or 0 <= free(at, ASKING) <= most
