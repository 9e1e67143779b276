"""Booking movements of stock."""

from collections.abc import Sequence, Set
from contextlib import suppress
from decimal import Decimal

from oms.catalog.model import Item
from oms.catalog.store import Catalog
from oms.inventory.contract import MovementDocument
from oms.inventory.model import Movement, MovementKind
from oms.inventory.store import Stock
from oms.kernel.errors import Fault, Faults, Invalid, StockContended
from oms.kernel.events import Cause
from oms.kernel.quantity import parse_quantity
from oms.kernel.writes import Write
from oms.purchasing.purchasing import receive
from oms.purchasing.store import Purchases

_ATTEMPTS = 3
_SIGNED: Set[MovementKind] = {MovementKind.ADJUSTMENT}
_MAY_BE_NOTHING: Set[MovementKind] = {MovementKind.COUNT, MovementKind.ARRIVAL}
_NEEDS_REASON: Set[MovementKind] = {
    MovementKind.ADJUSTMENT,
    MovementKind.DAMAGE,
    MovementKind.WRITE_OFF,
    MovementKind.QUARANTINE,
}


def book(
    document: MovementDocument,
    stock: Stock,
    purchases: Purchases,
    catalog: Catalog,
    cause: Cause,
) -> bool:
    """Whether it was booked now; false when it had been before. Raises ``Invalid`` with every
    fault, ``Conflict`` as ``Stock.move`` does, and what ``purchasing.receive`` raises for a receipt
    against a purchase order."""
    kind, sku, node, quantity = document.kind, document.sku, document.node, document.quantity
    reason, to_node, transfer = document.reason, document.to_node or "", document.transfer or ""
    faults = Faults()
    item = catalog.items({sku}).get(sku)
    if item is None:
        faults.add("sku", "unknown_sku", f"{sku!r} is not in the catalogue")
    elif item.components:
        faults.add("sku", "bundle_has_no_stock", f"{sku!r} is a bundle: its components have stock")
    _check_nodes(kind, node, to_node, catalog, faults)
    _check_quantity(kind, quantity, faults)
    if kind in _NEEDS_REASON and not reason:
        faults.add("reason", "required", f"this movement says why: {kind}")
    if (kind is MovementKind.ARRIVAL) != bool(transfer):
        faults.add(
            "transfer", "transfer_mismatch", "an arrival, and nothing else, names a transfer"
        )
    _check_order(document, faults)
    faults.refuse("the movement breaks a rule")
    assert item is not None
    movement = Movement(
        document.id,
        kind,
        sku,
        node,
        units_of("quantity", quantity, item),
        reason,
        to_node,
        transfer,
        document.purchase_order or "",
        document.shipping_notice or "",
        document.due,
    )
    if _is_due_in_the_past(movement, stock, cause):
        raise Invalid("nothing can arrive in the past", code="in_the_past")
    if movement.purchase_order:
        return receive(movement, purchases, stock, cause)
    also = _supply_of(movement, stock, purchases, cause)
    for _ in range(_ATTEMPTS - 1):
        with suppress(StockContended):
            return stock.move(movement, cause, also=also)
    return stock.move(movement, cause, also=also)


def _is_due_in_the_past(movement: Movement, stock: Stock, cause: Cause) -> bool:
    """One that was booked in time may be sent again later."""
    late = movement.due is not None and movement.due < cause.at
    return late and stock.movement(movement.id) is None


def _supply_of(
    movement: Movement, stock: Stock, purchases: Purchases, cause: Cause
) -> Sequence[Write]:
    """A transfer whose date is known is supply while it travels."""
    if movement.kind is MovementKind.TRANSFER and movement.due is not None:
        return purchases.depart(movement)
    if movement.kind is MovementKind.ARRIVAL:
        sent = stock.movement(movement.transfer)
        if sent is not None and sent.due is not None:
            return purchases.arrive(sent, movement, cause)
    return ()


def units_of(path: str, quantity: Decimal, item: Item) -> int:
    """``quantity`` as counted inside; raises ``Invalid`` with the fault at ``path``."""
    try:
        return parse_quantity(quantity, item.scale)
    except Invalid as refused:
        fault = Fault(path, refused.problem_code, refused.detail)
        raise Invalid(refused.detail, code=fault.code, faults=(fault,)) from None


def _check_nodes(
    kind: MovementKind, node: str, to_node: str, catalog: Catalog, faults: Faults
) -> None:
    named = {node, to_node} - {""}
    known = {known.id for known in catalog.nodes(named)}
    if node not in known:
        faults.add("node", "unknown_node", f"{node!r} is not a node")
    if (kind is MovementKind.TRANSFER) != bool(to_node):
        faults.add("to_node", "to_node_mismatch", "a transfer, and nothing else, names to_node")
    elif to_node and to_node not in known:
        faults.add("to_node", "unknown_node", f"{to_node!r} is not a node")
    elif to_node == node:
        faults.add("to_node", "same_node", "a transfer goes to another node")


def _check_order(document: MovementDocument, faults: Faults) -> None:
    if document.purchase_order and document.kind is not MovementKind.RECEIPT:
        faults.add("purchase_order", "not_a_receipt", "only a receipt is against an order")
    if document.shipping_notice and not document.purchase_order:
        faults.add("purchase_order", "required", "name the order that the notice is of")
    if document.due is not None and document.kind is not MovementKind.TRANSFER:
        faults.add("due", "not_a_transfer", "only a transfer is due somewhere")


def _check_quantity(kind: MovementKind, quantity: Decimal, faults: Faults) -> None:
    if quantity == 0 and kind not in _MAY_BE_NOTHING:
        faults.add("quantity", "quantity_zero", "a movement moves something")
    if quantity < 0 and kind not in _SIGNED:
        faults.add("quantity", "quantity_not_positive", "only an adjustment takes away")
