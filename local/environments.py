"""How many calls of one function the engine runs at a time; the others wait for their turn.

AWS makes another execution environment for every call that finds none free. The engine does too,
and each costs a process and a cold start of a third of a second: a burst of orders would spend its
time on starting processes, on a machine with two cores many times what the work itself takes.
"""

import os
from collections import defaultdict
from threading import Lock, Semaphore
from typing import Any

# More than one, so that what happens at once on AWS happens at once here.
AT_LEAST = 2


def let_calls_wait() -> None:
    """To be called once, in the engine's process, before it serves."""
    from ministack.services import lambda_svc

    run = lambda_svc._execute_function_warm
    turns = Turns(max(AT_LEAST, os.cpu_count() or 1))

    def run_in_turn(func: Any, event: Any, request_id: str) -> dict[str, Any]:
        with turns.of((func.get("config") or func).get("FunctionName", "")):
            answer: dict[str, Any] = run(func, event, request_id)
            return answer

    lambda_svc._execute_function_warm = run_in_turn


class Turns:
    """For each function as many as ``at_once``."""

    def __init__(self, at_once: int) -> None:
        self._lock = Lock()
        self._turns: defaultdict[str, Semaphore] = defaultdict(lambda: Semaphore(at_once))

    def of(self, function: str) -> Semaphore:
        with self._lock:
            return self._turns[function]
