"""Nothing is won or lost by dividing money."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oms.kernel.money import Money, total
from oms.pricing.shares import (
    allocate,
    extended_price,
    of_units,
    rounded,
    share,
    unit_price_covering,
)

currencies = st.sampled_from(["JPY", "BRL", "KWD"])
amounts = st.builds(Money, st.integers(-(10**12), 10**12), currencies)
weights = st.lists(st.integers(0, 10**6), min_size=1, max_size=40)


@pytest.mark.parametrize(
    ("numerator", "denominator", "nearest"),
    [(5, 2, 3), (-5, 2, -3), (149, 100, 1), (150, 100, 2), (-149, 100, -1), (0, 7, 0)],
)
def test_half_a_minor_unit_is_rounded_away_from_zero(
    numerator: int, denominator: int, nearest: int
) -> None:
    assert rounded(numerator, denominator) == nearest


@given(st.integers(), st.integers(1, 10**9))
def test_what_is_given_back_is_rounded_as_what_was_charged(numerator: int, whole: int) -> None:
    assert rounded(-numerator, whole) == -rounded(numerator, whole)
    assert abs(rounded(numerator, whole) - Fraction(numerator, whole)) <= Fraction(1, 2)


def test_a_price_times_a_weight_is_rounded_to_the_minor_unit() -> None:
    assert extended_price(Money(1999, "BRL"), 1250, 3) == Money(2499, "BRL")
    assert extended_price(Money(1, "BRL"), 500, 3) == Money(1, "BRL")
    assert extended_price(Money(3990, "BRL"), 2, 0) == Money(7980, "BRL")


@given(st.integers(0, 10**9), st.integers(1, 10**6), st.integers(0, 4), currencies)
def test_a_unit_price_that_covers_an_amount_is_the_lowest_that_does(
    minor: int, units: int, scale: int, currency: str
) -> None:
    price = unit_price_covering(Money(minor, currency), units, scale)
    assert price.minor * units >= minor * 10**scale
    assert (price.minor - 1) * units < minor * 10**scale


def test_a_share_of_what_has_no_whole_is_nothing() -> None:
    assert share(Money(100, "BRL"), 0, 0) == Money(0, "BRL")


@given(amounts, weights)
def test_the_parts_sum_to_the_amount(amount: Money, weights: list[int]) -> None:
    assert total(allocate(amount, weights), amount.currency) == amount


@given(amounts, weights)
def test_no_part_is_as_much_as_a_minor_unit_from_its_exact_share(
    amount: Money, weights: list[int]
) -> None:
    even = weights if any(weights) else [1] * len(weights)
    for part, weight in zip(allocate(amount, weights), even, strict=True):
        assert abs(part.minor - Fraction(amount.minor * weight, sum(even))) < 1


@given(amounts, weights)
def test_a_negative_amount_is_spread_as_a_positive_one(amount: Money, weights: list[int]) -> None:
    assert allocate(-amount, weights) == tuple(-part for part in allocate(amount, weights))


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=20), st.data())
def test_no_more_is_taken_off_a_part_than_it_has(weights: list[int], data: st.DataObject) -> None:
    amount = Money(data.draw(st.integers(0, sum(weights))), "BRL")
    parts = allocate(amount, weights)
    assert all(part.minor <= weight for part, weight in zip(parts, weights, strict=True))


def test_what_is_left_over_goes_to_who_lost_most_then_to_the_earliest() -> None:
    assert [part.minor for part in allocate(Money(100, "BRL"), [1, 1, 1])] == [34, 33, 33]
    assert [part.minor for part in allocate(Money(10, "BRL"), [1, 2])] == [3, 7]
    assert [part.minor for part in allocate(Money(5, "JPY"), [0, 0])] == [3, 2]


def test_nothing_can_be_spread_over_nothing_and_no_amount_can() -> None:
    assert allocate(Money(0, "BRL"), []) == ()
    with pytest.raises(ValueError, match="nothing"):
        allocate(Money(1, "BRL"), [])
    with pytest.raises(ValueError, match="negative"):
        allocate(Money(1, "BRL"), [-1, 2])


@given(amounts, st.lists(st.integers(1, 10**4), min_size=1, max_size=20))
def test_units_in_any_portions_come_to_the_whole(amount: Money, portions: list[int]) -> None:
    quantity, before, parts = sum(portions), 0, []
    for units in portions:
        part = of_units(amount, units, quantity, before)
        assert abs(part.minor - Fraction(amount.minor * units, quantity)) < 1
        before += units
        parts.append(part)
    assert total(parts, amount.currency) == amount


@given(
    st.builds(Money, st.integers(0, 10**9), currencies),
    st.lists(st.integers(1, 100), min_size=2, max_size=20),
)
def test_some_of_the_units_never_come_to_more_than_all(amount: Money, portions: list[int]) -> None:
    quantity, before, so_far = sum(portions), 0, Money.zero(amount.currency)
    for units in portions:
        part = of_units(amount, units, quantity, before)
        before, so_far = before + units, so_far + part
        assert Money.zero(amount.currency) <= part
        assert so_far <= amount
