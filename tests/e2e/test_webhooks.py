"""Orders that marketplaces tell us of: what is taken, what is refused, what is set aside."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from local.redrive import redrive
from tests.e2e.bus import DeadLetters, Tap, reason_of, until_quiet
from tests.e2e.patience import Patience
from tests.e2e.senders import Senders, shopify_order
from tests.e2e.shop import Placed, Shop
from tests.e2e.stack import Stack, eventually

MARKETPLACE = "marketplace"
SHOP = "e2e-shop.myshopify.com"
SHOPIFY = f"shopify:{SHOP}"


@pytest.fixture(scope="module", autouse=True)
def channels(shop: Shop) -> None:
    for channel in (MARKETPLACE, SHOPIFY):
        shop.channel(channel)


def test_an_order_of_a_marketplace_travels_to_completed(shop: Shop, senders: Senders) -> None:
    document = _marketplace_order(shop, shop.item(1))

    answer = senders.marketplace(document)

    assert answer.status_code == 202
    order = _arrived(shop, document)
    order.fulfil()
    order.becomes("completed")


def test_money_that_the_marketplace_took_is_recorded_and_not_taken_again(
    shop: Shop, senders: Senders
) -> None:
    document = _marketplace_order(shop, shop.item(1))
    senders.marketplace(document)
    order = _arrived(shop, document)

    order.fulfil()

    assert order.becomes("completed")["payment"]["captured"] == "50.00"
    captured = order.event("payment_captured")
    assert captured["by"] == "lifecycle:authorize"
    assert captured["data"]["reference"] == "MKT-PAY-1"


def test_money_of_the_marketplace_is_given_back_when_the_order_is_cancelled(
    shop: Shop, senders: Senders
) -> None:
    document = _marketplace_order(shop, shop.item(1))
    senders.marketplace(document)
    order = _arrived(shop, document)
    order.becomes("released")

    order.cancel()

    assert order.becomes("cancelled", "refunded")["payment"]["refunded"] == "50.00"


def test_members_that_we_do_not_know_are_ignored_in_a_marketplaces_order(
    shop: Shop, senders: Senders
) -> None:
    document = _marketplace_order(shop, shop.item(1), marketplace_rating=4.8)

    senders.marketplace(document)

    assert _arrived(shop, document).becomes("released")


def test_a_shopify_order_is_captured_with_its_discounts_and_taxes(
    shop: Shop, senders: Senders
) -> None:
    order = shopify_order(shop)

    answer = senders.shopify(SHOP, order)

    assert answer.status_code == 202
    captured = _shopify_arrived(shop, order).becomes("released")
    assert captured["total"] == "236.46"
    assert captured["payment"]["captured"] == "236.46"
    assert [line["discount"] for line in captured["lines"]] == ["12.99", "8.98"]
    assert [line["tax"] for line in captured["lines"]] == ["14.03", "9.70"]


def test_an_order_that_its_channel_has_shipped_takes_no_stock(
    shop: Shop, senders: Senders, tap: Tap
) -> None:
    order = shopify_order(shop, fulfillment_status="fulfilled")

    senders.shopify(SHOP, order)

    recorded = _shopify_arrived(shop, order)
    assert recorded.now()["state"] == "completed"
    tap.hears("order_captured", recorded.id)
    until_quiet(shop.stack, "starts", "notifications")
    assert recorded.execution() == "NONE"
    assert recorded.mails() == []
    assert shop.stock(order["line_items"][0]["sku"])["available"] == 1


def test_a_webhook_with_a_wrong_signature_is_refused_and_not_queued(
    shop: Shop, senders: Senders
) -> None:
    document = _marketplace_order(shop, shop.item(1))
    body = json.dumps({"type": "order.created", "data": document}).encode()
    headers = senders.signed("standard", body)

    refused = senders.deliver("standard", body.replace(b"50.00", b"05.00"), headers)

    assert (refused.status_code, _code(refused)) == (401, "signature_mismatch")
    _nothing_came_of(shop, document)


def test_a_webhook_without_a_signature_is_refused_and_not_queued(
    shop: Shop, senders: Senders
) -> None:
    document = _marketplace_order(shop, shop.item(1))
    body = json.dumps({"type": "order.created", "data": document}).encode()

    refused = senders.deliver("standard", body, {})

    assert (refused.status_code, _code(refused)) == (401, "missing_header")
    _nothing_came_of(shop, document)


def test_an_old_webhook_is_refused(shop: Shop, senders: Senders) -> None:
    document = _marketplace_order(shop, shop.item(1))
    body = json.dumps({"type": "order.created", "data": document}).encode()
    an_hour_ago = datetime.now(UTC) - timedelta(hours=1)

    refused = senders.deliver("standard", body, senders.signed("standard", body, "", an_hour_ago))

    assert (refused.status_code, _code(refused)) == (401, "timestamp_out_of_tolerance")


@pytest.mark.parametrize(
    ("spoil", "code"),
    [("x-shopify-hmac-sha256", "missing_signature"), ("", "signature_mismatch")],
)
def test_a_shopify_webhook_of_somebody_else_is_refused_and_not_queued(
    shop: Shop, senders: Senders, spoil: str, code: str
) -> None:
    order = shopify_order(shop)
    body = json.dumps(order).encode()
    headers = senders.signed_by_shopify(SHOP, body)
    headers.pop(spoil, None)

    refused = senders.deliver("shopify", body if spoil else body + b" ", headers)

    assert (refused.status_code, _code(refused)) == (401, code)
    until_quiet(shop.stack, "inbox")
    assert _of_shopify(shop, order) == []


def test_a_signature_of_another_source_does_not_count(shop: Shop, senders: Senders) -> None:
    body = json.dumps({"type": "order.created", "data": {}}).encode()

    refused = senders.deliver("standard", body, senders.signed("carrier", body))

    assert (refused.status_code, _code(refused)) == (401, "signature_mismatch")


def test_an_unknown_source_is_not_found(senders: Senders) -> None:
    refused = senders.deliver("unheard-of", b"{}", {})

    assert (refused.status_code, _code(refused)) == (404, "unknown_source")


def test_a_payment_of_an_order_that_nobody_knows_is_tried_again_and_set_aside(
    patient: Patience, dead_letters: DeadLetters
) -> None:
    parked = dead_letters.gets("inbox", patient.nobodys_payment, seconds=60)

    # It might have been ahead of its order.
    assert reason_of(parked) == "not_found"


def test_poison_is_set_aside_with_its_reason_and_is_cured_by_a_redrive(
    shop: Shop, senders: Senders, stack: Stack, dead_letters: DeadLetters
) -> None:
    document = _marketplace_order(shop, "SOLD-TOO-EARLY")
    senders.marketplace(document)
    parked = dead_letters.gets("inbox", document["channel_order_id"])
    assert reason_of(parked) == "unknown_sku"
    assert "lines.0.sku" in parked["MessageAttributes"]["detail"]["StringValue"]

    shop.sell("SOLD-TOO-EARLY")
    shop.receive("SOLD-TOO-EARLY", 1)
    assert redrive(stack.aws("sqs"), stack.deployment.dead_letter_queues["inbox"])

    assert _arrived(shop, document).becomes("released")
    assert dead_letters.of("inbox", document["channel_order_id"]) == []


def test_a_body_that_is_no_order_is_set_aside_with_its_reason(
    senders: Senders, dead_letters: DeadLetters
) -> None:
    body = b"{not json at all"

    assert senders.deliver("standard", body, senders.signed("standard", body)).status_code == 202

    assert reason_of(dead_letters.gets("inbox", "not json at all")) == "malformed_request"


def test_an_order_with_the_same_number_and_another_content_is_set_aside(
    shop: Shop, senders: Senders, dead_letters: DeadLetters
) -> None:
    document = _marketplace_order(shop, shop.item(1))
    senders.marketplace(document)
    order = _arrived(shop, document)

    senders.marketplace({**document, "on_out_of_stock": "cancel"})

    parked = dead_letters.gets("inbox", document["channel_order_id"])
    assert reason_of(parked) == "content_differs"
    assert "order_captured" in order.event_types()


def _marketplace_order(shop: Shop, sku: str, **changes: Any) -> dict[str, Any]:
    collected = {
        "method": "channel",
        "provider": "channel",
        "collected": "50.00",
        "reference": "MKT-PAY-1",
    }
    return shop.document(sku, channel=MARKETPLACE, payment=collected, **changes)


def _arrived(shop: Shop, document: dict[str, Any]) -> Placed:
    return eventually(lambda: _find(shop, document["customer"]["id"]))


def _shopify_arrived(shop: Shop, order: dict[str, Any]) -> Placed:
    return eventually(lambda: _find(shop, str(order["customer"]["id"])))


def _find(shop: Shop, customer: str) -> Placed | None:
    found = shop.stack.api.get("/v1/orders", params={"customer": customer}).json()["orders"]
    return shop.placed(found[0]) if found else None


def _of_shopify(shop: Shop, order: dict[str, Any]) -> list[dict[str, Any]]:
    number = str(order["id"])
    return [one for one in shop.orders_of(SHOPIFY) if one["channel_order_id"] == number]


def _nothing_came_of(shop: Shop, document: dict[str, Any]) -> None:
    until_quiet(shop.stack, "inbox")
    assert _find(shop, document["customer"]["id"]) is None


def _code(answer: httpx.Response) -> str:
    return str(answer.json()["code"])
