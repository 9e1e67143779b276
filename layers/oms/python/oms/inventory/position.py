"""The inventory position of a SKU: all that one read finds of what there is, is coming, is owed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from oms.inventory.model import Balance
from oms.inventory.policy import SellingPolicy


@dataclass(frozen=True, slots=True)
class Supply:
    """Units that are due at a node. ``open`` have not come yet, ``promised`` of them are spoken
    for; ``kind`` is ``purchase_order``, ``shipping_notice`` or ``transfer``."""

    id: str
    sku: str
    node: str
    due: datetime
    open: int
    promised: int = 0
    kind: str = "purchase_order"
    version: int = 0


@dataclass(frozen=True, slots=True)
class Lapsed:
    """Units that a reservation held until ``expires_at``, which is past: they may be sold."""

    reservation_id: str
    sku: str
    node: str
    quantity: int
    expires_at: datetime
    counter: int = 0


@dataclass(frozen=True, slots=True)
class Share:
    """A channel's part of a SKU: ``granted`` units, of which ``left`` may still be taken."""

    channel: str
    granted: int
    left: int


@dataclass(frozen=True, slots=True)
class Position:
    """``owed``: units that backordered orders wait for, in all; ``owed_to``: the same by channel.
    Of ``counters`` each is a part of a balance; ``balances`` are the sums by node."""

    sku: str
    balances: tuple[Balance, ...] = ()
    counters: tuple[tuple[Balance, ...], ...] = ()
    supplies: tuple[Supply, ...] = ()
    lapsed: tuple[Lapsed, ...] = ()
    policy: SellingPolicy = field(default_factory=SellingPolicy)
    shares: tuple[Share, ...] = ()
    owed: int = 0
    owed_to: Mapping[str, int] = field(default_factory=dict)
