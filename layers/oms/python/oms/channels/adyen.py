"""What Adyen tells of payments, in its standard webhooks.

One call holds several items, and each is signed by itself: ``additionalData.hmacSignature`` is the
base64 of an HMAC-SHA256 over eight of its values, joined by colons without escaping (so that only
the merchant's reference may have any), with a key that Adyen writes in hexadecimal (docs.adyen.com,
"Verify HMAC signatures"). One item that is not genuine refuses them all. Adyen's newer webhooks
sign the raw body instead, in a header; they are verified as well, and none of them tells of a
payment of ours.

Adyen wants ``[accepted]`` for an answer. It signs no time: a replay is a duplicate.

Our payment's id travels as ``merchantReference``; a refund may carry the refund's. The payment as a
whole is named by the ``pspReference`` of its authorisation, which everything after it repeats as
``originalReference``.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from oms.channels.model import Call, Command, Delivery, Ignored, PaymentReported
from oms.channels.payload import Payload, parse_payload, text_of
from oms.channels.signatures import lower_names, verify_hex_keyed_hmac
from oms.kernel.errors import Invalid, MalformedRequest, Unauthenticated
from oms.kernel.money import Money
from oms.payments.callbacks import CallbackType, PaymentCallback, needs_amount
from oms.payments.minor_units import ADYEN, of_units

_LOST_AGAIN = "SECOND_CHARGEBACK"
# Event code → what it says when it went well, and when it did not. None: no money moved.
_TYPES: Mapping[str, tuple[CallbackType | None, CallbackType | None]] = {
    "PENDING": ("payment.pending", None),
    "AUTHORISATION": ("payment.authorized", "payment.declined"),
    "AUTHORISATION_ADJUSTMENT": ("payment.authorization_adjusted", None),
    "EXPIRE": ("payment.authorization_expired", None),
    "OFFER_CLOSED": ("payment.declined", None),
    "CAPTURE": ("payment.captured", "payment.capture_failed"),
    "CAPTURE_FAILED": ("payment.capture_failed", None),
    "CANCELLATION": ("payment.voided", "payment.void_failed"),
    "TECHNICAL_CANCEL": ("payment.voided", "payment.void_failed"),
    "REFUND": ("payment.refunded", "payment.refund_failed"),
    "REFUND_WITH_DATA": ("payment.refunded", "payment.refund_failed"),
    "REFUND_FAILED": ("payment.refund_failed", None),
    "REFUNDED_REVERSED": ("payment.refund_reversed", None),
    "CHARGEBACK": ("payment.charged_back", None),
    "CHARGEBACK_REVERSED": ("payment.charge_back_reversed", None),
    _LOST_AGAIN: ("payment.charged_back", None),
}
_CANCEL_OR_REFUND = "CANCEL_OR_REFUND"
# Between the eight values that are signed.
_COLONS = 7


def verify(call: Call, secret: str, now: datetime) -> Delivery:
    signature = lower_names(call.headers).get("hmacsignature", "").strip()
    if signature:
        verify_hex_keyed_hmac(signature, call.body, secret)
    else:
        _verify_items(call.body, secret)
    body = text_of(call.body)
    return Delivery(hashlib.sha256(call.body).hexdigest(), body, {})


def read(delivery: Delivery) -> tuple[Command, ...]:
    # One that stands there a thousand times is the same fact.
    told = dict.fromkeys(map(_command, _items(delivery.body)))
    return tuple(told) or (Ignored("the webhook tells of no payment"),)


def signed_string(item: Payload) -> str:
    """What the signature of an item is made over."""
    amount = item.at("amount")
    values = (
        item.at("pspReference"),
        item.at("originalReference"),
        item.at("merchantAccountCode"),
        item.at("merchantReference"),
        amount.at("value"),
        amount.at("currency"),
        item.at("eventCode"),
        item.at("success"),
    )
    return ":".join(map(_word, values))


@dataclass(frozen=True, slots=True)
class AdyenItem:
    """The facts of an item, before we judge any of them. ``event_ref`` names the operation,
    ``payment_ref`` the payment as a whole."""

    event_code: str
    success: bool
    at: datetime
    amount: Money
    payment_ref: str
    event_ref: str
    merchant_reference: str | None
    reason: str
    modification: str


def read_item(item: Payload) -> AdyenItem:
    event_ref = item.at("pspReference").text()
    amount = item.at("amount")
    return AdyenItem(
        event_code=item.at("eventCode").text(),
        success=_word(item.at("success")) == "true",
        at=item.at("eventDate").moment(),
        amount=of_units(amount.at("value").whole_number(), amount.at("currency").text(), ADYEN),
        payment_ref=item.at("originalReference").text_or_empty() or event_ref,
        event_ref=event_ref,
        merchant_reference=item.at("merchantReference").text_or_none(),
        reason=item.at("reason").text_or_empty(),
        modification=item.at("additionalData").at("modification.action").text_or_empty(),
    )


def callback_of(item: AdyenItem) -> PaymentCallback | None:
    """What the item says in our words; None when it moves no money of ours."""
    kind = _type_of(item)
    if kind is None or (needs_amount(kind) and not item.amount):
        return None
    ours = item.merchant_reference or ""
    return PaymentCallback(
        id=f"{item.event_ref}:{item.event_code}:{'true' if item.success else 'false'}",
        type=kind,
        payment_id=ours if ours.startswith("pay_") else "",
        amount=item.amount,
        reference=_operation(item),
        refund_id=ours if ours.startswith("rfd_") else "",
        code=_code(item),
        at=item.at,
        authorization=item.payment_ref,
    )


def _operation(item: AdyenItem) -> str:
    """All that is told of a dispute has the dispute's name, and it may be lost twice."""
    if item.event_code == _LOST_AGAIN:
        return f"{item.event_ref}:{item.event_code}"
    return item.event_ref


def _type_of(item: AdyenItem) -> CallbackType | None:
    code = item.event_code
    if code == _CANCEL_OR_REFUND:
        code = "CANCELLATION" if item.modification == "cancel" else "REFUND"
    went_well, went_wrong = _TYPES.get(code, (None, None))
    return went_well if item.success else went_wrong


def _code(item: AdyenItem) -> str:
    """A refusal's reason; of what went well Adyen's reason has digits of the card."""
    return "" if item.event_code == "AUTHORISATION" and item.success else item.reason


def _command(item: Payload) -> Command:
    """Of what tells of no payment neither amount nor time is read."""
    code = item.at("eventCode").text()
    if code not in (*_TYPES, _CANCEL_OR_REFUND):
        return Ignored(f"{code} is not handled")
    callback = callback_of(read_item(item))
    if callback is None:
        return Ignored(f"{code} moves no money")
    return PaymentReported("adyen", callback)


def _verify_items(body: bytes, secret: str) -> None:
    for signature, signed in _signatures(body):
        if secret and not signature:
            raise Unauthenticated("an item has no signature", code="missing_signature")
        verify_hex_keyed_hmac(signature, signed, secret)


def _signatures(body: bytes) -> list[tuple[str, bytes]]:
    """Each item's signature with what it signs. What cannot be read cannot be genuine."""
    try:
        found = [
            (item.at("additionalData", "hmacSignature").text_or_empty(), _signed(item))
            for item in _items(body.decode())
        ]
    except (MalformedRequest, Invalid, UnicodeError):
        raise Unauthenticated("the items cannot be read", code="malformed_items") from None
    if not found:
        raise Unauthenticated("there is nothing that is signed", code="missing_signature")
    return found


def _signed(item: Payload) -> bytes:
    """Raises ``Invalid`` where a colon stands in anything but the merchant's reference: then what
    was signed of one item could be read as another."""
    signed = signed_string(item)
    parts, ours = signed.count(":"), item.at("merchantReference").text_or_empty().count(":")
    if parts - ours != _COLONS:
        raise Invalid("a value has a colon")
    return signed.encode()


def _items(body: str) -> list[Payload]:
    envelopes = parse_payload(body).at("notificationItems").elements()
    return [envelope.at("NotificationRequestItem") for envelope in envelopes]


def _word(value: Payload) -> str:
    """Adyen writes true and false as text; as JSON's own they read the same."""
    if isinstance(value.value, bool):
        return "true" if value.value else "false"
    return value.text_or_empty()
