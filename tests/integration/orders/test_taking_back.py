"""An order of higher priority gets what one of lower priority holds, where the policy says so."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from oms.aws.policy_store import PolicyStore
from oms.inventory.backorders import Holder
from oms.inventory.policy import SellingPolicy
from oms.kernel.errors import Backordered, OrderCancelRequested, StockTakenBack
from oms.orders import decisions, fulfillment, paying, sourcing, supervision
from oms.orders import events as happened
from oms.orders.model import Line, Method, Order, OutOfStockPolicy, State
from oms.orders.store import AwaitedToken
from oms.orders.supervision import Resumption
from oms.routing import engine
from oms.routing.policies import BuiltIn, Policies
from oms.routing.policy import NodeFilter, Otherwise, Rule, SourcingPolicy, Step
from tests.integration.world import RJ, SP, World
from tests.samples import CAUSE, NOW, content, line

BACKORDER, CANCEL = OutOfStockPolicy.BACKORDER, OutOfStockPolicy.CANCEL


@pytest.fixture(autouse=True)
def taken_back(oms: World) -> None:
    policies = PolicyStore(oms.client, "inventory")
    policies.put("MUG", SellingPolicy(take_back=True), CAUSE)


def reserve(oms: World, order: Order, minute: int = 60, policies: Policies | None = None) -> Order:
    return sourcing.reserve(
        order.order_id,
        oms.orders,
        oms.stock,
        oms.catalog,
        policies or BuiltIn(),
        replace(CAUSE, at=NOW + timedelta(minutes=minute)),
    )


def captured(
    oms: World,
    number: int,
    *lines: Line,
    priority: int = 5,
    without: OutOfStockPolicy = BACKORDER,
) -> Order:
    wanted = content(*lines, number=str(number), on_out_of_stock=without)
    since = NOW + timedelta(minutes=number)
    return oms.capture(replace(wanted, captured_at=since, priority=priority))


def sourced(
    oms: World,
    number: int,
    units: int = 2,
    priority: int = 5,
    without: OutOfStockPolicy = BACKORDER,
) -> Order:
    order = captured(oms, number, line("MUG", units), priority=priority, without=without)
    return reserve(oms, order, number)


def paid(oms: World, order: Order) -> Order:
    total = order.content.total.minor
    return oms.orders.commit(order, paying.authorize_payment(order, total, "a", "a"), CAUSE)


def now(oms: World, order: Order) -> Order:
    return oms.orders.load(order.order_id)


def held(oms: World) -> list[Holder]:
    return list(oms.stock.backorders.held("MUG", 9))


def types(oms: World, order: Order) -> list[str]:
    return [event.type for event in oms.orders.history(order.order_id)]


def test_who_holds_what_may_be_taken_back_is_known_until_the_node_begins(oms: World) -> None:
    oms.receive("MUG", 2)
    order = paid(oms, sourced(oms, 1))
    (holder,) = held(oms)
    assert (holder.order_id, holder.quantity, holder.node) == (order.order_id, 2, SP.id)
    (part,) = fulfillment.release(order.order_id, oms.orders, CAUSE).progress.fulfillments
    fulfillment.accept(part.id, oms.orders, oms.stock, CAUSE)
    assert held(oms) == []


def test_of_more_holders_than_are_looked_at_the_youngest_of_the_lowest_priority_come_first(
    oms: World,
) -> None:
    for priority, since in ((3, "1"), (1, "2")):
        holders = [Holder(f"o{n}", priority, f"{since}{n:03}", SP.id, 1) for n in range(70)]
        queues = oms.stock.backorders
        oms.stock.transact([write for one in holders for write in queues.hold("MUG", one)])
    found = oms.stock.backorders.held("MUG", 5)
    assert [holder.priority for holder in found] == [1] * 70 + [3] * 30
    assert (found[0].order_id, found[70].order_id) == ("o69", "o69")
    assert len(oms.stock.backorders.held("MUG", 2)) == 70


def test_other_skus_cost_nothing(oms: World) -> None:
    oms.receive("TEE", 1)
    reserve(oms, captured(oms, 1, line("TEE", 1)))
    assert list(oms.stock.backorders.held("TEE", 10)) == []


def test_an_order_of_higher_priority_gets_what_a_lower_one_holds(oms: World) -> None:
    oms.receive("MUG", 2)
    loser = sourced(oms, 1)
    winner = sourced(oms, 2, priority=9)
    assert winner.state is State.SOURCED
    lost = now(oms, loser)
    assert (lost.state, lost.status) == (State.CAPTURED, "backordered")
    assert lost.progress.allocations == ()
    assert oms.ledger("MUG") == (2, 2)
    assert held(oms) == []
    assert oms.waiting("MUG") == [loser.order_id]


def test_whoever_lost_is_told_why(oms: World) -> None:
    oms.receive("MUG", 2)
    loser = sourced(oms, 1)
    winner = sourced(oms, 2, priority=9)
    assert types(oms, loser)[-2:] == ["reservation_taken_back", "order_backordered"]
    told = oms.orders.history(loser.order_id)[-2]
    assert told.data["reason"] == f"{winner.order_id} of priority 9 needs MUG"


def test_nothing_is_taken_from_one_of_the_same_priority(oms: World) -> None:
    oms.receive("MUG", 2)
    holder = sourced(oms, 1)
    with pytest.raises(Backordered):
        sourced(oms, 2)
    assert now(oms, holder).state is State.SOURCED


def test_nothing_is_taken_where_the_policy_does_not_say_so(oms: World) -> None:
    oms.receive("TEE", 1)
    holder = reserve(oms, captured(oms, 1, line("TEE", 1)))
    with pytest.raises(Backordered):
        reserve(oms, captured(oms, 2, line("TEE", 1), priority=9))
    assert now(oms, holder).state is State.SOURCED


def test_nothing_is_taken_when_it_would_not_suffice(oms: World) -> None:
    oms.receive("MUG", 2)
    holder = sourced(oms, 1)
    with pytest.raises(Backordered):
        sourced(oms, 2, units=3, priority=9)
    assert now(oms, holder).state is State.SOURCED


def test_nothing_is_taken_when_something_else_is_lacking_too(oms: World) -> None:
    oms.receive("MUG", 2)
    holder = sourced(oms, 1)
    with pytest.raises(Backordered):
        reserve(oms, captured(oms, 2, line("MUG", 2), line("TEE", 1), priority=9))
    assert now(oms, holder).state is State.SOURCED


def test_nothing_is_taken_once_the_node_has_begun(oms: World) -> None:
    oms.receive("MUG", 2)
    order = paid(oms, sourced(oms, 1))
    (part,) = fulfillment.release(order.order_id, oms.orders, CAUSE).progress.fulfillments
    fulfillment.accept(part.id, oms.orders, oms.stock, CAUSE)
    with pytest.raises(Backordered):
        sourced(oms, 2, priority=9)
    assert now(oms, order).state is State.RELEASED


def test_nothing_is_taken_from_who_would_rather_be_cancelled_than_wait(oms: World) -> None:
    oms.receive("MUG", 2)
    holder = sourced(oms, 1, without=CANCEL)
    with pytest.raises(Backordered):
        sourced(oms, 2, priority=9)
    assert now(oms, holder).state is State.SOURCED


def test_nothing_is_taken_from_an_order_that_is_being_cancelled(oms: World) -> None:
    oms.receive("MUG", 2)
    holder = sourced(oms, 1)
    supervision.request_cancel(holder.order_id, "no", oms.orders, CAUSE)
    with pytest.raises(Backordered):
        sourced(oms, 2, priority=9)
    assert "reservation_taken_back" not in types(oms, holder)


def test_the_lowest_priority_loses_first_and_of_equals_the_youngest(oms: World) -> None:
    oms.receive("MUG", 6)
    older, younger, low = sourced(oms, 1), sourced(oms, 2), sourced(oms, 3, priority=1)
    sourced(oms, 4, priority=9)
    assert [now(oms, one).state for one in (older, younger, low)] == [
        State.SOURCED,
        State.SOURCED,
        State.CAPTURED,
    ]
    sourced(oms, 5, priority=9)
    assert [now(oms, one).state for one in (older, younger)] == [State.SOURCED, State.CAPTURED]


def test_what_a_loser_held_besides_is_free_and_it_waits_only_for_what_was_taken(
    oms: World,
) -> None:
    oms.receive("MUG", 2)
    oms.receive("TEE", 1)
    loser = reserve(oms, captured(oms, 1, line("MUG", 2), line("TEE", 1)))
    sourced(oms, 2, priority=9)
    assert now(oms, loser).backordered_lines == ("MUG",)
    assert oms.ledger("TEE") == (1, 0)
    oms.receive("MUG", 2)
    assert reserve(oms, loser, 90).state is State.SOURCED
    assert oms.ledger("MUG") == (4, 4)


def test_one_that_is_taken_from_is_not_refused_to_wait(oms: World) -> None:
    """It was accepted: no policy is asked again."""
    oms.receive("MUG", 2)
    oms.receive("TEE", 1)
    policies = PolicyStore(oms.client, "inventory")
    policies.put("TEE", SellingPolicy(backorder=None), CAUSE)
    loser = reserve(oms, captured(oms, 1, line("MUG", 2), line("TEE", 1)))
    sourced(oms, 2, priority=9)
    reserve(oms, captured(oms, 3, line("TEE", 1)))
    with pytest.raises(Backordered):
        reserve(oms, loser, 90)
    assert set(now(oms, loser).backordered_lines) == {"MUG", "TEE"}


def test_the_loser_does_not_get_it_back_before_the_winner_has_it(oms: World) -> None:
    """A run dies between the two steps: the winner is at the head of the queue."""
    oms.receive("MUG", 2)
    loser = sourced(oms, 1)
    winner = captured(oms, 2, line("MUG", 2), priority=9)

    class Died(Exception):
        pass

    looks = 0

    def rule(*seen: object) -> object:
        nonlocal looks
        looks += 1
        if looks == 3:  # after what it waits for, and whether taking back would do
            raise Died
        return engine.route(*seen)  # type: ignore[arg-type]

    with pytest.raises(Died):
        sourcing.reserve(
            winner.order_id,
            oms.orders,
            oms.stock,
            oms.catalog,
            BuiltIn(),
            replace(CAUSE, at=NOW + timedelta(minutes=2)),
            route=rule,  # type: ignore[arg-type]
        )
    with pytest.raises(Backordered):
        reserve(oms, loser, 90)
    assert reserve(oms, winner, 91).state is State.SOURCED


def test_a_node_that_begins_at_the_same_moment_keeps_the_order(oms: World) -> None:
    oms.receive("MUG", 2)
    order = paid(oms, sourced(oms, 1))
    (part,) = fulfillment.release(order.order_id, oms.orders, CAUSE).progress.fulfillments
    stale = now(oms, order)
    fulfillment.accept(part.id, oms.orders, oms.stock, CAUSE)
    assert decisions.may_be_taken_back(stale)
    assert decisions.take_back(now(oms, order), {"MUG"}, "why") == ()


def test_a_paid_order_that_was_taken_from_is_not_asked_to_pay_again(oms: World) -> None:
    oms.receive("MUG", 2)
    loser = paid(oms, sourced(oms, 1))
    released = fulfillment.release(loser.order_id, oms.orders, CAUSE)
    sourced(oms, 2, priority=9)
    lost = now(oms, loser)
    assert lost.live_fulfillments == ()
    assert oms.waiting("MUG") == [loser.order_id]
    assert str(lost.payments.authorized) == str(loser.content.total)
    oms.receive("MUG", 2)
    again = reserve(oms, loser, 90)
    assert again.state is State.AUTHORIZED
    parts = fulfillment.release(loser.order_id, oms.orders, CAUSE).live_fulfillments
    assert [part.id for part in parts] != [part.id for part in released.progress.fulfillments]
    assert [line.quantity for part in parts for line in part.lines] == [2]


@pytest.mark.parametrize("awaits", ["payment", "fulfillment"])
def test_the_wait_of_the_loser_ends_with_the_error_that_leads_back(oms: World, awaits: str) -> None:
    oms.receive("MUG", 2)
    loser = sourced(oms, 1)
    oms.orders.put_token(loser.order_id, AwaitedToken("token", awaits))
    sourced(oms, 2, priority=9)
    supervision.signal(loser.order_id, "taken_back", oms.orders, oms.orders, oms.lifecycle)
    assert oms.lifecycle.resumed == [("token", Resumption(error="StockTakenBack"))]


def test_a_wait_that_begins_after_the_units_were_taken_ends_at_once(oms: World) -> None:
    oms.receive("MUG", 2)
    loser = sourced(oms, 1)
    sourced(oms, 2, priority=9)
    supervision.wait(
        loser.order_id,
        AwaitedToken("token", "fulfillment"),
        oms.orders,
        oms.orders,
        oms.stock,
        oms.catalog,
        BuiltIn(),
        oms.lifecycle,
        CAUSE.at,
    )
    assert oms.lifecycle.resumed == [("token", Resumption(error="StockTakenBack"))]


def test_what_was_taken_back_is_not_released_to_a_node(oms: World) -> None:
    oms.receive("MUG", 2)
    loser = paid(oms, sourced(oms, 1))
    sourced(oms, 2, priority=9)
    with pytest.raises(StockTakenBack):
        fulfillment.release(loser.order_id, oms.orders, CAUSE)


def test_a_loser_that_is_cancelled_gives_back_its_place_and_its_money(oms: World) -> None:
    oms.receive("MUG", 2)
    loser = paid(oms, sourced(oms, 1))
    sourced(oms, 2, priority=9)
    supervision.request_cancel(loser.order_id, "no", oms.orders, CAUSE)
    with pytest.raises(OrderCancelRequested):
        reserve(oms, loser, 90)
    sourcing.unreserve(loser.order_id, oms.orders, oms.stock, CAUSE)
    events = paying.close_cancelled(now(oms, loser), "no")
    assert oms.waiting("MUG") == []
    assert [type(event) for event in events] == [happened.PaymentVoided, happened.OrderCancelled]


def test_a_loser_whose_payment_nobody_knows_of_is_voided_when_it_is_cancelled(oms: World) -> None:
    oms.receive("MUG", 2)
    loser = sourced(oms, 1)
    sourced(oms, 2, priority=9)
    supervision.request_cancel(loser.order_id, "no", oms.orders, CAUSE)
    assert paying.unknown_authorizations(now(oms, loser))


def test_a_receipt_that_suffices_with_what_may_be_taken_back_wakes_who_waits(oms: World) -> None:
    oms.receive("MUG", 2)
    loser = sourced(oms, 1)
    with pytest.raises(Backordered):
        sourced(oms, 2, units=3, priority=9)
    (winner,) = oms.waiting("MUG")
    oms.orders.put_token(winner, AwaitedToken("token", "stock"))
    oms.receive("MUG", 1)
    supervision.wake_for_stock(
        "MUG", oms.orders, oms.orders, oms.stock, oms.catalog, oms.lifecycle, CAUSE.at
    )
    assert oms.lifecycle.resumed == [("token", Resumption("stock_changed"))]
    assert reserve(oms, oms.orders.load(winner), 90).state is State.SOURCED
    assert now(oms, loser).status == "backordered"


def test_a_payment_that_comes_while_the_loser_waits_counts_when_it_is_sourced(oms: World) -> None:
    oms.receive("MUG", 2)
    loser = sourced(oms, 1)
    sourced(oms, 2, priority=9)
    assert paid(oms, now(oms, loser)).state is State.CAPTURED
    oms.receive("MUG", 2)
    assert reserve(oms, loser, 90).state is State.AUTHORIZED


class OnlyIpanema:
    def for_channel(self, channel: str, now: datetime) -> SourcingPolicy:
        rule = Rule("ipanema", nodes=NodeFilter(nodes=(RJ.id,)), otherwise=Otherwise((Step.WAIT,)))
        return SourcingPolicy("ipanema", (rule,))


def test_nothing_is_taken_back_that_would_not_help(oms: World) -> None:
    oms.receive("MUG", 2)
    holder = sourced(oms, 1)
    wants = captured(oms, 2, line("MUG", 2), priority=9)
    with pytest.raises(Backordered):
        reserve(oms, wants, policies=OnlyIpanema())
    assert now(oms, holder).state is State.SOURCED
    there = replace(line("MUG", 2), method=Method.PICKUP, pickup_node=RJ.id)
    collects = captured(oms, 3, there, priority=9)
    with pytest.raises(Backordered):
        reserve(oms, collects)
    assert now(oms, holder).state is State.SOURCED
