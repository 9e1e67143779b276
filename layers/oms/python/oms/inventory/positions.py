"""Positions to take units by."""

from collections.abc import Mapping, Set
from datetime import datetime

from oms.inventory.position import Position
from oms.inventory.store import Stock


def positions_to_take_by(
    skus: Set[str], stock: Stock, now: datetime, *, consistent: bool = False
) -> Mapping[str, Position]:
    """As ``Stock.positions``; but a reservation that has expired keeps its channel's part until it
    is ended, and must not keep it from whoever comes now. So of SKUs with shares these are ended
    first, some at a time."""
    positions = stock.positions(skus, now, consistent=consistent)
    held = {sku for sku, position in positions.items() if position.shares and position.lapsed}
    if held and stock.reclaim(held, now):
        return stock.positions(skus, now, consistent=True)
    return positions
