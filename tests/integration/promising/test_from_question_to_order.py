"""From what a customer asks to what they are told when supply slips: both halves of a promise."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from oms.catalog.delivery import Component, Production, Promising, PromisingMode
from oms.catalog.model import Item
from oms.inventory.position import Supply
from oms.kernel.errors import Conflict
from oms.orders import events as happened
from oms.orders import paying
from oms.orders.capture import capture
from oms.orders.model import Order, State
from oms.promising import asking, keeping
from oms.promising.asking import AskedLine, Known, Question
from oms.promising.model import Promise
from tests.integration.promising.desk import TO, Desk, day, later, request_of
from tests.samples import CAUSE, NOW

CHECKED = replace(CAUSE, at=later(hours=1), by="jeopardy")


def asked(desk: Desk, sku: str = "MUG", quantity: int = 1, number: str = "1") -> Promise:
    known = Known(desk.oms.catalog, desk.oms.stock, desk.promises)
    question = Question("web", TO, [AskedLine(sku, Decimal(quantity))])
    answer = asking.promise(question, f"prm_{number}", NOW, known, desk.promises)
    assert answer.promise is not None
    return answer.promise


def captured(
    desk: Desk, promise: Promise, sku: str = "MUG", quantity: int = 1, number: str = "1"
) -> Order:
    lines = [{"sku": sku, "quantity": quantity, "unit_price": "10.00"}]
    option = {"id": promise.id, "option": promise.options[0].id}
    request = request_of("", 1, number, lines=lines, promise=option)
    accept = desk.acceptance.accept
    oms = desk.oms
    taken = capture(request, oms.orders, oms.catalog, CAUSE, accept=accept, stock=oms.stock)
    return taken.order


def test_what_is_on_the_shelf_is_promised_captured_and_sourced_from_there(desk: Desk) -> None:
    desk.oms.receive("MUG", 5)
    order = captured(desk, asked(desk))
    assert [part.source for part in order.promised_parts] == ["on_hand"]
    assert desk.reserve(order).progress.sourcing_rule == "promised_nodes"


def test_what_is_promised_of_a_supply_is_not_offered_again(desk: Desk) -> None:
    desk.due("po_1", 5, 2)
    captured(desk, asked(desk, quantity=2), quantity=2)
    known = Known(desk.oms.catalog, desk.oms.stock, desk.promises)
    again = asking.promise(
        Question("web", TO, [AskedLine("MUG", Decimal(1))]), "prm_2", NOW, known, desk.promises
    )
    assert again.promise is None


def test_of_two_who_were_offered_the_same_units_one_gets_them(desk: Desk) -> None:
    desk.due("po_1", 5, 1)
    first, second = (asked(desk, number=number) for number in "12")
    captured(desk, first)
    with pytest.raises(Conflict) as caught:
        captured(desk, second, number="2")
    assert caught.value.problem_code == "promise_gone"


def test_a_slip_is_reckoned_with_the_days_the_promise_was_made_of(desk: Desk) -> None:
    desk.due("po_1", 5, 1)
    order = captured(desk, asked(desk))
    assert order.content.promise is not None
    assert order.content.promise.arrive_by == day(7)
    assert keeping.look_after("MUG", "slip", desk.keeper, CHECKED) == 0
    desk.due("po_1", 9, 1)
    assert keeping.look_after("MUG", "slip", desk.keeper, CHECKED) == 1
    assert desk.oms.orders.load(order.order_id).expected_day == day(11)


def test_a_bundle_is_promised_and_captured_as_its_components(desk: Desk) -> None:
    desk.oms.catalog.put_item(
        Item("SET", "A set", components=(Component("MUG", 2), Component("TEE", 1)))
    )
    desk.oms.receive("MUG", 2)
    desk.oms.receive("TEE", 1)
    order = captured(desk, asked(desk, "SET"), "SET")
    assert {(part.line_id, part.quantity) for part in order.promised_parts} == {
        ("SET/MUG", 2),
        ("SET/TEE", 1),
    }
    assert len(desk.rows("MUG")) == len(desk.rows("TEE")) == 1


def test_a_bundle_and_a_single_of_one_component_are_reserved_together(desk: Desk) -> None:
    parts = (Component("MUG", 2), Component("TEE", 1))
    desk.oms.catalog.put_item(Item("SET", "A set", components=parts))
    desk.oms.receive("MUG", 3)
    desk.oms.receive("TEE", 1)
    oms, basket = desk.oms, {"SET": 1, "MUG": 1}
    lines = [AskedLine(sku, Decimal(units)) for sku, units in basket.items()]
    known = Known(oms.catalog, oms.stock, desk.promises)
    promise = asking.promise(Question("web", TO, lines), "prm_1", NOW, known, desk.promises).promise
    assert promise is not None
    ordered = [
        {"sku": sku, "quantity": units, "unit_price": "10.00"} for sku, units in basket.items()
    ]
    option = {"id": promise.id, "option": promise.options[0].id}
    request = request_of("", 1, "1", lines=ordered, promise=option)
    accept = desk.acceptance.accept
    order = capture(request, oms.orders, oms.catalog, CAUSE, accept=accept, stock=oms.stock).order
    assert order.state is State.SOURCED
    assert (oms.balance("MUG").available, oms.balance("TEE").available) == (0, 0)


def bakery(desk: Desk, flour: int) -> Supply:
    """Bread is made at sp-dc of flour that is due in three days, one a day."""
    made = Production("oven", ("sp-dc",), 1, (Component("FLOUR", 1),))
    bread = Item("BREAD", "Bread", promising=Promising(PromisingMode.CTP, production=made))
    desk.oms.catalog.put_item(bread)
    desk.oms.catalog.put_item(Item("FLOUR", "Flour"))
    desk.promises.set_days("oven", {day(number): 1 for number in range(4, 10)})
    return desk.due("po_flour", 3, flour, "FLOUR")


def test_a_day_of_an_oven_is_sold_to_one_order(desk: Desk) -> None:
    bakery(desk, flour=5)
    first, second = (asked(desk, "BREAD", number=number) for number in "12")
    captured(desk, first, "BREAD")
    with pytest.raises(Conflict) as caught:
        captured(desk, second, "BREAD", number="2")
    assert caught.value.problem_code == "promise_gone"
    third = captured(desk, asked(desk, "BREAD", number="3"), "BREAD", number="3")
    assert third.content.promise is not None
    assert third.content.promise.arrive_by > first.options[0].arrive_by


def test_what_production_uses_up_is_promised_too(desk: Desk) -> None:
    bakery(desk, flour=1)
    first, second = (asked(desk, "BREAD", number=number) for number in "12")
    order = captured(desk, first, "BREAD")
    assert desk.promised_of("po_flour", "FLOUR") == 1
    with pytest.raises(Conflict):
        captured(desk, second, "BREAD", number="2")
    order = desk.oms.orders.commit(order, (happened.CancelRequested("no"),), CAUSE)
    desk.oms.orders.commit(order, paying.close_cancelled(order, "no"), CAUSE)
    for _ in range(2):
        keeping.order_cancelled(order.order_id, desk.keeper)
    assert desk.promised_of("po_flour", "FLOUR") == 0
    assert desk.rows("FLOUR") == []
    assert [each.left for each in desk.promises.days({"oven"}, day(4), day(9))["oven"]] == [1] * 6


def test_a_component_that_slips_makes_what_is_made_of_it_late(desk: Desk) -> None:
    bakery(desk, flour=1)
    order = captured(desk, asked(desk, "BREAD"), "BREAD")
    assert keeping.look_after("FLOUR", "slip", desk.keeper, CHECKED) == 0
    desk.due("po_flour", 7, 1, "FLOUR")
    assert keeping.look_after("FLOUR", "slip", desk.keeper, CHECKED) == 1
    assert keeping.look_after("FLOUR", "slip", desk.keeper, CHECKED) == 0
    outlook = desk.oms.orders.load(order.order_id).outlook("BREAD")
    promised = order.promised_day("BREAD")
    assert promised is not None
    assert outlook.expected == promised + timedelta(days=4)


def test_what_was_made_needs_its_components_no_more(desk: Desk) -> None:
    bakery(desk, flour=1)
    order = captured(desk, asked(desk, "BREAD"), "BREAD")
    desk.oms.receive("BREAD", 1)
    desk.reserve(order)
    keeping.stock_is_held(order.order_id, desk.keeper, CHECKED)
    assert desk.rows("FLOUR")[0].held
    assert desk.promised_of("po_flour", "FLOUR") == 0
