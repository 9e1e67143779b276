"""Calendars, carrier services and how an item is promised, over HTTP."""

from typing import Any

import pytest

from tests.integration.asking.conftest import Call

CALENDAR = {
    "timezone": "America/Sao_Paulo",
    "cut_off": "14:00",
    "handling_days": 1,
    "working_days": ["monday", "saturday"],
    "holidays": {"country": "BR", "subdivision": "SP"},
    "closed": ["2026-12-24"],
}
SERVICE = {
    "name": "Moto",
    "carrier": "Loggi",
    "countries": ["BR"],
    "currency": "BRL",
    "bands": [
        {"up_to_km": 20, "days": 0, "cost": "12.50"},
        {"up_to_km": 50, "days": 1, "cost": "20"},
    ],
    "delivers_on": ["monday", "sunday"],
}
NODE = {"name": "Cajamar", "kind": "warehouse", "country": "BR"}


def test_a_nodes_calendar_is_read_as_it_was_written(call: Call) -> None:
    cost = {"amount": "2.50", "currency": "BRL"}
    node = {**NODE, "calendar": CALENDAR, "handling_cost": cost}
    assert call("PUT /v1/nodes/n1", node, "catalog")[0] == 200
    _, found = call("GET /v1/nodes/n1", of="catalog")
    assert found["calendar"] == {
        **CALENDAR,
        "handling_hours": 0,
        "holidays": {"country": "BR", "subdivision": "SP", "customary": False},
    }
    assert found["handling_cost"] == cost


def test_a_carrier_service_is_read_as_it_was_written(call: Call) -> None:
    assert call("PUT /v1/carrier-services/moto", SERVICE, "catalog")[0] == 200
    _, found = call("GET /v1/carrier-services/moto", of="catalog")
    assert found["bands"][1] == {"up_to_km": 50, "days": 1, "cost": "20.00", "cost_per_kg": "0.00"}
    assert found["delivers_on"] == ["monday", "sunday"]
    _, listed = call("GET /v1/carrier-services", of="catalog")
    assert [service["id"] for service in listed["carrier_services"]] == [
        "express",
        "ground",
        "moto",
    ]
    assert call("GET /v1/carrier-services/none", of="catalog")[0] == 404


def test_how_an_item_is_promised_is_read_as_it_was_written(call: Call) -> None:
    promising = {
        "mode": "ctp",
        "lead_time_days": 0,
        "production": {
            "resource": "oven",
            "nodes": ["sp-dc"],
            "effort": 2,
            "components": [{"sku": "MUG", "quantity": 3}],
        },
        "unit_cost": {"amount": "3.00", "currency": "BRL"},
        "weight_grams": 700,
    }
    answer = call("PUT /v1/items/CAKE", {"name": "Cake", "promising": promising}, "catalog")
    assert answer[0] == 200
    assert call("GET /v1/items/CAKE", of="catalog")[1]["promising"] == promising


def made(**changed: Any) -> dict[str, Any]:
    production = {"resource": "oven", "nodes": ["sp-dc"], **changed}
    return {"name": "Cake", "promising": {"mode": "ctp", "production": production}}


@pytest.mark.parametrize(
    ("path", "body", "code"),
    [
        ("nodes/n1", {**NODE, "calendar": {"timezone": "Mars/Base"}}, "unknown_timezone"),
        (
            "nodes/n1",
            {**NODE, "calendar": {"timezone": "UTC", "holidays": {"country": "XX"}}},
            "unknown_holidays",
        ),
        (
            "nodes/n1",
            {**NODE, "calendar": {"timezone": "UTC", "cut_off": "25:00"}},
            "string_pattern_mismatch",
        ),
        (
            "nodes/n1",
            {**NODE, "handling_cost": {"amount": "1.001", "currency": "BRL"}},
            "too_many_decimals",
        ),
        (
            "carrier-services/s",
            {**SERVICE, "bands": list(reversed(SERVICE["bands"]))},
            "bands_out_of_order",
        ),
        ("items/CAKE", {"name": "Cake", "promising": {"mode": "ctp"}}, "production_mismatch"),
        ("items/CAKE", made(components=[{"sku": "NONE", "quantity": 1}]), "unknown_sku"),
        ("items/CAKE", made(components=[{"sku": "MUG", "quantity": 0}]), "quantity_not_positive"),
        ("items/CAKE", made(components=[{"sku": "MUG", "quantity": 1}] * 2), "component_twice"),
    ],
)
def test_what_cannot_be_is_refused(call: Call, path: str, body: Any, code: str) -> None:
    status, problem = call(f"PUT /v1/{path}", body, "catalog")
    assert (status, problem["code"]) == (422, code)
