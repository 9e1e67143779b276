import json
from datetime import UTC, datetime
from typing import Any

import pytest

from oms.aws.dead_letters import MAX_RECEIVES
from oms.channels.model import Delivery
from oms.channels.queued import QueuedDelivery, to_message
from oms.kernel.ids import order_id
from tests.integration.channels.conftest import SAMPLES, Inbound

MARKETPLACE_ORDER = order_id("marketplace-br", "id:MKT-2026-000123")


def message(name: str, **changes: Any) -> str:
    """What the webhook function queues for a file in ``events/webhooks``."""
    sample = json.loads((SAMPLES / f"{name}.json").read_text())
    body = sample["body"]
    if "data" in body:
        body["data"] |= changes
    headers = {
        header.removeprefix("x-"): value
        for header, value in sample["headers"].items()
        if header.startswith("x-shopify-")
    }
    delivery = Delivery("d-1", json.dumps(body), headers)
    queued = QueuedDelivery(sample["source"], delivery, "trail-1")
    return to_message(queued, datetime(2026, 5, 4, tzinfo=UTC))


def test_a_marketplace_order_is_captured_with_who_sent_it(inbound: Inbound) -> None:
    failures = inbound.deliver(message("standard_order_created"))

    order = inbound.orders.load(MARKETPLACE_ORDER)
    (captured,) = inbound.orders.history(MARKETPLACE_ORDER)
    assert failures == []
    assert str(order.content.payments[0].collected) == "257.50"
    assert (captured.by, captured.correlation_id) == ("webhook:standard", "trail-1")


def test_a_shopify_order_is_captured(inbound: Inbound) -> None:
    inbound.deliver(message("shopify_orders_create"))

    order = inbound.orders.load(
        order_id("shopify:casa-exemplo.myshopify.com", "id:9007199254741042")
    )
    assert str(order.content.total) == "236.46"
    assert order.content.customer.locale == "en"


def test_an_order_that_comes_again_changes_nothing(inbound: Inbound) -> None:
    text = message("standard_order_created")

    assert inbound.deliver(text, text) == []
    assert inbound.deliver(text) == []

    assert len(inbound.orders.history(MARKETPLACE_ORDER)) == 1
    assert inbound.parked() == []


def test_the_same_order_with_another_content_is_parked_at_once(inbound: Inbound) -> None:
    inbound.deliver(message("standard_order_created"))

    failures = inbound.deliver(message("standard_order_created", total="257.51", shipping="18.51"))

    ((_, attributes),) = inbound.parked()
    assert failures == []
    assert attributes["reason"] == "content_differs"
    assert str(inbound.orders.load(MARKETPLACE_ORDER).content.total) == "257.50"


def test_a_payment_is_recorded_for_an_order_that_waits_for_it(inbound: Inbound) -> None:
    inbound.deliver(
        message("standard_order_created", payment={"method": "pix", "provider": "simulator"})
    )
    payment = inbound.orders.load(MARKETPLACE_ORDER).payments.each[0]

    failures = inbound.deliver(
        message("simulator_payment_authorized", payment_id=payment.id, amount="257.50")
    )

    recorded = inbound.orders.load(MARKETPLACE_ORDER).payments.each[0]
    assert failures == []
    assert str(recorded.authorized) == "257.50"
    assert recorded.events[0].key == "simulator:evt_sim_0001"


@pytest.mark.parametrize("name", ["simulator_payment_authorized", "carrier_delivered"])
def test_news_of_an_order_that_has_not_come_yet_is_tried_again(inbound: Inbound, name: str) -> None:
    assert inbound.deliver(message(name)) == ["m-0"]
    assert inbound.parked() == []


def test_what_never_comes_good_is_parked_on_its_last_delivery(inbound: Inbound) -> None:
    failures = inbound.deliver(message("carrier_delivered"), receives=MAX_RECEIVES)

    ((body, attributes),) = inbound.parked()
    assert failures == []
    assert body == message("carrier_delivered")
    assert attributes["reason"] == "not_found"


@pytest.mark.parametrize(
    ("poison", "reason"),
    [
        ("poison", "malformed_request"),
        ('{"source":"standard"}', "required"),
        (message("standard_order_created", lines=[]), "too_short"),
        (message("standard_order_created", channel="nobody"), "unknown_channel"),
        (message("standard_order_created", total="1.00"), "total_mismatch"),
    ],
)
def test_a_poison_message_is_parked_at_once_with_its_reason_and_the_rest_goes_on(
    inbound: Inbound, poison: str, reason: str
) -> None:
    failures = inbound.deliver(poison, message("standard_order_created"))

    ((body, attributes),) = inbound.parked()
    assert failures == []
    assert body == poison
    assert attributes["reason"] == reason
    assert attributes["message_id"] == "m-0"
    assert attributes["detail"]
    assert inbound.orders.load(MARKETPLACE_ORDER).version == 1


def test_the_reason_names_the_paths_and_not_what_was_sent(inbound: Inbound) -> None:
    inbound.deliver(message("standard_order_created", customer={"email": "secret person"}))

    ((_, attributes),) = inbound.parked()
    assert "customer.name required" in attributes["detail"]
    assert "secret person" not in json.dumps(attributes)


def test_an_ignored_message_is_done(inbound: Inbound) -> None:
    assert inbound.deliver(message("carrier_delivered", status="at_the_customs")) == []
    assert inbound.parked() == []
