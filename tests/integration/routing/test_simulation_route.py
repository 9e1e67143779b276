"""POST /v1/sourcing-policies/simulate: what it answers, and that nothing is written."""

from dataclasses import replace
from typing import Any

import pytest

from oms.catalog.delivery import Band, CarrierService, Promising
from oms.catalog.model import Item
from tests.integration.gateway import Gateway
from tests.integration.routing.test_simulation import sourced
from tests.integration.world import RJ, SP, World
from tests.samples import content, line

ROUTE = "POST /v1/sourcing-policies/simulate"
FAR = {"rules": [{"id": "far", "rankers": [{"by": "distance", "order": "desc"}]}]}
CHEAPEST = {"rules": [{"id": "cheapest", "objective": {}, "otherwise": ["backorder"]}]}


@pytest.fixture(autouse=True)
def _carriers(oms: World) -> None:
    bands = (Band(100, 1, 500, 100), Band(1000, 4, 900, 100))
    oms.catalog.put_carrier_service(
        CarrierService("slow", "Slow", "Correio", ("BR",), bands, "BRL")
    )
    oms.catalog.put_item(Item("MUG", "Mug", promising=Promising(weight_grams=600)))


def rows(oms: World) -> dict[str, Any]:
    """All that is in the tables."""
    return {
        table: oms.client.scan(TableName=table)["Items"]
        for table in ("orders", "inventory", "catalog", "views")
    }


def test_what_would_change_is_told_and_nothing_is_written(oms: World, call: Gateway) -> None:
    oms.receive("MUG", 4, SP)
    oms.receive("MUG", 2, RJ)
    first, second = sourced(oms, 1, SP), sourced(oms, 2, SP)
    before = rows(oms)
    status, told = call("promising", ROUTE, {"policy": FAR, "channel": "web", "last": 10})
    assert rows(oms) == before
    assert status == 200
    assert (told["orders"], told["left_out"], told["unread"]) == (2, 0, 0)
    assert told["recorded"] == {
        "costs": [{"amount": "14.00", "currency": "BRL"}],
        "parcels": 2,
        "split_orders": 0,
        "late_orders": 0,
        "late_days": 0,
        "unfilled_orders": 0,
        "unfilled_lines": 0,
        "nodes": [{"node": "sp-dc", "parcels": 2, "lines": 2}],
    }
    assert told["proposed"]["costs"] == [{"amount": "18.00", "currency": "BRL"}]
    assert [one["node"] for one in told["proposed"]["nodes"]] == ["rj-store", "sp-dc"]
    (differs,) = told["differences"]
    assert differs["order_id"] == first.order_id != second.order_id
    assert differs["recorded"]["parcels"] == [
        {
            "node": "sp-dc",
            "cost": "7.00",
            "late_days": 0,
            "lines": [{"line_id": "MUG", "sku": "MUG", "quantity": 2}],
        }
    ]
    proposed = differs["proposed"]
    assert (proposed["rule"], proposed["cost"], proposed["parcels"][0]["node"]) == (
        "far",
        "11.00",
        "rj-store",
    )


def test_orders_can_be_named_and_an_objective_tried(oms: World, call: Gateway) -> None:
    oms.receive("MUG", 4, SP)
    oms.receive("MUG", 2, RJ)
    sourced(oms, 1, RJ)
    order = sourced(oms, 2, SP)
    status, told = call("promising", ROUTE, {"policy": CHEAPEST, "order_ids": [order.order_id]})
    assert (status, told["orders"], told["differences"]) == (200, 1, [])
    status, told = call("promising", ROUTE, {"policy": CHEAPEST, "channel": "web"})
    (differs,) = told["differences"]
    assert "costs least" in differs["proposed"]["reason"]


def test_what_has_too_little_stock_is_unfilled_in_both(oms: World, call: Gateway) -> None:
    oms.capture(replace(content(line("MUG", 3)), channel="web"))
    _, told = call("promising", ROUTE, {"policy": FAR, "channel": "web"})
    assert told["recorded"]["unfilled_lines"] == told["proposed"]["unfilled_lines"] == 1
    assert told["differences"] == []


def test_a_policy_that_cannot_be_evaluated_is_refused_with_every_fault(call: Gateway) -> None:
    rules = [
        {"id": "a", "otherwise": ["next"], "next_rule": "gone"},
        {"id": "a", "nodes": {"nodes": ["atlantis"]}},
    ]
    status, problem = call("promising", ROUTE, {"policy": {"rules": rules}, "channel": "web"})
    assert status == 422
    assert {(fault["path"], fault["code"]) for fault in problem["faults"]} == {
        ("policy.rules.0.next_rule", "unknown_rule"),
        ("policy.rules.1.id", "rule_twice"),
        ("policy.rules.1.nodes.nodes.0", "unknown_node"),
    }


@pytest.mark.parametrize(
    ("asked", "path", "code"),
    [
        ({"policy": FAR}, "channel", "filter_needed"),
        ({"policy": FAR, "channel": "web", "order_ids": ["ord_1"]}, "channel", "filter_needed"),
        ({"policy": FAR, "order_ids": ["ord_1"]}, "order_ids.0", "unknown_order"),
    ],
)
def test_a_selection_that_selects_nothing_is_refused(
    call: Gateway, asked: dict[str, Any], path: str, code: str
) -> None:
    status, problem = call("promising", ROUTE, asked)
    assert (status, problem["faults"][0]["path"], problem["faults"][0]["code"]) == (422, path, code)


@pytest.mark.parametrize(
    "asked",
    [
        {"policy": {"rules": [{"id": "a", "rankers": [{"by": "colour"}]}]}, "channel": "web"},
        {"policy": {"rules": [{"id": "a", "colour": "red"}]}, "channel": "web"},
        {"policy": {"rules": []}, "channel": "web"},
        {"policy": FAR, "channel": "web", "last": 201},
        {"policy": FAR, "order_ids": [f"ord_{number}" for number in range(201)]},
    ],
    ids=["ranker", "member", "no rules", "too many", "too many named"],
)
def test_what_does_not_read_is_refused(call: Gateway, asked: dict[str, Any]) -> None:
    status, problem = call("promising", ROUTE, asked)
    assert status == 422
    assert problem["faults"]
