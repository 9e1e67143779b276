"""Parcels leave and arrive, in whatever order that is told."""

from datetime import datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oms.aws.shipment_store import ShipmentTable
from oms.fulfillment import joining
from oms.fulfillment.arrival import take_report
from oms.fulfillment.joint_shipments import shipment_of
from oms.fulfillment.labels import buy_labels
from oms.fulfillment.parcels import Parcel, in_parcels
from oms.fulfillment.shipping import GivenNumber, ship
from oms.fulfillment.tracking import TrackingReport, TrackingStatus
from oms.fulfillment.worklist import find
from oms.kernel.errors import Conflict, NotFound
from oms.kernel.ids import order_id, order_of
from oms.orders import decisions
from oms.orders.events import ShipmentJoined
from oms.orders.model import FulfillmentState, Order, Units
from oms.reporting.waiting import HELD_UP, project
from tests.integration.fulfillment.station import at, at_the_node, parcels_of, station_of, stock_up
from tests.integration.gateway import Gateway
from tests.integration.world import World, world_in_memory
from tests.samples import CAUSE, NOW

BY_HAND = GivenNumber("Correios", "BR1")
TWO: list[dict[str, Any]] = [
    {"lines": [{"line_id": "MUG", "quantity": 2}]},
    {"lines": [{"line_id": "TEE", "quantity": 1}]},
]


@pytest.fixture(autouse=True)
def stocked(oms: World) -> None:
    stock_up(oms)


def told(
    oms: World, part: str, status: str, number: str = "BR1", when: datetime = NOW, event: str = ""
) -> Order:
    report = TrackingReport(
        event or f"{number}-{status}", part, number, TrackingStatus(status), when
    )
    return take_report(report, oms.orders, parcels_of(oms), shipments_of(oms), CAUSE)


def shipments_of(oms: World) -> ShipmentTable:
    return ShipmentTable(oms.client, "work")


def leaves(oms: World, part: str, given: GivenNumber | None = BY_HAND) -> Order:
    return ship(part, given, oms.orders, oms.stock, parcels_of(oms), CAUSE)


def state(oms: World, part: str) -> FulfillmentState:
    found = oms.orders.load(order_of(part)).fulfillment(part)
    assert found
    return found.state


def labelled(call: Gateway, oms: World, parcels: object = None) -> tuple[str, list[str]]:
    """A fulfilment with its tracking numbers."""
    part = at_the_node(oms, steps=2)
    body = {"parcels": parcels} if parcels else None
    assert call("fulfillment", f"POST /v1/fulfillments/{part}/pack", body)[0] == 200
    _, bought = call("parcels", f"POST /v1/fulfillments/{part}/label")
    return part, [parcel["label"]["tracking_number"] for parcel in bought["parcels"]]


# --- leaving --------------------------------------------------------------------------------------


def test_it_leaves_with_a_number_given_by_hand(oms: World, call: Gateway) -> None:
    part = at_the_node(oms)
    body = {"carrier": "Correios", "tracking_number": "BR1"}

    answers = [call("fulfillment", f"POST /v1/fulfillments/{part}/ship", body) for _ in range(2)]

    assert [(status, shown["tracking_number"]) for status, shown in answers] == [(200, "BR1")] * 2


def test_it_leaves_with_the_label_that_was_bought(oms: World, call: Gateway) -> None:
    part, (number,) = labelled(call, oms)

    answers = [call("fulfillment", f"POST /v1/fulfillments/{part}/ship") for _ in range(2)]

    assert [(status, shown["state"]) for status, shown in answers] == [(200, "shipped")] * 2
    assert (answers[0][1]["carrier"], answers[0][1]["tracking_number"]) == ("Correios", number)


def test_without_a_label_and_without_a_number_nothing_leaves(oms: World, call: Gateway) -> None:
    part = at_the_node(oms)

    status, problem = call("fulfillment", f"POST /v1/fulfillments/{part}/ship")

    assert (status, problem["code"]) == (409, "not_labelled")


def test_it_does_not_leave_with_another_number_than_its_label_s(oms: World, call: Gateway) -> None:
    part, (number,) = labelled(call, oms)
    url = f"POST /v1/fulfillments/{part}/ship"

    refused = call("fulfillment", url, {"carrier": "Correios", "tracking_number": "BR1"})
    taken = call("fulfillment", url, {"carrier": "Correios", "tracking_number": number})

    assert (refused[0], refused[1]["code"]) == (409, "labelled")
    assert taken[0] == 200


# --- arriving -------------------------------------------------------------------------------------


def test_a_delivered_parcel_is_delivered_once_however_often_it_is_told(oms: World) -> None:
    part = at_the_node(oms)
    leaves(oms, part)

    versions = {told(oms, part, "delivered").version for _ in range(3)}

    assert state(oms, part) is FulfillmentState.DELIVERED
    assert len(versions) == 1
    assert len(parcels_of(oms).dossier(part).reports) == 1


def test_what_is_told_before_it_is_said_to_have_left_is_remembered(oms: World) -> None:
    part = at_the_node(oms)
    told(oms, part, "delivered")
    assert state(oms, part) is FulfillmentState.PACKED

    leaves(oms, part)

    assert state(oms, part) is FulfillmentState.DELIVERED


def test_what_was_remembered_of_another_number_counts_for_nothing(oms: World) -> None:
    part = at_the_node(oms)
    told(oms, part, "delivered", "BR2")

    leaves(oms, part)

    assert state(oms, part) is FulfillmentState.SHIPPED


def test_it_is_delivered_when_the_last_of_its_parcels_is(oms: World, call: Gateway) -> None:
    part, (first, second) = labelled(call, oms, TWO)
    leaves(oms, part, None)

    told(oms, part, "delivered", second)
    assert state(oms, part) is FulfillmentState.SHIPPED
    told(oms, part, "delivered", first)

    assert state(oms, part) is FulfillmentState.DELIVERED


def test_both_parcels_told_before_they_left(oms: World, call: Gateway) -> None:
    part, numbers = labelled(call, oms, TWO)
    for number in numbers:
        told(oms, part, "delivered", number)

    leaves(oms, part, None)

    assert state(oms, part) is FulfillmentState.DELIVERED


def test_a_number_that_it_did_not_leave_with_is_refused(oms: World) -> None:
    part = at_the_node(oms)
    leaves(oms, part)

    with pytest.raises(Conflict) as refused:
        told(oms, part, "delivered", "BR2")
    assert refused.value.problem_code == "other_tracking_number"
    assert parcels_of(oms).dossier(part).reports == ()


def test_a_parcel_of_an_order_that_has_not_come_may_be_told_again(oms: World) -> None:
    unknown = order_id("web", "id:nobody").replace("ord_", "ful_") + "_1"

    with pytest.raises(NotFound):
        told(oms, unknown, "in_transit")


def together(oms: World) -> tuple[str, str]:
    """Two fulfilments of two orders that are one shipment."""
    parts = (at_the_node(oms, "1"), at_the_node(oms, "2"))
    shipment = shipment_of([find(part, oms.orders) for part in parts])
    for part in parts:
        order = oms.orders.load(order_of(part))
        also = [shipments_of(oms).storing(shipment)] if part == parts[0] else []
        oms.orders.commit(order, (ShipmentJoined(part, shipment.id),), CAUSE, also)
    return parts


def leave_together(oms: World, part: str) -> None:
    joining.ship(part, BY_HAND, oms.orders, oms.stock, parcels_of(oms), shipments_of(oms), CAUSE)


@pytest.mark.parametrize("steps", [["ship", "report"], ["report", "ship"]])
def test_what_travels_together_arrives_together(oms: World, steps: list[str]) -> None:
    one, other = together(oms)

    for step in steps:
        if step == "ship":
            leave_together(oms, one)
        else:
            told(oms, one, "delivered")

    assert state(oms, one) is state(oms, other) is FulfillmentState.DELIVERED


# --- not arriving ---------------------------------------------------------------------------------


@pytest.mark.parametrize("outcome", ["lost", "returned_to_sender"])
def test_a_parcel_that_does_not_arrive_holds_the_order_up_once(oms: World, outcome: str) -> None:
    part = at_the_node(oms)
    leaves(oms, part)

    for _ in range(2):
        order = told(oms, part, outcome)

    assert order.status == "undelivered"
    events = [event.type for event in oms.orders.history(order.order_id)]
    assert events.count("delivery_failed") == 1
    project(order.order_id, part, oms.orders, oms.views, NOW)
    (waiting,) = oms.views.waiting(HELD_UP, 10, None).waiting
    assert (waiting.id, waiting.state) == (order.order_id, "undelivered")


def test_two_parcels_that_do_not_arrive_are_told_once_each(oms: World, call: Gateway) -> None:
    part, (first, second) = labelled(call, oms, TWO)
    leaves(oms, part, None)
    told(oms, part, "lost", first)

    for _ in range(3):
        order = told(oms, part, "returned_to_sender", second)

    found = order.fulfillment(part)
    assert found
    assert found.undelivered == f"lost: {first}, returned_to_sender: {second}"
    events = [event.type for event in oms.orders.history(order.order_id)]
    assert events.count("delivery_failed") == 2


def test_one_that_is_found_again_is_delivered_and_holds_nothing_up(oms: World) -> None:
    part = at_the_node(oms)
    leaves(oms, part)
    told(oms, part, "lost")

    order = told(oms, part, "delivered")

    assert state(oms, part) is FulfillmentState.DELIVERED
    assert order.status == "settling"
    project(order.order_id, part, oms.orders, oms.views, NOW)
    assert oms.views.waiting(HELD_UP, 10, None).waiting == ()


def test_an_old_report_of_a_loss_does_not_hold_up_what_went_on_since(oms: World) -> None:
    part = at_the_node(oms)
    leaves(oms, part)
    told(oms, part, "in_transit", when=at(15))

    order = told(oms, part, "lost", when=at(14))

    assert order.status == "in_transit"


def test_a_loss_told_before_it_was_said_to_have_left_is_remembered(oms: World) -> None:
    part = at_the_node(oms)
    told(oms, part, "lost")

    assert leaves(oms, part).status == "undelivered"


def test_what_has_not_left_does_not_fail(oms: World) -> None:
    part = at_the_node(oms)
    order = oms.orders.load(order_of(part))

    assert decisions.fail_delivery(order, part, "BR1", "lost") == ()


# --- shown ----------------------------------------------------------------------------------------


def test_where_the_parcels_are_is_shown_by_the_carrier_s_time(oms: World, call: Gateway) -> None:
    part, (number, other) = labelled(call, oms, TWO)
    told(oms, part, "out_for_delivery", number, at(15))
    told(oms, part, "accepted", number, at(13))
    told(oms, part, "in_transit", number, at(14))

    status, shown = call("parcels", f"GET /v1/fulfillments/{part}/tracking")

    first, second = shown["parcels"]
    assert (status, shown["carrier"], shown["state"]) == (200, "Correios", "packed")
    assert (first["tracking_number"], first["status"]) == (number, "out_for_delivery")
    assert [each["status"] for each in first["reports"]] == [
        "accepted",
        "in_transit",
        "out_for_delivery",
    ]
    assert first["reports"][0]["at"] == "2026-05-04T13:00:00.000Z"
    assert first["parcel_id"].endswith("_1_1")
    assert (second["tracking_number"], second["status"], second["reports"]) == (other, None, [])


def test_what_left_by_hand_is_shown_by_its_number(oms: World, call: Gateway) -> None:
    part = at_the_node(oms)
    leaves(oms, part)
    told(oms, part, "in_transit")

    (parcel,) = call("parcels", f"GET /v1/fulfillments/{part}/tracking")[1]["parcels"]

    assert (parcel["tracking_number"], parcel["status"], parcel["parcel_id"]) == (
        "BR1",
        "in_transit",
        "",
    )


@settings(max_examples=40, deadline=None)
@given(st.permutations(["ship", "0:delivered", "1:delivered", "0:in_transit", "1:delivered"]))
def test_in_whatever_order_it_is_told_it_ends_delivered(steps: list[str]) -> None:
    oms = world_in_memory()
    stock_up(oms)
    part = at_the_node(oms)
    halves = [Parcel("", (Units("MUG", 2),)), Parcel("", (Units("TEE", 1),))]
    work = find(part, oms.orders)
    parcels_of(oms).store(in_parcels(work.fulfillment, halves))
    packing = buy_labels(station_of(oms), part, "", at(12))

    for step in steps:
        parcel, _, status = step.partition(":")
        if status:
            told(oms, part, status, packing.labels[int(parcel)].tracking_number)
        else:
            leaves(oms, part, None)

    assert state(oms, part) is FulfillmentState.DELIVERED
    events = [event.type for event in oms.orders.history(order_of(part))]
    assert events.count("fulfillment_delivered") == 1
