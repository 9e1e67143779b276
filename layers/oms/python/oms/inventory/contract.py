"""The JSON of stock. Quantities are numbers in whole units, with at most the item's decimals."""

from decimal import Decimal
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, Field, StringConstraints, WithJsonSchema

from oms.catalog.model import Item
from oms.inventory.model import Balance, Entry, MovementKind
from oms.inventory.store import EntryPage
from oms.kernel.clock import rfc3339
from oms.kernel.quantity import quantity_number
from oms.orders.contract import Document, Identifier, Quantity

NotNegative = Annotated[Quantity, Field(ge=0), WithJsonSchema({"type": "number", "minimum": 0})]


class MovementDocument(Document):
    """``id`` is yours: the same movement sent again changes nothing.

    receipt: what came in, of a ``purchase_order`` and its ``shipping_notice`` if they are named;
    more than is open is refused unless the order allows it. adjustment: signed, with its reason.
    count: what was found on hand; the difference is booked. damage, write_off: out of sale, and
    gone for good. quarantine, release: into quality hold, and back. transfer: leaves ``node`` for
    ``to_node``, where it is ``due``. arrival: what arrived at ``node`` of the movement
    ``transfer``; a short arrival closes it too.
    """

    id: Identifier
    kind: MovementKind
    sku: Identifier
    node: Identifier
    quantity: Quantity
    reason: Annotated[str, StringConstraints(max_length=200)] = ""
    to_node: Identifier | None = None
    transfer: Identifier | None = None
    purchase_order: Identifier | None = None
    shipping_notice: Identifier | None = None
    due: AwareDatetime | None = None


class MovementResult(BaseModel):
    id: str
    booked: bool = Field(description="False when it had been booked before")


class ThresholdsDocument(Document):
    """``safety_stock`` is not sold; at ``low_stock_at`` the event ``stock_low`` is raised."""

    safety_stock: NotNegative = Decimal(0)
    low_stock_at: NotNegative = Decimal(0)


class BalanceView(BaseModel):
    node: str
    on_hand: Quantity
    reserved: Quantity
    safety_stock: Quantity
    available: Quantity
    incoming: Quantity
    damaged: Quantity
    quality_hold: Quantity
    low_stock_at: Quantity


class StockView(BaseModel):
    sku: str
    on_hand: Quantity
    reserved: Quantity
    available: Quantity
    incoming: Quantity
    nodes: list[BalanceView]


class EntryView(BaseModel):
    id: str
    kind: str
    at: str
    by: str
    on_hand: Quantity = Field(description="What it changed, signed")
    reserved: Quantity = Field(description="What it changed, signed")
    incoming: Quantity = Field(description="What it changed, signed")
    damaged: Quantity = Field(description="What it changed, signed")
    quality_hold: Quantity = Field(description="What it changed, signed")
    reason: str
    order_id: str


class EntryPageView(BaseModel):
    sku: str
    node: str
    movements: list[EntryView]
    next_cursor: str | None = None


def stock_view(item: Item, balances: tuple[Balance, ...]) -> StockView:
    return StockView(
        sku=item.sku,
        on_hand=_shown(sum(balance.on_hand for balance in balances), item),
        reserved=_shown(sum(balance.reserved for balance in balances), item),
        available=_shown(sum(balance.available for balance in balances), item),
        incoming=_shown(sum(balance.incoming for balance in balances), item),
        nodes=[balance_view(item, balance) for balance in balances],
    )


def balance_view(item: Item, balance: Balance) -> BalanceView:
    return BalanceView(
        node=balance.node,
        on_hand=_shown(balance.on_hand, item),
        reserved=_shown(balance.reserved, item),
        safety_stock=_shown(balance.safety_stock, item),
        available=_shown(balance.available, item),
        incoming=_shown(balance.incoming, item),
        damaged=_shown(balance.damaged, item),
        quality_hold=_shown(balance.quality_hold, item),
        low_stock_at=_shown(balance.low_stock_at, item),
    )


def entry_page_view(item: Item, node: str, page: EntryPage) -> EntryPageView:
    return EntryPageView(
        sku=item.sku,
        node=node,
        movements=[_entry_view(item, entry) for entry in page.entries],
        next_cursor=page.cursor,
    )


def _entry_view(item: Item, entry: Entry) -> EntryView:
    return EntryView(
        id=entry.id,
        kind=entry.kind,
        at=rfc3339(entry.at),
        by=entry.by,
        on_hand=_shown(entry.on_hand, item),
        reserved=_shown(entry.reserved, item),
        incoming=_shown(entry.incoming, item),
        damaged=_shown(entry.damaged, item),
        quality_hold=_shown(entry.quality_hold, item),
        reason=entry.reason,
        order_id=entry.order_id,
    )


def _shown(units: int, item: Item) -> Decimal:
    return Decimal(quantity_number(units, item.scale))
