"""The engine is told by name how long to wait for a function's log lines."""

from queue import Queue
from types import SimpleNamespace

from ministack.core.lambda_runtime import Worker

from local.quiet_functions import SECONDS


def test_what_a_function_printed_is_found_however_short_the_wait() -> None:
    worker = SimpleNamespace(_stderr_queue=Queue())
    worker._stderr_queue.put("a line")

    assert Worker._drain_stderr_bounded(worker, first_line_wait=SECONDS) == "a line"
