"""What Stripe tells of payments, in its webhook events.

The header is ``Stripe-Signature: t=<Unix seconds>,v1=<hex>[,v1=…]``; what is signed is
``<t>.<raw body>``, and one ``v1`` that fits is enough, because two are sent while a secret is being
replaced (docs.stripe.com/webhooks). Each delivery is signed anew, so that a retry is never too old.

Our own ids travel in the metadata of payment intents and refunds. Of what Stripe tells twice, the
payment intent is read and the charge ignored. A dispute only counts once it has taken money.

Test mode has endpoints, and so secrets, of its own. Only events of connected accounts come in both
modes (docs.stripe.com/connect/webhooks); they are about nobody's payments but theirs.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from oms.channels.model import Call, Command, Delivery, Ignored, PaymentReported
from oms.channels.payload import Payload, parse_payload, text_of
from oms.channels.signatures import (
    TOLERANCE,
    lower_names,
    malformed,
    refuse_another_time,
    required_header,
    unix_moment,
    values_by_name,
    verify_hex_hmac,
)
from oms.kernel.errors import Unauthenticated
from oms.kernel.money import Money
from oms.payments.callbacks import CallbackType, PaymentCallback, needs_amount
from oms.payments.minor_units import STRIPE, of_units


def verify(
    call: Call, secret: str, now: datetime, tolerance: timedelta | None = TOLERANCE
) -> Delivery:
    header = required_header(lower_names(call.headers), "stripe-signature", "missing_signature")
    parts = values_by_name(header)
    if "t" not in parts:
        raise malformed("the signature's header has no timestamp")
    if "v1" not in parts:
        raise Unauthenticated("the header has no v1 signature", code="missing_signature")
    (timestamp, *_) = parts["t"]
    sent_at = unix_moment(timestamp)
    verify_hex_hmac(parts["v1"], secret, f"{timestamp}.".encode() + call.body)
    refuse_another_time(sent_at, now, tolerance)
    body = text_of(call.body)
    return Delivery(parse_payload(body).at("id").text(), body, {})


def read(delivery: Delivery) -> tuple[Command, ...]:
    event = parse_payload(delivery.body)
    if event.at("account"):
        return (Ignored("the event is of a connected account"),)
    kind = event.at("type").text()
    if kind not in _READERS:
        return (Ignored(f"events of type {kind} are not handled"),)
    callbacks = [callback_of(event) for event in _events(delivery.body)]
    told = tuple(PaymentReported("stripe", callback) for callback in callbacks if callback)
    return told or (Ignored(f"{kind} moves no money"),)


@dataclass(frozen=True, slots=True)
class StripeEvent:
    """The facts of an event, before we judge any of them.

    ``amount`` is what the event is about: of a payment intent what it is worth, or what was
    received of it; of a charge what of it was not captured; of a refund or dispute its own.
    ``payment_ref`` is the payment intent, ``reference`` the object itself.
    """

    id: str
    type: str
    at: datetime
    reference: str
    payment_ref: str
    charge_ref: str
    payment_id: str
    refund_id: str
    amount: Money
    amount_authorized_before: int
    funds_withdrawn: int
    reason: str
    status: str
    adjusted: bool


def read_event(body: str) -> StripeEvent:
    event = parse_payload(body)
    return _event(event, event.at("data", "object"))


def _events(body: str) -> list[StripeEvent]:
    """One, but for a charge that was refunded: older versions of the API list its refunds in it,
    and newer ones tell of each by itself."""
    event = parse_payload(body)
    subject = event.at("data", "object")
    if event.at("type").text() != _CHARGE_REFUNDED:
        return [_event(event, subject)]
    refunds = subject.at("refunds", "data").elements()
    return [_of_charge(_event(event, refund)) for refund in refunds]


def _of_charge(refund: StripeEvent) -> StripeEvent:
    return replace(refund, id=f"{refund.id}:{refund.reference}")


def _event(event: Payload, subject: Payload) -> StripeEvent:
    currency = subject.at("currency").text_or_empty().upper()
    kind = subject.at("object").text_or_empty()
    metadata = subject.at("metadata")
    return StripeEvent(
        id=event.at("id").text(),
        type=event.at("type").text(),
        at=event.at("created").unix_seconds(),
        reference=subject.at("id").text_or_empty(),
        payment_ref=_payment_ref(kind, subject),
        charge_ref=_charge_ref(kind, subject),
        payment_id=metadata.at("payment_id").text_or_empty(),
        refund_id=metadata.at("refund_id").text_or_empty(),
        amount=of_units(_amount(event.at("type").text(), subject), currency, STRIPE),
        amount_authorized_before=_authorized_before(subject),
        funds_withdrawn=_withdrawn(subject),
        reason=_reason(subject),
        status=subject.at("status").text_or_empty(),
        adjusted=bool(event.at("data", "previous_attributes", "amount")),
    )


def callback_of(event: StripeEvent) -> PaymentCallback | None:
    """What the event says in our words; None when it moves no money of ours."""
    kind = _READERS[event.type](event)
    if kind is None:
        return None
    amount = event.amount
    if kind == "payment.voided":
        amount = Money(event.amount_authorized_before, amount.currency)
    if needs_amount(kind) and not amount:
        return None
    return PaymentCallback(
        id=event.id,
        type=kind,
        payment_id=event.payment_id,
        amount=amount,
        reference=_operation(event),
        refund_id=event.refund_id,
        code=event.reason,
        at=event.at,
        authorization=event.payment_ref or event.charge_ref,
    )


def _operation(event: StripeEvent) -> str:
    """A charge that expires is its intent's authorisation, whose end is told of the intent too. An
    intent may be adjusted several times."""
    if event.type == "charge.expired":
        return event.payment_ref
    return event.id if event.adjusted else event.reference


def _authorization(event: StripeEvent) -> CallbackType | None:
    """What is told again with less, once a part is captured, has no amount here."""
    return "payment.authorization_adjusted" if event.adjusted else "payment.authorized"


def _refund(event: StripeEvent) -> CallbackType | None:
    if event.status == "succeeded":
        return "payment.refunded"
    return "payment.refund_failed" if event.status in ("failed", "canceled") else None


def _dispute(event: StripeEvent) -> CallbackType | None:
    """An inquiry has taken nothing yet; then ``funds_withdrawn`` follows, if it becomes more."""
    return "payment.charged_back" if event.funds_withdrawn else None


def _always(kind: CallbackType) -> Callable[[StripeEvent], CallbackType]:
    return lambda event: kind


_CHARGE_REFUNDED = "charge.refunded"
_READERS: Mapping[str, Callable[[StripeEvent], CallbackType | None]] = {
    "payment_intent.processing": _always("payment.pending"),
    "payment_intent.requires_action": _always("payment.pending"),
    "payment_intent.amount_capturable_updated": _authorization,
    "payment_intent.succeeded": _always("payment.captured"),
    "payment_intent.payment_failed": _always("payment.declined"),
    "payment_intent.canceled": _always("payment.voided"),
    "charge.expired": _always("payment.authorization_expired"),
    "refund.created": _refund,
    "refund.updated": _refund,
    "refund.failed": _refund,
    "charge.refund.updated": _refund,
    _CHARGE_REFUNDED: _refund,
    "charge.dispute.created": _dispute,
    "charge.dispute.funds_withdrawn": _always("payment.charged_back"),
    "charge.dispute.funds_reinstated": _always("payment.charge_back_reversed"),
}


def _amount(kind: str, subject: Payload) -> int:
    amount = _units(subject.at("amount"))
    match kind:
        case "payment_intent.succeeded":
            return _units(subject.at("amount_received"))
        case "payment_intent.amount_capturable_updated":
            return amount if _units(subject.at("amount_capturable")) == amount else 0
        case "charge.expired":
            return amount - _units(subject.at("amount_captured"))
        case _:
            return amount


def _authorized_before(subject: Payload) -> int:
    """What a cancelled intent held, in the currency's own minor units. Newer versions of the API
    leave the charges out and name the latest: then the whole is taken to have been held, and
    whoever records it lets go of what there is."""
    charges = subject.at("charges", "data")
    currency = subject.at("currency").text_or_empty().upper()
    if charges:
        held = [charge for charge in charges.elements() if charge.at("paid").flag()]
        units = sum(_units(charge.at("amount")) for charge in held)
    else:
        units = _units(subject.at("amount")) if subject.at("latest_charge") else 0
    return of_units(units, currency, STRIPE).minor


def _withdrawn(subject: Payload) -> int:
    """What a dispute has taken so far, fees aside: its balance transactions are negative."""
    moved = [_units(each.at("amount")) for each in subject.at("balance_transactions").elements()]
    return -sum(moved)


def _payment_ref(kind: str, subject: Payload) -> str:
    return _id_of(subject if kind == "payment_intent" else subject.at("payment_intent"))


def _charge_ref(kind: str, subject: Payload) -> str:
    if kind == "charge":
        return _id_of(subject)
    if kind != "payment_intent":
        return _id_of(subject.at("charge"))
    charges = list(subject.at("charges", "data").elements())
    return _id_of(charges[0] if charges else subject.at("latest_charge"))


def _id_of(reference: Payload) -> str:
    """An object, or only its id: Stripe sends either."""
    if isinstance(reference.value, dict):
        return reference.at("id").text_or_empty()
    return reference.text_or_empty()


def _reason(subject: Payload) -> str:
    """Why a payment was declined or cancelled, a refund failed, a customer disputes."""
    found = (
        subject.at("last_payment_error", "code"),
        subject.at("cancellation_reason"),
        subject.at("failure_reason"),
        subject.at("reason"),
    )
    return next((each.text_or_empty() for each in found if each), "")


def _units(amount: Payload) -> int:
    return amount.whole_number() if amount else 0
