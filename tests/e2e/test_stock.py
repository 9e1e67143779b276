"""Orders and stock: who gets it, who waits for it, who goes without."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.e2e.bus import Tap
from tests.e2e.lifecycle import states_entered
from tests.e2e.shop import STORE, WAREHOUSE, Placed, Shop
from tests.e2e.stack import Stack

BUYERS = 60
UNITS = 20
AT_ONCE = 12


@pytest.mark.parametrize("counters", [1, 4])
def test_of_sixty_buyers_for_twenty_units_exactly_twenty_get_one(
    shop: Shop, stack: Stack, counters: int
) -> None:
    sku = shop.item(UNITS)
    _spread(stack, sku, counters)
    documents = [shop.document(sku, on_out_of_stock="cancel") for _ in range(BUYERS)]
    with ThreadPoolExecutor(AT_ONCE) as buyers:
        orders = list(buyers.map(shop.send, documents))

        outcomes = list(buyers.map(_outcome, orders))

    assert outcomes.count("released") == UNITS
    assert outcomes.count("cancelled") == BUYERS - UNITS
    assert shop.stock(sku) == {"on_hand": UNITS, "reserved": UNITS, "available": 0}
    reserved = [entry for entry in shop.ledger(sku) if entry["kind"] == "reserve"]
    winners = [order.id for order, got in zip(orders, outcomes, strict=True) if got == "released"]
    assert sorted(entry["order_id"] for entry in reserved) == sorted(winners)
    assert sum(entry["reserved"] for entry in shop.ledger(sku)) == UNITS


def test_a_backordered_order_is_filled_by_the_next_receipt(shop: Shop) -> None:
    sku = shop.item()
    order = shop.place(sku)
    backordered = order.becomes("captured", "backordered")

    shop.receive(sku, 1)

    assert backordered["lines"][0]["quantities"]["backordered"] == 1
    assert order.becomes("released")["lines"][0]["quantities"]["backordered"] == 0
    assert shop.stock(sku) == {"on_hand": 1, "reserved": 1, "available": 0}


def test_a_backordered_order_holds_nothing_that_others_could_have(shop: Shop) -> None:
    there, missing = shop.item(1), shop.item()
    waiting = shop.place(there, missing)
    waiting.becomes("captured", "backordered")

    served = shop.place(there)

    assert served.becomes("released")
    assert waiting.now()["status"] == "backordered"


def test_of_two_that_wait_the_older_order_is_filled(shop: Shop) -> None:
    sku = shop.item()
    older = shop.place(sku)
    older.awaits("stock")
    younger = shop.place(sku)
    younger.awaits("stock")

    shop.receive(sku, 1)

    assert older.becomes("released")
    assert younger.now()["status"] == "backordered"


def test_stock_that_a_cancelled_order_gives_back_goes_to_who_waits(shop: Shop) -> None:
    sku = shop.item(1)
    holder = shop.place(sku)
    holder.becomes("released")
    waiting = shop.place(sku)
    waiting.awaits("stock")

    holder.cancel()

    assert waiting.becomes("released")
    assert shop.stock(sku) == {"on_hand": 1, "reserved": 1, "available": 0}


def test_an_order_that_would_rather_be_cancelled_is_when_stock_is_out(shop: Shop) -> None:
    order = shop.place(shop.item(), on_out_of_stock="cancel")

    cancelled = order.becomes("cancelled")

    assert cancelled["cancel_reason"] == "out_of_stock"
    assert cancelled["payment"]["authorized"] == "0.00"
    order.is_told("Recebemos o seu pedido", "Seu pedido")


def test_stock_that_cannot_be_shipped_does_not_keep_the_lifecycle_busy(
    shop: Shop, stack: Stack
) -> None:
    sku = shop.item()
    order = shop.place(sku)
    order.awaits("stock")
    shop.receive(sku, 1, node=shop.node("showroom", "store", can_ship=False))

    served = shop.place(shop.item(1))
    served.fulfil()
    served.becomes("completed")

    assert order.now()["status"] == "backordered"
    assert states_entered(stack, order.execution_arn).count("AwaitStock") < 3


def test_an_order_of_more_lines_than_a_transaction_holds_is_reserved_whole(shop: Shop) -> None:
    with ThreadPoolExecutor(4) as people:
        skus = list(people.map(lambda _: shop.item(1), range(34)))
    order = shop.place(*skus)

    released = order.becomes("released")
    order.fulfil()

    assert all(line["quantities"]["released"] == 1 for line in released["lines"])
    assert order.becomes("completed")
    assert (
        shop.stock(skus[0])
        == shop.stock(skus[-1])
        == {
            "on_hand": 0,
            "reserved": 0,
            "available": 0,
        }
    )


def test_low_stock_is_told_on_the_bus_once(shop: Shop, stack: Stack, tap: Tap) -> None:
    sku = shop.item(4)
    thresholds = {"safety_stock": 1, "low_stock_at": 1}
    answer = stack.api.put(f"/v1/inventory/{sku}/nodes/{WAREHOUSE}", thresholds)
    assert answer.status_code == 200, answer.text

    for _ in range(3):
        shop.place(sku).becomes("released")

    told = tap.hears("stock_low", f"{sku}#{WAREHOUSE}")
    assert (told["available"], told["low_stock_at"]) == (1, 1)
    about = [said["detail-type"] for said in tap.about(f"{sku}#{WAREHOUSE}")]
    assert about.count("stock_low") == 1


def test_stock_that_is_held_back_for_safety_is_not_sold(shop: Shop, stack: Stack) -> None:
    sku = shop.item(2, node=STORE)
    stack.api.put(f"/v1/inventory/{sku}/nodes/{STORE}", {"safety_stock": 2})

    order = shop.place(sku, on_out_of_stock="cancel")

    assert order.becomes("cancelled")["cancel_reason"] == "out_of_stock"
    assert shop.stock(sku) == {"on_hand": 2, "reserved": 0, "available": 0}


def test_a_sku_is_spread_and_gathered_while_it_is_sold(shop: Shop, stack: Stack) -> None:
    sku = shop.item(UNITS)
    documents = [shop.document(sku, on_out_of_stock="cancel") for _ in range(UNITS + 4)]
    with ThreadPoolExecutor(AT_ONCE) as buyers:
        placing = [buyers.submit(shop.send, document) for document in documents]
        for counters in (8, 1, 4, 1):
            _spread(stack, sku, counters)

        outcomes = list(buyers.map(_outcome, (placed.result() for placed in placing)))

    assert (outcomes.count("released"), outcomes.count("cancelled")) == (UNITS, 4)
    assert shop.stock(sku) == {"on_hand": UNITS, "reserved": UNITS, "available": 0}


def _spread(stack: Stack, sku: str, counters: int) -> None:
    answer = stack.api.put(f"/v1/inventory/{sku}/nodes/{WAREHOUSE}", {"counters": counters})
    assert answer.status_code == 200, answer.text
    assert answer.json()["counters"] == counters


def _outcome(order: Placed) -> str:
    decided = order.shows(lambda view: view["state"] in ("released", "cancelled"), seconds=60)
    return str(decided["state"])
