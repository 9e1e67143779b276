"""Selling policies over HTTP, the function called as API Gateway calls it."""

import importlib
import json
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from oms.aws import clients, stores
from oms.inventory.backorders import Room, Waiter, rank
from tests.integration.world import World

CONTEXT = SimpleNamespace(
    function_name="selling",
    memory_limit_in_mb=128,
    invoked_function_arn="arn:aws:lambda:us-east-1:123456789012:function:selling",
    aws_request_id="lambda-1",
    get_remaining_time_in_millis=lambda: 10_000,
)
Call = Callable[..., tuple[int, Any]]
PATH = "/v1/inventory/MUG/policy"


@pytest.fixture
def call(oms: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[Call]:
    monkeypatch.setenv("INVENTORY_TABLE", "inventory")
    monkeypatch.setenv("CATALOG_TABLE", "catalog")
    made_once: tuple[Any, ...] = (
        clients.dynamodb,
        stores.policies,
        stores.backorders,
        stores.catalog,
        stores.catalog_store,
    )
    for each in made_once:
        each.cache_clear()

    def answer(verb_and_path: str, body: object = None) -> tuple[int, Any]:
        method, target = verb_and_path.split()
        path, _, query = target.partition("?")
        parameters = dict(pair.split("=", 1) for pair in query.split("&") if pair)
        event = {
            "version": "2.0",
            "rawPath": path,
            "rawQueryString": query,
            "queryStringParameters": parameters or None,
            "headers": {"content-type": "application/json"},
            "requestContext": {
                "requestId": "request-1",
                "stage": "$default",
                "http": {"method": method, "path": path},
            },
            "body": None if body is None else json.dumps(body),
            "isBase64Encoded": False,
        }
        module = importlib.import_module("functions.selling.handler")
        response = module.handler(event, CONTEXT)
        return response["statusCode"], json.loads(response["body"])

    yield answer
    for each in made_once:
        each.cache_clear()


def test_a_policy_is_set_and_read(call: Call) -> None:
    status, written = call(f"PUT {PATH}", {"backorder": {"limit": 3}, "held_back": {"web": 1}})
    assert status == 200
    assert written["backorder"] == {"limit": 3, "until": None, "channels": {}}
    assert (written["version"], written["preorder"], written["held_back"]) == (1, None, {"web": 1})
    assert call(f"GET {PATH}") == (200, written)


def test_the_policy_that_nobody_set_is_shown(call: Call) -> None:
    status, shown = call(f"GET {PATH}")
    assert (status, shown["version"], shown["tracked"]) == (200, 0, True)
    assert shown["backorder"] == {"limit": None, "until": None, "channels": {}}


def test_a_policy_of_another_version_is_refused(call: Call) -> None:
    call(f"PUT {PATH}", {})
    status, problem = call(f"PUT {PATH}", {"version": 0})
    assert (status, problem["code"], problem["version"]) == (409, "policy_changed", 1)


def test_an_item_that_nobody_knows_has_no_policy(call: Call) -> None:
    for verb, body in (("PUT", {}), ("GET", None)):
        status, problem = call(f"{verb} /v1/inventory/NONE/policy", body)
        assert (status, problem["code"]) == (404, "unknown_sku")


def test_a_policy_that_contradicts_itself_or_has_no_zone_is_refused(call: Call) -> None:
    status, problem = call(f"PUT {PATH}", {"preorder": {}})
    assert (status, problem["code"]) == (422, "available_from_missing")
    status, problem = call(f"PUT {PATH}", {"available_from": "2999-01-01T00:00:00"})
    assert status == 422


def test_who_waits_is_listed_page_by_page(oms: World, call: Call) -> None:
    for number in range(3):
        place = rank(5, None, f"2026-05-0{number + 1}T00:00:00.000Z", f"ord_{number}")
        waiter = Waiter(place, {"MUG": number + 1}, "web")
        oms.stock.transact(oms.stock.backorders.join(waiter, "MUG", Room()))
    _, first = call("GET /v1/inventory/MUG/backorders?limit=2")
    status, rest = call(f"GET /v1/inventory/MUG/backorders?limit=2&cursor={first['next_cursor']}")
    assert [each["order_id"] for each in first["waiting"]] == ["ord_0", "ord_1"]
    assert [(each["order_id"], each["quantity"]) for each in rest["waiting"]] == [("ord_2", 3)]
    assert (status, rest["next_cursor"]) == (200, None)
