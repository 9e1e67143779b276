"""A promise is accepted with the order that is captured on it, or there is no order."""

from dataclasses import replace
from typing import Any

import pytest

from oms.catalog.model import Channel
from oms.kernel.errors import Conflict, Invalid, NotFound, OmsError
from oms.kernel.ids import order_id
from oms.orders.capture import capture
from oms.orders.contract import order_view
from oms.orders.promised import Accepted
from oms.promising.model import CapacityBooking, Destination
from tests.integration.promising.desk import Desk, day, from_supply, later, part, request_of
from tests.integration.world import RJ
from tests.samples import CAUSE, NOW, content, line

OVEN = (CapacityBooking("oven", day(3), 1),)


def is_captured(desk: Desk, number: str = "1") -> bool:
    try:
        desk.oms.orders.load(order_id("web", f"id:{number}"))
    except NotFound:
        return False
    return True


def refused(desk: Desk, promise: str, **more: Any) -> OmsError:
    with pytest.raises(OmsError) as caught:
        desk.capture(promise, **more)
    assert not is_captured(desk, more.get("number", "1"))
    assert desk.rows() == []
    return caught.value


def test_an_order_is_captured_with_what_it_was_promised(desk: Desk) -> None:
    desk.due("po_1", 5, 10)
    captured = desk.capture(desk.offer(part(quantity=2), from_supply("po_1", 5, 3)), 5)
    promise = order_view(captured.order).promise
    assert promise is not None
    assert (promise.id, promise.option, promise.arrive_by) == ("prm_1", "opt_1", "2026-05-11")
    assert [(line.source, line.arrive_by) for line in promise.lines] == [
        ("on_hand", "2026-05-06"),
        ("supply:po_1", "2026-05-11"),
    ]
    assert promise.expected == promise.arrive_by
    assert desk.oms.orders.load(captured.order.order_id).content.promise is not None


def test_what_was_promised_is_dated_demand_and_is_taken_from_its_supply(desk: Desk) -> None:
    desk.due("po_1", 5, 10)
    order = desk.promised(part(quantity=2), from_supply("po_1", 5, 3), priority=7)
    (row,) = desk.rows()
    assert (row.order_id, row.promised, row.priority) == (order.order_id, day(7), 7)
    assert desk.promised_of("po_1") == 3
    rows = desk.demand.rows("MUG", 10, None).rows
    assert [(each.source, each.quantity) for each in rows] == [("on_hand", 2), ("supply:po_1", 3)]


def test_dated_demand_is_read_page_by_page(desk: Desk) -> None:
    desk.due("po_1", 5, 3)
    for number in "123":
        desk.promised(from_supply("po_1", 5), number=number)
    first = desk.demand.rows("MUG", 2, None)
    second = desk.demand.rows("MUG", 2, first.cursor)
    assert len(first.rows) == 2
    assert {row.order_id for row in (*first.rows, *second.rows)} == {
        row.order_id for row in desk.rows()
    }


def test_the_same_order_again_is_the_same_order_and_takes_nothing_more(desk: Desk) -> None:
    desk.due("po_1", 5, 10)
    promise = desk.offer(from_supply("po_1", 5))
    first, second = desk.capture(promise), desk.capture(promise)
    assert (first.created, second.created) == (True, False)
    assert second.order == first.order
    assert desk.promised_of("po_1") == 1


def test_the_same_order_again_is_found_when_its_promise_has_expired(desk: Desk) -> None:
    desk.oms.receive("MUG", 1)
    promise = desk.offer()
    desk.capture(promise)
    assert not desk.capture(promise, after=60).created
    desk.forget(promise)
    assert not desk.capture(promise).created
    with pytest.raises(Conflict) as caught:
        desk.capture(promise, 2)
    assert caught.value.problem_code == "content_differs"


def test_a_promise_is_for_one_order(desk: Desk) -> None:
    desk.oms.receive("MUG", 2)
    promise = desk.offer()
    desk.capture(promise)
    with pytest.raises(Conflict) as caught:
        desk.capture(promise, number="2")
    assert caught.value.problem_code == "promise_taken"
    assert not is_captured(desk, "2")


def test_a_promise_that_has_expired_is_refused(desk: Desk) -> None:
    assert refused(desk, desk.offer(), after=15).problem_code == "promise_expired"


def test_a_promise_that_is_not_known_is_refused(desk: Desk) -> None:
    assert refused(desk, "prm_9").problem_code == "unknown_promise"
    promise = desk.offer(options=())
    assert refused(desk, promise).problem_code == "unknown_option"


def test_a_promise_whose_day_is_past_is_refused(desk: Desk) -> None:
    promise = desk.offer(replace(part(), ship_by=later(minutes=-1)))
    assert refused(desk, promise).problem_code == "promise_in_the_past"


@pytest.mark.parametrize(
    "lines",
    [
        [{"sku": "MUG", "quantity": 2, "unit_price": "10.00"}],
        [{"sku": "TEE", "quantity": 1, "unit_price": "10.00"}],
        [{"sku": "MUG", "line_id": "other", "quantity": 1, "unit_price": "10.00"}],
        [{"sku": sku, "quantity": 1, "unit_price": "10.00"} for sku in ("MUG", "TEE")],
    ],
)
def test_a_promise_for_other_lines_is_refused(desk: Desk, lines: list[dict[str, Any]]) -> None:
    error = refused(desk, desk.offer(), lines=lines)
    assert (error.problem_code, error.faults[0].path) == ("promise_mismatch", "lines")


def test_every_way_in_which_a_promise_is_not_for_the_order_is_told(desk: Desk) -> None:
    desk.oms.catalog.put_channel(Channel("app", "App", ("BRL",)))
    promise = desk.offer(destination=Destination("BR", postal_code="20000-000"))
    with pytest.raises(Invalid) as caught:
        desk.capture(promise, 2, channel="app")
    assert [fault.path for fault in caught.value.faults] == ["channel", "lines", "shipping_address"]


def test_what_was_promised_from_elsewhere_is_not_collected(desk: Desk) -> None:
    desk.oms.catalog.put_node(replace(RJ, pickup="local"))
    ordered = {"sku": "MUG", "quantity": 1, "unit_price": "10.00", "method": "pickup"}
    error = refused(desk, desk.offer(), lines=[{**ordered, "pickup_node": "rj-store"}])
    assert [fault.path for fault in error.faults] == ["lines.0.pickup_node"]
    assert error.problem_code == "promise_mismatch"


def test_a_promise_that_was_asked_for_without_a_postal_code_is_for_the_country(desk: Desk) -> None:
    desk.oms.receive("MUG", 1)
    assert desk.capture(desk.offer(destination=Destination("BR"))).created


def test_an_order_with_a_promise_is_refused_where_none_is_taken(desk: Desk) -> None:
    request = request_of("prm_1", 1, "1")
    with pytest.raises(Invalid) as caught:
        capture(request, desk.oms.orders, desk.oms.catalog, CAUSE)
    assert caught.value.problem_code == "promise_refused"


@pytest.mark.parametrize("slip", [(6, 10), (5, 0)])
def test_a_supply_that_slipped_since_is_not_promised(desk: Desk, slip: tuple[int, int]) -> None:
    desk.due("po_1", 5, 10)
    promise = desk.offer(from_supply("po_1", 5))
    desk.due("po_1", *slip)
    assert refused(desk, promise).problem_code == "promise_gone"


def test_a_supply_that_has_come_is_not_promised_any_more(desk: Desk) -> None:
    assert refused(desk, desk.offer(from_supply("po_1", 5))).problem_code == "promise_gone"


def test_of_two_orders_for_the_last_unit_of_a_supply_one_has_it(desk: Desk) -> None:
    """Both were looked at before either was written: the conditions decide."""
    desk.due("po_1", 5, 1)
    first, second = (looked_at(desk, number) for number in "12")
    desk.oms.orders.add(first.content, "f", CAUSE, also=first.writes)
    with pytest.raises(Conflict) as caught:
        desk.oms.orders.add(second.content, "f", CAUSE, also=second.writes)
    assert caught.value.problem_code == "promise_gone"
    assert not is_captured(desk, "2")
    assert (desk.promised_of("po_1"), len(desk.rows())) == (1, 1)


def looked_at(desk: Desk, number: str) -> Accepted:
    promise = desk.offer(from_supply("po_1", 5), number=number)
    return desk.acceptance.accept(content(line("MUG"), number=number), promise, "opt_1", NOW)


def test_an_order_that_has_its_stock_from_a_reservation_waits_for_no_supply(desk: Desk) -> None:
    ordered, promise = content(line("MUG")), desk.offer()
    accepted = desk.acceptance.accept(ordered, promise, "opt_1", NOW)
    desk.oms.orders.add(accepted.content, "f", CAUSE, also=accepted.with_stock)
    assert desk.rows()[0].reserved
    assert desk.demand.rows("MUG", 10, None).rows == ()


def test_a_day_of_capacity_is_sold_once(desk: Desk) -> None:
    desk.promises.set_days("oven", {day(3): 1})
    made = part(source="production:oven", ready_in=3)
    desk.promised(made, bookings=OVEN)
    second = desk.offer(made, number="2", bookings=OVEN)
    with pytest.raises(Conflict) as caught:
        desk.capture(second, number="2")
    assert caught.value.problem_code == "promise_gone"
    assert desk.capacity_left("oven", day(3)) == 0
    assert not is_captured(desk, "2")


def test_two_lines_of_one_supply_take_from_it_once(desk: Desk) -> None:
    desk.due("po_1", 5, 2)
    lines = [{"sku": "MUG", "line_id": name, "quantity": 1, "unit_price": "10.00"} for name in "ab"]
    parts = (replace(from_supply("po_1", 5), line_id=name) for name in "ab")
    desk.capture(desk.offer(*parts), lines=lines)
    assert desk.promised_of("po_1") == 2
    assert len(desk.rows()) == 2


def test_an_order_without_a_promise_shows_none(desk: Desk) -> None:
    order = desk.capture("", promise=None).order
    assert order_view(order).promise is None
    assert desk.rows() == []
    assert order.content.captured_at == NOW
