"""Stock as a ledger: immutable signed entries, and balances that move with them.

``available = on_hand − reserved − safety_stock`` is kept beside the others, because a DynamoDB
condition can compare an attribute but cannot subtract. Units that cannot be sold (``damaged``, in
``quality_hold``) or are not there yet (``incoming``) are not on hand.
"""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum


class MovementKind(StrEnum):
    RECEIPT = "receipt"
    ADJUSTMENT = "adjustment"
    COUNT = "count"
    DAMAGE = "damage"
    WRITE_OFF = "write_off"
    QUARANTINE = "quarantine"
    RELEASE = "release"
    TRANSFER = "transfer"
    ARRIVAL = "arrival"


@dataclass(frozen=True, slots=True)
class Balance:
    """Stock of a SKU at a node, in units of the item's scale.

    ``sold`` is every unit that ever left the node with an order, ``rejected`` every unit to which
    it ever said no. ``counters``: over how many counters the SKU is spread at this node; a balance
    is the sum over them, or what the one numbered ``counter`` has. ``bin`` is where in the node it
    lies, such as ``A-03-2`` in zone ``A``. ``marked_down_since``: its price is reduced there from
    that day on, and it should leave.
    """

    sku: str
    node: str
    on_hand: int = 0
    reserved: int = 0
    safety_stock: int = 0
    available: int = 0
    incoming: int = 0
    damaged: int = 0
    quality_hold: int = 0
    low_stock_at: int = 0
    sold: int = 0
    counters: int = 1
    counter: int = 0
    rejected: int = 0
    bin: str = ""
    marked_down_since: date | None = None


# What a ledger entry may change; a balance is the sum of its entries in each of these.
QUANTITIES = ("on_hand", "reserved", "incoming", "damaged", "quality_hold")


@dataclass(frozen=True, slots=True)
class Entry:
    """What one movement did to one balance; the quantities are signed changes."""

    id: str
    kind: str
    sku: str
    node: str
    at: datetime
    by: str
    on_hand: int = 0
    reserved: int = 0
    incoming: int = 0
    damaged: int = 0
    quality_hold: int = 0
    reason: str = ""
    order_id: str = ""
    counter: int = 0

    @property
    def available(self) -> int:
        return self.on_hand - self.reserved

    @property
    def sold(self) -> int:
        return -self.on_hand if self.kind == "ship" else 0

    @property
    def rejected(self) -> int:
        return -self.reserved if self.kind == "reject" else 0


@dataclass(frozen=True, slots=True)
class Movement:
    """What was asked for, under the id that its sender gave it.

    ``quantity`` is what moves; signed for an adjustment, the number found for a count. A transfer
    goes to ``to_node``, where it is due at ``due`` if that is known; an arrival is that of the
    movement ``transfer``. A receipt may be against a ``purchase_order``, and a notice of it.
    """

    id: str
    kind: MovementKind
    sku: str
    node: str
    quantity: int
    reason: str = ""
    to_node: str = ""
    transfer: str = ""
    purchase_order: str = ""
    shipping_notice: str = ""
    due: datetime | None = None


@dataclass(frozen=True, slots=True)
class Need:
    """Units of a SKU at a node, over all lines of an order, from one of the SKU's counters."""

    sku: str
    node: str
    quantity: int
    counter: int = 0
