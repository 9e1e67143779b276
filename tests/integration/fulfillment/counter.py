"""A store's counter for tests: orders that lie ready there, and requests of its staff."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from oms.catalog.model import Node
from oms.fulfillment.pickup_code import pickup_code
from oms.orders import capturing, fulfillment, payment, sourcing
from oms.orders.model import Content, Line, Method, Order, PaymentRequest
from oms.payments.model import IN_STORE
from oms.payments.registry import PaymentProviders, ProviderSettings
from oms.routing.policies import BuiltIn
from tests.integration.gateway import Gateway
from tests.integration.world import RJ, World
from tests.samples import CAUSE, content, line, money

SECRET = "a secret of forty-four letters and digits"
PROVIDERS = PaymentProviders(ProviderSettings(lambda: "")).named


@dataclass
class Counter:
    """The counter of the store in Rio; ``at`` is its time."""

    oms: World
    call: Gateway
    numbers: list[int] = field(default_factory=lambda: [0])

    def order(
        self,
        *lines: Line,
        node: Node = RJ,
        deferred: bool = False,
        shipping: int = 0,
        method: str = "card",
        collected: int = 0,
    ) -> Order:
        """A released order, to be handed over in Rio, whose units come from ``node``."""
        self.numbers[0] += 1
        asked = content(
            *(self.collected(one, node) for one in lines or (line("MUG", 2), line("TEE", 1))),
            number=str(self.numbers[0]),
            collected=collected,
            method=IN_STORE if deferred else method,
        )
        request = asked.payments[0]
        if deferred:
            request = PaymentRequest(IN_STORE, "store", money(collected))
        elif collected:
            request = replace(request, provider="channel", token="")
        asked = replace(
            asked,
            payments=(request,),
            shipping=money(shipping),
            total=money(asked.total.minor + shipping),
        )
        return self.released(asked, node)

    def collected(self, one: Line, node: Node) -> Line:
        way = Method.PICKUP if node is RJ else Method.SHIP_TO_STORE
        return replace(one, method=way, pickup_node=RJ.id)

    def released(self, asked: Content, node: Node) -> Order:
        for one in asked.lines:
            self.oms.receive(one.sku, one.quantity, node)
        order = self.oms.capture(asked)
        sourcing.reserve(
            order.order_id, self.oms.orders, self.oms.stock, self.oms.catalog, BuiltIn(), CAUSE
        )
        payment.authorize(order.order_id, self.oms.orders, PROVIDERS, CAUSE)
        return fulfillment.release(order.order_id, self.oms.orders, CAUSE)

    def ready(self, order: Order) -> str:
        """The id of its one fulfilment, which lies ready."""
        (part,) = order.progress.fulfillments
        for step in ("accept", "pick"):
            self.step(part.id, step)
        if part.method is Method.SHIP_TO_STORE:
            self.step(part.id, "pack")
            self.step(part.id, "ship", {"carrier": "Correios", "tracking_number": "BR1"})
            self.step(part.id, "arrive")
        else:
            self.step(part.id, "ready")
        return part.id

    def step(self, part: str, step: str, body: object = None) -> Any:
        function = "pickup" if step in ("ready", "arrive") else "fulfillment"
        status, answer = self.call(function, f"POST /v1/fulfillments/{part}/{step}", body)
        assert status == 200, answer
        return answer

    def hand_over(self, part: str, **body: object) -> tuple[int, Any]:
        asked = {"code": code_of(part), **body}
        return self.call("pickup", f"POST /v1/fulfillments/{part}/hand-over", asked)

    def change(self, part: str, **body: object) -> tuple[int, Any]:
        asked = {"change_id": "c1", **body}
        return self.call("pickup", f"POST /v1/fulfillments/{part}/counter-change", asked)

    def now(self, order: Order) -> Order:
        return self.oms.orders.load(order.order_id)

    def settled(self, order: Order) -> Order:
        return capturing.settle(order.order_id, self.oms.orders, PROVIDERS, CAUSE)

    def cancelled(self, order: Order, reason: str = "not_collected") -> Order:
        """As the lifecycle walks down once it was told to."""
        fulfillment.withdraw(order.order_id, self.oms.orders, self.oms.stock.capacity, CAUSE)
        sourcing.unreserve(order.order_id, self.oms.orders, self.oms.stock, CAUSE)
        return payment.close_cancelled(order.order_id, self.oms.orders, PROVIDERS, reason, CAUSE)


def code_of(part: str) -> str:
    return pickup_code(SECRET, part)


def wrong(part: str) -> str:
    return str((int(code_of(part)) + 1) % 1_000_000).rjust(6, "0")


def cash(amount: str, receipt: str = "T-1") -> Mapping[str, str]:
    return {"amount": amount, "reference": receipt, "tender": "cash"}
