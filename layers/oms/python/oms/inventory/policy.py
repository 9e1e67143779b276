"""What may be sold of a SKU beyond what is there, and what is kept from whom. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Oversell:
    """How far a SKU may be sold before it is there. ``limit`` is in units of the item's scale and
    counts what is owed in all, ``channels`` what is owed to a channel; without a number there is no
    limit. What is there when an order is taken in is not counted. ``until`` ends it."""

    limit: int | None = None
    until: datetime | None = None
    channels: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SellingPolicy:
    """Quantities are in units of the item's scale.

    ``tracked`` is false for what never runs out. ``backorder`` and ``preorder`` are None where they
    are not allowed; a pre-order is a backorder of what is sold before ``available_from``.
    ``held_back`` is safety stock by channel. With ``take_back`` an order of higher priority may
    have what one of lower priority holds. At the nodes in ``not_sold_at`` somebody has declared
    the SKU out of stock, whatever is counted there; of what is not tracked that says nothing.
    With ``take_alternative`` a line whose promise breaks comes from elsewhere when that keeps its
    day. How few, how many and in which steps a SKU sells is said by its item.
    """

    tracked: bool = True
    backorder: Oversell | None = Oversell()
    preorder: Oversell | None = None
    available_from: datetime | None = None
    held_back: Mapping[str, int] = field(default_factory=dict)
    not_sold_at: tuple[str, ...] = ()
    take_back: bool = False
    take_alternative: bool = False
    version: int = 0
