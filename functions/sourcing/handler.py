"""The lifecycle's stock steps: reserve, and its compensation unreserve."""

from oms.aws import stores
from oms.aws.tasks import Task, task_handler
from oms.orders import sourcing


def reserve(task: Task) -> None:
    sourcing.reserve(
        task.order_id,
        stores.orders(),
        stores.stock(),
        stores.catalog(),
        stores.sourcing_policies(),
        task.cause,
    )


def unreserve(task: Task) -> None:
    sourcing.unreserve(task.order_id, stores.orders(), stores.stock(), task.cause)


handler = task_handler({"reserve": reserve, "unreserve": unreserve})
