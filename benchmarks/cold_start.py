"""One cold start, in a process of its own: ``python -m benchmarks.cold_start MODULE < event``.

Prints the CPU milliseconds of importing the handler's module and of its first call, and the most
memory that the process had. What was imported before the clock starts is what this file needs.
"""

import importlib
import json
import os
import sys
import time
from types import SimpleNamespace

from benchmarks.probe import memory_mb


def main() -> None:
    event, answers = json.load(sys.stdin), sys.stdout
    sys.stdout = sys.stderr
    context = SimpleNamespace(
        function_name=os.environ["AWS_LAMBDA_FUNCTION_NAME"],
        function_version="$LATEST",
        memory_limit_in_mb=512,
        invoked_function_arn="arn:aws:lambda:us-east-1:000000000000:function:benchmark",
        aws_request_id="00000000-0000-0000-0000-000000000000",
        get_remaining_time_in_millis=lambda: 30_000,
    )
    before = time.process_time_ns()
    handler = importlib.import_module(sys.argv[1]).handler
    imported = time.process_time_ns()
    handler(event, context)
    called = time.process_time_ns()
    measured = {
        "import_ms": (imported - before) / 1e6,
        "call_ms": (called - imported) / 1e6,
        "memory_mb": memory_mb(),
    }
    json.dump(measured, answers)


if __name__ == "__main__":
    main()
