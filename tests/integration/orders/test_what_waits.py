"""What has no node is not forgotten, holds up nobody in vain, and fits one transaction."""

from dataclasses import replace
from datetime import datetime, time, timedelta
from typing import Any

import pytest

from oms.aws.capacity_audit import audit
from oms.catalog.delivery import NodeCalendar
from oms.catalog.model import Item, Node
from oms.inventory.model import MovementKind
from oms.kernel.errors import Backordered, StockContended, TooLarge
from oms.orders import exceptions, sourcing, supervision
from oms.orders.exceptions import Resolution
from oms.orders.model import Content, Method, Order, OutOfStockPolicy
from oms.orders.openings import tell_of_open_nodes
from oms.orders.store import AwaitedToken
from oms.reporting.waiting import needs_a_person
from oms.routing.policy import NodeFilter, Otherwise, Rule, SourcingPolicy, Step
from tests.integration.orders.routed import MG, Desk, at
from tests.integration.world import RJ, SP, World
from tests.samples import content, line


@pytest.fixture
def desk(oms: World) -> Desk:
    return Desk(oms)


def awaits(desk: Desk, order: Order, what: str = "fulfillment") -> None:
    desk.oms.orders.put_token(order.order_id, AwaitedToken("token", what))
    desk.oms.lifecycle.rerouted.clear()
    desk.oms.lifecycle.resumed.clear()


def wake(desk: Desk, sku: str) -> None:
    oms = desk.oms
    supervision.wake_for_stock(
        sku, oms.orders, oms.orders, oms.stock, oms.catalog, oms.lifecycle, desk.cause().at
    )


def waits(desk: Desk, order: Order, what: str) -> None:
    oms = desk.oms
    supervision.wait(
        order.order_id,
        AwaitedToken("token", what),
        oms.orders,
        oms.orders,
        oms.stock,
        oms.catalog,
        desk.policies,
        oms.lifecycle,
        desk.cause().at,
    )


def limited(desk: Desk, *nodes: Node) -> None:
    for node in nodes:
        desk.oms.catalog.put_node(replace(node, capacity_per_day=9))


# --- the day of a node that an order works twice for ---------------------------------------------


def test_work_that_takes_two_of_a_day_gives_both_back_at_once(desk: Desk) -> None:
    limited(desk, SP, RJ)
    desk.oms.receive("MUG", 4)
    desk.oms.receive("TEE", 1, RJ)
    order = desk.released(content(line("MUG", 2), line("TEE", 1)))
    desk.step(at(order, SP), "accept")
    desk.oms.receive("TEE", 1)
    order = desk.reroute(desk.reject(at(order, RJ)))
    assert len([part for part in order.live_fulfillments if part.node == SP.id]) == 2
    desk.cancel(order)
    assert audit(desk.oms.client, "inventory", "orders") == []
    desk.check()


def test_however_many_wait_for_one_node_those_of_the_next_are_told(desk: Desk) -> None:
    capacity = desk.oms.stock.capacity
    capacity.wait("a-dc", [f"SKU-{number:03}" for number in range(150)])
    capacity.wait("b-dc", ["MUG"])
    capacity.wait("b-dc-2", ["TEE"])
    found = capacity.waited_for()
    assert {node: len(skus) for node, skus in found.items()} == {
        "a-dc": 100,
        "b-dc": 1,
        "b-dc-2": 1,
    }


# --- a person has a part wait --------------------------------------------------------------------


def test_what_a_person_leaves_out_is_still_his(desk: Desk) -> None:
    desk.oms.receive("MUG", 1)
    desk.oms.receive("TEE", 1)
    order = desk.released(
        replace(content(line("MUG"), line("TEE")), on_out_of_stock=OutOfStockPolicy.CANCEL)
    )
    order = desk.reroute(desk.reject(at(order, SP)))
    assert order.progress.unroutable
    resolution = Resolution("backorder", lines={"MUG": 1})
    order = exceptions.resolve(order.order_id, resolution, desk.router, desk.cause())
    assert order.backordered_lines == ("MUG",)
    assert needs_a_person(order)


# --- each for itself -----------------------------------------------------------------------------


def test_released_lines_wait_each_for_itself(desk: Desk) -> None:
    desk.oms.receive("MUG", 1)
    desk.oms.receive("TEE", 1)
    order = desk.released(content(line("MUG"), line("TEE")))
    order = desk.reroute(desk.reject(at(order, SP)))
    assert order.backordered_lines == ("MUG", "TEE")
    awaits(desk, order)
    desk.oms.receive("MUG", 1, RJ)
    wake(desk, "MUG")
    assert desk.oms.lifecycle.rerouted == [order.order_id]
    late = desk.oms.capture(content(line("MUG"), number="2"))
    with pytest.raises(Backordered):
        desk.release(late.order_id)
    order = desk.reroute(order)
    assert at(order, RJ).units == {"MUG": 1}
    assert order.backordered_lines == ("TEE",)
    desk.check()


# --- where it is collected -----------------------------------------------------------------------

SHOP = replace(MG, id="shop", can_ship=False, pickup="local")


def collected(number: str = "1") -> Content:
    return content(replace(line("MUG"), method=Method.PICKUP, pickup_node=SHOP.id), number=number)


def test_what_is_collected_is_heard_of_where_it_is_collected(desk: Desk) -> None:
    desk.oms.catalog.put_node(SHOP)
    order = desk.oms.capture(collected())
    with pytest.raises(Backordered):
        desk.release(order.order_id)
    awaits(desk, order, "stock")
    desk.oms.receive("MUG", 1, SHOP)
    wake(desk, "MUG")
    assert [token for token, _ in desk.oms.lifecycle.resumed] == ["token"]
    assert at(desk.release(order.order_id), SHOP).units == {"MUG": 1}


def test_what_is_collected_elsewhere_holds_up_nobody(desk: Desk) -> None:
    desk.oms.catalog.put_node(SHOP)
    first = desk.oms.capture(collected())
    with pytest.raises(Backordered):
        desk.release(first.order_id)
    desk.oms.receive("MUG", 1)
    order = desk.released(content(line("MUG"), number="2"))
    assert at(order, SP).units == {"MUG": 1}


# --- larger than a transaction -------------------------------------------------------------------


def test_an_order_from_very_many_nodes_with_limits_is_reserved_and_given_back(desk: Desk) -> None:
    nodes = [replace(SP, id=f"n{number:03}", capacity_per_day=9) for number in range(120)]
    for number, node in enumerate(nodes):
        desk.oms.catalog.put_node(node)
        desk.oms.catalog.put_item(Item(f"S{number:03}", "A thing"))
        desk.oms.receive(f"S{number:03}", 1, node)
    order = desk.oms.capture(content(*(line(f"S{number:03}") for number in range(120))))
    order = sourcing.reserve(
        order.order_id,
        desk.oms.orders,
        desk.oms.stock,
        desk.oms.catalog,
        desk.policies,
        desk.cause(),
    )
    assert order.progress.slots
    assert audit(desk.oms.client, "inventory", "orders") == []
    sourcing.unreserve(order.order_id, desk.oms.orders, desk.oms.stock, desk.cause())
    assert audit(desk.oms.client, "inventory", "orders") == []
    desk.check()


# --- nodes that a policy takes only while they are open ------------------------------------------


class WhileOpen:
    def for_channel(self, channel: str, now: datetime) -> SourcingPolicy:
        rule = Rule("open", nodes=NodeFilter(open_now=True), otherwise=Otherwise((Step.WAIT,)))
        return SourcingPolicy("open", (rule,))


def test_who_waits_for_a_node_to_open_is_told_when_it_does(desk: Desk) -> None:
    calendar = NodeCalendar(cut_off=time(0, 30))
    desk.oms.catalog.put_node(replace(SP, calendar=calendar))
    desk.policies = WhileOpen()
    desk.oms.receive("MUG", 1)
    order = desk.oms.capture(content(line("MUG")))
    with pytest.raises(Backordered):
        desk.release(order.order_id)
    awaits(desk, order, "stock")
    capacity, now = desk.oms.stock.capacity, desk.cause().at
    assert tell_of_open_nodes(capacity, desk.oms.catalog, now) == 0
    tomorrow = now.replace(hour=0, minute=5) + timedelta(days=1)
    assert tell_of_open_nodes(capacity, desk.oms.catalog, tomorrow) == 1


# --- a part goes ahead ---------------------------------------------------------------------------


class InParts:
    def for_channel(self, channel: str, now: datetime) -> SourcingPolicy:
        rule = Rule("parts", partial=True, otherwise=Otherwise((Step.WAIT,)))
        return SourcingPolicy("parts", (rule,))


def test_what_comes_first_goes_ahead_where_the_policy_says_so(desk: Desk) -> None:
    desk.policies = InParts()
    order = desk.oms.capture(content(line("MUG"), line("TEE")))
    with pytest.raises(Backordered):
        desk.release(order.order_id)
    awaits(desk, order, "stock")
    desk.oms.receive("MUG", 1)
    wake(desk, "MUG")
    assert [token for token, _ in desk.oms.lifecycle.resumed] == ["token"]
    order = desk.release(order.order_id)
    assert at(order, SP).units == {"MUG": 1}
    assert order.backordered_lines == ("TEE",)
    desk.check()


def test_what_came_before_its_token_was_there_goes_ahead_too(desk: Desk) -> None:
    desk.policies = InParts()
    order = desk.oms.capture(content(line("MUG"), line("TEE")))
    with pytest.raises(Backordered):
        desk.release(order.order_id)
    desk.oms.receive("MUG", 1)
    waits(desk, order, "stock")
    assert [token for token, _ in desk.oms.lifecycle.resumed] == ["token"]


def test_a_person_is_told_that_it_is_too_much_at_once(desk: Desk) -> None:
    skus = [f"S{number:03}" for number in range(60)]
    for sku in skus:
        desk.oms.catalog.put_item(Item(sku, "A thing"))
        desk.oms.receive(sku, 1)
    wanted = content(*(line(sku) for sku in skus), on_out_of_stock=OutOfStockPolicy.CANCEL)
    order = desk.released(wanted)
    for part in order.live_fulfillments:
        order = desk.reject(part)
    order = desk.reroute(order)
    for sku in skus:
        desk.oms.receive(sku, 1, RJ)
    everything = Resolution("route_to", node=RJ.id)
    with pytest.raises(TooLarge, match="fewer"):
        exceptions.resolve(order.order_id, everything, desk.router, desk.cause())
    some = replace(everything, lines=dict.fromkeys(skus[:20], 1))
    order = exceptions.resolve(order.order_id, some, desk.router, desk.cause())
    assert len(at(order, RJ).lines) == 20
    desk.check()


# --- between the plan and its commit -------------------------------------------------------------


def test_what_a_person_decides_is_what_is_reserved(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    oms = desk.oms
    oms.catalog.put_node(replace(MG, drop_ship=True))
    oms.receive("MUG", 1)
    wanted = content(line("MUG"), on_out_of_stock=OutOfStockPolicy.CANCEL)
    order = desk.reroute(desk.reject(at(desk.released(wanted), SP)))
    oms.receive("MUG", 1, MG)
    look = oms.stock.positions

    def goes_meanwhile(*asked: Any, **how: Any) -> Any:
        found = look(*asked, **how)
        if found["MUG"].at(MG.id).available:
            oms.move("MUG", -1, MovementKind.ADJUSTMENT, MG)
        return found

    monkeypatch.setattr(oms.stock, "positions", goes_meanwhile)
    with pytest.raises(StockContended):
        exceptions.resolve(
            order.order_id, Resolution("route_to", node=MG.id), desk.router, desk.cause()
        )
    monkeypatch.undo()
    desk.holds_what_is_reserved(oms.orders.load(order.order_id))
    desk.check()


# --- what suppliers send -------------------------------------------------------------------------


class Sent:
    def for_channel(self, channel: str, now: datetime) -> SourcingPolicy:
        rule = Rule("sent", otherwise=Otherwise((Step.DROP_SHIP, Step.WAIT)))
        return SourcingPolicy("sent", (rule,))


def test_who_waits_for_a_supplier_that_is_full_is_told_when_it_is_not(desk: Desk) -> None:
    oms = desk.oms
    supplier = replace(MG, id="supplier", drop_ship=True, capacity_per_day=1)
    oms.catalog.put_node(supplier)
    oms.catalog.put_item(Item("VASE", "A vase", suppliers=("supplier",)))
    desk.policies = Sent()
    assert at(desk.released(content(line("VASE"))), supplier).drop_ship
    order = oms.capture(content(line("VASE"), number="2"))
    with pytest.raises(Backordered):
        desk.release(order.order_id)
    assert list(oms.stock.capacity.waited_for()) == ["supplier"]
    assert oms.catalog.made_with("VASE") == ("VASE",)
    oms.catalog.put_node(replace(supplier, capacity_per_day=2))
    assert tell_of_open_nodes(oms.stock.capacity, oms.catalog, desk.cause().at) == 1
    assert at(desk.release(order.order_id), supplier).drop_ship
    assert audit(oms.client, "inventory", "orders") == []
