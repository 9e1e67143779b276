"""The inventory position of a SKU: all that one read finds of what there is, is coming, is owed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

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
class ShareRule:
    """What a channel gets of a SKU: ``share``, a part of the whole between 0 and 1, or ``cap``,
    units set aside for it and no more. What it lacks it may borrow from the channels it names, in
    that order; ``lends`` is the most that it lends at once, without a number all it has."""

    channel: str
    share: Decimal | None = None
    cap: int | None = None
    borrows_from: tuple[str, ...] = ()
    lends: int | None = None


@dataclass(frozen=True, slots=True)
class Share:
    """A channel's part of a SKU. Of ``granted`` units ``left`` may still be taken and ``lent`` are
    with others; the rest is what its holders took ``since`` the channel has had a rule without a
    break. See ``oms.inventory.shares``."""

    channel: str
    granted: int
    left: int
    lent: int = 0
    rule: ShareRule = ShareRule("")
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Position:
    """``owed``: units that backordered orders wait for, in all; ``owed_to``: the same by channel.

    ``balances`` are the sums by node, and they count what has ``lapsed`` as available already:
    whoever takes it calls ``Stock.reclaim`` when the taking is refused. ``counters`` is empty
    unless the SKU is spread; then its first member is what is at home, node by node, and each
    further member what another counter has. ``policy.not_sold_at`` has the nodes too at which the
    SKU is to be counted first."""

    sku: str
    balances: tuple[Balance, ...] = ()
    counters: tuple[tuple[Balance, ...], ...] = ()
    supplies: tuple[Supply, ...] = ()
    lapsed: tuple[Lapsed, ...] = ()
    policy: SellingPolicy = field(default_factory=SellingPolicy)
    shares: tuple[Share, ...] = ()
    owed: int = 0
    owed_to: Mapping[str, int] = field(default_factory=dict)

    def at(self, node: str) -> Balance:
        """The sum at a node; nothing where the SKU has never been."""
        empty = Balance(self.sku, node)
        return next((balance for balance in self.balances if balance.node == node), empty)

    def available_on_counters(self, node: str) -> tuple[int, ...]:
        """What may be taken at a node, by counter; one number unless the SKU is spread."""
        return tuple(
            sum(balance.available for balance in part if balance.node == node)
            for part in self.counters or (self.balances,)
        )
