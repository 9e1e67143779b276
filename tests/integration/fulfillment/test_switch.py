"""Switching a node off and on over HTTP."""

from dataclasses import replace
from datetime import timedelta

from oms.kernel.clock import rfc3339, utc_now
from oms.routing.capacity import takings
from tests.integration.gateway import Gateway
from tests.integration.world import SP, World

SWITCH = "POST /v1/nodes/sp-dc/switch"


def test_a_node_is_switched_off_and_on_again(call: Gateway) -> None:
    until = rfc3339(utc_now() + timedelta(hours=2))

    status, node = call("catalog", SWITCH, {"on": False, "until": until, "reason": "flood"})

    assert (status, node["switched_off"]["until"]) == (200, until)
    assert node["switched_off"]["reason"] == "flood"
    assert call("catalog", "GET /v1/nodes/sp-dc")[1]["switched_off"] == node["switched_off"]
    assert call("catalog", SWITCH, {"on": True})[1]["switched_off"] is None
    assert call("catalog", "GET /v1/nodes/sp-dc")[1]["switched_off"] is None


def test_changing_a_node_does_not_switch_it_on(call: Gateway) -> None:
    call("catalog", SWITCH, {"on": False})
    document = {"name": "Cajamar", "kind": "warehouse", "country": "BR"}

    assert call("catalog", "PUT /v1/nodes/sp-dc", document)[1]["switched_off"]["until"] is None
    nodes = call("catalog", "GET /v1/nodes")[1]["nodes"]
    assert [(node["id"], bool(node["switched_off"])) for node in nodes] == [
        ("rj-store", False),
        ("sp-dc", True),
    ]


def test_a_switch_that_makes_no_sense_is_refused(call: Gateway) -> None:
    past = {"on": False, "until": "2020-01-01T00:00:00Z"}
    assert call("catalog", SWITCH, past)[1]["code"] == "in_the_past"
    both = {"on": True, "until": "2099-01-01T00:00:00Z"}
    assert call("catalog", SWITCH, both)[1]["code"] == "until_when_on"
    assert call("catalog", "POST /v1/nodes/none/switch", {"on": True})[0] == 404


def test_staff_of_another_node_do_not_switch_it(call: Gateway) -> None:
    call("catalog", "PUT /v1/staff/rita", {"nodes": ["rj-store"]})
    status, problem = call("catalog", SWITCH, {"on": False}, caller="rita")
    assert (status, problem["code"]) == (403, "not_your_node")


def test_a_node_with_a_limit_says_how_much_of_the_day_is_taken(oms: World, call: Gateway) -> None:
    assert call("catalog", "GET /v1/nodes/sp-dc")[1]["load"] is None
    node = replace(SP, capacity_per_day=2)
    oms.catalog.put_node(node)
    oms.stock.transact(oms.stock.capacity.take(takings([node], {}, utc_now())))

    load = call("catalog", "GET /v1/nodes/sp-dc")[1]["load"]

    assert (load["taken"], load["left"]) == (1, 1)
