"""What the happy path of a web order does not touch, so that every function has been seen at work:
a marketplace's order, paid for there, cancelled and refunded."""

from typing import Any

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
    system.call("POST", f"/v1/orders/{order_id}/cancel", {"reason": "changed my mind"})
    eventually(lambda: journey.is_completed(system, order_id))
    system.call("GET", "/v1/availability?sku=MUG,TEE&channel=web")
    system.call("GET", "/health")
    system.wait_until_quiet()


def _find(system: System, number: str) -> str | None:
    newest = system.call("GET", "/v1/orders?channel=web&limit=5")["orders"]
    return next((order["id"] for order in newest if order["channel_order_id"] == number), None)
