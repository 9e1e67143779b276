from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

import pytest

from oms.aws.purchase_store import PurchaseStore
from oms.aws.stock_audit import audit
from oms.catalog.model import Item
from oms.inventory.model import Movement, MovementKind
from oms.kernel.errors import Conflict, Invalid, NotFound, VersionConflict
from oms.purchasing import decisions, purchasing
from oms.purchasing.contract import ConfirmationDocument, ShippingNoticeDocument
from oms.purchasing.model import PurchaseOrder, PurchaseState
from tests.integration.world import RJ, World
from tests.samples import CAUSE, NOW

from .conftest import DUE, asked, at, created, incoming, sent, supply, told


def receipt(
    units: int,
    movement_id: str = "r1",
    order_id: str = "po_1",
    notice: str = "",
    node: str = "sp-dc",
) -> Movement:
    return Movement(
        movement_id,
        MovementKind.RECEIPT,
        "MUG",
        node,
        units,
        purchase_order=order_id,
        shipping_notice=notice,
    )


def receive(oms: World, units: int, movement_id: str = "r1", notice: str = "") -> bool:
    movement = receipt(units, movement_id, notice=notice)
    return purchasing.receive(movement, oms.purchases, oms.stock, at(100))


def announce(oms: World, units: int, days: int = 3) -> None:
    document = ShippingNoticeDocument(
        id="asn-1",
        expected_at=NOW + timedelta(days=days),
        lines=[{"sku": "MUG", "quantity": Decimal(units)}],  # type: ignore[list-item]
    )
    purchasing.announce("po_1", document, oms.purchases, oms.stock, at(50))


def promise(oms: World, units: int, supply_id: str = "po_1:1") -> None:
    oms.client.update_item(
        TableName="inventory",
        Key={"pk": {"S": "MUG"}, "sk": {"S": f"supply#{supply_id}"}},
        UpdateExpression="ADD promised :units",
        ExpressionAttributeValues={":units": {"N": str(units)}},
    )


def test_an_order_brings_nothing_until_it_is_sent_then_it_is_dated_supply(oms: World) -> None:
    created(oms)
    assert supply(oms) == []
    purchasing.send("po_1", oms.purchases, oms.stock, at(1))
    (one,) = supply(oms)
    assert (one.id, one.sku, one.node, one.due) == ("po_1:1", "MUG", "sp-dc", DUE)
    assert (one.open, one.promised, one.kind) == (10, 0, "purchase_order")
    assert incoming(oms) == (10, 10)
    assert [one.type for one in told(oms)] == ["purchase_order_sent"]
    assert told(oms)[0].id == "po_1:2:1"


def test_the_same_order_again_is_found_and_another_content_is_refused(oms: World) -> None:
    created(oms)
    stores = (oms.purchases, oms.stock, oms.catalog)
    assert purchasing.create(asked(), "po_1", *stores, at(9)) == (created(oms), False)
    with pytest.raises(Conflict) as refused:
        purchasing.create(asked(units=11), "po_1", *stores, at(9))
    assert refused.value.problem_code == "content_differs"


def test_whoever_creates_it_second_at_the_same_moment_finds_it(oms: World) -> None:
    order = created(oms)
    assert purchasing.add(order, oms.purchases, oms.stock, CAUSE) == (order, False)


def test_every_fault_of_an_order_is_named(oms: World) -> None:
    line = {"sku": "MUG", "quantity": Decimal("1.5"), "due": NOW - timedelta(days=1)}
    document = asked(
        supplier="rj-store", node="nowhere", lines=[line, {**line, "sku": "CAP"}, line]
    )
    with pytest.raises(Invalid) as refused:
        purchasing.create(document, "po_1", oms.purchases, oms.stock, oms.catalog, CAUSE)
    assert {(fault.path, fault.code) for fault in refused.value.faults} == {
        ("node", "unknown_node"),
        ("supplier", "not_a_supplier"),
        ("lines.0.quantity", "too_many_decimals"),
        ("lines.0.due", "in_the_past"),
        ("lines.1.sku", "unknown_sku"),
        ("lines.1.due", "in_the_past"),
        ("lines.2.sku", "line_twice"),
        ("lines.2.quantity", "too_many_decimals"),
        ("lines.2.due", "in_the_past"),
    }


def test_each_command_twice_is_the_same_as_once(oms: World) -> None:
    sent(oms)
    again = purchasing.send("po_1", oms.purchases, oms.stock, at(2))
    assert (again.version, incoming(oms)) == (2, (10, 10))


def test_fewer_and_later_is_a_supply_that_changed(oms: World) -> None:
    sent(oms)
    document = ConfirmationDocument(
        lines=[{"sku": "MUG", "quantity": Decimal(7), "due": DUE + timedelta(days=2)}]  # type: ignore[list-item]
    )
    for _ in range(2):
        purchasing.confirm("po_1", document, oms.purchases, oms.stock, at(3))
    (one,) = supply(oms)
    assert (one.open, one.due) == (7, DUE + timedelta(days=2))
    assert incoming(oms) == (7, 7)
    changed = told(oms)[-1]
    assert (changed.type, changed.subject) == ("supply_changed", "po_1")
    assert changed.data == {
        "sku": "MUG",
        "node": "sp-dc",
        "supply": "po_1:1",
        "from": "2026-05-14T12:00:00.000Z",
        "to": "2026-05-16T12:00:00.000Z",
        "open_before": 10,
        "open": 7,
        "reason": "short",
    }


def test_a_confirmation_names_lines_of_the_order_each_once(oms: World) -> None:
    sent(oms)
    named = [{"sku": sku, "quantity": Decimal(1), "due": DUE} for sku in ("CAP", "MUG", "MUG")]
    with pytest.raises(Invalid) as refused:
        purchasing.confirm(
            "po_1",
            ConfirmationDocument(lines=named),  # type: ignore[arg-type]
            oms.purchases,
            oms.stock,
            at(3),
        )
    assert [fault.code for fault in refused.value.faults] == ["unknown_line", "line_twice"]


def test_parts_are_received_and_the_rest_stays_open(oms: World) -> None:
    sent(oms)
    assert receive(oms, 6)
    balance = oms.balance("MUG")
    assert (balance.on_hand, balance.incoming, supply(oms)[0].open) == (6, 4, 4)
    assert receive(oms, 4, "r2")
    assert (oms.balance("MUG").on_hand, incoming(oms), supply(oms)) == (10, (0, 0), [])
    order = purchasing.read("po_1", oms.purchases)
    assert (order.state, order.lines[0].received) == (PurchaseState.RECEIVED, 10)
    assert audit(oms.client, "inventory")[1] == []


def test_a_receipt_that_is_sent_again_changes_nothing(oms: World) -> None:
    sent(oms)
    assert receive(oms, 10)
    assert not receive(oms, 10)
    with pytest.raises(Conflict) as refused:
        receive(oms, 9)
    assert refused.value.problem_code == "content_differs"
    assert oms.balance("MUG").on_hand == 10


def test_more_than_is_open_is_refused_and_nothing_is_half_done(oms: World) -> None:
    sent(oms)
    with pytest.raises(Conflict) as refused:
        receive(oms, 11)
    assert refused.value.problem_code == "over_receipt"
    assert refused.value.context == {"open": 10, "receivable": 10}
    assert (oms.balance("MUG").on_hand, incoming(oms)) == (0, (10, 10))


def test_what_is_allowed_above_the_order_takes_no_more_than_is_incoming(oms: World) -> None:
    sent(oms, allow_over_receipt=True)
    receive(oms, 13)
    assert (oms.balance("MUG").on_hand, incoming(oms)) == (13, (0, 0))


def test_a_receipt_names_an_order_that_is_there(oms: World) -> None:
    with pytest.raises(NotFound) as refused:
        receive(oms, 1)
    assert refused.value.problem_code == "unknown_purchase_order"
    sent(oms)
    with pytest.raises(Conflict) as wrong:
        purchasing.receive(receipt(1, node=RJ.id), oms.purchases, oms.stock, at(100))
    assert wrong.value.problem_code == "wrong_node"


def test_what_comes_serves_the_promises_first(oms: World) -> None:
    sent(oms)
    promise(oms, 5)
    receive(oms, 3)
    assert (supply(oms)[0].open, supply(oms)[0].promised) == (7, 2)
    receive(oms, 4, "r2")
    assert (supply(oms)[0].open, supply(oms)[0].promised) == (3, 0)


def test_a_promise_made_at_the_same_moment_is_not_lost(oms: World) -> None:
    order = sent(oms)
    decision = decisions.receive(order, "MUG", "sp-dc", 3, "", NOW)
    writes = oms.purchases.prepare(order, decision, CAUSE)
    promise(oms, 5)
    with pytest.raises(Exception, match="promised"):
        oms.stock.transact(writes)
    assert (supply(oms)[0].open, supply(oms)[0].promised) == (10, 5)


def test_a_notice_takes_along_the_promises_that_the_rest_is_too_few_for(oms: World) -> None:
    sent(oms)
    promise(oms, 8)
    announce(oms, 4)
    found = {one.id: (one.open, one.promised) for one in supply(oms)}
    assert found == {"po_1:1": (6, 6), "po_1:asn-1:1": (4, 2)}
    assert incoming(oms) == (10, 10)
    assert told(oms)[-1].data["moved_to"] == "po_1:asn-1:1"


def test_a_notice_of_all_that_is_open_replaces_the_line(oms: World) -> None:
    sent(oms)
    promise(oms, 8)
    announce(oms, 10)
    announce(oms, 10)
    assert [(one.id, one.open, one.promised) for one in supply(oms)] == [("po_1:asn-1:1", 10, 8)]
    receive(oms, 9, notice="asn-1")
    assert [(one.open, one.promised) for one in supply(oms)] == [(1, 0)]


def test_what_is_missing_of_a_delivery_takes_its_promises_back_to_the_line(oms: World) -> None:
    sent(oms)
    announce(oms, 6)
    promise(oms, 3)
    promise(oms, 6, "po_1:asn-1:1")
    receive(oms, 4, notice="asn-1")
    for _ in range(2):
        purchasing.end_notice("po_1", "asn-1", oms.purchases, oms.stock, at(120))
    assert [(one.id, one.open, one.promised) for one in supply(oms)] == [("po_1:1", 6, 5)]
    assert told(oms)[0].data["moved_to"] == "po_1:1"
    assert incoming(oms) == (6, 6)


def test_what_does_not_come_is_no_longer_incoming(oms: World) -> None:
    sent(oms)
    announce(oms, 4)
    receive(oms, 3)
    purchasing.close("po_1", oms.purchases, oms.stock, at(200))
    assert (supply(oms), incoming(oms)) == ([], (0, 0))
    sent(oms, "po_2")
    purchasing.cancel("po_2", oms.purchases, oms.stock, at(201))
    assert (supply(oms), incoming(oms)) == ([], (0, 0))


def test_a_line_slips_but_not_into_the_past(oms: World) -> None:
    sent(oms)
    later = DUE + timedelta(days=4)
    for _ in range(2):
        purchasing.reschedule("po_1", "MUG", later, oms.purchases, oms.stock, at(5))
    assert (supply(oms)[0].due, told(oms)[0].data["reason"]) == (later, "slip")
    with pytest.raises(Invalid) as refused:
        purchasing.reschedule(
            "po_1", "MUG", NOW - timedelta(days=1), oms.purchases, oms.stock, at(6)
        )
    assert refused.value.problem_code == "in_the_past"


def test_orders_are_found_by_supplier_and_by_state_page_by_page(oms: World) -> None:
    for number in range(3):
        created(oms, f"po_{number}")
    purchasing.send("po_1", oms.purchases, oms.stock, at(1))
    first = oms.purchases.page("acme", None, 2, None)
    second = oms.purchases.page("acme", None, 2, first.cursor)
    assert [one.id for one in (*first.orders, *second.orders)] == ["po_0", "po_1", "po_2"]
    assert [one.id for one in oms.purchases.page("", PurchaseState.CREATED, 9, None).orders] == [
        "po_0",
        "po_2",
    ]
    assert [one.id for one in oms.purchases.page("acme", PurchaseState.SENT, 9, None).orders] == [
        "po_1"
    ]
    with pytest.raises(Invalid) as refused:
        oms.purchases.page("", None, 9, None)
    assert refused.value.problem_code == "filter_needed"


def test_what_is_late_is_found_by_its_date_and_told_once(oms: World) -> None:
    sent(oms)
    created(oms, "po_2")
    after = DUE + timedelta(hours=1)
    assert oms.purchases.due_before(NOW, 10) == ()
    assert oms.purchases.due_before(after, 10) == ("po_1",)
    late = at(int((after - CAUSE.at).total_seconds()))
    purchasing.tell_late("po_1", oms.purchases, oms.stock, late)
    assert [one.data["reason"] for one in told(oms)] == ["late"]
    assert oms.purchases.due_before(after, 10) == ()


def test_of_two_commands_at_the_same_moment_one_decides_again(oms: World) -> None:
    before = created(oms)
    decision = decisions.send(before, NOW)
    assert decision is not None
    purchasing.cancel("po_1", oms.purchases, oms.stock, at(1))
    with pytest.raises(VersionConflict):
        oms.stock.transact(oms.purchases.prepare(before, decision, CAUSE))


class Overtaken(PurchaseStore):
    """Another receipt is booked between the reading of the order and the writing."""

    overtake: Callable[[], object] | None = None

    def find(self, order_id: str) -> PurchaseOrder | None:
        found = super().find(order_id)
        if self.overtake:
            overtake, self.overtake = self.overtake, None
            overtake()
        return found


@pytest.mark.parametrize(("first", "second", "left"), [(4, 6, 0), (4, 5, 1), (1, 1, 8)])
def test_of_two_receipts_at_the_same_moment_each_is_counted(
    oms: World, first: int, second: int, left: int
) -> None:
    sent(oms)
    purchases = Overtaken(oms.client, "inventory")
    purchases.overtake = lambda: receive(oms, first, "r0")
    assert purchasing.receive(receipt(second), purchases, oms.stock, at(101))
    assert (oms.balance("MUG").on_hand, incoming(oms)) == (first + second, (left, left))


@pytest.mark.parametrize("first", [1, 10])
def test_of_two_receipts_that_are_too_much_together_the_second_is_refused(
    oms: World, first: int
) -> None:
    sent(oms)
    purchases = Overtaken(oms.client, "inventory")
    purchases.overtake = lambda: receive(oms, first, "r0")
    with pytest.raises(Conflict) as refused:
        purchasing.receive(receipt(10), purchases, oms.stock, at(101))
    assert refused.value.problem_code == "over_receipt"
    assert oms.balance("MUG").on_hand == first


def test_the_largest_order_fits_one_transaction(oms: World) -> None:
    skus = [f"S{number}" for number in range(25)]
    for sku in skus:
        oms.catalog.put_item(Item(sku, sku))
    lines = [{"sku": sku, "quantity": Decimal(9), "due": DUE} for sku in skus]
    sent(oms, lines=lines)
    for number in range(19):
        document = ShippingNoticeDocument(
            id=f"asn-{number}",
            expected_at=DUE,
            lines=[{"sku": skus[number], "quantity": Decimal(1)}],  # type: ignore[list-item]
        )
        purchasing.announce("po_1", document, oms.purchases, oms.stock, at(number))
    cancelled = purchasing.cancel("po_1", oms.purchases, oms.stock, at(99))
    assert cancelled.state is PurchaseState.CANCELLED
    assert supply(oms, "S0") == []


def test_an_audit_names_the_supply_that_is_not_what_was_ordered(oms: World) -> None:
    sent(oms)
    assert audit(oms.client, "inventory")[1] == []
    oms.client.update_item(
        TableName="inventory",
        Key={"pk": {"S": "MUG"}, "sk": {"S": "supply#po_1:1"}},
        UpdateExpression="SET #open = :open",
        ExpressionAttributeNames={"#open": "open"},
        ExpressionAttributeValues={":open": {"N": "11"}},
    )
    found = [(one.quantity, one.balance, one.ledger) for one in audit(oms.client, "inventory")[1]]
    assert found == [("open of po_1:1", 11, 10), ("on order", 11, 10)]
