"""Where customers send things back: orders that were delivered, and requests about them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from oms.kernel.clock import utc_now
from oms.orders import events as happened
from oms.orders import fulfillment, sourcing
from oms.orders.command import execute
from oms.orders.decisions import Events
from oms.orders.model import Content, Line, Order
from oms.routing.policies import BuiltIn
from tests.integration.gateway import Gateway
from tests.integration.world import World
from tests.samples import CAUSE, content, line


@dataclass
class Desk:
    oms: World
    call: Gateway
    numbers: int = 0

    def delivered(self, *lines: Line, days_ago: int = 1, made: Content | None = None) -> Order:
        """Paid for, and with its customer since then. Its node had just that much."""
        order = self.unpaid(*lines, days_ago=days_ago, made=made)
        return self.commit(order.order_id, _captured)

    def unpaid(self, *lines: Line, days_ago: int = 1, made: Content | None = None) -> Order:
        """Its money is held and not taken yet."""
        self.numbers += 1
        ordered = made or content(
            *(lines or (line("MUG", 2), line("TEE", 1))), number=str(self.numbers)
        )
        at = utc_now() - timedelta(days=days_ago)
        for one in ordered.lines:
            self.oms.receive(one.sku, one.quantity)
        order = self.oms.capture(ordered)
        orders, stock = self.oms.orders, self.oms.stock
        sourcing.reserve(order.order_id, orders, stock, self.oms.catalog, BuiltIn(), CAUSE)
        self.commit(order.order_id, _authorized)
        order = fulfillment.release(order.order_id, orders, CAUSE)
        for part in order.progress.fulfillments:
            fulfillment.accept(part.id, orders, stock, CAUSE)
            fulfillment.advance(part.id, "pick", orders, CAUSE)
            fulfillment.advance(part.id, "pack", orders, CAUSE)
            fulfillment.ship(part.id, "carrier", f"T-{part.id}", orders, stock, CAUSE)
            fulfillment.advance(part.id, "deliver", orders, replace(CAUSE, at=at))
        return orders.load(order.order_id)

    def commit(self, order_id: str, decide: Any, at: datetime | None = None) -> Order:
        return execute(self.oms.orders, order_id, decide, replace(CAUSE, at=at or CAUSE.at))

    def ask(self, order: Order, units: Mapping[str, float], **more: Any) -> dict[str, Any]:
        """A return that was asked for; refusals fail."""
        status, answer = self.request(order, units, **more)
        assert status == 201, answer
        return dict(answer)

    def request(
        self, order: Order, units: Mapping[str, float], key: str = "", **more: Any
    ) -> tuple[int, Any]:
        reason = more.pop("reason", "")
        proof = more.pop("proof", [])
        by = {name: more.pop(name, "") for name in ("caller", "scope")}
        query = {"preview": "true"} if more.pop("preview", False) else None
        lines = [
            {"line_id": name, "quantity": many, "reason": reason, "proof": proof}
            for name, many in units.items()
        ]
        return self.call(
            "returns",
            f"POST /v1/orders/{order.order_id}/returns",
            {"lines": lines, **more},
            query=query,
            headers={"Idempotency-Key": key} if key else None,
            **by,
        )

    def step(self, found: Mapping[str, Any], step: str, body: object = None, **more: Any) -> Any:
        """What was answered; refusals fail."""
        status, answer = self.try_to(found, step, body, **more)
        assert status == 200, answer
        return answer

    def try_to(
        self, found: Mapping[str, Any], step: str, body: object = None, **more: Any
    ) -> tuple[int, Any]:
        return self.call("returns", f"POST /v1/returns/{found['id']}/{step}", body, **more)

    def receive(
        self, found: Mapping[str, Any], name: str = "r1", node: str = "rj-store", **more: Any
    ) -> Any:
        return self.step(found, "receive", {"receipt_id": name, "node": node, **more})

    def inspect(
        self,
        found: Mapping[str, Any],
        findings: Mapping[str, Mapping[str, float]],
        name: str = "i1",
        node: str = "rj-store",
    ) -> Any:
        lines = [{"line_id": each, "dispositions": kinds} for each, kinds in findings.items()]
        body = {"inspection_id": name, "node": node, "lines": lines}
        return self.step(found, "inspect", body)

    def policy(self, name: str = "p", **document: Any) -> Any:
        status, answer = self.call("returns", f"PUT /v1/return-policies/{name}", document)
        assert status == 200, answer
        return answer


def _authorized(order: Order) -> Events:
    payment = order.payments.each[0]
    return (happened.PaymentAuthorized(payment.id, order.due.minor, "auth", "authorized"),)


def _captured(order: Order) -> Events:
    payment = order.payments.each[0]
    captured = happened.PaymentCaptured(payment.id, order.due.minor, "cap", "captured")
    return (captured, happened.OrderCompleted())
