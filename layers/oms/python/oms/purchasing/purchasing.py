"""Purchase orders: load, decide, and write the order, its dated supply and the ledger at once."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from oms.catalog.model import Item
from oms.catalog.store import Catalog
from oms.inventory.ledger import entry
from oms.inventory.model import Movement
from oms.inventory.store import Stock
from oms.kernel.clock import rfc3339
from oms.kernel.errors import (
    Conflict,
    Faults,
    Invalid,
    NotFound,
    OmsError,
    StockContended,
    VersionConflict,
)
from oms.kernel.events import Cause
from oms.kernel.quantity import parse_quantity
from oms.kernel.writes import Write
from oms.purchasing import decisions
from oms.purchasing.decisions import Decision
from oms.purchasing.model import (
    Line,
    LineConfirmation,
    NoticeLine,
    PurchaseOrder,
    PurchaseState,
    ShippingNotice,
)
from oms.purchasing.store import Purchases

if TYPE_CHECKING:
    # What runs on a queue or a schedule parses none of these, and need not load pydantic.
    from oms.purchasing.contract import (
        ConfirmationDocument,
        PurchaseLineDocument,
        PurchaseOrderDocument,
        ShippingNoticeDocument,
    )

ATTEMPTS = 5

Decide = Callable[[PurchaseOrder], Decision | None]


def create(
    document: PurchaseOrderDocument,
    order_id: str,
    purchases: Purchases,
    stock: Stock,
    catalog: Catalog,
    cause: Cause,
) -> tuple[PurchaseOrder, bool]:
    """The order, and whether it was created now. Raises ``Invalid`` with every fault, and
    ``Conflict`` (``content_differs``) when the id is that of another content."""
    fingerprint = _fingerprint(document)
    if (known := purchases.find(order_id)) is not None:
        return _same(known, fingerprint), False
    items = catalog.items({line.sku for line in document.lines})
    faults = Faults()
    _check_ends(document, catalog, faults)
    _check_lines(document, items, cause.at, faults)
    faults.refuse("the purchase order breaks a rule")
    lines = tuple(
        _line(number, each, items[each.sku].scale) for number, each in enumerate(document.lines, 1)
    )
    order = PurchaseOrder(
        order_id,
        document.supplier,
        document.node,
        PurchaseState.CREATED,
        cause.at,
        cause.at,
        lines,
        allow_over_receipt=document.allow_over_receipt,
        over_receipt_percent=document.over_receipt_percent,
        fingerprint=fingerprint,
    )
    return add(order, purchases, stock, cause)


def add(
    order: PurchaseOrder,
    purchases: Purchases,
    stock: Stock,
    cause: Cause,
    also: Sequence[Write] = (),
) -> tuple[PurchaseOrder, bool]:
    """Whatever has the order's id already is found, if it is the same."""
    try:
        stock.transact([*purchases.prepare(None, decisions.create(order), cause), *also])
    except VersionConflict:
        known = purchases.find(order.id)
        if known is None:
            raise
        return _same(known, order.fingerprint), False
    return order, True


def read(order_id: str, purchases: Purchases) -> PurchaseOrder:
    """Raises ``NotFound`` (``unknown_purchase_order``)."""
    order = purchases.find(order_id)
    if order is None:
        raise NotFound(f"there is no purchase order {order_id}", code="unknown_purchase_order")
    return order


def approve(order_id: str, purchases: Purchases, stock: Stock, cause: Cause) -> PurchaseOrder:
    return _execute(
        order_id, lambda order: decisions.approve(order, cause.at), purchases, stock, cause
    )


def send(order_id: str, purchases: Purchases, stock: Stock, cause: Cause) -> PurchaseOrder:
    return _execute(
        order_id, lambda order: decisions.send(order, cause.at), purchases, stock, cause
    )


def close(order_id: str, purchases: Purchases, stock: Stock, cause: Cause) -> PurchaseOrder:
    return _execute(
        order_id, lambda order: decisions.close(order, cause.at), purchases, stock, cause
    )


def cancel(order_id: str, purchases: Purchases, stock: Stock, cause: Cause) -> PurchaseOrder:
    return _execute(
        order_id, lambda order: decisions.cancel(order, cause.at), purchases, stock, cause
    )


def reject(
    order_id: str,
    units: Mapping[str, int],
    reason: str,
    desk: Purchases,
    stock: Stock,
    cause: Cause,
) -> PurchaseOrder:
    """The supplier will not send ``units`` by SKU; anything, when there are none."""
    return _execute(
        order_id,
        lambda order: decisions.reject(order, units, reason, cause.at),
        desk,
        stock,
        cause,
    )


def tell_late(order_id: str, purchases: Purchases, stock: Stock, cause: Cause) -> PurchaseOrder:
    return _execute(
        order_id, lambda order: decisions.tell_late(order, cause.at), purchases, stock, cause
    )


def confirm(
    order_id: str,
    document: ConfirmationDocument,
    purchases: Purchases,
    stock: Stock,
    cause: Cause,
) -> PurchaseOrder:
    """Raises ``Invalid`` for a line that the order does not have, or named twice, and for a new
    date that has passed (``in_the_past``)."""

    def decide(order: PurchaseOrder) -> Decision | None:
        confirmation = confirmation_of(order, document)
        known = {line.sku: line.due for line in order.lines}
        new_dates = [one.due for one in confirmation if one.due != known[one.sku]]
        decision = decisions.confirm(order, confirmation, cause.at)
        return _not_in_the_past(decision, new_dates, cause)

    return _execute(order_id, decide, purchases, stock, cause)


def confirmation_of(order: PurchaseOrder, document: ConfirmationDocument) -> list[LineConfirmation]:
    """Raises ``Invalid`` for a line that the order does not have, or named twice."""
    faults = Faults()
    check_named([line.sku for line in document.lines], order, faults)
    faults.refuse("the confirmation breaks a rule")
    return [
        LineConfirmation(each.sku, _ordered_units(order, each.sku, each.quantity), each.due)
        for each in document.lines
    ]


def announce(
    order_id: str,
    document: ShippingNoticeDocument,
    purchases: Purchases,
    stock: Stock,
    cause: Cause,
) -> PurchaseOrder:
    """Raises ``Invalid`` for a line that the order does not have, or named twice, and for a new
    date that has passed (``in_the_past``)."""

    def decide(order: PurchaseOrder) -> Decision | None:
        faults = Faults()
        check_named([line.sku for line in document.lines], order, faults)
        faults.refuse("the shipping notice breaks a rule")
        lines = tuple(
            NoticeLine(each.sku, _ordered_units(order, each.sku, each.quantity))
            for each in document.lines
        )
        notice = ShippingNotice(
            document.id,
            document.expected_at,
            lines,
            carrier=document.carrier,
            tracking_number=document.tracking_number,
        )
        decision = decisions.announce(order, notice, cause.at)
        return _not_in_the_past(decision, [notice.expected_at], cause)

    return _execute(order_id, decide, purchases, stock, cause)


def reschedule(
    order_id: str, sku: str, due: datetime, purchases: Purchases, stock: Stock, cause: Cause
) -> PurchaseOrder:
    """Raises ``Invalid`` (``in_the_past``) for a new date that has passed."""

    def decide(order: PurchaseOrder) -> Decision | None:
        decision = decisions.reschedule(order, sku, due, cause.at)
        return _not_in_the_past(decision, [due], cause)

    return _execute(order_id, decide, purchases, stock, cause)


def reschedule_notice(
    order_id: str, notice_id: str, due: datetime, purchases: Purchases, stock: Stock, cause: Cause
) -> PurchaseOrder:
    """Raises ``Invalid`` (``in_the_past``) for a new date that has passed."""

    def decide(order: PurchaseOrder) -> Decision | None:
        decision = decisions.reschedule_notice(order, notice_id, due, cause.at)
        return _not_in_the_past(decision, [due], cause)

    return _execute(order_id, decide, purchases, stock, cause)


def end_notice(
    order_id: str, notice_id: str, purchases: Purchases, stock: Stock, cause: Cause
) -> PurchaseOrder:
    return _execute(
        order_id,
        lambda order: decisions.end_notice(order, notice_id, cause.at),
        purchases,
        stock,
        cause,
    )


def receive(movement: Movement, purchases: Purchases, stock: Stock, cause: Cause) -> bool:
    """Book a receipt against its purchase order: whether it was booked now, as ``Stock.move``.

    Raises ``NotFound`` (``unknown_purchase_order``, ``unknown_shipping_notice``) and ``Conflict``
    (``over_receipt``, ``not_ordered``, ``wrong_node``, ``illegal_transition``)."""
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return _receive(movement, purchases, stock, cause)
        except (VersionConflict, StockContended, Conflict) as refused:
            if attempt == ATTEMPTS or not _was_overtaken(refused):
                raise
    raise AssertionError("unreachable")


def _was_overtaken(refused: OmsError) -> bool:
    """Another receipt took from the order first. When it took all, the balance says so before the
    order's version does."""
    return not isinstance(refused, Conflict) or refused.problem_code == "below_zero"


def _receive(movement: Movement, purchases: Purchases, stock: Stock, cause: Cause) -> bool:
    booked = stock.movement(movement.id)
    if booked is not None and booked != movement:
        raise Conflict(f"movement {movement.id} has another content", code="content_differs")
    if booked is not None:
        # The order has it counted: to decide again would find too much received.
        return False
    order = read(movement.purchase_order, purchases)
    decision = decisions.receive(
        order,
        movement.sku,
        movement.node,
        movement.quantity,
        movement.shipping_notice,
        cause.at,
    )
    came = sum(decision.received.values())
    booking = entry(movement, cause, on_hand=movement.quantity, incoming=-came)
    return stock.move(
        movement, cause, entries=[booking], also=purchases.prepare(order, decision, cause)
    )


def _execute(
    order_id: str, decide: Decide, purchases: Purchases, stock: Stock, cause: Cause
) -> PurchaseOrder:
    """The order after the command. Whoever loses a race decides again on what it left."""
    for attempt in range(1, ATTEMPTS + 1):
        order = read(order_id, purchases)
        decision = decide(order)
        if decision is None:
            return order
        writes = purchases.prepare(order, decision, cause)
        entries = decisions.incoming_entries(order, decision.order, cause)
        try:
            stock.transact([*writes, *stock.book(entries, _LESS_INCOMING)])
        except (VersionConflict, StockContended):
            if attempt == ATTEMPTS:
                raise
            continue
        return decision.order
    raise AssertionError("unreachable")


def _not_in_the_past(
    decision: Decision | None, dates: Sequence[datetime], cause: Cause
) -> Decision | None:
    """What was decided before, and is only said again, may be of a date that has passed since."""
    if decision is not None and any(due < cause.at for due in dates):
        raise Invalid("nothing can come in the past", code="in_the_past")
    return decision


def _line(number: int, document: PurchaseLineDocument, scale: int) -> Line:
    units = parse_quantity(document.quantity, scale)
    return Line(number, document.sku, units, document.due, scale)


def _same(known: PurchaseOrder, fingerprint: str) -> PurchaseOrder:
    if known.fingerprint != fingerprint:
        raise Conflict(
            f"purchase order {known.id} has another content",
            code="content_differs",
            context={"purchase_order": known.id},
        )
    return known


def _fingerprint(document: PurchaseOrderDocument) -> str:
    lines = [
        (line.sku, str(line.quantity.normalize()), rfc3339(line.due)) for line in document.lines
    ]
    allowed = (document.allow_over_receipt, document.over_receipt_percent)
    content = (document.supplier, document.node, lines, allowed)
    return hashlib.sha256(repr(content).encode()).hexdigest()


def _check_ends(document: PurchaseOrderDocument, catalog: Catalog, faults: Faults) -> None:
    nodes = {node.id: node for node in catalog.nodes({document.supplier, document.node})}
    for path, node_id in (("supplier", document.supplier), ("node", document.node)):
        if node_id not in nodes:
            faults.add(path, "unknown_node", f"{node_id!r} is not a node")
    supplier = nodes.get(document.supplier)
    if supplier is not None and supplier.kind != "supplier":
        faults.add("supplier", "not_a_supplier", f"{supplier.id} is a {supplier.kind}")
    if document.supplier == document.node:
        faults.add("node", "same_node", "what is ordered comes to another node")


def _check_lines(
    document: PurchaseOrderDocument, items: Mapping[str, Item], now: datetime, faults: Faults
) -> None:
    seen: set[str] = set()
    for index, line in enumerate(document.lines):
        path = f"lines.{index}"
        item = items.get(line.sku)
        if item is None:
            faults.add(f"{path}.sku", "unknown_sku", f"{line.sku!r} is not in the catalogue")
        elif item.components:
            faults.add(f"{path}.sku", "bundle_has_no_stock", "its components are ordered")
        if line.sku in seen:
            faults.add(f"{path}.sku", "line_twice", f"{line.sku} is in another line already")
        seen.add(line.sku)
        if line.due < now:
            faults.add(f"{path}.due", "in_the_past", "nothing can come in the past")
        if item is not None:
            _check_units(f"{path}.quantity", line.quantity, item.scale, faults)


def _check_units(path: str, quantity: Decimal, scale: int, faults: Faults) -> None:
    try:
        parse_quantity(quantity, scale)
    except Invalid as refused:
        faults.add(path, refused.problem_code, refused.detail)


def check_named(skus: Sequence[str], order: PurchaseOrder, faults: Faults) -> None:
    for index, sku in enumerate(skus):
        if order.line(sku) is None:
            faults.add(f"lines.{index}.sku", "unknown_line", f"the order has no {sku}")
        if sku in skus[:index]:
            faults.add(f"lines.{index}.sku", "line_twice", f"{sku} is in another line already")


def _ordered_units(order: PurchaseOrder, sku: str, quantity: Decimal) -> int:
    line = order.line(sku)
    assert line is not None
    return parse_quantity(quantity, line.scale)


_LESS_INCOMING = Conflict("less is on its way than the order brings", code="below_zero")
