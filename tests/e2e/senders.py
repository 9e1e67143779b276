"""Those who call us by webhooks: marketplaces, the payment provider, the carrier."""

import base64
import hmac
import itertools
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
from standardwebhooks import Webhook

from local.engine import ROOT
from tests.e2e.shop import Placed, Shop, tracking_number
from tests.e2e.stack import Stack

SAMPLES = Path(ROOT) / "events" / "webhooks"


@dataclass(frozen=True)
class Senders:
    """Each call returns our answer. A `message_id` that is given again is a repeated delivery."""

    stack: Stack
    _ids: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))

    def new_id(self, prefix: str) -> str:
        return f"{prefix}_{next(self._ids)}"

    def deliver(self, source: str, body: bytes, headers: dict[str, str]) -> httpx.Response:
        headers = {"content-type": "application/json", **headers}
        path = f"/v1/webhooks/{source}"
        return self.stack.api.call("POST", path, scopes=None, content=body, headers=headers)

    def standard(
        self, source: str, kind: str, data: dict[str, Any], message_id: str = ""
    ) -> httpx.Response:
        """A message signed by the Standard Webhooks scheme."""
        now = datetime.now(UTC)
        document = {"type": kind, "timestamp": now.isoformat(), "data": data}
        body = json.dumps(document).encode()
        return self.deliver(source, body, self.signed(source, body, message_id, now))

    def signed(
        self, source: str, body: bytes, message_id: str = "", at: datetime | None = None
    ) -> dict[str, str]:
        moment = at or datetime.now(UTC)
        message_id = message_id or self.new_id("msg")
        return {
            "webhook-id": message_id,
            "webhook-timestamp": str(int(moment.timestamp())),
            "webhook-signature": Webhook(self.stack.secret(source)).sign(
                message_id, moment, body.decode()
            ),
        }

    def marketplace(self, order: dict[str, Any], message_id: str = "") -> httpx.Response:
        """A marketplace that speaks our own schema tells of an order."""
        return self.standard("standard", "order.created", order, message_id)

    def shopify(self, shop: str, order: dict[str, Any], webhook_id: str = "") -> httpx.Response:
        body = json.dumps(order).encode()
        return self.deliver("shopify", body, self.signed_by_shopify(shop, body, webhook_id))

    def signed_by_shopify(self, shop: str, body: bytes, webhook_id: str = "") -> dict[str, str]:
        digest = hmac.digest(self.stack.secret("shopify").encode(), body, sha256)
        return {
            "x-shopify-topic": "orders/create",
            "x-shopify-shop-domain": shop,
            "x-shopify-webhook-id": webhook_id or self.new_id("shopify"),
            "x-shopify-hmac-sha256": base64.b64encode(digest).decode(),
        }

    def payment(self, kind: str, order: Placed, event_id: str = "", **data: str) -> httpx.Response:
        """The provider tells of the order's payment: `authorized`, `captured`, `declined`, …"""
        event_id = event_id or self.new_id("evt")
        amount = {"amount": order.now()["total"], "currency": "BRL"}
        told = {"event_id": event_id, "payment_id": order.payment_id, **amount, **data}
        return self.standard("simulator", f"payment.{kind}", told, event_id)

    def carrier(
        self, fulfillment_id: str, status: str = "delivered", message_id: str = ""
    ) -> httpx.Response:
        data = {
            "fulfillment_id": fulfillment_id,
            "tracking_number": tracking_number(fulfillment_id),
            "status": status,
        }
        return self.standard("carrier", "tracking.updated", data, message_id)


def shopify_order(shop: Shop, **changes: Any) -> dict[str, Any]:
    """The sample, with items, a number and a customer of its own; one of each item is there."""
    order = json.loads((SAMPLES / "shopify_orders_create.json").read_text())["body"]
    number = int(shop.document()["channel_order_id"].partition("-")[2])
    email = f"shopify-{number}@example.com"
    customer = {**order["customer"], "id": number, "email": email}
    lines = [{**line, "sku": shop.item(1)} for line in order["line_items"]]
    own = {"id": number, "email": email, "customer": customer, "line_items": lines}
    return {**order, **own, **changes}
