"""What a case charges and takes off, as charges and discounts of ours."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, TypeVar

from oms.kernel.money import Money
from oms.pricing.tax import Tax, parse_rate, price_elsewhere, taxed, weighted_rate
from oms.pricing.totals import (
    LINES,
    SHIPPING,
    Charge,
    ChargeKind,
    Discount,
    DiscountKind,
    Totals,
    price,
)
from tests.cases.reading import Keys, NotUnderstoodError

T = TypeVar("T")
_DECIMALS = {0: "JPY", 2: "USD", 3: "KWD"}
WEIGHTED = "weighted"
# Counters of a line, and what their sums of money are called.
COUNTERS = {
    "fulfilled": "fulfilled_total",
    "shipped": "shipped_total",
    "delivered": "delivered_total",
    "return_requested": "return_requested_total",
    "return_received": "return_received_total",
    "return_dismissed": "return_dismissed_total",
    "written_off": "write_off_total",
}


@dataclass
class Basket:
    """``weighted``: ids of charges that are taxed at the average rate of the lines. ``marks``: what
    a promotion may know a line by. ``counts``: units of lines by counter."""

    currency: str
    charges: list[Charge] = field(default_factory=list)
    given_off: list[Discount] = field(default_factory=list)
    weighted: set[str] = field(default_factory=set)
    marks: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    counts: dict[str, Mapping[str, int]] = field(default_factory=dict)

    def ids(self, kind: ChargeKind) -> list[str]:
        return [one.id for one in self.charges if one.kind is kind]

    def price(self, discounts: list[Discount]) -> Totals:
        totals = price(self.charges, [*self.given_off, *discounts], self.currency)
        if not self.weighted:
            return totals
        rate = weighted_rate(
            (one.amounts.net, sum((tax.rate for tax in one.charge.taxes), Decimal(0)))
            for one in totals.of(ChargeKind.LINE).priced
        )
        charges = [
            replace(one, taxes=(Tax(rate),)) if one.id in self.weighted else one
            for one in self.charges
        ]
        return price(charges, [*self.given_off, *discounts], self.currency)


def currency_of(given: Keys) -> str:
    decimals = given.value("currency_decimals", 2)
    if decimals not in _DECIMALS:
        raise NotUnderstoodError(f"currency_decimals: {decimals!r}")
    return str(given.value("currency", _DECIMALS[decimals]))


def basket_of(given: Keys) -> Basket:
    basket = Basket(currency_of(given))
    rules = _Rules(
        basket.currency,
        included=given.value("prices_include_tax", False),
        untaxed=given.value("untaxed", False),
        default=given.value("default_rate"),
        home=given.value("home_rate"),
    )
    by_unit = _rounds_units(given)
    # What was reckoned before is reckoned again.
    given.value("stored_subtotal")
    if "amount" in given:
        basket.charges.append(Charge("amount", basket_money(basket, given.value("amount"))))
    for number, line in enumerate(given.each("lines")):
        _add_line(basket, rules, line, f"{number}", by_unit)
    _add_discounts_of_lines(basket, given.keys("line_discount_net"))
    for number, said in enumerate(_shipping_of(given)):
        charge = rules.charge(said, f"shipping.{number}", ChargeKind.SHIPPING, basket)
        basket.charges.append(charge)
        said.done()
    for number, said in enumerate(given.each("surcharges", "fees")):
        basket.charges.append(rules.charge(said, f"fee.{number}", ChargeKind.FEE, basket))
        said.done()
    return basket


def basket_money(basket: Basket, minor: Any) -> Money:
    return Money(_minor(minor), basket.currency)


def discounts_of(given: Keys, basket: Basket) -> list[Discount]:
    """The promotions that take effect, in their order. One with a coupon needs it to be entered;
    the others are automatic."""
    entered = given.value("coupons", [])
    automatic = given.value("automatic_promotions", "applied")
    if automatic not in ("applied", "suppressed"):
        raise NotUnderstoodError(f"automatic_promotions: {automatic!r}")
    found: list[Discount] = []
    for said in given.each("promotions"):
        coupon = said.value("coupon", "")
        least, currency = said.value("min_subtotal", 0), said.value("currency", basket.currency)
        discount = _discount(said, basket)
        said.done()
        if coupon not in entered if coupon else automatic == "suppressed":
            continue
        if currency != basket.currency:
            continue
        if _subtotal(basket.price(found)) >= least:
            found.append(discount)
    return found


def promotions_of(given: Keys) -> list[str]:
    return [said.value("id") for said in given.each("promotions")]


@dataclass(frozen=True)
class _Rules:
    """How charges are taxed that do not say so themselves."""

    currency: str
    included: bool
    untaxed: bool
    default: str | None
    home: str | None

    def charge(self, said: Keys, name: str, kind: ChargeKind, basket: Basket) -> Charge:
        identity = said.value("id", name)
        quantity = said.value("qty", 1)
        unit_price, whole = said.value("unit_price"), said.first("line_total", "price", "amount")
        minor = _minor(unit_price) * quantity if whole is None else _minor(whole)
        included = said.first("price_includes_tax", "includes_tax", default=self.included)
        taxes = self._taxes(said, identity, basket)
        charge = Charge(
            identity, Money(minor, self.currency), kind, quantity, taxes, included=included
        )
        return self._elsewhere(said, charge)

    def _taxes(self, said: Keys, identity: str, basket: Basket) -> tuple[Tax, ...]:
        rate = said.first("destination_rate", "tax_rate", default=None)
        named = tuple(
            Tax(parse_rate(tax.value("rate")), tax.value("name", "")) for tax in said.each("taxes")
        )
        if self.untaxed:
            return ()
        if rate == WEIGHTED:
            basket.weighted.add(identity)
            return ()
        rate = self.default if rate is None else rate
        return named or (() if rate is None else (Tax(parse_rate(rate)),))

    def _elsewhere(self, said: Keys, charge: Charge) -> Charge:
        """At the rate of another destination, the catalogue's price without tax is taxed."""
        if "destination_rate" not in said.members or self.home is None:
            return charge
        home = Tax(parse_rate(self.home))
        abroad = said.value("destination") not in (None, "home")
        if not charge.included or (charge.taxes == (home,) and not abroad):
            return charge
        unit = Money(charge.amount.minor // charge.quantity, self.currency)
        net = price_elsewhere(unit, [home])
        return replace(
            charge, amount=Money(net.minor * charge.quantity, self.currency), included=False
        )


def _add_line(basket: Basket, rules: _Rules, said: Keys, name: str, by_unit: bool) -> None:
    charge = rules.charge(said, name, ChargeKind.LINE, basket)
    marks = {one: said.value(one) for one in ("tags", "tag", "category", "product")}
    basket.marks[charge.id] = marks
    basket.counts[charge.id] = {one: said.value(one, 0) for one in COUNTERS}
    for number, minor in enumerate(said.value("discounts", [])):
        basket.given_off.append(_given_off(charge, f"{charge.id}.{number}", _minor(minor)))
    said.done()
    if not by_unit:
        basket.charges.append(charge)
        return
    unit = replace(
        charge, quantity=1, amount=Money(charge.amount.minor // charge.quantity, basket.currency)
    )
    basket.charges.extend([unit] * charge.quantity)


def _rounds_units(given: Keys) -> bool:
    """Whether each unit is a charge of its own; ours are all units of a line."""
    rounding = given.value("rounding", "multiply then round")
    if rounding not in ("multiply then round", "round then multiply"):
        raise NotUnderstoodError(f"rounding: {rounding!r}")
    return bool(rounding == "round then multiply")


def _add_discounts_of_lines(basket: Basket, said: Keys) -> None:
    charges = {one.id: one for one in basket.charges}
    for name, minor in said.named():
        if name not in charges:
            raise NotUnderstoodError(f"line_discount_net: {name}")
        charge = charges[name]
        off = Money(_minor(minor), basket.currency)
        if charge.included:
            off = taxed(off, charge.taxes, included=False).gross
        basket.given_off.append(_given_off(charge, f"{name}.net", off.minor))


def _given_off(charge: Charge, name: str, minor: int) -> Discount:
    return Discount(name, DiscountKind.FIXED, Decimal(minor), only=frozenset({charge.id}))


def _shipping_of(given: Keys) -> Iterator[Keys]:
    """None, one, or several."""
    said = given.value("shipping")
    each = said if isinstance(said, list) else [said] if said is not None else []
    for number, members in enumerate(each):
        yield Keys(f"given.shipping.{number}", members)


# By scope and base: which charges, and whether it is spread over them.
_ON = {
    ("line", "subtotal"): (LINES, False),
    ("order", "subtotal"): (LINES, True),
    ("order", "subtotal_and_shipping"): (LINES | SHIPPING, True),
    ("shipping", "subtotal"): (SHIPPING, False),
    ("shipping", "shipping"): (SHIPPING, False),
}
_ALLOCATIONS = {"each": False, "across": True, True: True, False: False}
_SPREAD = {"unit": False, "line": False, "order": True, "total": True}
_TYPES: dict[str, DiscountKind] = {kind.value: kind for kind in DiscountKind}


def _discount(said: Keys, basket: Basket) -> Discount:
    scope = (said.value("scope"), said.value("base", "subtotal"))
    if scope not in _ON:
        raise NotUnderstoodError(f"promotion: {scope}")
    on, spread = _ON[scope]
    per = said.value("per", "line")
    spread = spread or _known(per, _SPREAD, "per")
    if (allocation := said.first("allocation", "spread")) is not None:
        spread = _known(allocation, _ALLOCATIONS, "allocation")
    return Discount(
        said.value("id"),
        _known(said.value("type"), _TYPES, "type"),
        Decimal(said.first("value", "percent")),
        on,
        spread,
        frozenset(_only(said.value("applies_to"), basket)),
        per_unit=per == "unit",
        max_units=said.value("max_units"),
        most=said.first("max_discount", "max_amount", default=None),
    )


def _only(applies_to: Any, basket: Basket) -> Iterator[str]:
    """Ids of charges; of a mark, the lines that have it. ``-``: of none."""
    if applies_to is None:
        return
    if isinstance(applies_to, list):
        yield from applies_to or ["-"]
        return
    yield "-"
    for name, marks in basket.marks.items():
        if all(_has(marks, mark, value) for mark, value in applies_to.items()):
            yield name


def _has(marks: Mapping[str, Any], mark: str, value: Any) -> bool:
    if mark not in marks:
        raise NotUnderstoodError(f"applies_to: {mark}")
    return marks[mark] == value or value in (marks.get(f"{mark}s") or ())


def _subtotal(totals: Totals) -> int:
    """Of the lines as they are priced, with what is off them by now."""
    return sum(
        one.charge.amount.minor - one.discount.minor for one in totals.of(ChargeKind.LINE).priced
    )


def _known(word: Any, words: Mapping[Any, T], what: str) -> T:
    if word not in words:
        raise NotUnderstoodError(f"{what}: {word!r}")
    return words[word]


def _minor(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise NotUnderstoodError(f"not minor units: {value!r}")
    return value
