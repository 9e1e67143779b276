"""Made to order: components are reserved with the line, and leave the stock when it leaves."""

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any

import pytest

from oms.aws.demand_store import DemandStore
from oms.aws.promise_store import PromiseStore
from oms.catalog.delivery import Component, Production, Promising, PromisingMode
from oms.catalog.model import Item
from oms.kernel.errors import Backordered
from oms.orders import decisions, fulfillment, rejecting, sourcing
from oms.orders.cancelling import Asked, cancel_lines
from oms.orders.model import CommittedPromise, Content, Order, PromisedPart, State
from oms.orders.paying import authorize_payment
from oms.orders.rerouting import Router, reroute
from oms.orders.store import AwaitedToken
from oms.orders.supervision import wake_for_components
from oms.promising.demand import DemandLine
from oms.promising.model import Destination
from oms.routing.policies import BuiltIn
from oms.routing.policy import Limits, Otherwise, Rule, SourcingPolicy, Step
from tests.integration.world import RJ, SP, World
from tests.samples import CAUSE, content, line

MAKES = SourcingPolicy(
    "makes", (Rule("make", limits=Limits(), otherwise=Otherwise((Step.MAKE, Step.WAIT))),)
)
DAY = date(2026, 5, 5)


@dataclass(frozen=True, slots=True)
class Always:
    policy: SourcingPolicy

    def for_channel(self, channel: str, now: datetime) -> SourcingPolicy:
        return self.policy


@pytest.fixture
def bakery(oms: World) -> World:
    made = Production("oven", (SP.id, RJ.id), 2, (Component("MUG", 3), Component("TEE", 1)))
    oms.catalog.put_item(
        Item("CAKE", "Cake", promising=Promising(PromisingMode.CTP, production=made))
    )
    for node in (SP, RJ):
        oms.catalog.put_node(replace(node, makes=True))
    PromiseStore(oms.client, "inventory").set_days("oven", {DAY: 5})
    oms.receive("MUG", 9)
    oms.receive("TEE", 9)
    return oms


def reserve(oms: World, order: Order, policies: Any = Always(MAKES)) -> Order:
    return sourcing.reserve(order.order_id, oms.orders, oms.stock, oms.catalog, policies, CAUSE)


def released(oms: World, units: int = 2) -> Order:
    order = reserve(oms, oms.capture(content(line("CAKE", units, 3000))))
    events = authorize_payment(order, order.content.total.minor, "ref", "key")
    oms.orders.commit(order, events, CAUSE)
    return fulfillment.release(order.order_id, oms.orders, CAUSE)


def left(oms: World) -> int:
    return PromiseStore(oms.client, "inventory").days({"oven"}, DAY, DAY)["oven"][0].left


def reserved(oms: World) -> tuple[int, int]:
    return oms.balance("MUG").reserved, oms.balance("TEE").reserved


def test_what_is_made_reserves_its_components_and_the_capacity(bakery: World) -> None:
    order = reserve(bakery, bakery.capture(content(line("CAKE", 2, 3000))))

    assert order.state is State.SOURCED
    assert order.progress.counts[0].reserved == 2
    assert reserved(bakery) == (6, 2)
    assert left(bakery) == 1


def test_the_node_has_one_fulfilment_with_what_goes_into_it(bakery: World) -> None:
    order = released(bakery)

    (part,) = order.live_fulfillments
    assert (part.node, part.make, part.units) == (SP.id, True, {"CAKE": 2})
    assert {(one.sku, one.quantity) for one in part.lines if one.component} == {
        ("MUG", 6),
        ("TEE", 2),
    }


def test_components_leave_the_stock_when_what_was_made_leaves(bakery: World) -> None:
    part = released(bakery).live_fulfillments[0].id
    fulfillment.accept(part, bakery.orders, bakery.stock, CAUSE)
    for step in ("pick", "pack"):
        fulfillment.advance(part, step, bakery.orders, CAUSE)
    assert bakery.balance("MUG").on_hand == 9

    order = fulfillment.ship(part, "c", "t", bakery.orders, bakery.stock, CAUSE)

    assert order.state is State.SHIPPED
    assert bakery.ledger("MUG") == (3, 0)
    assert bakery.ledger("TEE") == (7, 0)
    assert left(bakery) == 1


def test_more_than_there_is_capacity_for_waits(bakery: World) -> None:
    with pytest.raises(Backordered):
        reserve(bakery, bakery.capture(content(line("CAKE", 3, 3000))))

    assert (reserved(bakery), left(bakery)) == ((0, 0), 5)


def test_without_a_component_it_waits(bakery: World) -> None:
    order = content(line("CAKE", 1, 3000), line("TEE", 9))

    with pytest.raises(Backordered):
        reserve(bakery, bakery.capture(order))

    assert (reserved(bakery), left(bakery)) == ((0, 0), 5)


def test_cancelling_gives_components_and_capacity_back(bakery: World) -> None:
    order = reserve(bakery, bakery.capture(content(line("CAKE", 2, 3000))))

    sourcing.unreserve(order.order_id, bakery.orders, bakery.stock, CAUSE)

    assert (reserved(bakery), left(bakery)) == ((0, 0), 5)


def test_a_line_that_is_cancelled_at_the_node_gives_them_back(bakery: World) -> None:
    order = reserve(bakery, bakery.capture(content(line("CAKE", 2, 3000), line("TEE", 1))))
    events = authorize_payment(order, order.content.total.minor, "ref", "key")
    bakery.orders.commit(order, events, CAUSE)
    order = fulfillment.release(order.order_id, bakery.orders, CAUSE)

    cancel_lines(order.order_id, [Asked("CAKE")], "why", "", bakery.orders, bakery.stock, CAUSE)

    assert (reserved(bakery), left(bakery)) == ((0, 1), 5)


def test_a_node_that_says_no_gives_them_back_and_another_makes_it(bakery: World) -> None:
    bakery.receive("MUG", 9, RJ)
    bakery.receive("TEE", 9, RJ)
    order = released(bakery)
    part = order.live_fulfillments[0]
    other = RJ if part.node == SP.id else SP

    rejecting.reject(part.id, {}, "too_busy", bakery.orders, bakery.stock, CAUSE)
    assert left(bakery) == 5
    router = Router(bakery.orders, bakery.stock, bakery.catalog, Always(MAKES))
    order = reroute(order.order_id, router, CAUSE)

    assert [(one.node, one.make) for one in order.live_fulfillments] == [(other.id, True)]
    assert (bakery.balance("MUG", other).reserved, left(bakery)) == (6, 1)


def promised(units: int) -> Content:
    ships = datetime(2026, 5, 6, 20, tzinfo=UTC)
    part = PromisedPart("CAKE", SP.id, units, "production:oven", ships, date(2026, 5, 8))
    order = content(line("CAKE", units, 3000))
    return replace(order, promise=CommittedPromise("prm_1", "fastest", (part,)))


def row(order: Order) -> DemandLine:
    assert order.content.promise is not None
    return DemandLine(
        order.order_id,
        "CAKE",
        "CAKE",
        5,
        CAUSE.at,
        date(2026, 5, 8),
        order.content.promise.lines,
        Destination("BR"),
        "BRL",
    )


def test_what_was_promised_to_be_made_takes_no_capacity_twice(bakery: World) -> None:
    order = bakery.capture(promised(2))
    demand = DemandStore(bakery.client, "inventory")
    bakery.stock.transact([demand.add(row(order))])

    order = reserve(bakery, order, BuiltIn())

    assert order.progress.sourcing_rule == "promised_nodes"
    assert reserved(bakery) == (6, 2)
    assert left(bakery) == 5
    assert decisions.is_promised(order)


def test_components_that_come_wake_who_waits_for_what_is_made_of_them(bakery: World) -> None:
    order = bakery.capture(content(line("CAKE", 1, 3000), line("TEE", 9)))
    with pytest.raises(Backordered):
        reserve(bakery, order)
    bakery.orders.put_token(order.order_id, AwaitedToken("token", "stock"))
    made = bakery.catalog.made_with("MUG")

    wake_for_components(made, bakery.orders, bakery.orders, bakery.stock, bakery.lifecycle)

    assert made == ("CAKE",)
    assert bakery.catalog.made_with("CAKE") == ("CAKE",)
    assert [token for token, _ in bakery.lifecycle.resumed] == ["token"]

    bakery.orders.put_token(order.order_id, AwaitedToken("token", "fulfillment"))
    wake_for_components(made, bakery.orders, bakery.orders, bakery.stock, bakery.lifecycle)

    assert bakery.lifecycle.rerouted == [order.order_id]
