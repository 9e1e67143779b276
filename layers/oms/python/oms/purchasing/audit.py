"""What is on order, held against the ledger. Pure: what the tables hold is passed in."""

from collections.abc import Iterable, Iterator

from oms.inventory.ledger import Shortfall
from oms.inventory.model import Entry, MovementKind
from oms.inventory.position import Supply
from oms.purchasing.model import PurchaseOrder, supplies

_TRAVELS = (MovementKind.TRANSFER, MovementKind.ARRIVAL)


def misordered(
    entries: Iterable[Entry], dated: Iterable[Supply], orders: Iterable[PurchaseOrder]
) -> Iterator[Shortfall]:
    """Where the dated supply of purchase orders is not what the orders say is open, or where it
    does not add up to what the ledger says is incoming, apart from transfers."""
    found = {supply.id: supply for supply in dated if supply.kind != "transfer"}
    due = {supply.id: supply for order in orders for supply in supplies(order).values()}
    for supply_id in sorted(found.keys() | due.keys()):
        there, said = found.get(supply_id), due.get(supply_id)
        about = there or said
        assert about is not None
        if there is None or said is None or (there.open, there.due) != (said.open, said.due):
            held, told = there.open if there else 0, said.open if said else 0
            yield Shortfall(about.sku, about.node, f"open of {supply_id}", held, told)
    yield from _not_incoming(entries, found.values())


def _not_incoming(entries: Iterable[Entry], dated: Iterable[Supply]) -> Iterator[Shortfall]:
    incoming: dict[tuple[str, str], int] = {}
    for entry in entries:
        if entry.incoming and entry.kind not in _TRAVELS:
            key = (entry.sku, entry.node)
            incoming[key] = incoming.get(key, 0) + entry.incoming
    opened: dict[tuple[str, str], int] = {}
    for supply in dated:
        key = (supply.sku, supply.node)
        opened[key] = opened.get(key, 0) + supply.open
    for sku, node in sorted(incoming.keys() | opened.keys()):
        held, told = opened.get((sku, node), 0), incoming.get((sku, node), 0)
        if held != told:
            yield Shortfall(sku, node, "on order", held, told)
