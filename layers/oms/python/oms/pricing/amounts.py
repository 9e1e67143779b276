"""What the parts of a captured order come to, so that all of them sum to its total. Pure.

A channel states what each line costs, its discount and its tax, and one discount more on the order.
That one is spread: over the lines' prices, then, when it is more than these, over the tax that was
added to them, then over the shipping with its tax, and the fees with theirs. Prices that contain
tax are lowered as a whole; their tax is no more than what is left of them.

Of a line with several units any of them come to what ``AmountsOf.of_units`` says, so that all
cancellations, returns and refunds of it together come to the line, to the last minor unit.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from oms.kernel.money import Money, total
from oms.pricing.shares import allocate, of_units


@dataclass(frozen=True, slots=True)
class Charged:
    """A charge as its channel states it: ``amount`` after its own ``discount``, and its ``tax``,
    which ``amount`` contains when prices include tax."""

    amount: Money
    tax: Money
    discount: Money


@dataclass(frozen=True, slots=True)
class LineAmounts:
    """What a line (or the shipping, or a fee) comes to: ``gross`` is what the customer pays, and is
    ``net`` + ``tax``; ``discount`` is all that is off, with the part of the order's discount."""

    gross: Money
    net: Money
    tax: Money
    discount: Money

    def of_units(self, units: int, quantity: int, before: int = 0) -> "LineAmounts":
        """Of ``units`` of a line's ``quantity``, beside ``before`` units that were reckoned
        earlier."""
        gross = of_units(self.gross, units, quantity, before)
        earlier = of_units(self.gross, before, quantity)
        tax = of_units(self.tax, gross.minor, self.gross.minor, earlier.minor)
        discount = of_units(self.discount, units, quantity, before)
        return LineAmounts(gross, gross - tax, tax, discount)

    def of_gross(self, gross: Money, before: Money | None = None) -> "LineAmounts":
        """Of a part of what the customer pays for it, such as some of the shipping, beside what of
        that was reckoned ``before``."""
        earlier = before.minor if before else 0
        return self.of_units(gross.minor, self.gross.minor, earlier)


@dataclass(frozen=True, slots=True)
class OrderAmounts:
    """In the order of what they are of. The ``gross`` of all is the order's total."""

    lines: tuple[LineAmounts, ...]
    shipping: LineAmounts
    fees: tuple[LineAmounts, ...]

    @property
    def gross(self) -> Money:
        each = [one.gross for one in (*self.lines, self.shipping, *self.fees)]
        return total(each, self.shipping.gross.currency)


def order_amounts(
    lines: Sequence[Charged],
    shipping: Charged,
    fees: Sequence[Charged],
    discount: Money,
    *,
    included: bool,
) -> OrderAmounts:
    """``discount`` is the order's own, beside those of the charges, and not more than all of
    them."""
    groups = (lines, (shipping,), fees)
    nothing = Money.zero(discount.currency)
    pots: list[list[Money]] = []
    for group in groups:
        pots.append([charge.amount for charge in group])
        pots.append([nothing if included else charge.tax for charge in group])
    off = [*_off_each_pot(discount, pots)]
    of_lines, of_shipping, of_fees = (
        tuple(
            _amounts(charge, off_amount, off_tax, included)
            for charge, off_amount, off_tax in zip(group, off_amounts, off_taxes, strict=True)
        )
        for group, off_amounts, off_taxes in zip(groups, off[::2], off[1::2], strict=True)
    )
    return OrderAmounts(of_lines, of_shipping[0], of_fees)


def total_of(charges: Iterable[Charged], discount: Money, *, included: bool) -> Money:
    """What charges come to less ``discount``, whether or not they come to as much."""
    added = [charge.amount if included else charge.amount + charge.tax for charge in charges]
    return total(added, discount.currency) - discount


def discount_parts(discount: Money, amounts: Sequence[Money]) -> tuple[Money, ...]:
    """Of a discount as much as ``amounts`` hold, spread over them in proportion."""
    weights = [max(0, amount.minor) for amount in amounts]
    return allocate(Money(min(discount.minor, sum(weights)), discount.currency), weights)


def _off_each_pot(discount: Money, pots: Iterable[Sequence[Money]]) -> Iterator[tuple[Money, ...]]:
    """One pot after the other, as long as some of the discount is left."""
    for pot in pots:
        parts = discount_parts(discount, pot)
        discount -= total(parts, discount.currency)
        yield parts


def _amounts(charge: Charged, off: Money, off_tax: Money, included: bool) -> LineAmounts:
    left, discount = charge.amount - off, charge.discount + off + off_tax
    if included:
        tax = min(charge.tax, left)
        return LineAmounts(left, left - tax, tax, discount)
    tax = charge.tax - off_tax
    return LineAmounts(left + tax, left, tax, discount)
