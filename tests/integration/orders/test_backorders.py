"""How deep a SKU may be sold, who gets what comes, and that nobody overtakes."""

from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest

from oms.aws.policy_store import PolicyStore
from oms.aws.stock_audit import audit
from oms.catalog.model import Item
from oms.inventory.model import MovementKind
from oms.inventory.policy import Oversell, SellingPolicy
from oms.inventory.policy_contract import queue_page_view
from oms.inventory.position import Position
from oms.kernel.errors import Backordered, OutOfStock, Unavailable
from oms.orders import events as happened
from oms.orders import fulfillment, prospects, sourcing, supervision
from oms.orders.model import CommittedPromise, Line, Order, PromisedPart, State
from oms.orders.prospects import SKUS_WAITED_FOR
from oms.orders.store import AwaitedToken
from oms.routing import engine
from oms.routing.policies import BuiltIn
from tests.integration.world import SP, World
from tests.samples import CAUSE, NOW, content, line

LATER = replace(CAUSE, at=NOW + timedelta(hours=1))
TOMORROW = NOW + timedelta(days=1)


def policy(oms: World, sku: str, **said: object) -> None:
    policies = PolicyStore(oms.client, "inventory")
    before = policies.policy(sku)
    policies.put(sku, SellingPolicy(version=before.version, **said), CAUSE)  # type: ignore[arg-type]


def captured(
    oms: World,
    number: str,
    *lines: Line,
    priority: int = 5,
    channel: str = "web",
    promised: date | None = None,
) -> Order:
    """Each is a minute younger than the one with the number before its own."""
    wanted = content(*lines, number=number)
    age = timedelta(minutes=int(number))
    promise = None
    if promised:
        part = PromisedPart(lines[0].line_id, SP.id, 1, "on_hand", NOW, promised)
        promise = CommittedPromise("prm_1", "fastest", (part,))
    return oms.capture(
        replace(
            wanted,
            captured_at=NOW + age,
            priority=priority,
            channel=channel,
            promise=promise,
        )
    )


def reserve(oms: World, order: Order, at: datetime = LATER.at) -> Order:
    return sourcing.reserve(
        order.order_id,
        oms.orders,
        oms.stock,
        oms.catalog,
        BuiltIn(),
        replace(LATER, at=at),
    )


def waits(oms: World, order: Order, at: datetime = LATER.at) -> Order:
    with pytest.raises(Backordered):
        reserve(oms, order, at)
    return oms.orders.load(order.order_id)


def is_refused(oms: World, order: Order, at: datetime = LATER.at) -> str:
    with pytest.raises(OutOfStock) as refused:
        reserve(oms, order, at)
    return refused.value.detail


def position(oms: World, sku: str = "MUG") -> Position:
    return oms.stock.positions({sku}, LATER.at)[sku]


def owed(oms: World, sku: str = "MUG") -> int:
    return position(oms, sku).owed


def woken(oms: World, sku: str = "MUG") -> list[str]:
    """Ids of the orders that a receipt wakes, in turn; each waits under its own token."""
    oms.lifecycle.resumed.clear()
    supervision.wake_for_stock(
        sku, oms.orders, oms.orders, oms.stock, oms.catalog, oms.lifecycle, LATER.at
    )
    return [token for token, _ in oms.lifecycle.resumed]


def leaves_token(oms: World, *orders: Order) -> None:
    for order in orders:
        oms.orders.put_token(order.order_id, AwaitedToken(order.order_id, "stock"))


def types(oms: World, order: Order) -> list[str]:
    return [event.type for event in oms.orders.history(order.order_id)]


# --- how deep -------------------------------------------------------------------------------


def test_what_is_owed_is_counted_in_all_and_by_channel(oms: World) -> None:
    waits(oms, captured(oms, "1", line("MUG", 2)))
    waits(oms, captured(oms, "2", line("MUG", 3), channel="app"))
    assert owed(oms) == 5
    assert position(oms).owed_to == {"web": 2, "app": 3}


def test_a_task_that_is_tried_again_owes_nothing_more(oms: World) -> None:
    order = waits(oms, captured(oms, "1", line("MUG", 2)))
    waits(oms, order)
    assert owed(oms) == 2
    assert types(oms, order) == ["order_captured", "order_backordered"]


def test_the_audit_finds_what_is_owed_to_nobody(oms: World) -> None:
    waits(oms, captured(oms, "1", line("MUG", 2)))
    assert audit(oms.client, "inventory")[1] == []
    oms.client.update_item(
        TableName="inventory",
        Key={"pk": {"S": "MUG"}, "sk": {"S": "owed"}},
        UpdateExpression="ADD #units :one",
        ExpressionAttributeNames={"#units": "units"},
        ExpressionAttributeValues={":one": {"N": "1"}},
    )
    (found,) = audit(oms.client, "inventory")[1]
    assert (found.sku, found.quantity, found.balance, found.ledger) == ("MUG", "owed", 3, 2)


def test_what_is_filled_is_owed_no_more(oms: World) -> None:
    order = waits(oms, captured(oms, "1", line("MUG", 2)))
    oms.receive("MUG", 2)
    assert reserve(oms, order).state is State.SOURCED
    assert (owed(oms), oms.waiting("MUG")) == (0, [])
    assert reserve(oms, order).state is State.SOURCED
    assert owed(oms) == 0


def test_what_is_cancelled_is_owed_no_more_however_often_it_is_undone(oms: World) -> None:
    order = waits(oms, captured(oms, "1", line("MUG", 2)))
    for _ in range(2):
        sourcing.unreserve(order.order_id, oms.orders, oms.stock, LATER)
    assert (owed(oms), oms.waiting("MUG")) == (0, [])
    assert types(oms, order)[-1] == "backorder_released"


def test_an_order_that_lacks_something_else_now_is_owed_that(oms: World) -> None:
    oms.receive("TEE", 1)
    order = waits(oms, captured(oms, "1", line("MUG", 2), line("TEE", 1)))
    oms.move("TEE", -1, MovementKind.ADJUSTMENT)
    oms.receive("MUG", 2)
    waits(oms, order)
    assert (owed(oms, "MUG"), owed(oms, "TEE")) == (0, 1)
    assert types(oms, order)[-2:] == ["backorder_released", "order_backordered"]


def test_what_else_an_order_lacks_is_said_in_every_queue(oms: World) -> None:
    oms.receive("TEE", 1)
    order = waits(oms, captured(oms, "1", line("MUG", 2), line("TEE", 1)))
    oms.move("TEE", -1, MovementKind.ADJUSTMENT)
    waits(oms, order)
    (of_mug,) = oms.stock.backorders.waiting("MUG")
    (of_tee,) = oms.stock.backorders.waiting("TEE")
    assert of_mug == of_tee
    assert of_mug.lacking == {"MUG": 2, "TEE": 1}


def test_an_order_whose_shortage_is_not_allowed_is_out_of_stock_and_says_why(oms: World) -> None:
    policy(oms, "MUG", backorder=None)
    order = captured(oms, "1", line("MUG", 2))
    for _ in range(2):
        assert is_refused(oms, order).startswith("backorder_not_allowed: MUG")
    assert types(oms, order) == ["order_captured", "order_out_of_stock"]
    assert (owed(oms), oms.waiting("MUG")) == (0, [])


def test_what_is_there_is_sold_though_it_may_not_be_backordered(oms: World) -> None:
    policy(oms, "MUG", backorder=None)
    oms.receive("MUG", 2)
    assert reserve(oms, captured(oms, "1", line("MUG", 2))).state is State.SOURCED


def test_no_more_is_owed_than_the_limit(oms: World) -> None:
    policy(oms, "MUG", backorder=Oversell(limit=3))
    first = waits(oms, captured(oms, "1", line("MUG", 2)))
    assert is_refused(oms, captured(oms, "2", line("MUG", 2))).startswith("backorder_limit")
    waits(oms, captured(oms, "3", line("MUG", 1)))
    assert owed(oms) == 3
    sourcing.unreserve(first.order_id, oms.orders, oms.stock, LATER)
    waits(oms, captured(oms, "4", line("MUG", 2)))
    assert owed(oms) == 3


def test_no_more_is_owed_to_a_channel_than_its_limit(oms: World) -> None:
    policy(oms, "MUG", backorder=Oversell(limit=5, channels={"web": 2}))
    waits(oms, captured(oms, "1", line("MUG", 2)))
    assert is_refused(oms, captured(oms, "2", line("MUG", 1))).startswith("backorder_limit")
    waits(oms, captured(oms, "3", line("MUG", 3), channel="app"))
    assert owed(oms) == 5


def test_a_limit_holds_though_all_orders_saw_room_for_themselves(oms: World) -> None:
    """Between the look of the first and its transaction the second is backordered."""
    policy(oms, "MUG", backorder=Oversell(limit=2))
    first, second = (captured(oms, number, line("MUG", 2)) for number in "12")

    def rule(*seen: object) -> object:
        if not oms.waiting("MUG"):
            waits(oms, second)
        return engine.route(*seen)  # type: ignore[arg-type]

    with pytest.raises(OutOfStock) as refused:
        sourcing.reserve(
            first.order_id,
            oms.orders,
            oms.stock,
            oms.catalog,
            BuiltIn(),
            LATER,
            route=rule,  # type: ignore[arg-type]
        )
    assert refused.value.detail.startswith("backorder_limit")
    assert owed(oms) == 2
    assert oms.waiting("MUG") == [second.order_id]


def test_a_backorder_ends_at_its_time_but_who_waits_goes_on_waiting(oms: World) -> None:
    policy(oms, "MUG", backorder=Oversell(until=TOMORROW))
    order = waits(oms, captured(oms, "1", line("MUG", 1)))
    waits(oms, order, at=TOMORROW)
    late = captured(oms, "2", line("MUG", 1))
    assert is_refused(oms, late, at=TOMORROW).startswith("backorder_ended")
    assert owed(oms) == 1


def test_a_pre_order_is_taken_until_the_item_is_there(oms: World) -> None:
    policy(oms, "MUG", backorder=None, preorder=Oversell(limit=1), available_from=TOMORROW)
    waits(oms, captured(oms, "1", line("MUG", 1)))
    assert is_refused(oms, captured(oms, "2", line("MUG", 1))).startswith("backorder_limit")
    released = is_refused(oms, captured(oms, "3", line("MUG", 1)), at=TOMORROW)
    assert released.startswith("backorder_not_allowed")


def test_an_order_that_waits_and_may_not_wait_for_more_leaves_its_queue(oms: World) -> None:
    policy(oms, "TEE", backorder=None)
    oms.receive("TEE", 1)
    order = waits(oms, captured(oms, "1", line("MUG", 1), line("TEE", 1)))
    oms.move("TEE", -1, MovementKind.ADJUSTMENT)
    assert is_refused(oms, order).startswith("backorder_not_allowed: TEE")
    assert (owed(oms), oms.waiting("MUG")) == (0, [])
    assert types(oms, order)[-2:] == ["order_out_of_stock", "backorder_released"]


# --- in which order -------------------------------------------------------------------------


def test_a_receipt_goes_by_priority_then_promised_day_then_age(oms: World) -> None:
    old = captured(oms, "1", line("MUG"))
    promised_late = captured(oms, "2", line("MUG"), promised=date(2026, 6, 2))
    promised = captured(oms, "3", line("MUG"), promised=date(2026, 6, 1))
    urgent = captured(oms, "4", line("MUG"), priority=9)
    young = captured(oms, "5", line("MUG"))
    stated = [urgent, promised, promised_late, old, young]
    leaves_token(oms, *(waits(oms, order) for order in (old, young, promised_late, urgent)))
    leaves_token(oms, waits(oms, promised))
    oms.receive("MUG", 4)
    assert oms.waiting("MUG") == [order.order_id for order in stated]
    assert woken(oms) == [order.order_id for order in stated[:4]]


def test_a_queue_can_be_listed_as_it_is_filled(oms: World) -> None:
    promised = date(2026, 6, 1)
    waits(oms, captured(oms, "1", line("MUG", 2)))
    waits(oms, captured(oms, "2", line("MUG", 1), promised=promised))
    urgent = waits(oms, captured(oms, "3", line("MUG", 3), priority=9, channel="app"))
    first = oms.stock.backorders.queue("MUG", 2, None)
    rest = oms.stock.backorders.queue("MUG", 2, first.cursor)
    shown = queue_page_view(Item("MUG", "The MUG"), first).waiting
    assert shown[0].model_dump(mode="json") == {
        "order_id": urgent.order_id,
        "channel": "app",
        "quantity": 3,
        "priority": 9,
        "promised": None,
        "since": "2026-05-04T12:03:00.000Z",
    }
    assert (shown[1].priority, shown[1].promised) == (5, "2026-06-01")
    assert [waiter.lacking for waiter in rest.waiting] == [{"MUG": 2}]


def test_an_order_that_comes_with_the_receipt_does_not_overtake(oms: World) -> None:
    first = waits(oms, captured(oms, "1", line("MUG", 2)))
    oms.receive("MUG", 2)
    newcomer = waits(oms, captured(oms, "2", line("MUG", 1)))
    assert "orders ahead claim" in newcomer.progress.sourcing_reason
    assert reserve(oms, first).state is State.SOURCED
    assert oms.waiting("MUG") == [newcomer.order_id]


def test_whoever_loses_the_race_to_its_own_wake_up_is_still_first(oms: World) -> None:
    """The younger one is woken as well, and is there sooner."""
    older, younger = (waits(oms, captured(oms, number, line("MUG", 1))) for number in "12")
    oms.receive("MUG", 1)
    waits(oms, younger)
    assert reserve(oms, older).state is State.SOURCED


def test_a_newcomer_has_what_those_ahead_leave(oms: World) -> None:
    waits(oms, captured(oms, "1", line("MUG", 2)))
    oms.receive("MUG", 3)
    assert reserve(oms, captured(oms, "2", line("MUG", 1))).state is State.SOURCED
    waits(oms, captured(oms, "3", line("MUG", 1)))


def test_a_newcomer_of_higher_priority_goes_first(oms: World) -> None:
    first = waits(oms, captured(oms, "1", line("MUG", 2)))
    oms.receive("MUG", 2)
    urgent = captured(oms, "2", line("MUG", 2), priority=6)
    assert reserve(oms, urgent).state is State.SOURCED
    waits(oms, first)
    assert types(oms, first) == ["order_captured", "order_backordered"]


def test_an_order_that_lacks_something_else_besides_holds_nobody_up(oms: World) -> None:
    both = waits(oms, captured(oms, "1", line("MUG", 1), line("TEE", 1)))
    second = waits(oms, captured(oms, "2", line("MUG", 1)))
    leaves_token(oms, both, second)
    oms.receive("MUG", 1)
    assert woken(oms) == [second.order_id]
    assert reserve(oms, second).state is State.SOURCED
    assert reserve_fails_for(oms, both) == {"MUG", "TEE"}


def reserve_fails_for(oms: World, order: Order) -> set[str]:
    return {order.content.line(each).sku for each in waits(oms, order).backordered_lines}


def test_the_last_of_two_skus_that_comes_fills_the_order_that_lacks_both(oms: World) -> None:
    both = waits(oms, captured(oms, "1", line("MUG", 1), line("TEE", 1)))
    behind = waits(oms, captured(oms, "2", line("MUG", 1)))
    leaves_token(oms, both, behind)
    oms.receive("TEE", 1)
    assert woken(oms, "TEE") == []
    oms.receive("MUG", 1)
    assert woken(oms) == [both.order_id]
    waits(oms, behind)
    assert reserve(oms, both).state is State.SOURCED


def test_orders_that_wait_for_one_another_s_skus_do_not_wait_for_ever(oms: World) -> None:
    first = waits(oms, captured(oms, "1", line("MUG", 1), line("TEE", 2)))
    second = waits(oms, captured(oms, "2", line("MUG", 2), line("TEE", 1)))
    oms.receive("MUG", 2)
    oms.receive("TEE", 1)
    waits(oms, first)
    waits(oms, second)
    oms.receive("TEE", 1)
    assert reserve(oms, first).state is State.SOURCED
    assert oms.waiting("TEE") == [second.order_id]


def test_who_waits_is_woken_when_one_ahead_gives_up(oms: World) -> None:
    large = waits(oms, captured(oms, "1", line("MUG", 5)))
    small = waits(oms, captured(oms, "2", line("MUG", 1)))
    leaves_token(oms, large, small)
    oms.receive("MUG", 1)
    assert woken(oms) == []
    sourcing.unreserve(large.order_id, oms.orders, oms.stock, LATER)
    assert woken(oms) == [small.order_id]


def test_an_order_for_what_nobody_waits_for_reads_no_queue(
    oms: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits(oms, captured(oms, "1", line("MUG", 2)))
    oms.receive("TEE", 1)
    oms.receive("MUG", 5)
    monkeypatch.setattr(type(oms.stock.backorders), "waiting", None)
    assert reserve(oms, captured(oms, "2", line("TEE", 1))).state is State.SOURCED
    assert reserve(oms, captured(oms, "3", line("MUG", 3))).state is State.SOURCED


def test_an_order_that_lacks_more_than_it_can_queue_for_is_filled_whole(oms: World) -> None:
    skus = [f"SKU-{number:02}" for number in range(30)]
    order = waits(oms, captured(oms, "1", *(line(sku) for sku in skus)))
    queued = [sku for sku in skus if oms.waiting(sku)]
    assert len(queued) == SKUS_WAITED_FOR
    for sku in skus:
        oms.receive(sku, 1)
    assert reserve(oms, order).state is State.SOURCED
    assert {oms.ledger(sku) for sku in skus} == {(1, 1)}
    assert not any(oms.waiting(sku) or owed(oms, sku) for sku in skus)


def test_a_channel_that_may_have_no_more_holds_up_no_other(oms: World) -> None:
    policy(oms, "MUG", held_back={"web": 10})
    held_back = waits(oms, captured(oms, "1", line("MUG", 5)))
    other = waits(oms, captured(oms, "2", line("MUG", 2), channel="app"))
    leaves_token(oms, held_back, other)
    oms.receive("MUG", 2)
    assert woken(oms) == [other.order_id]
    waits(oms, captured(oms, "3", line("MUG", 1), channel="app"))
    assert reserve(oms, other).state is State.SOURCED


def test_what_is_not_seen_of_a_long_queue_claims_all_there_is(
    oms: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prospects, "ROWS_LOOKED_AT", 2)
    waiting = [waits(oms, captured(oms, number, line("MUG"))) for number in "123"]
    leaves_token(oms, *waiting)
    oms.receive("MUG", 3)
    waits(oms, captured(oms, "4", line("MUG", 1)))
    assert woken(oms) == [order.order_id for order in waiting[:2]]
    assert reserve(oms, waiting[0]).state is State.SOURCED
    assert woken(oms) == [order.order_id for order in waiting[1:]]


def test_more_than_are_woken_at_once_are_woken_when_the_message_comes_again(
    oms: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervision, "WOKEN_AT_ONCE", 2)
    waiting = [waits(oms, captured(oms, number, line("MUG"))) for number in "123"]
    leaves_token(oms, *waiting)
    oms.receive("MUG", 3)
    with pytest.raises(Unavailable):
        woken(oms)
    assert len(oms.lifecycle.resumed) == 2
    for order in waiting[:2]:
        reserve(oms, order)
    assert woken(oms) == [waiting[2].order_id]


# --- what never runs out --------------------------------------------------------------------


def test_what_is_not_tracked_is_sold_and_shipped_without_stock(oms: World) -> None:
    policy(oms, "TEE", tracked=False)
    oms.receive("MUG", 2)
    order = reserve(oms, captured(oms, "1", line("MUG", 2), line("TEE", 100)))
    assert {one.node for one in order.progress.allocations} == {"sp-dc"}
    paid = happened.PaymentAuthorized(
        order.payments.each[0].id, order.content.total.minor, "auth", "a"
    )
    oms.orders.commit(order, (paid,), CAUSE)
    (part,) = fulfillment.release(order.order_id, oms.orders, LATER).progress.fulfillments
    fulfillment.accept(part.id, oms.orders, oms.stock, LATER)
    for step in ("pick", "pack"):
        fulfillment.advance(part.id, step, oms.orders, LATER)
    shipped = fulfillment.ship(part.id, "Correios", "BR1", oms.orders, oms.stock, LATER)
    assert [counts.shipped for counts in shipped.progress.counts] == [2, 100]
    assert oms.ledger("MUG") == (0, 0)
    assert oms.stock.balances_of("TEE") == ()


def test_what_is_not_tracked_is_given_back_without_stock(oms: World) -> None:
    policy(oms, "MUG", tracked=False)
    order = reserve(oms, captured(oms, "1", line("MUG", 2)))
    policy(oms, "MUG")
    released = sourcing.unreserve(order.order_id, oms.orders, oms.stock, LATER)
    assert released.progress.allocations == ()
    assert oms.stock.balances_of("MUG") == ()


def test_who_waits_is_woken_when_a_sku_is_no_longer_tracked(oms: World) -> None:
    order = waits(oms, captured(oms, "1", line("MUG", 2)))
    leaves_token(oms, order)
    policy(oms, "MUG", tracked=False)
    assert woken(oms) == [order.order_id]
    assert reserve(oms, order).state is State.SOURCED
    assert owed(oms) == 0
