"""Backorders: who may wait for a SKU, in which order, and who gets what comes. Pure.

The stated order: priority (the higher first), then the promised day (the earlier first, without a
promise last), then age. An order is filled whole or not at all, so what comes is handed out thus:

- Whoever can have all it lacks gets it.
- Whoever lacks one SKU too much keeps its place and its claim: what is there of that SKU is for it,
  and nobody behind it has any before it does. A large order is not passed by small ones for ever.
- Whoever lacks two or more holds nobody up: what is there would lie idle until all the rest came.
- Whoever's channel may not have more holds up its own channel only.
- Whoever collects it at a node holds up nobody with what lies elsewhere.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from oms.inventory.ledger import Shortfall
from oms.inventory.policy import Oversell, SellingPolicy
from oms.kernel.clock import rfc3339

HIGHEST_PRIORITY = 9
_NO_PROMISE = "9999-12-31"


@dataclass(frozen=True, slots=True)
class Waiter:
    """An order that waits. ``rank`` is its place in every queue it stands in: the lower sorts
    first. ``lacking``: units of each SKU that it waits for, for its ``channel``; ``at``: by SKU the
    node where it is collected. With ``apart`` it has what comes of each SKU without the others."""

    rank: str
    lacking: Mapping[str, int]
    channel: str = ""
    at: Mapping[str, str] = field(default_factory=dict)
    apart: bool = False

    @property
    def order_id(self) -> str:
        return self.rank.rpartition("#")[2]

    @property
    def priority(self) -> int:
        return HIGHEST_PRIORITY - int(self.rank.split("#")[0])

    @property
    def promised(self) -> str:
        """The promised day; empty without a promise."""
        day = self.rank.split("#")[1]
        return "" if day == _NO_PROMISE else day

    @property
    def since(self) -> str:
        return self.rank.split("#")[2]

    def in_queue_of(self, sku: str) -> "Waiter":
        """As it stands in the queue of one of the SKUs."""
        if not self.apart:
            return self
        at = {sku: self.at[sku]} if sku in self.at else {}
        return replace(self, lacking={sku: self.lacking[sku]}, at=at, apart=False)


@dataclass(frozen=True, slots=True)
class Shelf:
    """Units of a SKU at a node where they are collected; whether it ``ships`` them too, and whether
    other nodes may bring it more."""

    units: int
    ships: bool = False
    brings: bool = False

    def room(self, elsewhere: int) -> int:
        """Units for whoever collects them; ``elsewhere``: units at all nodes that ship."""
        here = min(self.units, elsewhere) if self.ships else self.units
        return max(here, elsewhere) if self.brings else here


Shelves = Mapping[tuple[str, str], Shelf]
_EMPTY = Shelf(0)


@dataclass(frozen=True, slots=True)
class Handout:
    """``filled``: who gets all it lacks, first come first. ``left``: units of each SKU that nobody
    claims, ``left_to`` what is left of a channel's part by channel and SKU, ``shelves`` what is
    left where it is collected; below zero where those who wait claim more than there is."""

    filled: tuple[Waiter, ...]
    unfilled: tuple[Waiter, ...]
    left: Mapping[str, int]
    left_to: Mapping[tuple[str, str], int]
    shelves: Shelves = field(default_factory=dict)

    def left_for(self, channel: str, sku: str, node: str = "") -> int:
        """With a ``node`` for whoever collects it there."""
        left = _room_of(sku, node, self.left, self.shelves)
        return min(left, self.left_to.get((channel, sku), left))


@dataclass(frozen=True, slots=True)
class QueuePage:
    """A part of a queue, first come first."""

    waiting: tuple[Waiter, ...]
    cursor: str | None


@dataclass(frozen=True, slots=True)
class Holder:
    """An order's reserved units of a SKU at a node, which one of higher priority may have."""

    order_id: str
    priority: int
    since: str
    node: str
    quantity: int


@dataclass(frozen=True, slots=True)
class Room:
    """How many units may be owed before another order's are added; None where there is no limit."""

    in_all: int | None = None
    to_channel: int | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why an order may not wait: ``code`` is ``backorder_not_allowed``, ``backorder_limit`` or
    ``backorder_ended``."""

    code: str
    reason: str

    def __str__(self) -> str:
        return f"{self.code}: {self.reason}"


def rank(priority: int, promised: date | None, since: str, order_id: str) -> str:
    """The place in the queue, as text that sorts. ``priority`` is 0 to 9, ``since`` RFC 3339."""
    day = promised.isoformat() if promised else _NO_PROMISE
    return f"{HIGHEST_PRIORITY - priority}#{day}#{since}#{order_id}"


def hand_out(
    available: Mapping[str, int],
    waiting: Iterable[Waiter],
    parts: Mapping[tuple[str, str], int] | None = None,
    shelves: Shelves | None = None,
) -> Handout:
    """Give what is available to those who wait. A SKU that is not in ``available`` is not there.
    ``parts``: by channel and SKU, the most that the channel may have of it; ``shelves``: by SKU and
    node what is there for those who collect it."""
    left, left_to, on_shelves = dict(available), dict(parts or {}), dict(shelves or {})
    filled: list[Waiter] = []
    unfilled: list[Waiter] = []
    for waiter in sorted(waiting, key=lambda each: each.rank):
        short = {
            sku
            for sku, units in waiter.lacking.items()
            if _room_of(sku, waiter.at.get(sku, ""), left, on_shelves) < units
        }
        kept = {
            sku
            for sku, units in waiter.lacking.items()
            if left_to.get((waiter.channel, sku), units) < units
        }
        lacks = short | kept
        for sku in lacks if len(lacks) == 1 else () if lacks else waiter.lacking:
            units = waiter.lacking[sku]
            if node := waiter.at.get(sku):
                shelf = on_shelves.get((sku, node), _EMPTY)
                on_shelves[sku, node] = replace(shelf, units=shelf.units - units)
                units = min(units, max(0, shelf.units))
            if sku not in kept and (not node or shelf.ships):
                left[sku] = left.get(sku, 0) - units
            if (waiter.channel, sku) in left_to:
                left_to[waiter.channel, sku] -= units
        (unfilled if lacks else filled).append(waiter)
    return Handout(tuple(filled), tuple(unfilled), left, left_to, on_shelves)


def _room_of(sku: str, node: str, left: Mapping[str, int], shelves: Shelves) -> int:
    there = left.get(sku, 0)
    return shelves.get((sku, node), _EMPTY).room(there) if node else there


def misowed(owed: Mapping[str, int], waiting: Iterable[tuple[str, Waiter]]) -> Iterator[Shortfall]:
    """Where what is owed, by SKU, is not what those who wait for the SKU lack."""
    lacking: dict[str, int] = {}
    for sku, waiter in waiting:
        lacking[sku] = lacking.get(sku, 0) + waiter.lacking[sku]
    for sku in sorted(owed.keys() | lacking.keys()):
        if owed.get(sku, 0) != lacking.get(sku, 0):
            yield Shortfall(sku, "", "owed", owed.get(sku, 0), lacking.get(sku, 0))


def oversell_of(policy: SellingPolicy, now: datetime) -> Oversell | None:
    """Before a SKU is there at all its pre-order is what counts, after that its backorder."""
    if policy.available_from and now < policy.available_from:
        return policy.preorder
    return policy.backorder


def room_for(
    sku: str,
    quantity: int,
    channel: str,
    policy: SellingPolicy,
    owed: int,
    owed_to_channel: int,
    now: datetime,
) -> Room | Refusal:
    """Whether ``quantity`` units more may be owed."""
    allowed = oversell_of(policy, now)
    if allowed is None:
        return Refusal("backorder_not_allowed", f"{sku} is not sold before it is there")
    if allowed.until and now >= allowed.until:
        ended = rfc3339(allowed.until)
        return Refusal("backorder_ended", f"{sku} was sold before it is there until {ended}")
    room = Room(_room(allowed.limit, quantity), _room(allowed.channels.get(channel), quantity))
    if not _fits(owed, room.in_all):
        return Refusal("backorder_limit", f"as many of {sku} are owed as may be")
    if not _fits(owed_to_channel, room.to_channel):
        return Refusal("backorder_limit", f"as many of {sku} are owed to {channel} as may be")
    return room


def take_from(short: int, holders: Sequence[Holder]) -> tuple[Holder, ...]:
    """Whom to take ``short`` units from: the lowest priority first, of equals the youngest order.
    Nobody when all of them do not hold enough."""
    taken: list[Holder] = []
    for holder in sorted(holders, key=_last_come_first):
        if short <= 0:
            break
        taken.append(holder)
        short -= holder.quantity
    return tuple(taken) if short <= 0 else ()


def _last_come_first(holder: Holder) -> tuple[int, tuple[int, ...], str]:
    youth = tuple(-ord(letter) for letter in holder.since)
    return holder.priority, youth, f"{holder.order_id}#{holder.node}"


def _room(limit: int | None, quantity: int) -> int | None:
    return None if limit is None else limit - quantity


def _fits(owed: int, room: int | None) -> bool:
    return room is None or owed <= room
