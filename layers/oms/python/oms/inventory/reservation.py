"""A soft reservation: units held for a basket until a moment. Pure.

::

    held ── extended ──▶ held            expires_at moves; at most LONGEST after it was taken
      ├── converted                      an order was captured with it: the units are the order's
      ├── released                       the basket let go of them
      └── expired                        at ``expires_at``, to the second, whether swept or not

What is converted is consumed when its order ships, as any order's units are.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from math import ceil

from oms.inventory.model import Entry
from oms.kernel.events import Cause

# Counted from when it was taken, extensions included: a basket is not a warehouse. It also says how
# long the further counters of a SKU are looked at after they were gathered.
LONGEST = timedelta(hours=24)

# One transaction holds 100 writes: the reservation, and for each line a balance, a ledger entry and
# the item that says until when.
LINES_IN_ONE = 33
WRITES_OF_A_LINE = 3


def most_lines(spread: int, parts: int) -> int:
    """How many lines fit one transaction, when it begins and when it ends. ``spread`` of them take
    from further counters, whose units may be in two places by the time they are given back: two
    writes more each. ``parts`` are writes of channels' shares."""
    return LINES_IN_ONE - ceil((2 * spread + parts) / WRITES_OF_A_LINE)


class ReservationState(StrEnum):
    HELD = "held"
    CONVERTED = "converted"
    RELEASED = "released"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class ReservedLine:
    """Units of a SKU at a node, from one of its counters there."""

    sku: str
    node: str
    quantity: int
    counter: int = 0


@dataclass(frozen=True, slots=True)
class Reservation:
    id: str
    channel: str
    lines: tuple[ReservedLine, ...]
    taken_at: datetime
    expires_at: datetime
    state: ReservationState = ReservationState.HELD
    order_id: str = ""

    def state_at(self, now: datetime) -> ReservationState:
        if self.state is ReservationState.HELD and self.expires_at <= now:
            return ReservationState.EXPIRED
        return self.state

    @property
    def skus(self) -> frozenset[str]:
        return frozenset(line.sku for line in self.lines)

    @property
    def latest(self) -> datetime:
        """How far it may be extended."""
        return self.taken_at + LONGEST


def hold_entries(reservation: Reservation, cause: Cause) -> tuple[Entry, ...]:
    return _entries(reservation, "hold", 1, cause)


def unhold_entries(reservation: Reservation, cause: Cause) -> tuple[Entry, ...]:
    return _entries(reservation, "unhold", -1, cause)


def convert_entries(reservation: Reservation, order_id: str, cause: Cause) -> tuple[Entry, ...]:
    """No quantity changes: units that were held for a basket are held for the order."""
    return _entries(reservation, "convert", 0, cause, order_id)


def reserved_by_sku(lines: Sequence[ReservedLine]) -> dict[str, int]:
    units: dict[str, int] = {}
    for line in lines:
        units[line.sku] = units.get(line.sku, 0) + line.quantity
    return units


def _entries(
    reservation: Reservation, kind: str, sign: int, cause: Cause, order_id: str = ""
) -> tuple[Entry, ...]:
    return tuple(
        Entry(
            id=f"{reservation.id}:{kind}",
            kind=kind,
            sku=line.sku,
            node=line.node,
            at=cause.at,
            by=cause.by,
            reserved=sign * line.quantity,
            reason=cause.reason,
            order_id=order_id,
            counter=line.counter,
        )
        for line in reservation.lines
    )
