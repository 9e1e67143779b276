"""Purchase orders, replenishment and what is sold out, over HTTP."""

from datetime import timedelta
from typing import Any

from oms.kernel.clock import rfc3339, utc_now
from tests.e2e.bus import Tap
from tests.e2e.receiver import Receiver, verified
from tests.e2e.shop import WAREHOUSE, Shop
from tests.e2e.stack import eventually

SUPPLIER = "acme"
HEARING = "acme-that-hears"
SOON = timedelta(days=10)


def order(shop: Shop, sku: str, units: int, supplier: str = SUPPLIER) -> str:
    """A purchase order that was sent to the supplier."""
    order_id = f"po-{sku}"
    line = {"sku": sku, "quantity": units, "due": rfc3339(utc_now() + SOON)}
    body = {"id": order_id, "supplier": supplier, "node": WAREHOUSE, "lines": [line]}
    for status in (201, 200):
        assert shop.stack.api.post("/v1/purchase-orders", body).status_code == status
    assert step(shop, order_id, "send")["state"] == "sent"
    return order_id


def step(shop: Shop, order_id: str, verb: str, body: object = None) -> dict[str, Any]:
    answer = shop.stack.api.post(f"/v1/purchase-orders/{order_id}/{verb}", body)
    assert answer.status_code == 200, answer.text
    view: dict[str, Any] = answer.json()
    return view


def receive(shop: Shop, order_id: str, sku: str, units: int, number: int = 1) -> Any:
    body = {
        "id": f"{order_id}-{number}",
        "kind": "receipt",
        "sku": sku,
        "node": WAREHOUSE,
        "quantity": units,
        "purchase_order": order_id,
    }
    return shop.stack.api.post("/v1/inventory/movements", body)


def test_a_purchase_order_is_sent_signed_and_received_in_parts(
    shop: Shop, receiver: Receiver
) -> None:
    place = {"name": "Acme", "kind": "supplier", "country": "BR", "callback_url": receiver.address}
    secret = shop.stack.api.put(f"/v1/nodes/{HEARING}", place).json()["signing_secret"]
    sku = shop.item()
    order_id = order(shop, sku, 10, HEARING)

    (heard,) = receiver.hears(order_id, "purchase_order.sent")
    assert verified(heard, secret)["data"]["lines"][0]["quantity"] == 10

    assert receive(shop, order_id, sku, 6).status_code == 201
    assert receive(shop, order_id, sku, 6).status_code == 200
    refused = receive(shop, order_id, sku, 5, 2)
    assert (refused.status_code, refused.json()["code"]) == (409, "over_receipt")
    assert receive(shop, order_id, sku, 4, 3).status_code == 201
    read = shop.stack.api.get(f"/v1/purchase-orders/{order_id}").json()
    assert (read["state"], shop.stock(sku)["on_hand"]) == ("received", 10)


def test_a_receipt_against_an_order_fills_what_waits_for_it(shop: Shop) -> None:
    shop.node(SUPPLIER, "supplier")
    sku = shop.item()
    waiting = shop.place(sku)
    waiting.becomes("captured", "backordered")
    order_id = order(shop, sku, 1)

    assert receive(shop, order_id, sku, 1).status_code == 201

    waiting.becomes("released")


def test_a_slip_is_told(shop: Shop, tap: Tap) -> None:
    shop.node(SUPPLIER, "supplier")
    sku = shop.item()
    order_id = order(shop, sku, 3)
    later = rfc3339(utc_now() + 2 * SOON)
    path = f"/v1/purchase-orders/{order_id}/lines/{sku}/due"
    assert shop.stack.api.put(path, {"due": later}).status_code == 200

    told = tap.hears("supply_changed", order_id)
    assert (told["reason"], told["to"], told["open"]) == ("slip", later, 3)


def test_the_last_unit_sold_is_told_and_ordered_again(shop: Shop, tap: Tap) -> None:
    shop.node(SUPPLIER, "supplier")
    sku = shop.item(1)
    path = f"/v1/inventory/{sku}/nodes/{WAREHOUSE}/replenishment"
    settings = {
        "reorder_point": 0,
        "reorder_quantity": 12,
        "supplier": SUPPLIER,
        "lead_time_days": 7,
    }
    assert shop.stack.api.put(path, settings).status_code == 200

    shop.place(sku).becomes("released")

    assert tap.hears("item_sold_out", sku) == {"sku": sku, "suppliers": [SUPPLIER]}
    suggestion = eventually(lambda: shop.stack.api.get(path).json()["suggestion"] or None)
    suggested = shop.stack.api.get(f"/v1/purchase-orders/{suggestion}").json()
    assert (suggested["state"], suggested["lines"][0]["quantity"]) == ("suggested", 12)
    shop.receive(sku, 1)
    assert tap.hears("item_back_in_stock", sku)["sku"] == sku
