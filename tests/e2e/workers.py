"""The processes in which the engine runs functions, and their sudden end."""

import os
import signal
from contextlib import suppress
from pathlib import Path

from local.engine import Engine

PROC = Path("/proc")


def workers(engine: Engine, *functions: str) -> list[int]:
    """Process ids of the engine's workers for some of our functions, by their folders' names."""
    marks = [f"-{function.capitalize()}Function" for function in functions]
    found = []
    for pid in (int(entry.name) for entry in PROC.iterdir() if entry.name.isdigit()):
        command = _command(pid) if _parent(pid) == engine.pid else ""
        if any(mark in command for mark in marks):
            found.append(pid)
    return found


def kill(engine: Engine, function: str) -> int:
    """Kill every worker of that function at once, and return how many there were."""
    return sum(map(kill_one, workers(engine, function)))


def kill_one(pid: int) -> bool:
    """False when it was gone already."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
        return True
    return False


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
