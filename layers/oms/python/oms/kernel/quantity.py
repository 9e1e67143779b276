"""Quantities: integers in an item's scale inside, decimals outside.

An item sold by the piece has scale 0; one sold by weight in grams of a kilogram has scale 3, so
that 1.250 kg is 1250 inside.
"""

from decimal import Decimal

from oms.kernel.errors import Faults, Invalid

LARGEST = 10**12


def parse_quantity(value: Decimal, scale: int) -> int:
    """``value`` in units of 10^-scale. Raises ``Invalid`` when it has more decimals than that."""
    scaled = value.scaleb(scale)
    if not scaled.is_finite() or abs(scaled) > LARGEST:
        raise Invalid("the quantity is not a usable number", code="invalid_quantity")
    if scaled != scaled.to_integral_value():
        raise Invalid(f"the item is counted with {scale} decimals", code="too_many_decimals")
    return int(scaled)


def positive_quantity(quantity: Decimal, scale: int, path: str, faults: Faults) -> int:
    """As ``parse_quantity``; what cannot be, or is nothing, is a fault at ``path`` and zero."""
    if quantity <= 0:
        faults.add(path, "quantity_not_positive", "this is to be more than nothing")
        return 0
    try:
        return parse_quantity(quantity, scale)
    except Invalid as fault:
        faults.add(path, fault.problem_code, fault.detail)
        return 0


def quantity_number(units: int, scale: int) -> int | Decimal:
    """The number shown outside: an integer when the scale is 0, else an exact decimal."""
    return units if scale == 0 else Decimal(units).scaleb(-scale)
