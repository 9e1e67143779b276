"""A policy simulated over orders that there are: what it would change, and that it changes
nothing."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from oms.aws.promise_store import PromiseStore
from oms.catalog.delivery import (
    Band,
    CarrierService,
    Production,
    Promising,
    PromisingMode,
)
from oms.catalog.model import Item, Node
from oms.kernel.errors import Invalid
from oms.kernel.money import Money
from oms.orders import decisions, paying
from oms.orders.model import Allocation, CommittedPromise, Line, Order, PromisedPart
from oms.orders.needs import needs_of
from oms.orders.replay import Placement, Replayed
from oms.orders.simulation import Simulation, simulate
from oms.orders.simulation_contract import Selection
from oms.routing.policy import (
    Limits,
    Objective,
    Otherwise,
    RankBy,
    Ranker,
    Rule,
    SourcingPolicy,
    Step,
)
from tests.integration.world import RJ, SP, World
from tests.samples import CAUSE, content, line

FAR_FIRST = SourcingPolicy(
    "far", (Rule("far", rankers=(Ranker(RankBy.DISTANCE, descending=True),)),)
)
CHEAPEST = SourcingPolicy(
    "cheapest", (Rule("cheapest", objective=Objective(), otherwise=Otherwise((Step.WAIT,))),)
)
NEAREST = SourcingPolicy("nearest", (Rule("nearest"),))
LATER = CAUSE.at + timedelta(hours=5)


@pytest.fixture(autouse=True)
def _carriers(oms: World) -> None:
    """A kilogram costs 1.00, a parcel 5.00 near by and 9.00 far away, where it takes four days."""
    bands = (Band(100, 1, 500, 100), Band(1000, 4, 900, 100))
    oms.catalog.put_carrier_service(
        CarrierService("slow", "Slow", "Correio", ("BR",), bands, "BRL")
    )
    for sku in ("MUG", "TEE"):
        oms.catalog.put_item(Item(sku, sku, promising=Promising(weight_grams=600)))


def sourced(oms: World, number: int, node: Node, *lines: Line, **changed: Any) -> Order:
    """An order that was captured ``number`` minutes after the first, and comes from a node."""
    captured_at = CAUSE.at + timedelta(minutes=number)
    made = replace(
        content(*(lines or (line("MUG", 2),)), number=str(number)),
        captured_at=captured_at,
        **changed,
    )
    order = oms.capture(made)
    allocations = [
        Allocation(each.line_id, each.sku, node.id, each.quantity) for each in made.lines
    ]
    taking = oms.stock.reserve(needs_of(allocations), order.order_id, CAUSE)
    events = decisions.source(order, tuple(allocations), "by_hand", "it was there")
    return oms.orders.commit(order, events, CAUSE, taking)


def simulated(
    oms: World, policy: SourcingPolicy, seconds: float = 10.0, **selected: Any
) -> Simulation:
    selection = Selection(**(selected or {"channel": "web"}))
    return simulate(policy, selection, oms.orders, oms.stock, oms.catalog, LATER, lambda: seconds)


def nodes(placement: Placement) -> list[str]:
    return [parcel.node for parcel in placement.parcels]


def only(simulation: Simulation) -> Replayed:
    (found,) = simulation.orders
    return found


def test_an_order_that_would_come_from_elsewhere_shows_what_both_cost(oms: World) -> None:
    oms.receive("MUG", 2, SP)
    oms.receive("MUG", 2, RJ)
    sourced(oms, 1, SP)
    found = only(simulated(oms, FAR_FIRST))
    assert (nodes(found.recorded), nodes(found.proposed)) == (["sp-dc"], ["rj-store"])
    assert (found.recorded.cost, found.proposed.cost) == (500 + 2 * 100, 900 + 2 * 100)
    assert found.differs
    assert (found.recorded.rule, found.proposed.rule) == ("by_hand", "far")


def test_the_same_decision_is_no_difference(oms: World) -> None:
    oms.receive("MUG", 2, SP)
    oms.receive("MUG", 2, RJ)
    sourced(oms, 1, SP)
    assert not only(simulated(oms, NEAREST)).differs


def test_an_objective_finds_what_costs_less(oms: World) -> None:
    oms.catalog.put_node(replace(SP, handling_cost=Money(2000, "BRL")))
    oms.receive("MUG", 2, SP)
    oms.receive("MUG", 2, RJ)
    sourced(oms, 1, SP)
    found = only(simulated(oms, CHEAPEST))
    assert (found.recorded.cost, found.proposed.cost) == (500 + 200 + 2000, 900 + 200)


def test_stock_is_what_is_there_and_what_the_orders_hold_taken_in_the_order_of_capture(
    oms: World,
) -> None:
    oms.receive("MUG", 4, SP)
    oms.receive("MUG", 3, RJ)
    for number in (2, 1):
        sourced(oms, number, SP)
    found = simulated(oms, FAR_FIRST).orders
    assert [one.order.content.channel_order_id for one in found] == ["1", "2"]
    assert [nodes(one.proposed) for one in found] == [["rj-store"], ["sp-dc"]]


def test_what_the_proposed_policy_cannot_fill_is_counted(oms: World) -> None:
    oms.receive("MUG", 1, SP)
    oms.receive("MUG", 1, RJ)
    oms.receive("MUG", 1, SP)
    sourced(oms, 1, SP)
    single = SourcingPolicy("no-split", (Rule("no-split", limits=Limits(max_nodes=1)),))
    assert only(simulated(oms, single)).proposed.unfilled == {}
    waiting = oms.capture(replace(content(line("MUG", 9), number="2"), captured_at=LATER))
    found = simulated(oms, single, order_ids=(waiting.order_id,))
    assert only(found).proposed.unfilled == {"MUG": 9}
    assert only(found).recorded.unfilled == {"MUG": 9}
    assert not only(found).differs


def promise(node: str) -> CommittedPromise:
    """Two mugs from there, in three days."""
    day = CAUSE.at.date() + timedelta(days=3)
    return CommittedPromise(
        "prm_1", "1", (PromisedPart("MUG", node, 2, "on_hand", CAUSE.at, day, "slow"),)
    )


def test_a_promise_that_would_be_broken_is_late(oms: World) -> None:
    oms.receive("MUG", 2, SP)
    oms.receive("MUG", 2, RJ)
    sourced(oms, 1, SP, promise=promise("somewhere"))
    found = only(simulated(oms, FAR_FIRST))
    assert (found.recorded.late, found.proposed.late) == (0, 1)


def test_a_promised_order_comes_from_where_it_was_promised_from(oms: World) -> None:
    oms.receive("MUG", 2, SP)
    oms.receive("MUG", 2, RJ)
    sourced(oms, 1, SP, promise=promise("sp-dc"))
    assert only(simulated(oms, FAR_FIRST)).proposed.rule == "promised_nodes"


def test_cancelled_orders_and_those_of_other_channels_are_left_out(oms: World) -> None:
    oms.receive("MUG", 4, SP)
    sourced(oms, 1, SP)
    gone = oms.capture(content(line("MUG"), number="2"))
    gone = oms.orders.commit(gone, decisions.request_cancel(gone, "no"), CAUSE)
    oms.orders.commit(gone, paying.close_cancelled(gone, "no"), CAUSE)
    found = simulated(oms, NEAREST)
    assert (len(found.orders), found.left_out, found.unread) == (1, 1, 0)
    assert simulated(oms, NEAREST, channel="app").orders == ()


def test_the_last_orders_are_taken(oms: World) -> None:
    oms.receive("MUG", 10, SP)
    for number in range(4):
        sourced(oms, number, SP)
    found = simulated(oms, NEAREST, channel="web", last=2)
    assert [one.order.content.channel_order_id for one in found.orders] == ["2", "3"]


def test_orders_that_there_is_no_time_for_are_counted(oms: World) -> None:
    oms.receive("MUG", 10, SP)
    for number in range(3):
        sourced(oms, number, SP)
    left = iter([10.0, 10.0, 4.0, 4.0, *[1.0] * 9])
    found = simulate(
        NEAREST,
        Selection("web"),
        oms.orders,
        oms.stock,
        oms.catalog,
        LATER,
        lambda: next(left),
    )
    assert (len(found.orders), found.unread) == (1, 2)
    assert found.orders[0].order.content.channel_order_id == "2"


def test_an_order_that_there_is_not_is_refused(oms: World) -> None:
    with pytest.raises(Invalid) as refused:
        simulated(oms, NEAREST, order_ids=("ord_none",))
    assert [(fault.path, fault.code) for fault in refused.value.faults] == [
        ("order_ids.0", "unknown_order")
    ]


def test_a_node_with_capacity_takes_so_many_of_the_orders_of_a_day(oms: World) -> None:
    oms.catalog.put_node(replace(SP, capacity_per_day=1))
    oms.receive("MUG", 4, SP)
    oms.receive("MUG", 4, RJ)
    for number in range(2):
        sourced(oms, number, SP)
    found = simulated(oms, NEAREST).orders
    assert [nodes(one.proposed) for one in found] == [["sp-dc"], ["rj-store"]]


def test_what_is_made_takes_the_days_of_its_resource(oms: World) -> None:
    made = Production("engraver", ("sp-dc",), effort=2)
    oms.catalog.put_item(
        Item("MUG", "Mug", promising=Promising(PromisingMode.CTP, production=made))
    )
    oms.catalog.put_node(replace(SP, makes=True))
    PromiseStore(oms.client, "inventory").set_days("engraver", {LATER.date(): 5})
    for number in range(2):
        oms.capture(replace(content(line("MUG", 2), number=str(number)), captured_at=CAUSE.at))
    rule = Rule("make", otherwise=Otherwise((Step.MAKE, Step.WAIT)))
    first, second = simulated(oms, SourcingPolicy("made", (rule,))).orders
    assert (nodes(first.proposed), first.proposed.unfilled) == (["sp-dc"], {})
    assert (nodes(second.proposed), second.proposed.unfilled) == ([], {"MUG": 2})
