"""Returns, exchanges and claims, over HTTP on the deployed stack, paid at localstripe."""

from typing import Any

import httpx

from tests.e2e.provider import Provider, by_stripe
from tests.e2e.shop import STORE, WAREHOUSE, Placed, Shop
from tests.e2e.stack import eventually


def completed(shop: Shop, sku: str, quantity: int, provider: Provider) -> Placed:
    document = shop.document(sku, payment=by_stripe(provider.card()))
    document["lines"][0]["quantity"] = quantity
    order = shop.send(document | {"total": f"{40 * quantity + 10}.00"})
    order.fulfil()
    order.becomes("completed")
    return order


def asked(order: Placed, sku: str, quantity: int, **more: Any) -> dict[str, Any]:
    lines = [{"line_id": sku, "quantity": quantity}]
    answer = order.stack.api.post(f"{order.path}/returns", {"lines": lines, **more})
    assert answer.status_code == 201, answer.text
    view: dict[str, Any] = answer.json()
    return view


def step(order: Placed, returned: str, name: str, body: Any = None) -> httpx.Response:
    return order.stack.api.post(f"/v1/returns/{returned}/{name}", body)


def comes_back(order: Placed, returned: str, node: str = STORE) -> None:
    receipt = {"receipt_id": f"{returned}-1", "node": node}
    answer = step(order, returned, "receive", receipt)
    assert answer.status_code == 200, answer.text


def is_inspected(
    order: Placed, returned: str, dispositions: dict[str, dict[str, int]], node: str = STORE
) -> None:
    lines = [{"line_id": sku, "dispositions": found} for sku, found in dispositions.items()]
    body = {"inspection_id": f"{returned}-1", "node": node, "lines": lines}
    answer = step(order, returned, "inspect", body)
    assert answer.status_code == 200, answer.text


def refunded_at_stripe(provider: Provider, order: Placed) -> int:
    (intent,) = provider.charges_of(order.id)
    made = provider.client.v1.refunds.list({"payment_intent": intent.id, "limit": 100})
    return sum(refund.amount for refund in made.data)


def test_a_return_has_a_label_and_its_money_goes_back_at_stripe_once(
    shop: Shop, provider: Provider
) -> None:
    sku = shop.item(2)
    order = completed(shop, sku, 2, provider)
    returned = asked(order, sku, 1)["id"]

    for _ in range(2):
        comes_back(order, returned)
        is_inspected(order, returned, {sku: {"restock": 1}})

    order.shows(lambda view: view["payment"]["refunded"] == "40.00")
    assert refunded_at_stripe(provider, order) == 4000
    assert step(order, returned, "cancel").json()["code"] == "illegal_transition"
    eventually(lambda: shop.stock(sku)["available"] == 1)


def test_a_policy_keeps_what_may_not_come_back_and_asks_a_person_about_what_is_dear(
    shop: Shop, provider: Provider
) -> None:
    kept, dear = shop.item(1), shop.item(2)
    policy = {
        "channels": ["web"],
        "window_days": 30,
        "non_returnable_skus": [kept],
        "approval_above": [{"amount": "70.00", "currency": "BRL"}],
    }
    put = shop.stack.api.put("/v1/return-policies/web", policy)
    assert put.status_code in (200, 201), put.text
    try:
        unwanted = completed(shop, kept, 1, provider)
        lines = [{"line_id": kept, "quantity": 1}]
        refused = unwanted.stack.api.post(f"{unwanted.path}/returns", {"lines": lines})
        assert (refused.status_code, refused.json()["code"]) == (409, "not_returnable")

        order = completed(shop, dear, 2, provider)
        waiting = asked(order, dear, 2)
        assert waiting["state"] == "requested"
        early = step(order, waiting["id"], "receive", {"receipt_id": "early", "node": STORE})
        assert (early.status_code, early.json()["code"]) == (409, "illegal_transition")
        assert "approve" in early.json()["allowed"]
        assert step(order, waiting["id"], "approve").json()["state"] == "approved"
    finally:
        shop.stack.api.put("/v1/return-policies/web", {"channels": ["web"], "window_days": 30})


def test_what_comes_back_can_be_store_credit_that_pays_the_next_order(
    shop: Shop, provider: Provider
) -> None:
    sku = shop.item(3)
    order = completed(shop, sku, 1, provider)
    returned = asked(order, sku, 1, resolution="store_credit")["id"]
    comes_back(order, returned, WAREHOUSE)
    is_inspected(order, returned, {sku: {"restock": 1}}, WAREHOUSE)
    order.shows(lambda view: view["payment"]["refunded"] == "40.00")
    assert refunded_at_stripe(provider, order) == 0

    customer = order.now()["customer"]
    (account,) = shop.stack.api.get("/v1/accounts", params={"customer": customer["id"]}).json()[
        "accounts"
    ]
    assert account["balance"] == "40.00"
    credit = {"method": "store_credit", "provider": "store_credit", "token": account["id"]}
    document = shop.document(
        sku, payments=[{**credit, "amount": "40.00"}, by_stripe(provider.card())]
    )
    del document["payment"]
    second = shop.send(document | {"customer": document["customer"] | {"id": customer["id"]}})
    second.fulfil()
    assert [one["captured"] for one in second.becomes("completed")["payments"]] == [
        "40.00",
        "10.00",
    ]


def test_an_exchange_after_two_edits_collects_the_difference_once(
    shop: Shop, provider: Provider
) -> None:
    sku, dearer = shop.item(1), shop.item(1)
    order = completed(shop, sku, 1, provider)
    returned = asked(order, sku, 1, resolution="exchange")["id"]
    api = order.stack.api
    for price in ("45.00", "55.00"):
        lines = [{"sku": dearer, "quantity": 1, "unit_price": price}]
        drafted = api.put(f"/v1/returns/{returned}/exchange", {"lines": lines})
        assert drafted.status_code == 200, drafted.text
    assert drafted.json()["quote"]["collect"] == "15.00"
    comes_back(order, returned)
    is_inspected(order, returned, {sku: {"restock": 1}})

    confirm = {"payments": [by_stripe(provider.card())]}
    first, second = (step(order, returned, "exchange/confirm", confirm) for _ in range(2))

    assert {first.status_code, second.status_code} <= {200, 201}, first.text + second.text
    new_id = second.json()["exchange"]["order_id"]
    new = Placed(order.stack, new_id, "exchange", order.email)
    new.fulfil()
    done = new.becomes("completed")
    assert [one["captured"] for one in done["payments"]] == ["40.00", "15.00"]
    (intent,) = provider.charges_of(new_id)
    assert (intent.amount, intent.status) == (1500, "succeeded")
    assert refunded_at_stripe(provider, order) == 0
    assert order.now()["payment"]["charge_status"] == "full"


def test_a_claim_is_replaced_free_of_charge(shop: Shop, provider: Provider) -> None:
    sku = shop.item(2)
    order = completed(shop, sku, 1, provider)
    api = order.stack.api
    claim = {"lines": [{"line_id": sku, "quantity": 1}], "want": "replace", "goods": "keep"}
    made = api.post(f"{order.path}/claims", claim)
    assert made.status_code == 201, made.text
    again = api.post(f"{order.path}/claims", claim)
    assert (again.status_code, again.json()["code"]) == (409, "above_delivered")
    claimed = made.json()["id"]
    if made.json()["state"] == "requested":
        assert step(order, claimed, "approve").status_code == 200

    confirmed = step(order, claimed, "exchange/confirm", {})

    assert confirmed.status_code in (200, 201), confirmed.text
    new = Placed(order.stack, confirmed.json()["exchange"]["order_id"], "claim", order.email)
    new.fulfil()
    new.becomes("completed")
    assert provider.charges_of(new.id) == []
    assert shop.stock(sku)["on_hand"] == 0


def test_goods_without_a_receipt_become_store_credit_and_are_sold_again(shop: Shop) -> None:
    sku = shop.item()
    handed_in = {
        "return_key": f"no-receipt-{sku}",
        "node": STORE,
        "customer": f"customer-{sku}",
        "currency": "BRL",
        "items": [{"sku": sku, "quantity": 1, "amount": "25.00"}],
    }
    policy = {
        "channels": ["web"],
        "window_days": 30,
        "without_receipt": [{"amount": "100.00", "currency": "BRL"}],
    }
    put = shop.stack.api.put("/v1/return-policies/web", policy)
    assert put.status_code in (200, 201), put.text
    answers = [
        shop.stack.api.post("/v1/returns", {**handed_in, "channel": "web"}) for _ in range(2)
    ]

    assert [answer.status_code for answer in answers] == [201, 200], answers[0].text
    assert shop.stock(sku)["available"] == 1
    account = shop.stack.api.get(f"/v1/accounts/{answers[0].json()['account']}").json()
    assert account["balance"] == "25.00"
