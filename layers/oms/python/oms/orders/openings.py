"""Orders that wait because a node takes no work, though it has what they need.

Nothing happens when a day begins, or when a switch's time is over, and a unit of capacity that is
given back says nothing of who waits for it. So it is looked at: every minute, and only at the
nodes that somebody waits for. Who waits is in the queues of its SKUs, in their order; telling is
one event for a node, and those are woken for whom there is stock, as when some was received.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from oms.catalog.model import Node
from oms.catalog.store import Catalog
from oms.routing.capacity import NO_LOAD, Capacity, Load, closed_because


class Waits(Capacity, Protocol):
    """``oms.aws.capacity_store`` implements it."""

    def come_due(self, now: datetime) -> None:
        """Whoever was to be told from a moment on that has come by is to be told from now on."""

    def waited_for(self) -> Mapping[str, Mapping[str, str]]:
        """By node the SKUs that are waited for because it takes no work; each with what says
        whether somebody began to wait since."""

    def tell(self, node: str, waited_for: Mapping[str, str], now: datetime) -> int:
        """Tell who waits that the node takes work: of how many SKUs."""


def tell_of_open_nodes(capacity: Waits, catalog: Catalog, now: datetime) -> int:
    """Of how many SKUs it was told. When nobody waits for a node it is two reads of nothing."""
    capacity.come_due(now)
    waited_for = capacity.waited_for()
    if not waited_for:
        return 0
    nodes = {node.id: node for node in catalog.nodes(waited_for.keys())}
    loads = capacity.loads((nodes[name] for name in waited_for if name in nodes), now)
    return sum(
        capacity.tell(name, skus, now)
        for name, skus in waited_for.items()
        if name not in nodes or _is_open(nodes[name], loads, now)
    )


def _is_open(node: Node, loads: Mapping[str, Load], now: datetime) -> bool:
    load = loads.get(node.id, NO_LOAD)
    return not closed_because(node, now, load)
