"""Stock as a ledger: immutable signed entries, and balances that move with them.

``available = on_hand − reserved − safety_stock`` is kept beside the others, because a DynamoDB
condition can compare an attribute but cannot subtract.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class MovementKind(StrEnum):
    RECEIPT = "receipt"
    ADJUSTMENT = "adjustment"


@dataclass(frozen=True, slots=True)
class Balance:
    """Stock of a SKU at a node, in units of the item's scale."""

    sku: str
    node: str
    on_hand: int = 0
    reserved: int = 0
    safety_stock: int = 0
    available: int = 0
    low_stock_at: int = 0


@dataclass(frozen=True, slots=True)
class Entry:
    """What one movement did to one balance; ``on_hand`` and ``reserved`` are signed changes."""

    id: str
    kind: str
    sku: str
    node: str
    at: datetime
    by: str
    on_hand: int = 0
    reserved: int = 0
    reason: str = ""
    order_id: str = ""


@dataclass(frozen=True, slots=True)
class Movement:
    """A receipt or an adjustment, with the id that its sender gave it. ``quantity`` is signed."""

    id: str
    kind: MovementKind
    sku: str
    node: str
    quantity: int
    reason: str


@dataclass(frozen=True, slots=True)
class Need:
    """Units of a SKU at a node, over all lines of an order."""

    sku: str
    node: str
    quantity: int
