"""Money in Stripe's units: docs.stripe.com/currencies."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oms.kernel.errors import Invalid
from oms.kernel.money import Money
from oms.payments.stripe_provider import stripe_amount


@pytest.mark.parametrize(
    ("amount", "currency", "units"),
    [
        ("129.90", "BRL", 12990),
        ("500", "JPY", 500),
        ("5", "ISK", 500),
        ("5", "UGX", 500),
        ("5.00", "MGA", 5),
        ("5.120", "KWD", 5120),
        ("10.45", "HUF", 1045),
    ],
)
def test_an_amount_is_sent_in_the_units_stripe_counts_in(
    amount: str, currency: str, units: int
) -> None:
    assert stripe_amount(Money.parse(amount, currency)) == units


@pytest.mark.parametrize(
    ("amount", "currency"), [("5.124", "KWD"), ("5.01", "MGA"), ("0", "BRL"), ("-1", "BRL")]
)
def test_an_amount_stripe_would_round_or_not_take_is_refused(amount: str, currency: str) -> None:
    with pytest.raises(Invalid) as refused:
        stripe_amount(Money.parse(amount, currency))

    assert refused.value.problem_code == "amount_not_chargeable"


@given(st.integers(1, 10**12), st.sampled_from(["BRL", "USD", "EUR", "JPY", "CLP", "TWD"]))
def test_most_currencies_are_counted_as_iso_4217_does(minor: int, currency: str) -> None:
    assert stripe_amount(Money(minor, currency)) == minor
