"""Cases of prices, taxes and rounding, each a test under its id."""

import pytest

from tests.cases.comparing import compare
from tests.cases.observing import Case, Pure, Stored, observe
from tests.cases.pricing import calculations, spreading
from tests.cases.reading import cases

PURE: Pure = {
    "proration.integer": spreading.shares,
    "proration.order_discount": spreading.order_discount,
    "proration.per_unit": calculations.by_unit,
    "tax.single": calculations.calculation,
    "tax.multi": calculations.calculation,
    "tax.zone_change": calculations.calculation,
    "tax.summary": calculations.calculation,
    "tax.with_discount": calculations.calculation,
    "rounding": calculations.calculation,
    "discount.cap": calculations.calculation,
    "shipping.tax": calculations.calculation,
    "shipping.discount": calculations.calculation,
    "surcharge": calculations.calculation,
    "order_totals": calculations.calculation,
    "gift_card": calculations.gift_card,
}
STORED: Stored = {}

# Of the same file, and about which promotion is for whom: they are not run here.
ELSEWHERE = frozenset(
    {
        "promotion.combination",
        "promotion.condition",
        "promotion.item",
        "promotion.order",
        "coupon",
        "buy_get",
        "campaign_budget",
        "calculator",
    }
)

FILES = ("pricing_promotions.json", "pricing_own.json")


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(case, id=case["id"])
        for file in FILES
        for case in cases(file)
        if case["kind"] not in ELSEWHERE
    ],
)
def test_pricing(case: Case) -> None:
    compare(case, observe(case, PURE, STORED))
