"""Tax and shipping that are refunded in parts come to what was paid, and to no more."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oms.kernel.errors import Conflict
from oms.kernel.money import Money, total
from oms.pricing.refunds import (
    Invoiced,
    ShippingRefund,
    refund_shipping,
    refund_tax,
    without_tax,
)


def brl(minor: int) -> Money:
    return Money(minor, "BRL")


NOTHING = brl(0)


@given(st.integers(0, 10**6), st.lists(st.integers(1, 20), min_size=1, max_size=8))
def test_tax_of_units_in_any_portions_comes_to_what_was_invoiced(
    tax: int, portions: list[int]
) -> None:
    whole, units, refunded = sum(portions), 0, NOTHING
    for part in portions:
        one = Invoiced(part, whole, brl(tax), refunded, NOTHING, units)
        found = refund_tax([one], NOTHING, brl(1000), brl(tax) - refunded)
        assert found.total == brl(1000) + found.tax
        refunded, units = refunded + found.each[0], units + part
        assert refunded <= brl(tax)
    assert refunded == brl(tax)


def test_several_roundings_do_not_refund_more_tax_than_was_invoiced() -> None:
    parts = [Invoiced(1, 2, brl(3), NOTHING, NOTHING), Invoiced(1, 2, brl(3), NOTHING, NOTHING)]
    found = refund_tax(parts, NOTHING, brl(100), brl(3))
    assert [part.minor for part in found.each] == [2, 2]
    assert (found.tax.minor, found.total.minor) == (3, 103)


def test_a_refund_that_holds_all_tax_already_gets_no_more() -> None:
    found = refund_tax([Invoiced(1, 1, brl(5), NOTHING, NOTHING)], brl(9), brl(100), brl(7))
    assert (found.tax.minor, found.total.minor) == (9, 100)


@given(st.integers(0, 10**6), st.integers(0, 10**5), st.lists(st.integers(0, 10**5), max_size=8))
def test_shipping_in_parts_comes_to_what_was_paid_with_its_tax(
    amount: int, tax: int, parts: list[int]
) -> None:
    paid = ShippingRefund(brl(amount), brl(tax if amount else 0))
    refunded = ShippingRefund(NOTHING, NOTHING)
    for part in [*parts, None]:
        left = paid.amount - refunded.amount
        found = refund_shipping(paid, refunded, None if part is None else min(brl(part), left))
        refunded = ShippingRefund(refunded.amount + found.amount, refunded.tax + found.tax)
        assert refunded.tax <= paid.tax
    assert refunded == paid
    assert total([refunded.with_tax], "BRL") == paid.with_tax


def test_more_shipping_than_is_left_is_refused_with_what_is() -> None:
    paid = ShippingRefund(brl(1000), brl(200))
    with pytest.raises(Conflict) as refused:
        refund_shipping(paid, ShippingRefund(brl(400), brl(80)), brl(601))
    assert refused.value.problem_code == "refund_above_shipping"
    assert refused.value.context == {"refundable": "6.00", "currency": "BRL"}


def test_shipping_may_be_asked_back_with_its_tax() -> None:
    assert without_tax(brl(300), ShippingRefund(brl(1000), brl(200))) == brl(250)
