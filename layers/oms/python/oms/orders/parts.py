"""Dividing a fulfilment's lines, and what units of an order are worth."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from oms.kernel.errors import Invalid
from oms.kernel.money import Money
from oms.orders.model import FulfillmentLine, Line, Order
from oms.pricing.shares import allocate, of_units

Lines = tuple[FulfillmentLine, ...]


def divide(lines: Sequence[FulfillmentLine], units: Mapping[str, int]) -> tuple[Lines, Lines]:
    """What is left of ``lines`` without ``units`` (by line id), and what is taken out.

    Components go with the units they are for, which are then divided only as a whole. Raises
    ``Invalid`` (``quantities_do_not_add_up``) when there are fewer units.
    """
    there = dict[str, int]()
    for line in lines:
        if not line.component:
            there[line.line_id] = there.get(line.line_id, 0) + line.quantity
    for line_id, quantity in units.items():
        if not 0 < quantity <= there.get(line_id, 0):
            raise Invalid(
                f"{quantity} of line {line_id} is asked for where {there.get(line_id, 0)} are",
                code="quantities_do_not_add_up",
            )
    whole = {line_id for line_id, quantity in units.items() if quantity == there[line_id]}
    made = {line.line_id for line in lines if line.component or line.effort}
    if parted := (made & units.keys()) - whole:
        raise Invalid(
            f"{', '.join(sorted(parted))} is made as a whole", code="quantities_do_not_add_up"
        )
    return _taken_out(lines, units, whole)


def _taken_out(
    lines: Sequence[FulfillmentLine], units: Mapping[str, int], whole: set[str]
) -> tuple[Lines, Lines]:
    left, rest, taken = dict(units), list[FulfillmentLine](), list[FulfillmentLine]()
    for line in lines:
        if line.component:
            (taken if line.line_id in whole else rest).append(line)
            continue
        out = min(left.get(line.line_id, 0), line.quantity)
        if out:
            left[line.line_id] -= out
            taken.append(replace(line, quantity=out))
        if out < line.quantity:
            rest.append(replace(line, quantity=line.quantity - out))
    return tuple(rest), tuple(taken)


def line_amounts(order: Order) -> tuple[Money, ...]:
    """What each line comes to with its tax, less its part of the order's discount: by largest
    remainder, in proportion to the captured lines' own amounts. Shipping is in none, nor what of
    the discount is beyond all lines: that is off the shipping."""
    content = order.content
    gross = [_gross(line, order) for line in content.lines]
    captured = len(gross) - len(order.progress.added)
    weights = [max(0, amount.minor) for amount in gross[:captured]]
    discount = Money(min(content.discount.minor, sum(weights)), content.currency)
    off = (
        *allocate(discount, weights),
        *(Money.zero(content.currency) for _ in order.progress.added),
    )
    return tuple(amount - part for amount, part in zip(gross, off, strict=True))


def amount_of(order: Order, line_id: str, units: int) -> int:
    """Minor units that ``units`` more of a line come to, beside what of it was cancelled and
    refunded before: the amounts of any parts of a line sum to the line's, to the last one."""
    lines = order.content.lines
    index = next(number for number, line in enumerate(lines) if line.line_id == line_id)
    whole, quantity = line_amounts(order)[index], lines[index].quantity
    before = min(quantity, units_settled(order, index))
    return of_units(whole, min(units, quantity - before), quantity, before).minor


def units_settled(order: Order, index: int) -> int:
    """Units of a line whose money was dealt with: cancelled, or refunded though they had left."""
    line_id = order.content.lines[index].line_id
    refunded = sum(
        line.quantity - line.cancelled
        for refund in order.progress.refunds
        for line in refund.lines
        if line.line_id == line_id
    )
    return order.progress.counts[index].cancelled + refunded


def _gross(line: Line, order: Order) -> Money:
    return line.net if order.content.prices_include_tax else line.net + line.tax
