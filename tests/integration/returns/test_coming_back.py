"""Parcels that did not reach their customers: back at a node, sent again or paid back."""

from dataclasses import dataclass
from typing import Any

import pytest

from oms.orders import decisions, fulfillment, sourcing
from oms.orders import events as happened
from oms.orders.model import Order, State
from oms.orders.rerouting import Router, reroute
from oms.routing.policies import BuiltIn
from tests.integration.gateway import Gateway
from tests.integration.returns.counter import Desk
from tests.integration.world import RJ, SP, World
from tests.samples import CAUSE, content


@dataclass
class Lost:
    """An order whose parcel is on its way back."""

    oms: World
    call: Gateway
    order_id: str

    @property
    def order(self) -> Order:
        return self.oms.orders.load(self.order_id)

    @property
    def part(self) -> str:
        return self.order.progress.fulfillments[0].id

    def bring_back(self, name: str = "b1", node: str = "rj-store", **body: Any) -> tuple[int, Any]:
        path = f"POST /v1/fulfillments/{self.part}/bring-back"
        return self.call("returns", path, {"receipt_id": name, "node": node, **body})


@pytest.fixture
def lost(desk: Desk, oms: World, call: Gateway) -> Lost:
    made = content()
    for one in made.lines:
        oms.receive(one.sku, one.quantity)
    order = oms.capture(made)
    stock = oms.stock
    sourcing.reserve(order.order_id, oms.orders, stock, oms.catalog, BuiltIn(), CAUSE)
    payment = order.payments.each[0]
    desk.commit(
        order.order_id,
        lambda now: (
            happened.PaymentAuthorized(payment.id, 3000, "auth", "authorized"),
            happened.PaymentCaptured(payment.id, 3000, "cap", "captured"),
        ),
    )
    order = fulfillment.release(order.order_id, oms.orders, CAUSE)
    (part,) = order.progress.fulfillments
    fulfillment.accept(part.id, oms.orders, stock, CAUSE)
    fulfillment.advance(part.id, "pick", oms.orders, CAUSE)
    fulfillment.advance(part.id, "pack", oms.orders, CAUSE)
    fulfillment.ship(part.id, "carrier", "T1", oms.orders, stock, CAUSE)
    desk.commit(
        order.order_id,
        lambda now: decisions.fail_delivery(now, part.id, "T1", "returned_to_sender"),
    )
    return Lost(oms, call, order.order_id)


def test_it_is_restocked_where_it_is_and_sent_again_from_there(lost: Lost, oms: World) -> None:
    assert lost.order.status == "undelivered"

    status, part = lost.bring_back()

    assert (status, part["state"]) == (200, "returned")
    assert oms.balance("MUG", RJ).available == 2
    router = Router(oms.orders, oms.stock, oms.catalog, BuiltIn())
    order = reroute(lost.order_id, router, CAUSE)
    (again,) = order.live_fulfillments
    assert (again.node, again.units) == ("rj-store", {"MUG": 2, "TEE": 1})
    assert oms.balance("MUG", RJ).available == 0
    assert order.status != "undelivered" and order.progress.refunds == ()


def test_or_the_customer_gets_the_money_and_the_order_ends(lost: Lost, oms: World) -> None:
    status, _ = lost.bring_back(then="refund")

    order = lost.order
    assert status == 200
    assert order.cancel_requested
    assert [counts.cancelled for counts in order.progress.counts] == [2, 1]
    assert oms.balance("TEE", RJ).on_hand == 1


def test_a_part_of_it_is_paid_back_while_the_rest_is_still_under_way(
    lost: Lost, oms: World
) -> None:
    lines = [{"line_id": "MUG", "dispositions": {"restock": 1, "damaged": 1}}]

    assert lost.bring_back(lines=lines, then="refund", node="sp-dc")[0] == 200

    order = lost.order
    assert [refund.amount for refund in order.progress.refunds] == [2000]
    assert order.due.minor == 1000
    assert (oms.balance("MUG", SP).on_hand, oms.balance("MUG", SP).damaged) == (1, 1)
    (left,) = order.live_fulfillments
    assert (left.state, left.units) == ("shipped", {"TEE": 1})
    assert order.state is State.SHIPPED


def test_the_same_receipt_counts_once(lost: Lost, oms: World) -> None:
    lines = [{"line_id": "MUG", "dispositions": {"restock": 2}}]

    for _ in range(2):
        assert lost.bring_back(lines=lines, then="refund")[0] == 200

    assert oms.balance("MUG", RJ).on_hand == 2
    assert [refund.amount for refund in lost.order.progress.refunds] == [2000]


def test_all_of_it_again_changes_nothing(lost: Lost, oms: World) -> None:
    for name in ("b1", "b1", "b2"):
        assert lost.bring_back(name)[0] == 200

    assert oms.balance("MUG", RJ).on_hand == 2


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        ([{"line_id": "MUG", "dispositions": {"restock": 3}}], "quantities_do_not_add_up"),
        (
            [{"line_id": "MUG", "quantity": 2, "dispositions": {"restock": 1}}],
            "quantities_do_not_add_up",
        ),
        ([{"line_id": "CUP", "dispositions": {"restock": 1}}], "unknown_line"),
        ([{"line_id": "MUG", "dispositions": {"restock": 1}}] * 2, "line_twice"),
    ],
)
def test_what_does_not_add_up_is_refused(lost: Lost, lines: list[Any], code: str) -> None:
    status, problem = lost.bring_back(lines=lines)

    assert (status, problem["code"]) == (422, code)


def test_what_was_delivered_is_not_brought_back_but_returned(desk: Desk, call: Gateway) -> None:
    order = desk.delivered()
    part = order.progress.fulfillments[0].id

    status, problem = call(
        "returns",
        f"POST /v1/fulfillments/{part}/bring-back",
        {"receipt_id": "b", "node": "sp-dc"},
    )

    assert (status, problem["code"]) == (409, "illegal_transition")
