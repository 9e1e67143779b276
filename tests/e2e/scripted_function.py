"""Stands in for every function of the lifecycle. It runs in the engine, by itself: it imports
nothing of ours, and its order's id is a script (see tests/e2e/scripted.py)."""

import json
from typing import Any

import boto3

OUTCOMES = ("authorized", "pending", "unheard_of")


def handler(event: dict[str, Any], context: Any) -> dict[str, object]:
    script = json.loads(event["order_id"])
    if event["step"] == "await":
        answer_the_wait(event["task_token"], script.get(event["for"], ""))
        return {}
    told = script.get(event["step"], "authorized" if event["step"] == "authorize" else "")
    if told in OUTCOMES:
        return {"outcome": told, "expires_in_seconds": 1800}
    if told:
        raise type(told, (Exception,), {})("as the script says")
    return {}


def answer_the_wait(token: str, error: str) -> None:
    states = boto3.client("stepfunctions")
    if error:
        states.send_task_failure(taskToken=token, error=error)
    else:
        states.send_task_success(taskToken=token, output="{}")
