"""What is sold, where it lies, and through whom: items, nodes and channels."""

from dataclasses import dataclass

from oms.catalog.delivery import FROM_STOCK, Component, NodeCalendar, Promising
from oms.kernel.money import Money

__all__ = ["Channel", "Component", "Item", "Node"]


@dataclass(frozen=True, slots=True)
class Item:
    """``scale``: decimals its quantities are counted with (0: by the piece).

    With ``components`` it is a bundle: it holds no stock and sells as what it is made of. An order
    takes at least ``minimum`` of it, at most ``maximum``, in multiples of ``increment`` (0: any),
    all three in units of its scale.
    """

    sku: str
    name: str
    scale: int = 0
    active: bool = True
    components: tuple[Component, ...] = ()
    minimum: int = 0
    maximum: int | None = None
    increment: int = 0
    promising: Promising = FROM_STOCK


@dataclass(frozen=True, slots=True)
class Node:
    """A warehouse, store or supplier. Coordinates are WGS 84 degrees. Without a ``calendar`` it
    works every day, in UTC; ``handling_cost`` is that of one parcel. A supplier is told of its
    orders at ``callback_url``, if set."""

    id: str
    name: str
    kind: str
    country: str
    region: str = ""
    city: str = ""
    postal_code: str = ""
    latitude: float | None = None
    longitude: float | None = None
    can_ship: bool = True
    active: bool = True
    calendar: NodeCalendar | None = None
    handling_cost: Money | None = None
    callback_url: str = ""


@dataclass(frozen=True, slots=True)
class Channel:
    """Where orders come from. ``callback_url`` receives what happens to them, if set; with
    ``availability`` also what the channel may sell of each SKU, whenever that changes."""

    id: str
    name: str
    currencies: tuple[str, ...]
    callback_url: str = ""
    availability: bool = False
