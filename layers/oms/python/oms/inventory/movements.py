"""Booking movements of stock."""

from collections.abc import Set
from decimal import Decimal

from oms.catalog.model import Item
from oms.catalog.store import Catalog
from oms.inventory.model import Movement, MovementKind
from oms.inventory.store import Stock
from oms.kernel.errors import Fault, Faults, Invalid
from oms.kernel.events import Cause
from oms.kernel.quantity import parse_quantity

_SIGNED: Set[MovementKind] = {MovementKind.ADJUSTMENT}
_MAY_BE_NOTHING: Set[MovementKind] = {MovementKind.COUNT, MovementKind.ARRIVAL}
_NEEDS_REASON: Set[MovementKind] = {
    MovementKind.ADJUSTMENT,
    MovementKind.DAMAGE,
    MovementKind.WRITE_OFF,
    MovementKind.QUARANTINE,
}


def book(
    movement_id: str,
    kind: MovementKind,
    sku: str,
    node: str,
    quantity: Decimal,
    reason: str,
    to_node: str,
    transfer: str,
    stock: Stock,
    catalog: Catalog,
    cause: Cause,
) -> bool:
    """Whether it was booked now; false when it had been before. Raises ``Invalid`` with every
    fault, and ``Conflict`` as ``Stock.move`` does."""
    faults = Faults()
    item = catalog.items({sku}).get(sku)
    if item is None:
        faults.add("sku", "unknown_sku", f"{sku!r} is not in the catalogue")
    _check_nodes(kind, node, to_node, catalog, faults)
    _check_quantity(kind, quantity, faults)
    if kind in _NEEDS_REASON and not reason:
        faults.add("reason", "required", f"this movement says why: {kind}")
    if (kind is MovementKind.ARRIVAL) != bool(transfer):
        faults.add(
            "transfer", "transfer_mismatch", "an arrival, and nothing else, names a transfer"
        )
    faults.refuse("the movement breaks a rule")
    assert item is not None
    units = units_of("quantity", quantity, item)
    return stock.move(
        Movement(movement_id, kind, sku, node, units, reason, to_node, transfer), cause
    )


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


def _check_quantity(kind: MovementKind, quantity: Decimal, faults: Faults) -> None:
    if quantity == 0 and kind not in _MAY_BE_NOTHING:
        faults.add("quantity", "quantity_zero", "a movement moves something")
    if quantity < 0 and kind not in _SIGNED:
        faults.add("quantity", "quantity_not_positive", "only an adjustment takes away")
