"""Nodes that say no at every step, units that are routed again, and what a person decides."""

from typing import Any

import pytest

from tests.e2e.shop import DEAD, STORE, WAREHOUSE, Placed, Shop
from tests.e2e.stack import Stack, eventually

STEPS = ("accept", "pick", "pack")


@pytest.mark.parametrize("done", range(len(STEPS) + 1))
def test_what_a_node_rejects_at_any_step_is_sent_from_another(
    shop: Shop, stack: Stack, done: int
) -> None:
    sku = shop.item(1)
    shop.receive(sku, 1, node=STORE)
    order = shop.place(sku)
    (part,) = order.work()
    for step in STEPS[:done]:
        order.step(part, step)

    assert reject(stack, part, "not_in_stock")["state"] == "rejected"

    moved = routed(order, STORE)
    assert _listed(stack, STORE, moved)
    assert shop.stock(sku) == {"on_hand": 1, "reserved": 1, "available": 0}
    tasks = stack.api.get(f"/v1/nodes/{WAREHOUSE}/count-tasks?limit=100").json()["tasks"]
    assert sku in [task["sku"] for task in tasks]
    order.fulfil()
    assert order.becomes("completed")


def test_a_part_that_is_rejected_waits_and_is_sent_when_stock_comes(
    shop: Shop, stack: Stack
) -> None:
    sku = shop.item(2)
    order = shop.send(_two(shop, sku))
    (part,) = order.work()
    order.step(part, "accept")
    lines = [{"line_id": order.now()["lines"][0]["line_id"], "quantity": 1}]

    reject(stack, part, "damaged", lines)

    order.shows(lambda view: view["lines"][0]["quantities"]["backordered"] == 1)
    for step in ("pick", "pack", "ship"):
        order.step(part, step)
    assert order.now()["state"] == "released"
    shop.receive(sku, 1, node=STORE)
    new = routed(order, STORE)
    for step in ("accept", "pick", "pack", "ship"):
        assert order.step(new, step).status_code == 200
    assert order.becomes("shipped")
    for fulfillment in (part, new):
        order.step(fulfillment, "deliver")
    assert order.becomes("completed")


def test_a_person_sends_what_no_rule_could(shop: Shop, stack: Stack) -> None:
    order = _stuck(shop, stack)

    answer = _resolve(stack, order, action="route_to", node=STORE, note="they will do it")

    assert answer.status_code == 200, answer.text
    assert routed(order, STORE)
    eventually(lambda: not order.as_exception() or None)
    order.fulfil()
    assert order.becomes("completed")
    assert _resolve(stack, order, action="retry").json()["code"] == "not_in_exception"


def test_a_person_has_every_node_asked_again(shop: Shop, stack: Stack) -> None:
    order = _stuck(shop, stack)

    assert _resolve(stack, order, action="retry").status_code == 200

    assert routed(order, WAREHOUSE)
    order.cancel()
    assert order.becomes("cancelled")


def test_a_person_has_it_wait_for_stock(shop: Shop, stack: Stack) -> None:
    order = _stuck(shop, stack)

    assert _resolve(stack, order, action="backorder").status_code == 200

    assert order.becomes("released", "partially_backordered")
    shop.receive(order.now()["lines"][0]["sku"], 1)
    assert routed(order, WAREHOUSE)
    order.cancel()
    assert order.becomes("cancelled")


def test_a_person_cancels_what_nobody_has(shop: Shop, stack: Stack) -> None:
    order = _stuck(shop, stack)

    assert _resolve(stack, order, action="cancel_units", reason="gone").status_code == 200

    assert order.becomes("cancelled")
    eventually(lambda: not order.as_exception() or None)


def test_work_moves_to_another_node(shop: Shop, stack: Stack) -> None:
    sku = shop.item(1)
    shop.receive(sku, 1, node=STORE)
    order = shop.place(sku)
    (part,) = order.work()

    answer = stack.api.post(f"/v1/fulfillments/{part}/move", {"node": STORE, "reason": "closer"})

    assert answer.status_code == 200, answer.text
    assert _listed(stack, STORE, routed(order, STORE))
    order.fulfil()
    assert order.becomes("completed")


def reject(stack: Stack, part: str, reason: str, lines: list[Any] | None = None) -> dict[str, Any]:
    body = {"reason": reason, **({"lines": lines} if lines else {})}
    answer = stack.api.post(f"/v1/fulfillments/{part}/reject", body)
    assert answer.status_code == 200, answer.text
    view: dict[str, Any] = answer.json()
    return view


def routed(order: Placed, node: str) -> str:
    """The id of its open work at a node, once it has some."""

    def found() -> str | None:
        live = (one for one in order.now()["fulfillments"] if one["state"] not in DEAD)
        return next((one["id"] for one in live if one["node"] == node), None)

    return eventually(found, 30)


def _two(shop: Shop, sku: str) -> dict[str, Any]:
    document = shop.document(sku)
    line = document["lines"][0]
    line["quantity"] = 2
    document["total"] = "90.00"
    return document


def _stuck(shop: Shop, stack: Stack) -> Placed:
    """An order that both nodes which have it said no to."""
    sku = shop.item(1)
    shop.receive(sku, 1, node=STORE)
    order = shop.place(sku)
    (part,) = order.work()
    reject(stack, part, "too_busy")
    reject(stack, routed(order, STORE), "closed")
    order.becomes("released", "unroutable")
    found = eventually(lambda: order.as_exception())
    assert [one["node"] for one in found["lines"][0]["rejections"]] == [WAREHOUSE, STORE]
    return order


def _resolve(stack: Stack, order: Placed, **decision: Any) -> Any:
    return stack.api.post(f"/v1/exceptions/{order.id}/resolve", decision)


def _listed(stack: Stack, node: str, part: str) -> bool:
    def look() -> bool | None:
        cursor = ""
        while True:
            page = stack.api.get(f"/v1/fulfillments?node={node}&limit=50&cursor={cursor}").json()
            if part in [one["id"] for one in page["fulfillments"]]:
                return True
            cursor = page["next_cursor"]
            if not cursor:
                return None

    return eventually(look, 30)
