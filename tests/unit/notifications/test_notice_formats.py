from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oms.kernel.money import Money
from oms.notifications.formats import format_day, format_money, format_quantity


@pytest.mark.parametrize(
    ("minor", "currency", "portuguese", "english"),
    [
        (123456, "BRL", "R$ 1.234,56", "R$1,234.56"),
        (123456, "USD", "US$ 1.234,56", "$1,234.56"),
        (5, "EUR", "€ 0,05", "€0.05"),
        (-1000, "BRL", "-R$ 10,00", "-R$10.00"),
        (123456789, "JPY", "JPY 123.456.789", "¥123,456,789"),
        (1234567, "KWD", "KWD 1.234,567", "KWD 1,234.567"),
        (100000000000, "BRL", "R$ 1.000.000.000,00", "R$1,000,000,000.00"),
        (0, "BRL", "R$ 0,00", "R$0.00"),
    ],
)
def test_money_reads_as_each_language_writes_it(
    minor: int, currency: str, portuguese: str, english: str
) -> None:
    money = Money(minor, currency)

    assert format_money(money, "pt-BR") == portuguese
    assert format_money(money, "en") == english


@given(minor=st.integers(-(10**17), 10**17), currency=st.sampled_from(["BRL", "JPY", "KWD"]))
def test_no_digit_of_an_amount_is_lost(minor: int, currency: str) -> None:
    shown = format_money(Money(minor, currency), "pt-BR")

    digits = "".join(character for character in shown if character.isdigit())
    assert int(digits) == abs(minor)


@pytest.mark.parametrize(
    ("units", "scale", "portuguese", "english"),
    [
        (2, 0, "2", "2"),
        (1200, 0, "1.200", "1,200"),
        (1250, 3, "1,25", "1.25"),
        (2000, 3, "2", "2"),
        (5, 3, "0,005", "0.005"),
    ],
)
def test_quantities_have_no_idle_zeros(
    units: int, scale: int, portuguese: str, english: str
) -> None:
    assert format_quantity(units, scale, "pt-BR") == portuguese
    assert format_quantity(units, scale, "en") == english


@pytest.mark.parametrize(
    ("day", "portuguese", "english"),
    [
        (date(2026, 5, 8), "08/05/2026", "May 8, 2026"),
        (date(2026, 12, 31), "31/12/2026", "December 31, 2026"),
    ],
)
def test_a_day_reads_as_each_language_writes_it(day: date, portuguese: str, english: str) -> None:
    assert format_day(day, "pt-BR") == portuguese
    assert format_day(day, "en") == english
