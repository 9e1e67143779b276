"""The ways through the order's state machine: those its definition has, and those that were gone.

A way is one arrow of the definition: the state that is left, why, and the state that is entered.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.e2e.stack import Stack

Definition = Mapping[str, Any]
ANY = "States.ALL"


@dataclass(frozen=True, order=True)
class Way:
    """`why` is `done`, the error of the catcher that takes it, or `choice`."""

    left: str
    why: str
    entered: str

    def __str__(self) -> str:
        return f"{self.left} -{self.why}-> {self.entered}"


def definition(stack: Stack) -> Definition:
    """As it is deployed."""
    machine = stack.aws("stepfunctions").describe_state_machine(
        stateMachineArn=stack.deployment.state_machine_arn
    )
    found: Definition = json.loads(machine["definition"])
    return found


def ways_of(machine: Definition) -> set[Way]:
    return {way for name, state in machine["States"].items() for way in _ways_from(name, state)}


def _ways_from(name: str, state: Mapping[str, Any]) -> Iterator[Way]:
    if "Next" in state:
        yield Way(name, "done", state["Next"])
    for catcher in state.get("Catch", ()):
        for error in catcher["ErrorEquals"]:
            yield Way(name, error, catcher["Next"])
    for choice in state.get("Choices", ()):
        yield Way(name, "choice", choice["Next"])
    if "Default" in state:
        yield Way(name, "choice", state["Default"])


def ways_gone(stack: Stack, machine: Definition, executions: Iterable[str]) -> set[Way]:
    """`executions` are ARNs."""
    return {
        way for execution in executions for way in _ways_in(machine, _history(stack, execution))
    }


def executions_of(stack: Stack, machine_arn: str) -> list[str]:
    pages = stack.aws("stepfunctions").get_paginator("list_executions")
    return [
        execution["executionArn"]
        for page in pages.paginate(stateMachineArn=machine_arn)
        for execution in page["executions"]
    ]


def states_entered(stack: Stack, execution: str) -> list[str]:
    return [
        event["stateEnteredEventDetails"]["name"]
        for event in _history(stack, execution)
        if "stateEnteredEventDetails" in event
    ]


def _history(stack: Stack, execution: str) -> list[dict[str, Any]]:
    pages = stack.aws("stepfunctions").get_paginator("get_execution_history")
    return [event for page in pages.paginate(executionArn=execution) for event in page["events"]]


def _ways_in(machine: Definition, events: Sequence[Mapping[str, Any]]) -> Iterator[Way]:
    left, error = "", ""
    for event in events:
        if "stateEnteredEventDetails" in event:
            entered = event["stateEnteredEventDetails"]["name"]
            if left:
                yield Way(left, _why(machine["States"][left], error), entered)
            left, error = entered, ""
        elif event["type"] == "TaskFailed":
            error = event["taskFailedEventDetails"]["error"]
        elif event["type"] == "TaskSucceeded":
            error = ""


def _why(state: Mapping[str, Any], error: str) -> str:
    if state["Type"] == "Choice":
        return "choice"
    if not error:
        return "done"
    named = {name for catcher in state.get("Catch", ()) for name in catcher["ErrorEquals"]}
    return error if error in named else ANY
