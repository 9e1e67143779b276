import base64
import hashlib
import hmac
from datetime import UTC, datetime, timedelta

import pytest
from standardwebhooks import Webhook

from oms.channels import shopify
from oms.channels.model import Call
from oms.channels.signatures import verify_standard_webhook
from oms.kernel.errors import Unauthenticated

NOW = datetime(2026, 5, 4, 13, 0, tzinfo=UTC)
SECRET = "whsec_" + base64.b64encode(b"a secret of twenty-four b").decode()
OTHER_SECRET = "whsec_" + base64.b64encode(b"another secret of 24 byte").decode()
BODY = '{"name":"Conceição"}'.encode()


def sign(secret: str = SECRET, body: bytes = BODY, at: datetime = NOW) -> str:
    return Webhook(secret).sign("msg_1", at, body.decode())


def headers(**changes: str | None) -> dict[str, str]:
    sent: dict[str, str | None] = {
        "Webhook-Id": "msg_1",
        "Webhook-Timestamp": str(int(NOW.timestamp())),
        "Webhook-Signature": sign(),
    }
    sent |= {name.replace("_", "-"): value for name, value in changes.items()}
    return {name: value for name, value in sent.items() if value is not None}


def refusal(given: dict[str, str], body: bytes = BODY, secret: str = SECRET) -> str:
    with pytest.raises(Unauthenticated) as refused:
        verify_standard_webhook(given, body, secret, NOW)
    return refused.value.problem_code


def test_a_signed_message_is_known_by_its_id_whatever_the_case_of_its_headers() -> None:
    assert verify_standard_webhook(headers(), BODY, SECRET, NOW) == "msg_1"


def test_one_good_signature_among_others_is_enough_while_a_secret_is_replaced() -> None:
    signatures = f"v1a,asymmetric v1 v1,not-base64! {sign(OTHER_SECRET)} {sign()}"

    assert verify_standard_webhook(headers(Webhook_Signature=signatures), BODY, SECRET, NOW)


@pytest.mark.parametrize("name", ["Webhook_Id", "Webhook_Timestamp", "Webhook_Signature"])
def test_a_message_without_one_of_its_headers_is_refused(name: str) -> None:
    assert refusal(headers(**{name: None})) == "missing_header"
    assert refusal(headers(**{name: " "})) == "missing_header"


@pytest.mark.parametrize(
    ("signature", "body"),
    [
        (sign(), BODY + b" "),
        (sign(OTHER_SECRET), BODY),
        (sign().replace("v1,", "v2,"), BODY),
        (sign().removeprefix("v1,"), BODY),
        ("v1,", BODY),
        ("v1,não é base64", BODY),
        (sign(), b"\xff\xfe"),
    ],
)
def test_a_signature_of_anything_else_is_refused(signature: str, body: bytes) -> None:
    assert refusal(headers(Webhook_Signature=signature), body) == "signature_mismatch"


@pytest.mark.parametrize("seconds", [-301, 301])
def test_a_message_from_another_time_is_refused(seconds: int) -> None:
    sent_at = NOW + timedelta(seconds=seconds)
    given = headers(
        Webhook_Timestamp=str(int(sent_at.timestamp())), Webhook_Signature=sign(at=sent_at)
    )

    assert refusal(given) == "timestamp_out_of_tolerance"


@pytest.mark.parametrize("seconds", [-300, 300])
def test_clocks_may_differ_by_five_minutes(seconds: int) -> None:
    sent_at = NOW + timedelta(seconds=seconds)
    given = headers(
        Webhook_Timestamp=str(int(sent_at.timestamp())), Webhook_Signature=sign(at=sent_at)
    )

    assert verify_standard_webhook(given, BODY, SECRET, NOW)


@pytest.mark.parametrize("timestamp", ["yesterday", "-1", "1e9", "1.5", "9" * 30, "١٢٣"])
def test_a_timestamp_that_is_no_number_of_seconds_is_refused(timestamp: str) -> None:
    assert refusal(headers(Webhook_Timestamp=timestamp)) == "malformed_header"


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_a"])
def test_without_a_usable_secret_nothing_is_accepted(secret: str) -> None:
    assert refusal(headers(), secret=secret) == "not_configured"


def shopify_signature(body: bytes = BODY, secret: str = "shop-secret") -> str:
    return base64.b64encode(hmac.digest(secret.encode(), body, hashlib.sha256)).decode()


def shopify_refusal(given: dict[str, str], secret: str = "shop-secret") -> str:
    with pytest.raises(Unauthenticated) as refused:
        shopify.verify(Call(given, BODY), secret, NOW)
    return refused.value.problem_code


@pytest.mark.parametrize(
    "name", ["X-Shopify-Hmac-SHA256", "x-shopify-hmac-sha256", "Shopify-Hmac-Sha256"]
)
def test_a_shops_signature_is_found_under_any_of_its_names(name: str) -> None:
    delivery = shopify.verify(Call({name: f" {shopify_signature()}\n"}, BODY), "shop-secret", NOW)

    assert delivery.body == BODY.decode()


def test_a_shops_delivery_is_known_by_its_webhook_id_else_by_its_body() -> None:
    signed = {"x-shopify-hmac-sha256": shopify_signature()}

    named = shopify.verify(Call(signed | {"X-Shopify-Webhook-Id": "w-1"}, BODY), "shop-secret", NOW)
    nameless = shopify.verify(Call(signed, BODY), "shop-secret", NOW)

    assert named.id == "w-1"
    assert nameless.id == hashlib.sha256(BODY).hexdigest()


def test_of_a_shops_headers_only_topic_and_shop_are_kept() -> None:
    sent = {
        "X-Shopify-Hmac-SHA256": shopify_signature(),
        "X-Shopify-Topic": "orders/create",
        "Shopify-Shop-Domain": "shop.example",
        "Authorization": "something secret",
    }

    delivery = shopify.verify(Call(sent, BODY), "shop-secret", NOW)

    assert delivery.headers == {
        "shopify-topic": "orders/create",
        "shopify-shop-domain": "shop.example",
    }


def test_a_shops_delivery_is_refused_for_its_reason() -> None:
    wrong = {"x-shopify-hmac-sha256": shopify_signature(secret="other")}

    assert shopify_refusal(wrong) == "signature_mismatch"
    assert shopify_refusal({}) == "missing_signature"
    assert shopify_refusal(wrong, secret="") == "not_configured"
