"""What of an order can still be refunded: of each line, of its shipping, its fees, and in all.

Parts of a line are worth what their share of it is, by cumulative rounding: whatever is cancelled
and refunded of it in whatever order sums to what the line came to, to the last minor unit. A unit
is settled once, when it is cancelled or when it is refunded; what is refunded of it for less is
not asked for again.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from oms.kernel.errors import Conflict
from oms.kernel.money import Money
from oms.kernel.quantity import quantity_number
from oms.orders.model import Line, Order
from oms.orders.parts import amounts_of, units_amounts, units_settled


@dataclass(frozen=True, slots=True)
class LineShare:
    """What ``units`` of a line came to, in minor units. ``amount`` is what was to be paid for them
    and contains ``tax``; ``net`` is the rest of it. ``discount`` has been taken off already: the
    line's own, and its part of the order's."""

    line_id: str
    units: int
    amount: int
    net: int
    tax: int
    discount: int


def units_left(order: Order, line_id: str) -> int:
    index = _index(order, line_id)
    return max(0, order.content.lines[index].quantity - units_settled(order, index))


def share_of(order: Order, line_id: str, units: int) -> LineShare:
    """As ``shares_of``, of one line."""
    return shares_of(order, {line_id: units})[line_id]


def shares_of(order: Order, units: Mapping[str, int]) -> dict[str, LineShare]:
    """What the next units of lines come to, all of them reckoned at once. Raises ``Conflict``
    (``line_above_available``, with what is left) when there are not so many."""
    for line_id, wanted in units.items():
        if wanted > (left := units_left(order, line_id)):
            raise above_available(order.content.line(line_id), left)
    return {
        line_id: LineShare(
            line_id,
            units[line_id],
            found.gross.minor,
            found.net.minor,
            found.tax.minor,
            found.discount.minor,
        )
        for line_id, found in units_amounts(order, units).items()
    }


def above_available(line: Line, left: int, word: str = "refunded") -> Conflict:
    return Conflict(
        f"of line {line.line_id} no more than {quantity_number(left, line.scale)} can be {word}",
        code="line_above_available",
        context={"line_id": line.line_id, "available": str(quantity_number(left, line.scale))},
    )


def shipping_charged(order: Order) -> Money:
    """What was charged for shipping, with its tax, less what the order's discount took off it
    beyond all its lines."""
    return amounts_of(order).shipping.gross


def shipping_left(order: Order) -> Money:
    refunded = sum(refund.shipping for refund in order.progress.refunds)
    return Money(max(0, shipping_charged(order).minor - refunded), order.content.currency)


def fees_left(order: Order) -> dict[str, int]:
    """What is left to refund of each fee that was charged, by its id."""
    charged = zip(order.content.fees, amounts_of(order).fees, strict=True)
    left = {fee.id: amounts.gross.minor for fee, amounts in charged}
    for refund in order.progress.refunds:
        for fee_id, amount in refund.fees:
            left[fee_id] = max(0, left[fee_id] - amount)
    return left


def owed_by_failed(order: Order) -> int:
    """Minor units of refunds that failed: they are still owed, and nobody else's to have."""
    return sum(
        part.amount
        for refund in order.progress.refunds
        for part in refund.parts
        if part.state == "failed"
    )


def _index(order: Order, line_id: str) -> int:
    return next(n for n, line in enumerate(order.content.lines) if line.line_id == line_id)
