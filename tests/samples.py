"""Orders and what surrounds them, as plain values that tests vary."""

from dataclasses import replace
from datetime import UTC, datetime

from oms.kernel.events import Cause
from oms.kernel.ids import order_id
from oms.kernel.money import Money
from oms.orders.events import Event, OrderCaptured
from oms.orders.evolve import begin, evolve_all
from oms.orders.model import (
    Address,
    Allocation,
    Content,
    Customer,
    Line,
    Order,
    OutOfStockPolicy,
    PaymentRequest,
)

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
CAUSE = Cause(NOW, "tester", "a test", "corr-1")


def money(minor: int) -> Money:
    return Money(minor, "BRL")


def line(sku: str, quantity: int = 1, price: int = 1000, line_id: str = "") -> Line:
    return Line(
        line_id=line_id or sku,
        sku=sku,
        name=f"The {sku}",
        quantity=quantity,
        unit_price=money(price),
        discount=money(0),
        tax=money(0),
    )


def content(
    *lines: Line,
    number: str = "1",
    collected: int = 0,
    method: str = "card",
    token: str = "4242424242424242",
    on_out_of_stock: OutOfStockPolicy = OutOfStockPolicy.BACKORDER,
) -> Content:
    ordered = lines or (line("MUG", 2), line("TEE", 1))
    total = sum(entry.net.minor for entry in ordered)
    return Content(
        order_id=order_id("web", f"id:{number}"),
        channel="web",
        channel_order_id=number,
        currency="BRL",
        captured_at=NOW,
        placed_at=NOW,
        customer=Customer("Ana Souza", id="c1", email="ana@example.com", locale="pt-BR"),
        shipping_address=Address(
            name="Ana Souza",
            line1="Av. Paulista 1000",
            city="São Paulo",
            region="SP",
            postal_code="01310-100",
            country="BR",
            latitude=-23.56,
            longitude=-46.65,
        ),
        lines=ordered,
        shipping=money(0),
        discount=money(0),
        total=money(total),
        payments=(PaymentRequest(method, "simulator", money(collected), token),),
        on_out_of_stock=on_out_of_stock,
        correlation_id="corr-1",
    )


def captured(*lines: Line) -> Order:
    return begin(OrderCaptured(content(*lines)))


def allocated(order: Order, node: str = "sp-dc") -> tuple[Allocation, ...]:
    return tuple(
        Allocation(entry.line_id, entry.sku, node, entry.quantity) for entry in order.content.lines
    )


def given(order: Order, *events: Event) -> Order:
    """The order after the events, each a commit of its own."""
    return replace(evolve_all(order, events), version=order.version + len(events))


def no_credit(account: str, customer: str, amount: Money, key: str) -> str:
    raise AssertionError("nobody is given store credit here")
