"""What the sources that speak Standard Webhooks read, and how a delivery is queued."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from infra.functions import WEBHOOK_SOURCES
from oms.channels import carrier, simulator, standard
from oms.channels.model import (
    CaptureRequested,
    Delivery,
    Ignored,
    ParcelReported,
    PaymentReported,
)
from oms.channels.queued import QueuedDelivery, from_message, to_message
from oms.channels.sources import SOURCES, source_of
from oms.kernel.errors import Invalid, MalformedRequest, NotFound
from oms.kernel.money import Money
from oms.orders.contract import CaptureOrder

SAMPLES = Path(__file__).parents[3] / "events" / "webhooks"


def sample(name: str) -> dict[str, Any]:
    body: dict[str, Any] = json.loads((SAMPLES / f"{name}.json").read_text())["body"]
    return body


def delivery(body: object) -> Delivery:
    return Delivery("msg_1", json.dumps(body), {})


def test_a_marketplace_order_is_the_document_of_a_native_one_and_may_know_more() -> None:
    (command,) = standard.read(delivery(sample("standard_order_created")))

    assert isinstance(command, CaptureRequested)
    assert not command.fulfilled_by_channel
    request = CaptureOrder.model_validate(command.document, extra="ignore")
    assert request.channel_order_id == "MKT-2026-000123"
    assert request.lines[0].quantity == 2


def test_amounts_and_quantities_of_a_marketplace_order_stay_exact() -> None:
    body = sample("standard_order_created")
    body["data"]["lines"][0]["quantity"] = 0.1

    (command,) = standard.read(delivery(body))

    assert isinstance(command, CaptureRequested)
    assert str(CaptureOrder.model_validate(command.document, extra="ignore").lines[0].quantity) == (
        "0.1"
    )


def test_a_marketplace_order_needs_the_id_that_makes_a_repeat_harmless() -> None:
    body = sample("standard_order_created")
    del body["data"]["channel_order_id"]

    with pytest.raises(Invalid) as refused:
        standard.read(delivery(body))
    assert refused.value.faults[0].path == "data.channel_order_id"


def test_messages_of_another_type_are_ignored() -> None:
    (command,) = standard.read(delivery({"type": "order.returned", "data": {}}))

    assert isinstance(command, Ignored)


@pytest.mark.parametrize(
    "body", [{}, {"type": "order.created"}, {"type": "order.created", "data": []}]
)
def test_a_message_without_its_parts_is_refused(body: object) -> None:
    with pytest.raises(Invalid):
        standard.read(delivery(body))


def test_a_payment_callback_is_read_with_the_provider_it_came_from() -> None:
    (command,) = simulator.read(delivery(sample("simulator_payment_authorized")))

    assert isinstance(command, PaymentReported)
    assert command.provider == "simulator"
    assert command.callback.type == "payment.authorized"
    assert command.callback.amount == Money(5990, "BRL")


def test_a_delivered_parcel_is_read() -> None:
    (command,) = carrier.read(delivery(sample("carrier_delivered")))

    assert isinstance(command, ParcelReported)
    told = command.report
    assert (told.tracking_number, told.status) == ("EX123456785BR", "delivered")
    assert (told.id, told.at) == ("msg_1", datetime(2026, 5, 6, 15, 20, tzinfo=UTC))


def test_several_reports_come_with_their_own_times() -> None:
    body = sample("carrier_delivered")
    body["data"]["events"] = [
        {"id": "e2", "status": "in_transit", "occurred_at": "2026-05-05T10:00:00-03:00"},
        {"status": "accepted", "occurred_at": "2026-05-04T10:00:00Z", "place": "Cajamar"},
    ]

    first, second = (
        command.report
        for command in carrier.read(delivery(body))
        if isinstance(command, ParcelReported)
    )

    assert (first.id, first.at) == ("e2", datetime(2026, 5, 5, 13, 0, tzinfo=UTC))
    assert (second.id, second.status, second.place) == ("msg_1:2", "accepted", "Cajamar")


def test_the_sample_of_a_whole_way_is_read_with_its_times() -> None:
    told = [
        command.report
        for command in carrier.read(delivery(sample("carrier_tracking")))
        if isinstance(command, ParcelReported)
    ]

    in_time = sorted(told, key=lambda report: report.at)
    assert [report.status for report in in_time] == [
        "accepted",
        "in_transit",
        "out_for_delivery",
        "delivered",
    ]


def test_a_number_too_long_to_be_kept_is_refused() -> None:
    body = sample("carrier_delivered")
    body["data"]["tracking_number"] = "9" * 201

    with pytest.raises(Invalid) as refused:
        carrier.read(delivery(body))
    assert refused.value.faults[0].path == "data.tracking_number"


def test_a_time_without_a_zone_is_refused() -> None:
    body = sample("carrier_delivered")
    body["data"]["occurred_at"] = "2026-05-05T10:00:00"

    with pytest.raises(Invalid) as refused:
        carrier.read(delivery(body))
    assert refused.value.problem_code == "invalid_time"


def test_a_status_that_nobody_knows_changes_nothing() -> None:
    body = sample("carrier_delivered")
    body["data"]["status"] = "at_the_customs"

    (command,) = carrier.read(delivery(body))

    assert isinstance(command, Ignored)


@pytest.mark.parametrize("missing", ["fulfillment_id", "tracking_number", "status"])
def test_a_tracking_event_without_its_parts_is_refused(missing: str) -> None:
    body = sample("carrier_delivered")
    del body["data"][missing]

    with pytest.raises(Invalid) as refused:
        carrier.read(delivery(body))
    assert refused.value.faults[0].path == f"data.{missing}"


def test_a_delivery_comes_out_of_the_queue_as_it_went_in() -> None:
    queued = QueuedDelivery(
        "shopify", Delivery("w-1", '{"ção":"\uffff"}', {"shopify-topic": "orders/create"}), "trail"
    )

    message = to_message(queued, datetime(2026, 5, 4, tzinfo=UTC))

    assert message.isascii()
    assert json.loads(message)["received_at"] == "2026-05-04T00:00:00.000Z"
    assert from_message(message) == queued


@pytest.mark.parametrize("text", ["", "poison", "[]"])
def test_a_message_that_is_no_json_object_is_malformed(text: str) -> None:
    with pytest.raises(MalformedRequest):
        from_message(text)


@pytest.mark.parametrize("text", ["{}", '{"source":"shopify"}', '{"source":[],"id":"1"}'])
def test_a_message_without_its_parts_is_invalid(text: str) -> None:
    with pytest.raises(Invalid):
        from_message(text)


def test_a_source_nobody_registered_is_not_found() -> None:
    with pytest.raises(NotFound) as refused:
        source_of("../orders")
    assert refused.value.problem_code == "unknown_source"


def test_every_source_has_a_secret_of_its_own() -> None:
    assert sorted(SOURCES) == sorted(WEBHOOK_SOURCES)
