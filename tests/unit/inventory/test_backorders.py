"""Who may wait, in which order, and who gets what comes."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oms.inventory.backorders import (
    Handout,
    Holder,
    Refusal,
    Room,
    Shelf,
    Waiter,
    hand_out,
    rank,
    room_for,
    take_from,
)
from oms.inventory.policy import Oversell, SellingPolicy
from tests.samples import NOW

TOMORROW = NOW + timedelta(days=1)


def waiter(name: str, channel: str = "web", /, **lacking: int) -> Waiter:
    return Waiter(rank(5, None, name, f"ord_{name}"), lacking, channel)


def filled(handed: Handout) -> list[str]:
    return [each.order_id.removeprefix("ord_") for each in handed.filled]


# --- the stated order -----------------------------------------------------------------------


def test_priority_comes_before_the_promised_day_and_that_before_age() -> None:
    day, later = date(2026, 6, 1), date(2026, 6, 2)
    stated = [
        rank(9, None, "2026-05-09", "ord_a"),
        rank(5, day, "2026-05-09", "ord_b"),
        rank(5, later, "2026-05-01", "ord_c"),
        rank(5, None, "2026-05-01", "ord_d"),
        rank(5, None, "2026-05-02", "ord_e"),
        rank(0, day, "2026-05-01", "ord_f"),
    ]
    assert sorted(stated) == stated


# --- who gets what --------------------------------------------------------------------------


def test_who_comes_first_is_filled_first() -> None:
    handed = hand_out({"MUG": 3}, [waiter("b", MUG=2), waiter("a", MUG=2), waiter("c", MUG=1)])
    assert filled(handed) == ["a"]


def test_what_is_too_little_for_the_first_goes_to_nobody_behind_it() -> None:
    handed = hand_out({"MUG": 4}, [waiter("a", MUG=5), waiter("b", MUG=1)])
    assert filled(handed) == []
    assert handed.left["MUG"] == -2


def test_an_order_that_lacks_two_skus_holds_up_neither() -> None:
    handed = hand_out({"MUG": 2}, [waiter("a", MUG=2, TEE=1), waiter("b", MUG=2)])
    assert filled(handed) == ["b"]


def test_an_order_that_lacks_one_of_two_skus_claims_that_one_only() -> None:
    two = waiter("a", MUG=2, TEE=5)
    handed = hand_out({"MUG": 2, "TEE": 4}, [two, waiter("b", MUG=2), waiter("c", TEE=1)])
    assert filled(handed) == ["b"]


def test_two_orders_that_lack_the_same_two_skus_do_not_block_one_another() -> None:
    first, second = waiter("a", MUG=1, TEE=2), waiter("b", MUG=2, TEE=1)
    assert filled(hand_out({"MUG": 2, "TEE": 1}, [first, second])) == []
    assert filled(hand_out({"MUG": 2, "TEE": 2}, [first, second])) == ["a"]
    assert filled(hand_out({"MUG": 3, "TEE": 3}, [first, second])) == ["a", "b"]


def test_an_order_whose_channel_may_have_no_more_holds_up_its_own_channel_only() -> None:
    waiting = [waiter("a", MUG=3), waiter("b", MUG=1), waiter("c", "app", MUG=2)]
    handed = hand_out({"MUG": 5}, waiting, {("web", "MUG"): 2, ("app", "MUG"): 5})
    assert filled(handed) == ["c"]
    assert (handed.left_for("web", "MUG"), handed.left_for("app", "MUG")) == (-2, 3)


def collects(name: str, node: str, **lacking: int) -> Waiter:
    return replace(waiter(name, **lacking), at=dict.fromkeys(lacking, node))


def test_who_collects_it_is_filled_from_there_and_holds_up_nobody_elsewhere() -> None:
    waiting = [collects("a", "shop", MUG=2), waiter("b", MUG=3), collects("c", "shop", MUG=1)]
    handed = hand_out({"MUG": 3}, waiting, shelves={("MUG", "shop"): Shelf(1)})
    assert filled(handed) == ["b"]
    assert handed.left_for("web", "MUG", "shop") == -2
    handed = hand_out({"MUG": 0}, waiting, shelves={("MUG", "shop"): Shelf(3)})
    assert filled(handed) == ["a", "c"]


def test_what_is_collected_from_a_node_that_ships_is_not_shipped_too() -> None:
    waiting = [collects("a", "shop", MUG=2), waiter("b", MUG=2)]
    shelves = {("MUG", "shop"): Shelf(2, ships=True)}
    assert filled(hand_out({"MUG": 3}, waiting, shelves=shelves)) == ["a"]
    first, second = waiter("a", MUG=2), collects("b", "shop", MUG=2)
    assert filled(hand_out({"MUG": 3}, [first, second], shelves=shelves)) == ["a"]


def test_what_is_brought_to_where_it_is_collected_may_come_from_anywhere() -> None:
    shelves = {("MUG", "shop"): Shelf(0, brings=True)}
    waiting = [collects("a", "shop", MUG=2), waiter("b", MUG=2)]
    assert filled(hand_out({"MUG": 2}, waiting, shelves=shelves)) == ["a", "b"]


SKUS = ("MUG", "TEE", "CAP")
UNITS = st.integers(1, 6)
ORDERS = st.lists(
    st.dictionaries(st.sampled_from(SKUS), UNITS, min_size=1, max_size=3), max_size=12
).map(lambda every: [waiter(f"{n:02}", **lacking) for n, lacking in enumerate(every)])
THERE = st.dictionaries(st.sampled_from(SKUS), st.integers(0, 20))


@given(THERE, ORDERS)
def test_never_more_than_there_is(there: Mapping[str, int], waiting: list[Waiter]) -> None:
    handed = hand_out(there, waiting)
    for sku in SKUS:
        given_away = sum(each.lacking.get(sku, 0) for each in handed.filled)
        assert given_away <= there.get(sku, 0)


@given(THERE, ORDERS)
def test_everybody_is_filled_or_is_not(there: Mapping[str, int], waiting: list[Waiter]) -> None:
    handed = hand_out(there, reversed(waiting))
    assert sorted(handed.filled + handed.unfilled, key=lambda each: each.rank) == waiting


@given(THERE, ORDERS)
def test_nobody_is_passed(there: Mapping[str, int], waiting: list[Waiter]) -> None:
    """Whoever is filled shares no SKU with one ahead that lacks only that SKU."""
    handed = hand_out(there, waiting)
    for passed in handed.unfilled:
        behind = [each for each in handed.filled if each.rank > passed.rank]
        if len(passed.lacking) == 1:
            assert not any(each.lacking.keys() & passed.lacking.keys() for each in behind)


@given(THERE, ORDERS)
def test_who_stands_behind_changes_nothing(there: Mapping[str, int], waiting: list[Waiter]) -> None:
    ahead = hand_out(there, waiting[:-1])
    assert [one for one in hand_out(there, waiting).filled if one in waiting[:-1]] == [
        *ahead.filled
    ]


@given(THERE, ORDERS)
def test_nobody_waits_for_what_nobody_claims(
    there: Mapping[str, int], waiting: list[Waiter]
) -> None:
    handed = hand_out(there, waiting)
    for each in handed.unfilled:
        assert any(handed.left.get(sku, 0) < units for sku, units in each.lacking.items())


# --- who may wait ---------------------------------------------------------------------------


def room(policy: SellingPolicy, owed: int = 0, to_web: int = 0, units: int = 2) -> Room | Refusal:
    return room_for("MUG", units, "web", policy, owed, to_web, NOW)


def code(answer: Room | Refusal) -> str:
    assert isinstance(answer, Refusal)
    return answer.code


def test_without_a_policy_there_is_room_for_all() -> None:
    assert room(SellingPolicy(), owed=10**6) == Room()


def test_what_may_not_be_backordered_is_refused() -> None:
    assert code(room(SellingPolicy(backorder=None))) == "backorder_not_allowed"


@pytest.mark.parametrize(("owed", "refused"), [(8, False), (9, True)])
def test_a_limit_is_reached_to_the_unit(owed: int, refused: bool) -> None:
    answer = room(SellingPolicy(backorder=Oversell(limit=10)), owed)
    assert isinstance(answer, Refusal) is refused
    if not refused:
        assert answer == Room(in_all=8)


def test_a_channel_has_a_limit_of_its_own() -> None:
    policy = SellingPolicy(backorder=Oversell(limit=100, channels={"web": 3}))
    assert room(policy, owed=50, to_web=1) == Room(in_all=98, to_channel=1)
    assert code(room(policy, owed=50, to_web=2)) == "backorder_limit"


def test_one_order_of_more_than_the_limit_is_refused_though_nothing_is_owed() -> None:
    assert code(room(SellingPolicy(backorder=Oversell(limit=1)))) == "backorder_limit"


def test_a_backorder_ends_at_its_time() -> None:
    assert code(room(SellingPolicy(backorder=Oversell(until=NOW)))) == "backorder_ended"
    assert room(SellingPolicy(backorder=Oversell(until=TOMORROW))) == Room()


def test_before_an_item_is_there_its_pre_order_counts() -> None:
    policy = SellingPolicy(preorder=Oversell(limit=5), available_from=TOMORROW)
    assert room(policy) == Room(in_all=3)
    none = SellingPolicy(available_from=TOMORROW)
    assert code(room(none)) == "backorder_not_allowed"


def test_once_an_item_is_there_its_backorder_counts() -> None:
    policy = SellingPolicy(backorder=None, preorder=Oversell(), available_from=NOW)
    assert code(room(policy)) == "backorder_not_allowed"


# --- whom to take from ----------------------------------------------------------------------


def holder(name: str, priority: int, units: int, since: str = "2026-05-01") -> Holder:
    return Holder(f"ord_{name}", priority, since, "sp-dc", units)


def test_the_lowest_priority_loses_first_and_of_equals_the_youngest() -> None:
    low, older = holder("low", 1, 2, "2026-05-01"), holder("older", 4, 2, "2026-05-01")
    younger = holder("younger", 4, 2, "2026-05-02")
    assert take_from(3, [older, younger, low]) == (low, younger)


def test_nothing_is_taken_when_all_of_it_would_not_suffice() -> None:
    assert take_from(3, [holder("a", 1, 1), holder("b", 1, 1)]) == ()


@given(st.integers(1, 20), st.lists(st.tuples(st.integers(0, 8), UNITS), max_size=8))
def test_no_more_is_taken_than_is_needed(short: int, held: list[tuple[int, int]]) -> None:
    holders = [holder(str(n), priority, units) for n, (priority, units) in enumerate(held)]
    taken = take_from(short, holders)
    units = [each.quantity for each in taken]
    if taken:
        assert sum(units[:-1]) < short <= sum(units)
    else:
        assert sum(each.quantity for each in holders) < short
