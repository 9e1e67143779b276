"""What the use cases need to know of items, nodes and channels."""

from collections.abc import Mapping, Set
from typing import Protocol

from oms.catalog.delivery import CarrierService
from oms.catalog.model import Channel, Item, Node
from oms.kernel.errors import NotFound


class Catalog(Protocol):
    def items(self, skus: Set[str]) -> Mapping[str, Item]:
        """The items among ``skus`` that exist."""

    def nodes(self, among_them: Set[str] = frozenset()) -> tuple[Node, ...]:
        """Every node, by id. What is remembered may be some seconds old, but when one of
        ``among_them`` is missing the nodes are read anew: it may be new itself."""

    def carrier_services(self) -> tuple[CarrierService, ...]:
        """All of them, by id; as old as the nodes may be."""

    def channel(self, channel_id: str) -> Channel | None: ...


def known_item(sku: str, catalog: Catalog) -> Item:
    """Raises ``NotFound`` (``unknown_sku``)."""
    item = catalog.items({sku}).get(sku)
    if item is None:
        raise NotFound(f"there is no item {sku}", code="unknown_sku")
    return item
