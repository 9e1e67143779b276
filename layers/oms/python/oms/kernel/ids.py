"""Ids carry a prefix that says what they name.

An order's id is derived from its natural key, so the key needs no record of its own: writing the
order once is the guard. Ids of an order's parts embed the order's, so that a part is found without
an index.
"""

import base64
import hashlib
import re

from oms.kernel.errors import NotFound

_TAIL = r"[a-z2-7]{26}"
_PART = re.compile(rf"(?:ful|pay|rfd|ret)_({_TAIL})_[1-9]\d{{0,3}}")
_ORDER = re.compile(rf"ord_{_TAIL}")


def order_id(channel: str, natural_key: str) -> str:
    """The id of the order that ``channel`` knows by ``natural_key``; always the same one."""
    digest = hashlib.sha256(f"{len(channel)}:{channel}{natural_key}".encode()).digest()
    return f"ord_{base64.b32encode(digest).decode().lower()[:26]}"


def is_order_id(text: str) -> bool:
    return _ORDER.fullmatch(text) is not None


def fulfillment_id(order: str, number: int) -> str:
    return f"ful_{_tail(order)}_{number}"


def payment_id(order: str, number: int) -> str:
    return f"pay_{_tail(order)}_{number}"


def refund_id(order: str, number: int) -> str:
    return f"rfd_{_tail(order)}_{number}"


def return_id(order: str, number: int) -> str:
    return f"ret_{_tail(order)}_{number}"


def unreceipted_return_id(key: str) -> str:
    """The id of a return that no order is known of, by its sender's key; always the same one."""
    digest = hashlib.sha256(f"return:{key}".encode()).digest()
    return f"ret_{base64.b32encode(digest).decode().lower()[:26]}"


def is_of_an_order(part_id: str) -> bool:
    """Whether ``order_of`` knows whose part it is."""
    return _PART.fullmatch(part_id) is not None


def is_return_id(text: str) -> bool:
    return text.startswith("ret_")


def order_of(part_id: str) -> str:
    """The order that a fulfilment, payment, refund or return belongs to. Raises ``NotFound``."""
    match = _PART.fullmatch(part_id)
    if match is None:
        raise NotFound(f"there is no {part_id!r}")
    return f"ord_{match.group(1)}"


def _tail(order: str) -> str:
    return order.removeprefix("ord_")
