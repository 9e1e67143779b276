from datetime import timedelta

from oms.fulfillment.worklist import open_work
from oms.orders import decisions
from oms.orders import events as happened
from oms.orders.model import FulfillmentState, Order
from oms.reporting.gauges import read_gauges
from oms.reporting.waiting import HELD_UP, project, work_of
from tests.integration.world import World
from tests.samples import CAUSE, NOW, allocated, content


def released(oms: World, number: str = "1") -> Order:
    order = oms.capture(content(number=number))
    total = order.content.total.minor
    order = oms.orders.commit(
        order,
        (
            happened.OrderSourced(allocated(order), "rule", "why"),
            happened.PaymentAuthorized(order.payments.each[0].id, total, "auth", "a"),
        ),
        CAUSE,
    )
    return oms.orders.commit(order, decisions.release(order), CAUSE)


def project_all(oms: World, order: Order, fulfillment_id: str = "") -> None:
    project(order.order_id, fulfillment_id, oms.orders, oms.views, NOW)


def work(oms: World, state: FulfillmentState | None = None) -> list[str]:
    page = open_work("sp-dc", state, 10, None, oms.orders, oms.views)
    return [entry.fulfillment.id for entry in page.work]


def test_released_work_appears_at_its_node_and_leaves_when_it_ships(oms: World) -> None:
    order = released(oms)
    project_all(oms, order)
    fulfillment = order.progress.fulfillments[0].id
    assert work(oms) == [fulfillment]
    steps = (
        happened.FulfillmentAccepted(fulfillment),
        happened.FulfillmentPicked(fulfillment),
        happened.FulfillmentPacked(fulfillment),
        happened.FulfillmentShipped(fulfillment, "Correios", "BR1"),
    )
    oms.orders.commit(order, steps, CAUSE)
    project_all(oms, order, fulfillment)
    assert work(oms) == []


def test_work_is_listed_by_state(oms: World) -> None:
    order = released(oms)
    project_all(oms, order)
    assert work(oms, FulfillmentState.OPEN) == [order.progress.fulfillments[0].id]
    assert work(oms, FulfillmentState.PICKED) == []


def test_a_view_that_is_out_of_date_shows_what_the_order_says(oms: World) -> None:
    order = released(oms)
    project_all(oms, order)
    accepted = happened.FulfillmentAccepted(order.progress.fulfillments[0].id)
    oms.orders.commit(order, (accepted,), CAUSE)
    assert work(oms, FulfillmentState.OPEN) == []


def test_a_late_projection_does_not_bring_old_work_back(oms: World) -> None:
    order = released(oms)
    old = oms.orders.load(order.order_id)
    oms.orders.commit(order, decisions.withdraw(order), CAUSE)
    project_all(oms, order)

    class Stale:
        def load(self, order_id: str) -> Order:
            return old

    project(order.order_id, "", Stale(), oms.views, NOW)  # type: ignore[arg-type]
    assert work(oms) == []


def test_an_order_that_is_held_up_is_counted_with_its_age(oms: World) -> None:
    order = oms.capture(content())
    order = oms.orders.commit(order, (happened.OrderBackordered(("MUG",), "no MUG"),), CAUSE)
    project_all(oms, order)
    gauges = read_gauges([HELD_UP], oms.views, NOW + timedelta(hours=1))
    assert gauges.waiting == {"backordered": 1}
    assert gauges.oldest_seconds == 3600
    order = oms.orders.commit(order, decisions.source(order, allocated(order), "r", "w"), CAUSE)
    project_all(oms, order)
    assert read_gauges([HELD_UP], oms.views, NOW).waiting == {}


def test_an_order_that_was_never_held_up_costs_no_view(oms: World) -> None:
    order = oms.capture(content())
    oms.orders.commit(order, decisions.source(order, allocated(order), "r", "w"), CAUSE)
    project_all(oms, order)
    assert oms.client.scan(TableName="views")["Count"] == 0


def test_the_work_of_a_node_is_counted_by_state(oms: World) -> None:
    for number in ("1", "2"):
        project_all(oms, released(oms, number))
    gauges = read_gauges([work_of("sp-dc")], oms.views, NOW)
    assert gauges.waiting == {"open": 2}
