from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from oms.kernel.clock import rfc3339, utc_now
from tests.integration.world import World

Call = Callable[..., Any]
DUE = utc_now() + timedelta(days=10)
ORDER = {
    "id": "po_1",
    "supplier": "acme",
    "node": "sp-dc",
    "lines": [{"sku": "MUG", "quantity": 10, "due": rfc3339(DUE)}],
}
PATH = "/v1/purchase-orders/po_1"


def post(call: Call, step: str, body: object = None) -> Any:
    return call("purchasing", f"POST {PATH}/{step}", body)


def receive(call: Call, units: int, **more: object) -> Any:
    body = {"id": f"r{units}", "kind": "receipt", "sku": "MUG", "node": "sp-dc", "quantity": units}
    return call(
        "inventory", "POST /v1/inventory/movements", {**body, "purchase_order": "po_1", **more}
    )


def test_an_order_is_created_once_and_walks_to_its_end(call: Call) -> None:
    assert call("purchasing", "POST /v1/purchase-orders", ORDER)[0] == 201
    assert call("purchasing", "POST /v1/purchase-orders", ORDER)[0] == 200
    assert post(call, "send")[1]["state"] == "sent"
    said = {"lines": [{"sku": "MUG", "quantity": 8, "due": rfc3339(DUE + timedelta(days=1))}]}
    status, confirmed = post(call, "confirm", said)
    assert (status, confirmed["state"]) == (200, "confirmed")
    assert (confirmed["lines"][0]["short"], confirmed["lines"][0]["open"]) == (2, 8)
    assert receive(call, 5)[0] == 201
    assert receive(call, 5)[0] == 200
    assert receive(call, 3)[0] == 201
    assert call("purchasing", f"GET {PATH}")[1]["state"] == "received"


def test_an_order_without_an_id_is_given_one(call: Call) -> None:
    body = {name: value for name, value in ORDER.items() if name != "id"}
    status, made = call("purchasing", "POST /v1/purchase-orders", body)
    assert status == 201
    assert made["id"].startswith("po_")


def test_a_notice_and_a_slip_change_the_dates(call: Call) -> None:
    call("purchasing", "POST /v1/purchase-orders", ORDER)
    post(call, "send")
    notice = {
        "id": "asn-1",
        "expected_at": rfc3339(DUE - timedelta(days=2)),
        "lines": [{"sku": "MUG", "quantity": 4}],
    }
    status, announced = post(call, "shipping-notices", notice)
    assert (status, announced["lines"][0]["announced"]) == (200, 4)
    later = rfc3339(DUE + timedelta(days=5))
    status, moved = call("purchasing", f"PUT {PATH}/lines/MUG/due", {"due": later})
    assert (status, moved["lines"][0]["due"]) == (200, later)
    delivery = f"{PATH}/shipping-notices/asn-1"
    status, delayed = call("purchasing", f"PUT {delivery}/due", {"due": later})
    assert (status, delayed["shipping_notices"][0]["expected_at"]) == (200, later)
    past = {"due": "2020-01-01T00:00:00Z"}
    assert call("purchasing", f"PUT {delivery}/due", past)[1]["code"] == "in_the_past"
    missing = f"POST {PATH}/shipping-notices/asn-2/close"
    assert call("purchasing", missing)[1]["code"] == "unknown_shipping_notice"
    assert receive(call, 5, shipping_notice="asn-1")[0] == 201
    assert call("purchasing", f"POST {delivery}/close")[0] == 200
    assert call("purchasing", f"GET {PATH}")[1]["shipping_notices"][0]["lines"][0]["open"] == 0
    assert post(call, "close")[1]["state"] == "closed_short"


def test_orders_are_listed_by_state_or_supplier(call: Call) -> None:
    call("purchasing", "POST /v1/purchase-orders", ORDER)
    _, page = call("purchasing", "GET /v1/purchase-orders", state="created")
    assert [(one["id"], one["skus"]) for one in page["purchase_orders"]] == [("po_1", ["MUG"])]
    status, problem = call("purchasing", "GET /v1/purchase-orders")
    assert (status, problem["code"]) == (422, "filter_needed")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"supplier": "sp-dc", "node": "rj-store"}, "not_a_supplier"),
        ({"node": "acme"}, "same_node"),
        ({"id": "a#b"}, "string_pattern_mismatch"),
        ({"lines": []}, "too_short"),
    ],
)
def test_an_order_that_cannot_be_is_refused(call: Call, change: Any, code: str) -> None:
    status, problem = call("purchasing", "POST /v1/purchase-orders", {**ORDER, **change})
    assert (status, problem["faults"][0]["code"]) == (422, code)


def test_a_date_without_a_zone_is_refused(call: Call) -> None:
    line = {"sku": "MUG", "quantity": 1, "due": "2036-01-01T00:00:00"}
    status, problem = call("purchasing", "POST /v1/purchase-orders", {**ORDER, "lines": [line]})
    assert (status, problem["faults"][0]["code"]) == (422, "timezone_aware")


def test_refusals_say_which(call: Call, oms: World) -> None:
    assert post(call, "send")[1]["code"] == "unknown_purchase_order"
    call("purchasing", "POST /v1/purchase-orders", ORDER)
    assert post(call, "close")[1]["code"] == "illegal_transition"
    post(call, "send")
    status, refused = receive(call, 11)
    assert (status, refused["code"], refused["open"]) == (409, "over_receipt", 10)
    assert receive(call, 1, purchase_order="po_2")[1]["code"] == "unknown_purchase_order"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"kind": "adjustment", "reason": "x"}, "not_a_receipt"),
        ({"purchase_order": None, "shipping_notice": "asn-1"}, "required"),
        ({"due": rfc3339(DUE)}, "not_a_transfer"),
    ],
)
def test_only_a_receipt_is_against_an_order(call: Call, change: Any, code: str) -> None:
    status, refused = receive(call, 1, **change)
    assert (status, refused["code"]) == (422, code)


@pytest.mark.parametrize("due", ["9999-12-31T23:59:59-05:00", "0001-01-01T00:00:00+05:00"])
def test_a_date_that_is_none_in_utc_is_refused_wherever_it_is_sent(call: Call, due: str) -> None:
    call("purchasing", "POST /v1/purchase-orders", ORDER)
    post(call, "send")
    lines = [{"sku": "MUG", "quantity": 1}]
    answers = [
        call("purchasing", f"PUT {PATH}/lines/MUG/due", {"due": due}),
        post(call, "shipping-notices", {"id": "a", "expected_at": due, "lines": lines}),
        post(call, "confirm", {"lines": [{**lines[0], "due": due}]}),
        call(
            "inventory",
            "POST /v1/inventory/movements",
            {
                "id": "t1",
                "kind": "transfer",
                "sku": "MUG",
                "node": "sp-dc",
                "to_node": "rj-store",
                "quantity": 1,
                "due": due,
            },
        ),
    ]
    assert {(status, said["code"]) for status, said in answers} == {(422, "date_out_of_range")}


def test_a_date_moves_by_less_than_is_written_of_it(call: Call) -> None:
    call("purchasing", "POST /v1/purchase-orders", ORDER)
    post(call, "send")
    dues = ["2099-05-04T12:00:00.000100Z", "2099-05-04T12:00:00.000200Z"]
    answers = [call("purchasing", f"PUT {PATH}/lines/MUG/due", {"due": due}) for due in dues]
    assert [(status, order["version"]) for status, order in answers] == [(200, 3), (200, 3)]


def test_nothing_is_said_to_come_in_the_past(call: Call) -> None:
    call("purchasing", "POST /v1/purchase-orders", ORDER)
    post(call, "send")
    past = "2020-01-01T00:00:00Z"
    lines = [{"sku": "MUG", "quantity": 1}]
    transfer = {
        "id": "t1",
        "kind": "transfer",
        "sku": "MUG",
        "node": "sp-dc",
        "to_node": "rj-store",
        "quantity": 1,
        "due": past,
    }
    answers = [
        post(call, "shipping-notices", {"id": "a", "expected_at": past, "lines": lines}),
        post(call, "confirm", {"lines": [{**lines[0], "due": past}]}),
        call("inventory", "POST /v1/inventory/movements", transfer),
    ]
    assert {(status, said["code"]) for status, said in answers} == {(422, "in_the_past")}


def test_a_supplier_that_no_key_is_long_enough_for_is_refused(call: Call) -> None:
    assert call("purchasing", "GET /v1/purchase-orders", supplier="x" * 3_000)[0] == 422
