"""What Mercado Pago tells of payments: only that one changed. What it is now has to be asked.

The header is ``x-signature: ts=<Unix milliseconds>,v1=<hex>``; what is signed is the manifest
``id:<data.id of the query>;request-id:<x-request-id>;ts:<ts>;``, whose absent parts are left out
(mercadopago.com, "Validate the origin of a notification"). The documents have letters of the id in
lower case, the provider's own libraries as they come: either is accepted. The body is not signed,
so that nothing is believed of it but what kind of resource changed; the id is that of the query.

Our payment's id travels as the resource's ``external_reference``. What a payment is now stands for
several facts (authorised, captured, each refund); each has a name that is the same whenever it is
asked for again.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from oms.channels.model import Call, Command, Delivery, Ignored, PaymentReported, ResourceNamed
from oms.channels.payload import Payload, parse_payload, text_of
from oms.channels.signatures import (
    lower_names,
    refuse_another_time,
    required_header,
    unix_moment,
    values_by_name,
    verify_hex_hmac,
)
from oms.kernel.errors import Unauthenticated
from oms.kernel.money import Money, total
from oms.payments.callbacks import CallbackType, PaymentCallback

# It tries for days, and does not say that it signs each try anew. A replay only makes us ask again.
TOLERANCE = timedelta(days=7)

_ID = re.compile(r"[0-9]{1,20}")
_RESOURCE_ID = "data.id"


def verify(
    call: Call, secret: str, now: datetime, tolerance: timedelta | None = TOLERANCE
) -> Delivery:
    given = lower_names(call.headers)
    parts = values_by_name(required_header(given, "x-signature", "missing_signature"))
    timestamp = _all(parts, "ts", "missing_timestamp")[0]
    signatures = _all(parts, "v1", "missing_hash")
    sent_at = unix_moment(timestamp)
    resource_id = call.query.get(_RESOURCE_ID, "")
    request_id = given.get("x-request-id", "").strip()
    readings = (
        manifest(spelling, request_id, timestamp).encode()
        for spelling in (resource_id, resource_id.lower())
    )
    verify_hex_hmac(signatures, secret, *readings)
    refuse_another_time(sent_at, now, tolerance)
    delivery_id = request_id or resource_id or timestamp
    return Delivery(delivery_id, text_of(call.body), {_RESOURCE_ID: resource_id})


def read(delivery: Delivery) -> tuple[Command, ...]:
    kind = parse_payload(delivery.body).at("type").text_or_empty()
    resource_id = delivery.headers.get(_RESOURCE_ID, "")
    if kind != "payment":
        return (Ignored(f"notifications of type {kind or '(none)'} are not handled"),)
    if not _ID.fullmatch(resource_id):
        return (Ignored("the notification names no payment"),)
    return (ResourceNamed("mercadopago", f"/v1/payments/{resource_id}"),)


def manifest(resource_id: str, request_id: str, timestamp: str) -> str:
    """What the signature is made over."""
    parts = (("id", resource_id), ("request-id", request_id), ("ts", timestamp))
    return "".join(f"{name}:{value};" for name, value in parts if value)


@dataclass(frozen=True, slots=True)
class MercadoPagoRefund:
    refund_ref: str
    payment_ref: str
    amount: Money
    status: str
    at: datetime
    refund_id: str


@dataclass(frozen=True, slots=True)
class MercadoPagoPayment:
    """The facts of a payment as it is now, before we judge any of them. ``captured`` is true of a
    Pix that nobody has paid yet: ``money_received`` is what was."""

    payment_ref: str
    external_reference: str
    status: str
    status_detail: str
    method: str
    amount: Money
    refunded: Money
    captured: bool
    created_at: datetime
    approved_at: datetime | None
    updated_at: datetime
    refunds: tuple[MercadoPagoRefund, ...]

    @property
    def money_received(self) -> Money:
        if self.approved_at is None or self.status == "authorized":
            return Money.zero(self.amount.currency)
        return self.amount

    @property
    def given_back(self) -> Money:
        """``refunded`` may hold what was charged back, too."""
        arrived = [refund.amount for refund in self.refunds if refund.status == "approved"]
        return total(arrived, self.amount.currency)


def read_payment(document: str) -> MercadoPagoPayment:
    payment = parse_payload(document)
    currency = payment.at("currency_id").text()
    approved = payment.at("date_approved")
    created = payment.at("date_created")
    return MercadoPagoPayment(
        payment_ref=payment.at("id").text(),
        external_reference=payment.at("external_reference").text_or_empty(),
        status=payment.at("status").text(),
        status_detail=payment.at("status_detail").text_or_empty(),
        method=payment.at("payment_method_id").text_or_empty(),
        amount=payment.at("transaction_amount").money(currency),
        refunded=payment.at("transaction_amount_refunded").money_or_zero(currency),
        captured=payment.at("captured").flag(),
        created_at=created.moment(),
        approved_at=approved.moment() if approved else None,
        updated_at=(payment.at("date_last_updated") or created).moment(),
        refunds=tuple(read_refund(refund, currency) for refund in payment.at("refunds").elements()),
    )


def read_refund(refund: Payload, currency: str) -> MercadoPagoRefund:
    """A refund has no currency of its own: it is the payment's."""
    return MercadoPagoRefund(
        refund_ref=refund.at("id").text(),
        payment_ref=refund.at("payment_id").text_or_empty(),
        amount=refund.at("amount").money(currency),
        status=refund.at("status").text_or_empty(),
        at=refund.at("date_created").moment(),
        refund_id=refund.at("metadata", "refund_id").text_or_empty(),
    )


def reports(payment: MercadoPagoPayment) -> tuple[PaymentReported, ...]:
    """Everything that a payment's present state says has happened to it."""
    told = (*_of_payment(payment), *_of_refunds(payment))
    return tuple(PaymentReported("mercadopago", callback) for callback in told)


def _of_payment(payment: MercadoPagoPayment) -> Iterator[PaymentCallback]:
    if payment.money_received:
        yield _told(payment, "payment.captured", payment.amount, payment.approved_at)
    match payment.status:
        case "pending" | "in_process" if not payment.money_received:
            yield _told(payment, "payment.pending", payment.amount, payment.created_at)
        case "authorized":
            yield _told(payment, "payment.authorized", payment.amount)
        case "rejected":
            yield _told(payment, "payment.declined", payment.amount)
        case "cancelled":
            # Of a Pix or a boleto that nobody paid, nothing was held.
            held = Money.zero(payment.amount.currency) if payment.captured else payment.amount
            yield _told(payment, "payment.voided", held)
        case "charged_back" if lost := payment.amount - payment.given_back:
            yield _told(payment, "payment.charged_back", lost)
            if payment.status_detail == "reimbursed":
                yield _told(payment, "payment.charge_back_reversed", lost)


def _of_refunds(payment: MercadoPagoPayment) -> Iterator[PaymentCallback]:
    for refund in payment.refunds:
        kind = _REFUND_TYPES.get(refund.status)
        if kind is None:
            continue
        yield PaymentCallback(
            id=f"{payment.payment_ref}:{refund.refund_ref}:{refund.status}",
            type=kind,
            payment_id=_ours(payment),
            amount=refund.amount,
            reference=refund.refund_ref,
            refund_id=refund.refund_id,
            code=refund.status if kind == "payment.refund_failed" else "",
            at=refund.at,
            authorization=payment.payment_ref,
        )


_REFUND_TYPES: dict[str, CallbackType] = {
    "approved": "payment.refunded",
    "rejected": "payment.refund_failed",
    "cancelled": "payment.refund_failed",
}


def _told(
    payment: MercadoPagoPayment,
    kind: CallbackType,
    amount: Money,
    at: datetime | None = None,
) -> PaymentCallback:
    word = kind.removeprefix("payment.")
    return PaymentCallback(
        id=f"{payment.payment_ref}:{word}",
        type=kind,
        payment_id=_ours(payment),
        amount=amount,
        reference=payment.payment_ref,
        code=payment.status_detail if kind in _REFUSALS else "",
        at=at or payment.updated_at,
        authorization=payment.payment_ref,
    )


_REFUSALS: frozenset[CallbackType] = frozenset({"payment.declined", "payment.voided"})


def _ours(payment: MercadoPagoPayment) -> str:
    ours = payment.external_reference
    return ours if ours.startswith("pay_") else ""


def _all(parts: dict[str, list[str]], name: str, code: str) -> list[str]:
    if name not in parts:
        raise Unauthenticated(f"the signature's header has no {name}", code=code)
    return parts[name]
