"""Tax is exact: net and tax are the price, and all rates together are the tax."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oms.kernel.errors import Invalid
from oms.kernel.money import Money, total
from oms.pricing.tax import (
    Tax,
    parse_rate,
    price_elsewhere,
    tax_summary,
    taxed,
    weighted_rate,
)

rates = st.decimals(0, 2, places=4)
taxes = st.lists(st.builds(Tax, rates, st.sampled_from(["state", "city", "vat"])), max_size=4)
currencies = st.sampled_from(["JPY", "BRL", "KWD"])
amounts = st.builds(Money, st.integers(-(10**9), 10**9), currencies)


def brl(minor: int) -> Money:
    return Money(minor, "BRL")


@given(amounts, taxes, st.booleans())
def test_net_and_tax_are_the_price_and_the_rates_make_up_the_tax(
    amount: Money, taxes: list[Tax], included: bool
) -> None:
    found = taxed(amount, taxes, included=included)
    assert amount == (found.gross if included else found.net)
    if taxes:
        assert total(found.parts, amount.currency) == found.tax
    else:
        assert found.tax.minor == 0


@given(amounts, taxes, st.booleans())
def test_tax_is_within_half_a_minor_unit_of_what_it_is_exactly(
    amount: Money, taxes: list[Tax], included: bool
) -> None:
    rate = sum((Fraction(one.rate) for one in taxes), Fraction(0))
    exact = amount.minor * rate / (1 + rate) if included else amount.minor * rate
    assert abs(taxed(amount, taxes, included=included).tax.minor - exact) <= Fraction(1, 2)


@given(amounts, taxes)
def test_a_price_with_its_tax_is_the_price_again_without(amount: Money, taxes: list[Tax]) -> None:
    gross = taxed(amount, taxes, included=False).gross
    assert taxed(gross, taxes, included=True).net == amount


@given(amounts, taxes, st.booleans())
def test_what_is_given_back_is_taxed_as_what_was_charged(
    amount: Money, taxes: list[Tax], included: bool
) -> None:
    assert (
        taxed(-amount, taxes, included=included).tax == -taxed(amount, taxes, included=included).tax
    )


@given(st.lists(st.tuples(st.integers(0, 10**6), taxes.filter(bool)), min_size=1, max_size=8))
def test_a_summary_adds_up_to_the_tax(charges: list[tuple[int, list[Tax]]]) -> None:
    found = [(taxes, taxed(brl(minor), taxes, included=False)) for minor, taxes in charges]
    rows = tax_summary(found)
    assert total([row.tax for row in rows], "BRL") == total([one.tax for _, one in found], "BRL")
    assert len({(row.name, row.rate) for row in rows}) == len(rows)


@pytest.mark.parametrize("text", ["0.23", "0", "1", "9.999999", "0.000001"])
def test_a_rate_is_a_decimal_string(text: str) -> None:
    assert parse_rate(text) == Decimal(text)


@pytest.mark.parametrize("text", ["", "23%", "-0.1", "10", "0.1234567", "1e-2", ".2", "0.2 ", "٠"])
def test_what_is_no_rate_is_refused(text: str) -> None:
    with pytest.raises(Invalid) as refused:
        parse_rate(text)
    assert refused.value.problem_code == "invalid_tax_rate"


def test_a_price_elsewhere_is_the_net_price_at_home() -> None:
    assert price_elsewhere(brl(10000), [Tax(Decimal("0.19"))]) == brl(8403)
    assert price_elsewhere(brl(10000), []) == brl(10000)


def test_rates_are_averaged_by_what_is_taxed_at_them() -> None:
    pairs = [(brl(2439), Decimal("0.23")), (brl(3883), Decimal("0.03"))]
    assert weighted_rate(pairs) == Decimal("0.1072")
    assert weighted_rate([]) == 0
    assert weighted_rate([(brl(0), Decimal("0.2"))]) == 0
