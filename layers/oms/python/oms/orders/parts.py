"""Dividing a fulfilment's lines, and what units of an order are worth."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from oms.kernel.errors import Invalid
from oms.kernel.money import Money
from oms.orders.model import Content, FulfillmentLine, Order
from oms.pricing.amounts import Charged, LineAmounts, OrderAmounts, order_amounts, total_of

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


def amounts_of(order: Order) -> OrderAmounts:
    """What each line, the shipping and each fee come to: the order's total and what was added to
    it. The order's discount is on what was captured, see ``oms.pricing.amounts``."""
    content = order.content
    lines, shipping, fees = _charges(content)
    included, captured = content.prices_include_tax, len(lines) - len(order.progress.added)
    amounts = order_amounts(lines[:captured], shipping, fees, content.discount, included=included)
    if captured == len(lines):
        return amounts
    nothing = Money.zero(content.currency)
    free = Charged(nothing, nothing, nothing)
    added = order_amounts(lines[captured:], free, (), nothing, included=included)
    return replace(amounts, lines=(*amounts.lines, *added.lines))


def captured_total(content: Content) -> Money:
    """What the charges of an order come to; below zero when its discount exceeds them."""
    lines, shipping, fees = _charges(content)
    charges = (*lines, shipping, *fees)
    return total_of(charges, content.discount, included=content.prices_include_tax)


def _charges(content: Content) -> tuple[list[Charged], Charged, list[Charged]]:
    nothing = Money.zero(content.currency)
    return (
        [Charged(line.net, line.tax, line.discount) for line in content.lines],
        Charged(content.shipping, content.shipping_tax or nothing, nothing),
        [Charged(fee.amount, fee.tax, nothing) for fee in content.fees],
    )


def line_amounts(order: Order) -> tuple[Money, ...]:
    """What the customer pays for each line."""
    return tuple(line.gross for line in amounts_of(order).lines)


def units_amounts(order: Order, units: Mapping[str, int]) -> dict[str, LineAmounts]:
    """What so many more units of lines come to, beside what of these was cancelled and refunded
    before: the amounts of any parts of a line sum to the line's, to the last minor unit."""
    amounts, found = amounts_of(order), dict[str, LineAmounts]()
    for index, line in enumerate(order.content.lines):
        if line.line_id in units:
            before = min(line.quantity, units_settled(order, index))
            left = line.quantity - before
            found[line.line_id] = amounts.lines[index].of_units(
                min(units[line.line_id], left), line.quantity, before
            )
    return found


def amount_of(order: Order, units: Mapping[str, int]) -> int:
    """Minor units that these units come to together; see ``units_amounts``."""
    return sum(amounts.gross.minor for amounts in units_amounts(order, units).values())


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
