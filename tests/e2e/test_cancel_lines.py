"""Lines are cancelled, and orders go elsewhere, over HTTP, wherever the order stands."""

from typing import Any

import httpx

from tests.e2e.shop import PIX, STORE, WAREHOUSE, Placed, Shop
from tests.e2e.stack import Stack, eventually

RIO = {
    "name": "Ana Souza",
    "line1": "Avenida Atlântica, 1",
    "city": "Rio de Janeiro",
    "region": "RJ",
    "postal_code": "22010-000",
    "country": "BR",
    "latitude": -22.97,
    "longitude": -43.18,
}


def _cancel(stack: Stack, order: Placed, *lines: str, key: str = "") -> httpx.Response:
    asked = {"reason": "too many", "lines": [{"line_id": line} for line in lines]}
    headers = {"idempotency-key": key} if key else {}
    return stack.api.post(f"{order.path}/cancel", asked, headers=headers)


def _nodes(view: dict[str, Any]) -> list[str]:
    return [one["node"] for one in view["fulfillments"] if one["state"] == "open"]


def test_a_line_is_cancelled_before_the_release_and_the_rest_goes_on(
    shop: Shop, stack: Stack
) -> None:
    kept, dropped = shop.item(1), shop.item(1)
    order = shop.place(kept, dropped, payment=PIX)
    order.awaits("payment")

    answer = _cancel(stack, order, dropped)

    assert (answer.status_code, answer.json()["due"]) == (200, "50.00")
    assert shop.stock(dropped) == {"on_hand": 1, "reserved": 0, "available": 1}
    assert shop.stock(kept)["reserved"] == 1
    assert order.cancel().status_code == 202
    order.becomes("cancelled")


def test_a_line_that_lacks_is_cancelled_and_the_rest_is_shipped(shop: Shop, stack: Stack) -> None:
    there, lacking = shop.item(1), shop.item()
    order = shop.place(there, lacking)
    order.awaits("stock")

    assert _cancel(stack, order, lacking).status_code == 200

    order.becomes("released")
    order.fulfil()
    done = order.becomes("completed")
    assert done["payment"]["captured"] == "50.00"


def test_a_line_is_cancelled_at_its_node_and_only_the_rest_is_paid(
    shop: Shop, stack: Stack
) -> None:
    kept, dropped = shop.item(1), shop.item(1)
    order = shop.place(kept, dropped)
    (part,) = order.work()
    order.step(part, "accept")

    first = _cancel(stack, order, dropped, key="once")
    again = _cancel(stack, order, dropped, key="once")

    assert (first.status_code, again.status_code) == (200, 200)
    assert first.json()["version"] == again.json()["version"]
    assert shop.stock(dropped)["available"] == 1
    for step in ("pick", "pack", "ship", "deliver"):
        assert order.step(part, step).status_code == 200
    done = order.becomes("completed")
    assert (done["due"], done["payment"]["captured"]) == ("50.00", "50.00")
    order.is_told(
        "Recebemos",
        "Uma parte do seu pedido",
        f"Seu pedido {order.number} está a caminho",
        "Seu pedido",
    )


def test_what_is_packed_is_not_cancelled(shop: Shop, stack: Stack) -> None:
    sku, other = shop.item(1), shop.item(1)
    order = shop.place(sku, other)
    (part,) = order.work()
    for step in ("accept", "pick", "pack"):
        order.step(part, step)

    answer = _cancel(stack, order, other)

    assert (answer.status_code, answer.json()["code"]) == (409, "not_cancellable")


def test_the_last_line_cancels_the_order(shop: Shop, stack: Stack) -> None:
    sku, other = shop.item(1), shop.item(1)
    order = shop.place(sku, other)
    order.work()
    assert _cancel(stack, order, other).status_code == 200

    assert _cancel(stack, order, sku).status_code == 202

    order.becomes("cancelled")
    assert shop.stock(sku)["available"] == 1


def test_an_address_that_changes_before_a_node_begins_changes_the_node(
    shop: Shop, stack: Stack
) -> None:
    sku = shop.item(1)
    shop.receive(sku, 1, node=STORE)
    order = shop.place(sku)
    assert _nodes(order.becomes("released", "waiting_for_node")) == [WAREHOUSE]

    answer = stack.api.post(f"{order.path}/address", RIO)

    assert answer.status_code == 200, answer.text
    order.shows(lambda view: _nodes(view) == [STORE])
    assert eventually(lambda: shop.stock(sku)["reserved"] == 1)
    order.fulfil()
    assert order.becomes("completed")["shipping_address"]["city"] == "Rio de Janeiro"


def test_an_address_that_changes_after_a_node_has_begun_keeps_the_node(
    shop: Shop, stack: Stack
) -> None:
    sku = shop.item(1)
    shop.receive(sku, 1, node=STORE)
    order = shop.place(sku)
    (part,) = order.work()
    order.step(part, "accept")

    answer = stack.api.post(f"{order.path}/address", RIO)

    assert answer.status_code == 200, answer.text
    assert [one["node"] for one in answer.json()["fulfillments"]] == [WAREHOUSE]
    for step in ("pick", "pack"):
        assert order.step(part, step).status_code == 200
    late = stack.api.post(f"{order.path}/address", {**RIO, "line1": "Rua B, 2"})
    assert (late.status_code, late.json()["code"]) == (409, "address_too_late")
