"""Orders with nodes' work, and what may happen to it, over the tests' world."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta

from oms.aws.stock_audit import audit
from oms.catalog.model import Node
from oms.kernel.events import Cause
from oms.orders import fulfillment, paying, rejecting, rerouting, sourcing, supervision
from oms.orders.model import Content, Fulfillment, FulfillmentState, Order, State
from oms.orders.rerouting import Router
from oms.reporting.waiting import project
from oms.routing.policies import BuiltIn, Policies
from tests.integration.world import RJ, SP, World
from tests.samples import CAUSE, content

MG = Node("mg-dc", "Contagem", "warehouse", "BR", "MG", "Contagem", "", -19.93, -44.05)
NODES = (SP, RJ, MG)


@dataclass
class Desk:
    """Runs what the lifecycle and the nodes do to orders, a second apart."""

    oms: World
    policies: Policies = field(default_factory=BuiltIn)
    ticks: int = 0

    def cause(self) -> Cause:
        self.ticks += 1
        return replace(CAUSE, at=CAUSE.at + timedelta(hours=1, seconds=self.ticks))

    @property
    def router(self) -> Router:
        return Router(self.oms.orders, self.oms.stock, self.oms.catalog, self.policies)

    def released(self, wanted: Content | None = None) -> Order:
        order = self.oms.capture(wanted or content())
        return self.release(order.order_id)

    def release(self, order_id: str) -> Order:
        orders = self.oms.orders
        sourcing.reserve(
            order_id, orders, self.oms.stock, self.oms.catalog, self.policies, self.cause()
        )
        order = orders.load(order_id)
        paid = paying.authorize_payment(order, order.due.minor, "ref", f"k{order.version}")
        if paid:
            orders.commit(order, paid, self.cause())
        return fulfillment.release(order_id, orders, self.cause())

    def step(self, part: Fulfillment, *steps: str) -> Order:
        orders, stock = self.oms.orders, self.oms.stock
        order = None
        for step in steps:
            if step == "accept":
                order = fulfillment.accept(part.id, orders, stock, self.cause())
            elif step == "ship":
                order = fulfillment.ship(part.id, "c", f"t-{part.id}", orders, stock, self.cause())
            else:
                order = fulfillment.advance(part.id, step, orders, self.cause())
        assert order is not None
        return order

    def reject(
        self,
        part: Fulfillment,
        reason: str = "not_in_stock",
        units: Mapping[str, int] | None = None,
    ) -> Order:
        return rejecting.reject(
            part.id, units or {}, reason, self.oms.orders, self.oms.stock, self.cause()
        )

    def reroute(self, order: Order) -> Order:
        return rerouting.reroute(order.order_id, self.router, self.cause())

    def cancel(self, order: Order) -> Order:
        orders = self.oms.orders
        supervision.request_cancel(order.order_id, "no", orders, self.cause())
        fulfillment.withdraw(order.order_id, orders, self.oms.stock.capacity, self.cause())
        sourcing.unreserve(order.order_id, orders, self.oms.stock, self.cause())
        closing = orders.load(order.order_id)
        events = paying.close_cancelled(closing, "no")
        return orders.commit(closing, events, self.cause())

    def project(self, order: Order) -> Order:
        """Brings the lists of what waits up to date, as after any of its events."""
        now = self.cause().at
        project(order.order_id, "", self.oms.orders, self.oms.views, now)
        return self.oms.orders.load(order.order_id)

    def check(self) -> None:
        """The ledger, whoever holds units, and the orders' own counters add up."""
        _, found = audit(self.oms.client, "inventory")
        assert found == []

    def holds_what_is_reserved(self, *orders: Order) -> None:
        """What nodes have reserved is what these orders have there."""
        held: dict[tuple[str, str], int] = {}
        for order in orders:
            for one in order.progress.allocations:
                key = (one.node, one.sku)
                held[key] = held.get(key, 0) + one.quantity
            for part in order.live_fulfillments:
                if part.has_left or order.state is State.CANCELLED:
                    continue
                for line in part.lines:
                    key = (part.node, line.sku or order.content.line(line.line_id).sku)
                    held[key] = held.get(key, 0) + line.quantity
        for sku in ("MUG", "TEE"):
            for balance in self.oms.stock.balances_of(sku, consistent=True):
                assert balance.reserved == held.get((balance.node, sku), 0), (sku, balance)


def at(order: Order, node: Node, state: FulfillmentState | None = None) -> Fulfillment:
    """The order's live work at a node."""
    (found,) = (
        part
        for part in order.live_fulfillments
        if part.node == node.id and state in (None, part.state)
    )
    return found
