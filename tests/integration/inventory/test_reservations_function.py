"""Reservations and counters over HTTP, the functions called as API Gateway calls them."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from oms.aws.stock_audit import audit
from oms.catalog.model import Item
from tests.integration.gateway import gateway
from tests.integration.world import World

Call = Callable[..., tuple[int, Any]]
BASKET = {
    "id": "b1",
    "channel": "web",
    "lines": [{"sku": "MUG", "quantity": 2}],
    "seconds": 900,
}


@pytest.fixture
def call(oms: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[Call]:
    with gateway(monkeypatch) as ask:

        def answer(verb_and_path: str, body: object = None, **headers: str) -> tuple[int, Any]:
            function = "reservations" if "/v1/reservations" in verb_and_path else "inventory"
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            return ask(function, verb_and_path, body, headers=named)

        yield answer


def test_a_basket_is_held_read_extended_and_let_go(oms: World, call: Call) -> None:
    oms.receive("MUG", 5)
    status, held = call("POST /v1/reservations", BASKET)
    assert (status, held["state"]) == (201, "held")
    assert held["lines"] == [{"sku": "MUG", "node": "sp-dc", "quantity": 2}]
    assert call("POST /v1/reservations", BASKET) == (200, held)
    assert call("GET /v1/reservations/b1") == (200, held)

    status, extended = call("POST /v1/reservations/b1/extend", {"seconds": 1800})
    assert status == 200 and extended["expires_at"] > held["expires_at"]
    status, released = call("POST /v1/reservations/b1/release")
    assert (status, released["state"]) == (200, "released")
    assert call("POST /v1/reservations/b1/release") == (200, released)
    status, problem = call("POST /v1/reservations/b1/extend", {"seconds": 1800})
    assert (status, problem["code"]) == (409, "reservation_released")


def test_without_an_id_the_idempotency_key_says_which_it_is(oms: World, call: Call) -> None:
    oms.receive("MUG", 5)
    nameless = {name: value for name, value in BASKET.items() if name != "id"}
    status, held = call("POST /v1/reservations", nameless, idempotency_key="k1")
    assert status == 201 and held["id"].startswith("res_")
    assert call("POST /v1/reservations", nameless, idempotency_key="k1") == (200, held)
    status, problem = call("POST /v1/reservations", nameless)
    assert (status, problem["code"]) == (400, "missing_natural_key")


def test_too_little_stock_is_told_in_the_item_s_decimals(oms: World, call: Call) -> None:
    oms.catalog.put_item(Item("HAM", "Ham", scale=3))
    oms.receive("HAM", 1250)
    lines = [{"sku": "HAM", "quantity": 1.5}]
    status, problem = call("POST /v1/reservations", BASKET | {"lines": lines})
    assert (status, problem["code"]) == (409, "insufficient_stock")
    assert problem["lacking"] == [{"sku": "HAM", "wanted": 1.5, "available": 1.25}]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"seconds": None, "expires_at": "2020-01-01T00:00:00Z"}, "in_the_past"),
        ({"seconds": None, "expires_at": "2999-01-01T00:00:00Z"}, "too_far"),
        ({"seconds": None}, "seconds_or_time"),
        ({"expires_at": "2999-01-01T00:00:00Z"}, "seconds_or_time"),
        ({"seconds": None, "expires_at": "2026-05-01T12:00:00"}, "timezone_aware"),
        ({"seconds": 0}, "greater_than_equal"),
        ({"channel": "nowhere"}, "unknown_channel"),
        ({"lines": [{"sku": "NOPE", "quantity": 1}]}, "unknown_sku"),
        ({"lines": [{"sku": "MUG", "quantity": 0.5}]}, "too_many_decimals"),
        ({"lines": [{"sku": "MUG", "quantity": -1}]}, "quantity_not_positive"),
        ({"lines": [{"sku": "MUG", "quantity": 1, "node": "nowhere"}]}, "unknown_node"),
    ],
)
def test_what_cannot_be_held_is_refused(
    oms: World, call: Call, changes: dict[str, object], code: str
) -> None:
    oms.receive("MUG", 5)
    status, problem = call("POST /v1/reservations", BASKET | changes)
    assert status == 422
    assert code in {fault["code"] for fault in problem["faults"]}


def test_another_basket_under_the_same_id_is_refused(oms: World, call: Call) -> None:
    oms.receive("MUG", 5)
    call("POST /v1/reservations", BASKET)
    status, problem = call("POST /v1/reservations", BASKET | {"seconds": 60})
    assert (status, problem["code"]) == (409, "content_differs")


def test_what_was_never_held_is_not_found(call: Call) -> None:
    for path in ("GET /v1/reservations/b1", "POST /v1/reservations/b1/release"):
        assert call(path)[0] == 404


def test_a_sku_is_spread_and_gathered_over_http(oms: World, call: Call) -> None:
    oms.receive("MUG", 12)
    path = "PUT /v1/inventory/MUG/nodes/sp-dc"
    status, balance = call(path, {"counters": 4})
    assert (status, balance["counters"], balance["available"]) == (200, 4, 12)
    call("POST /v1/reservations", BASKET)
    status, balance = call(path, {"safety_stock": 3})
    assert (status, balance["counters"], balance["available"]) == (200, 4, 7)
    status, stock = call("GET /v1/inventory/MUG")
    assert (stock["on_hand"], stock["reserved"], stock["available"]) == (12, 2, 7)
    status, balance = call(path, {"safety_stock": 3, "counters": 1})
    assert (balance["counters"], balance["available"]) == (1, 7)
    assert call(path, {"counters": 17})[0] == 422
    assert audit(oms.client, "inventory")[1] == []
