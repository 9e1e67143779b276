"""A purchase order: what a supplier was asked for, what of it is still to come, and when.

::

    suggested ─ approve ─> created ─ send ─> sent ─ confirm ─> confirmed ─> received
        └──────── send ───────────────────────^ └───────────────> closed_short
    cancelled: from any of the first four, while nothing has come

What is open of a sent order is dated supply: one supply per line under the line's own date, and one
per line of a shipping notice under the notice's. A unit is in exactly one of them.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from oms.inventory.position import Supply
from oms.orders.model import Address

MAX_LINES = 25
# With each line's ledger entry and balance, this fills one transaction of DynamoDB.
MAX_SUPPLIES = 44
# They stay with the order, which is one item of at most 400 KB.
MAX_NOTICES = 60


class PurchaseState(StrEnum):
    SUGGESTED = "suggested"
    CREATED = "created"
    SENT = "sent"
    CONFIRMED = "confirmed"
    RECEIVED = "received"
    CLOSED_SHORT = "closed_short"
    CANCELLED = "cancelled"


NOT_SENT = frozenset({PurchaseState.SUGGESTED, PurchaseState.CREATED})
ON_ORDER = frozenset({PurchaseState.SENT, PurchaseState.CONFIRMED})
FINAL = frozenset({PurchaseState.RECEIVED, PurchaseState.CLOSED_SHORT, PurchaseState.CANCELLED})


@dataclass(frozen=True, slots=True)
class Line:
    """Quantities in units of the item's ``scale``. ``short`` is what will not come; ``late``: it
    was told that ``due`` has passed."""

    number: int
    sku: str
    ordered: int
    due: datetime
    scale: int = 0
    short: int = 0
    received: int = 0
    late: bool = False

    @property
    def open(self) -> int:
        return max(0, self.ordered - self.short - self.received)


@dataclass(frozen=True, slots=True)
class NoticeLine:
    sku: str
    quantity: int
    received: int = 0

    @property
    def open(self) -> int:
        return self.quantity - self.received


@dataclass(frozen=True, slots=True)
class ShippingNotice:
    """A part of the order that has a date of its own, by the supplier's id for the delivery; it
    travels with a ``carrier`` under a ``tracking_number``, if these are known."""

    id: str
    expected_at: datetime
    lines: tuple[NoticeLine, ...]
    late: bool = False
    carrier: str = ""
    tracking_number: str = ""

    def open(self, sku: str) -> int:
        return sum(line.open for line in self.lines if line.sku == sku)


@dataclass(frozen=True, slots=True)
class LineConfirmation:
    """What the supplier says of a line: how much of it comes, and when."""

    sku: str
    quantity: int
    due: datetime


@dataclass(frozen=True, slots=True)
class PurchaseOrder:
    """``node`` is where it arrives. More than ordered may be received without bound with
    ``allow_over_receipt``, else up to ``over_receipt_percent`` of a line. ``fingerprint`` is that
    of the content it was created with.

    One that is to ``drop_ship`` has the id of a fulfilment and goes to a customer, ``ship_to``, who
    knows the goods by ``reference``: it arrives at no node, brings no supply, and what its shipping
    notices announce has left."""

    id: str
    supplier: str
    node: str
    state: PurchaseState
    created_at: datetime
    updated_at: datetime
    lines: tuple[Line, ...]
    notices: tuple[ShippingNotice, ...] = ()
    allow_over_receipt: bool = False
    over_receipt_percent: int = 0
    confirmation: tuple[LineConfirmation, ...] | None = None
    suggested: bool = False
    fingerprint: str = ""
    version: int = 1
    drop_ship: bool = False
    ship_to: Address | None = None
    reference: str = ""

    def line(self, sku: str) -> Line | None:
        return next((line for line in self.lines if line.sku == sku), None)

    def notice(self, notice_id: str) -> ShippingNotice | None:
        return next((notice for notice in self.notices if notice.id == notice_id), None)

    def announced(self, sku: str) -> int:
        """Open units that a shipping notice has a date for."""
        return sum(notice.open(sku) for notice in self.notices)

    def receivable(self, line: Line) -> int | None:
        """How many more may be received; None: any number."""
        if self.allow_over_receipt:
            return None
        expected = line.ordered - line.short
        return max(0, expected + expected * self.over_receipt_percent // 100 - line.received)


def supplies(order: PurchaseOrder | None) -> dict[str, Supply]:
    """By id what the order brings, each with its date; nothing before it is sent or after its
    end, and nothing of what goes to a customer."""
    if order is None or order.drop_ship or order.state not in ON_ORDER:
        return {}
    of_lines = [
        Supply(
            f"{order.id}:{line.number}",
            line.sku,
            order.node,
            line.due,
            line.open - order.announced(line.sku),
        )
        for line in order.lines
    ]
    of_notices = [
        Supply(
            notice_supply_id(order, notice.id, line.sku),
            line.sku,
            order.node,
            notice.expected_at,
            line.open,
            kind="shipping_notice",
        )
        for notice in order.notices
        for line in notice.lines
    ]
    return {supply.id: supply for supply in (*of_lines, *of_notices) if supply.open}


def notice_supply_id(order: PurchaseOrder, notice_id: str, sku: str) -> str:
    line = order.line(sku)
    assert line is not None
    return f"{order.id}:{notice_id}:{line.number}"


def on_order(order: PurchaseOrder | None) -> dict[str, int]:
    """Units to come by SKU: what the order adds to ``incoming`` at its node."""
    units: dict[str, int] = {}
    for supply in supplies(order).values():
        units[supply.sku] = units.get(supply.sku, 0) + supply.open
    return units


def next_due(order: PurchaseOrder | None) -> datetime | None:
    """When something will be late that has not been told to be."""
    if order is None or order.drop_ship or order.state not in ON_ORDER:
        return None
    dates = [
        line.due for line in order.lines if line.open > order.announced(line.sku) and not line.late
    ]
    dates += [
        notice.expected_at
        for notice in order.notices
        if not notice.late and any(line.open for line in notice.lines)
    ]
    return min(dates, default=None)
