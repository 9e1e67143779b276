"""A promised line of which a node said no: it comes from elsewhere, or it waits."""

from oms.kernel.events import Cause
from oms.orders import fulfillment, paying, rejecting, rerouting
from oms.orders.model import Order
from oms.orders.rerouting import Router
from oms.promising import keeping
from oms.routing.policies import BuiltIn
from tests.integration.promising.desk import Desk, later, part
from tests.integration.world import RJ


def cause(minute: int) -> Cause:
    return Cause(later(minutes=minute), "tester")


def released(desk: Desk) -> Order:
    desk.oms.receive("MUG", 2)
    order = desk.promised(part(quantity=2))
    keeping.stock_is_held(order.order_id, desk.keeper, cause(1))
    orders = desk.oms.orders
    paid = paying.authorize_payment(order, order.due.minor, "ref", "key")
    orders.commit(orders.load(order.order_id), paid, cause(2))
    return fulfillment.release(order.order_id, orders, cause(3))


def rejected(desk: Desk, order: Order) -> Order:
    (work,) = order.live_fulfillments
    oms = desk.oms
    rejecting.reject(work.id, {}, "not_in_stock", oms.orders, oms.stock, cause(4))
    router = Router(oms.orders, oms.stock, oms.catalog, BuiltIn())
    order = rerouting.reroute(order.order_id, router, cause(5))
    keeping.stock_has_moved(order.order_id, desk.keeper, cause(6))
    return oms.orders.load(order.order_id)


def test_what_comes_from_elsewhere_is_dated_from_there(desk: Desk) -> None:
    order = released(desk)
    desk.oms.receive("MUG", 2, RJ)
    order = rejected(desk, order)
    (row,) = desk.rows()
    assert row.held
    assert [each.node for each in row.parts] == ["rj-store"]
    again = keeping.stock_has_moved(order.order_id, desk.keeper, cause(7))
    assert again == 0
    assert desk.rows() == [row]


def test_what_waits_is_in_jeopardy(desk: Desk) -> None:
    order = rejected(desk, released(desk))
    (row,) = desk.rows()
    assert not row.has_stock
    assert "promise_in_jeopardy" in desk.types(order)
    told = desk.types(order)
    keeping.stock_has_moved(order.order_id, desk.keeper, cause(7))
    assert desk.types(order) == told


def test_what_comes_later_with_a_supply_says_when(desk: Desk) -> None:
    order = released(desk)
    desk.due("po-1", 5, 9)
    order = rejected(desk, order)
    assert order.outlook("MUG").expected is not None
