"""A function that has printed nothing answers at once.

After each call the engine waits for what the function may still have printed: 50 ms when there is
nothing. On AWS logs travel apart from answers. Whatever was printed is in the pipe before the
answer is, so a few milliseconds find it; a line that is later still is logged with the next call.
"""

from functools import partialmethod
from typing import Any

SECONDS = 0.005


def answer_without_waiting_for_logs() -> None:
    """To be called once, in the engine's process, before it serves."""
    from ministack.core.lambda_runtime import Worker

    worker: Any = Worker
    worker._drain_stderr_bounded = partialmethod(
        worker._drain_stderr_bounded, first_line_wait=SECONDS
    )
