"""The order lifecycle's state machine."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from oms.orders.supervision import Resumption

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient


class StateMachine:
    def __init__(self, client: SFNClient, arn: str = "") -> None:
        self._client = client
        self._arn = arn

    def start(self, order_id: str, correlation_id: str, again: int = 0) -> None:
        try:
            self._client.start_execution(
                stateMachineArn=self._arn,
                name=f"{order_id}-{again}" if again else order_id,
                input=json.dumps({"order_id": order_id, "correlation_id": correlation_id}),
            )
        except self._client.exceptions.ExecutionAlreadyExists:
            return

    def resume(self, token: str, resumption: Resumption) -> None:
        gone = self._client.exceptions
        try:
            if resumption.error:
                self._client.send_task_failure(taskToken=token, error=resumption.error)
            else:
                output = json.dumps({"outcome": resumption.outcome})
                self._client.send_task_success(taskToken=token, output=output)
        except (gone.TaskTimedOut, gone.TaskDoesNotExist, gone.InvalidToken):
            return
