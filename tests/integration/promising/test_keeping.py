"""Promises are kept, and whose cannot be kept is told: by the SKU's rows, never by its orders."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, cast

import pytest

from oms.aws.demand_store import DemandStore
from oms.aws.order_store import OrderStore
from oms.aws.policy_store import PolicyStore
from oms.inventory.model import MovementKind
from oms.inventory.policy import Oversell, SellingPolicy
from oms.kernel.errors import Backordered, Conflict, OutOfStock
from oms.orders import decisions, paying
from oms.orders import events as happened
from oms.orders.contract import order_view
from oms.orders.model import Order, OutOfStockPolicy, State
from oms.orders.store import Orders
from oms.promising import keeping
from oms.promising.demand import DemandLine, DemandLines
from oms.promising.jeopardies import in_jeopardy
from oms.promising.model import CapacityBooking
from oms.promising.severity import Severity
from oms.reporting.waiting import project
from tests.integration.promising.desk import Desk, day, from_supply, later, part
from tests.integration.world import RJ
from tests.samples import CAUSE, content, line

CHECKED = replace(CAUSE, at=later(hours=1), by="jeopardy")


def look(desk: Desk, reason: str = "slip", sku: str = "MUG") -> int:
    return keeping.look_after(sku, reason, desk.keeper, CHECKED)


def waiting(desk: Desk, supply_id: str = "po_1", ready_in: int = 5, number: str = "1") -> Order:
    """An order that was promised a unit of a supply, and is there two days later."""
    return desk.promised(from_supply(supply_id, ready_in), number=number)


def now(desk: Desk, order: Order) -> Order:
    return desk.oms.orders.load(order.order_id)


def sourced(desk: Desk, order: Order) -> Order:
    desk.reserve(order)
    keeping.stock_is_held(order.order_id, desk.keeper, CHECKED)
    return now(desk, order)


def cancelled(desk: Desk, order: Order) -> Order:
    asked = happened.CancelRequested("changed my mind")
    order = desk.oms.orders.commit(now(desk, order), (asked,), CAUSE)
    closed = paying.close_cancelled(order, "changed my mind")
    return desk.oms.orders.commit(order, closed, CAUSE)


# --- jeopardy -----------------------------------------------------------------------------------


def test_nobody_hears_of_a_supply_that_comes_as_it_should(desk: Desk) -> None:
    desk.due("po_1", 5, 10)
    order = waiting(desk)
    assert look(desk) == 0
    assert desk.types(order) == ["order_captured"]


@pytest.mark.parametrize(
    ("due_in", "days", "severity"), [(6, 1, "low"), (8, 3, "medium"), (12, 7, "high")]
)
def test_a_supply_that_slips_puts_its_promises_in_jeopardy(
    desk: Desk, due_in: int, days: int, severity: str
) -> None:
    desk.due("po_1", 5, 10)
    order = waiting(desk)
    desk.due("po_1", due_in, 10)
    assert look(desk) == 1
    promise = order_view(now(desk, order)).promise
    assert promise is not None
    (change,) = promise.changes
    assert (change.days_late, change.severity, change.reason) == (days, severity, "slip")
    assert (promise.arrive_by, promise.expected) == (str(day(7)), str(day(due_in + 2)))


def test_the_same_news_again_tells_nobody_anything(desk: Desk) -> None:
    desk.due("po_1", 5, 10)
    order = waiting(desk)
    desk.due("po_1", 8, 10)
    assert (look(desk), look(desk)) == (1, 0)
    assert desk.types(order) == ["order_captured", "promise_in_jeopardy"]


def test_another_slip_is_another_day(desk: Desk) -> None:
    desk.due("po_1", 5, 10)
    order = waiting(desk)
    for due_in in (8, 9):
        desk.due("po_1", due_in, 10)
        look(desk)
    assert desk.types(order)[1:] == ["promise_in_jeopardy", "promise_in_jeopardy"]
    assert now(desk, order).outlook("MUG").expected == day(11)


def test_a_supply_that_recovers_restores_its_promises_once(desk: Desk) -> None:
    desk.due("po_1", 5, 10)
    order = waiting(desk)
    for due_in in (8, 5, 5):
        desk.due("po_1", due_in, 10)
        look(desk)
    assert desk.types(order)[1:] == ["promise_in_jeopardy", "promise_restored"]
    assert now(desk, order).outlook("MUG").severity == ""


def test_a_supply_that_comes_short_breaks_the_promises_of_those_who_come_last(desk: Desk) -> None:
    desk.due("po_1", 5, 2)
    first, second = waiting(desk), waiting(desk, number="2")
    desk.due("po_1", 5, 1)
    assert look(desk, "short") == 1
    late = [order for order in (first, second) if now(desk, order).outlook("MUG").severity]
    assert len(late) == 1
    assert now(desk, late[0]).outlook("MUG").days_late is None


def test_a_supply_that_is_cancelled_leaves_nothing_to_expect(desk: Desk) -> None:
    desk.due("po_1", 5, 1)
    order = waiting(desk)
    desk.gone("po_1")
    look(desk, "short")
    outlook = now(desk, order).outlook("MUG")
    assert (outlook.expected, outlook.severity) == (None, "high")
    promise = order_view(now(desk, order)).promise
    assert promise is not None
    assert promise.expected is None


def test_what_was_promised_from_a_shelf_that_others_emptied_is_in_jeopardy(desk: Desk) -> None:
    desk.oms.receive("MUG", 1)
    order = desk.sourced_later(part())
    desk.oms.move("MUG", -1, MovementKind.ADJUSTMENT)
    with pytest.raises(Backordered):
        desk.reserve(order)
    keeping.stock_is_lacking(order.order_id, "sold_out", desk.keeper, CHECKED)
    assert now(desk, order).outlook("MUG").severity == "high"


def test_an_order_that_waits_for_what_it_was_promised_is_not_in_jeopardy(desk: Desk) -> None:
    desk.due("po_1", 5, 1)
    order = waiting(desk)
    with pytest.raises(Backordered):
        desk.reserve(order)
    keeping.stock_is_lacking(order.order_id, "sold_out", desk.keeper, CHECKED)
    assert "promise_in_jeopardy" not in desk.types(order)


def test_an_alternative_that_would_keep_the_day_is_proposed(desk: Desk) -> None:
    desk.due("po_1", 5, 1)
    desk.due("po_2", 4, 1, node="rj-store")
    order = waiting(desk)
    desk.due("po_1", 9, 1)
    look(desk)
    (proposed,) = now(desk, order).outlook("MUG").alternative
    assert (proposed.node, proposed.source, proposed.arrive_by) == (
        "rj-store",
        "supply:po_2",
        day(6),
    )
    assert desk.promised_of("po_2") == 0


def test_an_alternative_is_taken_when_the_policy_says_so(desk: Desk) -> None:
    desk.takes_alternatives()
    desk.due("po_1", 5, 1)
    desk.due("po_2", 4, 1, node="rj-store")
    order = waiting(desk)
    desk.due("po_1", 9, 1)
    assert (look(desk), look(desk)) == (1, 0)
    assert desk.types(order)[1:] == ["promise_moved"]
    assert (desk.promised_of("po_1"), desk.promised_of("po_2")) == (0, 1)
    (row,) = desk.rows()
    assert [each.node for each in row.parts] == ["rj-store"]
    assert row.promised == day(7)


def test_a_moved_promise_that_breaks_again_is_told(desk: Desk) -> None:
    desk.takes_alternatives()
    desk.due("po_1", 5, 1)
    desk.due("po_2", 4, 1, node="rj-store")
    order = waiting(desk)
    desk.due("po_1", 9, 1)
    look(desk)
    desk.due("po_2", 9, 1, node="rj-store")
    look(desk)
    assert desk.types(order)[1:] == ["promise_moved", "promise_in_jeopardy"]


def test_an_order_that_has_its_stock_is_not_told_that_a_supply_slipped(desk: Desk) -> None:
    """The message that it is sourced comes after the one of the supply."""
    desk.due("po_1", 5, 1)
    order = waiting(desk)
    desk.oms.receive("MUG", 1)
    desk.reserve(order)
    desk.due("po_1", 9, 1)
    look(desk)
    assert desk.types(order) == ["order_captured", "order_sourced"]
    assert desk.rows()[0].reserved


def test_who_has_stock_takes_none_from_who_waits(desk: Desk) -> None:
    """Before the message that the first is sourced has come."""
    desk.oms.receive("MUG", 2)
    first, second = (desk.sourced_later(part(), number=number) for number in "12")
    desk.reserve(first)
    assert look(desk) == 0
    assert [desk.types(order)[1:] for order in (first, second)] == [["order_sourced"], []]
    assert sorted(row.reserved for row in desk.rows()) == [False, True]


def test_a_count_that_finds_less_than_is_reserved_breaks_a_promise(desk: Desk) -> None:
    desk.oms.receive("MUG", 2)
    orders = [desk.promised(part(), number=number) for number in "12"]
    for order in orders:
        sourced(desk, order)
    desk.oms.move("MUG", 1, MovementKind.COUNT)
    assert look(desk, "count") == 1
    assert sorted(now(desk, order).outlook("MUG").severity for order in orders) == ["", "high"]


def test_only_the_lines_of_the_sku_are_looked_at(desk: Desk) -> None:
    desk.sourced_later(part())
    assert look(desk, sku="TEE") == 0


def test_an_order_that_is_being_cancelled_is_told_nothing(desk: Desk) -> None:
    desk.due("po_1", 5, 1)
    order = waiting(desk)
    asked = happened.CancelRequested("changed my mind")
    desk.oms.orders.commit(now(desk, order), (asked,), CAUSE)
    desk.gone("po_1")
    look(desk)
    assert "promise_in_jeopardy" not in desk.types(order)


# --- stock --------------------------------------------------------------------------------------


def test_a_line_that_has_its_stock_waits_for_no_supply(desk: Desk) -> None:
    desk.due("po_1", 5, 10)
    order = waiting(desk)
    desk.oms.receive("MUG", 1)
    sourced(desk, order)
    keeping.stock_is_held(order.order_id, desk.keeper, CHECKED)
    (row,) = desk.rows()
    assert (row.held, row.version) == (True, 3)
    assert desk.promised_of("po_1") == 0
    assert desk.demand.rows("MUG", 10, None).rows == ()


def test_what_others_were_promised_of_the_supply_stays_promised(desk: Desk) -> None:
    desk.due("po_1", 5, 10)
    first, _ = waiting(desk), waiting(desk, number="2")
    desk.oms.receive("MUG", 1)
    sourced(desk, first)
    assert desk.promised_of("po_1") == 1


def test_who_gives_nothing_back_reads_no_more_lines_than_it_needs(desk: Desk) -> None:
    desk.due("po_1", 5, 10)
    first, *_ = [waiting(desk, number=number) for number in "1234"]
    desk.oms.receive("MUG", 1)
    desk.reserve(first)
    supply = desk.demand.supply("MUG", "po_1")
    assert supply is not None
    desk.oms.stock.transact([desk.demand.set_promised(supply, 1)])
    demand = Counted(desk.demand)
    keeper = replace(desk.keeper, demand=cast(DemandLines, demand))
    keeping.stock_is_held(first.order_id, keeper, CHECKED)
    assert demand.read <= 2
    assert desk.promised_of("po_1") == 1


class Counted:
    """Dated demand, and how many lines of SKUs were read."""

    def __init__(self, demand: DemandStore) -> None:
        self._demand = demand
        self.read = 0

    def of_sku(self, sku: str) -> Iterator[DemandLine]:
        for row in self._demand.of_sku(sku):
            self.read += 1
            yield row

    def __getattr__(self, name: str) -> Any:
        return getattr(self._demand, name)


def test_stock_that_came_in_time_after_all_restores_the_promise(desk: Desk) -> None:
    desk.due("po_1", 5, 1)
    order = waiting(desk)
    desk.gone("po_1")
    look(desk)
    desk.oms.receive("MUG", 1)
    sourced(desk, order)
    assert desk.types(order)[1:] == ["promise_in_jeopardy", "order_sourced", "promise_restored"]


def test_stock_that_came_too_late_says_when_it_will_be_there(desk: Desk) -> None:
    desk.due("po_1", 5, 1)
    order = waiting(desk)
    desk.gone("po_1")
    look(desk)
    desk.oms.receive("MUG", 1)
    desk.reserve(order)
    late = replace(CHECKED, at=later(days=8))
    for _ in range(2):
        keeping.stock_is_held(order.order_id, desk.keeper, late)
    assert desk.types(order).count("promise_in_jeopardy") == 2
    assert now(desk, order).outlook("MUG").expected == day(10)


def test_an_order_comes_from_the_node_it_was_promised_from(desk: Desk) -> None:
    desk.oms.receive("MUG", 1)
    desk.oms.receive("MUG", 1, RJ)
    order = sourced(desk, desk.promised(part(node="rj-store")))
    assert [each.node for each in order.progress.allocations] == ["rj-store"]
    assert order.progress.sourcing_rule == "promised_nodes"


def test_stock_from_another_node_is_dated_from_there(desk: Desk) -> None:
    order = desk.sourced_later(part())
    desk.oms.receive("MUG", 1, RJ)
    sourced(desk, order)
    assert [each.node for each in desk.rows()[0].parts] == ["rj-store"]
    assert "promise_in_jeopardy" not in desk.types(order)


def test_stock_that_was_taken_back_makes_the_line_wait_again(desk: Desk) -> None:
    desk.due("po_1", 5, 10)
    order = waiting(desk)
    desk.oms.receive("MUG", 1)
    order = sourced(desk, order)
    lost = (
        happened.ReservationTakenBack(("MUG",), "needed elsewhere"),
        happened.OrderBackordered(("MUG",), "needed elsewhere", promised=True),
    )
    desk.oms.orders.commit(order, lost, CAUSE)
    for _ in range(2):
        keeping.stock_is_lacking(order.order_id, "taken_back", desk.keeper, CHECKED)
    (row,) = desk.rows()
    assert not row.held
    assert [each.source for each in row.parts] == ["supply:po_1"]
    assert desk.promised_of("po_1") == 1


def taken_back(desk: Desk, order: Order) -> None:
    """Another order of the highest priority gets what it holds."""
    other = replace(content(line("MUG"), number="9"), priority=9)
    desk.reserve(desk.oms.capture(other))
    assert now(desk, order).state is State.CAPTURED


def test_what_was_promised_from_a_shelf_and_taken_back_is_in_jeopardy_until_more_comes(
    desk: Desk,
) -> None:
    PolicyStore(desk.oms.client, "inventory").put("MUG", SellingPolicy(take_back=True), CAUSE)
    desk.oms.receive("MUG", 1)
    order = desk.promised(part())
    keeping.stock_is_held(order.order_id, desk.keeper, CHECKED)
    taken_back(desk, order)
    for told in (1, 0):
        found = keeping.stock_is_lacking(order.order_id, "taken_back", desk.keeper, CHECKED)
        assert found == told
    assert now(desk, order).outlook("MUG").severity == "high"
    assert len(desk.demand.rows("MUG", 10, None).rows) == 1
    desk.oms.receive("MUG", 1)
    assert sourced(desk, order).outlook("MUG").severity == ""
    assert desk.demand.rows("MUG", 10, None).rows == ()
    assert desk.types(order)[-2:] == ["order_sourced", "promise_restored"]


def test_what_is_taken_back_while_its_sourcing_is_told_waits_all_the_same(desk: Desk) -> None:
    PolicyStore(desk.oms.client, "inventory").put("MUG", SellingPolicy(take_back=True), CAUSE)
    desk.oms.receive("MUG", 1)
    order = desk.promised(part())

    def meanwhile() -> None:
        taken_back(desk, order)
        keeping.stock_is_lacking(order.order_id, "taken_back", desk.keeper, CHECKED)

    orders = cast(Orders, Interrupted(desk.oms.orders, meanwhile))
    keeping.stock_is_held(order.order_id, replace(desk.keeper, orders=orders), CHECKED)
    assert [row.has_stock for row in desk.rows()] == [False]


class Interrupted:
    """The orders, of which something happens to one just after it was first read."""

    def __init__(self, orders: OrderStore, meanwhile: Callable[[], None]) -> None:
        self._orders = orders
        self._meanwhile: Callable[[], None] | None = meanwhile

    def load(self, order_id: str) -> Order:
        order = self._orders.load(order_id)
        meanwhile, self._meanwhile = self._meanwhile, None
        if meanwhile:
            meanwhile()
        return order

    def __getattr__(self, name: str) -> Any:
        return getattr(self._orders, name)


@pytest.mark.parametrize("backorder", [None, Oversell(limit=0), Oversell()])
def test_who_was_promised_what_is_to_come_waits_for_it(
    desk: Desk, backorder: Oversell | None
) -> None:
    """Whatever the policy says of backorders, and though the customer would not wait otherwise."""
    policy = SellingPolicy(backorder=backorder)
    PolicyStore(desk.oms.client, "inventory").put("MUG", policy, CAUSE)
    desk.due("po_1", 5, 1)
    order = desk.promised(from_supply("po_1", 5), on_out_of_stock="cancel")
    with pytest.raises(Backordered):
        desk.reserve(order)
    desk.oms.receive("MUG", 1)
    assert desk.reserve(order).state is State.SOURCED


def test_who_was_promised_what_is_there_waits_only_if_they_would(desk: Desk) -> None:
    order = desk.sourced_later(part(), on_out_of_stock=OutOfStockPolicy.CANCEL)
    with pytest.raises(OutOfStock):
        desk.reserve(order)


# --- leaving and cancelling ---------------------------------------------------------------------


def test_what_has_left_is_no_demand_any_more(desk: Desk) -> None:
    desk.oms.receive("MUG", 3)
    order = sourced(desk, desk.promised(part(quantity=3)))
    order = desk.oms.orders.commit(order, paying.authorize_payment(order, 3000, "auth", "a"), CAUSE)
    order = desk.oms.orders.commit(order, decisions.release(order), CAUSE)
    keeping.units_left(order.order_id, desk.keeper)
    assert len(desk.rows()) == 1
    number = order.progress.fulfillments[0].id
    shipped = happened.FulfillmentShipped(number, "Correios", "BR1", promised=True)
    desk.oms.orders.commit(order, (shipped,), CAUSE)
    for _ in range(2):
        keeping.units_left(order.order_id, desk.keeper)
    assert desk.rows() == []


def test_a_cancelled_order_gives_back_what_its_promise_took_once(desk: Desk) -> None:
    desk.due("po_1", 5, 10)
    desk.promises.set_days("oven", {day(5): 3})
    bookings = (CapacityBooking("oven", day(5), 2),)
    order = desk.promised(from_supply("po_1", 5, 2), bookings=bookings)
    other = waiting(desk, number="2")
    cancelled(desk, order)
    for _ in range(2):
        keeping.order_cancelled(order.order_id, desk.keeper)
    assert desk.promised_of("po_1") == 1
    assert desk.capacity_left("oven", day(5)) == 3
    assert [row.order_id for row in desk.rows()] == [other.order_id]


def test_what_a_cancelled_order_had_may_be_promised_again(desk: Desk) -> None:
    desk.due("po_1", 5, 1)
    order = waiting(desk)
    with pytest.raises(Conflict):
        waiting(desk, number="2")
    cancelled(desk, order)
    keeping.order_cancelled(order.order_id, desk.keeper)
    assert waiting(desk, number="3").content.promise is not None


def test_messages_that_come_late_find_nothing_to_do(desk: Desk) -> None:
    desk.due("po_1", 5, 1)
    order = waiting(desk)
    cancelled(desk, order)
    keeping.order_cancelled(order.order_id, desk.keeper)
    keeping.stock_is_held(order.order_id, desk.keeper, CHECKED)
    keeping.stock_is_lacking(order.order_id, "sold_out", desk.keeper, CHECKED)
    keeping.units_left(order.order_id, desk.keeper)
    assert (desk.rows(), desk.promised_of("po_1"), look(desk)) == ([], 0, 0)


def test_an_order_that_is_not_cancelled_keeps_its_promise(desk: Desk) -> None:
    order = desk.sourced_later(part())
    keeping.order_cancelled(order.order_id, desk.keeper)
    assert len(desk.rows()) == 1


# --- the list -----------------------------------------------------------------------------------


def listed(desk: Desk, order: Order, severity: Severity = Severity.MEDIUM) -> list[str]:
    project(order.order_id, "", desk.oms.orders, desk.oms.views, later())
    page = in_jeopardy(severity, 10, None, desk.oms.orders, desk.oms.views)
    return [each.order_id for each in page.orders]


def test_orders_in_jeopardy_are_listed_by_severity_until_it_ends(desk: Desk) -> None:
    desk.due("po_1", 5, 1)
    order = waiting(desk)
    assert listed(desk, order) == []
    desk.due("po_1", 8, 1)
    look(desk)
    assert listed(desk, order) == [order.order_id]
    assert listed(desk, order, Severity.HIGH) == []
    desk.due("po_1", 5, 1)
    look(desk)
    assert listed(desk, order) == []


def test_a_cancelled_order_is_in_no_jeopardy(desk: Desk) -> None:
    desk.due("po_1", 5, 1)
    order = waiting(desk)
    desk.due("po_1", 8, 1)
    look(desk)
    cancelled(desk, order)
    assert listed(desk, order) == []
