"""What a provider tells later, in our own words.

Each provider's own words are put into these by its file in ``oms.channels``. What our simulator
posts follows Standard Webhooks: ``{"type", "timestamp", "data"}``. ``data`` has the event's id, the
payment's, the provider's reference, the amount as a decimal string and its currency; for the refund
types the refund's id (``rfd_…``), when the provider knows it; for a decline or a failure the
provider's ``code``.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, get_args

from oms.kernel.clock import parse_rfc3339, rfc3339
from oms.kernel.errors import Invalid, MalformedRequest
from oms.kernel.money import Money

CallbackType = Literal[
    "payment.pending",
    "payment.authorized",
    "payment.declined",
    "payment.authorization_adjusted",
    "payment.authorization_expired",
    "payment.captured",
    "payment.capture_failed",
    "payment.voided",
    "payment.void_failed",
    "payment.refunded",
    "payment.refund_failed",
    "payment.refund_reversed",
    "payment.charged_back",
    "payment.charge_back_reversed",
]
# Who may report on a payment by a name of its own alone.
REPORT_BY_NAME = frozenset({"adyen", "mercadopago", "paypal", "stripe"})
# Of them, whose refunds and reversals name the capture alone.
REPORT_BY_CAPTURE = frozenset({"paypal"})
# These may be told without an amount of their own.
_ZERO_ALLOWED = frozenset(
    {
        "payment.pending",
        "payment.declined",
        "payment.authorization_expired",
        "payment.capture_failed",
        "payment.voided",
        "payment.void_failed",
    }
)


@dataclass(frozen=True, slots=True)
class PaymentCallback:
    """``id`` is the provider's event id: the same event delivered again carries the same one.

    ``payment_id`` is ours; empty where the provider does not repeat it, and then ``authorization``,
    the provider's name for the payment as a whole, has to lead to it. ``reference`` is its name for
    the very operation, ``at`` its time of the event. ``amount`` of what was let go (``voided``,
    ``authorization_expired``) may be more than was held: then all of it was. A capture that is
    ``final`` lets go of the rest.
    """

    id: str
    type: CallbackType
    payment_id: str
    amount: Money
    reference: str = ""
    refund_id: str = ""
    code: str = ""
    at: datetime | None = None
    authorization: str = ""
    final: bool = False

    def __post_init__(self) -> None:
        if self.amount.minor < needs_amount(self.type):
            raise Invalid(
                f"{self.amount} cannot be the amount of {self.type}", code="invalid_amount"
            )


def needs_amount(kind: CallbackType) -> bool:
    """Whether what happened is nothing where the amount is zero."""
    return kind not in _ZERO_ALLOWED


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
    except (ValueError, RecursionError):
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
        at=_moment(document.get("timestamp")),
    )


def _moment(value: object) -> datetime | None:
    if value is None:
        return None
    try:
        return parse_rfc3339(str(value))
    except ValueError:
        raise Invalid("the callback's timestamp is no time", code="invalid_callback") from None


def _text(data: Mapping[str, object], name: str, *, optional: bool = False) -> str:
    value = data.get(name, "" if optional else None)
    if not isinstance(value, str) or not (value or optional):
        raise Invalid(f"the callback's {name} is missing or not text", code="invalid_callback")
    return value
