"""The lifecycle's waits: leave a token, warn when it takes too long, raise what needs a person."""

import os

from oms.aws import stores
from oms.aws.clients import stepfunctions
from oms.aws.lifecycle import StateMachine
from oms.aws.observability import count
from oms.aws.queues import Queue
from oms.aws.tasks import Task, task_handler
from oms.orders import supervision
from oms.orders.store import AwaitedToken

lifecycle = StateMachine(stepfunctions, Queue(os.environ["REROUTES_QUEUE_URL"]))


def wait(task: Task) -> None:
    awaited = AwaitedToken(task.given["task_token"], task.given["for"])
    orders = stores.orders()
    supervision.wait(
        task.order_id,
        awaited,
        orders,
        orders,
        stores.stock(),
        stores.catalog(),
        stores.sourcing_policies(),
        lifecycle,
        task.cause.at,
    )


def overdue(task: Task) -> None:
    supervision.warn_overdue(task.order_id, stores.orders(), task.cause)
    count("OrdersOverdue")


def exception(task: Task) -> None:
    supervision.raise_exception(
        task.order_id, task.given["failed_state"], task.given["error"], stores.orders(), task.cause
    )
    count("OrdersInException")


handler = task_handler({"await": wait, "overdue": overdue, "exception": exception})
