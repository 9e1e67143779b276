"""The lifecycle's work steps: release to the nodes, and its compensation withdraw."""

from oms.aws import stores
from oms.aws.tasks import Task, task_handler
from oms.orders import fulfillment


def release(task: Task) -> None:
    fulfillment.release(task.order_id, stores.orders(), task.cause)


def withdraw(task: Task) -> None:
    fulfillment.withdraw(task.order_id, stores.orders(), stores.capacity(), task.cause)


handler = task_handler({"release": release, "withdraw": withdraw})
