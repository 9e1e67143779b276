"""Nodes that take so much work a day: forty orders at once for one that takes ten."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from local.aws import local_session
from oms.aws.capacity_audit import audit
from tests.e2e.shop import WAREHOUSE, Placed, Shop
from tests.e2e.stack import Stack, eventually

BUYERS = 40
CAPACITY = 10
AT_ONCE = 12
# Nearer to the customers of the tests than any other node.
NEAR = {"region": "SP", "city": "São Paulo", "latitude": -23.566, "longitude": -46.651}


def test_of_forty_orders_at_once_ten_are_at_the_node_and_the_others_elsewhere(
    shop: Shop, stack: Stack
) -> None:
    node = shop.node("paulista-store", "store", capacity_per_day=CAPACITY, **NEAR)
    sku = shop.item(BUYERS, node=node)
    shop.receive(sku, BUYERS, node=WAREHOUSE)

    where = [_node_of(view) for view in _placed_at_once(shop, sku)]

    assert (where.count(node), where.count(WAREHOUSE)) == (CAPACITY, BUYERS - CAPACITY)
    eventually(lambda: not _misheld(stack), otherwise=lambda: _misheld(stack))


def test_where_there_is_no_other_the_others_wait_until_there_is_room_again(
    shop: Shop, stack: Stack
) -> None:
    node = shop.node("bauru-dc", capacity_per_day=CAPACITY, capacity_per_hour=CAPACITY)
    sku = shop.item(2 * BUYERS, node=node)

    views = _placed_at_once(shop, sku)

    assert [view["state"] for view in views].count("released") == CAPACITY
    assert [view["status"] for view in views].count("backordered") == BUYERS - CAPACITY

    lucky = next(view for view in views if view["state"] == "released")
    waiting = [shop.placed(view) for view in views if view["state"] != "released"]
    for order in waiting:
        order.awaits("stock")
    shop.placed(lucky).cancel()
    shop.placed(lucky).becomes("cancelled")

    def one_more() -> bool:
        stack.aws("lambda").invoke(FunctionName=stack.function("clock"))
        return [order.now()["state"] for order in waiting].count("released") == 1

    eventually(one_more, seconds=60, every=1)
    eventually(lambda: not _misheld(stack), otherwise=lambda: _misheld(stack))


def test_a_node_that_is_switched_off_gets_no_work(shop: Shop, stack: Stack) -> None:
    node = shop.node("santos-dc")
    sku = shop.item(5, node=node)
    answer = stack.api.post(f"/v1/nodes/{node}/switch", {"on": False, "reason": "flood"})
    assert answer.status_code == 200, answer.text

    order = shop.place(sku)

    order.becomes("captured", "backordered")
    assert shop.stock(sku) == {"on_hand": 5, "reserved": 0, "available": 5}


def _placed_at_once(shop: Shop, sku: str) -> list[dict[str, Any]]:
    documents = [shop.document(sku) for _ in range(BUYERS)]
    with ThreadPoolExecutor(AT_ONCE) as buyers:
        orders = list(buyers.map(shop.send, documents))
        return list(buyers.map(_decided, orders))


def _decided(order: Placed) -> dict[str, Any]:
    return order.shows(
        lambda view: view["state"] == "released" or view["status"] == "backordered", seconds=90
    )


def _node_of(view: dict[str, Any]) -> str:
    return str(view["fulfillments"][0]["node"]) if view["fulfillments"] else view["status"]


def _misheld(stack: Stack) -> list[str]:
    deployment = stack.deployment
    dynamodb = local_session().client("dynamodb", endpoint_url=deployment.endpoint)
    return audit(dynamodb, deployment.inventory_table, deployment.orders_table)
