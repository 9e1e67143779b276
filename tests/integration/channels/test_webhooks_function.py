import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from standardwebhooks import Webhook

from tests.integration.channels.conftest import SAMPLES, SECRETS, Inbound


def sample(name: str) -> tuple[str, dict[str, str], bytes]:
    """The source, signed headers and body of a file in ``events/webhooks``."""
    document = json.loads((SAMPLES / f"{name}.json").read_text())
    source, body = document["source"], json.dumps(document["body"], ensure_ascii=False)
    return (
        source,
        document["headers"] | _signature(source, document["headers"], body),
        (body.encode()),
    )


def _signature(source: str, headers: dict[str, str], body: str) -> dict[str, str]:
    secret = SECRETS[source]
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
    source, headers, body = sample(name)

    status, answer = inbound.call(source, headers, body)

    (message,) = (json.loads(text) for text in inbound.queued())
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
