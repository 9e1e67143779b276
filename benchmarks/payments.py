"""How many events of a payment are folded in a CPU second: its balances out of a set of so many,
and the same set recorded one by one. Nothing is read or written.

``python -m benchmarks.payments`` measures it alone.
"""

import gc
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from oms.kernel.money import Money
from oms.payments.balances import PaymentEvent, balances_of
from oms.payments.model import Payment, record

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
SIZES = (10, 1_000)
# Events in a measurement, and how often it is made: the best counts.
EVENTS, REPEATS = 20_000, 3


@dataclass(frozen=True, slots=True)
class FoldSpeed:
    """Events a CPU second."""

    events: int
    folded: float
    recorded: float


def measure() -> tuple[FoldSpeed, ...]:
    return tuple(_speed(size) for size in SIZES)


def as_text(speeds: Iterable[FoldSpeed], table: Callable[..., str]) -> str:
    return table(
        ("events of a payment", "folded a CPU second", "recorded one by one"),
        [(one.events, f"{one.folded:,.0f}", f"{one.recorded:,.0f}") for one in speeds],
    )


def _speed(size: int) -> FoldSpeed:
    events = history(size)
    rounds = EVENTS // size
    return FoldSpeed(
        size,
        size * rounds / _best(lambda: [balances_of(events) for _ in range(rounds)]),
        size * rounds / _best(lambda: [_recorded(events) for _ in range(rounds)]),
    )


def history(size: int) -> list[PaymentEvent]:
    """One authorisation, then captures that are asked for and made."""
    found = [PaymentEvent("authorized", 10 * size, "auth", "auth", NOW)]
    while len(found) < size:
        name, at = f"c{len(found)}", NOW + timedelta(seconds=len(found))
        found.append(PaymentEvent("capture_requested", 10, name, f"{name}:requested", at))
        found.append(PaymentEvent("captured", 10, name, name, at + timedelta(milliseconds=500)))
    return found[:size]


def _recorded(events: Iterable[PaymentEvent]) -> Payment:
    payment = Payment("pay_1", "card", "simulator", Money(0, "BRL"))
    for event in events:
        payment = record(payment, event)
    return payment


def _best(work: Callable[[], object]) -> float:
    """CPU seconds, without what the collector of garbage does in between."""
    found = []
    gc.collect()
    gc.disable()
    try:
        for _ in range(REPEATS):
            begun = time.process_time()
            work()
            found.append(time.process_time() - begun)
    finally:
        gc.enable()
    return min(found)


if __name__ == "__main__":
    for each in measure():
        print(f"{each.events}: {each.folded:,.0f} folded, {each.recorded:,.0f} recorded a second")
