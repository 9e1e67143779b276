"""A node's people at work, over HTTP: a picklist, what is short of it, and whose work it is."""

from typing import Any

from tests.e2e.shop import STORE, WAREHOUSE, Placed, Shop
from tests.e2e.stack import Stack, eventually


def test_a_wave_is_collected_walked_and_picked(shop: Shop, stack: Stack) -> None:
    node = shop.node("wave-dc")
    mug, tee = shop.item(5, node=node), shop.item(5, node=node)
    _put_in(stack, node, {mug: "B-02", tee: "A-01"})
    orders = [shop.place(mug, tee), shop.place(mug)]
    parts = [order.work()[0] for order in orders]

    picklist = _collect(stack, node, parts)

    walked = [(stop["bin"], stop["sku"], stop["quantity"]) for stop in picklist["stops"]]
    assert walked == [("A-01", tee, 1), ("B-02", mug, 2)]
    done = stack.api.post(f"/v1/picklists/{picklist['id']}/picked", {})
    assert done.json()["state"] == "completed", done.text
    for order in orders:
        order.becomes("released", "packing")
        _ships_and_arrives(order)
        order.becomes("completed")


def test_what_is_short_is_routed_to_another_node_and_the_rest_is_shipped(
    shop: Shop, stack: Stack
) -> None:
    node = shop.node("short-dc", latitude=-23.566, longitude=-46.651, region="SP")
    mug, tee = shop.item(1, node=node), shop.item(1, node=node)
    shop.receive(mug, 1, node=WAREHOUSE)
    order = shop.place(mug, tee)
    (part,) = order.work()
    picklist = _collect(stack, node, [part])
    lines = {line["sku"]: line["line_id"] for line in order.now()["lines"]}
    missing = {"fulfillment_id": part, "line_id": lines[mug], "picked": 0}
    found = {"fulfillment_id": part, "line_id": lines[tee], "picked": 1}

    answer = stack.api.post(f"/v1/picklists/{picklist['id']}/picked", {"lines": [missing, found]})

    assert answer.json()["state"] == "completed", answer.text
    order.shows(lambda view: {one["node"] for one in view["fulfillments"]} == {node, WAREHOUSE})
    stopped = next(stop for stop in answer.json()["stops"] if stop["sku"] == mug)
    assert stopped["parts"][0]["reason"] == "not_in_stock"


def test_staff_of_a_store_act_on_its_work_alone(shop: Shop, stack: Stack) -> None:
    sku = shop.item(1)
    order = shop.place(sku)
    (part,) = order.work()
    caller = _caller(shop)
    _register(stack, caller, [STORE])
    try:
        refused = eventually(lambda: _refused(order, part), seconds=15, every=1)
        assert refused["code"] == "not_your_node"
    finally:
        _register(stack, caller, None)
    assert eventually(lambda: order.step(part, "accept").status_code == 200, seconds=15, every=1)


def _collect(stack: Stack, node: str, parts: list[str]) -> dict[str, Any]:
    """A list of all of them, once the node's list of work shows them."""

    def all_there() -> bool:
        page = stack.api.get("/v1/fulfillments", params={"node": node}).json()
        return {one["id"] for one in page["fulfillments"]} >= set(parts)

    eventually(all_there)
    answer = stack.api.post(f"/v1/nodes/{node}/picklists", {"by": "wave"})
    assert answer.status_code == 200, answer.text
    picklist: dict[str, Any] = answer.json()
    assert set(picklist["fulfillments"]) == set(parts)
    return picklist


def _put_in(stack: Stack, node: str, bins: dict[str, str]) -> None:
    for sku, bin_location in bins.items():
        answer = stack.api.put(f"/v1/inventory/{sku}/nodes/{node}", {"bin": bin_location})
        assert answer.json()["bin"] == bin_location, answer.text


def _ships_and_arrives(order: Placed) -> None:
    for part in order.work():
        for step in ("pack", "ship", "deliver"):
            answer = order.step(part, step)
            assert answer.status_code == 200, answer.text


def _caller(shop: Shop) -> str:
    """Whom the tests' tokens are issued to, as an order's history names it."""
    order = shop.place(shop.item(1))
    order.cancel()
    return str(order.event("cancel_requested")["by"])


def _register(stack: Stack, caller: str, nodes: list[str] | None) -> None:
    answer = stack.api.put(f"/v1/staff/{caller}", {"nodes": nodes})
    assert answer.status_code == 200, answer.text


def _refused(order: Placed, part: str) -> dict[str, Any] | None:
    """Repeating a step that is done changes nothing, so it is asked until it is refused."""
    answer = order.step(part, "accept")
    problem: dict[str, Any] = answer.json()
    return problem if answer.status_code == 403 else None
