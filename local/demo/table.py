"""The orders as they travel: a live table on a terminal, a line for each change elsewhere."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from types import TracebackType

from rich.console import Console
from rich.live import Live
from rich.table import Table

from local.demo.board import Board, Order
from local.demo.samples import Key, Sample

# With fewer columns the terminal has no room for what each order is there to show.
WIDTH_FOR_STORIES = 130

Show = Callable[[Board], None]


class Stopwatch:
    """Seconds for which each order has been seen; they stop when it is final."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._since: dict[Key, float] = {}
        self._took: dict[Key, float] = {}

    def seconds(self, order: Order) -> float:
        now = self._clock()
        since = self._since.setdefault(order.key, now)
        if order.is_final:
            return self._took.setdefault(order.key, now - since)
        return now - since


class LiveTable(AbstractContextManager[Show]):
    """Redraws itself in place."""

    def __init__(self, console: Console, samples: tuple[Sample, ...]) -> None:
        self._samples = samples
        self._with_stories = console.width >= WIDTH_FOR_STORIES
        self._stopwatch = Stopwatch()
        self._live = Live(console=console, refresh_per_second=8)

    def __enter__(self) -> Show:
        self._live.__enter__()
        return self.show

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._live.__exit__(kind, error, trace)

    def show(self, board: Board) -> None:
        table = Table(title="Orders, as the API tells of them", title_justify="left")
        table.add_column("channel", no_wrap=True, max_width=24)
        for heading in ("number", "state", "status", "node(s)"):
            table.add_column(heading, no_wrap=True)
        table.add_column("elapsed", justify="right", no_wrap=True)
        if self._with_stories:
            table.add_column("what it shows", style="dim")
        for sample in self._samples:
            cells = (*sample.key, *self._cells(sample, board.get(sample.key)))
            table.add_row(*cells, *([sample.story] if self._with_stories else []))
        self._live.update(table)

    def _cells(self, sample: Sample, order: Order | None) -> tuple[str, str, str, str]:
        if order is None:
            return ("", "", "", "")
        colour = _colour(sample, order)
        return (
            f"[{colour}]{order.state}[/]",
            f"[{colour}]{order.status}[/]",
            ", ".join(order.nodes),
            f"{self._stopwatch.seconds(order):.1f} s",
        )


def _colour(sample: Sample, order: Order) -> str:
    if not order.is_final:
        return "red" if order.exception else "cyan"
    is_expected = (order.state, order.status) == (sample.state, sample.status)
    return "green" if is_expected else "red"


class Lines(AbstractContextManager[Show]):
    """Says one line for each change of an order."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._stopwatch = Stopwatch()
        self._shown: dict[Key, str] = {}

    def __enter__(self) -> Show:
        return self.show

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...

    def show(self, board: Board) -> None:
        for order in board.values():
            elapsed = self._stopwatch.seconds(order)
            nodes = f" at {', '.join(order.nodes)}" if order.nodes else ""
            news = f"{order.state} ({order.status}){nodes}"
            if self._shown.get(order.key) != news:
                self._shown[order.key] = news
                self._say(f"{order.channel} {order.number}: {news}, {elapsed:.1f} s")
