"""What one order costs: the sums over the invocations that it caused."""

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.prices import Work
from benchmarks.system import Invocation

# What has to happen until the order is reserved and its payment authorised. Mails, callbacks and
# read models come beside it and hold nothing up.
_PLACING = {
    ("orders", "POST /v1/orders"),
    ("relay", "order_captured"),
    ("lifecycle", "order_captured"),
    ("sourcing", "reserve"),
    ("payment", "authorize"),
}
_DOING_IT = {"orders", "sourcing", "payment"}


@dataclass(frozen=True, slots=True)
class Step:
    """One invocation, for the table of what pays for what. Units by table."""

    function: str
    about: str
    cpu_ms: float
    writes: Mapping[str, float]
    reads: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class CpuTime:
    """Milliseconds of one order. ``placing`` is all until it is authorised; ``placing_itself`` are
    the three functions of it that capture, reserve and authorise."""

    placing: float
    placing_itself: float
    lifecycle: float


@dataclass(frozen=True, slots=True)
class BestAndMedian:
    best: float
    median: float


def steps(invocations: Sequence[Invocation], tables: Mapping[str, str]) -> list[Step]:
    """In the order in which they began. ``tables`` has the short names by the deployed ones."""
    return [
        Step(
            function=one.function,
            about=", ".join(dict.fromkeys(one.published or one.causes)),
            cpu_ms=one.cpu_ms,
            writes={tables[table]: units for table, units in one.writes.items()},
            reads={tables[table]: units for table, units in one.reads.items()},
        )
        for one in sorted(invocations, key=lambda one: one.started)
    ]


def work(
    invocations: Sequence[Invocation],
    memory_mb: Callable[[str], int],
    transitions: int,
    mails: int,
) -> Work:
    """``memory_mb`` is what a function was given, which is what its time is charged for."""
    seconds = [one.wall_ms / 1000 * memory_mb(one.function) / 1024 for one in invocations]
    return Work(
        write_units=sum(sum(one.writes.values()) for one in invocations),
        read_units=sum(sum(one.reads.values()) for one in invocations),
        invocations=len(invocations),
        gb_seconds=sum(seconds),
        transitions=transitions,
        messages=sum(_messages(one) for one in invocations),
        bus_events=sum(len(one.published) for one in invocations),
        api_calls=sum("routeKey" in one.event for one in invocations),
        mails=mails,
    )


def cpu_time(invocations: Sequence[Invocation]) -> CpuTime:
    placing = [one for one in invocations if _is_placing(one)]
    return CpuTime(
        placing=sum(one.cpu_ms for one in placing),
        placing_itself=sum(one.cpu_ms for one in placing if one.function in _DOING_IT),
        lifecycle=sum(one.cpu_ms for one in invocations),
    )


def best_and_median(measured: Sequence[float]) -> BestAndMedian:
    return BestAndMedian(min(measured), statistics.median(measured))


def _is_placing(one: Invocation) -> bool:
    return any((one.function, about) in _PLACING for about in (*one.causes, *one.published))


def _messages(one: Invocation) -> int:
    records = one.event.get("Records", [])
    return sum(record.get("eventSource") == "aws:sqs" for record in records)
