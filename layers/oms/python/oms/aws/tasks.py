"""The Lambda handler of a state machine's task: one function serves a step and its compensation."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from oms.aws.observability import Handler, correlate, observed
from oms.kernel.clock import utc_now
from oms.kernel.events import Cause


@dataclass(frozen=True, slots=True)
class Task:
    """What the state machine asks for. ``given`` holds what a single step needs besides."""

    order_id: str
    cause: Cause
    given: Mapping[str, Any]


Step = Callable[[Task], Mapping[str, object] | None]


def task_handler(steps: Mapping[str, Step]) -> Handler:
    """Errors leave by their class name, which is what the state machine catches."""

    def handle(event: dict[str, Any], context: Any) -> dict[str, object]:
        correlate(event["correlation_id"])
        step = event["step"]
        cause = Cause(utc_now(), f"lifecycle:{step}", "", event["correlation_id"])
        return dict(steps[step](Task(event["order_id"], cause, event)) or {})

    return observed(handle)
