"""Orders of one customer to one address leave a node as one shipment, where the policy says so."""

from typing import Any

import pytest

from tests.e2e.shop import Placed, Shop
from tests.e2e.stack import Stack

CHANNEL = "joined"
CUSTOMER = {"id": "joined-1", "name": "Ana Souza", "email": "joined@example.com"}


@pytest.fixture(scope="module", autouse=True)
def channel_that_merges(shop: Shop, stack: Stack) -> None:
    shop.channel(CHANNEL)
    policy = {
        "name": "Joined",
        "channels": [CHANNEL],
        "merge_orders": True,
        "rules": [{"id": "nearest", "otherwise": ["backorder"]}],
    }
    answer = stack.api.put("/v1/sourcing-policies/e2e-joined", policy)
    assert answer.status_code == 200, answer.text


def test_two_orders_leave_as_one_shipment_and_are_both_done(shop: Shop, stack: Stack) -> None:
    first, second = (_place(shop) for _ in range(2))
    parts = [part for order in (first, second) for part in order.work()]

    found = stack.api.get(f"/v1/fulfillments/{parts[0]}/mergeable").json()["fulfillments"]
    assert parts[1] in [one["id"] for one in found]
    answer = stack.api.post("/v1/shipments", {"fulfillments": parts})
    assert answer.status_code == 200, answer.text
    shipment = answer.json()["id"]
    for part in parts:
        for step in ("accept", "pick", "pack"):
            assert stack.api.post(f"/v1/fulfillments/{part}/{step}").status_code == 200
    number = {"carrier": "correios", "tracking_number": "JOINT-1"}
    assert stack.api.post(f"/v1/fulfillments/{parts[1]}/ship", number).status_code == 200

    view = stack.api.get(f"/v1/shipments/{shipment}").json()
    assert [one["tracking_number"] for one in view["fulfillments"]] == ["JOINT-1", "JOINT-1"]
    assert stack.api.post(f"/v1/fulfillments/{parts[0]}/deliver").status_code == 200
    assert first.becomes("completed")
    assert second.becomes("completed")


def test_what_goes_elsewhere_is_not_joined(shop: Shop, stack: Stack) -> None:
    own = _place(shop)
    other = _place(shop, customer={**CUSTOMER, "id": "joined-2"})
    parts = [part for order in (own, other) for part in order.work()]

    answer = stack.api.post("/v1/shipments", {"fulfillments": parts})

    assert (answer.status_code, answer.json()["code"]) == (409, "not_mergeable")
    for order in (own, other):
        order.cancel()
        assert order.becomes("cancelled")


def _place(shop: Shop, **changes: Any) -> Placed:
    return shop.place(shop.item(1), **{"channel": CHANNEL, "customer": CUSTOMER, **changes})
