"""Booking receipts and adjustments, and the thresholds of what may be sold."""

from decimal import Decimal

from oms.catalog.model import Item
from oms.catalog.store import Catalog
from oms.inventory.model import Movement, MovementKind
from oms.inventory.store import Stock
from oms.kernel.errors import Fault, Faults, Invalid
from oms.kernel.events import Cause
from oms.kernel.quantity import parse_quantity


def book(
    movement_id: str,
    kind: MovementKind,
    sku: str,
    node: str,
    quantity: Decimal,
    reason: str,
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
    if all(known.id != node for known in catalog.nodes({node})):
        faults.add("node", "unknown_node", f"{node!r} is not a node")
    if kind is MovementKind.RECEIPT and quantity <= 0:
        faults.add("quantity", "quantity_not_positive", "a receipt adds stock")
    if kind is MovementKind.ADJUSTMENT and not reason:
        faults.add("reason", "required", "an adjustment says why")
    if quantity == 0:
        faults.add("quantity", "quantity_zero", "a movement moves something")
    faults.refuse("the movement breaks a rule")
    assert item is not None
    units = units_of("quantity", quantity, item)
    return stock.move(Movement(movement_id, kind, sku, node, units, reason), cause)


def units_of(path: str, quantity: Decimal, item: Item) -> int:
    """``quantity`` as counted inside; raises ``Invalid`` with the fault at ``path``."""
    try:
        return parse_quantity(quantity, item.scale)
    except Invalid as refused:
        fault = Fault(path, refused.problem_code, refused.detail)
        raise Invalid(refused.detail, code=fault.code, faults=(fault,)) from None
