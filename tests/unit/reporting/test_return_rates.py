from dataclasses import replace
from datetime import UTC, datetime
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oms.kernel.errors import Invalid
from oms.orders.model import Fulfillment, FulfillmentLine, Order
from oms.reporting.periods import last_months, month_of, months
from oms.reporting.return_rates import (
    UNIT,
    Counted,
    MonthCount,
    RankedBy,
    RateOf,
    RateSettings,
    ReturnRate,
    in_words,
    of_delivery,
    of_receipt,
    ranked,
)
from oms.returns.model import Receipt, Return, ReturnLine, ReturnUnits
from tests.samples import NOW, captured, line


def delivered(order: Order, *lines: FulfillmentLine) -> tuple[Counted, ...]:
    return of_delivery(order, Fulfillment("ful_1", "sp-dc", lines))


def rate(subject: str, of: int, returned: int, **reasons: int) -> ReturnRate:
    count = MonthCount("2026-05", of * UNIT, returned * UNIT, reasons)
    return ReturnRate(RateOf.PRODUCT, subject, (count,))


def test_a_delivery_counts_for_its_products_and_its_customer() -> None:
    order = captured(line("MUG", 2), line("TEE", 3), line("MUG", 1, line_id="2"))
    lines = [FulfillmentLine(one.line_id, one.quantity) for one in order.content.lines]
    assert delivered(order, *lines) == (
        Counted(RateOf.PRODUCT, "MUG", 3 * UNIT),
        Counted(RateOf.PRODUCT, "TEE", 3 * UNIT),
        Counted(RateOf.CUSTOMER, "c1", 6 * UNIT),
    )


def test_what_went_into_something_that_was_made_is_not_delivered() -> None:
    order = captured(line("MUG", 2))
    made = FulfillmentLine("MUG", 500, component=True, sku="CLAY")
    assert delivered(order, FulfillmentLine("MUG", 2), made)[0].delivered == 2 * UNIT


def test_kilograms_and_pieces_add_up() -> None:
    order = captured(replace(line("FLOUR", 1250), scale=3), line("MUG"))
    lines = [FulfillmentLine("FLOUR", 1250), FulfillmentLine("MUG", 1)]
    assert delivered(order, *lines)[-1] == Counted(RateOf.CUSTOMER, "c1", 2_250_000)


def test_an_order_of_nobody_we_know_counts_for_its_products() -> None:
    order = captured(line("MUG"))
    content = replace(order.content, customer=replace(order.content.customer, id=""))
    unknown = replace(order, content=content)
    assert [one.by for one in delivered(unknown, FulfillmentLine("MUG", 1))] == [RateOf.PRODUCT]


def test_what_comes_back_is_counted_by_its_reasons() -> None:
    order = captured(line("MUG", 2), line("TEE", 3), line("MUG", 1, line_id="2"))
    found = Return(
        "ret_1",
        (ReturnLine("MUG", 2, "damaged"), ReturnLine("TEE", 1, ""), ReturnLine("2", 1, "size")),
        NOW,
    )
    units = (ReturnUnits("MUG", 1), ReturnUnits("TEE", 1), ReturnUnits("2", 1))
    refused = (ReturnUnits("TEE", 2),)
    assert of_receipt(order, found, Receipt("r", "sp-dc", NOW, units, refused)) == (
        Counted(RateOf.PRODUCT, "MUG", reasons={"damaged": UNIT, "size": UNIT}),
        Counted(RateOf.PRODUCT, "TEE", reasons={"unknown": UNIT}),
        Counted(RateOf.CUSTOMER, "c1", reasons={"damaged": UNIT, "unknown": UNIT, "size": UNIT}),
    )


def test_a_rate_is_what_came_back_of_what_was_delivered() -> None:
    months_ = (MonthCount("2026-04", 8 * UNIT), MonthCount("2026-05", 2 * UNIT, 3 * UNIT))
    assert ReturnRate(RateOf.PRODUCT, "MUG", months_).rate == Fraction(3, 10)
    assert rate("MUG", 0, 0).rate == 0
    assert rate("MUG", 0, 2).rate == 1


def test_reasons_of_the_most_units_come_first() -> None:
    assert [*rate("MUG", 9, 6, a=1, b=3, c=2).reasons] == ["b", "c", "a"]


@pytest.mark.parametrize(
    ("found", "high"),
    [
        (rate("MUG", 20, 6), True),
        (rate("MUG", 20, 5), False),
        (rate("MUG", 19, 19), False),
        (replace(rate("c1", 10, 5), by=RateOf.CUSTOMER), True),
        (replace(rate("c1", 10, 4), by=RateOf.CUSTOMER), False),
        (replace(rate("c1", 9, 9), by=RateOf.CUSTOMER), False),
    ],
)
def test_a_rate_is_high_from_its_threshold_on_and_of_enough_units(
    found: ReturnRate, high: bool
) -> None:
    assert RateSettings().is_high(found) is high


def test_the_highest_come_first_of_those_with_enough_units() -> None:
    rates = [rate("a", 10, 1), rate("b", 10, 5), rate("c", 2, 2), rate("d", 20, 10)]
    assert [one.subject for one in ranked(rates, RankedBy.RATE, 5)] == ["d", "b", "a"]
    assert [one.subject for one in ranked(rates, RankedBy.RATE, 0)] == ["c", "d", "b", "a"]
    assert [one.subject for one in ranked(rates, RankedBy.RETURNED, 0)] == ["d", "b", "c", "a"]


def test_rates_are_written_with_four_decimals() -> None:
    assert [in_words(Fraction(*of)) for of in ((1, 3), (2, 3), (1, 1), (0, 1), (7, 20))] == [
        "0.3333",
        "0.6667",
        "1.0000",
        "0.0000",
        "0.3500",
    ]


@given(st.integers(0, 10**6), st.integers(1, 10**6))
def test_a_written_rate_is_off_by_half_a_ten_thousandth_at_most(part: int, whole: int) -> None:
    exact = Fraction(part, whole)
    assert abs(Fraction(in_words(exact)) - exact) <= Fraction(1, 20_000)


def test_months_are_counted_over_years() -> None:
    assert last_months("2026-02", 3) == ("2025-12", "2026-01", "2026-02")
    assert months("2025-11", "2026-01", 12) == ("2025-11", "2025-12", "2026-01")
    assert month_of(datetime(2026, 5, 31, 23, 59, tzinfo=UTC)) == "2026-05"


@pytest.mark.parametrize(
    ("since", "until"),
    [
        ("2026-5", "2026-05"),
        ("2026-13", "2026-12"),
        ("2026-06", "2026-05"),
        ("2025-01", "2026-01"),
        ("", "x"),
        ("0000-12", "0001-01"),
    ],
)
def test_months_that_are_none_are_refused(since: str, until: str) -> None:
    with pytest.raises(Invalid) as refused:
        months(since, until, 12)
    assert refused.value.problem_code == "invalid_period"
