"""A node says no: what becomes of its stock, of the order, and of the units."""

from dataclasses import replace

import pytest

from oms.inventory.model import MovementKind
from oms.kernel.errors import Conflict, Invalid
from oms.orders.model import FulfillmentState, OutOfStockPolicy, State
from oms.orders.rerouting import MOST_NODES
from tests.integration.orders.routed import MG, Desk, at
from tests.integration.world import RJ, SP, World
from tests.samples import content, line


@pytest.fixture
def desk(oms: World) -> Desk:
    oms.catalog.put_node(MG)
    return Desk(oms)


def test_what_is_missing_leaves_the_balance_and_is_to_be_counted(desk: Desk) -> None:
    desk.oms.receive("MUG", 5)
    order = desk.released(content(line("MUG", 2)))
    order = desk.reject(at(order, SP))
    balance = desk.oms.balance("MUG")
    assert (balance.on_hand, balance.reserved, balance.rejected) == (3, 0, 2)
    (task,) = desk.oms.stock.counts.tasks("sp-dc", 10, None).tasks
    assert (task.sku, task.reason, task.units) == ("MUG", "not_in_stock", 2)
    assert order.unrouted == {"MUG": 2}
    assert order.status == "routing"
    desk.check()


@pytest.mark.parametrize(
    ("reason", "damaged", "on_hold"),
    [("damaged", 2, 0), ("display_worn", 2, 0), ("mismatch", 0, 2)],
)
def test_what_is_unfit_is_put_aside(desk: Desk, reason: str, damaged: int, on_hold: int) -> None:
    desk.oms.receive("MUG", 5)
    desk.reject(at(desk.released(content(line("MUG", 2))), SP), reason)
    balance = desk.oms.balance("MUG")
    assert (balance.on_hand, balance.damaged, balance.quality_hold) == (3, damaged, on_hold)
    assert balance.available == 3
    desk.check()


@pytest.mark.parametrize("reason", ["closed", "too_busy"])
def test_a_closed_node_says_nothing_of_its_stock(desk: Desk, reason: str) -> None:
    desk.oms.receive("MUG", 5)
    desk.reject(at(desk.released(content(line("MUG", 2))), SP), reason)
    balance = desk.oms.balance("MUG")
    assert (balance.on_hand, balance.available, balance.rejected) == (5, 5, 2)
    assert desk.oms.stock.counts.tasks("sp-dc", 10, None).tasks == ()
    desk.check()


def test_until_it_is_counted_nothing_of_it_is_sold_from_there(desk: Desk) -> None:
    desk.oms.receive("MUG", 5)
    desk.oms.receive("MUG", 5, RJ)
    desk.reject(at(desk.released(content(line("MUG", 2))), SP))
    assert at(desk.released(content(line("MUG", 1), number="2")), RJ).units == {"MUG": 1}
    desk.oms.move("MUG", 3, MovementKind.COUNT)
    assert desk.oms.stock.counts.tasks("sp-dc", 10, None).tasks == ()
    assert at(desk.released(content(line("MUG", 1), number="3")), SP).units == {"MUG": 1}
    desk.check()


@pytest.mark.parametrize("steps", [(), ("accept",), ("accept", "pick"), ("accept", "pick", "pack")])
def test_a_node_may_say_no_until_the_parcel_leaves(desk: Desk, steps: tuple[str, ...]) -> None:
    desk.oms.receive("MUG", 5)
    desk.oms.receive("MUG", 5, RJ)
    part = at(desk.released(content(line("MUG", 2))), SP)
    if steps:
        desk.step(part, *steps)
    order = desk.reroute(desk.reject(part))
    assert at(order, RJ).state is FulfillmentState.OPEN
    assert order.fulfillment(part.id).state is FulfillmentState.REJECTED  # type: ignore[union-attr]
    desk.check()
    desk.holds_what_is_reserved(order)


def test_a_no_to_some_units_leaves_the_node_the_others(desk: Desk) -> None:
    desk.oms.receive("MUG", 5)
    desk.oms.receive("MUG", 5, RJ)
    part = at(desk.released(content(line("MUG", 3))), SP)
    desk.step(part, "accept")
    order = desk.reroute(desk.reject(part, units={"MUG": 1}))
    assert at(order, SP).units == {"MUG": 2}
    assert at(order, RJ).units == {"MUG": 1}
    desk.check()
    desk.holds_what_is_reserved(order)


def test_a_no_that_comes_again_changes_nothing(desk: Desk) -> None:
    desk.oms.receive("MUG", 5)
    part = at(desk.released(content(line("MUG", 2))), SP)
    first = desk.reject(part)
    assert desk.reject(part) == first
    assert desk.oms.balance("MUG").rejected == 2


def test_what_has_left_is_not_rejected(desk: Desk) -> None:
    desk.oms.receive("MUG", 5)
    part = at(desk.released(content(line("MUG", 2))), SP)
    desk.step(part, "accept", "pick", "pack", "ship")
    with pytest.raises(Conflict) as refused:
        desk.reject(part)
    assert refused.value.problem_code == "illegal_transition"


def test_nobody_rejects_more_than_there_is(desk: Desk) -> None:
    desk.oms.receive("MUG", 5)
    part = at(desk.released(content(line("MUG", 2))), SP)
    with pytest.raises(Invalid) as refused:
        desk.reject(part, units={"MUG": 3})
    assert refused.value.problem_code == "quantities_do_not_add_up"
    desk.check()


def test_a_large_fulfilment_is_rejected_in_several_commits(desk: Desk) -> None:
    lines = [line(f"SKU-{number:02}") for number in range(40)]
    for each in lines:
        desk.oms.receive(each.sku, 1)
    order = desk.released(content(*lines))
    order = desk.reject(at(order, SP))
    assert not order.live_fulfillments
    assert len(order.unrouted) == 40
    desk.check()


# --- routing again -------------------------------------------------------------------------------


def test_no_node_is_asked_for_a_line_again(desk: Desk) -> None:
    desk.oms.receive("MUG", 5)
    desk.oms.receive("MUG", 5, RJ)
    order = desk.reject(at(desk.released(content(line("MUG", 2))), SP), "too_busy")
    order = desk.reject(at(desk.reroute(order), RJ), "too_busy")
    order = desk.reroute(order)
    assert order.status == "unroutable"
    assert "only nodes that said no have it" in order.progress.unroutable
    desk.check()


def test_routing_again_changes_nothing(desk: Desk) -> None:
    desk.oms.receive("MUG", 5)
    desk.oms.receive("MUG", 5, RJ)
    order = desk.reroute(desk.reject(at(desk.released(content(line("MUG", 2))), SP)))
    assert desk.reroute(order) == order
    short = desk.reroute(desk.reject(at(order, RJ)))
    assert desk.reroute(short) == short


def test_what_nobody_has_waits_and_is_filled_when_it_comes(desk: Desk) -> None:
    desk.oms.receive("MUG", 2)
    desk.oms.receive("TEE", 1)
    order = desk.released()
    part = at(order, SP)
    order = desk.reroute(desk.reject(part, units={"MUG": 1}))
    assert order.backordered_lines == ("MUG",)
    assert desk.oms.waiting("MUG") == [order.order_id]
    desk.check()
    desk.step(part, "accept", "pick", "pack", "ship")
    assert desk.oms.orders.load(order.order_id).state is State.RELEASED
    desk.oms.receive("MUG", 1, RJ)
    order = desk.reroute(order)
    assert at(order, RJ).units == {"MUG": 1}
    assert desk.oms.waiting("MUG") == []
    desk.step(at(order, RJ), "accept", "pick", "pack", "ship")
    assert desk.oms.orders.load(order.order_id).state is State.SHIPPED
    desk.check()


def test_more_of_what_it_waits_for_already_is_owed_too(desk: Desk) -> None:
    desk.oms.receive("MUG", 3)
    order = desk.released(content(line("MUG", 3)))
    for waiting in (1, 2):
        order = desk.reroute(desk.reject(at(order, SP), units={"MUG": 1}))
        assert order.progress.counts[0].backordered == waiting
        desk.check()
    desk.oms.receive("MUG", 1, RJ)
    assert desk.reroute(order) == order, "it waits for both"
    desk.oms.receive("MUG", 1, RJ)
    order = desk.reroute(order)
    assert at(order, RJ).units == {"MUG": 2}
    desk.check()


def test_a_node_that_takes_no_work_at_the_moment_is_waited_for(desk: Desk) -> None:
    desk.oms.receive("MUG", 5)
    desk.oms.receive("MUG", 5, RJ)
    order = desk.released(content(line("MUG", 2)))
    desk.oms.catalog.put_node(replace(RJ, capacity_per_day=0))
    order = desk.reroute(desk.reject(at(order, SP), "too_busy"))
    assert order.status == "partially_backordered"
    assert "rj-store" in desk.oms.stock.capacity.waited_for()
    desk.oms.catalog.put_node(RJ)
    assert at(desk.reroute(order), RJ).units == {"MUG": 2}
    desk.check()


def test_whoever_does_not_wait_is_a_persons_to_decide(desk: Desk) -> None:
    desk.oms.receive("MUG", 2)
    wanted = content(line("MUG", 2), on_out_of_stock=OutOfStockPolicy.CANCEL)
    order = desk.reroute(desk.reject(at(desk.released(wanted), SP)))
    assert order.status == "unroutable"
    assert desk.oms.waiting("MUG") == []


def test_after_so_many_noes_a_person_decides(desk: Desk) -> None:
    nodes = [replace(SP, id=f"n{number}") for number in range(MOST_NODES + 1)]
    for node in nodes:
        desk.oms.catalog.put_node(node)
        desk.oms.receive("MUG", 5, node)
    order = desk.released(content(line("MUG", 1)))
    for _ in range(MOST_NODES):
        (part,) = order.live_fulfillments
        order = desk.reroute(desk.reject(part, "too_busy"))
    assert order.live_fulfillments == ()
    assert order.progress.unroutable == "5 nodes said no to MUG"
    desk.check()


def test_what_meets_open_work_at_its_node_goes_with_it(desk: Desk) -> None:
    desk.oms.receive("MUG", 2)
    desk.oms.receive("MUG", 2, RJ)
    desk.oms.receive("TEE", 1, RJ)
    order = desk.released(content(line("MUG", 3), line("TEE", 1)))
    assert len(order.live_fulfillments) == 2
    desk.oms.receive("MUG", 5, RJ)
    order = desk.reroute(desk.reject(at(order, SP)))
    (part,) = order.live_fulfillments
    assert (part.node, part.units) == ("rj-store", {"MUG": 3, "TEE": 1})
    desk.check()
    desk.holds_what_is_reserved(order)


def test_an_order_is_cancelled_wherever_its_units_are(desk: Desk) -> None:
    desk.oms.receive("MUG", 4)
    desk.oms.receive("TEE", 1, RJ)
    order = desk.released(content(line("MUG", 3), line("TEE", 1)))
    order = desk.reroute(desk.reject(at(order, SP), units={"MUG": 2}))
    assert order.backordered_lines == ("MUG",)
    order = desk.cancel(desk.reject(at(order, RJ), "closed"))
    assert order.state is State.CANCELLED
    assert desk.oms.waiting("MUG") == []
    desk.check()
    desk.holds_what_is_reserved(order)
