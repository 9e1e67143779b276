"""Lines of an order as a notice shows them."""

from dataclasses import dataclass

from oms.kernel.money import Money
from oms.orders.model import Line


@dataclass(frozen=True, slots=True)
class NoticeLine:
    """``quantity`` is in units of 10^-scale; ``amount`` is the line's net price."""

    name: str
    quantity: int
    scale: int
    amount: Money


def notice_line(line: Line, quantity: int) -> NoticeLine:
    return NoticeLine(line.name or line.sku, quantity, line.scale, line.net)
