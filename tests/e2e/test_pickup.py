"""Collected in a store: from its stock or brought there, paid before or there, or never fetched."""

import re
from datetime import timedelta
from typing import Any

import httpx
import pytest

from oms.kernel.clock import rfc3339, utc_now
from tests.e2e.receiver import Receiver
from tests.e2e.shop import PRICE, WAREHOUSE, Placed, Shop
from tests.e2e.stack import Stack, eventually

COUNTER = "ipanema-counter"
IN_STORE = {"method": "in_store", "provider": "store"}
BY_CHANNEL = {"method": "channel", "provider": "channel", "reference": "MKT-1"}
TELLS = "collecting"


@pytest.fixture(scope="module", autouse=True)
def counter(shop: Shop) -> str:
    place = {"region": "RJ", "city": "Rio de Janeiro", "postal_code": "22410-000"}
    return shop.node(COUNTER, "store", pickup="any", latitude=-22.98, longitude=-43.2, **place)


def collect(shop: Shop, *skus: str, way: str = "pickup", **changes: Any) -> Placed:
    """An order of two of each item, to be collected at the counter."""
    lines = [
        {"sku": sku, "quantity": 2, "unit_price": PRICE, "method": way, "pickup_node": COUNTER}
        for sku in skus
    ]
    total = f"{80 * len(skus)}.00"
    return shop.place(*skus, lines=lines, shipping="0.00", total=total, **changes)


def ready(order: Placed, seconds: float | None = None) -> str:
    """The id of its fulfilment, once it lies ready; for so many ``seconds``, if that is said."""
    (part,) = order.work()
    view = order.now()["fulfillments"][0]
    steps = ("accept", "pick") if view["method"] == "pickup" else ("accept", "pick", "pack", "ship")
    for step in steps:
        answer = order.step(part, step)
        assert answer.status_code == 200, answer.text
    step = "ready" if view["method"] == "pickup" else "arrive"
    body = {"until": rfc3339(utc_now() + timedelta(seconds=seconds))} if seconds else None
    answer = order.stack.api.post(f"/v1/fulfillments/{part}/{step}", body)
    assert answer.status_code == 200, answer.text
    return part


def code_of(order: Placed) -> str:
    """As the customer was told it."""

    def told() -> str | None:
        mails = [mail for mail in order.mails() if "pronto para retirada" in mail["Subject"]]
        found = re.search(r"Seu código: (\d{6})", mails[0]["BodyText"]) if mails else None
        return found.group(1) if found else None

    return eventually(told, otherwise=lambda: [mail["Subject"] for mail in order.mails()])


def hand_over(order: Placed, part: str, **body: Any) -> httpx.Response:
    return order.stack.api.post(f"/v1/fulfillments/{part}/hand-over", body)


def paid(amount: str, receipt: str) -> dict[str, str]:
    return {"amount": amount, "reference": receipt, "tender": "card"}


def put_back(stack: Stack, order: Placed) -> None:
    """The clock finds what nobody fetched."""

    def gone() -> bool:
        stack.aws("lambda").invoke(FunctionName=stack.function("clock"))
        return "fulfillment_uncollected" in order.event_types()

    eventually(gone, seconds=60, every=1)


def test_what_is_in_the_store_is_collected_there_against_the_code(
    shop: Shop, receiver: Receiver
) -> None:
    shop.channel(TELLS, callback_url=receiver.address)
    sku = shop.item(5, node=COUNTER)
    shop.receive(sku, 5, node=WAREHOUSE)
    order = collect(shop, sku, channel=TELLS)

    part = ready(order)
    order.becomes("released", "ready_for_pickup")
    handed = hand_over(order, part, code=code_of(order))

    assert handed.status_code == 200, handed.text
    assert handed.json()["handed_over"]["node"] == COUNTER
    completed = order.becomes("completed")
    assert completed["payment"]["captured"] == "80.00"
    moved = [(entry["kind"], entry["on_hand"]) for entry in shop.ledger(sku, COUNTER)]
    assert moved == [("receipt", 5), ("reserve", 0), ("ship", -2)]
    receiver.hears(order.id, "fulfillment.ready", "fulfillment.handed_over")


def test_a_part_is_collected_and_the_rest_is_declined(shop: Shop) -> None:
    sku = shop.item(2, node=COUNTER)
    order = collect(shop, sku)
    part, code = ready(order), code_of(order)
    some = {"lines": [{"line_id": sku, "quantity": 1}], "hand_over_id": "first"}

    handed = hand_over(order, part, code=code, decline_rest=True, **some)
    again = hand_over(order, part, code=code, decline_rest=True, **some)

    assert handed.status_code == 200 and again.json() == handed.json(), handed.text
    completed = order.becomes("completed")
    assert completed["payment"]["captured"] == "40.00"
    (line,) = completed["lines"]
    assert (line["quantities"]["delivered"], line["quantities"]["cancelled"]) == (1, 1)
    assert shop.stock(sku) == {"on_hand": 1, "reserved": 0, "available": 1}


def test_who_guesses_is_heard_five_times(shop: Shop) -> None:
    order = collect(shop, shop.item(2, node=COUNTER))
    part, code = ready(order), code_of(order)
    guess = str((int(code) + 1) % 1_000_000).rjust(6, "0")

    told = [hand_over(order, part, code=guess) for _ in range(5)]
    refused = [hand_over(order, part, code=one) for one in (guess, code)]

    assert {(answer.status_code, answer.json()["code"]) for answer in told} == {
        (403, "wrong_pickup_code")
    }
    assert {(answer.status_code, answer.json()["code"]) for answer in refused} == {
        (429, "too_many_attempts")
    }
    order.cancel()
    order.becomes("cancelled")


def test_what_was_reserved_is_paid_at_the_till(shop: Shop) -> None:
    order = collect(shop, shop.item(2, node=COUNTER), payment=IN_STORE)
    part, code = ready(order), code_of(order)

    unpaid = hand_over(order, part, code=code)
    handed = hand_over(order, part, code=code, payment=paid("80.00", "T-1"))

    assert (unpaid.status_code, unpaid.json()["due"]) == (422, "80.00")
    assert handed.status_code == 200, handed.text
    completed = order.becomes("completed")
    assert completed["payment"]["captured"] == "80.00"
    types = order.event_types()
    assert "payment_deferred" in types and "payment_captured" not in types


def test_what_the_store_lacks_is_brought_there_and_collected(shop: Shop, stack: Stack) -> None:
    sku = shop.item(2, node=WAREHOUSE)
    order = collect(shop, sku, way="ship_to_store")
    (part,) = order.work()
    assert order.now()["fulfillments"][0]["node"] == WAREHOUSE
    for step in ("accept", "pick", "pack", "ship"):
        order.step(part, step)
    eventually(lambda: part in _listed(stack, state="shipped"))

    arrived = stack.api.post(f"/v1/fulfillments/{part}/arrive")

    assert arrived.status_code == 200, arrived.text
    order.becomes("shipped", "ready_for_pickup")
    eventually(lambda: part in _listed(stack, state="ready"))
    assert hand_over(order, part, code=code_of(order)).status_code == 200
    order.becomes("completed")
    eventually(lambda: part not in _listed(stack))
    assert shop.stock(sku)["on_hand"] == 0


def test_what_nobody_collects_goes_back_into_stock_and_is_refunded(
    shop: Shop, stack: Stack
) -> None:
    sku = shop.item(2, node=COUNTER)
    order = collect(shop, sku, payment={**BY_CHANNEL, "collected": "80.00"})
    ready(order, seconds=5)

    put_back(stack, order)

    order.becomes("cancelled", "refunded")
    assert shop.stock(sku) == {"on_hand": 2, "reserved": 0, "available": 2}
    subjects = [mail["Subject"] for mail in order.mails()]
    assert any("não foi retirado" in subject for subject in subjects), subjects


def test_what_was_brought_and_nobody_collects_becomes_the_stores_stock(
    shop: Shop, stack: Stack
) -> None:
    sku = shop.item(2, node=WAREHOUSE)
    order = collect(shop, sku, way="ship_to_store", payment=IN_STORE)
    ready(order, seconds=5)

    put_back(stack, order)

    order.becomes("cancelled", "cancelled")
    moved = [(entry["kind"], entry["on_hand"]) for entry in shop.ledger(sku, COUNTER)]
    assert moved == [("receipt", 2)]
    assert shop.stock(sku) == {"on_hand": 2, "reserved": 0, "available": 2}


def test_of_what_was_collected_in_part_the_rest_is_refunded_in_time(
    shop: Shop, stack: Stack
) -> None:
    sku = shop.item(2, node=COUNTER)
    order = collect(shop, sku, payment={**BY_CHANNEL, "collected": "80.00"})
    part = ready(order, seconds=8)
    some = {"lines": [{"line_id": sku, "quantity": 1}], "hand_over_id": "first"}
    assert hand_over(order, part, code=code_of(order), **some).status_code == 200

    put_back(stack, order)

    completed = order.becomes("completed", "refunded")
    assert completed["payment"]["refunded"] == "40.00"
    assert shop.stock(sku) == {"on_hand": 1, "reserved": 0, "available": 1}


def test_an_order_is_changed_at_the_counter_and_the_difference_paid(
    shop: Shop, stack: Stack
) -> None:
    sku, hat = shop.item(2, node=COUNTER), shop.item(3, node=COUNTER)
    order = collect(shop, sku)
    part, code = ready(order), code_of(order)
    change = {
        "change_id": "swap",
        "add": [{"sku": hat, "quantity": 1, "unit_price": "55.00"}],
        "remove": [{"line_id": sku, "quantity": 1}],
    }
    path = f"/v1/fulfillments/{part}/counter-change"

    asked = stack.api.post(path, change)
    changed = stack.api.post(path, {**change, "payment": paid("15.00", "T-9")})

    assert (asked.status_code, asked.json()["due"]) == (422, "15.00")
    assert changed.status_code == 200, changed.text
    assert hand_over(order, part, code=code).status_code == 200
    completed = order.becomes("completed")
    assert completed["due"] == completed["payment"]["captured"] == "95.00"
    assert [line["sku"] for line in completed["lines"]] == [sku, hat]
    assert shop.stock(hat)["on_hand"] == 2
    assert shop.stock(sku) == {"on_hand": 1, "reserved": 0, "available": 1}


def test_what_a_till_sells_is_sent_from_wherever_it_is(shop: Shop) -> None:
    """The endless aisle: the store has none of it."""
    order = shop.place(shop.item(1, node=WAREHOUSE), sold_at=COUNTER, tags=["till"])

    released = order.becomes("released")

    assert released["sold_at"] == COUNTER
    assert [part["node"] for part in released["fulfillments"]] == [WAREHOUSE]
    order.fulfil()
    order.becomes("completed")


def _listed(stack: Stack, **only: str) -> list[str]:
    answer = stack.api.get("/v1/fulfillments", params={"node": COUNTER, "limit": "50", **only})
    assert answer.status_code == 200, answer.text
    return [work["id"] for work in answer.json()["fulfillments"]]
