import pytest
from hypothesis import given
from hypothesis import strategies as st

from oms.kernel.errors import Invalid
from oms.kernel.money import Money, allocate, exponent, total

currencies = st.sampled_from(["BRL", "JPY", "KWD", "USD"])
amounts = st.integers(-(10**12), 10**12)


@pytest.mark.parametrize(
    ("text", "currency", "minor"),
    [("12.50", "BRL", 1250), ("12", "JPY", 12), ("1.5", "KWD", 1500), ("-0.05", "USD", -5)],
)
def test_a_decimal_string_is_read_in_the_currencys_minor_unit(
    text: str, currency: str, minor: int
) -> None:
    assert Money.parse(text, currency) == Money(minor, currency)


@pytest.mark.parametrize(
    ("text", "currency", "code"),
    [
        ("1.001", "BRL", "too_many_decimals"),
        ("1.5", "JPY", "too_many_decimals"),
        ("1e3", "BRL", "invalid_amount"),
        ("١٢", "BRL", "invalid_amount"),
        (" 1", "BRL", "invalid_amount"),
        ("NaN", "BRL", "invalid_amount"),
        ("", "BRL", "invalid_amount"),
        ("1", "brl", "unknown_currency"),
    ],
)
def test_what_is_not_an_amount_of_the_currency_is_refused(
    text: str, currency: str, code: str
) -> None:
    with pytest.raises(Invalid) as refused:
        Money.parse(text, currency)
    assert refused.value.problem_code == code


@given(amounts, currencies)
def test_what_is_written_is_read_back(minor: int, currency: str) -> None:
    money = Money(minor, currency)
    assert Money.parse(str(money), currency) == money


def test_two_currencies_are_never_added_or_compared() -> None:
    with pytest.raises(Invalid, match="cannot be reckoned"):
        _ = Money(1, "BRL") + Money(1, "USD")
    with pytest.raises(Invalid, match="cannot be reckoned"):
        _ = Money(1, "BRL") < Money(1, "USD")


@given(amounts, st.lists(st.integers(0, 10**6), min_size=1, max_size=40))
def test_the_parts_of_an_allocation_sum_to_the_amount(minor: int, weights: list[int]) -> None:
    parts = allocate(Money(minor, "BRL"), weights)
    assert total(parts, "BRL") == Money(minor, "BRL")


@given(st.integers(0, 10**9), st.lists(st.integers(0, 10**6), min_size=1, max_size=20))
def test_no_part_is_more_than_one_unit_from_its_exact_share(minor: int, weights: list[int]) -> None:
    parts = allocate(Money(minor, "BRL"), weights)
    shares = weights if any(weights) else [1] * len(weights)
    for part, share in zip(parts, shares, strict=True):
        assert abs(part.minor * sum(shares) - minor * share) < sum(shares)


def test_a_remainder_goes_to_the_largest_then_to_the_earliest() -> None:
    assert [part.minor for part in allocate(Money(100, "BRL"), [1, 1, 1])] == [34, 33, 33]
    assert [part.minor for part in allocate(Money(10, "BRL"), [1, 2])] == [3, 7]


def test_nothing_and_negative_weights_cannot_be_allocated_over() -> None:
    with pytest.raises(ValueError, match="nothing"):
        allocate(Money(1, "BRL"), [])
    with pytest.raises(ValueError, match="negative"):
        allocate(Money(1, "BRL"), [-1, 2])


def test_exponents_follow_iso_4217() -> None:
    assert [exponent(currency) for currency in ("BRL", "JPY", "KWD", "CLF")] == [2, 0, 3, 4]
