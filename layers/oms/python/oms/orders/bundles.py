"""A line that orders a bundle becomes one line for each part, so that whatever comes after, from
sourcing to refunds, knows only what is on a shelf. Pure.

What the parts cost together is what the bundle costs, to the last minor unit: net, discount and
tax are spread by largest remainder. The price of one bundle is spread by what its parts cost us, or
by how much of each it holds; where a part's price cannot be divided by its quantity, its unit price
is rounded up and its discount takes the difference.
"""

from collections.abc import Mapping

from oms.catalog.bundles import parts_of
from oms.catalog.model import Item
from oms.kernel.errors import Invalid
from oms.kernel.money import Money
from oms.kernel.quantity import LARGEST
from oms.orders.model import Line
from oms.pricing.shares import allocate, extended_price, unit_price_covering


def with_parts(lines: tuple[Line, ...], items: Mapping[str, Item]) -> tuple[Line, ...]:
    """``lines`` with each bundle replaced by its parts, in its place. ``items`` holds what the
    lines name and all that it is made of. Raises ``Invalid`` (``invalid_quantity``) when a part
    would be more than can be counted."""
    return tuple(part for line in lines for part in _parts(line, items))


def _parts(line: Line, items: Mapping[str, Item]) -> tuple[Line, ...]:
    if not items[line.sku].components:
        return (line,)
    parts = parts_of(line.sku, items)
    prices = allocate(line.unit_price, _weights(parts, items))
    due = [Money(price.minor * line.quantity, price.currency) for price in prices]
    discounts = allocate(line.discount, [amount.minor for amount in due])
    nets = [amount - discount for amount, discount in zip(due, discounts, strict=True)]
    taxes = allocate(line.tax, [net.minor for net in nets])
    return tuple(
        _part(line, items[sku], units, price, net, tax)
        for (sku, units), price, net, tax in zip(parts.items(), prices, nets, taxes, strict=True)
    )


def _part(line: Line, item: Item, units: int, price: Money, net: Money, tax: Money) -> Line:
    """``units`` of the item and ``price`` are those of one bundle, ``net`` and ``tax`` of all."""
    quantity = units * line.quantity
    if quantity > LARGEST:
        raise Invalid(f"{quantity} of {item.sku} cannot be counted", code="invalid_quantity")
    unit_price = unit_price_covering(price, units, item.scale)
    return Line(
        line_id=f"{line.line_id}/{item.sku}",
        sku=item.sku,
        name=item.name,
        quantity=quantity,
        unit_price=unit_price,
        discount=extended_price(unit_price, quantity, item.scale) - net,
        tax=tax,
        scale=item.scale,
        bundle=line.line_id,
        method=line.method,
        pickup_node=line.pickup_node,
        bundles=line.quantity,
        tax_rate=line.tax_rate,
    )


def _weights(parts: Mapping[str, int], items: Mapping[str, Item]) -> list[int]:
    """What the parts cost us, where that is known of all, in one currency; else how many they are,
    those of different scales made comparable."""
    finest = max(items[sku].scale for sku in parts)
    quantities = [units * 10 ** (finest - items[sku].scale) for sku, units in parts.items()]
    costs = [cost for sku in parts if (cost := items[sku].promising.unit_cost)]
    if len(costs) < len(parts) or len({cost.currency for cost in costs}) > 1:
        return quantities
    return [cost.minor * units for cost, units in zip(costs, quantities, strict=True)]
