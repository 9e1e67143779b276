"""What a provider tells later, in our own words, and how it enters the ledger.

The body follows Standard Webhooks: ``{"type", "timestamp", "data"}``. ``data`` has the event's id,
the payment's, the provider's reference, the amount as a decimal string and its currency; for the
refund types the refund's id (``rfd_…``), for a decline the provider's ``code``.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, get_args

from oms.kernel.clock import rfc3339
from oms.kernel.errors import Invalid, MalformedRequest
from oms.kernel.money import Money
from oms.payments.model import (
    Payment,
    record_authorization,
    record_collected,
    record_decline,
    record_refund,
    record_refund_failure,
)

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
        refund_id=_text(data, "refund_id", optional=kind not in _OF_A_REFUND),
        code=_text(data, "code", optional=True),
    )


def record_callback(payment: Payment, callback: PaymentCallback) -> Payment:
    """The payment with what ``callback`` tells; unchanged when that is known.

    A capture nobody authorised before (Pix, boleto) is recorded as collected in one step.
    Raises what the ledger raises.
    """
    key = f"{payment.provider}:{callback.id}"
    match callback.type:
        case "payment.authorized":
            return record_authorization(payment, callback.amount, callback.reference, key)
        case "payment.declined":
            return record_decline(payment, callback.reference, key)
        case "payment.captured":
            return record_collected(payment, callback.amount, callback.reference, key)
        case "payment.refunded":
            return record_refund(payment, callback.amount, callback.refund_id, key)
        case "payment.refund_failed":
            return record_refund_failure(payment, callback.refund_id, key)


_OF_A_REFUND = ("payment.refunded", "payment.refund_failed")


def _text(data: Mapping[str, object], name: str, *, optional: bool = False) -> str:
    value = data.get(name, "" if optional else None)
    if not isinstance(value, str) or not (value or optional):
        raise Invalid(f"the callback's {name} is missing or not text", code="invalid_callback")
    return value
