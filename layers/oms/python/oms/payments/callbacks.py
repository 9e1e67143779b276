"""What a provider tells later, in our own words.

The body follows Standard Webhooks: ``{"type", "timestamp", "data"}``. ``data`` has the event's id,
the payment's, the provider's reference, the amount as a decimal string and its currency; for the
refund types the refund's id (``rfd_…``), when the provider knows it; for a decline or a failure the
provider's ``code``.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, get_args

from oms.kernel.clock import rfc3339
from oms.kernel.errors import Invalid, MalformedRequest
from oms.kernel.money import Money

CallbackType = Literal[
    "payment.authorized",
    "payment.declined",
    "payment.captured",
    "payment.refunded",
    "payment.refund_failed",
]


@dataclass(frozen=True, slots=True)
class PaymentCallback:
    """``id`` is the provider's event id: the same event delivered again carries the same one."""

    id: str
    type: CallbackType
    payment_id: str
    amount: Money
    reference: str = ""
    refund_id: str = ""
    code: str = ""


def callback_body(callback: PaymentCallback, at: datetime) -> str:
    """The JSON document a provider of ours posts; ``read_callback`` reads it back."""
    data = {
        "event_id": callback.id,
        "payment_id": callback.payment_id,
        "reference": callback.reference,
        "amount": str(callback.amount),
        "currency": callback.amount.currency,
        "refund_id": callback.refund_id,
        "code": callback.code,
    }
    present = {name: value for name, value in data.items() if value}
    return json.dumps({"type": callback.type, "timestamp": rfc3339(at), "data": present})


def read_callback(body: str | bytes) -> PaymentCallback:
    """Raises ``MalformedRequest`` when it is no JSON object, ``Invalid`` when a part is wrong."""
    try:
        document = json.loads(body)
    except ValueError:
        raise MalformedRequest("the callback is not JSON") from None
    data = document.get("data") if isinstance(document, dict) else None
    if not isinstance(data, dict):
        raise MalformedRequest("the callback has no data")
    kind = document.get("type")
    if kind not in get_args(CallbackType):
        raise Invalid("the callback is of an unknown type", code="unknown_callback_type")
    return PaymentCallback(
        id=_text(data, "event_id"),
        type=kind,
        payment_id=_text(data, "payment_id"),
        amount=Money.parse(_text(data, "amount"), _text(data, "currency")),
        reference=_text(data, "reference", optional=True),
        refund_id=_text(data, "refund_id", optional=True),
        code=_text(data, "code", optional=True),
    )


def _text(data: Mapping[str, object], name: str, *, optional: bool = False) -> str:
    value = data.get(name, "" if optional else None)
    if not isinstance(value, str) or not (value or optional):
        raise Invalid(f"the callback's {name} is missing or not text", code="invalid_callback")
    return value
