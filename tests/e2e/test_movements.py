"""Stock that moves without an order, over HTTP, and the audit of the running stack."""

from typing import Any

import httpx

from local.aws import local_session
from oms.aws.stock_audit import audit
from tests.e2e.shop import STORE, WAREHOUSE, Shop
from tests.e2e.stack import Stack, eventually


def book(shop: Shop, **movement: Any) -> httpx.Response:
    return shop.stack.api.post("/v1/inventory/movements", {"reason": "test", **movement})


def at(shop: Shop, sku: str, node: str) -> dict[str, Any]:
    nodes: list[dict[str, Any]] = shop.stack.api.get(f"/v1/inventory/{sku}").json()["nodes"]
    return next(balance for balance in nodes if balance["node"] == node)


def test_a_transfer_leaves_travels_and_arrives_short(shop: Shop) -> None:
    sku = shop.item(10)
    sent = {"id": f"t-{sku}", "kind": "transfer", "sku": sku, "node": WAREHOUSE, "quantity": 4}
    assert book(shop, **sent, to_node=STORE).status_code == 201
    assert at(shop, sku, WAREHOUSE)["on_hand"] == 6
    assert at(shop, sku, STORE)["incoming"] == 4

    arrived = {"id": f"a-{sku}", "kind": "arrival", "sku": sku, "node": STORE, "quantity": 3}
    assert book(shop, **arrived, transfer=f"t-{sku}").status_code == 201
    assert book(shop, **arrived, transfer=f"t-{sku}").status_code == 200
    again = book(shop, **{**arrived, "id": f"b-{sku}"}, transfer=f"t-{sku}")

    assert (again.status_code, again.json()["code"]) == (409, "already_arrived")
    there = at(shop, sku, STORE)
    assert (there["on_hand"], there["incoming"], there["available"]) == (3, 0, 3)


def test_a_transfer_that_makes_no_sense_is_refused_with_its_paths(shop: Shop) -> None:
    sku = shop.item(1)
    refused = book(
        shop, id=f"x-{sku}", kind="transfer", sku=sku, node=WAREHOUSE, quantity=0, transfer="t"
    )
    assert refused.status_code == 422
    assert {(fault["path"], fault["code"]) for fault in refused.json()["faults"]} == {
        ("to_node", "to_node_mismatch"),
        ("quantity", "quantity_zero"),
        ("transfer", "transfer_mismatch"),
    }


def test_an_order_waits_while_its_unit_is_in_quality_hold(shop: Shop) -> None:
    sku = shop.item(1)
    hold = {"sku": sku, "node": WAREHOUSE, "quantity": 1}
    assert book(shop, id=f"q-{sku}", kind="quarantine", **hold).status_code == 201
    order = shop.place(sku)
    order.becomes("captured", "backordered")

    assert book(shop, id=f"r-{sku}", kind="release", **hold).status_code == 201
    order.becomes("released")


def test_every_balance_of_the_running_stack_is_the_sum_of_its_ledger(stack: Stack) -> None:
    deployment = stack.deployment
    dynamodb = local_session().client("dynamodb", endpoint_url=deployment.endpoint)

    def adds_up() -> bool:
        balances, found = audit(dynamodb, deployment.inventory_table)
        return balances > 0 and not found

    eventually(adds_up)
