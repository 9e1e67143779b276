"""Who waits with a part of an order that was released is heard of when stock comes."""

from dataclasses import replace
from importlib import import_module

import pytest

from oms.aws import stores
from oms.aws.dead_letters import Message
from oms.aws.sourcing_policy_store import SourcingPolicyStore
from oms.kernel.encoding import to_json
from oms.kernel.errors import Backordered
from oms.kernel.events import Envelope
from oms.orders import exceptions, sourcing, supervision
from oms.orders.exceptions import Resolution
from oms.orders.model import Order, State
from oms.orders.store import AwaitedToken
from oms.routing.policy import BUILT_IN, Otherwise, Step
from tests.integration.gateway import gateway
from tests.integration.orders.routed import Desk, at
from tests.integration.world import RJ, SP, World
from tests.samples import CAUSE, content, line


@pytest.fixture
def desk(oms: World) -> Desk:
    return Desk(oms)


def short(desk: Desk) -> Order:
    """Released; a mug of it waits for stock."""
    desk.oms.receive("MUG", 2)
    order = desk.released(content(line("MUG", 2)))
    return desk.reroute(desk.reject(at(order, SP), units={"MUG": 1}))


def waits(desk: Desk, order: Order) -> None:
    oms = desk.oms
    supervision.wait(
        order.order_id,
        AwaitedToken("token", "fulfillment"),
        oms.orders,
        oms.orders,
        oms.stock,
        oms.catalog,
        desk.policies,
        oms.lifecycle,
        desk.cause().at,
    )


def wake(desk: Desk, sku: str) -> None:
    oms = desk.oms
    supervision.wake_for_stock(
        sku, oms.orders, oms.orders, oms.stock, oms.catalog, oms.lifecycle, desk.cause().at
    )


def test_stock_that_comes_has_the_rest_routed_and_the_wait_goes_on(desk: Desk) -> None:
    order = short(desk)
    waits(desk, order)
    desk.oms.lifecycle.rerouted.clear()
    desk.oms.receive("MUG", 1, RJ)
    wake(desk, "MUG")
    assert desk.oms.lifecycle.rerouted == [order.order_id]
    assert desk.oms.lifecycle.resumed == []


def test_whoever_begins_to_wait_for_its_nodes_looks_at_the_rest_once(desk: Desk) -> None:
    order = short(desk)
    waits(desk, order)
    assert desk.oms.lifecycle.rerouted == [order.order_id]


def test_an_order_of_which_every_unit_has_a_node_costs_no_message(desk: Desk) -> None:
    desk.oms.receive("MUG", 2)
    waits(desk, desk.released(content(line("MUG", 2))))
    assert desk.oms.lifecycle.rerouted == []


def test_a_message_routes_and_may_come_twice(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    order = short(desk)
    desk.oms.receive("MUG", 1, RJ)
    monkeypatch.setenv("DEAD_LETTER_QUEUE_URL", "https://sqs.invalid/dead")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with gateway(monkeypatch):
        function = import_module("functions.rerouting.handler")
        monkeypatch.setattr(
            function,
            "router",
            replace(
                function.router,
                orders=stores.orders(),
                stock=stores.stock(),
                catalog=stores.catalog(),
                policies=stores.sourcing_policies(),
            ),
        )
        event = Envelope("e", "reroute", order.order_id, 0, CAUSE.at, "lifecycle", "", "", {})
        for _ in range(2):
            function.take(Message("m", to_json({"detail": event}), 1))
        resolved = replace(event, type="routing_resolved", data={"action": "backorder"})
        function.take(Message("m", to_json({"detail": resolved}), 1))
    after = desk.oms.orders.load(order.order_id)
    assert at(after, RJ).units == {"MUG": 1}
    assert after.version == order.version + 1


# --- before the first release --------------------------------------------------------------------


@pytest.fixture
def undecided(desk: Desk) -> Order:
    """An order that its policy has a person decide on."""
    rule = replace(BUILT_IN.rules[0], otherwise=Otherwise((Step.EXCEPTION,)))
    store = SourcingPolicyStore(desk.oms.client, "catalog")
    store.put(replace(BUILT_IN, id="strict", rules=(rule,)), CAUSE)
    desk.policies = store
    order = desk.oms.capture(content(line("MUG", 2), line("TEE")))
    desk.oms.receive("MUG", 2)
    with pytest.raises(Backordered):
        desk.release(order.order_id)
    order = desk.oms.orders.load(order.order_id)
    assert order.status == "unroutable"
    return order


def resolve(desk: Desk, order: Order, action: str, **said: object) -> Order:
    resolution = replace(Resolution(action), **said)  # type: ignore[arg-type]
    return exceptions.resolve(order.order_id, resolution, desk.router, desk.cause())


def test_a_person_sends_a_part_of_it_and_the_rest_waits(desk: Desk, undecided: Order) -> None:
    order = resolve(desk, undecided, "route_to", node="sp-dc", lines={"MUG": 2})
    assert order.state is State.SOURCED
    assert order.backordered_lines == ("TEE",)
    assert desk.oms.waiting("TEE") == [order.order_id]
    order = desk.release(order.order_id)
    assert at(order, SP).units == {"MUG": 2}
    desk.check()
    order = desk.cancel(order)
    assert desk.oms.waiting("TEE") == []
    desk.check()


def test_a_person_has_it_wait(desk: Desk, undecided: Order) -> None:
    order = resolve(desk, undecided, "backorder")
    assert order.status == "backordered"
    assert set(desk.oms.waiting("TEE")) == {order.order_id}
    desk.check()


def test_a_person_cancels_what_lacks_and_the_rest_goes_ahead(desk: Desk, undecided: Order) -> None:
    order = resolve(desk, undecided, "cancel_units", lines={"TEE": 1})
    assert order.due.minor == 2000
    order = desk.release(order.order_id)
    assert at(order, SP).units == {"MUG": 2}
    desk.check()


def test_a_retry_wakes_it(desk: Desk, undecided: Order) -> None:
    desk.oms.receive("TEE", 1)
    oms = desk.oms
    resolve(desk, undecided, "retry")
    oms.orders.put_token(undecided.order_id, AwaitedToken("token", "stock"))
    supervision.signal(undecided.order_id, "stock", oms.orders, oms.orders, oms.lifecycle)
    assert [token for token, _ in oms.lifecycle.resumed] == ["token"]
    sourcing.reserve(
        undecided.order_id, oms.orders, oms.stock, oms.catalog, desk.policies, desk.cause()
    )
    assert oms.orders.load(undecided.order_id).state is State.SOURCED
