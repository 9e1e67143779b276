"""What PayPal tells of payments, in its webhook events.

``PAYPAL-TRANSMISSION-SIG`` is an RSA signature over
``<transmission id>|<transmission time>|<webhook id>|<CRC32 of the raw body>``. The webhook's id is
not in the call, it is our secret; the certificate is at ``PAYPAL-CERT-URL``, which must lie where
PayPal keeps its own (developer.paypal.com, "Verify webhook events").

Our payment's id travels as ``custom_id`` (in the older resources ``custom``), or as the invoice's;
a refund may carry the refund's. Amounts are decimal strings. That a hold is let go of is not told
as an event of its own when a capture says that it is final.
"""

import base64
import binascii
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from oms.channels.certificates import Certificates, FetchedCertificates, signed_with
from oms.channels.model import Call, Command, Delivery, Ignored, PaymentReported
from oms.channels.payload import Payload, parse_payload, text_of
from oms.channels.signatures import (
    lower_names,
    malformed,
    mismatch,
    not_configured,
    refuse_another_time,
    required_header,
)
from oms.kernel.clock import parse_rfc3339
from oms.kernel.errors import Unauthenticated
from oms.kernel.money import Money
from oms.payments.callbacks import CallbackType, PaymentCallback, needs_amount

# PayPal tries for three days, and does not say that it signs each try anew.
TOLERANCE = timedelta(days=4)

_ALGORITHM = "SHA256withRSA"
_CERTIFICATES = "/v1/notifications/certs/"
_HOSTS = (
    "https://api.paypal.com",
    "https://api-m.paypal.com",
    "https://api.sandbox.paypal.com",
    "https://api-m.sandbox.paypal.com",
)

_TYPES: Mapping[str, CallbackType] = {
    "PAYMENT.AUTHORIZATION.CREATED": "payment.authorized",
    "PAYMENT.AUTHORIZATION.VOIDED": "payment.voided",
    "PAYMENT.CAPTURE.PENDING": "payment.pending",
    "PAYMENT.CAPTURE.COMPLETED": "payment.captured",
    "PAYMENT.CAPTURE.DENIED": "payment.capture_failed",
    "PAYMENT.CAPTURE.DECLINED": "payment.capture_failed",
    "PAYMENT.CAPTURE.REFUNDED": "payment.refunded",
    "PAYMENT.CAPTURE.REVERSED": "payment.charged_back",
    "PAYMENT.REFUND.FAILED": "payment.refund_failed",
    "PAYMENT.SALE.PENDING": "payment.pending",
    "PAYMENT.SALE.COMPLETED": "payment.captured",
    "PAYMENT.SALE.DENIED": "payment.capture_failed",
    "PAYMENT.SALE.REFUNDED": "payment.refunded",
    "PAYMENT.SALE.REVERSED": "payment.charged_back",
}


def certificates_of(api_base: str = "") -> Certificates:
    """PayPal's own; with ``api_base``, those of what stands in for PayPal."""
    hosts = (api_base.rstrip("/"),) if api_base else _HOSTS
    return FetchedCertificates(tuple(f"{host}{_CERTIFICATES}" for host in hosts))


@dataclass(frozen=True, slots=True)
class PayPal:
    """What PayPal tells of payments, in its webhook events."""

    certificates: Certificates

    def verify(
        self,
        call: Call,
        secret: str,
        now: datetime,
        tolerance: timedelta | None = TOLERANCE,
    ) -> Delivery:
        """``secret`` is the webhook's id."""
        given = lower_names(call.headers)
        signature = _given_signature(given)
        message_id, sent, url, algorithm = (
            required_header(given, name)
            for name in (
                "paypal-transmission-id",
                "paypal-transmission-time",
                "paypal-cert-url",
                "paypal-auth-algo",
            )
        )
        if not secret.strip():
            raise not_configured()
        if algorithm != _ALGORITHM:
            raise Unauthenticated(f"{algorithm[:40]} is not known", code="unknown_algorithm")
        sent_at = _moment(sent)
        refuse_another_time(sent_at, now, tolerance)
        signed = signed_string(message_id, sent, secret, call.body).encode()
        if not signed_with(self.certificates.at(url), signature, signed, now):
            raise mismatch()
        body = text_of(call.body)
        return Delivery(parse_payload(body).at("id").text(), body, {})

    def read(self, delivery: Delivery) -> tuple[Command, ...]:
        return read(delivery)


def read(delivery: Delivery) -> tuple[Command, ...]:
    kind = parse_payload(delivery.body).at("event_type").text()
    if kind not in _TYPES:
        return (Ignored(f"events of type {kind} are not handled"),)
    callback = callback_of(read_event(delivery.body))
    if callback is None:
        return (Ignored(f"{kind} moves no money"),)
    return (PaymentReported("paypal", callback),)


def signed_string(message_id: str, sent: str, webhook_id: str, body: bytes) -> str:
    return f"{message_id}|{sent}|{webhook_id}|{zlib.crc32(body)}"


@dataclass(frozen=True, slots=True)
class PayPalEvent:
    """The facts of an event, before we judge any of them.

    ``payment_ref`` is the resource's id. What it came from is the authorisation of a capture, the
    capture of a refund (``parent_authorization``), and in older resources ``parent_payment``.
    ``ours`` is what of our ids came back.
    """

    id: str
    type: str
    at: datetime
    payment_ref: str
    amount: Money
    fee: Money
    net: Money
    parent_authorization: str
    parent_payment: str
    final_capture: bool
    status: str
    reason: str
    ours: tuple[str, ...]


def read_event(body: str) -> PayPalEvent:
    event = parse_payload(body)
    resource = event.at("resource")
    amount = _amount(resource.at("amount"))
    breakdown = resource.at("seller_receivable_breakdown")
    fee = breakdown.at("paypal_fee") or resource.at("transaction_fee")
    none = Money.zero(amount.currency)
    return PayPalEvent(
        id=event.at("id").text(),
        type=event.at("event_type").text(),
        at=event.at("create_time").moment(),
        payment_ref=resource.at("id").text(),
        amount=amount,
        fee=_amount(fee) if fee else none,
        net=_amount(breakdown.at("net_amount")) if breakdown.at("net_amount") else none,
        parent_authorization=_parent(resource),
        parent_payment=resource.at("parent_payment").text_or_empty(),
        final_capture=resource.at("final_capture").flag(),
        status=(resource.at("status") or resource.at("state")).text_or_empty(),
        reason=resource.at("status_details", "reason").text_or_empty()
        or resource.at("reason_code").text_or_empty(),
        ours=tuple(
            resource.at(name).text_or_empty()
            for name in ("custom_id", "custom", "invoice_id", "invoice_number")
        ),
    )


def callback_of(event: PayPalEvent) -> PaymentCallback | None:
    """What the event says in our words; None when it moves no money of ours."""
    kind = _TYPES[event.type]
    if needs_amount(kind) and not event.amount:
        return None
    return PaymentCallback(
        id=event.id,
        type=_expired(kind, event),
        payment_id=_ours(event, "pay_"),
        amount=event.amount,
        reference=event.payment_ref,
        refund_id=_ours(event, "rfd_"),
        code=event.reason,
        at=event.at,
        authorization=event.parent_authorization or event.parent_payment or event.payment_ref,
        final=event.final_capture,
    )


def _expired(kind: CallbackType, event: PayPalEvent) -> CallbackType:
    """A hold that lapsed is told as one that was let go."""
    lapsed = kind == "payment.voided" and event.status.upper() == "EXPIRED"
    return "payment.authorization_expired" if lapsed else kind


def _ours(event: PayPalEvent, prefix: str) -> str:
    return next((each for each in event.ours if each.startswith(prefix)), "")


def _parent(resource: Payload) -> str:
    """By the ids that newer events have beside, else by the link upwards."""
    related = resource.at("supplementary_data", "related_ids", "authorization_id")
    if related:
        return related.text()
    for link in resource.at("links").elements():
        if link.at("rel").text_or_empty() == "up":
            return link.at("href").text_or_empty().rstrip("/").rpartition("/")[2]
    return ""


def _amount(amount: Payload) -> Money:
    """Newer resources have ``currency_code`` and ``value``, older ones ``currency`` and ``total``.
    What was taken back is negative in some of them."""
    currency = (amount.at("currency_code") or amount.at("currency")).text()
    found = (amount.at("value") or amount.at("total")).money(currency)
    return -found if found.minor < 0 else found


def _given_signature(headers: Mapping[str, str]) -> bytes:
    text = required_header(headers, "paypal-transmission-sig", "missing_signature")
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise mismatch() from None


def _moment(text: str) -> datetime:
    try:
        return parse_rfc3339(text)
    except ValueError:
        raise malformed("the transmission's time cannot be read") from None
