"""From capture to the doorstep: what an order leaves behind on the way where nothing goes wrong."""

from tests.e2e.lifecycle import states_entered
from tests.e2e.shop import POP_UP, STORE, WAREHOUSE, Shop
from tests.e2e.stack import Stack, eventually

HAPPY_PATH = (
    "Source",
    "Authorize",
    "PaymentOutcome",
    "Release",
    "AwaitFulfillment",
    "Settle",
    "Completed",
)


def test_an_order_paid_by_card_travels_from_capture_to_completed(shop: Shop) -> None:
    order = shop.place(shop.item(5))

    order.fulfil()

    completed = order.becomes("completed")
    (line,) = completed["lines"]
    assert line["quantities"]["delivered"] == 1 and line["quantities"]["open"] == 0
    assert completed["status"] == "completed"


def test_the_history_says_who_did_what_when_and_why(shop: Shop, stack: Stack) -> None:
    headers = {"x-correlation-id": "checkout-4711"}
    document = shop.document(shop.item(1))
    order = shop.placed(stack.api.post("/v1/orders", document, headers=headers).json())
    order.fulfil()
    order.becomes("completed")

    history = order.history()

    assert [(event["type"], event["by"].partition(":")[2]) for event in history] == [
        ("order_captured", ""),
        ("order_sourced", "reserve"),
        ("payment_authorized", "authorize"),
        ("order_released", "release"),
        ("fulfillment_accepted", ""),
        ("fulfillment_picked", ""),
        ("fulfillment_packed", ""),
        ("fulfillment_shipped", ""),
        ("fulfillment_delivered", ""),
        ("payment_captured", "settle"),
        ("order_completed", "settle"),
    ]
    assert [event["version"] for event in history] == [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 10]
    assert [event["at"] for event in history] == sorted(event["at"] for event in history)
    assert history[0]["by"] == stack.deployment.client_id
    by_the_lifecycle = [event for event in history if event["by"].startswith("lifecycle:")]
    assert {event["correlation_id"] for event in by_the_lifecycle} == {"checkout-4711"}


def test_stock_moves_from_available_to_reserved_to_gone(shop: Shop) -> None:
    sku = shop.item(5)
    order = shop.place(sku)
    order.becomes("released")
    assert shop.stock(sku) == {"on_hand": 5, "reserved": 1, "available": 4}

    order.ship()

    assert shop.stock(sku) == {"on_hand": 4, "reserved": 0, "available": 4}
    moved = [(entry["kind"], entry["on_hand"], entry["reserved"]) for entry in shop.ledger(sku)]
    assert moved == [("receipt", 5, 0), ("reserve", 0, 1), ("ship", -1, -1)]


def test_money_is_held_before_the_parcel_leaves_and_taken_once_it_has_arrived(shop: Shop) -> None:
    order = shop.place(shop.item(1))
    order.ship()
    held = order.now()["payment"]

    for fulfillment in order.now()["fulfillments"]:
        order.step(fulfillment["id"], "deliver")
    taken = order.becomes("completed")["payment"]

    assert (held["authorized"], held["captured"]) == ("50.00", "0.00")
    assert (taken["authorized"], taken["captured"]) == ("50.00", "50.00")


def test_the_customer_is_told_in_portuguese_each_thing_once(shop: Shop) -> None:
    order = shop.place(shop.item(1))
    order.fulfil()
    order.becomes("completed")

    mails = order.is_told("Recebemos o seu pedido", "Seu pedido", "Seu pedido")

    assert {mail["Subject"] for mail in mails} == {
        f"Recebemos o seu pedido {order.number}",
        f"Seu pedido {order.number} está a caminho",
        f"Seu pedido {order.number} foi entregue",
    }


def test_a_customer_who_reads_english_is_told_in_english(shop: Shop) -> None:
    document = shop.document(shop.item(1))
    document["customer"]["locale"] = "en-US"
    order = shop.send(document)
    order.fulfil()

    mails = order.is_told("We have received", "Your order", "Your order")

    assert {mail["Subject"] for mail in mails} == {
        f"We have received your order {order.number}",
        f"Your order {order.number} is on its way",
        f"Your order {order.number} has been delivered",
    }


def test_the_happy_path_takes_at_most_eight_transitions(shop: Shop, stack: Stack) -> None:
    order = shop.place(shop.item(1))
    order.fulfil()

    eventually(lambda: order.execution() == "SUCCEEDED")

    assert tuple(states_entered(stack, order.execution_arn)) == HAPPY_PATH
    assert len(HAPPY_PATH) + 1 <= 8  # the start is a transition too


def test_work_appears_at_the_node_and_leaves_it_with_the_parcel(shop: Shop) -> None:
    order = shop.place(shop.item(1, node=POP_UP))
    (work,) = order.work()

    eventually(lambda: _work_at(shop, POP_UP) == [work])
    order.step(work, "accept")
    eventually(lambda: _work_at(shop, POP_UP, state="accepted") == [work])
    order.ship()

    eventually(lambda: _work_at(shop, POP_UP) == [])


def test_a_new_node_can_be_stocked_and_ships_at_once(shop: Shop) -> None:
    sku = shop.item()
    new = shop.node("santos", city="Santos", latitude=-23.96, longitude=-46.33)
    shop.receive(sku, 1, node=new)

    order = shop.place(sku).becomes("released")

    assert [part["node"] for part in order["fulfillments"]] == [new]


def test_the_nearest_node_that_has_everything_ships_it(shop: Shop) -> None:
    mug, lamp = shop.item(1), shop.item(1)
    for sku in (mug, lamp):
        shop.receive(sku, 1, node=STORE)

    order = shop.place(mug, lamp).becomes("released")

    assert [part["node"] for part in order["fulfillments"]] == [WAREHOUSE]
    assert "nearest of 2" in order["sourcing"]["reason"]


def test_an_order_that_no_node_has_whole_is_delivered_in_two_parcels(shop: Shop) -> None:
    order = shop.place(shop.item(1, node=WAREHOUSE), shop.item(1, node=STORE))
    first, second = order.ship()

    order.step(first, "deliver")
    one_arrived = order.now()
    order.step(second, "deliver")

    assert {part["node"] for part in one_arrived["fulfillments"]} == {WAREHOUSE, STORE}
    assert one_arrived["state"] == "shipped"
    assert order.becomes("completed")["payment"]["captured"] == "90.00"


def test_goods_sold_by_weight_keep_their_decimals(shop: Shop) -> None:
    coffee = shop.item(5, scale=3)
    lines = [{"sku": coffee, "quantity": 1.25, "unit_price": "40.00"}]

    order = shop.place(coffee, lines=lines, total="60.00")

    (line,) = order.becomes("released")["lines"]
    assert line["quantities"]["released"] == 1.25
    assert shop.stock(coffee)["available"] == 3.75


def test_orders_are_found_by_channel_and_by_customer(shop: Shop, stack: Stack) -> None:
    order = shop.place(shop.item(1))

    customer = order.now()["customer"]["id"]
    found = stack.api.get("/v1/orders", params={"customer": customer}).json()["orders"]

    assert [view["id"] for view in found] == [order.id]
    assert order.id in {view["id"] for view in shop.orders_of("web")}


def _work_at(shop: Shop, node: str, **only: str) -> list[str]:
    answer = shop.stack.api.get("/v1/fulfillments", params={"node": node, **only})
    assert answer.status_code == 200, answer.text
    return [work["id"] for work in answer.json()["fulfillments"]]
