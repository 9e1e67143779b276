"""The JSON of units of an order's lines."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Protocol

from pydantic import Field

from oms.kernel.errors import Faults
from oms.kernel.quantity import positive_quantity
from oms.orders.contract import Document, Identifier, Quantity
from oms.orders.model import Order


class LineUnits(Document):
    line_id: Identifier
    quantity: Quantity = Field(description="In the item's unit")


class NamesUnits(Protocol):
    line_id: str
    quantity: Decimal


def units_of_lines(
    lines: Sequence[NamesUnits], order: Order, path: str = "lines"
) -> dict[str, int]:
    """Units by line id; ``path`` is where the lines stand in the document. Raises ``Invalid`` with
    every fault (``unknown_line``, ``line_twice``, ``quantity_not_positive``,
    ``too_many_decimals``, ``invalid_quantity``)."""
    known = {line.line_id: line for line in order.content.lines}
    faults, units = Faults(), dict[str, int]()
    for index, one in enumerate(lines):
        at = f"{path}.{index}"
        if one.line_id not in known:
            faults.add(f"{at}.line_id", "unknown_line", f"the order has no {one.line_id!r}")
            continue
        if one.line_id in units:
            faults.add(f"{at}.line_id", "line_twice", f"{one.line_id} is named already")
        units[one.line_id] = positive_quantity(
            one.quantity, known[one.line_id].scale, f"{at}.quantity", faults
        )
    faults.refuse("the lines break a rule")
    return units
