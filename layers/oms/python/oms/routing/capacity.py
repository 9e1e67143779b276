"""How much work a node takes: fulfilments a day, and an hour. Pure.

The day and the hour are in the node's own time zone. What comes after its cut-off, or on a day on
which it does not work, is work of the next working day. One fulfilment takes one of the day and,
where hours are counted too, one of the first hour of that day that has one left; an hour that is
full passes its work on to the next, the last of a day to nobody. Zero takes none.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Protocol

from oms.catalog.model import Node
from oms.kernel.writes import Write
from oms.orders.model import Slot
from oms.promising.calendar import NodeDays

_HOURS = 24
_ONE_DAY = timedelta(days=1)
# A node that is closed for longer than this takes no work.
_FARTHEST_DAYS = 400


@dataclass(frozen=True, slots=True)
class Load:
    """What is taken of a node's day: fulfilments in all, and by hour of the day (0 to 23)."""

    day: int = 0
    hours: Mapping[int, int] = field(default_factory=dict)


NO_LOAD = Load()


@dataclass(frozen=True, slots=True)
class SlotTaking:
    """What a fulfilment takes, and the limits that it must be below; None: whatever was taken."""

    slot: Slot
    below_day: int | None = None
    below_hour: int | None = None


class Capacity(Protocol):
    """What is taken of nodes' days. ``oms.aws.capacity_store`` implements it."""

    def loads(self, nodes: Iterable[Node], now: datetime) -> Mapping[str, Load]:
        """By node, of the day that work given to it now counts for; of nodes without a limit
        nothing is read."""

    def take(self, takings: Iterable[SlotTaking]) -> list[Write]:
        """Writes that take what they say; refused with ``StockContended`` when a limit is reached
        by then."""

    def give_back(self, slots: Iterable[Slot]) -> list[Write]:
        """Writes that give back what was taken. They are not guarded: they belong into a
        transaction that happens once."""

    def wait(self, node: str, skus: Sequence[str]) -> None:
        """Have whoever waits for ``skus`` told when the node takes work again."""

    def wait_until(self, opens: datetime, node: str, skus: Sequence[str]) -> None:
        """Have whoever waits for ``skus`` told when the node takes work again, from then on."""


def is_limited(node: Node) -> bool:
    return node.capacity_per_day is not None or node.capacity_per_hour is not None


def day_of(node: Node, now: datetime) -> date | None:
    """The working day that work given to the node now counts for; None when it has none within a
    year."""
    days = NodeDays(node.calendar)
    local = now.astimezone(days.zone or UTC)
    cut_off = days.calendar.cut_off
    late = cut_off is not None and local.time() > cut_off
    day = local.date() + _ONE_DAY if late else local.date()
    for _ in range(_FARTHEST_DAYS):
        if days.works_on(day):
            return day
        day += _ONE_DAY
    return None


def opens_after(node: Node, now: datetime) -> datetime | None:
    """When the next day begins on which the node works; None when it has none within a year."""
    days = NodeDays(node.calendar)
    day = day_of(node, now)
    if day is None:
        return None
    if days.start_of(day) <= now:
        day = day_of(node, days.start_of(day + _ONE_DAY))
    return None if day is None else days.start_of(day)


def closed_because(node: Node, now: datetime, load: Load) -> str:
    """Why a node takes no work at the moment; empty when it does."""
    if not node.is_on(now):
        return "switched_off"
    if is_limited(node) and slot_for(node, now, load) is None:
        return "no_capacity"
    return ""


def slot_for(node: Node, now: datetime, load: Load) -> Slot | None:
    """What a fulfilment would take of the day that ``load`` is of; None when nothing is left."""
    day = day_of(node, now)
    if day is None or not _below(load.day, node.capacity_per_day):
        return None
    if node.capacity_per_hour is None:
        return Slot(node.id, f"{day}")
    for hour in _hours(node, day, now):
        if load.hours.get(hour, 0) < node.capacity_per_hour:
            return _slot(node, day, hour)
    return None


def takings(
    nodes: Iterable[Node], loads: Mapping[str, Load], now: datetime
) -> tuple[SlotTaking, ...]:
    """One of each node that has a limit and that a plan gives work to. What was full when it was
    looked at is not taken: the plan did not know better, and its writes are to say so."""
    return tuple(
        SlotTaking(
            slot_for(node, now, loads.get(node.id, NO_LOAD)) or _first_slot(node, now),
            node.capacity_per_day,
            node.capacity_per_hour,
        )
        for node in nodes
        if is_limited(node)
    )


def takings_beyond(nodes: Iterable[Node], now: datetime) -> tuple[SlotTaking, ...]:
    """The same whether the node has any left or not: what it was promised to do, it does."""
    return tuple(SlotTaking(_first_slot(node, now)) for node in nodes if is_limited(node))


def capacity_left(node: Node, now: datetime, load: Load) -> int | None:
    """How many fulfilments it still takes for that day; None: without a limit."""
    if not is_limited(node):
        return None
    day = day_of(node, now)
    if day is None:
        return 0
    of_day = None if node.capacity_per_day is None else max(0, node.capacity_per_day - load.day)
    per_hour = node.capacity_per_hour
    if per_hour is None:
        return of_day
    hours = _hours(node, day, now)
    of_hours = sum(max(0, per_hour - load.hours.get(hour, 0)) for hour in hours)
    return of_hours if of_day is None else min(of_day, of_hours)


def _below(taken: int, limit: int | None) -> bool:
    return limit is None or taken < limit


def _first_slot(node: Node, now: datetime) -> Slot:
    day = day_of(node, now) or now.date()
    if node.capacity_per_hour is None:
        return Slot(node.id, f"{day}")
    return _slot(node, day, _hours(node, day, now).start)


def _slot(node: Node, day: date, hour: int) -> Slot:
    return Slot(node.id, f"{day}", f"{day}T{hour:02}")


def _hours(node: Node, day: date, now: datetime) -> range:
    """The hours of that day that are still to come, up to the one with the cut-off."""
    days = NodeDays(node.calendar)
    local = now.astimezone(days.zone or UTC)
    first = local.hour if local.date() == day else 0
    cut_off = days.calendar.cut_off
    return range(first, cut_off.hour + 1 if cut_off else _HOURS)
