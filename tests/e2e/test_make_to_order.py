"""What is made to order, over HTTP: components and capacity are taken with it, and given back."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.e2e.shop import Placed, Shop

CHANNEL = "made"
POLICY = "e2e-made"
WORKSHOP = "workshop"


@pytest.fixture(scope="module", autouse=True)
def workshop(shop: Shop) -> Iterator[None]:
    shop.channel(CHANNEL)
    shop.node(WORKSHOP, "warehouse", makes=True)
    _put_policy(shop)
    yield
    _put_policy(shop, active=False)


def _put_policy(shop: Shop, **changes: Any) -> None:
    rule = {"id": "shelf-or-workshop", "otherwise": ["make", "backorder"]}
    body = {"name": "Made", "channels": [CHANNEL], "rules": [rule], **changes}
    answer = shop.stack.api.put(f"/v1/sourcing-policies/{POLICY}", body)
    assert answer.status_code == 200, answer.text


def _tomorrow() -> str:
    return (datetime.now(UTC) + timedelta(days=1)).date().isoformat()


def _made_of(shop: Shop, component: str, *, capacity: int) -> str:
    sku = shop.item()
    resource = f"bench-{sku}"
    made = {
        "mode": "ctp",
        "production": {
            "resource": resource,
            "nodes": [WORKSHOP],
            "effort": 1,
            "components": [{"sku": component, "quantity": 4}],
        },
    }
    answer = shop.stack.api.put(f"/v1/items/{sku}", {"name": "Table", "promising": made})
    assert answer.status_code == 200, answer.text
    days = {"days": [{"date": _tomorrow(), "capacity": capacity}]}
    assert shop.stack.api.put(f"/v1/capacities/{resource}", days).status_code == 200
    return sku


def _left(shop: Shop, sku: str) -> int:
    answer = shop.stack.api.get(f"/v1/capacities/bench-{sku}")
    return int(answer.json()["days"][0]["left"])


def _place(shop: Shop, sku: str) -> Placed:
    return shop.place(sku, channel=CHANNEL)


def test_it_is_made_of_what_is_on_the_shelf_and_shipped(shop: Shop) -> None:
    leg = shop.item(8, node=WORKSHOP)
    table = _made_of(shop, leg, capacity=1)

    order = _place(shop, table)

    (part,) = order.becomes("released", "waiting_for_node")["fulfillments"]
    assert (part["node"], part["make"]) == (WORKSHOP, True)
    assert [(one["sku"], one["units"]) for one in part["components"]] == [(leg, 4)]
    assert (shop.stock(leg)["reserved"], _left(shop, table)) == (4, 0)
    order.fulfil()
    order.becomes("completed")
    assert shop.stock(leg) == {"on_hand": 4, "reserved": 0, "available": 4}
    assert [entry["kind"] for entry in shop.ledger(leg, WORKSHOP)][-1] == "ship"


def test_what_cannot_be_made_in_time_waits_until_capacity_is_free(shop: Shop) -> None:
    leg = shop.item(8, node=WORKSHOP)
    table = _made_of(shop, leg, capacity=1)
    first = _place(shop, table)
    first.becomes("released")

    second = _place(shop, table)

    second.becomes("captured", "backordered")
    assert shop.stock(leg)["reserved"] == 4
    first.cancel()
    first.becomes("cancelled")

    second.becomes("released", "waiting_for_node")
    assert (shop.stock(leg)["reserved"], _left(shop, table)) == (4, 0)


def test_what_lacks_a_component_is_made_when_it_comes(shop: Shop) -> None:
    leg = shop.item(3, node=WORKSHOP)
    table = _made_of(shop, leg, capacity=1)
    order = _place(shop, table)
    order.awaits("stock")

    shop.receive(leg, 1, node=WORKSHOP)

    (part,) = order.becomes("released")["fulfillments"]
    assert part["make"]


def test_a_workshop_that_says_no_keeps_its_components_and_its_day(shop: Shop) -> None:
    leg = shop.item(8, node=WORKSHOP)
    table = _made_of(shop, leg, capacity=1)
    order = _place(shop, table)
    (part,) = order.work()

    answer = shop.stack.api.post(f"/v1/fulfillments/{part}/reject", {"reason": "too_busy"})
    assert answer.status_code == 200, answer.text

    assert (shop.stock(leg)["reserved"], _left(shop, table)) == (0, 1)
    order.becomes("released", "partially_backordered")
