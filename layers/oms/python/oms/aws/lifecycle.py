"""The order lifecycle's state machine, and the queue of orders whose units are to be routed again.

What is put into that queue has the form in which the bus delivers events.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING

from oms.aws.queues import Queue
from oms.kernel.clock import utc_now
from oms.kernel.encoding import to_json
from oms.kernel.events import Envelope
from oms.orders.supervision import Resumption

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient


class StateMachine:
    """``client`` gives the client: a wait that goes on is never resumed, and needs none."""

    def __init__(self, client: Callable[[], SFNClient], reroutes: Queue, arn: str = "") -> None:
        self._client = client
        self._reroutes = reroutes
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

    def reroute(self, order_id: str) -> None:
        asked = Envelope(
            id=f"{order_id}:reroute",
            type="reroute",
            subject=order_id,
            version=0,
            at=utc_now(),
            by="lifecycle",
            reason="",
            correlation_id="",
            data={},
        )
        self._reroutes.send(to_json({"detail": asked}))
