"""What lies ready goes back into stock, whoever comes meanwhile, and however much it is."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from oms.aws.pickup_store import PickupStore
from oms.catalog.model import Item
from oms.fulfillment import pickup
from oms.inventory.position import ShareRule
from oms.kernel.clock import utc_now
from oms.kernel.events import Cause
from oms.orders import decisions, fulfillment, paying
from oms.orders.model import Allocation, FulfillmentState, Method, Order
from oms.orders.needs import needs_of
from tests.integration.fulfillment.counter import Counter
from tests.integration.world import RJ, SP, World
from tests.samples import CAUSE, content, line


def expire(oms: World, pickups: PickupStore) -> int:
    at = pickup.Counter(oms.orders, oms.stock, pickups)
    cause = Cause(utc_now() + timedelta(days=8), "clock", "not_collected")
    return pickup.expire_overdue(at, cause, 50)


def put_back_units(order: Order) -> dict[str, int]:
    """By line, of what was not collected."""
    units: dict[str, int] = {}
    for part in order.progress.fulfillments:
        if part.state is FulfillmentState.UNCOLLECTED:
            for line_id, quantity in part.units.items():
                units[line_id] = units.get(line_id, 0) + quantity
    return units


def test_who_comes_at_the_last_moment_for_a_part_leaves_the_rest_to_be_put_back(
    oms: World, store: Counter, pickups: PickupStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    part = store.ready(order := store.order(line("MUG", 3)))
    commit, came = oms.orders.commit, list[int]()

    def a_customer_is_faster(order: Order, events: Any, cause: Cause, also: Any = ()) -> Order:
        if not came:
            came.append(1)
            taken = [{"line_id": "MUG", "quantity": 1}]
            assert store.hand_over(part, lines=taken, hand_over_id="h1")[0] == 200
        return commit(order, events, cause, also)

    monkeypatch.setattr(oms.orders, "commit", a_customer_is_faster)
    assert expire(oms, pickups) == 1

    assert put_back_units(store.now(order)) == {"MUG": 2}
    assert oms.balance("MUG", RJ).available == 2
    assert oms.ledger("MUG", RJ) == (2, 0)


def many_lines(oms: World, skus: Sequence[str], each: int) -> list[Any]:
    for sku in skus:
        oms.catalog.put_item(replace(oms.catalog.items({"MUG"})["MUG"], sku=sku))
    return [line(sku, line_id=f"{sku}-{number}") for number in range(each) for sku in skus]


def test_many_lines_of_few_items_become_the_stores_stock_each_once(
    oms: World, store: Counter, pickups: PickupStore
) -> None:
    skus = [f"SKU-{number}" for number in range(20)]
    store.ready(order := store.order(*many_lines(oms, skus, 2), node=SP))

    assert expire(oms, pickups) == 1

    assert store.now(order).cancel_requested
    assert {oms.balance(sku, RJ).on_hand for sku in skus} == {2}


def test_lines_of_which_channels_have_shares_are_put_back_fewer_at_a_time(
    oms: World, store: Counter, pickups: PickupStore
) -> None:
    skus = [f"SKU-{number}" for number in range(20)]
    lines = [replace(one, quantity=4) for one in many_lines(oms, skus, 1)]
    rules = [
        ShareRule("web", share=Decimal(0), borrows_from=("app", "tills")),
        *(ShareRule(channel, share=Decimal("0.5")) for channel in ("app", "tills")),
    ]
    for sku in skus:
        oms.receive(sku, 4, RJ)
        oms.stock.shares.put_rules(sku, rules, 4, CAUSE)
    store.ready(order := store.order(*lines))

    assert expire(oms, pickups) == 1

    assert store.now(order).cancel_requested
    assert {oms.balance(sku, RJ).reserved for sku in skus} == {0}
    told = [event.type for event in oms.orders.history(order.order_id)]
    assert told.count("fulfillment_uncollected") > 1


def test_what_was_made_has_used_up_its_components(
    oms: World, store: Counter, pickups: PickupStore
) -> None:
    oms.catalog.put_item(Item("CAKE", "Cake"))
    oms.receive("MUG", 4, RJ)
    cake = replace(line("CAKE", 1), method=Method.PICKUP, pickup_node=RJ.id)
    held = (
        Allocation("CAKE", "CAKE", RJ.id, 1, tracked=False, make=True),
        Allocation("CAKE", "MUG", RJ.id, 3, make=True, component=True),
    )
    order = oms.capture(content(cake))
    order = oms.orders.commit(
        order,
        decisions.source(order, held, "rule", "why"),
        CAUSE,
        oms.stock.reserve(needs_of(held), order.order_id, CAUSE),
    )
    paid = paying.authorize_payment(order, order.due.minor, "ref", "key")
    oms.orders.commit(order, paid, CAUSE)
    part = store.ready(fulfillment.release(order.order_id, oms.orders, CAUSE))

    assert expire(oms, pickups) == 1

    (made,) = store.now(order).progress.fulfillments
    assert (made.id, made.state) == (part, FulfillmentState.UNCOLLECTED)
    assert oms.ledger("MUG", RJ) == (1, 0)
