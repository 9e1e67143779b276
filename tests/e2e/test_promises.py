"""Dates: offered from what is known, kept with the order, told anew when supply slips."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx

from oms.kernel.clock import rfc3339
from tests.e2e.receiver import Receiver, verified
from tests.e2e.shop import PRICE, WAREHOUSE, WEB, Placed, Shop
from tests.e2e.stack import Stack, eventually

SUPPLIER = "mug-maker"
PLANNED = "planned"
EVERY_DAY = "monday tuesday wednesday thursday friday saturday sunday".split()


def test_a_purchase_order_slips_and_the_customer_is_told_the_new_date(
    shop: Shop, stack: Stack, receiver: Receiver
) -> None:
    _deliver(stack)
    secret = shop.channel(PLANNED, callback_url=receiver.address)["signing_secret"]
    sku = shop.item()
    purchase_order = _buy(shop, stack, sku, days=5)
    promise, order = _order_on_promise(shop, stack, sku, channel=PLANNED)
    order.awaits("stock")

    slipped = stack.api.put(
        f"/v1/purchase-orders/{purchase_order}/lines/{sku}/due", {"due": _in(days=9)}
    )
    assert slipped.status_code == 200, slipped.text

    late = order.shows(lambda view: bool(view["promise"]["changes"]))["promise"]
    (change,) = late["changes"]
    assert promise["lines"][0]["source"] == f"supply:{_supply(late)}"
    assert late["arrive_by"] == promise["arrive_by"] == change["promised"]
    days_late = (date.fromisoformat(late["expected"]) - date.fromisoformat(late["arrive_by"])).days
    assert days_late == change["days_late"] >= 4
    assert change["severity"] == "medium"
    order.is_told("Recebemos o seu pedido", "Nova previsão de entrega")
    heard = receiver.hears(order.id, "order.captured", "promise.in_jeopardy")
    assert verified(heard[-1], secret)["data"]["promise"] == {
        "arrive_by": late["arrive_by"],
        "expected": late["expected"],
    }
    eventually(lambda: order.id in _in_jeopardy(stack, "medium"))

    received = _receive(shop, stack, sku, purchase_order)

    assert received.status_code == 201, received.text
    assert order.becomes("released")["lines"][0]["quantities"]["backordered"] == 0
    assert shop.stock(sku) == {"on_hand": 1, "reserved": 1, "available": 0}


def test_of_two_promises_of_the_last_unit_that_comes_one_is_kept(shop: Shop, stack: Stack) -> None:
    _deliver(stack)
    sku = shop.item()
    _buy(shop, stack, sku, days=5)
    first, second = _ask(stack, sku), _ask(stack, sku)
    kept = shop.send(_document(shop, sku, first))

    refused = stack.api.post("/v1/orders", _document(shop, sku, second))

    assert (refused.status_code, refused.json()["code"]) == (409, "promise_gone")
    assert kept.becomes("captured", "backordered")
    nothing = stack.api.post("/v1/promises", _question(sku)).json()
    assert (nothing["id"], nothing["options"]) == (None, [])
    assert kept.cancel().status_code == 202
    kept.becomes("cancelled")


def test_what_can_be_made_in_time_is_sold_once(shop: Shop, stack: Stack) -> None:
    _deliver(stack)
    sku = shop.item()
    resource = f"oven-{sku}"
    made = {
        "mode": "ctp",
        "production": {"resource": resource, "nodes": [WAREHOUSE]},
        "unit_cost": {"amount": "9.00", "currency": "BRL"},
    }
    answer = stack.api.put(f"/v1/items/{sku}", {"name": "Bread", "promising": made})
    assert answer.status_code == 200, answer.text
    days = [(datetime.now(UTC) + timedelta(days=after)).date().isoformat() for after in (3, 4)]
    calendar = {"days": [{"date": day, "capacity": 1} for day in days]}
    answer = stack.api.put(f"/v1/capacities/{resource}", calendar)
    assert answer.status_code == 200, answer.text
    first, second = _ask(stack, sku), _ask(stack, sku)

    shop.send(_document(shop, sku, first))
    refused = stack.api.post("/v1/orders", _document(shop, sku, second))
    third = _ask(stack, sku)
    shop.send(_document(shop, sku, third))

    assert (refused.status_code, refused.json()["code"]) == (409, "promise_gone")
    assert first["options"][0]["arrive_by"] < third["options"][0]["arrive_by"]
    left = stack.api.get(f"/v1/capacities/{resource}").json()["days"]
    assert [day["left"] for day in left] == [0, 0]
    assert stack.api.post("/v1/promises", _question(sku)).json()["options"] == []


def test_what_if_says_who_would_be_late_and_commits_nothing(shop: Shop, stack: Stack) -> None:
    _deliver(stack)
    sku = shop.item()
    purchase_order = _buy(shop, stack, sku, days=5)
    _, order = _order_on_promise(shop, stack, sku)
    view = order.becomes("captured", "backordered")
    supply = _supply(view["promise"])
    asked = {"skus": [sku], "changes": {"supplies": [{"sku": sku, "id": supply, "removed": True}]}}

    told = stack.api.post("/v1/promises/simulate", asked)

    assert told.status_code == 200, told.text
    assert [each["order_id"] for each in told.json()["orders"]] == [order.id]
    assert stack.api.get(f"/v1/purchase-orders/{purchase_order}").json()["state"] == "confirmed"
    assert order.now()["promise"]["changes"] == []


def test_how_many_can_be_sold_says_by_when_and_why(shop: Shop, stack: Stack) -> None:
    sku = shop.item(3)
    _buy(shop, stack, sku, days=5, quantity=4)
    shop.place(sku).becomes("released")

    answer = stack.api.get("/v1/availability", params={"sku": sku, "channel": WEB})

    (shown,) = answer.json()["availability"]
    assert shown["available"] == 2
    assert [bucket["available"] for bucket in shown["by_date"]] == [2, 6]
    terms = {term["term"]: term["quantity"] for term in shown["why"]}
    assert (terms["on_hand"], terms["reserved"]) == (3, -1)


def _deliver(stack: Stack) -> None:
    service = {
        "name": "Sedex",
        "carrier": "Correios",
        "countries": ["BR"],
        "currency": "BRL",
        "bands": [{"up_to_km": 4000, "days": 2, "cost": "20.00"}],
        "delivers_on": EVERY_DAY,
        "delivers_on_holidays": True,
    }
    answer = stack.api.put("/v1/carrier-services/sedex", service)
    assert answer.status_code == 200, answer.text


def _buy(shop: Shop, stack: Stack, sku: str, *, days: int, quantity: int = 1) -> str:
    """A confirmed purchase order for the warehouse."""
    shop.node(SUPPLIER, "supplier", can_ship=False)
    line = {"sku": sku, "quantity": quantity, "due": _in(days=days)}
    body = {"supplier": SUPPLIER, "node": WAREHOUSE, "lines": [line], "id": f"po-{sku}"}
    created = stack.api.post("/v1/purchase-orders", body)
    assert created.status_code == 201, created.text
    for step, said in (("send", None), ("confirm", {"lines": []})):
        answer = stack.api.post(f"/v1/purchase-orders/{body['id']}/{step}", said)
        assert answer.status_code == 200, answer.text
    return f"po-{sku}"


def _receive(shop: Shop, stack: Stack, sku: str, purchase_order: str) -> httpx.Response:
    body = {
        "id": f"receipt-{sku}",
        "kind": "receipt",
        "sku": sku,
        "node": WAREHOUSE,
        "quantity": 1,
        "purchase_order": purchase_order,
    }
    return stack.api.post("/v1/inventory/movements", body)


def _question(sku: str, channel: str = WEB) -> dict[str, Any]:
    return {
        "channel": channel,
        "ship_to": {
            "country": "BR",
            "region": "SP",
            "city": "São Paulo",
            "postal_code": "01310-100",
            "latitude": -23.5656,
            "longitude": -46.6513,
        },
        "lines": [{"sku": sku, "quantity": 1, "unit_price": PRICE}],
    }


def _ask(stack: Stack, sku: str, channel: str = WEB) -> dict[str, Any]:
    answer = stack.api.post("/v1/promises", _question(sku, channel))
    assert answer.status_code == 201, answer.text
    promise: dict[str, Any] = answer.json()
    return promise


def _document(shop: Shop, sku: str, promise: dict[str, Any], channel: str = WEB) -> dict[str, Any]:
    accepted = {"id": promise["id"], "option": promise["options"][0]["id"]}
    return shop.document(sku, channel=channel, promise=accepted)


def _order_on_promise(
    shop: Shop, stack: Stack, sku: str, channel: str = WEB
) -> tuple[dict[str, Any], Placed]:
    """The option that was accepted, and the order."""
    promise = _ask(stack, sku, channel)
    option: dict[str, Any] = promise["options"][0]
    return option, shop.send(_document(shop, sku, promise, channel))


def _supply(promise: dict[str, Any]) -> str:
    source: str = promise["lines"][0]["source"]
    return source.removeprefix("supply:")


def _in_jeopardy(stack: Stack, severity: str) -> list[str]:
    answer = stack.api.get("/v1/jeopardies", params={"severity": severity})
    assert answer.status_code == 200, answer.text
    return [each["id"] for each in answer.json()["orders"]]


def _in(*, days: int) -> str:
    return rfc3339(datetime.now(UTC) + timedelta(days=days))
