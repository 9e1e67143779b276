"""Orders that are captured with a soft reservation."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from oms.aws.reservation_store import ReservationStore
from oms.aws.stock_audit import audit
from oms.inventory import reservations
from oms.inventory.baskets import Wanted
from oms.inventory.reservation import ReservationState
from oms.inventory.reservations import Basket
from oms.kernel.errors import Conflict, Invalid, OmsError
from oms.orders import decisions, fulfillment, paying, sourcing
from oms.orders.capture import CaptureResult, capture
from oms.orders.contract import CaptureOrder
from oms.orders.model import Order, State
from oms.routing.policies import BuiltIn
from tests.integration.world import SP, World
from tests.samples import CAUSE, NOW

UNTIL = NOW + timedelta(minutes=15)


def store(oms: World) -> ReservationStore:
    return ReservationStore(oms.client, "inventory", oms.stock)


def hold(oms: World, *wanted: Wanted, channel: str = "web") -> None:
    asked = Basket("basket-1", channel, wanted or (Wanted("MUG", 2),), UNTIL, "same")
    reservations.take(asked, store(oms), oms.stock, oms.catalog, CAUSE)


def request(number: str = "1", **changes: Any) -> CaptureOrder:
    line = {"sku": "MUG", "quantity": 2, "unit_price": "10.00"}
    document = {
        "channel": "web",
        "channel_order_id": number,
        "currency": "BRL",
        "customer": {"name": "Ana"},
        "shipping_address": {"name": "Ana", "line1": "Rua 1", "city": "Lisboa", "country": "PT"},
        "lines": [line],
        "total": "20.00",
        "payment": {"method": "pix"},
        "reservation": "basket-1",
    }
    return CaptureOrder.model_validate(document | changes)


def order(oms: World, asked: CaptureOrder, at: datetime = NOW) -> CaptureResult:
    cause = replace(CAUSE, at=at)
    return capture(asked, oms.orders, oms.catalog, cause, reservations=store(oms))


def code(refused: pytest.ExceptionInfo[OmsError]) -> str:
    return refused.value.problem_code


def ship(oms: World, sourced: Order, at: datetime) -> None:
    cause = replace(CAUSE, at=at)
    for step in (
        lambda one: paying.authorize_payment(one, one.content.total.minor, "r", "k"),
        decisions.release,
    ):
        sourced = oms.orders.commit(sourced, step(sourced), cause)
    part = sourced.progress.fulfillments[0].id
    for name in ("accept", "pick", "pack"):
        fulfillment.advance(part, name, oms.orders, cause)
    fulfillment.ship(part, "carrier", "T1", oms.orders, oms.stock, cause)


def test_an_order_gets_what_was_held_for_its_basket_in_the_same_moment(oms: World) -> None:
    oms.receive("MUG", 2)
    hold(oms)
    captured = order(oms, request())
    assert captured.created and captured.order.state is State.SOURCED
    assert captured.order.progress.sourcing_rule == "reservation"
    kept = reservations.read("basket-1", store(oms))
    assert (kept.state, kept.order_id) == (ReservationState.CONVERTED, captured.order.order_id)
    assert oms.balance("MUG").reserved == 2
    assert reservations.sweep(store(oms), UNTIL) == 0
    assert audit(oms.client, "inventory")[1] == []


def test_the_lifecycle_finds_such_an_order_sourced(oms: World) -> None:
    oms.receive("MUG", 4)
    hold(oms)
    captured = order(oms, request()).order
    sourced = sourcing.reserve(
        captured.order_id,
        oms.orders,
        oms.stock,
        oms.catalog,
        BuiltIn(),
        CAUSE,
    )
    assert sourced.version == captured.version
    assert oms.balance("MUG").reserved == 2


def test_the_same_order_again_is_answered_as_before(oms: World) -> None:
    oms.receive("MUG", 2)
    hold(oms)
    first = order(oms, request())
    again = order(oms, request(), UNTIL + timedelta(hours=1))
    assert not again.created and again.order == first.order


def test_what_is_held_becomes_one_order_s(oms: World) -> None:
    oms.receive("MUG", 2)
    hold(oms)
    order(oms, request())
    with pytest.raises(Conflict) as refused:
        order(oms, request("2"))
    assert code(refused) == "reservation_converted"


def test_an_order_s_units_are_not_let_go_by_the_basket(oms: World) -> None:
    oms.receive("MUG", 2)
    hold(oms)
    order(oms, request())
    with pytest.raises(Conflict) as refused:
        reservations.release("basket-1", store(oms), CAUSE)
    assert code(refused) == "reservation_converted"


@pytest.mark.parametrize(
    ("at", "changes", "expected"),
    [
        (UNTIL, {}, "reservation_expired"),
        (NOW, {"reservation": "nothing"}, "unknown_reservation"),
        (
            NOW,
            {"lines": [{"sku": "MUG", "quantity": 1, "unit_price": "20"}]},
            "reservation_mismatch",
        ),
        (
            NOW,
            {"lines": [{"sku": "TEE", "quantity": 2, "unit_price": "10"}]},
            "reservation_mismatch",
        ),
    ],
)
def test_nothing_is_captured_with_what_does_not_fit(
    oms: World, at: datetime, changes: dict[str, Any], expected: str
) -> None:
    oms.receive("MUG", 2)
    hold(oms)
    with pytest.raises((Conflict, Invalid)) as refused:
        order(oms, request(**changes), at)
    assert code(refused) == expected
    assert reservations.read("basket-1", store(oms)).state is ReservationState.HELD


def test_what_the_basket_let_go_is_nobody_s_order(oms: World) -> None:
    oms.receive("MUG", 2)
    hold(oms)
    reservations.release("basket-1", store(oms), CAUSE)
    with pytest.raises(Conflict) as refused:
        order(oms, request())
    assert code(refused) == "reservation_released"


def test_what_was_held_for_the_basket_leaves_with_the_order(oms: World) -> None:
    oms.receive("MUG", 3)
    hold(oms)
    ship(oms, order(oms, request()).order, NOW + timedelta(hours=1))
    balance = oms.balance("MUG")
    assert (balance.on_hand, balance.reserved, balance.sold) == (1, 0, 2)
    assert audit(oms.client, "inventory")[1] == []


def test_a_cancelled_order_gives_it_back(oms: World) -> None:
    oms.receive("MUG", 3)
    hold(oms)
    captured = order(oms, request()).order
    later = replace(CAUSE, at=NOW + timedelta(hours=1))
    sourcing.unreserve(captured.order_id, oms.orders, oms.stock, later)
    assert oms.balance("MUG").available == 3


@pytest.mark.parametrize("counters", [1, 4])
def test_units_of_several_counters_are_shipped_from_where_they_are(
    oms: World, counters: int
) -> None:
    oms.receive("MUG", 8)
    oms.stock.spread("MUG", SP.id, counters, CAUSE)
    hold(oms, Wanted("MUG", 7))
    lines = [{"sku": "MUG", "quantity": 7, "unit_price": "10.00"}]
    captured = order(oms, request(lines=lines, total="70.00")).order
    ship(oms, captured, NOW + timedelta(hours=1))
    balance = oms.balance("MUG")
    assert (balance.on_hand, balance.reserved, balance.available) == (1, 0, 1)
    assert audit(oms.client, "inventory")[1] == []
