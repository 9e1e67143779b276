"""How many orders wait, in which state, and how long the oldest has waited."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from oms.kernel.clock import parse_rfc3339
from oms.orders.model import FulfillmentState
from oms.reporting.waiting import Views, Waiting

# Beyond this many a list counts as "at least so many": an alarm has long gone off.
COUNTED = 1000
_PAGE = 100


@dataclass(frozen=True, slots=True)
class Gauges:
    """``oldest_seconds`` is 0 when nothing waits."""

    waiting: dict[str, int]
    oldest_seconds: float


def read_gauges(lists: Iterable[str], views: Views, now: datetime) -> Gauges:
    counts: Counter[str] = Counter()
    oldest = now
    for name in lists:
        for waiting in _members(name, views):
            counts[waiting.state] += 1
            if waiting.state == FulfillmentState.READY:
                continue  # It is the customer who takes its time.
            oldest = min(oldest, parse_rfc3339(waiting.since))
    return Gauges(dict(counts), (now - oldest).total_seconds())


def _members(name: str, views: Views) -> Iterable[Waiting]:
    cursor = None
    for _ in range(COUNTED // _PAGE):
        page = views.waiting(name, _PAGE, cursor)
        yield from page.waiting
        cursor = page.cursor
        if cursor is None:
            return
