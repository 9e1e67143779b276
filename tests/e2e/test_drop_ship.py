"""What is not on our shelves is sent by a supplier, over HTTP: told, confirmed, rejected, sent."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from oms.kernel.clock import rfc3339, utc_now
from tests.e2e.receiver import Receiver, verified
from tests.e2e.shop import Placed, Shop
from tests.e2e.stack import eventually

CHANNEL = "drop-shipped"
POLICY = "e2e-drop-shipped"
FIRST, SECOND = "drop-first", "drop-second"


@pytest.fixture(scope="module")
def secret(shop: Shop, receiver: Receiver) -> Iterator[str]:
    """Under which the first supplier is told."""
    shop.channel(CHANNEL)
    place = {"name": "Supplier", "kind": "supplier", "country": "BR", "drop_ship": True}
    told = {**place, "callback_url": receiver.address}
    signing = shop.stack.api.put(f"/v1/nodes/{FIRST}", told).json()["signing_secret"]
    assert shop.stack.api.put(f"/v1/nodes/{SECOND}", place).status_code == 200
    _put_policy(shop)
    yield signing
    _put_policy(shop, active=False)


def _put_policy(shop: Shop, **changes: Any) -> None:
    rule = {"id": "shelf-then-supplier", "otherwise": ["drop_ship", "backorder"]}
    body = {"name": "Drop-shipped", "channels": [CHANNEL], "rules": [rule], **changes}
    answer = shop.stack.api.put(f"/v1/sourcing-policies/{POLICY}", body)
    assert answer.status_code == 200, answer.text


def _item(shop: Shop, *suppliers: str) -> str:
    sku = shop.item()
    body = {"name": f"Item {sku}", "suppliers": list(suppliers)}
    answer = shop.stack.api.put(f"/v1/items/{sku}", body)
    assert answer.status_code == 200, answer.text
    return sku


def _ordered(shop: Shop, sku: str, units: int = 1) -> tuple[Placed, str]:
    """The order, and the id of the supplier's part of it."""
    line = {"sku": sku, "quantity": units, "unit_price": "40.00"}
    total = f"{40 * units + 10}.00"
    order = shop.place(sku, channel=CHANNEL, lines=[line], total=total)
    (part,) = order.work()
    return order, part


def _purchase_order(shop: Shop, order_id: str, state: str) -> dict[str, Any]:
    def look() -> dict[str, Any] | None:
        answer = shop.stack.api.get(f"/v1/purchase-orders/{order_id}")
        there = answer.status_code == 200 and answer.json()["state"] == state
        return answer.json() if there else None

    return eventually(look)


def _say(shop: Shop, order_id: str, what: str, body: object) -> dict[str, Any]:
    answer = shop.stack.api.post(f"/v1/purchase-orders/{order_id}/{what}", body)
    assert answer.status_code == 200, answer.text
    view: dict[str, Any] = answer.json()
    return view


def _notice(sku: str, units: int) -> dict[str, Any]:
    return {
        "id": "asn-1",
        "expected_at": rfc3339(utc_now() + timedelta(days=3)),
        "lines": [{"sku": sku, "quantity": units}],
        "carrier": "correios",
        "tracking_number": f"DS-{sku}",
    }


def test_a_supplier_sends_it_to_the_customer(shop: Shop, receiver: Receiver, secret: str) -> None:
    sku = _item(shop, FIRST)
    order, part = _ordered(shop, sku, 2)

    (heard,) = receiver.hears(part, "purchase_order.sent")
    told = verified(heard, secret)["data"]
    assert (told["lines"][0]["quantity"], told["drop_ship"]) == (2, True)
    assert told["ship_to"]["postal_code"] == "01310-100"

    assert _say(shop, part, "confirm", {})["state"] == "confirmed"
    assert order.now()["status"] == "picking"
    assert _say(shop, part, "shipping-notices", _notice(sku, 2))["state"] == "received"
    order.becomes("shipped", "in_transit")
    assert order.step(part, "deliver").status_code == 200
    done = order.becomes("completed")

    assert done["fulfillments"][0]["tracking_number"] == f"DS-{sku}"
    assert done["payment"]["captured"] == "90.00"
    assert shop.stock(sku) == {"on_hand": 0, "reserved": 0, "available": 0}
    order.is_told("Recebemos", f"Seu pedido {order.number} está a caminho", "Seu pedido")


def test_a_supplier_that_says_no_is_followed_by_the_next(shop: Shop, secret: str) -> None:
    sku = _item(shop, FIRST, SECOND)
    order, part = _ordered(shop, sku)
    _purchase_order(shop, part, "sent")

    assert _say(shop, part, "reject", {"reason": "not_in_stock"})["state"] == "cancelled"

    view = order.shows(lambda now: now["fulfillments"][-1]["node"] == SECOND)
    other = view["fulfillments"][-1]["id"]
    _purchase_order(shop, other, "sent")
    _say(shop, other, "shipping-notices", _notice(sku, 1))
    order.becomes("shipped")


def test_when_the_only_supplier_says_no_it_waits(shop: Shop, secret: str) -> None:
    sku = _item(shop, FIRST)
    order, part = _ordered(shop, sku)
    _purchase_order(shop, part, "sent")

    _say(shop, part, "reject", {"reason": "closed"})

    order.becomes("released", "partially_backordered")
    shop.receive(sku, 1)
    order.shows(lambda now: now["fulfillments"][-1]["state"] == "open")
    order.fulfil()
    order.becomes("completed")


def test_an_order_that_is_cancelled_is_called_off_at_the_supplier(
    shop: Shop, receiver: Receiver, secret: str
) -> None:
    sku = _item(shop, FIRST)
    order, part = _ordered(shop, sku)
    _purchase_order(shop, part, "sent")

    assert order.cancel().status_code == 202

    order.becomes("cancelled")
    _purchase_order(shop, part, "cancelled")
    receiver.hears(part, "purchase_order.sent", "purchase_order.cancelled")


def test_the_supplier_hears_of_fewer_units_and_of_another_address(
    shop: Shop, receiver: Receiver, secret: str
) -> None:
    sku = _item(shop, FIRST)
    order, part = _ordered(shop, sku, 3)
    _purchase_order(shop, part, "sent")

    asked = {"reason": "too many", "lines": [{"line_id": sku, "quantity": 1}]}
    assert shop.stack.api.post(f"{order.path}/cancel", asked).status_code == 200
    address = {**order.now()["shipping_address"], "line1": "Rua Augusta, 1"}
    assert shop.stack.api.post(f"{order.path}/address", address).status_code == 200

    def both() -> dict[str, Any] | None:
        view = _purchase_order(shop, part, "sent")
        told = (view["lines"][0]["quantity"], view["ship_to"]["line1"])
        return view if told == (2, "Rua Augusta, 1") else None

    eventually(both)
    receiver.hears(part, "purchase_order.changed")
