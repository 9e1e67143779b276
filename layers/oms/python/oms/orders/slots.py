"""What an order takes of nodes' capacity: with its stock, and given back once it needs it no more.

Both are writes of the very transaction that says so in the order's history: an order's commit
happens once, and so do they.
"""

from collections.abc import Iterable, Sequence

from oms.catalog.model import Node
from oms.catalog.store import Catalog
from oms.kernel.writes import Write
from oms.orders.events import Event
from oms.orders.evolve import evolve_all
from oms.orders.model import Order, Progress, Slot
from oms.routing.capacity import Capacity


def nodes_of(node_ids: Iterable[str], catalog: Catalog) -> list[Node]:
    """Those that an order gives work to, each once and by id."""
    wanted = set(node_ids)
    return [node for node in catalog.nodes(wanted) if node.id in wanted]


def held(order: Order) -> list[Slot]:
    """For what is allocated, and for the fulfilments that live."""
    return held_by(order.progress)


def held_by(progress: Progress) -> list[Slot]:
    of_work = (part.slot for part in progress.fulfillments if part.slot and part.is_live)
    return [*progress.slots, *of_work]


def freed(before: Order, after: Order) -> list[Slot]:
    """What ``before`` held and ``after`` does not."""
    kept: dict[Slot, int] = {}
    for slot in held(after):
        kept[slot] = kept.get(slot, 0) + 1
    free: list[Slot] = []
    for slot in held(before):
        if kept.get(slot):
            kept[slot] -= 1
        else:
            free.append(slot)
    return free


def given_back(order: Order, events: Sequence[Event], capacity: Capacity) -> list[Write]:
    """Writes that give back what the order no longer holds after ``events``; they are committed
    with these."""
    if not events or not held(order):
        return []
    return capacity.give_back(freed(order, evolve_all(order, events)))
