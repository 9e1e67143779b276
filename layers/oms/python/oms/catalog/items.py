"""Storing an item, and what a bundle may be made of."""

from collections.abc import Mapping, Sequence, Set
from typing import Protocol

from oms.catalog.bundles import parts_of, with_components
from oms.catalog.contract import ItemDocument, item_of
from oms.catalog.model import Item
from oms.inventory.model import QUANTITIES, Balance
from oms.kernel.errors import Conflict, Faults
from oms.kernel.quantity import LARGEST

# A bundle is stored in one transaction with a check on each item that it reaches.
MOST_PARTS = 90


class ItemStore(Protocol):
    def items(self, skus: Set[str]) -> Mapping[str, Item]: ...

    def put_item(self, item: Item, reaches: Sequence[Item] = ()) -> None:
        """Store it. Raises ``Unavailable`` when one of ``reaches`` has been made of something else
        since it was read."""


class Holdings(Protocol):
    def balances(self, skus: Set[str]) -> Mapping[str, tuple[Balance, ...]]: ...


def store_item(sku: str, document: ItemDocument, catalog: ItemStore, stock: Holdings) -> Item:
    """Raises ``Invalid`` with every fault, ``Conflict`` (``has_stock``) when what is in stock would
    be counted otherwise or not at all, and ``Unavailable`` when what a bundle is made of was
    changed at the same moment: two bundles cannot come to contain each other."""
    named = {component.sku for component in document.components}
    items = with_components(named, catalog) if named else {}
    faults = Faults()
    made = document.promising.production
    needed = {component.sku for component in made.components} if made else set()
    item = item_of(sku, document, {**catalog.items(needed), **items} if needed else items, faults)
    _check_limits(item, faults)
    if document.components:
        _check_components(sku, document, items, faults)
    faults.refuse("the item breaks a rule")
    _check_parts(item, items, faults)
    faults.refuse("the bundle holds too much")
    _refuse_in_stock(item, catalog, stock)
    catalog.put_item(item, [items[part] for part in sorted(items)])
    return item


def _refuse_in_stock(item: Item, catalog: ItemStore, stock: Holdings) -> None:
    before = catalog.items({item.sku}).get(item.sku)
    if before is None:
        return
    becomes_bundle = bool(item.components) and not before.components
    if not becomes_bundle and item.scale == before.scale:
        return
    for balance in stock.balances({item.sku})[item.sku]:
        if any(getattr(balance, name) for name in QUANTITIES):
            raise Conflict(
                f"{balance.node} has stock of {item.sku}, counted with {before.scale} decimals",
                code="has_stock",
            )


def _check_limits(item: Item, faults: Faults) -> None:
    if item.maximum is not None and item.maximum < max(item.minimum, 1):
        faults.add("maximum", "maximum_below_minimum", "less than the minimum cannot be sold")
    elif item.increment and item.maximum is not None and item.maximum < item.increment:
        faults.add("maximum", "maximum_below_increment", "no multiple of the increment can be sold")


def _check_components(
    sku: str, document: ItemDocument, items: Mapping[str, Item], faults: Faults
) -> None:
    if document.scale:
        faults.add("scale", "bundle_not_by_piece", "a bundle is sold by the piece")
    seen: set[str] = set()
    for index, component in enumerate(document.components):
        path = f"components.{index}"
        if component.sku in seen:
            faults.add(path, "component_twice", f"{component.sku!r} is there already")
        seen.add(component.sku)
        if component.quantity <= 0:
            faults.add(f"{path}.quantity", "quantity_not_positive", "a bundle holds some of it")
        if component.sku == sku or _contains(component.sku, sku, items):
            faults.add(f"{path}.sku", "circular_bundle", f"{component.sku!r} contains {sku!r}")
        elif component.sku not in items:
            faults.add(f"{path}.sku", "unknown_sku", f"{component.sku!r} is not in the catalogue")


def _contains(bundle: str, sku: str, items: Mapping[str, Item]) -> bool:
    """Whether ``sku`` is anywhere in the bundle."""
    seen: set[str] = set()
    open_ = [bundle]
    while open_:
        item = items.get(open_.pop())
        for component in item.components if item else ():
            if component.sku == sku:
                return True
            if component.sku not in seen:
                seen.add(component.sku)
                open_.append(component.sku)
    return False


def _check_parts(item: Item, items: Mapping[str, Item], faults: Faults) -> None:
    if not item.components:
        return
    if len(items) > MOST_PARTS:
        faults.add("components", "too_many_components", f"it reaches {len(items)} items")
    if max(parts_of(item.sku, {**items, item.sku: item}).values()) > LARGEST:
        faults.add("components", "invalid_quantity", "one bundle would hold more than can be")
