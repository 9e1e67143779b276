"""The engine tells a caller which error a function raised, as AWS does.

Lambda's Python runtime reports the class name of an error as its ``errorType``, and a state machine
catches and retries by that name. The engine's warm workers report ``Runtime.HandlerError`` for
each, so the name is read from the traceback that comes along.
"""

import re
from typing import Any

# The line after the frames of a traceback: "package.module.OutOfStock: no node has it".
_RAISED = re.compile(r"^(?:\w+\.)*(\w+)(?::|$)", re.MULTILINE)
_TRACEBACK = "Traceback (most recent call last):\n"
_UNNAMED = "Runtime.HandlerError"
_DIED = ("Worker process died", "Worker returned no response")


def keep_error_names() -> None:
    """To be called once, in the engine's process, before it serves."""
    from ministack.services import lambda_svc

    run = lambda_svc._execute_function_warm

    def run_and_name(func: Any, event: Any, request_id: str) -> dict[str, Any]:
        answer: dict[str, Any] = run(func, event, request_id)
        body = answer.get("body")
        if answer.get("error") and isinstance(body, dict) and body.get("errorType") == _UNNAMED:
            body["errorType"] = error_name(body.get("errorMessage", ""), answer.get("log", ""))
        return answer

    lambda_svc._execute_function_warm = run_and_name


def error_name(message: str, log: str) -> str:
    """What AWS calls the error of a function that ended with ``message`` and printed ``log``."""
    if message in _DIED:
        return "Runtime.ExitError"
    _, traceback, last = log.rpartition(_TRACEBACK)
    raised = _RAISED.search(last) if traceback else None
    return raised.group(1) if raised else _UNNAMED
