"""Cases of the tax and the shipping that a refund holds: pure sums, see ``oms.pricing.refunds``."""

from typing import Any

from oms.kernel.errors import Conflict
from oms.kernel.money import Money
from oms.pricing.refunds import (
    Invoiced,
    ShippingRefund,
    TaxRefund,
    refund_shipping,
    refund_tax,
    without_tax,
)
from oms.pricing.shares import share
from tests.cases.observing import Pure
from tests.cases.reading import Keys, NotUnderstoodError

Facts = dict[str, Any]
_CURRENCY = "USD"


def _money(minor: int) -> Money:
    return Money(minor, _CURRENCY)


# --- tax ------------------------------------------------------------------------------------


def tax(given: Keys, when: Any, then: Keys) -> Facts:
    if when != "add_tax_to_refund":
        raise NotUnderstoodError(f"when: {when!r}")
    rate = given.value("display_per_base")
    if rate is None:
        return _tax(given)
    base = given.keys("base")
    facts = _tax(base)
    base.done()
    return {**facts, "base": facts, "display": _times(facts, rate)}


def _tax(given: Keys) -> Facts:
    before = given.keys("refund_before_tax")
    total, contained = _money(before.value("total")), _money(before.value("tax", 0))
    before.done()
    lines = [(line.value("id"), _line(line)) for line in given.each("lines")]
    shipping = given.keys("shipping")
    charges = [*(line for _, line in lines), _shipping(shipping)]
    shipping.done()
    found = refund_tax(charges, contained, total, _most(given, charges, contained))
    return _tax_facts([name for name, _ in lines], found)


def _most(given: Keys, charges: list[Invoiced], contained: Money) -> Money:
    """All tax that was invoiced and is not refunded yet; as much as there is when nothing says."""
    invoiced = given.value("order_tax_invoiced")
    if invoiced is not None:
        return _money(invoiced - given.value("order_tax_refunded", 0))
    left = sum(one.tax.minor - one.tax_refunded.minor for one in charges)
    return contained + _money(left)


def _line(said: Keys) -> Invoiced:
    line = Invoiced(
        part=said.value("refund_qty"),
        whole=said.value("qty_invoiced"),
        tax=_money(said.value("tax_invoiced", 0)),
        tax_refunded=_money(said.value("tax_refunded", 0)),
        contained=_money(said.value("hidden_tax_invoiced", 0)),
        part_refunded=said.value("qty_refunded", 0),
    )
    said.done()
    return line


def _shipping(said: Keys) -> Invoiced:
    amount = said.value("amount", 0)
    return Invoiced(
        part=said.value("refund_amount", 0),
        whole=amount,
        tax=_money(said.first("tax", "tax_invoiced", default=0)),
        tax_refunded=_money(said.value("tax_refunded", 0)),
        contained=_money(said.first("hidden_tax", "hidden_tax_invoiced", default=0)),
        part_refunded=said.first("amount_refunded", "refunded", default=0),
    )


def _tax_facts(names: list[str], found: TaxRefund) -> Facts:
    *lines, shipping = found.each
    return {
        "line_tax": {name: part.minor for name, part in zip(names, lines, strict=True)},
        "shipping_tax": shipping.minor,
        "tax": found.tax.minor,
        "total": found.total.minor,
    }


def _times(facts: Facts, rate: int) -> Facts:
    """In the currency that the customer sees."""
    return {
        name: _times(value, rate) if isinstance(value, dict) else value * rate
        for name, value in facts.items()
    }


# --- shipping -------------------------------------------------------------------------------


def shipping(given: Keys, when: Any, then: Keys) -> Facts:
    asked = Keys("when", when)
    paid = _shipping_paid(given)
    refunded = _shipping_refunded(given, paid)
    before = given.value("refund_total_before", 0)
    amount = asked.value("refund_shipping")
    wanted = None if amount is None else _money(amount)
    with_tax = asked.value("refund_shipping_incl_tax")
    if with_tax is not None:
        wanted = without_tax(_money(with_tax), paid)
    asked.done()
    try:
        found = refund_shipping(paid, refunded, wanted)
    except Conflict as refused:
        refundable = Money.parse(str(refused.context["refundable"]), _CURRENCY).minor
        return {
            "accepted": False,
            "error": refused.problem_code,
            "shipping_refund": None,
            "refundable": refundable,
            "refund_total": before,
        }
    return {
        "accepted": True,
        "shipping_refund": found.amount.minor,
        "shipping_refund_tax": found.tax.minor,
        "shipping_refund_incl_tax": found.with_tax.minor,
        "refundable": paid.amount.minor - refunded.amount.minor,
        "refund_total": before + found.amount.minor,
    }


def _shipping_paid(given: Keys) -> ShippingRefund:
    amount = given.value("shipping", 0)
    with_tax = given.value("shipping_incl_tax")
    tax = given.value("shipping_tax", 0 if with_tax is None else with_tax - amount)
    return ShippingRefund(_money(amount), _money(tax))


def _shipping_refunded(given: Keys, paid: ShippingRefund) -> ShippingRefund:
    """With its tax in proportion, when that is not said."""
    amount = _money(given.value("shipping_refunded", 0))
    tax = given.value("shipping_tax_refunded")
    with_tax = given.value("shipping_refunded_incl_tax")
    if with_tax is not None:
        tax = with_tax - amount.minor
    if tax is None:
        return ShippingRefund(amount, share(paid.tax, amount.minor, paid.amount.minor))
    return ShippingRefund(amount, _money(tax))


KINDS: Pure = {"refund.tax": tax, "refund.shipping": shipping}
