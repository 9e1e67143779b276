"""Totals are exact whatever is charged, discounted and taxed, in any currency."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oms.kernel.money import Money, total
from oms.pricing.tax import Tax
from oms.pricing.totals import (
    LINES,
    SHIPPING,
    Charge,
    ChargeKind,
    Discount,
    DiscountKind,
    Totals,
    less_gift_card,
    price,
)

currencies = st.sampled_from(["JPY", "BRL", "KWD"])


def brl(minor: int) -> Money:
    return Money(minor, "BRL")


@st.composite
def priced(draw: st.DrawFn) -> tuple[Totals, list[Charge], list[Discount]]:
    currency = draw(currencies)
    charges = [
        Charge(
            f"{index}",
            Money(draw(st.integers(0, 10**6)), currency),
            draw(st.sampled_from(ChargeKind)),
            draw(st.integers(1, 20)),
            tuple(
                Tax(draw(st.decimals(0, 1, places=3)), name)
                for name in draw(st.lists(st.sampled_from("ab"), unique=True))
            ),
            draw(st.booleans()),
        )
        for index in range(draw(st.integers(0, 8)))
    ]
    discounts = [
        Discount(
            f"D{index}",
            draw(st.sampled_from(DiscountKind)),
            Decimal(draw(st.integers(0, 2000))),
            on=draw(st.sets(st.sampled_from(ChargeKind), min_size=1)),
            spread=draw(st.booleans()),
            only=draw(st.sets(st.sampled_from("0123"))),
            per_unit=draw(st.booleans()),
            max_units=draw(st.none() | st.integers(0, 5)),
            most=draw(st.none() | st.integers(0, 2000)),
        )
        for index in range(draw(st.integers(0, 4)))
    ]
    return price(charges, discounts, currency), charges, discounts


@given(priced())
def test_nothing_is_lost_between_the_prices_and_the_total(
    drawn: tuple[Totals, list[Charge], list[Discount]],
) -> None:
    totals, charges, _ = drawn
    for one, charge in zip(totals.priced, charges, strict=True):
        paid = one.amounts.gross if charge.included else one.amounts.net
        assert paid + one.discount == charge.amount
        assert min(paid, one.discount).minor >= 0
    assert totals.net + totals.tax == totals.gross
    assert totals.gross == total([totals.of(kind).gross for kind in ChargeKind], totals.currency)
    untaxed = [one for one in totals.priced if not one.charge.taxes]
    assert all(one.amounts.tax.minor == 0 for one in untaxed)
    assert total([row.tax for row in totals.taxes], totals.currency) == totals.tax


@given(priced())
def test_a_discount_is_only_off_what_it_is_for(
    drawn: tuple[Totals, list[Charge], list[Discount]],
) -> None:
    totals, _, discounts = drawn
    for one in totals.priced:
        for discount in discounts:
            if discount.id in one.taken:
                assert one.charge.kind in discount.on
                assert not discount.only or one.charge.id in discount.only


def test_one_after_the_other_each_takes_of_what_is_left() -> None:
    charges = [Charge("A", brl(5000)), Charge("B", brl(15000))]
    ten = Decimal(10)
    totals = price(
        charges,
        [
            Discount("first", DiscountKind.PERCENT, ten, spread=True),
            Discount("second", DiscountKind.PERCENT, ten),
        ],
        "BRL",
    )
    assert [one.taken for one in totals.priced] == [
        {"first": brl(500), "second": brl(450)},
        {"first": brl(1500), "second": brl(1350)},
    ]


@pytest.mark.parametrize(
    ("discount", "left"),
    [
        (Discount("D", DiscountKind.FIXED, Decimal(100)), 900),
        (Discount("D", DiscountKind.FIXED, Decimal(100), per_unit=True), 600),
        (Discount("D", DiscountKind.FIXED, Decimal(100), per_unit=True, max_units=3), 700),
        (Discount("D", DiscountKind.FIXED, Decimal(9999)), 0),
        (Discount("D", DiscountKind.PERCENT, Decimal("12.5")), 875),
        (Discount("D", DiscountKind.PERCENT, Decimal(110)), 0),
        (Discount("D", DiscountKind.PERCENT, Decimal(50), most=300), 700),
        (Discount("D", DiscountKind.PERCENT, Decimal(50), most=300, spread=True), 700),
        (Discount("D", DiscountKind.FIXED_UNIT_PRICE, Decimal(200)), 800),
        (Discount("D", DiscountKind.FIXED_UNIT_PRICE, Decimal(300)), 1000),
        (Discount("D", DiscountKind.FIXED_TOTAL, Decimal(420)), 420),
        (Discount("D", DiscountKind.FIXED, Decimal(100), on=SHIPPING), 1000),
        (Discount("D", DiscountKind.FIXED, Decimal(100), only={"B"}), 1000),
    ],
)
def test_what_a_discount_leaves_of_a_line(discount: Discount, left: int) -> None:
    totals = price([Charge("A", brl(1000), quantity=4)], [discount], "BRL")
    assert totals.gross == brl(left)


def test_a_spread_amount_is_off_lines_and_shipping_but_not_off_a_fee() -> None:
    charges = [
        Charge("A", brl(3000)),
        Charge("ship", brl(1000), ChargeKind.SHIPPING),
        Charge("wrap", brl(500), ChargeKind.FEE),
    ]
    off = Discount("D", DiscountKind.FIXED, Decimal(400), on=LINES | SHIPPING, spread=True)
    totals = price(charges, [off], "BRL")
    assert [one.discount.minor for one in totals.priced] == [300, 100, 0]


def test_a_negative_fee_lowers_net_and_tax() -> None:
    tax = (Tax(Decimal("0.20")),)
    charges = [
        Charge("A", brl(1000), taxes=tax, included=True),
        Charge("less", brl(-240), ChargeKind.FEE, taxes=tax, included=True),
    ]
    totals = price(charges, [], "BRL")
    assert (totals.net.minor, totals.tax.minor, totals.gross.minor) == (633, 127, 760)


@given(currencies, st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 10**6))
def test_a_gift_card_pays_gross_and_never_more_than_it_holds(
    currency: str, net: int, tax: int, balance: int
) -> None:
    gross = Money(net + tax, currency)
    left = less_gift_card(Money(net, currency), gross, Money(balance, currency))
    assert (gross - left[1]).minor == min(balance, gross.minor)
    assert Money.zero(currency) <= left[0] <= left[1]
