"""Orders that were captured with a promise."""

from dataclasses import replace
from datetime import date, datetime, timedelta

from oms.orders.events import OrderCaptured
from oms.orders.evolve import begin
from oms.orders.model import CommittedPromise, Content, Line, Order, PromisedPart
from tests.samples import NOW, content

ARRIVES = date(2026, 5, 8)
SHIPS = NOW + timedelta(days=2)


def part(
    line_id: str = "MUG",
    quantity: int = 2,
    source: str = "on_hand",
    node: str = "sp-dc",
    arrive_by: date = ARRIVES,
    ship_by: datetime = SHIPS,
) -> PromisedPart:
    return PromisedPart(line_id, node, quantity, source, ship_by, arrive_by, "standard")


def promised_content(
    *parts: PromisedPart, lines: tuple[Line, ...] = (), number: str = "1"
) -> Content:
    captured = content(*lines, number=number)
    kept = parts or tuple(part(line.line_id, line.quantity) for line in captured.lines)
    return replace(captured, promise=CommittedPromise("prm_1", "opt_1", kept))


def promised(*parts: PromisedPart) -> Order:
    return begin(OrderCaptured(promised_content(*parts)))
