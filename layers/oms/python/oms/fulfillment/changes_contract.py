"""The JSON of what happens to a node's work besides its steps."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from oms.fulfillment.joining import Joint
from oms.fulfillment.joint_shipments import MOST_MEMBERS
from oms.inventory.counting import CountTask, CountTaskPage
from oms.kernel.clock import rfc3339
from oms.orders.contract import Document, FulfillmentView, Identifier, View, fulfillment_view
from oms.orders.model import Order
from oms.orders.units_contract import LineUnits

FulfillmentName = Annotated[str, StringConstraints(pattern=r"^ful_[a-z2-7]{26}_\d{1,4}$")]
RejectReason = Literal["not_in_stock", "damaged", "mismatch", "display_worn", "closed", "too_busy"]


class RejectFulfillment(Document):
    """What is not in stock leaves the balance, what is unfit is put aside; both are to be counted,
    and nothing of them is sold from the node until then. `closed` and `too_busy` say nothing of the
    stock."""

    reason: RejectReason
    lines: Annotated[list[LineUnits], Field(max_length=100)] = Field(
        default_factory=list, description="Only these units; all of it when left out"
    )


class SplitFulfillment(Document):
    lines: Annotated[list[LineUnits], Field(min_length=1, max_length=100)] = Field(
        description="What becomes a fulfilment of its own"
    )


class MergeFulfillments(Document):
    with_: Annotated[list[FulfillmentName], Field(alias="with", min_length=1, max_length=20)]


class MoveFulfillment(Document):
    node: Identifier
    reason: Annotated[str, StringConstraints(max_length=200, strip_whitespace=True)] = ""


class JoinFulfillments(Document):
    fulfillments: Annotated[list[FulfillmentName], Field(min_length=2, max_length=MOST_MEMBERS)]


class ChangedFulfillments(View):
    """Those that the command changed or made, as they are now."""

    fulfillments: list[FulfillmentView]


class JointShipmentView(View):
    id: str
    node: str
    carrier: str | None
    tracking_number: str | None
    fulfillments: list[FulfillmentView]


class CountTaskView(View):
    sku: str
    reason: str
    since: str
    fulfillment_id: str = Field(description="Whose rejection asked for it last")


class CountTaskPageView(View):
    node: str
    tasks: list[CountTaskView]
    next_cursor: str | None = None


def changed_view(order: Order, ids: list[str]) -> ChangedFulfillments:
    return ChangedFulfillments(
        fulfillments=[
            fulfillment_view(order, part) for part in order.progress.fulfillments if part.id in ids
        ]
    )


def joint_view(joint: Joint) -> JointShipmentView:
    left = [work.fulfillment for work in joint.works if work.fulfillment.tracking_number]
    return JointShipmentView(
        id=joint.shipment.id,
        node=joint.shipment.node,
        carrier=left[0].carrier if left else None,
        tracking_number=left[0].tracking_number if left else None,
        fulfillments=[fulfillment_view(work.order, work.fulfillment) for work in joint.works],
    )


def count_task_page(node: str, page: CountTaskPage) -> CountTaskPageView:
    tasks = [_task(task) for task in page.tasks]
    return CountTaskPageView(node=node, tasks=tasks, next_cursor=page.cursor)


def _task(task: CountTask) -> CountTaskView:
    return CountTaskView(
        sku=task.sku,
        reason=task.reason,
        since=rfc3339(task.since),
        fulfillment_id=task.fulfillment_id,
    )
