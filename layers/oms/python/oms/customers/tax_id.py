"""Brazilian tax ids, checked by their digits.

CPF: 11 digits, two modulo-11 check digits. CNPJ: 14 characters of which the first 12 may be letters
since July 2026 (Receita Federal, IN RFB 2.229/2024); each counts as its ASCII code less 48.
"""

import re

_SEPARATORS = re.compile(r"[.\-/\s]")


def normalise(text: str) -> str:
    """Without dots, dashes and slashes, in capitals."""
    return _SEPARATORS.sub("", text).upper()


def is_brazilian_tax_id(normalised: str) -> bool:
    return _is_cpf(normalised) or _is_cnpj(normalised)


def _is_cpf(text: str) -> bool:
    if not re.fullmatch(r"[0-9]{11}", text) or len(set(text)) == 1:
        return False
    return all(
        _check_digit(text[:length], range(length + 1, 1, -1)) == text[length] for length in (9, 10)
    )


def _is_cnpj(text: str) -> bool:
    if not re.fullmatch(r"[0-9A-Z]{12}[0-9]{2}", text) or len(set(text)) == 1:
        return False
    weights = (6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2)
    return all(
        _check_digit(text[:length], weights[13 - length :]) == text[length] for length in (12, 13)
    )


def _check_digit(text: str, weights: range | tuple[int, ...]) -> str:
    weighted = sum((ord(char) - 48) * weight for char, weight in zip(text, weights, strict=True))
    remainder = weighted % 11
    return "0" if remainder < 2 else str(11 - remainder)
