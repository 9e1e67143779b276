"""The code with which a customer collects: derived, so that it is stored and published nowhere."""

import hashlib
import hmac

DIGITS = 6


def pickup_code(secret: str, fulfillment_id: str) -> str:
    """Six decimal digits, always the same ones for a fulfilment."""
    digest = hmac.digest(secret.encode(), fulfillment_id.encode(), hashlib.sha256)
    return str(int.from_bytes(digest[:8]) % 10**DIGITS).rjust(DIGITS, "0")


def is_code(given: str, secret: str, fulfillment_id: str) -> bool:
    """Compared in constant time."""
    return hmac.compare_digest(given.encode(), pickup_code(secret, fulfillment_id).encode())
