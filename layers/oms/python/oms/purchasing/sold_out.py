"""When a SKU is sold out at every node, and when it is back: each change is told once.

What is available at a node crosses zero now and then; whenever it does, the whole SKU is looked at.
Each look writes its number. Of two looks at the same moment the one that has read older stock is
refused by that and looks again, so what is written last was read last.
"""

from datetime import datetime

from oms.inventory.position import Position
from oms.kernel.errors import VersionConflict
from oms.purchasing.store import Look, Positions, Replenishment

ATTEMPTS = 5


def is_sold_out(position: Position) -> bool:
    """A node that lacks units, after a count, does not take those of another."""
    return not any(balance.available > 0 for balance in position.balances)


def look(sku: str, positions: Positions, replenishment: Replenishment, now: datetime) -> str:
    """Raises ``VersionConflict`` after ``ATTEMPTS`` lost races. The event that it told, if any."""
    for attempt in range(1, ATTEMPTS + 1):
        before = replenishment.last_look(sku)
        sold_out = is_sold_out(positions.positions({sku}, now, consistent=True)[sku])
        changed = sold_out != before.sold_out
        after = Look(sku, sold_out, before.number + 1, now if changed else before.since)
        event_type = ""
        if changed:
            event_type = "item_sold_out" if sold_out else "item_back_in_stock"
        suppliers = sorted({one.supplier for one in replenishment.of_sku(sku)} if changed else ())
        try:
            replenishment.keep_look(after, event_type, suppliers, now)
        except VersionConflict:
            if attempt == ATTEMPTS:
                raise
            continue
        return event_type
    raise AssertionError("unreachable")
