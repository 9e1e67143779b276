"""What `make run` says while it works: a spinner on a terminal, a line for each step anywhere."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext

from rich.console import Console
from rich.progress import Progress as Bar
from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn


class Progress:
    """Lines begin with the seconds since it was made."""

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        self.console = console
        self._clock = clock
        self._began = clock()

    def say(self, text: str) -> None:
        elapsed = self._clock() - self._began
        self.console.print(f"{elapsed:6.1f} s  {text}", highlight=False, soft_wrap=True)

    @contextmanager
    def step(self, doing: str, done: str) -> Iterator[None]:
        """Say `done` when the step has succeeded; `doing` meanwhile, when that may take a while."""
        if not self.console.is_terminal:
            self.say(f"{doing} …")
        with self._spinner(doing) if self.console.is_terminal else nullcontext():
            yield
        self.say(done)

    def _spinner(self, doing: str) -> Bar:
        bar = Bar(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            TimeElapsedColumn(),
            console=self.console,
            transient=True,
        )
        bar.add_task(doing, total=None)
        return bar
