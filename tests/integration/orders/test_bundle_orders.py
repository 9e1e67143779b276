"""Bundles from the catalogue through capture and sourcing to the parcel."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any, cast

import pytest

from oms.aws.reservation_store import ReservationStore
from oms.catalog.contract import ItemDocument
from oms.catalog.items import store_item
from oms.catalog.model import Component, Item
from oms.inventory import reservations as baskets
from oms.inventory.baskets import Wanted
from oms.inventory.contract import MovementDocument
from oms.inventory.model import MovementKind
from oms.inventory.movements import book
from oms.inventory.reservations import Basket
from oms.kernel.errors import Backordered, Conflict, Invalid, Refused, TooLarge, Unavailable
from oms.orders import events as happened
from oms.orders import fulfillment, sourcing
from oms.orders.capture import CaptureResult, capture
from oms.orders.contract import CaptureOrder, order_view
from oms.orders.model import Order, State
from oms.purchasing.store import Purchases
from oms.routing.policies import BuiltIn
from tests.integration.world import SP, World
from tests.samples import CAUSE

LATER = replace(CAUSE, at=CAUSE.at + timedelta(minutes=5))
KIT = [{"sku": "MUG", "quantity": 2}, {"sku": "TEE", "quantity": 1}]


def put(oms: World, sku: str, **document: Any) -> Item:
    return store_item(sku, ItemDocument(name=sku, **document), oms.catalog, oms.stock)


def refusal(oms: World, sku: str, **document: Any) -> tuple[str, list[str]]:
    with pytest.raises(Invalid) as refused:
        put(oms, sku, **document)
    return refused.value.problem_code, [fault.path for fault in refused.value.faults]


def order(*lines: dict[str, Any], total: str, number: str = "1") -> CaptureOrder:
    address = {"name": "Ana", "line1": "Rua 1", "city": "Lisboa", "country": "PT"}
    return CaptureOrder.model_validate(
        {
            "channel": "web",
            "channel_order_id": number,
            "currency": "BRL",
            "customer": {"name": "Ana"},
            "shipping_address": address,
            "lines": list(lines),
            "total": total,
            "payment": {"method": "card", "token": "4242424242424242"},
        }
    )


def taken(oms: World, request: CaptureOrder) -> CaptureResult:
    return capture(request, oms.orders, oms.catalog, CAUSE)


def reserved(oms: World, order_id: str) -> Order:
    rule = BuiltIn()
    return sourcing.reserve(order_id, oms.orders, oms.stock, oms.catalog, rule, LATER)


# --- the catalogue -------------------------------------------------------------------------------


def test_a_bundle_is_kept_with_its_components_and_sold_by_the_piece(oms: World) -> None:
    put(oms, "TEA", scale=3)
    stored = put(oms, "KIT", components=[{"sku": "TEA", "quantity": Decimal("0.25")}])
    assert stored.components == (Component("TEA", 250),)
    assert oms.catalog.items({"KIT"})["KIT"] == stored
    assert refusal(oms, "KIT", scale=1, components=KIT) == ("bundle_not_by_piece", ["scale"])


@pytest.mark.parametrize(
    ("component", "code"),
    [
        ({"sku": "NONE", "quantity": 1}, "unknown_sku"),
        ({"sku": "TEE", "quantity": 0}, "quantity_not_positive"),
        ({"sku": "TEE", "quantity": Decimal("0.5")}, "too_many_decimals"),
        ({"sku": "MUG", "quantity": 1}, "component_twice"),
        ({"sku": "KIT", "quantity": 1}, "circular_bundle"),
    ],
)
def test_what_a_bundle_cannot_be_made_of_is_refused(
    oms: World, component: dict[str, Any], code: str
) -> None:
    named, paths = refusal(oms, "KIT", components=[{"sku": "MUG", "quantity": 2}, component])
    assert named == code
    assert all(path.startswith("components.1") for path in paths)
    assert oms.catalog.items({"KIT"}) == {}


def test_a_circle_is_refused_through_several_levels(oms: World) -> None:
    put(oms, "A", components=[{"sku": "MUG", "quantity": 1}])
    put(oms, "B", components=[{"sku": "TEE", "quantity": 1}, {"sku": "A", "quantity": 1}])
    put(oms, "C", components=[{"sku": "B", "quantity": 1}])
    circle = refusal(oms, "A", components=[{"sku": "C", "quantity": 1}])
    assert circle == ("circular_bundle", ["components.0.sku"])


def test_two_bundles_stored_at_one_moment_cannot_come_to_contain_each_other(oms: World) -> None:
    read_before = [oms.catalog.items({"MUG"})["MUG"]]
    put(oms, "MUG", components=[{"sku": "TEE", "quantity": 1}])
    with pytest.raises(Unavailable):
        oms.catalog.put_item(Item("TEE", "Tee", components=(Component("MUG", 1),)), read_before)
    assert oms.catalog.items({"TEE"})["TEE"].components == ()


def test_a_bundle_holds_neither_too_many_items_nor_too_much(oms: World) -> None:
    for number in range(91):
        put(oms, f"P{number}")
    for half, numbers in (("LEFT", range(46)), ("RIGHT", range(46, 91))):
        put(oms, half, components=[{"sku": f"P{n}", "quantity": 1} for n in numbers])
    both = [{"sku": "LEFT", "quantity": 1}, {"sku": "RIGHT", "quantity": 1}]
    assert refusal(oms, "ALL", components=both)[0] == "too_many_components"
    put(oms, "MANY", components=[{"sku": "MUG", "quantity": 10**9}])
    much = [{"sku": "MANY", "quantity": 10**9}]
    assert refusal(oms, "MORE", components=much)[0] == "invalid_quantity"


@pytest.mark.parametrize(
    ("limits", "code"),
    [
        ({"minimum": 5, "maximum": 4}, "maximum_below_minimum"),
        ({"maximum": 4, "increment": 6}, "maximum_below_increment"),
        ({"minimum": Decimal("0.5")}, "too_many_decimals"),
    ],
)
def test_limits_that_leave_nothing_to_sell_are_refused(
    oms: World, limits: dict[str, Any], code: str
) -> None:
    assert refusal(oms, "MUG", **limits)[0] == code


def test_a_bundle_holds_no_stock(oms: World) -> None:
    put(oms, "KIT", components=KIT)
    receipt = MovementDocument(
        id="m-kit", kind=MovementKind.RECEIPT, sku="KIT", node=SP.id, quantity=Decimal(3)
    )
    no_purchase_order = cast(Purchases, None)
    with pytest.raises(Invalid) as refused:
        book(receipt, oms.stock, no_purchase_order, oms.catalog, CAUSE)
    assert refused.value.problem_code == "bundle_has_no_stock"


@pytest.mark.parametrize("change", [{"components": KIT[1:]}, {"scale": 2}])
def test_what_is_in_stock_is_not_counted_otherwise(oms: World, change: dict[str, Any]) -> None:
    oms.receive("MUG", 3)
    with pytest.raises(Conflict) as refused:
        put(oms, "MUG", **change)
    assert refused.value.problem_code == "has_stock"
    oms.move("MUG", -3, MovementKind.ADJUSTMENT)
    assert put(oms, "MUG", **change).sku == "MUG"


# --- the order -----------------------------------------------------------------------------------


def test_a_bundle_is_captured_as_its_parts_and_a_repeat_is_the_same_order(oms: World) -> None:
    put(oms, "KIT", components=KIT)
    request = order({"sku": "KIT", "quantity": 2, "unit_price": "100.01"}, total="200.02")
    first, again = taken(oms, request), taken(oms, request)
    assert (first.created, again.created) == (True, False)
    lines = order_view(first.order).lines
    assert [(x.line_id, x.bundle, int(x.quantities.ordered)) for x in lines] == [
        ("KIT/MUG", "KIT", 4),
        ("KIT/TEE", "KIT", 2),
    ]
    assert sum(line.net.minor for line in again.order.content.lines) == 20002


def test_bundles_and_a_single_take_what_they_share_together(oms: World) -> None:
    put(oms, "KIT", components=KIT)
    put(oms, "PAIR", components=[{"sku": "MUG", "quantity": 2}])
    oms.receive("MUG", 5)
    oms.receive("TEE", 1)
    lines = [{"sku": sku, "quantity": 1, "unit_price": "10.00"} for sku in ("KIT", "PAIR", "MUG")]
    captured = taken(oms, order(*lines, total="30.00")).order
    assert reserved(oms, captured.order_id).state is State.SOURCED
    assert (oms.balance("MUG").reserved, oms.balance("MUG").available) == (5, 0)


def test_a_bundle_that_lacks_one_component_takes_none(oms: World) -> None:
    put(oms, "KIT", components=KIT)
    oms.receive("MUG", 9)
    captured = taken(oms, order({"sku": "KIT", "quantity": 1, "unit_price": "1"}, total="1")).order
    with pytest.raises(Backordered):
        reserved(oms, captured.order_id)
    assert oms.balance("MUG").reserved == 0


def test_a_basket_with_a_bundle_holds_its_parts_until_the_order_has_them(oms: World) -> None:
    put(oms, "KIT", components=KIT)
    oms.receive("MUG", 5)
    oms.receive("TEE", 5)
    store = ReservationStore(oms.client, "inventory", oms.stock)
    until = LATER.at + timedelta(minutes=15)
    wanted = (Wanted("KIT", 2), Wanted("MUG", 1))
    baskets.take(Basket("b-1", "web", wanted, until, "f"), store, oms.stock, oms.catalog, CAUSE)
    assert (oms.balance("MUG").available, oms.balance("TEE").available) == (0, 3)
    lines = [
        {"sku": "KIT", "quantity": 2, "unit_price": "9"},
        {"sku": "MUG", "quantity": 1, "unit_price": "5"},
    ]
    request = order(*lines, total="23").model_copy(update={"reservation": "b-1"})
    taken_with = capture(request, oms.orders, oms.catalog, LATER, reservations=store)
    assert taken_with.order.state is State.SOURCED
    assert {part.line_id for part in taken_with.order.progress.allocations} == {
        "KIT/MUG",
        "KIT/TEE",
        "MUG",
    }
    assert (oms.balance("MUG").reserved, oms.balance("TEE").reserved) == (5, 2)


def test_a_bundle_goes_from_capture_to_the_parcel(oms: World) -> None:
    put(oms, "KIT", components=KIT)
    oms.receive("MUG", 4)
    oms.receive("TEE", 4)
    captured = taken(oms, order({"sku": "KIT", "quantity": 2, "unit_price": "9"}, total="18")).order
    sourced = reserved(oms, captured.order_id)
    paid = happened.PaymentAuthorized(sourced.payments.each[0].id, 1800, "auth", "a")
    oms.orders.commit(sourced, (paid,), CAUSE)
    part = fulfillment.release(captured.order_id, oms.orders, LATER).progress.fulfillments[0].id
    for step in ("accept", "pick", "pack"):
        fulfillment.advance(part, step, oms.orders, LATER)
    shipped = fulfillment.ship(part, "Correios", "BR1", oms.orders, oms.stock, LATER)
    assert shipped.state is State.SHIPPED
    assert (oms.balance("MUG").on_hand, oms.balance("TEE").on_hand) == (0, 2)
    assert oms.ledger("MUG") == (0, 0)


def test_the_limit_of_lines_holds_for_the_parts(oms: World) -> None:
    for number in range(50):
        put(oms, f"P{number}")
    put(oms, "ALL", components=[{"sku": f"P{n}", "quantity": 1} for n in range(50)])
    lines = [
        {"line_id": f"l{n}", "sku": "ALL", "quantity": 1, "unit_price": "1"} for n in range(11)
    ]
    with pytest.raises(TooLarge) as refused:
        taken(oms, order(*lines, total="11"))
    assert refused.value.context["actual"] == 550


def refused_lines(oms: World, *lines: dict[str, Any]) -> Refused:
    with pytest.raises((Invalid, Conflict)) as refused:
        taken(oms, order(*lines, total="9"))
    return refused.value


def test_a_line_cannot_have_the_id_of_a_part(oms: World) -> None:
    put(oms, "KIT", components=KIT)
    kit = {"sku": "KIT", "quantity": 1, "unit_price": "8"}
    other = {"sku": "TEE", "line_id": "KIT/TEE", "quantity": 1, "unit_price": "1"}
    assert refused_lines(oms, kit, other).problem_code == "line_twice"


def test_a_bundle_with_a_part_that_is_no_longer_sold_is_not_sold(oms: World) -> None:
    put(oms, "KIT", components=KIT)
    put(oms, "TEE", active=False)
    refused = refused_lines(oms, {"sku": "KIT", "quantity": 1, "unit_price": "9"})
    assert [(fault.path, fault.code) for fault in refused.faults] == [
        ("lines.0.sku", "unknown_sku")
    ]


@pytest.mark.parametrize(
    ("limits", "code"),
    [
        ({"minimum": 4}, "below_minimum"),
        ({"maximum": 2}, "above_maximum"),
        ({"increment": 2}, "not_an_increment"),
    ],
)
def test_how_few_and_how_many_sell_holds_for_all_lines_of_an_item_together(
    oms: World, limits: dict[str, Any], code: str
) -> None:
    put(oms, "MUG", **limits)
    refused = refused_lines(
        oms,
        {"sku": "TEE", "quantity": 1, "unit_price": "3"},
        {"sku": "MUG", "quantity": 1, "unit_price": "3"},
        {"sku": "MUG", "line_id": "second", "quantity": 2, "unit_price": "1.5"},
    )
    assert [(fault.path, fault.code) for fault in refused.faults] == [("lines.1.quantity", code)]
