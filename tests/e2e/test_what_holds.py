"""What must hold at all times, looked at after all that the other tests did to their orders."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import pytest

from tests.e2e.shop import WEB, Placed, Shop
from tests.e2e.stack import eventually

HISTORIES = 60
FINAL = ("completed", "cancelled")


@pytest.fixture(scope="module")
def orders(shop: Shop) -> list[dict[str, Any]]:
    return list(_all_orders(shop))


def test_no_more_is_refunded_than_captured_nor_captured_than_authorised(
    orders: list[dict[str, Any]],
) -> None:
    for order in orders:
        paid = {name: Decimal(order["payment"][name]) for name in _AMOUNTS}
        assert paid["refunded"] <= paid["captured"] <= paid["authorized"], order
        assert paid["captured"] + paid["voided"] <= paid["authorized"], order
        # Who pays twice has it all recorded, and gets back what nobody owes.
        asked = max(Decimal(order["total"]), Decimal(order["due"]))
        assert Decimal(order["payment"]["refundable"]) <= asked, order


def test_what_a_final_order_keeps_is_what_was_delivered(orders: list[dict[str, Any]]) -> None:
    for order in orders:
        kept = Decimal(order["payment"]["captured"]) - Decimal(order["payment"]["refunded"])
        if order["state"] == "completed":
            assert kept == Decimal(order["due"]), order
        if order["state"] == "cancelled" and order["status"] != "refund_failed":
            assert kept == 0, order


def test_every_unit_that_was_ordered_is_in_one_place(orders: list[dict[str, Any]]) -> None:
    for order in orders:
        for line in order["lines"]:
            counted = Counter(line["quantities"])
            ordered = counted.pop("ordered")
            assert sum(counted.values()) == ordered, order
            assert min(counted.values()) >= 0, order


def test_what_is_reserved_is_what_live_orders_hold(shop: Shop) -> None:
    def differences() -> dict[str, tuple[float, float]]:
        held: Counter[str] = Counter()
        for order in _all_orders(shop):
            for line in order["lines"]:
                held[line["sku"]] += line["quantities"]["reserved"] + line["quantities"]["released"]
        with ThreadPoolExecutor(4) as readers:
            stock = dict(zip(held, readers.map(shop.stock, held), strict=True))
        return {
            sku: (units, stock[sku]["reserved"])
            for sku, units in held.items()
            if units != stock[sku]["reserved"]
        }

    eventually(lambda: not differences(), otherwise=differences)


def test_a_history_has_no_gap_and_tells_the_order_as_it_is(
    shop: Shop, orders: list[dict[str, Any]]
) -> None:
    ended = [shop.placed(order) for order in orders if order["state"] in FINAL][:HISTORIES]
    with ThreadPoolExecutor(4) as readers:
        histories = list(readers.map(Placed.history, ended))

    for order, history in zip(ended, histories, strict=True):
        versions = list(dict.fromkeys(event["version"] for event in history))
        assert versions == list(range(1, len(versions) + 1)), order.id
        told = {event["type"] for event in history}
        assert told & {"order_completed", "order_cancelled"}, order.id


_AMOUNTS = ("authorized", "captured", "voided", "refunded")


def _all_orders(shop: Shop) -> Iterator[dict[str, Any]]:
    query = {"channel": WEB, "limit": "50"}
    while True:
        page = shop.stack.api.get("/v1/orders", params=query).json()
        yield from page["orders"]
        if not page["next_cursor"]:
            return
        query["cursor"] = page["next_cursor"]
