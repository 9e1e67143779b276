"""Bundles: sold by what they are made of, however the basket is mixed."""

from typing import Any

from tests.e2e.shop import Shop
from tests.e2e.stack import Stack


def test_two_bundles_and_a_single_that_share_a_component_count_it_once(
    shop: Shop, stack: Stack
) -> None:
    mug, tin = shop.item(5), shop.item(5)
    pair = _bundle(stack, f"PAIR-{mug}", {mug: 2})
    gift = _bundle(stack, f"GIFT-{mug}", {mug: 2, tin: 1})
    assert _available(stack, pair, gift) == [2, 2]

    too_much = shop.document(pair, gift, mug, on_out_of_stock="cancel", total="170.00")
    too_much["lines"][-1]["quantity"] = 2
    assert shop.send(too_much).becomes("cancelled")["cancel_reason"] == "out_of_stock"
    order = shop.place(pair, gift, mug)
    order.becomes("released")
    assert _available(stack, pair, gift) == [0, 0]
    order.fulfil()
    completed = order.becomes("completed")

    assert completed["payment"]["captured"] == completed["total"] == "130.00"
    assert {line["bundle"] for line in completed["lines"]} == {pair, gift, ""}
    assert shop.stock(mug) == {"on_hand": 0, "reserved": 0, "available": 0}
    assert shop.stock(tin) == {"on_hand": 4, "reserved": 0, "available": 4}


def test_a_bundle_that_would_contain_itself_is_refused(shop: Shop, stack: Stack) -> None:
    inner = shop.item()
    outer = _bundle(stack, f"OUTER-{inner}", {inner: 1})

    refused = stack.api.put(f"/v1/items/{inner}", _document({outer: 1}))

    assert (refused.status_code, refused.json()["code"]) == (422, "circular_bundle")


def _bundle(stack: Stack, sku: str, components: dict[str, int]) -> str:
    answer = stack.api.put(f"/v1/items/{sku}", _document(components))
    assert answer.status_code == 200, answer.text
    return sku


def _document(components: dict[str, int]) -> dict[str, Any]:
    return {
        "name": "A bundle",
        "components": [{"sku": sku, "quantity": units} for sku, units in components.items()],
    }


def _available(stack: Stack, *skus: str) -> list[int]:
    answer = stack.api.get("/v1/availability", params={"sku": ",".join(skus)})
    return [shown["available"] for shown in answer.json()["availability"]]
