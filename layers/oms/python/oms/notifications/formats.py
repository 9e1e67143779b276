"""How amounts and quantities read in each language. Integers only; nothing is ever a float.

The patterns are those of Unicode CLDR 46 for ``pt-BR`` and ``en``; a currency that has no symbol
here is shown by its ISO 4217 code.
"""

from dataclasses import dataclass
from datetime import date, datetime

from oms.kernel.money import Money


@dataclass(frozen=True, slots=True)
class _Marks:
    group: str
    decimal: str
    after_symbol: str
    symbols: dict[str, str]
    day: str
    at: str


_EVERYWHERE = {"BRL": "R$", "EUR": "€", "GBP": "£"}
_MARKS = {
    "pt-BR": _Marks(
        ".", ",", " ", {**_EVERYWHERE, "USD": "US$"}, "{day:02}/{month:02}/{year}", "às"
    ),
    "en": _Marks(
        ",", ".", "", {**_EVERYWHERE, "USD": "$", "JPY": "¥"}, "{name} {day}, {year}", "at"
    ),
}

_MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)


def format_money(money: Money, locale: str) -> str:
    """``R$ 1.234,56`` for ``pt-BR``, ``$1,234.56`` for ``en``."""
    marks = _MARKS[locale]
    symbol = marks.symbols.get(money.currency)
    before = f"{symbol}{marks.after_symbol}" if symbol else f"{money.currency} "
    sign, amount = ("-", -money) if money.minor < 0 else ("", money)
    return f"{sign}{before}{_number(str(amount), marks)}"


def format_day(day: date, locale: str) -> str:
    """``08/05/2026`` for ``pt-BR``, ``May 8, 2026`` for ``en``."""
    name = _MONTHS[day.month - 1]
    return _MARKS[locale].day.format(day=day.day, month=day.month, year=day.year, name=name)


def format_moment(moment: datetime, locale: str) -> str:
    """``08/05/2026 às 18:30`` for ``pt-BR``, ``May 8, 2026 at 18:30`` for ``en``."""
    return f"{format_day(moment.date(), locale)} {_MARKS[locale].at} {moment:%H:%M}"


def format_quantity(units: int, scale: int, locale: str) -> str:
    """``units`` of 10^-scale without idle zeros: 1250 at scale 3 is ``1,25`` or ``1.25``."""
    if not scale:
        return _number(str(units), _MARKS[locale])
    digits = str(units).rjust(scale + 1, "0")
    exact = f"{digits[:-scale]}.{digits[-scale:]}".rstrip("0").rstrip(".")
    return _number(exact, _MARKS[locale])


def _number(decimal: str, marks: _Marks) -> str:
    whole, point, fraction = decimal.partition(".")
    grouped = f"{int(whole):,}".replace(",", marks.group)
    return f"{grouped}{marks.decimal}{fraction}" if point else grouped
