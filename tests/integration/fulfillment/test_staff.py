"""Whoever is registered as staff of some nodes acts on the work of these, and of no others."""

import pytest

from oms.aws.staff_store import StaffTable
from oms.fulfillment.staff import Staff, check_node
from oms.kernel.errors import Forbidden
from oms.orders import decisions
from oms.orders import events as happened
from oms.orders.model import Order
from tests.integration.gateway import Gateway
from tests.integration.world import World
from tests.samples import CAUSE, allocated, content

STEPS = ("accept", "pick", "pack", "ship", "deliver")
PARCEL = {"carrier": "Correios", "tracking_number": "BR1"}


def released(oms: World, number: str = "1") -> Order:
    order = oms.capture(content(number=number))
    oms.receive("MUG", 2)
    oms.receive("TEE", 1)
    total = order.content.total.minor
    order = oms.orders.commit(
        order,
        (
            happened.OrderSourced(allocated(order), "rule", "why"),
            happened.PaymentAuthorized(order.payments.each[0].id, total, "auth", "a"),
        ),
        CAUSE,
    )
    return oms.orders.commit(order, decisions.release(order), CAUSE)


def register(call: Gateway, caller: str, *nodes: str) -> None:
    assert call("catalog", f"PUT /v1/staff/{caller}", {"nodes": list(nodes)})[0] == 200


def test_staff_are_registered_read_and_let_go(call: Gateway) -> None:
    stored = call("catalog", "PUT /v1/staff/rita", {"nodes": ["sp-dc", "rj-store"]})

    assert stored == (200, {"nodes": ["sp-dc", "rj-store"], "caller": "rita"})
    assert call("catalog", "GET /v1/staff/rita") == stored
    assert call("catalog", "PUT /v1/staff/rita", {"nodes": None})[1]["nodes"] is None
    assert call("catalog", "GET /v1/staff/rita")[1]["code"] == "not_found"


def test_staff_of_nodes_that_there_are_none_of_are_refused_with_every_fault(call: Gateway) -> None:
    status, problem = call("catalog", "PUT /v1/staff/rita", {"nodes": ["x", "sp-dc", "sp-dc"]})

    faults = [(fault["path"], fault["code"]) for fault in problem["faults"]]
    assert (status, problem["code"]) == (422, "unknown_node")
    assert faults == [("nodes.0", "unknown_node"), ("nodes.2", "node_twice")]


@pytest.mark.parametrize("step", STEPS)
def test_staff_of_another_node_may_take_no_step(oms: World, call: Gateway, step: str) -> None:
    part = released(oms).progress.fulfillments[0].id
    register(call, "rita", "rj-store")
    body = PARCEL if step == "ship" else None

    status, problem = call(
        "fulfillment", f"POST /v1/fulfillments/{part}/{step}", body, caller="rita"
    )

    assert (status, problem["code"]) == (403, "not_your_node")


def test_staff_of_the_node_and_who_is_not_registered_may(oms: World, call: Gateway) -> None:
    part = released(oms).progress.fulfillments[0].id
    register(call, "rita", "rj-store", "sp-dc")
    path = f"POST /v1/fulfillments/{part}"

    assert call("fulfillment", f"{path}/accept", caller="rita")[1]["state"] == "accepted"
    assert call("fulfillment", f"{path}/pick", caller="wms")[1]["state"] == "picked"


def test_whoever_is_registered_for_no_node_acts_on_none(oms: World) -> None:
    table = StaffTable(oms.client, "catalog")
    table.put(Staff("rita", ()))

    with pytest.raises(Forbidden):
        check_node("rita", "sp-dc", table)


def test_what_is_not_there_is_not_found_for_staff_too(call: Gateway) -> None:
    register(call, "rita", "sp-dc")

    missing = f"POST /v1/fulfillments/ful_{'a' * 26}_1/accept"

    assert call("fulfillment", missing, caller="rita")[1]["code"] == "not_found"


def test_staff_are_looked_up_once_in_some_seconds(oms: World) -> None:
    now = [0.0]
    table = StaffTable(oms.client, "catalog", lambda: now[0])
    assert table.staff("rita") is None
    table.put(Staff("rita", ("sp-dc",)))

    remembered = table.staff("rita")
    now[0] = 6.0

    assert (remembered, table.staff("rita")) == (None, Staff("rita", ("sp-dc",)))
