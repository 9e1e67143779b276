from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oms.inventory.model import Balance
from oms.inventory.position import Position
from oms.purchasing.reorder import (
    DaySold,
    Outlook,
    Settings,
    outlook,
    sold_per_day,
    units_to_order,
)
from oms.purchasing.sold_out import is_sold_out
from tests.samples import NOW

SETTINGS = Settings("MUG", "sp-dc", 10, 24, "acme", 7)


def day(days_ago: int, sold: int) -> DaySold:
    return DaySold(NOW.date() - timedelta(days=days_ago), sold)


def test_the_position_is_what_is_there_and_coming_less_what_is_owed() -> None:
    balances = (
        Balance("MUG", "sp-dc", available=3, incoming=10),
        Balance("MUG", "rj-store", available=50, incoming=50),
    )
    view = outlook(SETTINGS, Position("MUG", balances, owed=5), 2, [], NOW)
    assert (view.available, view.on_order, view.owed, view.position) == (3, 10, 3, 10)
    assert (view.sold_per_day, view.days_of_cover) == (None, None)


@pytest.mark.parametrize(
    ("position", "units"), [(11, 0), (10, 24), (-13, 24), (-14, 48), (-100, 120)]
)
def test_as_many_lots_are_ordered_as_lift_it_above_the_reorder_point(
    position: int, units: int
) -> None:
    assert units_to_order(SETTINGS, Outlook(position, 0, 0)) == units


def test_what_does_not_last_is_ordered_before_the_reorder_point() -> None:
    settings = Settings("MUG", "sp-dc", 10, 24, "acme", 7, cover_days=14)
    assert units_to_order(settings, Outlook(30, 0, 0, sold_per_day=2.0)) == 0
    assert units_to_order(settings, Outlook(30, 0, 0, sold_per_day=2.5)) == 24
    assert units_to_order(settings, Outlook(30, 0, 0, sold_per_day=10.0)) == 120
    assert units_to_order(settings, Outlook(30, 0, 0)) == 0


def test_the_rate_is_that_of_the_days_that_were_seen_at_most_twenty_eight() -> None:
    # NOW is noon: the day before yesterday ended a day and a half ago.
    assert sold_per_day(9, [day(2, 6), day(1, 8)], NOW) == pytest.approx(2)
    assert sold_per_day(100, [day(60, 0), day(28, 100 - 55)], NOW) == pytest.approx(2)


def test_no_rate_is_known_before_a_whole_day_was_seen() -> None:
    assert sold_per_day(9, [], NOW) is None
    assert sold_per_day(9, [day(1, 0)], NOW) is None


def test_days_of_cover_are_the_position_by_the_rate() -> None:
    assert Outlook(20, 10, 0, sold_per_day=3.0).days_of_cover == 10
    assert Outlook(-5, 0, 0, sold_per_day=3.0).days_of_cover == 0
    assert Outlook(5, 0, 0, sold_per_day=0.0).days_of_cover is None


@given(
    st.integers(-500, 500),
    st.integers(0, 100),
    st.integers(1, 60),
    st.integers(0, 30),
    st.floats(0, 50),
)
def test_an_order_suffices_and_one_lot_fewer_would_not(
    position: int, point: int, lot: int, cover: int, rate: float
) -> None:
    settings = Settings("MUG", "sp-dc", point, lot, "acme", 7, cover_days=cover)
    view = Outlook(position, 0, 0, sold_per_day=rate)
    units = units_to_order(settings, view)

    def suffices(ordered: int) -> bool:
        return position + ordered > point and position + ordered >= cover * rate

    assert units % lot == 0
    assert suffices(units)
    assert units == 0 or not suffices(units - lot)


def test_a_sku_is_sold_out_when_no_node_has_any() -> None:
    def nodes(*available: int) -> Position:
        return Position("MUG", tuple(Balance("MUG", str(n), available=n) for n in available))

    assert is_sold_out(nodes())
    assert is_sold_out(nodes(0, -2))
    assert not is_sold_out(nodes(-5, 1))
