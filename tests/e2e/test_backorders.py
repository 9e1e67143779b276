"""Who waits, how long the queue may be, who gets what comes, and what is taken back."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tests.e2e.shop import PIX, Placed, Shop
from tests.e2e.stack import Stack

NEWCOMERS = 6


def test_a_receipt_fills_by_priority_then_by_age(shop: Shop) -> None:
    sku = shop.item()
    older, younger = _waiting(shop, sku), _waiting(shop, sku)
    urgent = _waiting(shop, sku, priority=9)

    shop.receive(sku, 2)

    assert urgent.becomes("released")
    assert older.becomes("released")
    assert younger.now()["status"] == "backordered"


def test_orders_that_come_with_the_receipt_do_not_overtake_who_waits(shop: Shop) -> None:
    sku = shop.item()
    waiting = _waiting(shop, sku)
    with ThreadPoolExecutor(NEWCOMERS + 1) as people:
        receipt = people.submit(shop.receive, sku, 1)
        newcomers = list(people.map(lambda _: shop.place(sku), range(NEWCOMERS)))
        receipt.result()

    assert waiting.becomes("released")
    for newcomer in newcomers:
        newcomer.becomes("captured", "backordered")
    assert shop.stock(sku) == {"on_hand": 1, "reserved": 1, "available": 0}


def test_no_more_is_owed_than_the_policy_allows(shop: Shop, stack: Stack) -> None:
    sku = shop.item()
    policy = _policy(stack, sku, backorder={"limit": 1})
    _waiting(shop, sku)

    refused = shop.place(sku)

    assert policy["version"] == 1
    assert refused.becomes("cancelled")["cancel_reason"] == "out_of_stock"
    reason = refused.event("order_out_of_stock")["data"]["reason"]
    assert reason.startswith("backorder_limit")


def test_a_pre_order_waits_and_what_is_no_longer_tracked_is_shipped_without_stock(
    shop: Shop, stack: Stack
) -> None:
    sku = shop.item()
    _policy(stack, sku, backorder=None, preorder={}, available_from="2999-01-01T00:00:00Z")
    order = _waiting(shop, sku)

    _policy(stack, sku, tracked=False)

    order.becomes("released")
    order.fulfil()
    assert order.becomes("completed")
    assert shop.stock(sku) == {"on_hand": 0, "reserved": 0, "available": 0}


def test_a_higher_priority_takes_back_what_no_node_has_begun_with(shop: Shop, stack: Stack) -> None:
    sku = shop.item(1)
    _policy(stack, sku, take_back=True)
    loser = shop.place(sku)
    loser.becomes("released")
    loser.awaits("fulfillment")

    winner = shop.place(sku, priority=9)

    assert winner.becomes("released")
    assert loser.becomes("captured", "backordered")
    loser.is_told("Recebemos o seu pedido", "Seu pedido")
    loser.awaits("stock")
    shop.receive(sku, 1)
    loser.fulfil()
    completed = loser.becomes("completed")
    assert completed["payment"]["captured"] == completed["total"]
    assert loser.event_types().count("payment_authorized") == 1
    assert loser.event_types().count("payment_captured") == 1


def test_stock_is_taken_back_from_an_order_that_is_not_paid_yet(shop: Shop, stack: Stack) -> None:
    sku = shop.item(1)
    _policy(stack, sku, take_back=True)
    loser = shop.place(sku, payment=PIX)
    loser.becomes("sourced", "awaiting_pix")
    loser.awaits("payment")

    winner = shop.place(sku, priority=9)

    assert winner.becomes("released")
    assert loser.becomes("captured", "backordered")
    loser.awaits("stock")
    shop.receive(sku, 1)
    assert loser.becomes("sourced", "awaiting_pix")


def _waiting(shop: Shop, sku: str, **changes: Any) -> Placed:
    order = shop.place(sku, **changes)
    order.awaits("stock")
    return order


def _policy(stack: Stack, sku: str, **said: Any) -> dict[str, Any]:
    answer = stack.api.put(f"/v1/inventory/{sku}/policy", said)
    assert answer.status_code == 200, answer.text
    policy: dict[str, Any] = answer.json()
    return policy
