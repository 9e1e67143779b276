import pytest
from hypothesis import given
from hypothesis import strategies as st

from oms.kernel.errors import Invalid
from oms.kernel.money import Money, exponent

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


def test_exponents_follow_iso_4217() -> None:
    assert [exponent(currency) for currency in ("BRL", "JPY", "KWD", "CLF")] == [2, 0, 3, 4]
