from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from oms.kernel.errors import Backordered
from oms.orders import events as happened
from oms.orders import paying, sourcing, supervision
from oms.orders.model import Order
from oms.orders.store import AwaitedToken
from oms.orders.supervision import Resumption
from oms.routing.policies import BuiltIn, Policies
from oms.routing.policy import NodeFilter, Otherwise, Rule, SourcingPolicy, Step
from tests.integration.world import RJ, SP, World
from tests.samples import CAUSE, allocated, content, line


def wait(oms: World, order: Order, awaits: str, policies: Policies | None = None) -> None:
    supervision.wait(
        order.order_id,
        AwaitedToken(f"token-{awaits}", awaits),
        oms.orders,
        oms.orders,
        oms.stock,
        oms.catalog,
        policies or BuiltIn(),
        oms.lifecycle,
        CAUSE.at,
    )


def wake_for(oms: World, sku: str) -> None:
    supervision.wake_for_stock(
        sku, oms.orders, oms.orders, oms.stock, oms.catalog, oms.lifecycle, CAUSE.at
    )


def signal(oms: World, order: Order, about: str) -> None:
    supervision.signal(order.order_id, about, oms.orders, oms.orders, oms.lifecycle)


def pending(oms: World) -> Order:
    order = oms.capture(content(token="4000000000003220"))
    return oms.orders.commit(
        order,
        (
            happened.OrderSourced(allocated(order), "rule", "why"),
            happened.PaymentPending(order.payments.each[0].id, 3000, "ref", "k"),
        ),
        CAUSE,
    )


def authorize(oms: World, order: Order) -> Order:
    events = paying.authorize_payment(order, order.content.total.minor, "auth", "a")
    return oms.orders.commit(order, events, CAUSE)


def backordered(oms: World, number: str, units: int, minutes: int = 0) -> Order:
    wanted = content(line("MUG", units), number=number)
    captured_at = wanted.captured_at + timedelta(minutes=minutes)
    order = oms.capture(replace(wanted, captured_at=captured_at))
    with pytest.raises(Backordered):
        sourcing.reserve(
            order.order_id,
            oms.orders,
            oms.stock,
            oms.catalog,
            BuiltIn(),
            CAUSE,
        )
    return order


def test_a_wait_goes_on_until_its_signal(oms: World) -> None:
    order = pending(oms)
    wait(oms, order, "payment")
    assert oms.lifecycle.resumed == []
    authorize(oms, order)
    signal(oms, order, "payment")
    assert oms.lifecycle.resumed == [("token-payment", Resumption("authorized"))]


def test_what_happened_before_the_token_was_there_ends_the_wait_at_once(oms: World) -> None:
    order = pending(oms)
    authorize(oms, order)
    signal(oms, order, "payment")
    wait(oms, order, "payment")
    assert oms.lifecycle.resumed == [("token-payment", Resumption("authorized"))]


def test_a_declined_payment_ends_the_wait_with_the_error_that_is_caught(oms: World) -> None:
    order = pending(oms)
    wait(oms, order, "payment")
    oms.orders.commit(order, paying.decline_payment(order, "no_funds", "d"), CAUSE)
    signal(oms, order, "payment")
    assert oms.lifecycle.resumed == [("token-payment", Resumption(error="PaymentDeclined"))]


@pytest.mark.parametrize("awaits", ["payment", "stock", "fulfillment"])
def test_a_cancellation_ends_any_wait(oms: World, awaits: str) -> None:
    order = pending(oms)
    wait(oms, order, awaits)
    oms.lifecycle.resumed.clear()
    supervision.request_cancel(order.order_id, "no", oms.orders, CAUSE)
    signal(oms, order, "cancel")
    assert oms.lifecycle.resumed == [(f"token-{awaits}", Resumption(error="OrderCancelRequested"))]


def test_a_signal_about_something_else_leaves_the_wait_alone(oms: World) -> None:
    order = pending(oms)
    wait(oms, order, "payment")
    signal(oms, order, "fulfillment")
    signal(oms, order, "stock")
    assert oms.lifecycle.resumed == []


def test_an_order_that_does_not_wait_is_not_signalled(oms: World) -> None:
    signal(oms, pending(oms), "payment")
    assert oms.lifecycle.resumed == []


def test_a_receipt_wakes_the_oldest_orders_it_can_fill(oms: World) -> None:
    first, second, third = (backordered(oms, number, 2, int(number)) for number in "123")
    for order in (third, first, second):
        wait(oms, order, "stock")
    oms.receive("MUG", 5)
    wake_for(oms, "MUG")
    assert len(oms.lifecycle.resumed) == 2
    assert oms.waiting("MUG") == [first.order_id, second.order_id, third.order_id]


def test_a_large_order_is_not_passed_by_small_ones_behind_it(oms: World) -> None:
    large = backordered(oms, "1", 5, 1)
    small = backordered(oms, "2", 2, 2)
    for order in (large, small):
        wait(oms, order, "stock")
    oms.receive("MUG", 4)
    wake_for(oms, "MUG")
    assert oms.lifecycle.resumed == []
    oms.receive("MUG", 1)
    wake_for(oms, "MUG")
    assert len(oms.lifecycle.resumed) == 1


def test_stock_that_came_between_looking_and_waiting_is_not_missed(oms: World) -> None:
    order = backordered(oms, "1", 2)
    oms.receive("MUG", 2)
    wake_for(oms, "MUG")
    assert oms.lifecycle.resumed == []
    wait(oms, order, "stock")
    assert oms.lifecycle.resumed == [("token-stock", Resumption("stock_changed"))]


def test_stock_that_its_node_does_not_ship_does_not_end_the_wait(oms: World) -> None:
    order = backordered(oms, "1", 2)
    oms.catalog.put_node(replace(SP, can_ship=False))
    oms.receive("MUG", 2)
    wait(oms, order, "stock")
    assert oms.lifecycle.resumed == []


def test_an_order_goes_on_waiting_while_the_stock_does_not_suffice(oms: World) -> None:
    order = backordered(oms, "1", 2)
    oms.receive("MUG", 1)
    wait(oms, order, "stock")
    wake_for(oms, "MUG")
    assert oms.lifecycle.resumed == []


def test_an_order_in_exception_begins_its_lifecycle_anew_under_another_name(oms: World) -> None:
    order = oms.capture(content())
    supervision.raise_exception(order.order_id, "Source", "KeyError", oms.orders, CAUSE)
    resumed = supervision.resume(order.order_id, oms.orders, CAUSE)
    supervision.restart(order.order_id, resumed.version, "corr", oms.orders, oms.lifecycle)
    assert oms.lifecycle.started == [f"{order.order_id}-3"]


class OnlyStores:
    """Orders come from stores alone; with ``otherwise`` a person decides on the others."""

    def __init__(self, otherwise: Step = Step.WAIT) -> None:
        stores, left = NodeFilter(kinds=("store",)), Otherwise((otherwise,))
        self._policy = SourcingPolicy("stores", (Rule("stores", nodes=stores, otherwise=left),))

    def for_channel(self, channel: str, now: datetime) -> SourcingPolicy:
        return self._policy


@pytest.mark.parametrize("otherwise", [Step.WAIT, Step.EXCEPTION])
def test_stock_where_the_policy_takes_none_from_does_not_end_the_wait(
    oms: World, otherwise: Step
) -> None:
    policies = OnlyStores(otherwise)
    oms.receive("MUG", 5, SP)
    order = oms.capture(content(line("MUG")))
    with pytest.raises(Backordered):
        sourcing.reserve(order.order_id, oms.orders, oms.stock, oms.catalog, policies, CAUSE)

    wait(oms, order, "stock", policies)
    assert oms.lifecycle.resumed == []

    if otherwise is Step.WAIT:
        oms.receive("MUG", 5, RJ)
        wait(oms, order, "stock", policies)
        assert oms.lifecycle.resumed == [("token-stock", Resumption("stock_changed"))]
