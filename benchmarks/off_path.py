"""What the happy path of a web order does not touch, so that every function has been seen at work:
a marketplace's order, paid for there, cancelled and refunded; a basket, a purchase order, an item
that is sold out."""

from contextlib import suppress
from typing import Any

import httpx

from benchmarks import journey
from benchmarks.system import System, eventually
from local.demo.signed_webhook import SignedWebhooks


def visit(system: System, name: str) -> None:
    number = f"{name}-webhook"
    order: dict[str, Any] = {
        **journey.document(number),
        "payment": {
            "method": "channel",
            "provider": "channel",
            "collected": journey.TOTAL,
            "reference": "MKT-1",
        },
    }
    message = {"type": "order.created", "timestamp": "2026-05-04T13:02:11Z", "data": order}
    SignedWebhooks(system.deployment).send("standard", {"webhook-id": f"msg-{name}"}, message)
    order_id = eventually(lambda: _find(system, number))
    eventually(lambda: journey.waits_for_the_node(system, order_id))
    parcel = system.call("GET", f"/v1/orders/{order_id}")["fulfillments"][0]["id"]
    system.call("GET", f"/v1/fulfillments/{parcel}/tracking")
    system.call("GET", f"/v1/orders/{order_id}/returns")
    system.call("GET", f"/v1/orders/{order_id}/refunds")
    with suppress(httpx.HTTPStatusError):  # A counter does not hand over what is shipped.
        system.call("POST", f"/v1/fulfillments/{parcel}/ready")
    system.call("POST", f"/v1/fulfillments/{parcel}/reject", {"reason": "closed"})
    system.call("POST", f"/v1/orders/{order_id}/cancel", {"reason": "changed my mind"})
    eventually(lambda: journey.is_completed(system, order_id))
    _plan(system, name)
    system.call("GET", "/v1/reports/returns")
    system.call("GET", "/health")
    system.wait_until_quiet()


def _plan(system: System, name: str) -> None:
    basket: dict[str, Any] = {
        "id": f"{name}-basket",
        "channel": "web",
        "seconds": 3600,
        "lines": [{"sku": "MUG", "quantity": 1}],
    }
    system.call("POST", "/v1/reservations", basket)
    system.call("POST", f"/v1/reservations/{name}-basket/release")
    supplier = {"name": "Olaria", "kind": "supplier", "country": "BR", "can_ship": False}
    system.call("PUT", "/v1/nodes/bench-supplier", supplier)
    purchase_order: dict[str, Any] = {
        "id": f"{name}-purchase-order",
        "supplier": "bench-supplier",
        "node": journey.NODE,
        "lines": [{"sku": "MUG", "quantity": 1, "due": "2099-01-01T00:00:00Z"}],
    }
    system.call("POST", "/v1/purchase-orders", purchase_order)
    system.call("PUT", "/v1/items/LAST", {"name": "The last one"})
    for kind, quantity in (("receipt", 1), ("adjustment", -1)):
        movement = {
            "id": f"{name}-{kind}",
            "kind": kind,
            "sku": "LAST",
            "node": journey.NODE,
            "quantity": quantity,
            "reason": "the last one",
        }
        system.call("POST", "/v1/inventory/movements", movement)
    card = {"key": f"{name}-card", "kind": "gift_card", "currency": "BRL", "amount": "10.00"}
    system.call("POST", "/v1/accounts", card)
    system.call("GET", "/v1/inventory/MUG/policy")
    system.call("GET", "/v1/inventory/MUG/shares")
    system.call("GET", "/v1/availability?sku=MUG,TEE&channel=web")


def _find(system: System, number: str) -> str | None:
    newest = system.call("GET", "/v1/orders?channel=web&limit=5")["orders"]
    return next((order["id"] for order in newest if order["channel_order_id"] == number), None)
