"""Baskets: units held until a moment, to the second, and then for whoever comes."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from uuid import uuid4

import httpx

from oms.kernel.clock import parse_rfc3339
from tests.e2e.shop import WEB, Shop
from tests.e2e.stack import Stack, eventually

BASKETS = 60
UNITS = 20
AT_ONCE = 12


def test_what_a_basket_holds_is_free_again_at_the_very_moment_it_expires(
    shop: Shop, stack: Stack
) -> None:
    sku = shop.item(1)
    held = _hold(stack, sku, seconds=4)
    expires_at = parse_rfc3339(held.json()["expires_at"])
    refused = _hold(stack, sku)
    in_time = datetime.now(UTC) < expires_at

    eventually(lambda: datetime.now(UTC) >= expires_at, every=0.005)
    order = shop.place(sku, on_out_of_stock="cancel")
    extended = stack.api.post(f"{_path(held)}/extend", {"seconds": 60})

    assert in_time
    assert (refused.status_code, refused.json()["code"]) == (409, "insufficient_stock")
    assert (extended.status_code, extended.json()["code"]) == (409, "reservation_expired")
    assert order.becomes("released")
    assert shop.stock(sku) == {"on_hand": 1, "reserved": 1, "available": 0}


def test_an_order_has_what_its_basket_held_when_nothing_else_is_left(
    shop: Shop, stack: Stack
) -> None:
    sku = shop.item(1)
    held = _hold(stack, sku, seconds=600).json()
    outrun = shop.place(sku, on_out_of_stock="cancel")
    outrun.becomes("cancelled")

    order = shop.place(sku, reservation=held["id"])

    assert order.becomes("released")["sourcing"]["rule"] == "reservation"
    order.fulfil()
    assert order.becomes("completed")
    assert shop.stock(sku) == {"on_hand": 0, "reserved": 0, "available": 0}


def test_of_sixty_baskets_for_twenty_units_twenty_hold_one(shop: Shop, stack: Stack) -> None:
    sku = shop.item(UNITS)
    with ThreadPoolExecutor(AT_ONCE) as baskets:
        answers = list(baskets.map(lambda _: _hold(stack, sku, seconds=600), range(BASKETS)))

        assert sum(answer.status_code == 201 for answer in answers) == UNITS
        assert shop.stock(sku) == {"on_hand": UNITS, "reserved": UNITS, "available": 0}

        held = [_path(answer) for answer in answers if answer.status_code == 201]
        let_go = list(baskets.map(lambda path: stack.api.post(f"{path}/release"), held))
    assert {answer.status_code for answer in let_go} == {200}
    assert shop.stock(sku) == {"on_hand": UNITS, "reserved": 0, "available": UNITS}


def _hold(stack: Stack, sku: str, seconds: int = 60) -> httpx.Response:
    return stack.api.post(
        "/v1/reservations",
        {
            "id": f"basket-{uuid4().hex}",
            "channel": WEB,
            "seconds": seconds,
            "lines": [{"sku": sku, "quantity": 1}],
        },
    )


def _path(held: httpx.Response) -> str:
    return f"/v1/reservations/{held.json()['id']}"
