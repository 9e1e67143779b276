"""When and how much to order again. Pure.

The *position* of a SKU at a node is what is available there and what is on its way there, less its
part of what backordered orders wait for. It is ordered again when the position falls to the reorder
point (the classical (s, nQ) policy), or when at the present rate of sales it lasts for fewer days
than it should.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from math import ceil

from oms.inventory.position import Position

RATE_DAYS = 28


@dataclass(frozen=True, slots=True)
class Settings:
    """How a SKU is replenished at a node, in units of the item's ``scale``. ``cover_days``: for how
    many days it is to last; 0: only the reorder point counts. ``orders`` were suggested so far, the
    last is ``suggestion``."""

    sku: str
    node: str
    reorder_point: int
    reorder_quantity: int
    supplier: str
    lead_time_days: int
    cover_days: int = 0
    scale: int = 0
    suggestion: str = ""
    orders: int = 0


@dataclass(frozen=True, slots=True)
class DaySold:
    """All that had ever been sold at the end of a day (UTC)."""

    day: date
    sold: int

    @property
    def end(self) -> datetime:
        return datetime.combine(self.day + timedelta(days=1), time.min, UTC)


@dataclass(frozen=True, slots=True)
class Outlook:
    """``position`` in units; ``sold_per_day`` None: not yet known; ``days_of_cover`` None: nothing
    is sold, or it is not known."""

    available: int
    on_order: int
    owed: int
    sold_per_day: float | None = None

    @property
    def position(self) -> int:
        return self.available + self.on_order - self.owed

    @property
    def days_of_cover(self) -> float | None:
        if not self.sold_per_day:
            return None
        return max(0, self.position) / self.sold_per_day


def outlook(
    settings: Settings,
    position: Position,
    replenished_nodes: int,
    days: Sequence[DaySold],
    now: datetime,
) -> Outlook:
    """What is owed is owed by no node in particular: each of ``replenished_nodes`` counts its
    part."""
    here = [balance for balance in position.balances if balance.node == settings.node]
    return Outlook(
        available=sum(balance.available for balance in here),
        on_order=sum(balance.incoming for balance in here),
        owed=ceil(position.owed / max(1, replenished_nodes)),
        sold_per_day=sold_per_day(sum(balance.sold for balance in here), days, now),
    )


def sold_per_day(sold: int, days: Sequence[DaySold], now: datetime) -> float | None:
    """Over up to ``RATE_DAYS``; None before the first whole day has been seen."""
    since = now - timedelta(days=RATE_DAYS + 1)
    seen = [day for day in days if since <= day.end <= now - timedelta(days=1)]
    if not seen:
        return None
    first = min(seen, key=lambda day: day.day)
    return max(0, sold - first.sold) / ((now - first.end) / timedelta(days=1))


def units_to_order(settings: Settings, view: Outlook) -> int:
    """Zero, or as many reorder quantities as bring the position above the reorder point and over
    the days it is to last."""
    missing = settings.reorder_point + 1 - view.position
    if settings.cover_days and view.sold_per_day:
        lasting = ceil(settings.cover_days * view.sold_per_day)
        missing = max(missing, lasting - view.position)
    if missing <= 0:
        return 0
    return ceil(missing / settings.reorder_quantity) * settings.reorder_quantity
