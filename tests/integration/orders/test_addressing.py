"""An order goes to another address: only what must be routed again is."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from infra.queues import QUEUES
from oms.aws.outbox import publication_of
from oms.catalog.model import Node
from oms.kernel.errors import Backordered
from oms.orders import decisions, fulfillment, sourcing
from oms.orders import events as happened
from oms.orders.addressing import change_address
from oms.orders.model import Address, Allocation, Method, Order, State
from oms.orders.paying import authorize_payment
from oms.orders.rerouting import Router, reroute
from oms.orders.store import AwaitedToken
from oms.orders.supervision import wake_for_stock
from oms.routing.policies import BuiltIn
from tests.integration.gateway import Gateway, gateway
from tests.integration.world import RJ, SP, World
from tests.samples import CAUSE, content, line

RIO = Address(
    "Ana Souza",
    "Av. Atlântica 1",
    "Rio de Janeiro",
    "BR",
    region="RJ",
    postal_code="22010-000",
    latitude=-22.97,
    longitude=-43.18,
)
NEXT = replace(CAUSE, at=CAUSE.at + timedelta(seconds=5))


@pytest.fixture
def call(oms: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[Gateway]:
    with gateway(monkeypatch) as calling:
        yield calling


def router(oms: World) -> Router:
    return Router(oms.orders, oms.stock, oms.catalog, BuiltIn())


def sourced(oms: World, **at_rio: int) -> Order:
    """From Cajamar, near the customer in São Paulo."""
    oms.receive("MUG", 9)
    oms.receive("TEE", 9)
    for sku, units in at_rio.items():
        oms.receive(sku, units, RJ)
    order = oms.capture(content(line("MUG", 3), line("TEE", 2)))
    return sourcing.reserve(order.order_id, oms.orders, oms.stock, oms.catalog, BuiltIn(), CAUSE)


def released(oms: World, **at_rio: int) -> Order:
    order = sourced(oms, **at_rio)
    paid = authorize_payment(order, order.content.total.minor, "ref", "key")
    oms.orders.commit(order, paid, CAUSE)
    return fulfillment.release(order.order_id, oms.orders, CAUSE)


def moved(oms: World, order: Order, to: Address = RIO) -> Order:
    return change_address(order.order_id, to, router(oms), NEXT)


def reserved(oms: World, node: Node) -> tuple[int, int]:
    found = []
    for sku in ("MUG", "TEE"):
        balances = {one.node: one.reserved for one in oms.stock.balances_of(sku, consistent=True)}
        found.append(balances.get(node.id, 0))
    return (found[0], found[1])


def test_before_it_is_sourced_it_is_sourced_for_the_new_place(oms: World) -> None:
    oms.receive("MUG", 9)
    oms.receive("MUG", 9, RJ)
    order = oms.capture(content(line("MUG", 3)))

    moved(oms, order)
    order = sourcing.reserve(order.order_id, oms.orders, oms.stock, oms.catalog, BuiltIn(), NEXT)

    assert [one.node for one in order.progress.allocations] == [RJ.id]
    assert order.content.shipping_address == RIO


def test_while_it_waits_for_stock_its_address_may_change(oms: World) -> None:
    order = oms.capture(content(line("MUG", 3)))
    with pytest.raises(Backordered):
        sourcing.reserve(order.order_id, oms.orders, oms.stock, oms.catalog, BuiltIn(), CAUSE)

    after = moved(oms, oms.orders.load(order.order_id))

    assert after.backordered_lines == ("MUG",)
    assert oms.waiting("MUG") == [order.order_id]


def test_what_is_reserved_moves_to_the_node_that_is_near_now(oms: World) -> None:
    order = sourced(oms, MUG=9, TEE=9)

    after = moved(oms, order)

    assert after.state is State.SOURCED
    assert {one.node for one in after.progress.allocations} == {RJ.id}
    assert (reserved(oms, SP), reserved(oms, RJ)) == ((0, 0), (3, 2))
    assert [counts.reserved for counts in after.progress.counts] == [3, 2]


def test_what_would_come_from_the_same_node_stays_reserved_there(oms: World) -> None:
    order = sourced(oms, MUG=1)

    after = moved(oms, order)

    assert after.progress.allocations == order.progress.allocations
    history = [one.type for one in oms.orders.history(order.order_id)]
    assert history[-1] == "address_changed"


def test_what_is_held_counts_as_there_when_it_is_looked_at_again(oms: World) -> None:
    order = oms.capture(content(line("MUG", 9)))
    oms.receive("MUG", 9)
    order = sourcing.reserve(order.order_id, oms.orders, oms.stock, oms.catalog, BuiltIn(), CAUSE)

    after = moved(oms, order)

    assert after.progress.allocations == order.progress.allocations


def test_paid_for_stays_paid_for(oms: World) -> None:
    order = sourced(oms, MUG=9, TEE=9)
    paid = authorize_payment(order, order.content.total.minor, "ref", "key")
    order = oms.orders.commit(order, paid, CAUSE)

    after = moved(oms, order)

    assert after.state is State.AUTHORIZED
    assert decisions.release(after)


def test_open_work_that_is_anothers_now_is_given_back_and_routed_again(oms: World) -> None:
    order = released(oms, MUG=9, TEE=9)

    after = moved(oms, order)

    assert after.unrouted == {"MUG": 3, "TEE": 2}
    assert reserved(oms, SP) == (0, 0)
    again = reroute(order.order_id, router(oms), NEXT)
    assert [one.node for one in again.live_fulfillments] == [RJ.id]
    assert (reserved(oms, RJ), again.unrouted) == ((3, 2), {})


def test_open_work_that_would_be_the_same_nodes_stays(oms: World) -> None:
    order = released(oms)

    after = moved(oms, order)

    assert after.live_fulfillments == order.live_fulfillments


@pytest.mark.parametrize("steps", [("accept",), ("accept", "pick")])
def test_what_a_node_has_begun_with_goes_to_the_new_address(
    oms: World, steps: tuple[str, ...]
) -> None:
    order = released(oms, MUG=9, TEE=9)
    part = order.live_fulfillments[0].id
    fulfillment.accept(part, oms.orders, oms.stock, CAUSE)
    if "pick" in steps:
        fulfillment.advance(part, "pick", oms.orders, CAUSE)

    after = moved(oms, order)

    assert [one.node for one in after.live_fulfillments] == [SP.id]
    assert after.content.shipping_address == RIO


def test_what_a_supplier_sends_stays_with_it_and_it_is_told(oms: World) -> None:
    order = oms.capture(content(line("MUG", 3)))
    allocations = (Allocation("MUG", "MUG", "acme", 3, tracked=False, drop_ship=True),)
    order = oms.orders.commit(order, decisions.source(order, allocations, "rule", "why"), CAUSE)
    paid = authorize_payment(order, order.content.total.minor, "ref", "key")
    order = oms.orders.commit(order, paid, CAUSE)
    order = oms.orders.commit(order, decisions.release(order), CAUSE)

    after = moved(oms, order)

    assert after.live_fulfillments == order.live_fulfillments
    assert oms.orders.history(order.order_id)[-1].data["drop_ship"] is True


def test_what_is_collected_is_not_concerned(oms: World) -> None:
    oms.receive("MUG", 9, RJ)
    collected = replace(line("MUG", 3), method=Method.PICKUP, pickup_node=RJ.id)
    order = oms.capture(content(collected))
    order = sourcing.reserve(order.order_id, oms.orders, oms.stock, oms.catalog, BuiltIn(), CAUSE)

    after = moved(oms, order)

    assert after.progress.allocations == order.progress.allocations


# --- over HTTP ------------------------------------------------------------------------------


def send(call: Gateway, order: Order, **changes: object) -> tuple[int, Any]:
    document: dict[str, object] = {
        "name": RIO.name,
        "line1": RIO.line1,
        "city": RIO.city,
        "region": RIO.region,
        "postal_code": RIO.postal_code,
        "country": RIO.country,
        "latitude": RIO.latitude,
        "longitude": RIO.longitude,
    }
    return call("orders", f"POST /v1/orders/{order.order_id}/address", document | changes)


def test_its_routing_says_why_it_moved(oms: World, call: Gateway) -> None:
    order = sourced(oms, MUG=9, TEE=9)
    assert send(call, order)[0] == 200

    status, answer = call("orders", f"GET /v1/orders/{order.order_id}/routing")

    decided = answer["decisions"][-1]
    assert (status, decided["decided"]) == (200, "reservation_moved")
    assert {one["node"] for one in decided["units"]} == {RJ.id}


def test_the_same_address_again_changes_nothing(oms: World, call: Gateway) -> None:
    order = released(oms)

    first, again = send(call, order), send(call, order)

    assert (first[0], first[1]["shipping_address"]["city"]) == (200, "Rio de Janeiro")
    assert first == again


@pytest.mark.parametrize("code", ["1310-100", "0131010000", "abcdefgh"])
def test_a_postal_code_that_is_none_is_refused(oms: World, call: Gateway, code: str) -> None:
    status, answer = send(call, oms.capture(content()), postal_code=code)

    assert (status, answer["code"]) == (422, "invalid_postal_code")
    assert answer["faults"][0]["path"] == "postal_code"


@pytest.mark.parametrize("last", ["pack", "ship"])
def test_once_the_parcel_is_packed_it_is_too_late(oms: World, call: Gateway, last: str) -> None:
    order = released(oms)
    part = order.live_fulfillments[0].id
    fulfillment.accept(part, oms.orders, oms.stock, CAUSE)
    for step in ("pick", "pack"):
        fulfillment.advance(part, step, oms.orders, CAUSE)
    if last == "ship":
        fulfillment.ship(part, "c", "t", oms.orders, oms.stock, CAUSE)

    status, answer = send(call, order)

    assert (status, answer["code"]) == (409, "address_too_late")
    assert answer["fulfillment"] == part


def test_an_order_that_is_being_cancelled_goes_nowhere(oms: World, call: Gateway) -> None:
    order = released(oms)
    oms.orders.commit(order, (happened.CancelRequested("no"),), CAUSE)

    status, answer = send(call, order)

    assert (status, answer["code"]) == (409, "cancelling")


def test_a_closed_order_goes_nowhere_any_more(oms: World, call: Gateway) -> None:
    order = oms.capture(content())
    oms.orders.commit(order, (happened.OrderCancelled("no"),), CAUSE)

    status, answer = send(call, order)

    assert (status, answer["code"]) == (409, "address_too_late")


@pytest.mark.parametrize("is_released", [False, True])
def test_who_waits_for_what_lies_there_gets_what_another_no_longer_takes(
    oms: World, is_released: bool
) -> None:
    """Elsewhere there was enough all along: only at its store there was not."""
    oms.catalog.put_node(replace(RJ, pickup="any"))
    oms.receive("MUG", 3, RJ)
    to_rio = replace(content(line("MUG", 3)), shipping_address=RIO)
    order = oms.capture(to_rio)
    order = sourcing.reserve(order.order_id, oms.orders, oms.stock, oms.catalog, BuiltIn(), CAUSE)
    if is_released:
        paid = authorize_payment(order, order.due.minor, "ref", "key")
        oms.orders.commit(order, paid, CAUSE)
        fulfillment.release(order.order_id, oms.orders, CAUSE)
    collected = replace(line("MUG", 1), method=Method.PICKUP, pickup_node=RJ.id)
    waiter = oms.capture(content(collected, number="2")).order_id
    oms.receive("MUG", 3, SP)
    with pytest.raises(Backordered):
        sourcing.reserve(waiter, oms.orders, oms.stock, oms.catalog, BuiltIn(), CAUSE)
    oms.orders.put_token(waiter, AwaitedToken("token", "stock"))

    moved(oms, order, content().shipping_address)

    (told,) = (one for one in oms.orders.history(order.order_id) if one.type == "address_changed")
    assert publication_of(told).envelope.data["skus"] == ["MUG"]
    (signals,) = (plan for plan in QUEUES if plan.name == "signals")
    assert "address_changed" in signals.event_types
    catalog, lifecycle = oms.catalog, oms.lifecycle
    wake_for_stock("MUG", oms.orders, oms.orders, oms.stock, catalog, lifecycle, NEXT.at)
    assert [token for token, _ in lifecycle.resumed] == ["token"]
