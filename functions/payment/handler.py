"""The lifecycle's money steps: authorise, settle, and the compensation that closes a cancelled
order."""

from oms.aws import stores
from oms.aws.payment_providers import provider
from oms.aws.tasks import Task, task_handler
from oms.orders import capturing, payment


def authorize(task: Task) -> dict[str, object]:
    result = payment.authorize(task.order_id, stores.orders(), provider, task.cause)
    return {
        "outcome": "pending" if result.pending else "authorized",
        "expires_in_seconds": result.expires_in_seconds,
    }


def settle(task: Task) -> None:
    capturing.settle(task.order_id, stores.orders(), provider, task.cause)


def cancel(task: Task) -> None:
    payment.close_cancelled(
        task.order_id, stores.orders(), provider, task.given["reason"], task.cause
    )


handler = task_handler({"authorize": authorize, "settle": settle, "cancel": cancel})
