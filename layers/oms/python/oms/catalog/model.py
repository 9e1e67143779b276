"""What is sold, where it lies, and through whom: items, nodes and channels."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from oms.catalog.delivery import FROM_STOCK, Component, NodeCalendar, Promising
from oms.kernel.money import Money

__all__ = ["Channel", "Component", "Item", "Node"]


@dataclass(frozen=True, slots=True)
class Item:
    """``scale``: decimals its quantities are counted with (0: by the piece).

    With ``components`` it is a bundle: it holds no stock and sells as what it is made of. An order
    takes at least ``minimum`` of it, at most ``maximum``, in multiples of ``increment`` (0: any),
    all three in units of its scale. ``suppliers`` are the nodes that drop-ship it, the preferred
    one first; items of one ``keep_together`` group come from one node, those of different
    ``delivery_profile`` (chilled, dangerous) travel in parcels of their own. ``length_mm``,
    ``width_mm`` and ``height_mm`` are of one whole unit as it is packed; 0: nobody measured it.
    ``category`` and ``tags`` are the retailer's own words, for policies to go by.
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
    suppliers: tuple[str, ...] = ()
    keep_together: str = ""
    delivery_profile: str = ""
    length_mm: int = 0
    width_mm: int = 0
    height_mm: int = 0
    category: str = ""
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SwitchedOff:
    """A node takes no work; from ``until`` on it does again by itself, if there is a time."""

    since: datetime
    until: datetime | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Node:
    """A warehouse, store or supplier. Coordinates are WGS 84 degrees. Without a ``calendar`` it
    works every day, in UTC; ``handling_cost`` is that of one parcel. A supplier is told of its
    orders at ``callback_url``, if set. ``pickup``: what customers can collect there: ``any`` (what
    it has, and what other nodes bring), ``local`` (what it has), or nothing (``disabled``); what is
    ready is kept for ``pickup_days``.

    ``line_cost`` is that of each line of a parcel; ``priority`` 1 is tried first;
    ``capacity_per_day`` and ``capacity_per_hour`` are fulfilments (None: no limit). One that is to
    ``drop_ship`` sends its own goods to our customers, one that ``makes`` produces."""

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
    pickup: str = "disabled"
    groups: tuple[str, ...] = ()
    priority: int = 5
    pickup_days: int = 7
    capacity_per_day: int | None = None
    capacity_per_hour: int | None = None
    line_cost: Money | None = None
    drop_ship: bool = False
    makes: bool = False
    switched_off: SwitchedOff | None = None

    def is_on(self, now: datetime) -> bool:
        """Whether its people have not switched it off."""
        off = self.switched_off
        return off is None or (off.until is not None and off.until <= now)


@dataclass(frozen=True, slots=True)
class Channel:
    """Where orders come from. ``callback_url`` receives what happens to them, if set; with
    ``availability`` also what the channel may sell of each SKU, whenever that changes.
    ``capture_on`` says when what is held of its orders is taken: with each ``shipment``, or on the
    ``delivery`` of the last."""

    id: str
    name: str
    currencies: tuple[str, ...]
    callback_url: str = ""
    availability: bool = False
    capture_on: Literal["shipment", "delivery"] = "delivery"
