"""Selling policies over HTTP, the function called as API Gateway calls it."""

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qsl

import pytest

from oms.inventory.backorders import Room, Waiter, rank
from tests.integration.gateway import gateway
from tests.integration.world import World

Call = Callable[..., tuple[int, Any]]
PATH = "/v1/inventory/MUG/policy"


@pytest.fixture
def call(oms: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[Call]:
    with gateway(monkeypatch) as ask:

        def answer(verb_and_target: str, body: object = None) -> tuple[int, Any]:
            verb_and_path, _, query = verb_and_target.partition("?")
            return ask("selling", verb_and_path, body, query=dict(parse_qsl(query)))

        yield answer


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
