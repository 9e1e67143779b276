"""Ids of accounts are derived from what opens them, so that two who open one at once open one."""

import base64
import hashlib
import re

from oms.kernel.errors import Invalid

ACCOUNT_ID = r"acc_[a-z2-7]{26}"

_ID = re.compile(ACCOUNT_ID)
_REFERENCE = re.compile(rf"({ACCOUNT_ID})/(.+)")


def opened_id(kind: str, key: str) -> str:
    """The id of the account that was opened under ``key``."""
    return _derived("opened", kind, key)


def store_credit_id(customer: str, currency: str) -> str:
    """A customer has one store-credit account in each currency."""
    return _derived("store_credit_of", currency, customer)


def is_account_id(text: str) -> bool:
    return _ID.fullmatch(text) is not None


def hold_reference(account_id: str, hold_id: str) -> str:
    """What a payment keeps of its authorisation: the account, and the hold in it."""
    return f"{account_id}/{hold_id}"


def held_by(reference: str) -> tuple[str, str]:
    """The account and the hold of a reference. Raises ``Invalid`` (``unknown_hold``)."""
    match = _REFERENCE.fullmatch(reference)
    if match is None:
        raise Invalid("this is not the reference of a hold", code="unknown_hold")
    return match.group(1), match.group(2)


def invoice_number(account_id: str, count: int) -> str:
    """Counted within the account, e.g. ``ABCD2345-000001``; sorts as text."""
    return f"{account_id.removeprefix('acc_')[:8].upper()}-{count:06d}"


def _derived(*parts: str) -> str:
    text = "".join(f"{len(part)}:{part}" for part in parts)
    digest = hashlib.sha256(text.encode()).digest()
    return f"acc_{base64.b32encode(digest).decode().lower()[:26]}"
