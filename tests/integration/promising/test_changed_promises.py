"""A promised order is wanted in part only, or elsewhere: what its promise took follows."""

from dataclasses import replace
from decimal import Decimal

from oms.catalog.delivery import Component, Production, Promising, PromisingMode
from oms.catalog.model import Item
from oms.orders import events as happened
from oms.orders.cancelling import Asked, cancel_lines
from oms.orders.model import Order
from oms.promising import keeping
from tests.integration.promising.desk import Desk, day
from tests.integration.promising.test_from_question_to_order import CHECKED, asked, captured
from tests.integration.world import SP
from tests.samples import CAUSE


def cancel(desk: Desk, order: Order, line_id: str, units: int | None = None) -> None:
    asked_for = [Asked(line_id, None if units is None else Decimal(units))]
    oms = desk.oms
    cancel_lines(order.order_id, asked_for, "why", "", oms.orders, oms.stock, CAUSE)
    for _ in range(2):
        keeping.units_cancelled(order.order_id, desk.keeper)


def bakery(desk: Desk, flour: int) -> None:
    made = Production("oven", ("sp-dc",), 1, (Component("FLOUR", 1),))
    bread = Item("BREAD", "Bread", promising=Promising(PromisingMode.CTP, production=made))
    desk.oms.catalog.put_item(bread)
    desk.oms.catalog.put_item(Item("FLOUR", "Flour"))
    desk.promises.set_days("oven", {day(number): 1 for number in range(4, 10)})
    desk.due("po_flour", 3, flour, "FLOUR")


def left(desk: Desk) -> list[int]:
    return [one.left for one in desk.promises.days({"oven"}, day(4), day(9))["oven"]]


def test_units_of_a_supply_that_are_cancelled_may_be_promised_again(desk: Desk) -> None:
    desk.due("po_1", 5, 3)
    order = captured(desk, asked(desk, quantity=3), quantity=3)

    cancel(desk, order, "MUG", 2)

    assert desk.promised_of("po_1") == 1
    assert [sum(part.quantity for part in row.parts) for row in desk.rows()] == [1]


def test_capacity_for_units_that_are_cancelled_may_be_promised_again_once(desk: Desk) -> None:
    bakery(desk, flour=5)
    order = captured(desk, asked(desk, "BREAD", 2), "BREAD", 2)
    assert sum(left(desk)) == 4

    cancel(desk, order, "BREAD", 1)

    assert sum(left(desk)) == 5
    (row,) = desk.rows("BREAD")
    assert sum(booking.units for booking in row.bookings) == 1


def test_what_goes_elsewhere_is_dated_anew(desk: Desk) -> None:
    desk.due("po_1", 5, 1)
    order = captured(desk, asked(desk))
    there = replace(order.content.shipping_address, city="Manaus", region="AM")
    there = replace(there, latitude=-3.1, longitude=-60.0, postal_code="69005-000")
    changed = happened.AddressChanged(there, promised=True)
    desk.oms.orders.commit(order, (changed,), CAUSE)

    for _ in range(2):
        keeping.address_changed(order.order_id, desk.keeper, CHECKED)

    (row,) = desk.rows()
    assert (row.destination.city, row.destination.postal_code) == ("Manaus", "69005-000")


def test_what_is_left_of_a_promise_comes_from_where_it_was_promised(desk: Desk) -> None:
    desk.due("po_1", 5, 3)
    order = captured(desk, asked(desk, quantity=3), quantity=3)
    cancel(desk, order, "MUG", 2)
    desk.oms.receive("MUG", 5)

    after = desk.reserve(desk.oms.orders.load(order.order_id))

    assert after.progress.sourcing_rule == "promised_nodes"
    assert [one.quantity for one in after.progress.allocations] == [1]
    counts = after.progress.counts[0]
    assert (counts.reserved, counts.cancelled, after.open_quantity(0)) == (1, 2, 0)


def test_a_line_that_is_made_is_held_as_what_is_made_not_as_what_goes_into_it(desk: Desk) -> None:
    bakery(desk, flour=5)
    desk.oms.catalog.put_node(replace(SP, makes=True))
    order = captured(desk, asked(desk, "BREAD"), "BREAD")
    desk.oms.receive("FLOUR", 5)

    desk.reserve(order)
    keeping.stock_is_held(order.order_id, desk.keeper, CHECKED)

    (row,) = desk.rows("BREAD")
    assert row.held
    assert [part.quantity for part in row.parts] == [1]
    assert desk.oms.balance("FLOUR").reserved == 1
