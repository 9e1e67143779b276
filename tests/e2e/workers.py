"""The processes in which the engine runs functions, and their sudden end."""

import os
import signal
from contextlib import suppress
from pathlib import Path

from local.engine import Engine

PROC = Path("/proc")


def workers(engine: Engine, function: str) -> list[int]:
    """Process ids of the engine's workers for one of our functions, by its folder's name."""
    mark = f"-{function.capitalize()}Function"
    return [
        pid
        for pid in (int(entry.name) for entry in PROC.iterdir() if entry.name.isdigit())
        if _parent(pid) == engine.pid and mark in _command(pid)
    ]


def kill(engine: Engine, function: str) -> int:
    """Kill every worker of that function at once, and return how many there were."""
    killed = 0
    for pid in workers(engine, function):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
            killed += 1
    return killed


def _parent(pid: int) -> int:
    try:
        stat = (PROC / str(pid) / "stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    # The process's name, in brackets, may hold anything.
    return int(stat.rpartition(")")[2].split()[1])


def _command(pid: int) -> str:
    try:
        return os.fsdecode((PROC / str(pid) / "cmdline").read_bytes())
    except (FileNotFoundError, ProcessLookupError):
        return ""
