"""Money: integer minor units and a currency. Never a float, never a bare number."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from oms.kernel.errors import Invalid

# ISO 4217 currencies whose minor unit is not a hundredth (ISO 4217:2015, table A.1).
_EXPONENTS = {
    **dict.fromkeys(
        "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF".split(), 0
    ),
    **dict.fromkeys("BHD IQD JOD KWD LYD OMR TND".split(), 3),
    **dict.fromkeys("CLF UYW".split(), 4),
}
_DECIMAL = re.compile(r"(-?)([0-9]{1,15})(?:\.([0-9]{1,6}))?")
_CURRENCY = re.compile(r"[A-Z]{3}")


def exponent(currency: str) -> int:
    """Decimal places of the currency's minor unit: 2 for BRL, 0 for JPY, 3 for KWD."""
    return _EXPONENTS.get(currency, 2)


@dataclass(frozen=True, slots=True)
class Money:
    """An amount of ``minor`` units (cents, for BRL) of an ISO 4217 ``currency``."""

    minor: int
    currency: str

    def __post_init__(self) -> None:
        if not _CURRENCY.fullmatch(self.currency):
            raise Invalid(f"{self.currency!r} is not a currency code", code="unknown_currency")

    @classmethod
    def zero(cls, currency: str) -> "Money":
        return cls(0, currency)

    @classmethod
    def parse(cls, text: str, currency: str) -> "Money":
        """Read a decimal string such as ``"12.50"``. Raises ``Invalid`` when it is not one, or
        when it has more decimals than the currency."""
        match = _DECIMAL.fullmatch(text)
        if match is None:
            raise Invalid(f"{text!r} is not a decimal amount", code="invalid_amount")
        sign, whole, fraction = match.group(1), match.group(2), match.group(3) or ""
        places = exponent(currency)
        if len(fraction) > places:
            raise Invalid(
                f"{currency} has {places} decimals, {text!r} has {len(fraction)}",
                code="too_many_decimals",
            )
        return cls(int(f"{sign}{whole}{fraction.ljust(places, '0')}"), currency)

    def __str__(self) -> str:
        """The decimal string used outside, e.g. ``"12.50"``."""
        places = exponent(self.currency)
        sign = "-" if self.minor < 0 else ""
        digits = str(abs(self.minor)).rjust(places + 1, "0")
        return f"{sign}{digits[:-places]}.{digits[-places:]}" if places else f"{sign}{digits}"

    def __add__(self, other: "Money") -> "Money":
        return Money(self.minor + self._same(other), self.currency)

    def __sub__(self, other: "Money") -> "Money":
        return Money(self.minor - self._same(other), self.currency)

    def __neg__(self) -> "Money":
        return Money(-self.minor, self.currency)

    def __lt__(self, other: "Money") -> bool:
        return self.minor < self._same(other)

    def __le__(self, other: "Money") -> bool:
        return self.minor <= self._same(other)

    def __gt__(self, other: "Money") -> bool:
        return self.minor > self._same(other)

    def __ge__(self, other: "Money") -> bool:
        return self.minor >= self._same(other)

    def __bool__(self) -> bool:
        return self.minor != 0

    def _same(self, other: "Money") -> int:
        if self.currency != other.currency:
            raise Invalid(
                f"{other.currency} cannot be reckoned with {self.currency}",
                code="wrong_currency",
            )
        return other.minor


def total(amounts: Sequence[Money], currency: str) -> Money:
    """The sum; zero of ``currency`` for no amounts."""
    return sum(amounts, Money.zero(currency))
