"""Stands before a function's handler and writes down what each invocation cost.

Only the benchmark's deployment has it: as a layer of its own, set as the handler of each function,
the way monitoring agents do it. The functions' code knows nothing of it. Environment:

``PROBED_HANDLER``  the function's own handler
``PROBE_FILE``      one JSON line per invocation is appended to it: an ``Invocation``
``PROBE_UNITS``     ``1``: ask DynamoDB what each call consumed, which costs CPU itself
"""

import importlib
import json
import os
import resource
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

_WRITES = ("PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "TransactWriteItems")

_reads: dict[str, float] = {}
_writes: dict[str, float] = {}
_refused: list[str] = []
_published: list[str] = []


def memory_mb() -> float:
    """The most memory that this process has had."""
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20  # bytes on macOS
    # Linux's ru_maxrss begins with what the process had before it became this program.
    with status.open() as lines:
        peak = next(line for line in lines if line.startswith("VmHWM"))
    return int(peak.split()[1]) / 1024


def cause_of(event: Mapping[str, Any]) -> list[str]:
    """What the invocation is about: a route, a step, or the types of what was delivered."""
    if "routeKey" in event:
        return [str(event["routeKey"])]
    if "step" in event:
        return [str(event["step"])]
    records = event.get("Records", [])
    return [_record(record) for record in records] or ["schedule"]


def _record(record: Mapping[str, Any]) -> str:
    if "dynamodb" in record:
        return "stream"
    try:
        return str(json.loads(record["body"]).get("detail-type", "delivery"))
    except (KeyError, ValueError):
        return "delivery"


def _probed(handler: Callable[..., Any]) -> Callable[..., Any]:
    path = os.environ["PROBE_FILE"]
    invocations = 0

    def probe(event: dict[str, Any], context: Any) -> Any:
        nonlocal invocations
        invocations += 1
        for seen in (_reads, _writes, _refused, _published):
            seen.clear()
        started, wall, cpu = time.time(), time.perf_counter_ns(), time.process_time_ns()
        failed = True
        try:
            answer = handler(event, context)
            failed = False
            return answer
        finally:
            spent, lasted = time.process_time_ns() - cpu, time.perf_counter_ns() - wall
            line = {
                "function": os.environ["POWERTOOLS_SERVICE_NAME"],
                "causes": cause_of(event),
                "started": started,
                "cpu_ms": spent / 1e6,
                "wall_ms": lasted / 1e6,
                "cold": invocations == 1,
                "failed": failed,
                "memory_mb": memory_mb(),
                "reads": _reads,
                "writes": _writes,
                "refused": _refused,
                "published": _published,
                "event": event,
            }
            _append(path, json.dumps(line) + "\n")

    return probe


def _append(path: str, line: str) -> None:
    """In one call, because processes share the file."""
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(file, line.encode())
    finally:
        os.close(file)


def _ask_for_units(params: dict[str, Any], **_: Any) -> None:
    params["ReturnConsumedCapacity"] = "INDEXES"


def _add_units(parsed: Mapping[str, Any], model: Any, **_: Any) -> None:
    if "Error" in parsed:
        _refused.append(model.name)
    writes = model.name in _WRITES
    consumed = parsed.get("ConsumedCapacity", [])
    for one in consumed if isinstance(consumed, list) else [consumed]:
        units = _writes if writes else _reads
        table = one["TableName"]
        units[table] = units.get(table, 0) + one["CapacityUnits"]


def _note_published(params: Mapping[str, Any], **_: Any) -> None:
    _published.extend(entry["DetailType"] for entry in params["Entries"])


def _listen() -> None:
    """Before the handler's module is imported: a session copies these when it is made."""
    hooks: list[tuple[str, Callable[..., None]]] = [
        ("provide-client-params.events.PutEvents", _note_published)
    ]
    if os.environ.get("PROBE_UNITS") == "1":
        hooks += [
            ("provide-client-params.dynamodb", _ask_for_units),
            ("after-call.dynamodb", _add_units),
        ]
    import botocore.handlers

    botocore.handlers.BUILTIN_HANDLERS.extend(hooks)


def _load() -> Callable[..., Any]:
    _listen()
    module, _, name = os.environ["PROBED_HANDLER"].rpartition(".")
    return _probed(getattr(importlib.import_module(module), name))


if "PROBED_HANDLER" in os.environ:
    handler = _load()
