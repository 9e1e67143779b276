"""What Stripe tells: believed when its signature holds, and put in our words."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from oms.channels import stripe
from oms.channels.model import Call, Delivery, Ignored, PaymentReported
from oms.kernel.errors import Invalid, Unauthenticated
from oms.kernel.money import Money
from oms.payments.callbacks import PaymentCallback
from tests.payment_providers import stripe_headers

SAMPLE = Path(__file__).parents[3] / "events" / "webhooks" / "stripe_payment_succeeded.json"
NOW = datetime(2026, 5, 4, 13, 0, tzinfo=UTC)
SECRET = "whsec_a secret"
PAYMENT, REFUND = "pay_yo7onh3dw7qpno4k6fcdqhzytn_1", "rfd_yo7onh3dw7qpno4k6fcdqhzytn_1"
EVENT: dict[str, Any] = json.loads(SAMPLE.read_text())["body"]
BODY = json.dumps(EVENT).encode()


def refusal(headers: dict[str, str], body: bytes = BODY, secret: str = SECRET) -> str:
    with pytest.raises(Unauthenticated) as refused:
        stripe.verify(Call(headers, body), secret, NOW)
    return refused.value.problem_code


def test_a_signed_event_is_known_by_its_id() -> None:
    delivery = stripe.verify(Call(stripe_headers(SECRET, BODY, NOW), BODY), SECRET, NOW)

    assert (delivery.id, delivery.body) == ("evt_1SampleStripe0001", BODY.decode())


def test_one_of_several_signatures_is_enough_while_a_secret_is_replaced() -> None:
    headers = stripe_headers(SECRET, BODY, NOW, "0" * 64, "not hexadecimal")

    assert stripe.verify(Call(headers, BODY), SECRET, NOW).body == BODY.decode()


@pytest.mark.parametrize("seconds", [-300, 300])
def test_clocks_may_differ_by_five_minutes(seconds: int) -> None:
    headers = stripe_headers(SECRET, BODY, NOW + timedelta(seconds=seconds))

    assert stripe.verify(Call(headers, BODY), SECRET, NOW).body == BODY.decode()


@pytest.mark.parametrize("seconds", [-301, 301])
def test_an_event_from_another_time_is_refused(seconds: int) -> None:
    headers = stripe_headers(SECRET, BODY, NOW + timedelta(seconds=seconds))

    assert refusal(headers) == "timestamp_out_of_tolerance"


@pytest.mark.parametrize(
    ("header", "code"),
    [
        ("", "missing_signature"),
        ("t=1777899600", "missing_signature"),
        ("t=1777899600,v0=00", "missing_signature"),
        ("v1=00", "malformed_header"),
        ("t=noon,v1=00", "malformed_header"),
        ("a signature", "malformed_header"),
        ("t=1777899600,v1=00", "signature_mismatch"),
        ("t=1777899600,v1=não", "signature_mismatch"),
    ],
)
def test_a_header_that_does_not_hold_is_refused_for_its_reason(header: str, code: str) -> None:
    assert refusal({"Stripe-Signature": header}) == code


def test_another_body_another_secret_and_no_secret_are_refused() -> None:
    headers = stripe_headers(SECRET, BODY, NOW)

    assert refusal(headers, BODY + b" ") == "signature_mismatch"
    assert refusal(headers, secret="whsec_another") == "signature_mismatch"
    assert refusal(headers, secret="") == "not_configured"
    assert refusal({}) == "missing_signature"


def test_what_is_signed_and_is_no_event_is_refused() -> None:
    for body in (b"\xff\xfe", b'{"type": "x"}'):
        with pytest.raises(Invalid):
            stripe.verify(Call(stripe_headers(SECRET, body, NOW), body), SECRET, NOW)


def read(kind: str, subject: dict[str, Any], **data: Any) -> PaymentCallback | None:
    event = {"id": "evt_1", "type": kind, "created": 1777900082}
    event["data"] = {"object": subject, **data}
    (command,) = stripe.read(Delivery("evt_1", json.dumps(event), {}))
    if isinstance(command, PaymentReported):
        assert command.provider == "stripe"
        return command.callback
    assert isinstance(command, Ignored)
    return None


def intent(**changes: Any) -> dict[str, Any]:
    return {**EVENT["data"]["object"], **changes}


def test_a_paid_intent_is_a_capture_with_our_payments_id_and_stripes_time() -> None:
    told = read("payment_intent.succeeded", intent(amount_received=5000))

    assert told == PaymentCallback(
        "evt_1",
        "payment.captured",
        PAYMENT,
        Money(5000, "BRL"),
        "pi_3SampleStripe0001",
        at=datetime(2026, 5, 4, 13, 8, 2, tzinfo=UTC),
        authorization="pi_3SampleStripe0001",
    )


@pytest.mark.parametrize(
    ("kind", "changes", "ours", "minor"),
    [
        ("payment_intent.processing", {}, "payment.pending", 60060),
        ("payment_intent.requires_action", {}, "payment.pending", 60060),
        (
            "payment_intent.amount_capturable_updated",
            {"amount_capturable": 60060},
            "payment.authorized",
            60060,
        ),
        ("payment_intent.payment_failed", {}, "payment.declined", 60060),
        ("payment_intent.canceled", {}, "payment.voided", 60060),
        ("payment_intent.canceled", {"latest_charge": None}, "payment.voided", 0),
        (
            "payment_intent.canceled",
            {"charges": {"data": [{"paid": True, "amount": 400}, {"paid": False, "amount": 7}]}},
            "payment.voided",
            400,
        ),
    ],
)
def test_an_intent_is_read_by_what_became_of_it(
    kind: str, changes: dict[str, Any], ours: str, minor: int
) -> None:
    told = read(kind, intent(**changes))

    assert told is not None
    assert (told.type, told.amount, told.payment_id) == (ours, Money(minor, "BRL"), PAYMENT)


def test_a_decline_says_why() -> None:
    told = read(
        "payment_intent.payment_failed", intent(last_payment_error={"code": "card_declined"})
    )

    assert told is not None
    assert told.code == "card_declined"


def test_a_hold_that_grows_is_an_adjustment_of_its_own() -> None:
    grown = intent(amount=70000, amount_capturable=70000)

    told = read(
        "payment_intent.amount_capturable_updated", grown, previous_attributes={"amount": 60060}
    )

    assert told is not None
    assert (told.type, told.amount.minor) == ("payment.authorization_adjusted", 70000)
    assert (told.reference, told.authorization) == ("evt_1", "pi_3SampleStripe0001")


def test_what_is_left_after_a_capture_is_not_authorised_anew() -> None:
    assert read("payment_intent.amount_capturable_updated", intent(amount_capturable=60)) is None


def test_a_hold_that_expires_is_told_of_its_intent() -> None:
    charge = {
        "id": "ch_1",
        "object": "charge",
        "payment_intent": "pi_1",
        "amount": 500,
        "amount_captured": 200,
        "currency": "brl",
        "metadata": {"payment_id": PAYMENT},
    }

    told = read("charge.expired", charge)

    assert told is not None
    assert (told.type, told.reference) == ("payment.authorization_expired", "pi_1")
    assert told.amount == Money(300, "BRL")


def refund(status: str, **changes: Any) -> dict[str, Any]:
    ours = {"payment_id": PAYMENT, "refund_id": REFUND}
    return {
        "id": "re_1",
        "object": "refund",
        "amount": 900,
        "currency": "brl",
        "charge": "ch_1",
        "payment_intent": "pi_1",
        "status": status,
        "metadata": ours,
        **changes,
    }


@pytest.mark.parametrize(
    "kind", ["refund.created", "refund.updated", "refund.failed", "charge.refund.updated"]
)
@pytest.mark.parametrize(
    ("status", "ours"),
    [
        ("succeeded", "payment.refunded"),
        ("failed", "payment.refund_failed"),
        ("canceled", "payment.refund_failed"),
        ("pending", None),
        ("requires_action", None),
    ],
)
def test_a_refund_is_read_by_its_status(kind: str, status: str, ours: str | None) -> None:
    told = read(kind, refund(status))

    assert (told.type if told else None) == ours
    if told:
        assert (told.refund_id, told.reference) == (REFUND, "re_1")


def test_a_refunded_charge_tells_of_each_refund_that_is_listed_in_it() -> None:
    refunds = [refund("succeeded", id="re_2"), refund("pending", id="re_1")]
    charge = {"id": "ch_1", "object": "charge", "currency": "brl", "refunds": {"data": refunds}}

    told = read("charge.refunded", charge)

    assert told is not None
    assert (told.id, told.reference) == ("evt_1:re_2", "re_2")
    assert read("charge.refunded", {**charge, "refunds": None}) is None


def dispute(**changes: Any) -> dict[str, Any]:
    return {
        "id": "dp_1",
        "object": "dispute",
        "amount": 500,
        "currency": "brl",
        "charge": {"id": "ch_1"},
        "payment_intent": "pi_1",
        "reason": "fraudulent",
        "status": "needs_response",
        "metadata": {},
        **changes,
    }


def test_a_dispute_counts_once_it_has_taken_money() -> None:
    withdrawn = dispute(balance_transactions=[{"amount": -500}])

    told = read("charge.dispute.created", withdrawn)

    assert told is not None
    assert (told.type, told.amount) == ("payment.charged_back", Money(500, "BRL"))
    assert (told.payment_id, told.authorization, told.reference) == ("", "pi_1", "dp_1")
    assert read("charge.dispute.created", dispute(balance_transactions=[])) is None
    assert read("charge.dispute.funds_withdrawn", dispute()) == told
    won = read("charge.dispute.funds_reinstated", dispute())
    assert won is not None
    assert won.type == "payment.charge_back_reversed"


@pytest.mark.parametrize("kind", ["customer.created", "payment_intent.created", "charge.succeeded"])
def test_events_of_other_types_are_ignored_whatever_they_hold(kind: str) -> None:
    assert read(kind, {"amount": "much"}) is None


def test_amounts_are_in_stripes_own_units() -> None:
    told = read("payment_intent.succeeded", intent(currency="isk", amount=500, amount_received=500))

    assert told is not None
    assert told.amount == Money(5, "ISK")


def test_what_happened_in_a_connected_account_is_no_payment_of_ours() -> None:
    event = {**EVENT, "account": "acct_1", "livemode": False}

    (command,) = stripe.read(Delivery("evt_1", json.dumps(event), {}))

    assert isinstance(command, Ignored)


@pytest.mark.parametrize("created", [10**30, -(10**30), "noon", None])
def test_an_event_of_no_time_cannot_be_read(created: object) -> None:
    with pytest.raises(Invalid):
        stripe.read(Delivery("evt_1", json.dumps({**EVENT, "created": created}), {}))
