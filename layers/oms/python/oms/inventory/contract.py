"""The JSON of stock. Quantities are numbers in whole units, with at most the item's decimals."""

import hashlib
from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BaseModel, Field, StringConstraints, WithJsonSchema

from oms.catalog.model import Item
from oms.inventory.baskets import Wanted
from oms.inventory.counters import MOST
from oms.inventory.model import Balance, Entry, MovementKind
from oms.inventory.reservation import Reservation, ReservationState
from oms.inventory.reservations import Basket
from oms.inventory.store import EntryPage
from oms.kernel.clock import parse_rfc3339, rfc3339
from oms.kernel.errors import Faults, Invalid
from oms.kernel.quantity import parse_quantity, quantity_number
from oms.orders.contract import Day, Document, Identifier, Moment, Quantity

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
    due: Moment | None = None


class MovementResult(BaseModel):
    id: str
    booked: bool = Field(description="False when it had been booked before")


class ThresholdsDocument(Document):
    """``safety_stock`` is not sold; at ``low_stock_at`` the event ``stock_low`` is raised."""

    safety_stock: NotNegative = Decimal(0)
    low_stock_at: NotNegative = Decimal(0)
    counters: Annotated[int, Field(ge=1, le=MOST)] | None = Field(
        default=None,
        description="Over how many counters the SKU is spread: more of them take more reservations"
        " a second. As it is when left out",
    )
    bin: Annotated[str, StringConstraints(pattern=r"^[\w.\-]{0,32}$")] | None = Field(
        default=None,
        description="Where in the node it lies, such as `A-03-2`, in zone `A`. As it is when left"
        " out",
    )
    marked_down_since: Day | Literal[""] | None = Field(
        default=None,
        description="Since when its price is reduced there, so that it should leave; empty: it is"
        " not. As it is when left out",
    )


class ReservationLineDocument(Document):
    """Without ``node`` the units are taken wherever they are."""

    sku: Identifier
    quantity: Quantity
    node: Identifier | None = None


class UntilDocument(Document):
    """One of the two. A reservation lasts 24 hours at most, extensions included."""

    seconds: Annotated[int, Field(ge=1, le=86400)] | None = Field(
        default=None, description="From now"
    )
    expires_at: Moment | None = None


class ReservationDocument(UntilDocument):
    """Units held for a basket: of all lines, or of none. ``id`` is yours, else it follows from the
    Idempotency-Key."""

    id: Annotated[str, StringConstraints(pattern=r"^[\w.:\-]{1,64}$")] | None = None
    channel: Identifier
    lines: Annotated[list[ReservationLineDocument], Field(min_length=1, max_length=100)]


class ReservedLineView(BaseModel):
    sku: str
    node: str
    quantity: Quantity


class ReservationView(BaseModel):
    """A bundle is reserved as what it is made of."""

    id: str
    channel: str
    state: ReservationState
    expires_at: str
    order_id: str = Field(default="", description="Whose the units are, once it is converted")
    lines: list[ReservedLineView]


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
    counters: int
    rejected: Quantity = Field(description="Units to which the node ever said no")
    bin: str = ""
    marked_down_since: str | None = None


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
        counters=balance.counters,
        rejected=_shown(balance.rejected, item),
        bin=balance.bin,
        marked_down_since=f"{since}" if (since := balance.marked_down_since) else None,
    )


def basket_of(
    document: ReservationDocument, reservation_id: str, items: Mapping[str, Item], now: datetime
) -> Basket:
    """Raises ``Invalid`` with every fault of its quantities and its time."""
    faults = Faults()
    wanted = tuple(
        Wanted(line.sku, _units(f"lines.{index}", line, items, faults), line.node or "")
        for index, line in enumerate(document.lines)
    )
    expires_at = until(document, now, faults)
    faults.refuse("the reservation breaks a rule")
    sent = document.model_dump_json(exclude={"id"})
    fingerprint = hashlib.sha256(sent.encode()).hexdigest()
    return Basket(reservation_id, document.channel, wanted, expires_at, fingerprint)


def until(document: UntilDocument, now: datetime, faults: Faults) -> datetime:
    """To the millisecond, as it is stored. A fault when not one of the two is said."""
    if (document.seconds is None) == (document.expires_at is None):
        faults.add("expires_at", "seconds_or_time", "send seconds or expires_at, one of them")
        return now
    if document.expires_at is None:
        assert document.seconds is not None
        return parse_rfc3339(rfc3339(now + timedelta(seconds=document.seconds)))
    return parse_rfc3339(rfc3339(document.expires_at))


def reservation_view(
    reservation: Reservation, items: Mapping[str, Item], now: datetime
) -> ReservationView:
    units: dict[tuple[str, str], int] = {}
    for line in reservation.lines:
        units[line.sku, line.node] = units.get((line.sku, line.node), 0) + line.quantity
    return ReservationView(
        id=reservation.id,
        channel=reservation.channel,
        state=reservation.state_at(now),
        expires_at=rfc3339(reservation.expires_at),
        order_id=reservation.order_id,
        lines=[
            ReservedLineView(sku=sku, node=node, quantity=_shown(quantity, items[sku]))
            for (sku, node), quantity in units.items()
        ],
    )


def _units(
    path: str, line: ReservationLineDocument, items: Mapping[str, Item], faults: Faults
) -> int:
    """One unit of what does not exist: it is refused for that."""
    item = items.get(line.sku)
    if item is None:
        return 1
    try:
        return parse_quantity(line.quantity, item.scale)
    except Invalid as refused:
        faults.add(f"{path}.quantity", refused.problem_code, refused.detail)
        return 1


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
