"""Lines are cancelled over HTTP: what they held is free again, the rest stays as it was."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from oms.aws.policy_store import PolicyStore
from oms.inventory.policy import SellingPolicy
from oms.kernel.errors import Backordered
from oms.orders import fulfillment, sourcing, work
from oms.orders.model import Order, State
from oms.orders.paying import authorize_payment
from oms.orders.store import AwaitedToken
from oms.orders.supervision import Resumption, signal
from oms.routing.policies import BuiltIn
from tests.integration.gateway import Gateway, gateway
from tests.integration.world import SP, World
from tests.samples import CAUSE, content, line


@pytest.fixture
def call(oms: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[Gateway]:
    with gateway(monkeypatch) as calling:
        yield calling


def reserve(oms: World, order: Order) -> Order:
    return sourcing.reserve(order.order_id, oms.orders, oms.stock, oms.catalog, BuiltIn(), CAUSE)


def sourced(oms: World, mugs: int = 3, tees: int = 2) -> Order:
    oms.receive("MUG", 5)
    oms.receive("TEE", 5)
    order = oms.capture(content(line("MUG", mugs), line("TEE", tees)))
    return reserve(oms, order)


def released(oms: World) -> Order:
    order = sourced(oms)
    events = authorize_payment(order, order.content.total.minor, "ref", "key")
    oms.orders.commit(order, events, CAUSE)
    return fulfillment.release(order.order_id, oms.orders, CAUSE)


def cancel(
    call: Gateway, order: Order, *lines: tuple[str, float | None], key: str = ""
) -> tuple[int, Any]:
    asked = [
        {"line_id": line_id} | ({} if quantity is None else {"quantity": quantity})
        for line_id, quantity in lines
    ]
    return call(
        "orders",
        f"POST /v1/orders/{order.order_id}/cancel",
        {"reason": "too many", "lines": asked},
        headers={"idempotency-key": key} if key else None,
    )


def quantities(answer: Any, index: int = 0) -> dict[str, int]:
    return {name: units for name, units in answer["lines"][index]["quantities"].items() if units}


def test_reserved_units_are_free_again(oms: World, call: Gateway) -> None:
    order = sourced(oms)

    status, answer = cancel(call, order, ("MUG", 2))

    assert status == 200
    assert quantities(answer) == {"ordered": 3, "reserved": 1, "cancelled": 2}
    assert (oms.balance("MUG").reserved, oms.balance("MUG").available) == (1, 4)
    assert oms.ledger("MUG") == (5, 1)
    assert (answer["total"], answer["due"]) == ("50.00", "30.00")


def test_units_at_a_node_are_free_again_and_the_rest_stays_its_work(
    oms: World, call: Gateway
) -> None:
    order = released(oms)
    part = order.live_fulfillments[0]
    fulfillment.accept(part.id, oms.orders, oms.stock, CAUSE)

    status, _ = cancel(call, order, ("TEE", None))

    assert status == 200
    assert oms.balance("TEE").reserved == 0
    after = oms.orders.load(order.order_id)
    assert [one.units for one in after.live_fulfillments] == [{"MUG": 3}]
    assert after.live_fulfillments[0].id == part.id


def test_the_rest_is_shipped_and_all_of_it_is_accounted_for(oms: World, call: Gateway) -> None:
    order = released(oms)
    part = order.live_fulfillments[0]
    cancel(call, order, ("MUG", 1))
    fulfillment.accept(part.id, oms.orders, oms.stock, CAUSE)
    for step in ("pick", "pack"):
        fulfillment.advance(part.id, step, oms.orders, CAUSE)

    after = fulfillment.ship(part.id, "c", "t", oms.orders, oms.stock, CAUSE)

    assert after.state is State.SHIPPED
    assert (oms.balance("MUG").on_hand, oms.balance("MUG").reserved) == (3, 0)


def test_what_may_be_taken_back_is_less(oms: World, call: Gateway) -> None:
    PolicyStore(oms.client, "inventory").put("MUG", SellingPolicy(take_back=True), CAUSE)
    order = sourced(oms)

    cancel(call, order, ("MUG", 2))
    held = oms.stock.backorders.held("MUG", 9)
    assert [one.quantity for one in held] == [1]

    cancel(call, order, ("MUG", 1))
    assert oms.stock.backorders.held("MUG", 9) == []


def test_what_waits_waits_for_less_and_then_no_more(oms: World, call: Gateway) -> None:
    oms.receive("TEE", 5)
    order = oms.capture(content(line("MUG", 3), line("TEE", 2)))
    with pytest.raises(Backordered):
        reserve(oms, order)

    cancel(call, order, ("MUG", 1))
    waiting = [one.lacking for one in oms.stock.backorders.waiting("MUG")]
    assert waiting == [{"MUG": 2}]
    assert oms.stock.positions({"MUG"}, CAUSE.at)["MUG"].owed == 2

    cancel(call, order, ("MUG", None))
    assert oms.waiting("MUG") == []
    assert oms.stock.positions({"MUG"}, CAUSE.at)["MUG"].owed == 0
    assert reserve(oms, oms.orders.load(order.order_id)).state is State.SOURCED


def test_an_order_that_lacks_nothing_any_more_is_woken(oms: World, call: Gateway) -> None:
    oms.receive("TEE", 5)
    order = oms.capture(content(line("MUG", 3), line("TEE", 2)))
    with pytest.raises(Backordered):
        reserve(oms, order)
    oms.orders.put_token(order.order_id, AwaitedToken("token", "stock"))

    cancel(call, order, ("MUG", 1))
    signal(order.order_id, "units", oms.orders, oms.orders, oms.lifecycle)
    assert oms.lifecycle.resumed == []

    cancel(call, order, ("MUG", None))
    signal(order.order_id, "units", oms.orders, oms.orders, oms.lifecycle)
    assert oms.lifecycle.resumed == [("token", Resumption("stock_changed"))]


def test_when_only_what_is_cancelled_was_missing_the_order_is_delivered(
    oms: World, call: Gateway
) -> None:
    order = released(oms)
    (part,) = order.live_fulfillments
    order = oms.orders.commit(order, work.split(order, part.id, {"TEE": 2}), CAUSE)
    fulfillment.accept(part.id, oms.orders, oms.stock, CAUSE)
    for step in ("pick", "pack"):
        fulfillment.advance(part.id, step, oms.orders, CAUSE)
    fulfillment.ship(part.id, "c", "t", oms.orders, oms.stock, CAUSE)
    fulfillment.advance(part.id, "deliver", oms.orders, CAUSE)
    oms.orders.put_token(order.order_id, AwaitedToken("token", "fulfillment"))

    status, answer = cancel(call, order, ("TEE", None))
    signal(order.order_id, "units", oms.orders, oms.orders, oms.lifecycle)

    assert (status, answer["state"]) == (200, "delivered")
    assert oms.lifecycle.resumed == [("token", Resumption("delivered"))]


def test_the_last_units_cancel_the_order(oms: World, call: Gateway) -> None:
    order = released(oms)

    status, answer = cancel(call, order, ("MUG", None), ("TEE", None))

    assert (status, answer["status"]) == (202, "cancelling")
    assert oms.balance("MUG").reserved == oms.balance("TEE").reserved == 0


def test_the_same_again_cancels_nothing_more(oms: World, call: Gateway) -> None:
    order = released(oms)

    first = cancel(call, order, ("MUG", 1), key="k-1")
    again = cancel(call, order, ("MUG", 1), key="k-1")
    other = cancel(call, order, ("MUG", 2), key="k-1")

    assert first == again
    assert (other[0], other[1]["code"]) == (409, "content_differs")


def test_what_is_packed_is_not_cancelled(oms: World, call: Gateway) -> None:
    order = released(oms)
    part = order.live_fulfillments[0].id
    fulfillment.accept(part, oms.orders, oms.stock, CAUSE)
    for step in ("pick", "pack"):
        fulfillment.advance(part, step, oms.orders, CAUSE)

    status, answer = cancel(call, order, ("MUG", 1))

    assert (status, answer["code"]) == (409, "not_cancellable")
    assert (answer["line_id"], answer["cancellable"]) == ("MUG", "0")


def test_an_order_that_is_being_cancelled_says_so(oms: World, call: Gateway) -> None:
    order = released(oms)
    call("orders", f"POST /v1/orders/{order.order_id}/cancel", {"reason": "no"})

    status, answer = cancel(call, order, ("MUG", 1))

    assert (status, answer["code"]) == (409, "cancelling")


def test_every_fault_is_named(oms: World, call: Gateway) -> None:
    order = sourced(oms)

    status, answer = cancel(call, order, ("HAT", 1), ("MUG", 0.5), ("TEE", 0), ("TEE", 1))

    assert status == 422
    assert {(one["path"], one["code"]) for one in answer["faults"]} == {
        ("lines.0.line_id", "unknown_line"),
        ("lines.1.quantity", "too_many_decimals"),
        ("lines.2.quantity", "quantity_not_positive"),
        ("lines.3.line_id", "line_twice"),
    }


def test_a_part_of_a_bundle_alone_is_refused(oms: World, call: Gateway) -> None:
    plate = replace(line("MUG", 4), line_id="set/MUG", bundle="set", bundles=2)
    cup = replace(line("TEE", 2), line_id="set/TEE", bundle="set", bundles=2)
    order = oms.capture(content(plate, cup))

    alone = cancel(call, order, ("set/MUG", 2))
    whole = cancel(call, order, ("set", 1))

    assert (alone[0], alone[1]["faults"][0]["code"]) == (422, "part_of_a_bundle")
    assert whole[0] == 200
    assert quantities(whole[1]) == {"ordered": 4, "open": 2, "cancelled": 2}


def test_an_order_that_is_not_there_is_not_cancelled(oms: World, call: Gateway) -> None:
    order = oms.capture(content())
    unknown = replace(order, content=replace(order.content, order_id="ord_" + "a" * 26))

    assert cancel(call, unknown, ("MUG", 1))[0] == 404


def test_a_node_beside_it_keeps_what_it_has(oms: World, call: Gateway) -> None:
    order = released(oms)
    before = oms.ledger("TEE", SP)

    cancel(call, order, ("MUG", 2))

    assert oms.ledger("TEE", SP) == before


def test_a_key_that_another_begins_with_is_its_own(oms: World, call: Gateway) -> None:
    order = sourced(oms)

    cancel(call, order, ("MUG", 1), key="refund:7")
    status, answer = cancel(call, order, ("TEE", 1), key="refund")

    assert status == 200
    assert quantities(answer, 1)["cancelled"] == 1
