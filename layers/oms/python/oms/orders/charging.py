"""What an order's channel charges: fees, tax at a stated rate, and the total of it all."""

from dataclasses import replace

from oms.kernel.errors import Faults, Invalid
from oms.kernel.money import Money
from oms.orders.amounts import MoneyReader
from oms.orders.contract import CaptureOrder, LineDocument
from oms.orders.model import Content, Fee, Line
from oms.orders.parts import captured_total
from oms.pricing.amounts import discount_parts
from oms.pricing.tax import Tax, parse_rate, taxed


def fees_of(request: CaptureOrder, money: MoneyReader, faults: Faults) -> tuple[Fee, ...]:
    seen: set[str] = set()
    for index, document in enumerate(request.fees):
        if document.fee_id in seen:
            faults.add(f"fees.{index}", "fee_twice", f"{document.fee_id!r} is there already")
        seen.add(document.fee_id)
    return tuple(
        Fee(
            document.fee_id,
            document.name,
            money.read(f"fees.{index}.amount", document.amount),
            money.read(f"fees.{index}.tax", document.tax),
        )
        for index, document in enumerate(request.fees)
    )


def check_rate(path: str, rate: str, faults: Faults) -> str:
    """A stated rate as it was stated; one that is none is a fault."""
    try:
        return str(parse_rate(rate)) if rate else ""
    except Invalid as fault:
        faults.add(path, fault.problem_code, fault.detail)
        return ""


def with_tax(content: Content, request: CaptureOrder, faults: Faults) -> Content:
    """The tax of each line that states a rate and no tax; where it states both they are to agree
    (``tax_mismatch``). What is taxed is the line less its part of the order's discount. Lines are
    still those of the request."""
    if not any(line.tax_rate for line in content.lines):
        return content
    off = discount_parts(content.discount, [line.net for line in content.lines])
    lines = tuple(
        _with_tax(f"lines.{index}.tax", line, document, line.net - part, content, faults)
        if line.tax_rate
        else line
        for index, (line, document, part) in enumerate(
            zip(content.lines, request.lines, off, strict=True)
        )
    )
    return replace(content, lines=lines)


def _with_tax(
    path: str, line: Line, document: LineDocument, amount: Money, content: Content, faults: Faults
) -> Line:
    rate = Tax(parse_rate(line.tax_rate))
    tax = taxed(amount, [rate], included=content.prices_include_tax).tax
    if "tax" not in document.model_fields_set:
        return replace(line, tax=tax)
    if abs(line.tax.minor - tax.minor) > _roundings(line):
        faults.add(path, "tax_mismatch", f"at {line.tax_rate} the tax of {amount} is {tax}")
    return line


def _roundings(line: Line) -> int:
    """By how much a tax may differ that was rounded for each unit: half a minor unit for each; by
    one when the order's discount was spread in another way."""
    whole_units: int = -(-line.quantity // 10**line.scale)
    return max(1, (whole_units + 1) // 2)


def check_total(content: Content, faults: Faults) -> None:
    for index, line in enumerate(content.lines):
        if line.net.minor < 0:
            faults.add(
                f"lines.{index}.discount",
                "discount_above_price",
                "the discount exceeds the price",
            )
    due = captured_total(content)
    if due != content.total:
        faults.add(
            "total",
            "total_mismatch",
            f"the lines, shipping, fees and discount come to {due}",
        )
