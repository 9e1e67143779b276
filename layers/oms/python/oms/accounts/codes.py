"""The codes of gift cards: given once, and stored nowhere but as what a secret makes of them.

A code is as good as money, so that a stolen table must hold none: a card is found by the HMAC of
its code. What an order keeps of a payment by gift card is that digest too, which nobody can pay
with: a code is asked for, and a digest does not look like one.
"""

import base64
import hashlib
import hmac
import re

from oms.kernel.errors import Invalid
from oms.payments.tokens import looks_like_card_number

# Without 0, 1, I, L and O, which are read for one another.
_ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
_LENGTH = 16
# What is read of random bytes evenly: the rest of a byte would favour the first letters.
_EVEN = 256 // len(_ALPHABET) * len(_ALPHABET)
RANDOM_BYTES = 64

_CODE = re.compile(r"[0-9A-Z]{12,32}")
_BETWEEN = re.compile(r"[ \-]")
_DIGEST = re.compile(r"gcd_[a-z2-7]{52}")


def new_code(random: bytes) -> str:
    """Sixteen letters and digits in groups of four, some 79 bits, of ``RANDOM_BYTES`` random ones.

    Raises ``ValueError`` when too few of them are of use, or what they make looks like the number
    of a payment card: draw others.
    """
    letters = [_ALPHABET[byte % len(_ALPHABET)] for byte in random if byte < _EVEN][:_LENGTH]
    if len(letters) < _LENGTH:
        raise ValueError("too few random bytes")
    groups = ["".join(letters[first : first + 4]) for first in range(0, _LENGTH, 4)]
    code = "-".join(groups)
    if looks_like_card_number(code):
        raise ValueError("it looks like a card number")
    return code


def plain_code(given: str) -> str:
    """As it is compared: capitals and digits, without spaces and dashes. Raises ``Invalid``
    (``card_number_refused``, ``invalid_gift_card_code``); the message does not repeat it."""
    code = _BETWEEN.sub("", given).upper()
    if looks_like_card_number(code):
        raise Invalid("a gift card's code looks like a card number", code="card_number_refused")
    if not _CODE.fullmatch(code):
        raise Invalid(
            "a gift card's code has 12 to 32 letters and digits", code="invalid_gift_card_code"
        )
    return code


def code_digest(secret: str, given: str) -> str:
    """Under which a card is found. Raises as ``plain_code``."""
    digest = hmac.digest(secret.encode(), plain_code(given).encode(), hashlib.sha256)
    return f"gcd_{base64.b32encode(digest).decode().lower().rstrip('=')}"


def is_digest(text: str) -> bool:
    return _DIGEST.fullmatch(text) is not None
