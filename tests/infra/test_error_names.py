"""The engine's functions fail with the names that the state machine catches, and live on."""

import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

from local.error_names import as_on_aws

FAILS_EACH_TIME = """
calls = 0

class OutOfStock(Exception):
    pass

def handler(event, context):
    global calls
    calls += 1
    raise OutOfStock(f"call {calls}")
"""
RUN_TWICE = """
import json, sys
from local.error_names import keep_error_names
keep_error_names()
from ministack.core import lambda_runtime
from ministack.services import lambda_svc
code, = sys.argv[1:]
arn = "arn:aws:lambda:us-east-1:000000000000:function:sourcing"
function = {
    "code_zip": open(code, "rb").read(),
    "config": {"FunctionName": "sourcing", "FunctionArn": arn, "Runtime": "python3.13",
               "Handler": "sourcing.handler", "Timeout": 10},
}
print(json.dumps([lambda_svc._execute_function_warm(function, {}, str(n)) for n in (1, 2)]))
lambda_runtime.reset()
"""


def test_a_function_that_raises_is_named_and_keeps_its_process(tmp_path: Path) -> None:
    answers = run_twice(FAILS_EACH_TIME, tmp_path)

    assert [answer["error"] for answer in answers] == [True, True]
    assert [answer["body"] for answer in answers] == [
        {"errorType": "OutOfStock", "errorMessage": "call 1"},
        {"errorType": "OutOfStock", "errorMessage": "call 2"},
    ]


def test_a_function_that_was_killed_fails_as_on_aws() -> None:
    body = {"errorType": "Runtime.HandlerError", "errorMessage": "Worker process died"}

    answer = as_on_aws({"error": True, "body": body, "log": ""})

    assert answer["body"]["errorType"] == "Runtime.ExitError"


def test_a_result_is_left_as_it_is() -> None:
    for body in ({"errorMessage": "Worker process died"}, ["any"], None):
        assert as_on_aws({"body": body, "log": ""}) == {"body": body, "log": ""}


def run_twice(source: str, folder: Path) -> list[dict[str, Any]]:
    """In a process of its own: the engine is changed for good."""
    code = folder / "code.zip"
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("sourcing.py", source)
    ran = subprocess.run(
        [sys.executable, "-c", RUN_TWICE, str(code)], capture_output=True, text=True, check=True
    )
    answers: list[dict[str, Any]] = json.loads(ran.stdout.splitlines()[-1])
    return answers
