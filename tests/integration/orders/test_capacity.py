"""Work beyond what a node takes in a day goes elsewhere, or waits for the next."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from oms.aws.capacity_audit import audit
from oms.aws.capacity_store import CapacityStore
from oms.aws.outbox import publications
from oms.aws.policy_store import PolicyStore
from oms.aws.reservation_store import ReservationStore
from oms.catalog.delivery import NodeCalendar
from oms.catalog.model import Node, SwitchedOff
from oms.inventory import reservations
from oms.inventory.baskets import Wanted
from oms.inventory.policy import SellingPolicy
from oms.inventory.reservations import Basket
from oms.kernel.errors import Backordered, StockContended
from oms.kernel.events import Cause
from oms.orders import decisions, fulfillment, slots, sourcing
from oms.orders import events as happened
from oms.orders.model import (
    CommittedPromise,
    Order,
    OutOfStockPolicy,
    PromisedPart,
    Slot,
    State,
)
from oms.orders.openings import tell_of_open_nodes
from oms.orders.reserved import source_from_reservation
from oms.orders.slots import held
from oms.orders.store import AwaitedToken
from oms.orders.supervision import wait, wake_for_stock
from oms.routing.capacity import Load, SlotTaking
from oms.routing.policies import BuiltIn
from tests.integration.world import RJ, SP, World
from tests.samples import CAUSE, NOW, allocated, content, line

DAY = "2026-05-04"
LIMITED = replace(SP, capacity_per_day=10)
TOMORROW = replace(CAUSE, at=NOW + timedelta(days=1))


def limit(oms: World, **limits: int | None) -> Node:
    node = replace(SP, **limits)  # type: ignore[arg-type]
    oms.catalog.put_node(node)
    return node


def taken(oms: World, now: datetime = NOW) -> Load:
    watched = replace(SP, capacity_per_day=1)
    return oms.stock.capacity.loads([watched], now)[SP.id]


def reserve(oms: World, order: Order, cause: Cause = CAUSE) -> Order:
    rule = BuiltIn()
    return sourcing.reserve(order.order_id, oms.orders, oms.stock, oms.catalog, rule, cause)


def place(oms: World, number: int, cause: Cause = CAUSE) -> Order:
    """The order, sourced or waiting."""
    order = oms.capture(content(line("MUG"), number=f"{number}"))
    while True:
        try:
            return reserve(oms, order, cause)
        except StockContended:
            continue
        except Backordered:
            return oms.orders.load(order.order_id)


def released(oms: World, order: Order) -> Order:
    authorized = happened.PaymentAuthorized(
        order.payments.each[0].id, order.content.total.minor, "auth", "a"
    )
    order = oms.orders.commit(order, (authorized,), CAUSE)
    return oms.orders.commit(order, decisions.release(order), CAUSE)


def nodes(orders: list[Order]) -> list[str]:
    return [one.node for order in orders for one in order.progress.allocations]


@pytest.mark.parametrize("workers", [1, 12])
def test_of_forty_orders_for_a_node_that_takes_ten_ten_are_there_and_the_others_wait(
    oms: World, workers: int
) -> None:
    limit(oms, capacity_per_day=10)
    oms.receive("MUG", 100)

    with ThreadPoolExecutor(workers) as buyers:
        orders = list(buyers.map(lambda number: place(oms, number), range(40)))

    states = [oms.orders.load(order.order_id).status for order in orders]
    assert (states.count("reserved"), states.count("backordered")) == (10, 30)
    assert taken(oms).day == 10
    assert oms.balance("MUG").reserved == 10


def test_of_forty_orders_the_ten_nearest_are_there_and_the_others_elsewhere(oms: World) -> None:
    limit(oms, capacity_per_day=10)
    oms.receive("MUG", 100)
    oms.receive("MUG", 100, RJ)

    with ThreadPoolExecutor(8) as buyers:
        orders = list(buyers.map(lambda number: place(oms, number), range(40)))

    where = nodes(orders)
    assert (where.count("sp-dc"), where.count("rj-store")) == (10, 30)
    assert taken(oms).day == 10


def test_hours_are_filled_one_after_the_other(oms: World) -> None:
    limit(oms, capacity_per_hour=2)
    oms.receive("MUG", 100)

    orders = [place(oms, number) for number in range(5)]

    hours = [slot.hour[-2:] for order in orders for slot in order.progress.slots]
    assert hours == ["12", "12", "13", "13", "14"]
    assert taken(oms) == Load(5, {12: 2, 13: 2, 14: 1})


def test_zero_takes_none(oms: World) -> None:
    limit(oms, capacity_per_day=0)
    oms.receive("MUG", 5)
    assert place(oms, 1).status == "backordered"


def test_a_node_without_a_limit_costs_neither_a_read_nor_a_write(
    oms: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit(oms, capacity_per_day=5)
    oms.receive("MUG", 5, RJ)
    with monkeypatch.context() as patched:
        patched.setattr(oms.client, "batch_get_item", None)
        order = place(oms, 1)
    assert order.progress.slots == ()
    assert taken(oms) == Load()
    assert slots.given_back(order, decisions.release_reservation(order), oms.stock.capacity) == []


def test_an_order_of_many_lines_takes_one_of_the_day(oms: World) -> None:
    limit(oms, capacity_per_day=10)
    for number in range(3):
        oms.receive(f"S{number}", 5)
    reserve(oms, oms.capture(content(*(line(f"S{number}") for number in range(3)))))
    assert taken(oms).day == 1


def test_an_order_that_is_reserved_in_chunks_takes_one_of_the_day(oms: World) -> None:
    limit(oms, capacity_per_day=1)
    for number in range(40):
        oms.receive(f"S{number:02}", 5)
    lines = [line(f"S{number:02}") for number in range(40)]

    order = reserve(oms, oms.capture(content(*lines)))

    assert (order.state, taken(oms).day) == (State.SOURCED, 1)
    with pytest.raises(Backordered):
        reserve(oms, oms.capture(content(*lines, number="2")))
    sourcing.unreserve(order.order_id, oms.orders, oms.stock, CAUSE)
    assert taken(oms).day == 0


def test_chunks_are_given_back_when_the_capacity_is_gone_by_then(oms: World) -> None:
    limit(oms, capacity_per_day=1)
    for number in range(40):
        oms.receive(f"S{number:02}", 5)
    order = oms.capture(content(*(line(f"S{number:02}") for number in range(40))))
    planned = decisions.plan_sourcing(order, allocated(order), "rule", "why", CAUSE.at)
    oms.orders.commit(order, planned, CAUSE)
    oms.stock.transact(oms.stock.capacity.take([SlotTaking(Slot(SP.id, DAY))]))

    with pytest.raises(StockContended):
        reserve(oms, order)

    assert oms.balance("S00").reserved == 0
    assert taken(oms).day == 1


def test_what_is_unreserved_is_given_back_once(oms: World) -> None:
    limit(oms, capacity_per_hour=5)
    oms.receive("MUG", 5)
    order = place(oms, 1)
    assert taken(oms) == Load(1, {12: 1})

    for _ in range(2):
        sourcing.unreserve(order.order_id, oms.orders, oms.stock, CAUSE)

    assert taken(oms) == Load(0, {12: 0})


def test_work_that_is_withdrawn_is_given_back_once(oms: World) -> None:
    limit(oms, capacity_per_day=5)
    oms.receive("MUG", 5)
    order = released(oms, place(oms, 1))
    assert [part.slot for part in order.progress.fulfillments] == [Slot("sp-dc", DAY)]

    for _ in range(2):
        fulfillment.withdraw(order.order_id, oms.orders, oms.stock.capacity, CAUSE)
    sourcing.unreserve(order.order_id, oms.orders, oms.stock, CAUSE)

    assert taken(oms).day == 0
    assert held(oms.orders.load(order.order_id)) == []


def test_work_that_is_delivered_keeps_what_it_took(oms: World) -> None:
    limit(oms, capacity_per_day=5)
    oms.receive("MUG", 5)
    order = released(oms, place(oms, 1))
    part = order.progress.fulfillments[0].id
    for step in ("accept", "pick", "pack"):
        fulfillment.advance(part, step, oms.orders, CAUSE)
    order = fulfillment.ship(part, "Correios", "BR1", oms.orders, oms.stock, CAUSE)
    assert (held(order), taken(oms).day) == ([Slot("sp-dc", DAY)], 1)


def test_what_was_taken_between_plan_and_commit_is_planned_again(
    oms: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit(oms, capacity_per_day=1)
    oms.receive("MUG", 5)
    oms.receive("MUG", 5, RJ)
    first = oms.capture(content(line("MUG")))
    real, done = CapacityStore.take, list[str]()

    def overtaken(store: CapacityStore, work: tuple[SlotTaking, ...]) -> object:
        if work and not done:
            done.append("once")
            oms.stock.transact(real(store, [SlotTaking(Slot(SP.id, DAY))]))
        return real(store, work)

    monkeypatch.setattr(CapacityStore, "take", overtaken)

    assert nodes([reserve(oms, first)]) == ["rj-store"]
    assert taken(oms).day == 1


def test_whoever_would_rather_be_cancelled_waits_for_a_node_that_has_it(oms: World) -> None:
    limit(oms, capacity_per_day=0)
    oms.receive("MUG", 5)
    order = oms.capture(content(line("MUG"), on_out_of_stock=OutOfStockPolicy.CANCEL))
    with pytest.raises(Backordered):
        reserve(oms, order)


def test_after_the_cut_off_the_next_working_day_is_filled(oms: World) -> None:
    oms.catalog.put_node(replace(SP, capacity_per_day=1, calendar=NodeCalendar(cut_off=NOW.time())))
    oms.receive("MUG", 5)
    friday = datetime(2026, 5, 8, 12, 0, 1, tzinfo=UTC)
    order = place(oms, 1, replace(CAUSE, at=friday))
    assert order.progress.slots == (Slot("sp-dc", "2026-05-11"),)


# --- who waits is told ---------------------------------------------------------------------------


def told(oms: World, now: datetime) -> int:
    return tell_of_open_nodes(oms.stock.capacity, oms.catalog, now)


def test_a_new_day_tells_who_waits_once(oms: World) -> None:
    limit(oms, capacity_per_day=1)
    oms.receive("MUG", 5)
    place(oms, 1)
    waiting = place(oms, 2)
    assert waiting.status == "backordered"
    assert told(oms, NOW) == 0

    assert (told(oms, TOMORROW.at), told(oms, TOMORROW.at)) == (1, 0)
    assert reserve(oms, waiting, TOMORROW).state is State.SOURCED


def test_what_is_given_back_tells_who_waits(oms: World) -> None:
    limit(oms, capacity_per_day=1)
    oms.receive("MUG", 5)
    first, waiting = place(oms, 1), place(oms, 2)
    sourcing.unreserve(first.order_id, oms.orders, oms.stock, CAUSE)
    assert told(oms, NOW) == 1
    assert reserve(oms, waiting).state is State.SOURCED


def test_the_telling_is_an_event_with_the_skus(oms: World) -> None:
    oms.stock.capacity.wait("sp-dc", ["MUG", "TEE"])
    oms.stock.capacity.tell("sp-dc", oms.stock.capacity.waited_for()["sp-dc"], NOW)
    key = {"pk": {"S": "reopened#sp-dc"}, "sk": {"S": "reopened"}}
    item = oms.client.get_item(TableName="inventory", Key=key)["Item"]
    (said,) = publications({"dynamodb": {"NewImage": item}})
    assert (said.envelope.type, said.envelope.data["skus"]) == ("node_reopened", ["MUG", "TEE"])


def test_who_begins_to_wait_while_others_are_told_is_told_the_next_time(oms: World) -> None:
    capacity = oms.stock.capacity
    capacity.wait("sp-dc", ["MUG"])
    seen = capacity.waited_for()["sp-dc"]
    capacity.wait("sp-dc", ["MUG"])
    capacity.tell("sp-dc", seen, NOW)
    assert list(capacity.waited_for()) == ["sp-dc"]


def test_orders_that_no_node_takes_are_not_woken_by_stock(oms: World) -> None:
    limit(oms, capacity_per_day=0)
    oms.receive("MUG", 5)
    order = place(oms, 1)
    arguments = (oms.orders, oms.orders, oms.stock, oms.catalog, oms.lifecycle, NOW)

    looked = (*arguments[:4], BuiltIn(), *arguments[4:])
    wait(order.order_id, AwaitedToken("token", "stock"), *looked)
    wake_for_stock("MUG", *arguments)
    assert oms.lifecycle.resumed == []

    limit(oms, capacity_per_day=1)
    wake_for_stock("MUG", *arguments)
    assert [token for token, _ in oms.lifecycle.resumed] == ["token"]


# --- the switch ----------------------------------------------------------------------------------


def test_a_node_that_is_switched_off_is_no_candidate_until_it_is_back(oms: World) -> None:
    oms.receive("MUG", 5)
    until = NOW + timedelta(hours=2)
    oms.catalog.switch("sp-dc", SwitchedOff(NOW, until, "flood"))
    waiting = place(oms, 1)
    assert waiting.status == "backordered"
    assert oms.balance("MUG").available == 5
    assert told(oms, NOW) == 0

    assert told(oms, until) == 1
    assert reserve(oms, waiting, replace(CAUSE, at=until)).state is State.SOURCED


def test_a_node_that_is_switched_off_passes_its_work_to_others(oms: World) -> None:
    oms.receive("MUG", 5)
    oms.receive("MUG", 5, RJ)
    oms.catalog.switch("sp-dc", SwitchedOff(NOW))
    assert nodes([place(oms, 1)]) == ["rj-store"]

    oms.catalog.switch("sp-dc", None)
    assert nodes([place(oms, 2)]) == ["sp-dc"]


# --- orders whose nodes are settled before --------------------------------------------------------


def test_an_order_of_lower_priority_gives_its_work_back_with_its_stock(oms: World) -> None:
    PolicyStore(oms.client, "inventory").put("MUG", SellingPolicy(take_back=True), CAUSE)
    limit(oms, capacity_per_day=5)
    oms.receive("MUG", 1)
    loser = place(oms, 1)
    urgent = replace(content(line("MUG"), number="2"), priority=9)

    winner = reserve(oms, oms.capture(urgent), replace(CAUSE, at=NOW + timedelta(minutes=1)))

    assert (winner.state, taken(oms).day) == (State.SOURCED, 1)
    assert held(oms.orders.load(loser.order_id)) == []


def test_a_basket_that_is_held_is_welcome_at_a_node_that_is_full(oms: World) -> None:
    limit(oms, capacity_per_day=1)
    oms.receive("MUG", 5)
    place(oms, 1)
    store = ReservationStore(oms.client, "inventory", oms.stock)
    basket = Basket("b1", "web", (Wanted("MUG", 1),), NOW + timedelta(minutes=9), "same")
    reservations.take(basket, store, oms.stock, oms.catalog, CAUSE)
    ordered = content(line("MUG"), number="2")

    events, writes = source_from_reservation("b1", ordered, store, oms.catalog, CAUSE)
    order = oms.orders.add(ordered, "same", CAUSE, then=events, also=writes).order

    assert order.progress.slots == (Slot("sp-dc", DAY),)
    assert taken(oms).day == 2


def test_what_was_promised_from_a_node_is_welcome_there_though_it_is_full(oms: World) -> None:
    limit(oms, capacity_per_day=0)
    oms.receive("MUG", 5)
    part = PromisedPart("MUG", "sp-dc", 1, "on_hand", NOW, NOW.date())
    promise = CommittedPromise("p1", "o1", (part,))
    order = oms.capture(replace(content(line("MUG")), promise=promise))

    taking = sourcing.as_promised(order, oms.stock, oms.catalog, CAUSE, consistent=True)

    assert taking is not None
    assert taking.slots == (Slot("sp-dc", DAY),)
    oms.stock.transact(taking.writes)
    assert taken(oms).day == 1


# --- the audit -----------------------------------------------------------------------------------


def test_what_is_taken_of_a_day_is_what_orders_hold(oms: World) -> None:
    limit(oms, capacity_per_hour=2)
    oms.receive("MUG", 9)
    orders = [place(oms, number) for number in range(4)]
    released(oms, orders[0])
    sourcing.unreserve(orders[1].order_id, oms.orders, oms.stock, CAUSE)
    assert audit(oms.client, "inventory", "orders") == []

    oms.stock.transact(oms.stock.capacity.take([SlotTaking(Slot(SP.id, DAY, f"{DAY}T12"))]))
    found = audit(oms.client, "inventory", "orders")
    assert found == [f"sp-dc on {DAY}: 4 taken, 3 held", f"sp-dc at {DAY}T12: 2 taken, 1 held"]
