"""Orders go where the sourcing policy of their channel says, over HTTP, and say why."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.shop import STORE, WAREHOUSE, Placed, Shop
from tests.e2e.stack import eventually

CHANNEL = "routed"
POLICY = "e2e-routed"

NEAREST = {"id": "nearest", "otherwise": ["backorder"]}
BY_STORE = {
    "id": "gold-from-stores",
    "orders": {"tags": ["gold"]},
    "nodes": {"kinds": ["store"]},
    "rankers": [{"by": "priority"}, {"by": "distance"}],
}


@pytest.fixture(scope="module", autouse=True)
def channel_of_its_own(shop: Shop) -> Iterator[None]:
    """What is put here holds for no other test's orders."""
    shop.channel(CHANNEL)
    yield
    shop.stack.api.put(f"/v1/sourcing-policies/{POLICY}", policy(NEAREST, active=False))


def policy(*rules: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {"name": "Routed", "channels": [CHANNEL], "rules": list(rules), **changes}


def put(shop: Shop, *rules: dict[str, Any]) -> dict[str, Any]:
    answer = shop.stack.api.put(f"/v1/sourcing-policies/{POLICY}", policy(*rules))
    assert answer.status_code == 200, answer.text
    view: dict[str, Any] = answer.json()
    return view


def place(shop: Shop, *skus: str, **changes: Any) -> Placed:
    return shop.place(*skus, **{"channel": CHANNEL, **changes})


def routing(order: Placed) -> list[dict[str, Any]]:
    answer = order.stack.api.get(f"{order.path}/routing")
    assert answer.status_code == 200, answer.text
    decisions: list[dict[str, Any]] = answer.json()["decisions"]
    return decisions


def nodes(view: dict[str, Any]) -> set[str]:
    return {one["node"] for one in view["fulfillments"]}


def test_a_rule_is_for_the_orders_it_names_and_says_why_it_chose(shop: Shop) -> None:
    sku = shop.item(5)
    shop.receive(sku, 5, node=STORE)
    version = put(shop, BY_STORE, NEAREST)["version"]

    gold = place(shop, sku, tags=["gold"])
    other = place(shop, sku)

    assert nodes(gold.becomes("released")) == {STORE}
    assert nodes(other.becomes("released")) == {WAREHOUSE}
    (decision,) = routing(gold)
    (evidence,) = decision["evidence"]
    assert (evidence["policy"], evidence["version"]) == (POLICY, version)
    assert decision["rule"] == "gold-from-stores"
    assert [(one["node"], one["chosen"]) for one in evidence["candidates"]] == [(STORE, True)]
    assert evidence["others"] == {"kind": 1}
    (decision,) = routing(other)
    (evidence,) = decision["evidence"]
    assert decision["rule"] == "nearest"
    assert [one["rule"] for one in evidence["tried"]] == ["gold-from-stores"]
    assert evidence["candidates"][0]["ranks"] == {"distance": 1}


def test_a_new_version_holds_for_the_next_order_and_the_old_one_is_kept(shop: Shop) -> None:
    sku = shop.item(5)
    shop.receive(sku, 5, node=STORE)
    before = put(shop, NEAREST)["version"]
    stores_only = {"id": "stores", "nodes": {"kinds": ["store"]}, "otherwise": ["backorder"]}

    after = put(shop, stores_only)["version"]
    again = put(shop, stores_only)["version"]

    assert (after, again) == (before + 1, after)
    assert nodes(place(shop, sku).becomes("released")) == {STORE}
    path = f"/v1/sourcing-policies/{POLICY}"
    old = shop.stack.api.get(path, params={"version": str(before)}).json()
    assert [rule["id"] for rule in old["rules"]] == ["nearest"]
    listed = shop.stack.api.get(f"{path}/versions").json()["versions"]
    assert [one["version"] for one in listed][:2] == [after, before]


def test_the_cheapest_plan_is_taken_where_the_policy_asks_for_it(shop: Shop) -> None:
    sku = shop.item(5)
    shop.receive(sku, 5, node=STORE)
    put(shop, {"id": "cheapest", "objective": {}, "otherwise": ["backorder"]})

    order = place(shop, sku)

    assert len(order.becomes("released")["fulfillments"]) == 1
    (decision,) = routing(order)
    assert decision["rule"] == "cheapest"


def test_what_is_there_goes_ahead_and_the_rest_follows_when_it_comes(shop: Shop) -> None:
    here, missing = shop.item(1), shop.item(0)
    put(shop, {**NEAREST, "partial": True})

    order = place(shop, here, missing)
    order.becomes("released")
    order.fulfil()
    assert order.now()["state"] == "released"
    shop.receive(missing, 1)

    view = order.shows(lambda now: len(now["fulfillments"]) == 2)
    (second,) = (one for one in view["fulfillments"] if one["state"] == "open")
    for step in ("accept", "pick", "pack", "ship", "deliver"):
        assert order.step(second["id"], step).status_code == 200
    order.becomes("completed")


def test_an_order_that_no_rule_has_a_node_for_waits_for_a_person(shop: Shop) -> None:
    sku = shop.item(0)
    put(shop, {"id": "or-a-person", "otherwise": ["exception"]})

    order = place(shop, sku)
    order.becomes("captured", "unroutable")

    eventually(order.as_exception)
    shop.receive(sku, 1)
    resolved = shop.stack.api.post(
        f"/v1/exceptions/{order.id}/resolve", {"action": "retry", "note": "it has come"}
    )
    assert resolved.status_code == 200, resolved.text
    assert nodes(order.becomes("released")) == {WAREHOUSE}
    eventually(lambda: order.as_exception() is None)


def test_what_if_says_what_a_policy_would_change_and_changes_nothing(shop: Shop) -> None:
    sku = shop.item(5)
    shop.receive(sku, 5, node=STORE)
    put(shop, NEAREST)
    order = place(shop, sku)
    order.becomes("released")
    stock = shop.stock(sku)

    stores_only = {"id": "stores", "nodes": {"kinds": ["store"]}, "otherwise": ["backorder"]}
    answer = shop.stack.api.post(
        "/v1/sourcing-policies/simulate",
        {"policy": policy(stores_only), "order_ids": [order.id]},
    )

    assert answer.status_code == 200, answer.text
    assert order.id in str(answer.json())
    assert STORE in str(answer.json())
    assert shop.stock(sku) == stock
    assert nodes(order.now()) == {WAREHOUSE}


@pytest.mark.parametrize(
    "rules",
    [
        pytest.param([{"id": "a", "nodes": {"colour": "red"}}], id="an unknown field"),
        pytest.param([{"id": "a", "rankers": [{"by": "luck"}]}], id="an unknown ranker"),
        pytest.param(
            [
                {"id": "a", "otherwise": ["next"], "next_rule": "b"},
                {"id": "b", "otherwise": ["next"], "next_rule": "a"},
            ],
            id="a circle of rules",
        ),
        pytest.param([{"id": "a", "otherwise": ["next"], "next_rule": "z"}], id="no such rule"),
    ],
)
def test_a_policy_that_cannot_be_evaluated_is_refused(
    shop: Shop, rules: list[dict[str, Any]]
) -> None:
    answer = shop.stack.api.put(f"/v1/sourcing-policies/{POLICY}-bad", policy(*rules))
    assert answer.status_code == 422, answer.text
    assert answer.json()["faults"]
    assert shop.stack.api.get(f"/v1/sourcing-policies/{POLICY}-bad").status_code == 404
