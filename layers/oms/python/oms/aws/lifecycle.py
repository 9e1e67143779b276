"""The order lifecycle's state machine."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING

from oms.orders.supervision import Resumption

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient


class StateMachine:
    """``client`` gives the client: a wait that goes on is never resumed, and needs none."""

    def __init__(self, client: Callable[[], SFNClient], arn: str = "") -> None:
        self._client = client
        self._arn = arn

    def start(self, order_id: str, correlation_id: str, again: int = 0) -> None:
        client = self._client()
        try:
            client.start_execution(
                stateMachineArn=self._arn,
                name=f"{order_id}-{again}" if again else order_id,
                input=json.dumps({"order_id": order_id, "correlation_id": correlation_id}),
            )
        except client.exceptions.ExecutionAlreadyExists:
            return

    def resume(self, token: str, resumption: Resumption) -> None:
        client = self._client()
        gone = client.exceptions
        try:
            if resumption.error:
                client.send_task_failure(taskToken=token, error=resumption.error)
            else:
                output = json.dumps({"outcome": resumption.outcome})
                client.send_task_success(taskToken=token, output=output)
        except (gone.TaskTimedOut, gone.TaskDoesNotExist, gone.InvalidToken):
            return
