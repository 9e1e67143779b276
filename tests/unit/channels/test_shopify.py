import json
from pathlib import Path
from typing import Any

import pytest

from oms.channels import shopify
from oms.channels.model import CaptureRequested, Delivery, Ignored
from oms.kernel.errors import Invalid, MalformedRequest
from oms.kernel.money import Money
from oms.orders.contract import CaptureOrder

SAMPLE = Path(__file__).parents[3] / "events" / "webhooks" / "shopify_orders_create.json"


@pytest.fixture
def body() -> dict[str, Any]:
    sample: dict[str, Any] = json.loads(SAMPLE.read_text())["body"]
    return sample


def delivery(body: dict[str, Any], topic: str = "orders/create") -> Delivery:
    headers = {"shopify-topic": topic, "shopify-shop-domain": "Shop.Example"}
    return Delivery("w-1", json.dumps(body), headers)


def captured(body: dict[str, Any]) -> CaptureRequested:
    (command,) = shopify.read(delivery(body))
    assert isinstance(command, CaptureRequested)
    return command


def test_an_order_becomes_the_document_that_a_native_channel_would_post(
    body: dict[str, Any],
) -> None:
    request = CaptureOrder.model_validate(captured(body).document)

    assert (request.channel, request.channel_order_id) == ("shopify:shop.example", str(body["id"]))
    assert [(line.sku, line.discount, line.tax) for line in request.lines] == [
        ("LAMP-DESK", "12.99", "14.03"),
        ("MUG-BLUE", "8.98", "9.70"),
    ]
    assert (request.shipping, request.discount, request.total) == ("15.00", "0.00", "236.46")
    assert request.payment is not None
    assert request.payment.collected == "236.46"
    assert request.customer.locale == "en"
    assert request.shipping_address.postal_code == "20011-000"


def test_identifiers_beyond_the_range_of_floats_keep_every_digit(body: dict[str, Any]) -> None:
    body["line_items"][0]["id"] = 2**63 - 1

    assert shopify.read_order(json.dumps(body)).lines[0].external_line_id == "9223372036854775807"


@pytest.mark.parametrize(
    ("financial_status", "outstanding", "collected"),
    [
        ("paid", "236.46", 23646),
        ("paid", None, 23646),
        ("partially_paid", "200.00", 3646),
        ("pending", "236.46", 0),
        ("authorized", "236.46", 0),
        ("partially_paid", None, 0),
        (None, None, 0),
    ],
)
def test_what_was_taken_is_the_total_less_what_is_outstanding(
    body: dict[str, Any], financial_status: str | None, outstanding: str | None, collected: int
) -> None:
    body |= {"financial_status": financial_status, "total_outstanding": outstanding}

    assert shopify.read_order(json.dumps(body)).collected == Money(collected, "BRL")


def test_an_order_that_the_channel_has_shipped_takes_no_stock_and_needs_no_address(
    body: dict[str, Any],
) -> None:
    body |= {"fulfillment_status": "fulfilled", "shipping_address": None}

    command = captured(body)

    assert command.fulfilled_by_channel
    assert CaptureOrder.model_validate(command.document).shipping_address.country == "ZZ"


def test_an_order_that_the_channel_has_shipped_in_part_is_left_to_a_person(
    body: dict[str, Any],
) -> None:
    body["fulfillment_status"] = "partial"

    with pytest.raises(Invalid) as refused:
        shopify.read(delivery(body))
    assert refused.value.problem_code == "partly_fulfilled_by_channel"


def test_an_order_without_an_address_cannot_be_shipped(body: dict[str, Any]) -> None:
    body["shipping_address"] = None

    with pytest.raises(Invalid) as refused:
        shopify.read(delivery(body))
    assert refused.value.problem_code == "address_missing"


def test_every_line_without_a_sku_is_named(body: dict[str, Any]) -> None:
    body["line_items"][1]["sku"] = ""

    with pytest.raises(Invalid) as refused:
        shopify.read(delivery(body))
    assert [fault.path for fault in refused.value.faults] == ["lines.1.sku"]


def test_tax_on_shipping_tips_and_duties_are_told_apart(
    body: dict[str, Any],
) -> None:
    body |= {
        "total_tax": "25.23",
        "total_tip_received": "2.00",
        "original_total_duties_set": {"shop_money": {"amount": "3.00", "currency_code": "BRL"}},
        "total_price": "242.96",
    }

    request = CaptureOrder.model_validate(captured(body).document)

    assert (request.shipping, request.shipping_tax) == ("15.00", "1.50")
    assert [(fee.fee_id, fee.amount) for fee in request.fees] == [
        ("tip", "2.00"),
        ("duties", "3.00"),
    ]


def test_a_channel_whose_lines_are_taxed_more_than_the_order_takes_it_off_the_shipping(
    body: dict[str, Any],
) -> None:
    body |= {"total_tax": "23.72", "total_price": "236.45"}

    request = CaptureOrder.model_validate(captured(body).document)

    assert (request.shipping, request.shipping_tax) == ("14.99", "0.00")


def test_tax_is_not_added_to_prices_that_include_it(body: dict[str, Any]) -> None:
    body |= {"taxes_included": True, "total_tax": "30.00", "total_price": "212.73"}

    request = CaptureOrder.model_validate(captured(body).document)

    assert (request.prices_include_tax, request.shipping) == (True, "15.00")


@pytest.mark.parametrize("stated_shipping", ["15.00", "5.00"])
def test_a_discount_on_shipping_is_taken_off_once(
    body: dict[str, Any], stated_shipping: str
) -> None:
    body["shipping_lines"][0]["discounted_price"] = "5.00"
    body["total_shipping_price_set"]["shop_money"]["amount"] = stated_shipping
    body |= {"total_discounts": "31.97", "total_price": "226.46"}

    request = CaptureOrder.model_validate(captured(body).document)

    assert (request.shipping, request.discount) == ("5.00", "0.00")


def test_a_line_of_an_old_api_version_has_its_discount_in_one_sum(body: dict[str, Any]) -> None:
    body["line_items"][0] |= {"discount_allocations": [], "total_discount": "12.99"}

    assert shopify.read_order(json.dumps(body)).lines[0].discount == Money(1299, "BRL")


def test_amounts_may_carry_zeros_that_their_currency_does_not_have(body: dict[str, Any]) -> None:
    line = body["line_items"][0] | {"price": "1200.00", "discount_allocations": [], "tax_lines": []}
    yen = {
        "currency": "JPY",
        "line_items": [line],
        "shipping_lines": [],
        "total_shipping_price_set": None,
        "total_line_items_price": "1200.00",
        "subtotal_price": "1200.0",
        "total_discounts": "0.00",
        "total_tax": "0.00",
        "total_price": "1200",
    }

    assert shopify.read_order(json.dumps(body | yen)).lines[0].unit_price == Money(1200, "JPY")


@pytest.mark.parametrize("topic", ["orders/updated", "orders/cancelled", "refunds/create", ""])
def test_other_topics_are_ignored(body: dict[str, Any], topic: str) -> None:
    (command,) = shopify.read(delivery(body, topic))

    assert isinstance(command, Ignored)


def test_an_order_cancelled_before_it_arrives_is_ignored(body: dict[str, Any]) -> None:
    body["cancelled_at"] = "2026-05-04T10:00:00-03:00"

    (command,) = shopify.read(delivery(body))

    assert isinstance(command, Ignored)


def test_an_order_of_an_unnamed_shop_is_refused(body: dict[str, Any]) -> None:
    with pytest.raises(Invalid) as refused:
        shopify.read(Delivery("w-1", json.dumps(body), {"shopify-topic": "orders/create"}))
    assert refused.value.problem_code == "missing_header"


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"id": None}, "id"),
        ({"currency": 986}, None),
        ({"total_price": None}, "total_price"),
        ({"total_price": "12.345"}, "total_price"),
        ({"total_price": True}, "total_price"),
        ({"line_items": {}}, "line_items"),
        ({"line_items": [7]}, "line_items.0"),
        ({"line_items": [{"id": 1, "quantity": 1.5}]}, "line_items.0.quantity"),
        ({"customer": "Sam"}, "customer"),
        ({"taxes_included": "no"}, "taxes_included"),
        ({"shipping_address": {"latitude": "north"}}, "shipping_address.latitude"),
    ],
)
def test_what_cannot_be_read_is_named_by_its_path(
    body: dict[str, Any], changes: dict[str, Any], path: str | None
) -> None:
    with pytest.raises(Invalid) as refused:
        shopify.read(delivery(body | changes))
    assert path is None or refused.value.faults[0].path == path


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "[" * 100_000])
def test_what_is_no_json_object_is_malformed(text: str) -> None:
    with pytest.raises(MalformedRequest):
        shopify.read_order(text)
