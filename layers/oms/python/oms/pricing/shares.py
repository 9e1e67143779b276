"""Rounding and dividing money: the one place where a minor unit is won or lost. Pure.

**Rounding** is half up to the minor unit of the currency (cents of BRL, whole JPY, thousandths of
KWD), away from zero: what is given back is rounded as what was charged was. An amount is rounded
once, where it comes to be one: a price times a quantity, a percentage of an amount, the tax of a
charge. Sums are of rounded amounts and are never rounded again.

**Spreading** an amount over parts (an order's discount over its lines) is by largest remainder:
each part gets its exact share rounded down, and the units left over go one by one to the parts that
lost most by that, the earlier part first on a tie. The parts sum to the amount.

**Units** of what has one amount for all of them (some pieces of a line) get what the amount of all
units up to them has grown by. So what is cancelled, returned and refunded in whatever portions sums
to the whole, and none is as much as a minor unit away from its exact share.
"""

from collections.abc import Sequence

from oms.kernel.money import Money


def rounded(numerator: int, denominator: int) -> int:
    """``numerator / denominator``, half up and away from zero; the denominator is positive."""
    magnitude = (2 * abs(numerator) + denominator) // (2 * denominator)
    return magnitude if numerator >= 0 else -magnitude


def extended_price(unit_price: Money, units: int, scale: int) -> Money:
    """``unit_price`` (per 1 whole unit) times the quantity, rounded to the minor unit."""
    return Money(rounded(unit_price.minor * units, 10**scale), unit_price.currency)


def unit_price_covering(amount: Money, units: int, scale: int) -> Money:
    """The lowest price of 1 whole unit at which ``units`` do not cost less than ``amount``."""
    return Money(-(-amount.minor * 10**scale // units), amount.currency)


def share(amount: Money, part: int, whole: int) -> Money:
    """``part / whole`` of an amount, rounded; nothing of what has no whole."""
    return Money(rounded(amount.minor * part, whole) if whole else 0, amount.currency)


def allocate(amount: Money, weights: Sequence[int]) -> tuple[Money, ...]:
    """Spread ``amount``, which may be negative, over ``weights``, so that the parts sum to it.

    Equal parts when all weights are zero. Raises ``ValueError`` for a negative weight, and for an
    amount and nothing to spread it over.
    """
    if any(weight < 0 for weight in weights):
        raise ValueError("a weight is negative")
    if amount and not weights:
        raise ValueError("nothing to allocate over")
    even = weights if any(weights) else [1] * len(weights)
    whole = sum(even)
    sign = -1 if amount.minor < 0 else 1
    magnitude = abs(amount.minor)
    parts = [magnitude * weight // whole for weight in even]
    by_remainder = sorted(
        range(len(parts)),
        key=lambda index: (-(magnitude * even[index] % whole), index),
    )
    for index in by_remainder[: magnitude - sum(parts)]:
        parts[index] += 1
    return tuple(Money(sign * part, amount.currency) for part in parts)


def of_units(amount: Money, units: int, quantity: int, before: int = 0) -> Money:
    """What ``units`` come to of ``quantity`` units that come to ``amount`` together, beside
    ``before`` units that were reckoned earlier."""
    return share(amount, before + units, quantity) - share(amount, before, quantity)
