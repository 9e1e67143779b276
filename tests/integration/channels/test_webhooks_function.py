import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from standardwebhooks import Webhook

from oms.accounts.codes import code_digest
from oms.kernel.ids import order_id
from tests.integration.channels.conftest import SAMPLES, SECRETS, Inbound
from tests.payment_providers import (
    CERTIFICATE_PATH,
    adyen_signed,
    mercadopago_headers,
    paypal_headers,
    stripe_headers,
)


def sample(name: str, at: str = "") -> tuple[str, dict[str, str], bytes]:
    """The source, signed headers and body of a file in ``events/webhooks``. ``at`` is the address
    where PayPal's certificate is."""
    document = json.loads((SAMPLES / f"{name}.json").read_text())
    source, body = document["source"], document["body"]
    if source == "adyen":
        body = adyen_signed(SECRETS[source], body)
    text = json.dumps(body, ensure_ascii=False)
    headers = document["headers"]
    if "query" in document:
        headers = {**headers, "data.id": document["query"]["data.id"]}
    signed = headers | _signature(source, headers, text, at)
    signed.pop("data.id", None)
    return source, signed, text.encode()


def standard_order(payment: dict[str, str]) -> tuple[dict[str, str], bytes]:
    """Signed headers and body of the sample order, paid in another way."""
    document = json.loads((SAMPLES / "standard_order_created.json").read_text())
    document["body"]["data"]["payment"] = payment
    text = json.dumps(document["body"])
    return document["headers"] | _signature("standard", document["headers"], text), text.encode()


def query_of(name: str) -> dict[str, str]:
    found: dict[str, str] = json.loads((SAMPLES / f"{name}.json").read_text()).get("query", {})
    return found


def _signature(source: str, headers: dict[str, str], body: str, at: str = "") -> dict[str, str]:
    secret, moment = SECRETS[source], datetime.now(UTC)
    if source == "adyen":
        return {}
    if source == "stripe":
        return stripe_headers(secret, body.encode(), moment)
    if source == "paypal":
        return paypal_headers(secret, body.encode(), moment, f"{at}{CERTIFICATE_PATH}")
    if source == "mercadopago":
        return mercadopago_headers(secret, headers["data.id"], moment, headers["x-request-id"])
    if source == "shopify":
        digest = hmac.digest(secret.encode(), body.encode(), hashlib.sha256)
        return {"x-shopify-hmac-sha256": base64.b64encode(digest).decode()}
    now = datetime.now(UTC)
    return {
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(secret).sign(headers["webhook-id"], now, body),
    }


SAMPLE_NAMES = sorted(path.stem for path in SAMPLES.glob("*.json"))


@pytest.mark.parametrize("name", SAMPLE_NAMES)
def test_a_signed_call_is_queued_whole_and_answered_at_once(inbound: Inbound, name: str) -> None:
    source, headers, body = sample(name, inbound.provider.address)

    status, answer = inbound.call(source, headers, body, query=query_of(name))

    (message,) = (json.loads(text) for text in inbound.queued())
    if source == "adyen":
        assert (status, answer) == (200, "[accepted]")
    else:
        assert status == 202
        assert answer == {"source": source, "delivery_id": message["id"]}
    assert (message["source"], message["body"]) == (source, body.decode())
    assert message["correlation_id"] == "request-1"


def test_the_bytes_that_were_signed_are_those_that_are_verified(inbound: Inbound) -> None:
    source, headers, body = sample("shopify_orders_create")

    status, _ = inbound.call(source, headers, body, encoded=True)

    assert status == 202


def refused(inbound: Inbound, source: str, headers: dict[str, str], body: bytes) -> Any:
    status, problem = inbound.call(source, headers, body)
    assert inbound.queued() == []
    return status, problem["code"]


def test_a_wrong_signature_is_refused_and_nothing_queued(inbound: Inbound) -> None:
    source, headers, body = sample("standard_order_created")

    assert refused(inbound, source, headers, body + b" ") == (401, "signature_mismatch")
    assert refused(inbound, "carrier", headers, body) == (401, "signature_mismatch")


def test_a_missing_signature_is_refused_and_nothing_queued(inbound: Inbound) -> None:
    assert refused(inbound, "standard", {}, b"{}") == (401, "missing_header")
    assert refused(inbound, "shopify", {}, b"{}") == (401, "missing_signature")


@pytest.mark.parametrize(
    "name",
    [
        "stripe_payment_succeeded",
        "adyen_capture",
        "paypal_capture_completed",
        "mercadopago_payment_updated",
    ],
)
def test_a_payment_notification_that_is_not_genuine_is_refused_and_nothing_stored(
    inbound: Inbound, name: str
) -> None:
    source, headers, body = sample(name, inbound.provider.address)
    tampered = body.replace(b"60060", b"60061").replace(b"600.60", b"600.61")

    query = {"data.id": "1"} if source == "mercadopago" else {}
    status, problem = inbound.call(source, headers, tampered, query=query)

    assert (status, problem["code"]) == (401, "signature_mismatch")
    assert inbound.queued() == []
    assert boto3.client("dynamodb").scan(TableName="orders")["Items"] == []


def test_a_certificate_that_is_not_paypals_is_not_asked_for(inbound: Inbound) -> None:
    source, headers, body = sample("paypal_capture_completed", "https://example.com")

    assert refused(inbound, source, headers, body) == (401, "untrusted_certificate_url")
    assert inbound.provider.asked == []


def test_a_certificate_that_cannot_be_had_asks_paypal_to_come_again(inbound: Inbound) -> None:
    source, headers, body = sample("paypal_capture_completed", inbound.provider.address)
    inbound.provider.statuses += [500]

    assert refused(inbound, source, headers, body) == (503, "provider_unavailable")
    assert inbound.call(source, headers, body)[0] == 202


def test_text_that_no_encoding_has_cannot_be_read(inbound: Inbound) -> None:
    headers = {"x-signature": "ts=1777899600,v1=00", "x-request-id": "\ud800"}

    assert refused(inbound, "mercadopago", headers, b"{}") == (400, "malformed_request")


def test_an_unknown_source_is_not_found(inbound: Inbound) -> None:
    assert refused(inbound, "nobody", {}, b"{}") == (404, "unknown_source")


def test_a_source_without_a_secret_accepts_nothing(inbound: Inbound) -> None:
    source, headers, body = sample("carrier_delivered")
    del inbound.webhooks.secret_arns["carrier"]

    assert refused(inbound, source, headers, body) == (401, "not_configured")


@pytest.mark.parametrize("size", [256 * 1024 + 1, 256 * 1024])
def test_a_body_that_a_queue_does_not_take_is_too_large(inbound: Inbound, size: int) -> None:
    body = b'"' + b"x" * (size - 2) + b'"'
    headers = {"webhook-id": "msg_1"}
    headers |= _signature("standard", headers, body.decode())

    assert refused(inbound, "standard", headers, body) == (413, "too_large")


def test_a_secret_that_cannot_be_read_asks_the_sender_to_come_again(inbound: Inbound) -> None:
    source, headers, body = sample("carrier_delivered")
    inbound.webhooks.secret_arns["carrier"] = "no-such-secret"

    assert refused(inbound, source, headers, body) == (503, "unavailable")


def test_neither_the_queue_nor_the_order_has_a_gift_cards_code(inbound: Inbound) -> None:
    card = {"method": "gift_card", "provider": "gift_card", "token": "ABCD-EFGH-JKMN-PQRS"}
    headers, body = standard_order(card)
    assert inbound.call("standard", headers, body)[0] == 202
    (message,) = inbound.queued()
    assert "ABCD" not in message
    assert inbound.deliver(message) == []
    order = inbound.orders.load(order_id("marketplace-br", "id:MKT-2026-000123"))
    (payment,) = order.content.payments
    assert payment.token == code_digest("a secret for gift cards", card["token"])


@pytest.mark.parametrize("token", ["SHORT", "gcd_" + "a" * 52])
def test_what_is_no_gift_cards_code_pays_nothing_and_is_not_kept(
    token: str, inbound: Inbound
) -> None:
    card = {"method": "gift_card", "provider": "gift_card", "token": token}
    headers, body = standard_order(card)
    assert inbound.call("standard", headers, body)[0] == 202
    (message,) = inbound.queued()
    inbound.deliver(message)
    ((parked, attributes),) = inbound.parked()
    assert attributes["reason"] == "invalid_gift_card_code"
    assert token not in parked
