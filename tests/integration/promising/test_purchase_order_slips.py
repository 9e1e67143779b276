"""A purchase order that customers were promised from: it slips, comes short, comes after all."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from oms.catalog.model import Node
from oms.inventory.model import Movement, MovementKind
from oms.kernel.encoding import from_json
from oms.kernel.errors import Backordered
from oms.kernel.events import Cause, Envelope
from oms.orders.model import Order
from oms.promising import keeping
from oms.purchasing import purchasing
from oms.purchasing.contract import PurchaseOrderDocument
from tests.integration.promising.desk import Desk, later
from tests.integration.promising.test_from_question_to_order import asked, captured
from tests.samples import CAUSE

DUE = later(days=10)


@pytest.fixture
def order(desk: Desk) -> Order:
    """Waits for two of ten units that are due in ten days."""
    oms = desk.oms
    oms.catalog.put_node(Node("acme", "Acme", "supplier", "BR"))
    lines: list[Any] = [{"sku": "MUG", "quantity": 10, "due": DUE}]
    document = PurchaseOrderDocument(id="po_1", supplier="acme", node="sp-dc", lines=lines)
    purchasing.create(document, "po_1", oms.purchases, oms.stock, oms.catalog, CAUSE)
    purchasing.send("po_1", oms.purchases, oms.stock, at(1))
    order = captured(desk, asked(desk, quantity=2), quantity=2)
    with pytest.raises(Backordered):
        desk.reserve(order)
    return order


def at(minutes: float) -> Cause:
    return replace(CAUSE, at=later(minutes=minutes))


def slip(desk: Desk, days: int, minutes: float) -> None:
    due = DUE + timedelta(days=days)
    purchasing.reschedule("po_1", "MUG", due, desk.oms.purchases, desk.oms.stock, at(minutes))
    hear(desk, minutes)


def hear(desk: Desk, minutes: float) -> None:
    """What the purchase order says of its last change, as the function jeopardy hears it."""
    key = {"pk": {"S": "purchase_order#po_1"}, "sk": {"S": "purchase_order"}}
    item = desk.oms.client.get_item(TableName="inventory", Key=key)["Item"]
    for event in from_json(item["envelopes"]["S"], list[Envelope]):
        if event.type == "supply_changed":
            sku, reason = str(event.data["sku"]), str(event.data["reason"])
            keeping.look_after(sku, reason, desk.keeper, at(minutes))


def receive(desk: Desk, units: int) -> None:
    movement = Movement("r1", MovementKind.RECEIPT, "MUG", "sp-dc", units, purchase_order="po_1")
    purchasing.receive(movement, desk.oms.purchases, desk.oms.stock, at(100))


def expected(desk: Desk, order: Order) -> date | None:
    return desk.oms.orders.load(order.order_id).expected_day


def test_the_customer_is_promised_what_the_purchase_order_brings(desk: Desk, order: Order) -> None:
    assert [part.source for part in order.promised_parts] == ["supply:po_1:1"]
    assert expected(desk, order) == (DUE + timedelta(days=2)).date()
    assert desk.promised_of("po_1:1") == 2


def test_a_slip_is_told_with_the_new_day_and_its_end_too(desk: Desk, order: Order) -> None:
    promised = order.promised_day("MUG")
    assert promised is not None
    slip(desk, 4, 10)
    assert expected(desk, order) == promised + timedelta(days=4)
    slip(desk, 0, 20)
    assert expected(desk, order) == promised
    told = [kind for kind in desk.types(order) if kind.startswith("promise")]
    assert told == ["promise_in_jeopardy", "promise_restored"]


def test_what_comes_serves_the_promise_and_is_promised_no_more(desk: Desk, order: Order) -> None:
    receive(desk, 10)
    hear(desk, 101)
    desk.reserve(order)
    keeping.stock_is_held(order.order_id, desk.keeper, at(102))
    assert desk.demand.supply("MUG", "po_1:1") is None
    assert "promise_in_jeopardy" not in desk.types(order)
    assert desk.rows()[0].held


def test_what_comes_in_part_leaves_no_more_promised_than_is_waited_for(
    desk: Desk, order: Order
) -> None:
    receive(desk, 4)
    assert desk.promised_of("po_1:1") == 0
    desk.reserve(order)
    keeping.stock_is_held(order.order_id, desk.keeper, at(102))
    assert desk.promised_of("po_1:1") == 0


def test_a_purchase_order_that_is_closed_leaves_its_promises_without_a_day(
    desk: Desk, order: Order
) -> None:
    purchasing.cancel("po_1", desk.oms.purchases, desk.oms.stock, at(10))
    hear(desk, 10)
    assert expected(desk, order) is None
    assert desk.oms.orders.load(order.order_id).outlook("MUG").severity == "high"
