"""Tokens name a means of payment at its provider. A card number is not one and is never kept."""

import re

from oms.kernel.errors import Invalid

_RUN = re.compile(r"\d+")
_GROUPS = re.compile(r"\d(?:[ .\-]?\d)+")
_NOT_DIGIT = re.compile(r"\D")


def looks_like_card_number(text: str) -> bool:
    """Whether ``text`` holds 13 to 19 digits (ISO/IEC 7812-1), together or in groups, of which the
    last is the check digit (Luhn)."""
    runs = _RUN.findall(text) + [_NOT_DIGIT.sub("", run) for run in _GROUPS.findall(text)]
    return any(13 <= len(run) <= 19 and _luhn_holds(run) for run in runs)


def refuse_card_number(token: str) -> None:
    """Raise ``Invalid`` with code ``card_number_refused``; the message does not repeat it."""
    if looks_like_card_number(token):
        raise Invalid(
            "a payment token looks like a card number; send the provider's token",
            code="card_number_refused",
        )


def _luhn_holds(digits: str) -> bool:
    doubled = (int(digit) * 2 for digit in digits[-2::-2])
    total = sum(int(digit) for digit in digits[-1::-2])
    return (total + sum(value - 9 if value > 9 else value for value in doubled)) % 10 == 0
