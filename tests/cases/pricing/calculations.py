"""Cases that price a basket, and what is asserted of its totals."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

from oms.kernel.money import Money, total
from oms.pricing.shares import allocate, of_units
from oms.pricing.totals import ChargeKind, Priced, Totals, less_gift_card
from tests import samples
from tests.cases.pricing.charges import (
    COUNTERS,
    Basket,
    basket_of,
    currency_of,
    discounts_of,
    promotions_of,
)
from tests.cases.reading import Keys, NotUnderstoodError

Facts = dict[str, Any]


def calculation(given: Keys, when: Any, then: Keys) -> Facts:
    if _changes_rates(when):
        return _captured_rate(given)
    if when not in ("calculate", "tax_summary"):
        raise NotUnderstoodError(f"when: {when!r}")
    basket = basket_of(given)
    discounts = discounts_of(given, basket)
    totals = basket.price(discounts)
    facts = {
        **_facts(totals, then),
        **_of_promotions(totals, promotions_of(given)),
        **_of_counters(basket, totals),
        "applied": [discount.id for discount in discounts],
    }
    return within_tolerance(facts, then)


def _facts(totals: Totals, then: Keys) -> Facts:
    return {
        **_sums(totals),
        **_of_lines(totals.of(ChargeKind.LINE)),
        **_of_shipping(totals.of(ChargeKind.SHIPPING), then),
        "summary": _summary(totals),
    }


def gift_card(given: Keys, when: Any, then: Keys) -> Facts:
    if when != "apply_gift_card":
        raise NotUnderstoodError(f"when: {when!r}")
    currency = currency_of(given)
    net, gross, balance = (
        Money(given.value(name), currency)
        for name in ("total_net", "total_gross", "gift_card_balance")
    )
    left = less_gift_card(net, gross, balance)
    paid = gross - left[1]
    return {
        "net": left[0].minor,
        "gross": left[1].minor,
        "tax": (left[1] - left[0]).minor,
        "paid": paid.minor,
        "gift_card_balance": (balance - paid).minor,
    }


def by_unit(given: Keys, when: Any, then: Keys) -> Facts:
    """What each unit of the lines costs, when their amount is divided among them."""
    if when != "distribute_to_units":
        raise NotUnderstoodError(f"when: {when!r}")
    basket = basket_of(given)
    totals = basket.price(discounts_of(given, basket))
    prices = {one.charge.id: _unit_prices(one) for one in totals.of(ChargeKind.LINE).priced}
    by_line = {
        "unit_prices": prices,
        "unit_prices_sorted": {name: sorted(each) for name, each in prices.items()},
        "line_total": {name: sum(each) for name, each in prices.items()},
    }
    units = [minor for each in prices.values() for minor in each]
    of_all = {
        "unit_prices": units,
        "unit_prices_sorted": sorted(units),
        "line_total": sum(units),
        "sum": sum(units),
    }
    asked = {name for name, told in then.members.items() if isinstance(told, Mapping)}
    named = {name: told for name, told in by_line.items() if name in asked}
    return {**_facts(totals, then), **of_all, **named}


def within_tolerance(facts: Facts, then: Keys) -> Facts:
    """Sums that are as near to the expected ones as the case allows are what it expects."""
    allowed = then.value("tolerance", 0)
    near = {
        name: value
        for name, value in then.members.items()
        if _is_number(value) and _is_number(facts.get(name)) and abs(value - facts[name]) <= allowed
    }
    return {**facts, **near, "tolerance": allowed}


def _is_number(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _changes_rates(when: Any) -> bool:
    verbs = [*when] if isinstance(when, Mapping) else [when]
    return verbs in (["delete_tax_rate"], ["change_tax_rate"], ["update_tax_rate"])


def _captured_rate(given: Keys) -> Facts:
    """An order says itself at which rate it was taxed; no table of rates is asked again."""
    line = replace(samples.line("A"), tax_rate=given.value("order_tax_line_rate"))
    return {"order_tax_line_rate": line.tax_rate}


def _unit_prices(one: Priced) -> list[int]:
    paid = _as_priced(one)
    return [part.minor for part in allocate(paid, [1] * one.charge.quantity)]


def _as_priced(one: Priced) -> Money:
    """With tax where the price has it, else without."""
    return one.charge.amount - one.discount


def _sums(totals: Totals) -> Facts:
    goods = totals.of(ChargeKind.LINE, ChargeKind.FEE)
    fees = totals.of(ChargeKind.FEE)
    currency = totals.currency
    return {
        "net": totals.net.minor,
        "tax": totals.tax.minor,
        "gross": totals.gross.minor,
        "subtotal": total([_as_priced(one) for one in goods.priced], currency).minor,
        "subtotal_net": goods.net.minor,
        "subtotal_gross": goods.gross.minor,
        "subtotal_tax": goods.tax.minor,
        "surcharge_net": fees.net.minor,
        "surcharge_gross": fees.gross.minor,
        "surcharge_tax": fees.tax.minor,
        "discount": totals.discount.minor,
        "undiscounted_total": total([one.charge.amount for one in totals.priced], currency).minor,
    }


def _of_lines(lines: Totals) -> Facts:
    facts: dict[str, dict[str, int]] = {
        name: defaultdict(int)
        for name in ("line_net", "line_tax", "line_gross", "line_total", "line_discount")
    }
    for one in lines.priced:
        name = one.charge.id
        facts["line_net"][name] += one.amounts.net.minor
        facts["line_tax"][name] += one.amounts.tax.minor
        facts["line_gross"][name] += one.amounts.gross.minor
        facts["line_total"][name] += _as_priced(one).minor
        facts["line_discount"][name] += one.discount.minor
    return dict(facts)


def _of_shipping(shipping: Totals, then: Keys) -> Facts:
    rates = [tax.rate for one in shipping.priced for tax in one.charge.taxes]
    told = then.value("shipping_tax_rate")
    return {
        "shipping": sum(_as_priced(one).minor for one in shipping.priced),
        "shipping_net": shipping.net.minor,
        "shipping_gross": shipping.gross.minor,
        "shipping_tax": shipping.tax.minor,
        "shipping_discount": {one.charge.id: one.discount.minor for one in shipping.priced},
        "shipping_tax_rate": _rate(rates[0] if rates else Decimal(0), told),
    }


def _rate(rate: Decimal, told: Any) -> str:
    """With as many decimals as it is told with."""
    decimals = len(str(told or "").partition(".")[2])
    return f"{rate:.{decimals}f}" if decimals else f"{rate.normalize():f}"


def _of_promotions(totals: Totals, promotions: list[str]) -> Facts:
    def taken(kind: ChargeKind) -> dict[str, dict[str, int]]:
        priced = totals.of(kind).priced
        return {
            name: {one.charge.id: one.taken[name].minor for one in priced if name in one.taken}
            for name in promotions
        }

    whole = {
        name: sum(one.taken[name].minor for one in totals.priced if name in one.taken)
        for name in promotions
    }
    return {
        "line_discount_by_promotion": taken(ChargeKind.LINE),
        "shipping_discount_by_promotion": taken(ChargeKind.SHIPPING),
        "discount_amount": whole,
        "discount_by_promotion": whole,
    }


def _of_counters(basket: Basket, totals: Totals) -> Facts:
    sums = dict.fromkeys(COUNTERS.values(), 0)
    for one in totals.of(ChargeKind.LINE).priced:
        counts: Mapping[str, int] = basket.counts.get(one.charge.id, {})
        for counter, units in counts.items():
            sums[COUNTERS[counter]] += of_units(one.amounts.gross, units, one.charge.quantity).minor
    return sums


def _summary(totals: Totals) -> list[Facts]:
    return [
        {
            "name": row.name,
            "rate": f"{row.rate:f}",
            "base": row.base.minor,
            "tax": row.tax.minor,
        }
        for row in totals.taxes
    ]
