from dataclasses import replace
from datetime import timedelta

import pytest

from oms.catalog.model import Item
from oms.inventory.model import MovementKind, Need
from oms.kernel.errors import Backordered, OrderCancelRequested, OutOfStock, StockContended
from oms.orders import events as happened
from oms.orders import exceptions, sourcing, work
from oms.orders.exceptions import Resolution
from oms.orders.model import Allocation, Content, Order, OutOfStockPolicy, State
from oms.orders.needs import needs_of
from oms.orders.rerouting import Router
from oms.routing.policies import BuiltIn
from tests.integration.world import RJ, SP, World
from tests.samples import CAUSE, content, line

LATER = replace(CAUSE, at=CAUSE.at + timedelta(minutes=5))


def reserve(oms: World, order: Order) -> Order:
    return sourcing.reserve(
        order.order_id,
        oms.orders,
        oms.stock,
        oms.catalog,
        BuiltIn(),
        LATER,
    )


def unreserve(oms: World, order: Order) -> Order:
    return sourcing.unreserve(order.order_id, oms.orders, oms.stock, LATER)


def large(lines: int = 40) -> Content:
    return content(*(line(f"SKU-{number:03}") for number in range(lines)))


def test_an_order_is_reserved_at_the_nearest_node_and_says_why(oms: World) -> None:
    oms.receive("MUG", 5, RJ)
    oms.receive("TEE", 5, RJ)
    oms.receive("MUG", 5, SP)
    oms.receive("TEE", 5, SP)
    order = reserve(oms, oms.capture(content()))
    assert order.state is State.SOURCED
    assert {allocation.node for allocation in order.progress.allocations} == {"sp-dc"}
    assert "nearest of 2" in order.progress.sourcing_reason
    assert oms.balance("MUG").reserved == 2


def test_sourcing_again_reserves_nothing_more(oms: World) -> None:
    oms.receive("MUG", 5)
    oms.receive("TEE", 5)
    order = reserve(oms, oms.capture(content()))
    assert reserve(oms, order) == order
    assert oms.ledger("MUG") == (5, 2)


def test_an_order_that_cannot_be_filled_reserves_nothing_and_waits(oms: World) -> None:
    oms.receive("MUG", 5)
    order = oms.capture(content())
    with pytest.raises(Backordered):
        reserve(oms, order)
    assert oms.orders.load(order.order_id).status == "backordered"
    assert oms.balance("MUG").reserved == 0
    assert oms.waiting("TEE") == [order.order_id]
    assert oms.waiting("MUG") == []


def test_a_backordered_order_leaves_the_queue_when_it_is_filled(oms: World) -> None:
    oms.receive("MUG", 5)
    order = oms.capture(content())
    with pytest.raises(Backordered):
        reserve(oms, order)
    oms.receive("TEE", 1)
    assert reserve(oms, order).state is State.SOURCED
    assert oms.waiting("TEE") == []


def test_a_backordered_order_moves_to_the_queue_of_what_it_lacks_now(oms: World) -> None:
    oms.receive("MUG", 5)
    order = oms.capture(content())
    with pytest.raises(Backordered):
        reserve(oms, order)
    oms.move("MUG", -5, MovementKind.ADJUSTMENT)
    oms.receive("TEE", 1)
    with pytest.raises(Backordered):
        reserve(oms, order)
    assert oms.waiting("TEE") == []
    assert oms.waiting("MUG") == [order.order_id]


def test_an_order_that_will_not_wait_is_out_of_stock(oms: World) -> None:
    order = oms.capture(content(on_out_of_stock=OutOfStockPolicy.CANCEL))
    for _ in range(2):
        with pytest.raises(OutOfStock):
            reserve(oms, order)
    assert [e.type for e in oms.orders.history(order.order_id)] == [
        "order_captured",
        "order_out_of_stock",
    ]


def test_a_cancelled_order_gives_everything_back_and_leaves_every_queue(oms: World) -> None:
    oms.receive("MUG", 5)
    waiting = oms.capture(content())
    with pytest.raises(Backordered):
        reserve(oms, waiting)
    unreserve(oms, waiting)
    assert oms.waiting("TEE") == []
    oms.receive("TEE", 1)
    held = reserve(oms, oms.capture(content(number="2")))
    unreserve(oms, held)
    assert unreserve(oms, held).progress.allocations == ()
    assert oms.ledger("MUG") == (5, 0)


def test_two_lines_of_one_sku_move_its_balance_once(oms: World) -> None:
    oms.receive("MUG", 3)
    order = oms.capture(content(line("MUG", 2), line("MUG", 1, line_id="gift")))
    reserve(oms, order)
    assert oms.ledger("MUG") == (3, 3)


def test_an_order_that_is_being_cancelled_is_not_sourced(oms: World) -> None:
    oms.receive("MUG", 5)
    order = oms.capture(content())
    oms.orders.commit(order, (happened.CancelRequested("no"),), CAUSE)
    with pytest.raises(OrderCancelRequested):
        reserve(oms, order)


def stocked(oms: World, order: Content, units: int = 1) -> None:
    for entry in order.lines:
        oms.catalog.put_item(Item(entry.sku, entry.sku))
        oms.receive(entry.sku, units)


def test_a_large_order_is_reserved_whole(oms: World) -> None:
    stocked(oms, large())
    order = reserve(oms, oms.capture(large()))
    assert order.state is State.SOURCED
    assert order.progress.reserving_since is None
    assert all(oms.balance(entry.sku).reserved == 1 for entry in order.content.lines)


def test_a_large_order_that_died_half_way_is_taken_up_where_it_stopped(oms: World) -> None:
    stocked(oms, large())
    order = oms.capture(large())
    planned = plan_and_take_one_chunk(oms, order)
    assert reserve(oms, planned).state is State.SOURCED
    assert all(oms.ledger(entry.sku) == (1, 1) for entry in order.content.lines)


def test_a_large_order_that_loses_a_race_gives_back_what_it_took(oms: World) -> None:
    stocked(oms, large())
    planned = plan_and_take_one_chunk(oms, oms.capture(large()))
    oms.move("SKU-039", -1, MovementKind.ADJUSTMENT)
    with pytest.raises(StockContended):
        reserve(oms, planned)
    assert all(oms.ledger(entry.sku)[1] == 0 for entry in planned.content.lines)
    assert oms.orders.load(planned.order_id).progress.reserving_since is None
    with pytest.raises(Backordered):
        reserve(oms, planned)


def test_a_large_order_that_is_cancelled_half_way_gives_back_what_it_took(oms: World) -> None:
    stocked(oms, large())
    planned = plan_and_take_one_chunk(oms, oms.capture(large()))
    oms.orders.commit(planned, (happened.CancelRequested("no"),), CAUSE)
    with pytest.raises(OrderCancelRequested):
        reserve(oms, planned)
    unreserve(oms, planned)
    assert all(oms.ledger(entry.sku) == (1, 0) for entry in planned.content.lines)


def test_a_large_order_gives_everything_back_when_it_is_cancelled(oms: World) -> None:
    stocked(oms, large())
    order = reserve(oms, oms.capture(large()))
    unreserve(oms, order)
    assert all(oms.ledger(entry.sku) == (1, 0) for entry in order.content.lines)


def plan_and_take_one_chunk(oms: World, order: Order) -> Order:
    """The order as a run leaves it that dies after its first chunk."""
    allocations = tuple(
        Allocation(entry.line_id, entry.sku, SP.id, 1) for entry in order.content.lines
    )
    events = (happened.SourcingPlanned(allocations, "a rule", "a reason", CAUSE.at),)
    planned = oms.orders.commit(order, events, CAUSE)
    needs = needs_of(allocations)[: sourcing.NEEDS_IN_ONE]
    oms.stock.transact(oms.stock.reserve(needs, order.order_id, CAUSE))
    assert oms.stock.has_reserved(Need(needs[0].sku, "sp-dc", 1), order.order_id, CAUSE)
    return planned


@pytest.mark.parametrize("action", ["route_to", "backorder", "cancel_units"])
def test_nobody_decides_on_an_order_while_it_is_reserved_chunk_by_chunk(
    oms: World, action: str
) -> None:
    """Else what it holds already would be forgotten."""
    stocked(oms, large())
    planned = plan_and_take_one_chunk(oms, oms.capture(large()))
    failed = happened.RoutingFailed(work.as_units({"SKU-039": 1}), "nobody has it")
    oms.orders.commit(planned, (failed,), CAUSE)
    router = Router(oms.orders, oms.stock, oms.catalog, BuiltIn())

    with pytest.raises(StockContended):
        exceptions.resolve(planned.order_id, Resolution(action, node=SP.id), router, LATER)
