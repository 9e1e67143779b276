"""Tax of what is charged, added to a price or contained in it, at one rate or several. Pure.

A charge (all units of a line, the shipping, a fee) is taxed as a whole, after its discounts, and
its tax is rounded once:

- prices **without** tax: tax = amount x rate, net = amount;
- prices **with** tax: net = amount / (1 + rate), tax = amount - net.

Of several rates (state and city) the sum is what is taxed at; each then has its share of the tax,
by largest remainder in proportion to the rates. The sums of an order are sums of its charges, so
net + tax = gross holds for each of them and for all, and a summary by rate adds up to the tax.

A rate is a fraction, such as ``Decimal("0.23")``; outside it is a decimal string.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from oms.kernel.errors import Invalid
from oms.kernel.money import Money, total
from oms.pricing.shares import allocate, rounded

_RATE = re.compile(r"[0-9](\.[0-9]{1,6})?")
_UNIT = 10**6


@dataclass(frozen=True, slots=True)
class Tax:
    """One of the taxes on a charge; ``name`` is only shown. Rates have at most six decimals."""

    rate: Decimal
    name: str = ""


@dataclass(frozen=True, slots=True)
class Taxed:
    """What a charge comes to; ``parts`` are what the tax is of each of its taxes."""

    net: Money
    tax: Money
    parts: tuple[Money, ...]

    @property
    def gross(self) -> Money:
        return self.net + self.tax


@dataclass(frozen=True, slots=True)
class TaxRow:
    """All tax of one name and rate, and the net amount it is of."""

    name: str
    rate: Decimal
    base: Money
    tax: Money


def parse_rate(text: str) -> Decimal:
    """A rate such as ``"0.23"``, from 0 to below 10, with at most six decimals. Raises ``Invalid``
    (``invalid_tax_rate``)."""
    if not _RATE.fullmatch(text):
        raise Invalid(f"{text!r} is not a rate of tax", code="invalid_tax_rate")
    return Decimal(text)


def taxed(amount: Money, taxes: Sequence[Tax], *, included: bool) -> Taxed:
    """Of an ``amount`` after all discounts, which contains the tax when ``included``. Negative
    amounts are taxed as positive ones."""
    rate = sum(map(_millionths, taxes))
    if included:
        net = Money(rounded(amount.minor * _UNIT, _UNIT + rate), amount.currency)
        tax = amount - net
    else:
        net, tax = amount, Money(rounded(amount.minor * rate, _UNIT), amount.currency)
    return Taxed(net, tax, allocate(tax, [_millionths(one) for one in taxes]))


def price_elsewhere(unit_price: Money, home: Sequence[Tax]) -> Money:
    """What a unit costs, without tax, where the catalogue's rates are not those that apply: its
    price contains the tax of ``home``, and is taxed again at the destination's rates."""
    return taxed(unit_price, home, included=True).net


def weighted_rate(nets: Iterable[tuple[Money, Decimal]]) -> Decimal:
    """The average rate of amounts, each weighing as much as it is, to four decimals: what shipping
    is taxed at where it shares the fate of the goods. Zero of nothing."""
    pairs = [(net.minor, _millionths(Tax(rate))) for net, rate in nets]
    whole = sum(minor for minor, _ in pairs)
    if not whole:
        return Decimal(0)
    return Decimal(rounded(sum(minor * rate for minor, rate in pairs), whole * 100)).scaleb(-4)


def tax_summary(charges: Iterable[tuple[Sequence[Tax], Taxed]]) -> tuple[TaxRow, ...]:
    """The tax of several charges by name and rate, in the order in which these appear."""
    rows = dict[Tax, list[tuple[Money, Money]]]()
    for taxes, amounts in charges:
        for tax, part in zip(taxes, amounts.parts, strict=True):
            rows.setdefault(tax, []).append((amounts.net, part))
    return tuple(
        TaxRow(
            tax.name,
            tax.rate,
            base=total([net for net, _ in found], found[0][0].currency),
            tax=total([part for _, part in found], found[0][0].currency),
        )
        for tax, found in rows.items()
    )


def _millionths(tax: Tax) -> int:
    return int(tax.rate * _UNIT)
