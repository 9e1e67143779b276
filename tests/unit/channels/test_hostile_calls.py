"""Whoever may send anything is refused in words, and never makes us stumble."""

import json
from datetime import UTC, datetime

import pytest

from oms.channels import adyen, mercadopago, stripe
from oms.channels.model import Call
from oms.channels.payload import parse_payload
from oms.channels.paypal import PayPal, certificates_of
from oms.kernel.clock import parse_rfc3339
from oms.kernel.errors import MalformedRequest, Unauthenticated
from oms.payments.callbacks import read_callback
from tests.payment_providers import adyen_signed, paypal_headers

NOW = datetime(2026, 5, 4, 13, 0, tzinfo=UTC)
KEY = "00112233445566778899AABBCCDDEEFF" * 2


def adyen_refusal(item: object, secret: str = KEY) -> str:
    body = json.dumps({"notificationItems": [{"NotificationRequestItem": item}]}).encode()
    with pytest.raises(Unauthenticated) as refused:
        adyen.verify(Call({}, body), secret, NOW)
    return refused.value.problem_code


def test_text_that_no_encoding_has_is_no_item() -> None:
    half = "\ud800"
    signature = {"hmacSignature": "AAAA"}

    assert adyen_refusal({"pspReference": half, "additionalData": signature}) == "malformed_items"
    assert adyen_refusal({"additionalData": {"hmacSignature": half}}) == "signature_mismatch"


@pytest.mark.parametrize("item", [None, [], "text", 7, {"additionalData": []}, {"amount": [1]}])
def test_an_item_of_another_kind_is_refused(item: object) -> None:
    assert adyen_refusal(item) in ("malformed_items", "missing_signature")


def test_only_our_reference_may_have_what_parts_the_values() -> None:
    """Adyen signs without escaping: else one item could be read as another."""
    item = {
        "pspReference": "PSP",
        "merchantAccountCode": "Account",
        "merchantReference": "theirs:pay_a:1",
        "amount": {"value": 100, "currency": "BRL"},
        "eventCode": "AUTHORISATION",
        "success": "true",
    }
    document = adyen_signed(KEY, {"notificationItems": [{"NotificationRequestItem": item}]})
    adyen.verify(Call({}, json.dumps(document).encode()), KEY, NOW)

    (envelope,) = document["notificationItems"]
    signed = envelope["NotificationRequestItem"]
    read_otherwise = {
        **signed,
        "merchantAccountCode": "Account:theirs",
        "merchantReference": "pay_a:1",
    }
    assert adyen.signed_string(parse_payload(json.dumps(read_otherwise))) == adyen.signed_string(
        parse_payload(json.dumps(signed))
    )
    assert adyen_refusal(read_otherwise) == "malformed_items"


@pytest.mark.parametrize("number", ["1e99999999999999999999", "9" * 5000])
def test_a_number_that_cannot_be_read_is_no_json(number: str) -> None:
    with pytest.raises(MalformedRequest):
        parse_payload(f'{{"amount": {number}}}')


def test_what_is_nested_too_deeply_is_no_callback() -> None:
    with pytest.raises(MalformedRequest):
        read_callback("[" * 100_000)


@pytest.mark.parametrize("time", ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59"])
def test_a_time_outside_of_all_calendars_is_none(time: str) -> None:
    with pytest.raises(ValueError, match="time"):
        parse_rfc3339(time)
    headers = {**paypal_headers("W", b"{}", NOW), "paypal-transmission-time": time}
    with pytest.raises(Unauthenticated) as refused:
        PayPal(certificates_of()).verify(Call(headers, b"{}"), "W", NOW)
    assert refused.value.problem_code == "malformed_header"


@pytest.mark.parametrize("blank", [" ", "\n", "\t "])
def test_a_blank_secret_is_none(blank: str) -> None:
    header = {"stripe-signature": "t=1777899600,v1=00"}
    with pytest.raises(Unauthenticated) as of_stripe:
        stripe.verify(Call(header, b"{}"), blank, NOW)
    with pytest.raises(Unauthenticated) as of_mercado_pago:
        mercadopago.verify(Call({"x-signature": "ts=1777899600,v1=00"}, b"{}"), blank, NOW)
    with pytest.raises(Unauthenticated) as of_paypal:
        PayPal(certificates_of()).verify(Call(paypal_headers(blank, b"{}", NOW), b"{}"), blank, NOW)

    for refused in (of_stripe, of_mercado_pago, of_paypal):
        assert refused.value.problem_code == "not_configured"
