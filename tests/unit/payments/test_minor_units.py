"""Providers count some currencies in other units than ISO 4217 does."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oms.kernel.errors import Invalid
from oms.kernel.money import Money
from oms.payments.minor_units import ADYEN, STRIPE, of_units, to_units


@pytest.mark.parametrize(
    ("units", "currency", "exceptions", "amount"),
    [
        (1130, "EUR", ADYEN, "11.30"),
        (500, "JPY", ADYEN, "500"),
        (12500, "CLP", ADYEN, "125"),
        (125, "IDR", ADYEN, "125.00"),
        (100, "ISK", STRIPE, "1"),
        (7, "MGA", STRIPE, "7.00"),
        (1230, "KWD", STRIPE, "1.230"),
    ],
)
def test_a_providers_units_are_read_in_its_own_way(
    units: int, currency: str, exceptions: dict[str, int], amount: str
) -> None:
    assert of_units(units, currency, exceptions) == Money.parse(amount, currency)


def test_units_that_the_currency_cannot_express_are_refused() -> None:
    with pytest.raises(Invalid) as refused:
        of_units(12550, "CLP", ADYEN)
    assert refused.value.problem_code == "too_many_decimals"


@given(
    st.integers(min_value=0, max_value=10**12),
    st.sampled_from(["EUR", "CLP", "ISK", "IDR", "CVE", "MGA", "UGX", "KWD", "JPY"]),
    st.sampled_from([STRIPE, ADYEN]),
)
def test_what_a_provider_can_be_told_comes_back_the_same(
    minor: int, currency: str, exceptions: dict[str, int]
) -> None:
    amount = Money(minor, currency)

    units = to_units(amount, exceptions)

    if units is not None:
        assert of_units(units, currency, exceptions) == amount
