"""Money and goods that go back, over HTTP on the deployed stack."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx

from tests.e2e.shop import STORE, Placed, Shop, card
from tests.e2e.stack import eventually

GOOD = "4242424242424242"


def completed(shop: Shop, *skus: str, **changes: Any) -> Placed:
    order = shop.place(*skus, **changes)
    order.fulfil()
    order.becomes("completed")
    return order


def of_units(shop: Shop, sku: str, quantity: int, **changes: Any) -> dict[str, Any]:
    lines = [{"sku": sku, "quantity": quantity, "unit_price": "40.00"}]
    return shop.document(sku, lines=lines, total=f"{40 * quantity + 10}.00", **changes)


def ask(order: Placed, key: str, **refund: Any) -> httpx.Response:
    return order.stack.api.post(f"{order.path}/refunds", {"refund_key": key, **refund})


def test_a_suggestion_respects_the_discount_and_the_rest_of_the_line(shop: Shop) -> None:
    sku = shop.item(3)
    document = of_units(shop, sku, 3)
    document |= {"discount": "10.00", "total": "120.00"}
    order = shop.send(document)
    order.fulfil()
    order.becomes("completed")

    suggested = order.stack.api.post(
        f"{order.path}/refunds/suggest", {"lines": [{"line_id": sku, "quantity": 1}]}
    ).json()
    assert (suggested["amount"], suggested["refundable"]) == ("36.67", "120.00")
    for key, amount in (("a", "36.67"), ("b", "36.66"), ("c", "36.67")):
        answer = ask(order, key, lines=[{"line_id": sku, "quantity": 1}])
        assert answer.json()["amount"] == amount, answer.text

    shown = order.shows(lambda view: view["payment"]["refunded"] == "110.00")
    assert shown["payment"]["refundable"] == "10.00"
    assert shown["payment"]["charge_status"] == "full"


def test_of_ten_refunds_at_once_no_more_goes_back_than_was_taken(shop: Shop) -> None:
    order = completed(shop, shop.item(1))

    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda n: ask(order, f"at-once-{n}", goodwill="20.00"), range(10)))

    taken = [answer for answer in answers if answer.status_code in (200, 201)]
    refused = [answer.json()["code"] for answer in answers if answer not in taken]
    assert len(taken) == 2
    assert set(refused) <= {"refund_above_captured", "version_conflict"}
    shown = order.shows(lambda view: view["payment"]["refunded"] == "40.00")
    assert shown["payment"]["captured"] == "50.00"


def test_a_refund_asked_for_twice_goes_back_once_and_is_told_once(shop: Shop) -> None:
    order = completed(shop, shop.item(1))

    first, second = (ask(order, "twice", goodwill="5.00") for _ in range(2))

    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json()["id"] == second.json()["id"]
    other = ask(order, "twice", goodwill="6.00")
    assert other.status_code == 409
    order.shows(lambda view: view["payment"]["refunded"] == "5.00")
    order.is_told("Recebemos o seu pedido", "Seu pedido", "Seu pedido", "Devolvemos")


def test_what_was_paid_by_gift_card_and_card_goes_back_to_the_card_first(shop: Shop) -> None:
    opened = shop.stack.api.post(
        "/v1/accounts", {"kind": "gift_card", "currency": "BRL", "amount": "30.00", "key": "gc-1"}
    )
    assert opened.status_code == 201, opened.text
    payments = [
        {
            "method": "gift_card",
            "provider": "gift_card",
            "token": opened.json()["code"],
            "amount": "30.00",
        },
        card(GOOD),
    ]
    document = shop.document(shop.item(1), payments=payments)
    del document["payment"]
    order = shop.send(document)
    order.fulfil()
    done = order.becomes("completed")
    assert [one["captured"] for one in done["payments"]] == ["30.00", "20.00"]

    assert ask(order, "both", goodwill="25.00").status_code == 201

    shown = order.shows(lambda view: view["payment"]["refunded"] == "25.00")
    assert [one["refunded"] for one in shown["payments"]] == ["5.00", "20.00"]
    account = shop.stack.api.get(f"/v1/accounts/{opened.json()['id']}").json()
    assert account["balance"] == "5.00"


def test_what_comes_back_is_received_anywhere_restocked_there_and_refunded(shop: Shop) -> None:
    sku = shop.item(3)
    order = shop.send(of_units(shop, sku, 3))
    order.fulfil()
    order.becomes("completed")
    api = order.stack.api

    asked = api.post(
        f"{order.path}/returns",
        {"lines": [{"line_id": sku, "quantity": 2, "reason": "too_big"}]},
        headers={"Idempotency-Key": "return-1"},
    )
    assert asked.status_code == 201, asked.text
    path = f"/v1/returns/{asked.json()['id']}"
    too_much = api.post(f"{order.path}/returns", {"lines": [{"line_id": sku, "quantity": 2}]})
    assert too_much.status_code == 409, too_much.text

    for number in (1, 2, 2):
        received = api.post(
            f"{path}/receive",
            {
                "receipt_id": f"r-{number}",
                "node": STORE,
                "lines": [{"line_id": sku, "quantity": 1}],
            },
        )
        assert received.status_code == 200, received.text
    inspected = api.post(
        f"{path}/inspect",
        {
            "inspection_id": "i-1",
            "node": STORE,
            "lines": [{"line_id": sku, "dispositions": {"restock": 1, "damaged": 1}}],
        },
    )
    assert inspected.status_code == 200, inspected.text

    shown = order.shows(lambda view: view["payment"]["refunded"] == "80.00")
    assert shown["lines"][0]["quantities"]["returned"] == 2
    eventually(lambda: shop.stock(sku)["available"] == 1)
    returned = [entry["on_hand"] for entry in shop.ledger(sku, STORE) if entry["on_hand"]]
    assert returned == [1]
