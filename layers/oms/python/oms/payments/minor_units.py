"""Amounts as payment providers count them, which is not always as ISO 4217 does.

Each provider has a table of the currencies for which it differs: currency → decimal places.
"""

from collections.abc import Mapping

from oms.kernel.errors import Invalid
from oms.kernel.money import Money, exponent

# docs.stripe.com/currencies: zero-decimal currencies and special cases.
STRIPE: Mapping[str, int] = {"ISK": 2, "MGA": 0, "UGX": 2}
# docs.adyen.com/development-resources/currency-codes: "differs from standard".
ADYEN: Mapping[str, int] = {"CLP": 2, "CVE": 0, "IDR": 0, "ISK": 2}


def to_units(amount: Money, exceptions: Mapping[str, int]) -> int | None:
    """``amount`` as the provider counts it; ``None`` where that would need rounding."""
    scale, iso_scale = _scales(amount.currency, exceptions)
    units, lost = divmod(amount.minor * scale, iso_scale)
    return None if lost else units


def of_units(units: int, currency: str, exceptions: Mapping[str, int]) -> Money:
    """What ``units`` of the provider are. Raises ``Invalid`` (``too_many_decimals``) for what the
    currency cannot express, such as half a króna."""
    scale, iso_scale = _scales(currency, exceptions)
    minor, lost = divmod(units * iso_scale, scale)
    if lost:
        raise Invalid(
            f"{units} of the provider's units are no amount of {currency}",
            code="too_many_decimals",
        )
    return Money(minor, currency)


def _scales(currency: str, exceptions: Mapping[str, int]) -> tuple[int, int]:
    iso = exponent(currency)
    return int(10 ** exceptions.get(currency, iso)), int(10**iso)
