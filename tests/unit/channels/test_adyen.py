"""What Adyen tells: believed when every item's signature holds, and put in our words."""

import base64
import hashlib
import hmac
import json
from copy import deepcopy
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from oms.channels import adyen
from oms.channels.model import Call, Delivery, Ignored, PaymentReported
from oms.kernel.errors import Unauthenticated
from oms.kernel.money import Money
from oms.payments.callbacks import PaymentCallback
from tests.payment_providers import adyen_signed

SAMPLE = Path(__file__).parents[3] / "events" / "webhooks" / "adyen_capture.json"
NOW = datetime(2026, 5, 4, 13, 0, tzinfo=UTC)
SECRET = "00112233445566778899AABBCCDDEEFF" * 2
PAYMENT, REFUND = "pay_yo7onh3dw7qpno4k6fcdqhzytn_1", "rfd_yo7onh3dw7qpno4k6fcdqhzytn_1"
DOCUMENT: dict[str, Any] = json.loads(SAMPLE.read_text())["body"]
ITEM: dict[str, Any] = DOCUMENT["notificationItems"][0]["NotificationRequestItem"]


def document(*items: dict[str, Any]) -> dict[str, Any]:
    envelopes = [{"NotificationRequestItem": {**deepcopy(ITEM), **item}} for item in items]
    return {"live": "false", "notificationItems": envelopes}


def call(found: dict[str, Any], **headers: str) -> Call:
    return Call(headers, json.dumps(found).encode())


def refusal(found: Call, secret: str = SECRET) -> str:
    with pytest.raises(Unauthenticated) as refused:
        adyen.verify(found, secret, NOW)
    return refused.value.problem_code


def test_items_that_are_signed_each_are_believed() -> None:
    signed = adyen_signed(SECRET, document({}, {"pspReference": "B", "success": "false"}))

    delivery = adyen.verify(call(signed), SECRET, NOW)

    assert json.loads(delivery.body) == signed
    assert delivery.id == hashlib.sha256(delivery.body.encode()).hexdigest()


def test_one_item_that_is_not_genuine_refuses_them_all() -> None:
    signed = adyen_signed(SECRET, document({}, {"pspReference": "B"}))
    signed["notificationItems"][1]["NotificationRequestItem"]["amount"]["value"] += 1
    unsigned = adyen_signed(SECRET, document({}))
    unsigned["notificationItems"] += document({})["notificationItems"]

    assert refusal(call(signed)) == "signature_mismatch"
    assert refusal(call(unsigned)) == "missing_signature"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("pspReference", "OTHER"),
        ("originalReference", "OTHER"),
        ("merchantAccountCode", "Other"),
        ("merchantReference", "pay_other"),
        ("amount", {"currency": "BRL", "value": 60061}),
        ("amount", {"currency": "USD", "value": 60060}),
        ("eventCode", "REFUND"),
        ("success", "false"),
    ],
)
def test_any_value_that_is_signed_may_not_be_changed(name: str, value: object) -> None:
    signed = adyen_signed(SECRET, document({}))
    signed["notificationItems"][0]["NotificationRequestItem"][name] = value

    assert refusal(call(signed)) == "signature_mismatch"


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff", b'{"notificationItems": 1}'])
def test_what_cannot_be_read_cannot_be_genuine(body: bytes) -> None:
    assert refusal(Call({}, body)) == "malformed_items"


def test_without_items_there_is_nothing_to_believe() -> None:
    assert refusal(call({"notificationItems": []})) == "missing_signature"
    assert refusal(call({})) == "missing_signature"


@pytest.mark.parametrize("secret", ["", "not hexadecimal", "  "])
def test_without_a_usable_key_nothing_is_accepted(secret: str) -> None:
    assert refusal(call(adyen_signed(SECRET, document({}))), secret) == "not_configured"


def test_a_webhook_whose_body_is_signed_as_a_whole_is_believed_and_ignored() -> None:
    body = b'{"type": "merchant.created"}'
    digest = hmac.digest(bytes.fromhex(SECRET), body, hashlib.sha256)
    headers = {"HmacSignature": base64.b64encode(digest).decode()}

    delivery = adyen.verify(Call(headers, body), SECRET, NOW)

    assert [type(each) for each in adyen.read(delivery)] == [Ignored]
    assert refusal(Call(headers, body + b" ")) == "signature_mismatch"


def read(**changes: Any) -> PaymentCallback | None:
    (command,) = adyen.read(Delivery("d", json.dumps(document(changes)), {}))
    if isinstance(command, PaymentReported):
        assert command.provider == "adyen"
        return command.callback
    assert isinstance(command, Ignored)
    return None


def test_an_item_is_read_with_our_payments_id_and_adyens_names_and_time() -> None:
    assert read() == PaymentCallback(
        "SAMPLE0000000002:CAPTURE:true",
        "payment.captured",
        PAYMENT,
        Money(60060, "BRL"),
        "SAMPLE0000000002",
        at=datetime(2026, 5, 4, 13, 8, 2, tzinfo=UTC),
        authorization="SAMPLE0000000001",
    )


@pytest.mark.parametrize(
    ("code", "success", "ours"),
    [
        ("AUTHORISATION", "true", "payment.authorized"),
        ("AUTHORISATION", "false", "payment.declined"),
        ("AUTHORISATION_ADJUSTMENT", "true", "payment.authorization_adjusted"),
        ("AUTHORISATION_ADJUSTMENT", "false", None),
        ("PENDING", "true", "payment.pending"),
        ("EXPIRE", "true", "payment.authorization_expired"),
        ("OFFER_CLOSED", "true", "payment.declined"),
        ("CAPTURE", "true", "payment.captured"),
        ("CAPTURE", "false", "payment.capture_failed"),
        ("CAPTURE_FAILED", "true", "payment.capture_failed"),
        ("CANCELLATION", "true", "payment.voided"),
        ("CANCELLATION", "false", "payment.void_failed"),
        ("TECHNICAL_CANCEL", True, "payment.voided"),
        ("REFUND", "true", "payment.refunded"),
        ("REFUND", False, "payment.refund_failed"),
        ("REFUND_FAILED", "true", "payment.refund_failed"),
        ("REFUNDED_REVERSED", "true", "payment.refund_reversed"),
        ("CHARGEBACK", "true", "payment.charged_back"),
        ("CHARGEBACK_REVERSED", "true", "payment.charge_back_reversed"),
        ("SECOND_CHARGEBACK", "true", "payment.charged_back"),
        ("NOTIFICATION_OF_CHARGEBACK", "true", None),
        ("REPORT_AVAILABLE", "true", None),
    ],
)
def test_each_event_code_is_put_in_our_words(code: str, success: object, ours: str | None) -> None:
    told = read(eventCode=code, success=success)

    assert (told.type if told else None) == ours


def test_an_item_that_is_repeated_is_told_once() -> None:
    repeated = Delivery("d", json.dumps(document(*[{}] * 500, {"pspReference": "B"})), {})

    assert len(adyen.read(repeated)) == 2


def test_what_tells_of_no_payment_needs_no_amount() -> None:
    assert read(eventCode="REPORT_AVAILABLE", amount=None, eventDate=None) is None


@pytest.mark.parametrize(
    ("action", "ours"), [("cancel", "payment.voided"), ("refund", "payment.refunded")]
)
def test_a_cancel_or_refund_is_what_adyen_made_of_it(action: str, ours: str) -> None:
    told = read(eventCode="CANCEL_OR_REFUND", additionalData={"modification.action": action})

    assert told is not None
    assert told.type == ours


def test_a_refund_is_known_by_our_id_of_it_or_by_what_adyen_calls_the_payment() -> None:
    ours = read(eventCode="REFUND", merchantReference=REFUND)
    theirs = read(eventCode="REFUND", merchantReference=None)

    assert ours is not None and theirs is not None
    assert (ours.payment_id, ours.refund_id) == ("", REFUND)
    assert (theirs.payment_id, theirs.refund_id) == ("", "")
    assert ours.authorization == theirs.authorization == "SAMPLE0000000001"


def test_a_refusal_says_why_and_a_success_tells_nothing_of_the_card() -> None:
    refused = read(eventCode="AUTHORISATION", success="false", reason="Refused")
    taken = read(eventCode="AUTHORISATION", reason="039404:1111:03/2030")

    assert refused is not None and taken is not None
    assert (refused.code, taken.code) == ("Refused", "")


def test_a_card_that_is_only_checked_holds_no_money() -> None:
    assert read(eventCode="AUTHORISATION", amount={"currency": "BRL", "value": 0}) is None


def test_amounts_are_in_adyens_own_units() -> None:
    told = read(amount={"currency": "CLP", "value": 125000})

    assert told is not None
    assert told.amount == Money(1250, "CLP")
