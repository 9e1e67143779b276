"""Which promises hold, by what there is and what is coming. Pure.

Units of a SKU lie in pools: what is on hand at a node, and each supply that is due there. Promised
lines take from the pools of their node in the order priority (the higher first), promised day, age.
A line takes from the latest pool that still keeps its day, then from earlier ones; only what these
lack it takes from later ones, and is late. So the early pools are left to whoever needs them.

A line for which stock is reserved takes nothing, unless a node has fewer units than are reserved
there: then those who come last lack them.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from oms.inventory.position import Position
from oms.orders.model import PromisedPart
from oms.promising.demand import DemandLine
from oms.promising.model import ON_HAND, supply_of, supply_source
from oms.promising.severity import Severity, severity_of

# What was due and has not come is not expected before this.
_OVERDUE = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Pool:
    """Units that are at a node from ``ready_at`` on; ``source`` as of a promised part."""

    node: str
    source: str
    ready_at: datetime
    units: int


@dataclass(frozen=True, slots=True)
class Arrival:
    ship_by: datetime
    arrive_by: date
    service: str = ""


# When a part of a line is there whose units are ready at its node at a moment; None when that node
# does not ship to where the line goes.
Schedule = Callable[[DemandLine, PromisedPart, datetime], Arrival | None]


@dataclass(frozen=True, slots=True)
class Finding:
    """``expected``: the day on which all of the line is there; None when nothing is known that
    would fill it. ``alternative``: all its parts, from sources that keep the day, if there are."""

    line: DemandLine
    expected: date | None
    alternative: tuple[PromisedPart, ...] = ()

    @property
    def is_late(self) -> bool:
        return self.expected is None or self.expected > self.line.promised

    @property
    def days_late(self) -> int | None:
        """None when nobody knows."""
        return None if self.expected is None else (self.expected - self.line.promised).days

    @property
    def severity(self) -> Severity | None:
        return severity_of(self.days_late) if self.is_late else None

    @property
    def is_news(self) -> bool:
        """Whether it differs from what was told of the line."""
        if not self.is_late:
            return bool(self.line.severity)
        told = (self.line.severity, self.line.expected)
        return told != (str(self.severity), self.expected)


def pools_of(position: Position, now: datetime) -> list[Pool]:
    """What may still be taken: what is available, and what is open of each supply."""
    there = [
        Pool(balance.node, ON_HAND, now, balance.available)
        for balance in position.balances
        if balance.available > 0
    ]
    coming = [
        Pool(each.node, supply_source(each.id), _ready(each.due, now), each.open)
        for each in position.supplies
        if each.open > 0
    ]
    return there + coming


def missing_at(position: Position) -> dict[str, int]:
    """Units that are reserved at a node and not there, by node."""
    return {
        balance.node: balance.reserved - balance.on_hand
        for balance in position.balances
        if balance.reserved > balance.on_hand
    }


def look(
    lines: Iterable[DemandLine],
    pools: Sequence[Pool],
    missing: Mapping[str, int],
    schedule: Schedule,
) -> list[Finding]:
    """How each line stands, in the order in which they are served."""
    served = sorted(lines, key=_rank)
    lacking = _lacking(served, missing)
    shelves = _Shelves(pools, schedule)
    expected = [
        [shelves.delayed(part) for part in line.parts]
        if line.component and not line.held
        else [shelves.serve(line, part, units) for part, units in _wanted(line, lacking)]
        for line in served
    ]
    return [_finding(line, days, shelves) for line, days in zip(served, expected, strict=True)]


def _rank(line: DemandLine) -> tuple[int, date, datetime, str, str]:
    return (-line.priority, line.promised, line.promised_at, line.order_id, line.line_id)


def _wanted(
    line: DemandLine, lacking: Mapping[tuple[str, str, int], int]
) -> Iterable[tuple[PromisedPart, int]]:
    """The parts, and how many units each of them has yet to get."""
    for number, part in enumerate(line.parts):
        if line.has_stock:
            yield part, lacking.get((line.order_id, line.line_id, number), 0)
        else:
            yield part, part.quantity if _waits_for_stock(part) else 0


def _waits_for_stock(part: PromisedPart) -> bool:
    """What is made, or never runs out, depends on no supply."""
    return part.source == ON_HAND or supply_of(part.source) is not None


def _lacking(
    served: Sequence[DemandLine], missing: Mapping[str, int]
) -> dict[tuple[str, str, int], int]:
    """Of reserved units that are not there, those who are served last have none."""
    left, found = dict(missing), {}
    for line in reversed(served):
        for number, part in enumerate(line.parts):
            is_there = line.held and not line.component
            units = min(left.get(part.node, 0), part.quantity) if is_there else 0
            if units:
                left[part.node] -= units
                found[line.order_id, line.line_id, number] = units
    return found


class _Shelves:
    """The pools, and what is left in each while the lines are served."""

    def __init__(self, pools: Iterable[Pool], schedule: Schedule) -> None:
        self._pools = sorted(pools, key=lambda pool: (pool.ready_at, pool.node, pool.source))
        self._left = [pool.units for pool in self._pools]
        self._schedule = schedule
        self._at: defaultdict[str, list[int]] = defaultdict(list)
        for number, pool in enumerate(self._pools):
            self._at[pool.node].append(number)

    def serve(self, line: DemandLine, part: PromisedPart, units: int) -> date | None:
        """The day on which the part is there once it has taken ``units``."""
        day = part.arrive_by
        numbers = self._at[part.node]
        in_time = self._in_time(line, part, numbers)
        for number in (*reversed(numbers[:in_time]), *numbers[in_time:]):
            taken = min(units, self._left[number])
            if not taken:
                continue
            arrival = self._schedule(line, part, self._pools[number].ready_at)
            if arrival is None:
                continue
            self._left[number] -= taken
            units -= taken
            day = max(day, arrival.arrive_by)
        return day if units == 0 else None

    def delayed(self, part: PromisedPart) -> date:
        """The day on which it is there that is made of ``part``: later by as many days as what
        production waits for comes later than it needs it."""
        for pool in self._pools:
            if pool.source == part.source and pool.ready_at > part.ship_by:
                late = -((part.ship_by - pool.ready_at) // timedelta(days=1))
                return part.arrive_by + timedelta(days=late)
        return part.arrive_by

    def elsewhere(self, line: DemandLine, part: PromisedPart) -> PromisedPart | None:
        """The part from the pool that has it there first, if in time; takes the units out."""
        found = [
            (arrival.arrive_by, number, arrival)
            for number, pool in enumerate(self._pools)
            if self._left[number] >= part.quantity
            and (arrival := self._schedule(line, replace(part, node=pool.node), pool.ready_at))
            and arrival.arrive_by <= line.promised
        ]
        if not found:
            return None
        day, number, arrival = min(found, key=lambda each: each[:2])
        self._left[number] -= part.quantity
        pool = self._pools[number]
        return replace(
            part,
            node=pool.node,
            source=pool.source,
            ship_by=arrival.ship_by,
            arrive_by=day,
            service=arrival.service,
        )

    def _in_time(self, line: DemandLine, part: PromisedPart, numbers: Sequence[int]) -> int:
        """How many of the pools, which are in order of time, keep the part's day."""
        low, high = 0, len(numbers)
        while low < high:
            middle = (low + high) // 2
            arrival = self._schedule(line, part, self._pools[numbers[middle]].ready_at)
            if arrival and arrival.arrive_by <= part.arrive_by:
                low = middle + 1
            else:
                high = middle
        return low


def _finding(line: DemandLine, days: Sequence[date | None], shelves: _Shelves) -> Finding:
    known = [day for day in days if day is not None]
    finding = Finding(line, max(known) if len(known) == len(days) else None)
    if line.component or not finding.is_late:
        return finding
    return replace(finding, alternative=_alternative(line, days, shelves))


def _alternative(
    line: DemandLine, days: Sequence[date | None], shelves: _Shelves
) -> tuple[PromisedPart, ...]:
    """The late parts from elsewhere; all of them or none."""
    parts: list[PromisedPart] = []
    for part, day in zip(line.parts, days, strict=True):
        late = day is None or day > line.promised
        kept = shelves.elsewhere(line, part) if late else part
        if kept is None:
            return ()
        parts.append(kept)
    return tuple(parts)


def _ready(due: datetime, now: datetime) -> datetime:
    return due if due > now else now + _OVERDUE
