"""Orders in memory, and one order on its way."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import pytest

from oms.kernel.errors import NotFound
from oms.kernel.events import Cause, Envelope
from oms.kernel.ids import order_id
from oms.kernel.money import Money
from oms.kernel.writes import Write
from oms.orders.events import Event, OrderCaptured
from oms.orders.evolve import begin, evolve_all
from oms.orders.model import Address, Content, Customer, Line, Order, PaymentRequest
from oms.orders.store import Captured

AT = datetime(2026, 5, 4, 13, 0, tzinfo=UTC)
CAUSE = Cause(AT, "webhook:test")
PRICE = Money(5990, "BRL")


@dataclass
class OrdersInMemory:
    """An ``Orders`` that forgets when the test ends; ``happened`` is every event it was given."""

    orders: dict[str, Order] = field(default_factory=dict)
    happened: list[Event] = field(default_factory=list)

    def add(
        self,
        content: Content,
        fingerprint: str,
        cause: Cause,
        *,
        then: Sequence[Event] = (),
        also: Sequence[Write] = (),
    ) -> Captured:
        order = begin(OrderCaptured(content))
        self.orders[content.order_id] = order
        return Captured(order, created=True, fingerprint=fingerprint)

    def load(self, order_id: str) -> Order:
        if order_id not in self.orders:
            raise NotFound(order_id)
        return self.orders[order_id]

    def commit(
        self, order: Order, events: Sequence[Event], cause: Cause, also: Sequence[Write] = ()
    ) -> Order:
        grown = replace(evolve_all(order, events), version=order.version + 1)
        self.happened.extend(events)
        self.orders[order.order_id] = grown
        return grown

    def appending(self, order: Order, events: Sequence[Event], cause: Cause) -> Write:
        raise AssertionError("nothing here commits two orders at once")

    def once(self, name: str) -> Write:
        raise AssertionError("nothing here is written once by name")

    def unchanged(self, order: Order) -> Write:
        raise AssertionError("nothing here is written beside an order")

    def payment_called(self, provider: str, name: str) -> str:
        for order in self.orders.values():
            for payment in order.payments.each:
                if payment.provider == provider and payment.authorization == name:
                    return payment.id
        return ""

    def history(self, order_id: str) -> list[Envelope]:
        raise NotImplementedError


@pytest.fixture
def orders() -> OrdersInMemory:
    return OrdersInMemory()


@pytest.fixture
def order(orders: OrdersInMemory) -> Order:
    """One mug at 59.90 BRL, captured."""
    zero = Money.zero("BRL")
    content = Content(
        order_id=order_id("web", "id:WEB-1"),
        channel="web",
        channel_order_id="WEB-1",
        currency="BRL",
        captured_at=AT,
        placed_at=AT,
        customer=Customer("Joana Exemplo"),
        shipping_address=Address("Joana Exemplo", "Rua Um, 1", "São Paulo", "BR"),
        lines=(Line("1", "MUG", "Mug", 1, PRICE, zero, zero),),
        shipping=zero,
        discount=zero,
        total=PRICE,
        payments=(PaymentRequest("pix", "simulator", zero, "pix"),),
    )
    return orders.add(content, "", CAUSE).order
