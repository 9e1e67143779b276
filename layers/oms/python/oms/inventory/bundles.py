"""What bundles need of stock, and how many of one can be sold. Pure.

A bundle holds no stock of its own: it is sold by the component that is scarcest, and a component
that several lines of a basket share is counted once.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from oms.catalog.bundles import parts_of
from oms.catalog.model import Item


@dataclass(frozen=True, slots=True)
class Sellable:
    """``quantity`` bundles can be put together, because there is no more of ``scarcest``. Without
    a quantity there is no limit: nothing in it ever runs out."""

    quantity: int | None
    scarcest: str = ""


def explode(lines: Iterable[tuple[str, int]], items: Mapping[str, Item]) -> dict[str, int]:
    """Units of each stocked SKU that the lines (SKU, units) need together. Raises as ``parts_of``.

    ``items`` holds what the lines name and all that it is made of.
    """
    needs: dict[str, int] = {}
    for sku, quantity in lines:
        for part, units in parts_of(sku, items).items():
            needs[part] = needs.get(part, 0) + quantity * units
    return needs


def sellable(sku: str, items: Mapping[str, Item], available: Mapping[str, int | None]) -> Sellable:
    """How many of ``sku`` the ``available`` units of its parts make. None: it never runs out; a
    part that is not named is not there. Of two equally scarce parts the first is named."""
    found = Sellable(None)
    for part, units in parts_of(sku, items).items():
        left = available.get(part, 0)
        if left is None:
            continue
        quantity = max(0, left) // units
        if found.quantity is None or quantity < found.quantity:
            found = Sellable(quantity, part)
    return found


def sellable_by_node(
    sku: str, items: Mapping[str, Item], available: Mapping[str, Mapping[str, int | None]]
) -> dict[str, Sellable]:
    """``sellable`` at each node: what one node can put together alone. The parts of a bundle may
    also come from several nodes, so that all nodes together may sell more than their sum."""
    return {node: sellable(sku, items, units) for node, units in available.items()}
