from datetime import timedelta
from typing import Any

import pytest

from oms.catalog.model import Component, Item
from oms.kernel.clock import rfc3339
from tests.integration.asking.conftest import NOW, Call, comes
from tests.integration.world import RJ, World


def of(answer: tuple[int, Any], index: int = 0) -> Any:
    assert answer[0] == 200
    return answer[1]["availability"][index]


def test_it_says_how_many_where_by_when_and_why(oms: World, call: Call) -> None:
    oms.receive("MUG", 5)
    oms.receive("MUG", 2, RJ)
    comes(oms, 10, 3)
    found = of(call("GET /v1/availability", sku="MUG", channel="web"))
    assert (found["sku"], found["available"]) == ("MUG", 7)
    assert [bucket["available"] for bucket in found["by_date"]] == [7, 17]
    assert found["by_date"][1]["at"] == rfc3339(NOW + timedelta(days=3))
    assert {node["node"]: node["available"] for node in found["nodes"]} == {
        "rj-store": 2,
        "sp-dc": 5,
    }
    assert [(term["term"], term["quantity"]) for term in found["why"]] == [
        ("on_hand", 7),
        ("reserved", 0),
        ("safety_stock", 0),
    ]


def test_it_answers_for_a_later_moment_and_for_one_node(oms: World, call: Call) -> None:
    oms.receive("MUG", 5)
    oms.receive("MUG", 2, RJ)
    comes(oms, 10, 3)
    later = rfc3339(NOW + timedelta(days=4))
    found = of(call("GET /v1/availability", sku="MUG", at=later, node="sp-dc"))
    assert found["available"] == 15
    assert found["why"][-1] == {
        "term": "supply",
        "quantity": 10,
        "node": "sp-dc",
        "supply": "po_1",
        "due": rfc3339(NOW + timedelta(days=3)),
    }


def test_items_come_in_the_order_asked_for_and_one_that_was_never_held_has_nothing(
    oms: World, call: Call
) -> None:
    oms.receive("MUG", 5)
    answer = call("GET /v1/availability", sku="TEE,MUG")
    assert (of(answer)["sku"], of(answer)["available"], of(answer, 1)["available"]) == ("TEE", 0, 5)


def test_a_bundle_sells_by_its_scarcest_component(oms: World, call: Call) -> None:
    oms.catalog.put_item(
        Item("GIFT", "Gift", components=(Component("MUG", 2), Component("TEE", 1)))
    )
    oms.receive("MUG", 5)
    oms.receive("TEE", 9)
    comes(oms, 4, 3)
    found = of(call("GET /v1/availability", sku="GIFT"))
    assert (found["available"], found["scarcest"]) == (2, "MUG")
    assert [bucket["available"] for bucket in found["by_date"]] == [2, 4]
    assert found["parts"][0] == {"sku": "MUG", "needed": 2, "available": 5}


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"sku": "NONE"}, "unknown_sku"),
        ({"sku": "MUG", "channel": "nobody"}, "unknown_channel"),
        ({"sku": "MUG", "node": "nowhere"}, "unknown_node"),
        ({"sku": "MUG", "at": "2026-11-20T00:00:00Z"}, "in_the_past"),
        ({"sku": "MUG", "at": "9999-12-31T23:59:59-12:00"}, "date_out_of_range"),
        ({"sku": "MUG", "at": "2026-12-01T00:00:00"}, "timezone_aware"),
        ({"sku": ",".join(f"S{n}" for n in range(51))}, "too_many_skus"),
        ({"sku": ""}, "string_pattern_mismatch"),
    ],
)
def test_a_question_that_cannot_be_answered_is_refused(
    oms: World, call: Call, query: dict[str, str], code: str
) -> None:
    status, problem = call("GET /v1/availability", **query)
    assert (status, problem["code"]) == (422, code)


def test_bundles_of_too_many_parts_are_too_much_at_once(oms: World, call: Call) -> None:
    for bundle in range(5):
        parts = [f"P{bundle}-{part}" for part in range(50)]
        for part in parts:
            oms.catalog.put_item(Item(part, part))
        made_of = tuple(Component(part, 1) for part in parts)
        oms.catalog.put_item(Item(f"B{bundle}", "Bundle", components=made_of))
    status, problem = call("GET /v1/availability", sku="B0,B1,B2,B3,B4")
    assert (status, problem["code"]) == (413, "too_many_parts")
