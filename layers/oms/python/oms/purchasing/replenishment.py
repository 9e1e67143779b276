"""Replenishment: settings, the daily record of sales, and the orders that it suggests."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from oms.catalog.model import Item
from oms.catalog.store import Catalog
from oms.inventory.position import Position
from oms.inventory.store import Stock
from oms.kernel.clock import whole_milliseconds
from oms.kernel.errors import Faults, Invalid, NotFound
from oms.kernel.events import Cause
from oms.kernel.quantity import parse_quantity
from oms.purchasing import purchasing
from oms.purchasing.model import FINAL, Line, PurchaseOrder, PurchaseState
from oms.purchasing.reorder import (
    RATE_DAYS,
    DaySold,
    Outlook,
    Settings,
    outlook,
    units_to_order,
)
from oms.purchasing.store import Positions, Purchases, Replenishment

if TYPE_CHECKING:
    from oms.purchasing.contract import ReplenishmentDocument

PAGE = 25
# A suggestion that was turned down is not made again before that.
TURNED_DOWN_FOR = timedelta(days=1)


def set_replenishment(
    sku: str,
    node: str,
    document: ReplenishmentDocument,
    replenishment: Replenishment,
    catalog: Catalog,
) -> Settings:
    """Raises ``Invalid`` with every fault, ``NotFound`` (``unknown_sku``)."""
    item = catalog.items({sku}).get(sku)
    if item is None:
        raise NotFound(f"there is no item {sku}", code="unknown_sku")
    faults = Faults()
    if item.components:
        faults.add("sku", "bundle_has_no_stock", "its components are ordered")
    nodes = {known.id: known for known in catalog.nodes({node, document.supplier})}
    for path, node_id in (("node", node), ("supplier", document.supplier)):
        if node_id not in nodes:
            faults.add(path, "unknown_node", f"{node_id!r} is not a node")
    supplier = nodes.get(document.supplier)
    if supplier is not None and supplier.kind != "supplier":
        faults.add("supplier", "not_a_supplier", f"{supplier.id} is a {supplier.kind}")
    point = _units("reorder_point", document.reorder_point, item, faults)
    quantity = _units("reorder_quantity", document.reorder_quantity, item, faults)
    faults.refuse("the settings break a rule")
    settings = Settings(
        sku,
        node,
        point,
        quantity,
        document.supplier,
        document.lead_time_days,
        document.cover_days,
        item.scale,
    )
    replenishment.put(settings)
    return replenishment.find(sku, node) or settings


def look_ahead(
    settings: Settings, replenishment: Replenishment, positions: Positions, now: datetime
) -> Outlook:
    position = positions.positions({settings.sku}, now)[settings.sku]
    return _outlook(settings, position, _days(settings, replenishment, now), replenishment, now)


def review(
    settings: Settings,
    replenishment: Replenishment,
    purchases: Purchases,
    stock: Stock,
    positions: Positions,
    cause: Cause,
) -> PurchaseOrder | None:
    """Keep what had been sold when the day began, and suggest an order if one is due: the order
    that was suggested now. There is one suggestion at a time for a SKU at a node."""
    position = positions.positions({settings.sku}, cause.at)[settings.sku]
    days = _days(settings, replenishment, cause.at)
    _keep_day(settings, position, days, replenishment, cause.at)
    view = _outlook(settings, position, days, replenishment, cause.at)
    units = units_to_order(settings, view)
    if not units or _has_suggestion(settings, purchases, cause.at):
        return None
    order = _suggestion(settings, units, cause)
    made, first = purchasing.add(
        order, purchases, stock, cause, also=[replenishment.suggested(settings, order.id)]
    )
    return made if first else None


def review_all(
    replenishment: Replenishment,
    look_at: Callable[[Settings], None],
    may_go_on: Callable[[], bool],
) -> bool:
    """Look at every SKU that is replenished, page by page, from where the last review stopped:
    whether the end was reached. What cannot be done in one go is done in the next."""
    cursor = replenishment.resume_at()
    while may_go_on():
        page = replenishment.page("", PAGE, cursor)
        for settings in page.settings:
            look_at(settings)
        cursor = page.cursor
        if cursor is None:
            break
    replenishment.stop_at(cursor)
    return cursor is None


def tell_late(
    purchases: Purchases,
    now: datetime,
    tell: Callable[[str], bool],
    may_go_on: Callable[[], bool],
) -> int:
    """Tell of what was due and has not come; of how many orders that was. What ``tell`` cannot tell
    now comes again with the next run."""
    told = 0
    refused: set[str] = set()
    while may_go_on():
        due = [one for one in purchases.due_before(now, PAGE) if one not in refused]
        if not due:
            break
        failed = {order_id for order_id in due if not tell(order_id)}
        refused |= failed
        told += len(due) - len(failed)
    return told


def _days(settings: Settings, replenishment: Replenishment, now: datetime) -> Sequence[DaySold]:
    since = now.date() - timedelta(days=RATE_DAYS + 2)
    return replenishment.days(settings.sku, settings.node, since)


def _keep_day(
    settings: Settings,
    position: Position,
    days: Sequence[DaySold],
    replenishment: Replenishment,
    now: datetime,
) -> None:
    """At the first look of a day: what is sold by now was sold by the end of the day before."""
    yesterday = now.date() - timedelta(days=1)
    if any(day.day == yesterday for day in days):
        return
    here = [balance for balance in position.balances if balance.node == settings.node]
    sold = sum(balance.sold for balance in here)
    replenishment.keep_day(settings.sku, settings.node, DaySold(yesterday, sold))


def _outlook(
    settings: Settings,
    position: Position,
    days: Sequence[DaySold],
    replenishment: Replenishment,
    now: datetime,
) -> Outlook:
    nodes = len(replenishment.of_sku(settings.sku)) if position.owed else 1
    return outlook(settings, position, nodes, days, now)


def _has_suggestion(settings: Settings, purchases: Purchases, now: datetime) -> bool:
    last = purchases.find(settings.suggestion) if settings.suggestion else None
    if last is None:
        return False
    if last.state is PurchaseState.CANCELLED:
        return now < last.updated_at + TURNED_DOWN_FOR
    return last.state not in FINAL


def _suggestion(settings: Settings, units: int, cause: Cause) -> PurchaseOrder:
    order_id = suggestion_id(settings)
    due = whole_milliseconds(cause.at + timedelta(days=settings.lead_time_days))
    return PurchaseOrder(
        order_id,
        settings.supplier,
        settings.node,
        PurchaseState.SUGGESTED,
        cause.at,
        cause.at,
        (Line(1, settings.sku, units, due, settings.scale),),
        suggested=True,
        # Whoever suggests it at the same moment means the same, whatever the quantity.
        fingerprint=order_id,
    )


def suggestion_id(settings: Settings) -> str:
    """The next one's, always the same until it has been made."""
    digest = hashlib.sha256(f"{len(settings.sku)}:{settings.sku}{settings.node}".encode()).digest()
    return f"rpl_{base64.b32encode(digest).decode().lower()[:20]}_{settings.orders + 1}"


def _units(path: str, quantity: Decimal, item: Item, faults: Faults) -> int:
    try:
        return parse_quantity(quantity, item.scale)
    except Invalid as refused:
        faults.add(path, refused.problem_code, refused.detail)
        return 0
