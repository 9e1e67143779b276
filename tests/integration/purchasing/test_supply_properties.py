"""Any sequence of commands on purchase orders, receipts and promises: what is dated, what is
ordered and what the ledger says is incoming are the same."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    rule,
    run_state_machine_as_test,
)

from oms.aws.stock_audit import audit
from oms.inventory.model import Movement, MovementKind
from oms.kernel.errors import Conflict, NotFound
from oms.purchasing import purchasing
from oms.purchasing.contract import ConfirmationDocument, ShippingNoticeDocument
from tests.integration.world import SP, World, world
from tests.samples import NOW

from .conftest import ACME, at, sent, supply

ORDERS = st.sampled_from(["po_1", "po_2"])
UNITS = st.integers(1, 8)
DAYS = st.integers(1, 9)


class PurchaseOrders(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self._world = world()
        self.oms: World = self._world.__enter__()
        self.oms.catalog.put_node(ACME)
        self.clock = 10
        self.received = 0
        self.fell_short = False
        for order_id in ("po_1", "po_2"):
            sent(self.oms, order_id)

    def teardown(self) -> None:
        self._world.__exit__(None, None, None)

    def tick(self) -> int:
        self.clock += 1
        return self.clock

    def attempt(self, command: Callable[[], object]) -> bool:
        try:
            command()
        except (Conflict, NotFound):
            return False
        return True

    @rule(order=ORDERS, units=UNITS, notice=st.sampled_from(["", "a"]))
    def receive(self, order: str, units: int, notice: str) -> None:
        movement = Movement(
            f"r{self.tick()}",
            MovementKind.RECEIPT,
            "MUG",
            SP.id,
            units,
            purchase_order=order,
            shipping_notice=notice,
        )
        booked = self.attempt(
            lambda: purchasing.receive(movement, self.oms.purchases, self.oms.stock, at(self.clock))
        )
        self.received += units if booked else 0

    @rule(order=ORDERS, units=UNITS, days=DAYS, notice=st.sampled_from("ab"))
    def announce(self, order: str, units: int, days: int, notice: str) -> None:
        document = ShippingNoticeDocument(
            id=notice,
            expected_at=NOW + timedelta(days=days),
            lines=[{"sku": "MUG", "quantity": Decimal(units)}],  # type: ignore[list-item]
        )
        stores = (self.oms.purchases, self.oms.stock, at(self.tick()))
        self.attempt(lambda: purchasing.announce(order, document, *stores))

    @rule(order=ORDERS, units=UNITS, days=DAYS)
    def confirm(self, order: str, units: int, days: int) -> None:
        line = {"sku": "MUG", "quantity": Decimal(units), "due": NOW + timedelta(days=days)}
        document = ConfirmationDocument(lines=[line])  # type: ignore[list-item]
        stores = (self.oms.purchases, self.oms.stock, at(self.tick()))
        # What is promised of it stays promised, whatever is left.
        self.fell_short |= self.attempt(lambda: purchasing.confirm(order, document, *stores))

    @rule(order=ORDERS, days=DAYS)
    def reschedule(self, order: str, days: int) -> None:
        due = NOW + timedelta(days=days)
        stores = (self.oms.purchases, self.oms.stock, at(self.tick()))
        self.attempt(lambda: purchasing.reschedule(order, "MUG", due, *stores))

    @rule(order=ORDERS, notice=st.sampled_from("ab"))
    def end_notice(self, order: str, notice: str) -> None:
        stores = (self.oms.purchases, self.oms.stock, at(self.tick()))
        self.attempt(lambda: purchasing.end_notice(order, notice, *stores))

    @rule(order=ORDERS, end=st.sampled_from([purchasing.close, purchasing.cancel]))
    def end(self, order: str, end: Callable[..., object]) -> None:
        stores = (self.oms.purchases, self.oms.stock, at(self.tick()))
        self.attempt(lambda: end(order, *stores))

    @rule(units=UNITS)
    def promise(self, units: int) -> None:
        for one in supply(self.oms):
            if one.open - one.promised >= units:
                self.oms.client.update_item(
                    TableName="inventory",
                    Key={"pk": {"S": "MUG"}, "sk": {"S": f"supply#{one.id}"}},
                    UpdateExpression="ADD promised :units",
                    ExpressionAttributeValues={":units": {"N": str(units)}},
                )

    @invariant()
    def all_agree(self) -> None:
        balance = self.oms.balance("MUG")
        assert balance.incoming == sum(one.open for one in supply(self.oms))
        assert all(0 <= one.promised <= one.open or self.fell_short for one in supply(self.oms))
        assert balance.on_hand == self.received <= 20
        assert audit(self.oms.client, "inventory")[1] == []


TestPurchaseOrders = PurchaseOrders.TestCase
TestPurchaseOrders.settings = settings(max_examples=40, stateful_step_count=40)


@pytest.mark.slow
def test_purchase_orders_at_length() -> None:
    at_length = settings(max_examples=300, stateful_step_count=80, deadline=None)
    run_state_machine_as_test(PurchaseOrders, settings=at_length)
