"""What is promised from a shelf is reserved with the order that is captured on it, or there is no
order."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from oms.aws.policy_store import PolicyStore
from oms.aws.reservation_store import ReservationStore
from oms.aws.stock_audit import audit
from oms.catalog.model import Channel, Item
from oms.inventory import reservations
from oms.inventory.baskets import Wanted
from oms.inventory.model import MovementKind
from oms.inventory.policy import SellingPolicy
from oms.inventory.position import ShareRule
from oms.inventory.reservations import Basket
from oms.kernel.errors import Backordered, Conflict, NotFound, TooLarge
from oms.kernel.ids import order_id
from oms.orders.model import State
from oms.orders.store import Captured
from oms.promising import keeping
from tests.integration.promising.desk import Desk, from_supply, part
from tests.integration.world import RJ
from tests.samples import CAUSE, NOW, content, line


def reserved(desk: Desk, sku: str = "MUG") -> int:
    return desk.oms.balance(sku).reserved


def is_gone(desk: Desk, promise: str, number: str = "1", quantity: int = 1, **more: Any) -> bool:
    """Refused, and nothing of it is there."""
    before = len(desk.rows())
    with pytest.raises(Conflict) as caught:
        desk.capture(promise, quantity, number=number, **more)
    with pytest.raises(NotFound):
        desk.oms.orders.load(order_id("web", f"id:{number}"))
    assert len(desk.rows()) == before
    assert desk.demand.accepted_by(promise) == ""
    return caught.value.problem_code == "promise_gone"


def test_its_stock_is_reserved_with_the_capture(desk: Desk) -> None:
    desk.oms.receive("MUG", 3)
    order = desk.promised(part(quantity=2))
    assert desk.types(order) == ["order_captured", "order_sourced"]
    assert desk.oms.orders.history(order.order_id)[1].data["promised"] is True
    assert (order.state, order.progress.sourcing_rule) == (State.SOURCED, "promised_nodes")
    assert reserved(desk) == 2
    assert desk.rows()[0].reserved
    assert audit(desk.oms.client, "inventory")[1] == []


def test_its_lifecycle_finds_it_sourced_and_keeps_what_it_has(desk: Desk) -> None:
    desk.oms.receive("MUG", 3)
    order = desk.promised(part(quantity=2))
    assert desk.reserve(order) == order
    keeping.stock_is_held(order.order_id, desk.keeper, CAUSE)
    assert desk.rows()[0].held
    assert reserved(desk) == 2


def test_of_two_who_were_promised_the_last_unit_one_has_it(desk: Desk) -> None:
    desk.oms.receive("MUG", 1)
    first, second = (desk.offer(number=number) for number in "12")
    assert desk.capture(first).created
    assert is_gone(desk, second, "2")
    assert reserved(desk) == 1


@pytest.mark.parametrize(("there", "is_kept"), [(1, False), (2, True)])
def test_whose_stock_goes_between_the_look_and_the_capture_looks_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, there: int, is_kept: bool
) -> None:
    desk.oms.receive("MUG", there)
    promise, add, taken = desk.offer(), desk.oms.orders.add, list[str]()

    def add_after_another(*args: Any, **more: Any) -> Captured:
        if not taken:
            taken.append("one")
            desk.oms.move("MUG", -1, MovementKind.ADJUSTMENT)
            desk.oms.move("MUG", 1, MovementKind.RECEIPT, RJ)
        return add(*args, **more)

    monkeypatch.setattr(desk.oms.orders, "add", add_after_another)
    if is_kept:
        assert desk.capture(promise).order.state is State.SOURCED
    else:
        assert is_gone(desk, promise)
    assert desk.oms.balance("MUG").available == 0


def test_the_same_order_again_is_the_same_order_though_its_stock_is_gone(desk: Desk) -> None:
    desk.oms.receive("MUG", 1)
    promise = desk.offer()
    first, second = desk.capture(promise), desk.capture(promise)
    assert (first.created, second.created) == (True, False)
    assert second.order == first.order
    assert reserved(desk) == 1


def test_it_comes_from_the_node_that_was_promised_or_not_at_all(desk: Desk) -> None:
    desk.oms.receive("MUG", 1, RJ)
    assert is_gone(desk, desk.offer())


def test_nobody_who_waits_is_overtaken(desk: Desk) -> None:
    waits = desk.oms.capture(replace(content(line("MUG", 3), number="9"), priority=7))
    with pytest.raises(Backordered):
        desk.reserve(waits)
    desk.oms.receive("MUG", 2)
    assert is_gone(desk, desk.offer())
    assert desk.capture(desk.offer(number="2"), number="2", priority=9).created


def test_what_a_channel_may_not_have_is_not_its_to_be_promised(desk: Desk) -> None:
    desk.oms.catalog.put_channel(Channel("app", "App", ("BRL",)))
    desk.oms.receive("MUG", 4)
    rules = [ShareRule("app", share=Decimal("0.5"))]
    free = desk.oms.balance("MUG").available
    desk.oms.stock.shares.put_rules("MUG", rules, free, CAUSE)
    assert is_gone(desk, desk.offer(part(quantity=3)), quantity=3)
    order = desk.promised(part(quantity=2), number="2")
    assert order.state is State.SOURCED
    (everybody,) = (each for each in desk.oms.stock.shares.shares("MUG") if each.channel == "*")
    assert everybody.left == 0


def test_a_reservation_that_has_expired_is_not_in_its_way(desk: Desk) -> None:
    desk.oms.receive("MUG", 1)
    basket = Basket("b-1", "web", (Wanted("MUG", 1),), NOW + timedelta(minutes=1), "same")
    store = ReservationStore(desk.oms.client, "inventory", desk.oms.stock)
    reservations.take(basket, store, desk.oms.stock, desk.oms.catalog, CAUSE)
    assert is_gone(desk, desk.offer())
    assert desk.capture(desk.offer(number="2"), number="2", after=1).created


def test_a_sku_that_is_spread_is_taken_from_its_counters(desk: Desk) -> None:
    desk.oms.receive("MUG", 8)
    desk.oms.stock.spread("MUG", "sp-dc", 4, CAUSE)
    order = desk.promised(part(quantity=5))
    assert sum(each.quantity for each in order.progress.allocations) == 5
    assert len(order.progress.allocations) > 1
    assert reserved(desk) == 5
    assert audit(desk.oms.client, "inventory")[1] == []


def test_what_it_holds_may_be_taken_back_where_the_policy_says_so(desk: Desk) -> None:
    PolicyStore(desk.oms.client, "inventory").put("MUG", SellingPolicy(take_back=True), CAUSE)
    desk.oms.receive("MUG", 1)
    order = desk.promised(part())
    (holder,) = desk.oms.stock.backorders.held("MUG", 9)
    assert holder.order_id == order.order_id


def test_a_line_that_is_named_as_a_bundles_part_would_be_is_itself(desk: Desk) -> None:
    desk.oms.receive("MUG", 1)
    desk.oms.receive("TEE", 1)
    named = {"a": "MUG", "a/MUG": "TEE"}
    lines = [
        {"line_id": line_id, "sku": sku, "quantity": 1, "unit_price": "10.00"}
        for line_id, sku in named.items()
    ]
    parts = (replace(part(sku), line_id=line_id) for line_id, sku in named.items())
    assert desk.capture(desk.offer(*parts), lines=lines).order.state is State.SOURCED


def test_a_promise_of_what_is_partly_still_to_come_is_sourced_later(desk: Desk) -> None:
    desk.oms.receive("MUG", 1)
    desk.due("po_1", 5, 1)
    order = desk.promised(part(), from_supply("po_1", 5))
    assert order.state is State.CAPTURED
    assert reserved(desk) == 0


def many(desk: Desk, number: int) -> list[str]:
    skus = [f"ITEM-{n}" for n in range(number)]
    for sku in skus:
        desk.oms.catalog.put_item(Item(sku, sku))
        desk.oms.receive(sku, 1)
    return skus


def capture_all(desk: Desk, skus: list[str], **more: Any) -> State:
    lines = [{"sku": sku, "quantity": 1, "unit_price": "10.00"} for sku in skus]
    promise = desk.offer(*(part(sku) for sku in skus))
    return desk.capture(promise, lines=lines, **more).order.state


def test_as_many_as_fit_are_reserved_with_the_capture(desk: Desk) -> None:
    assert capture_all(desk, many(desk, 32)) is State.SOURCED


def test_more_than_fit_one_transaction_are_sourced_later(desk: Desk) -> None:
    skus = many(desk, 33)
    assert capture_all(desk, skus) is State.CAPTURED
    assert reserved(desk, skus[0]) == 0


def test_a_reservation_and_a_promise_that_do_not_fit_one_transaction_are_refused(
    desk: Desk,
) -> None:
    skus = many(desk, 33)
    wanted = tuple(Wanted(sku, 1) for sku in skus)
    basket = Basket("b-1", "web", wanted, NOW + timedelta(minutes=9), "same")
    store = ReservationStore(desk.oms.client, "inventory", desk.oms.stock)
    reservations.take(basket, store, desk.oms.stock, desk.oms.catalog, CAUSE)
    with pytest.raises(TooLarge) as caught:
        capture_all(desk, skus, reservation="b-1", reservations=store)
    assert caught.value.problem_code == "promise_too_large"
