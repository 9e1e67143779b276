"""What an order costs: its charges, the discounts on them, and the tax of what is left. Pure.

A *charge* is all units of a line, a shipping method, or a fee (gift wrap, a surcharge). Discounts
take effect in the order in which they are given, each on what those before it have left, and none
takes more than is there. One that is ``spread`` takes its amount off all its charges together,
divided in proportion to what is left of each; any other takes it off each one. Tax is of what is
left then; see ``oms.pricing.tax``.
"""

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from oms.kernel.money import Money, total
from oms.pricing.shares import allocate, rounded, share
from oms.pricing.tax import Tax, Taxed, TaxRow, tax_summary, taxed


class ChargeKind(StrEnum):
    LINE = "line"
    SHIPPING = "shipping"
    FEE = "fee"


class DiscountKind(StrEnum):
    """A percentage, an amount, or a new price: of one unit, or of all together."""

    PERCENT = "percent"
    FIXED = "fixed"
    FIXED_UNIT_PRICE = "fixed_unit_price"
    FIXED_TOTAL = "fixed_total"


LINES = frozenset({ChargeKind.LINE})
SHIPPING = frozenset({ChargeKind.SHIPPING})


@dataclass(frozen=True, slots=True)
class Charge:
    """``amount`` is for all of its ``quantity`` and contains the ``taxes`` when ``included``. A fee
    may be negative."""

    id: str
    amount: Money
    kind: ChargeKind = ChargeKind.LINE
    quantity: int = 1
    taxes: tuple[Tax, ...] = ()
    included: bool = False


@dataclass(frozen=True, slots=True)
class Discount:
    """``value`` is a percentage, or minor units. It is for charges of the kinds in ``on`` and, when
    ``only`` is not empty, of these ids. ``per_unit``: an amount is for each unit; ``max_units``: of
    a charge no more units than these are cheaper; ``most``: minor units that it takes off at most,
    of each charge, or in all when it is spread."""

    id: str
    kind: DiscountKind
    value: Decimal
    on: Set[ChargeKind] = LINES
    spread: bool = False
    only: Set[str] = frozenset()
    per_unit: bool = False
    max_units: int | None = None
    most: int | None = None


@dataclass(slots=True)
class _Left:
    """What of a charge no discount has taken yet, and what each has taken of it."""

    charge: Charge
    amount: Money
    taken: dict[str, Money] = field(default_factory=dict)

    def take(self, discount: str, off: Money) -> None:
        self.amount -= off
        if off:
            self.taken[discount] = self.taken.get(discount, off - off) + off


@dataclass(frozen=True, slots=True)
class Priced:
    """A charge as it is paid; ``taken``: what is off it, by the discount's id."""

    charge: Charge
    taken: Mapping[str, Money]
    amounts: Taxed

    @property
    def discount(self) -> Money:
        return total([*self.taken.values()], self.charge.amount.currency)


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums over ``priced`` charges, which are in the order they were given in."""

    priced: tuple[Priced, ...]
    currency: str

    @property
    def net(self) -> Money:
        return total([one.amounts.net for one in self.priced], self.currency)

    @property
    def tax(self) -> Money:
        return total([one.amounts.tax for one in self.priced], self.currency)

    @property
    def gross(self) -> Money:
        return self.net + self.tax

    @property
    def discount(self) -> Money:
        return total([one.discount for one in self.priced], self.currency)

    @property
    def taxes(self) -> tuple[TaxRow, ...]:
        return tax_summary((one.charge.taxes, one.amounts) for one in self.priced)

    def of(self, *kinds: ChargeKind) -> "Totals":
        """Of charges of these kinds alone."""
        return Totals(tuple(one for one in self.priced if one.charge.kind in kinds), self.currency)


def price(charges: Sequence[Charge], discounts: Iterable[Discount], currency: str) -> Totals:
    """``charges`` at what they come to with ``discounts``."""
    left = [_Left(charge, charge.amount) for charge in charges]
    for discount in discounts:
        _discount([one for one in left if _is_for(discount, one.charge)], discount)
    return Totals(
        tuple(
            Priced(
                one.charge,
                one.taken,
                taxed(one.amount, one.charge.taxes, included=one.charge.included),
            )
            for one in left
        ),
        currency,
    )


def _is_for(discount: Discount, charge: Charge) -> bool:
    named = not discount.only or charge.id in discount.only
    return named and charge.kind in discount.on and charge.amount.minor > 0


def _discount(left: Sequence[_Left], discount: Discount) -> None:
    if not discount.spread:
        for one in left:
            one.take(discount.id, _off(discount, one.amount, one.charge.quantity))
        return
    amounts = [one.amount.minor for one in left]
    if not left:
        return
    whole = Money(sum(amounts), left[0].amount.currency)
    off = _off(discount, whole, sum(one.charge.quantity for one in left))
    for one, part in zip(left, allocate(off, amounts), strict=True):
        one.take(discount.id, part)


def _off(discount: Discount, amount: Money, quantity: int) -> Money:
    """What a discount takes off an amount for so many units: never more than all of it."""
    units = quantity if discount.max_units is None else min(quantity, discount.max_units)
    within = share(amount, units, quantity)
    wanted = min(_wanted(discount, within, units), within.minor)
    capped = wanted if discount.most is None else min(wanted, discount.most)
    return Money(max(0, capped), amount.currency)


def _wanted(discount: Discount, amount: Money, units: int) -> int:
    match discount.kind:
        case DiscountKind.PERCENT:
            return (amount - without_percent(amount, discount.value)).minor
        case DiscountKind.FIXED:
            return int(discount.value) * (units if discount.per_unit else 1)
        case DiscountKind.FIXED_UNIT_PRICE:
            return amount.minor - int(discount.value) * units
        case DiscountKind.FIXED_TOTAL:
            return amount.minor - int(discount.value)


def without_percent(amount: Money, percent: Decimal) -> Money:
    """What a percentage leaves of an amount. This is the price that is shown, so it is what is
    rounded, and the discount is the difference."""
    numerator, denominator = (100 - percent).as_integer_ratio()
    return Money(rounded(amount.minor * numerator, 100 * denominator), amount.currency)


def less_gift_card(net: Money, gross: Money, balance: Money) -> tuple[Money, Money]:
    """Net and gross of what is left to pay. A gift card pays gross, as much as it holds, and the
    net shrinks in proportion."""
    left = max(gross - balance, Money.zero(gross.currency))
    return share(net, left.minor, gross.minor), left
