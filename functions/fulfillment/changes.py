"""Work that a node says no to, that is divided, put together or moved, and what it has to count."""

from collections.abc import Callable
from typing import Annotated

from aws_lambda_powertools.event_handler.openapi.params import Body, Header, Path, Query
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from oms.aws import stores
from oms.aws.http import caller, refusals
from oms.aws.observability import correlation_id
from oms.aws.paths import NodeId
from oms.fulfillment.changes_contract import (
    ChangedFulfillments,
    CountTaskPageView,
    MergeFulfillments,
    MoveFulfillment,
    RejectFulfillment,
    SplitFulfillment,
    changed_view,
    count_task_page,
)
from oms.fulfillment.joining import mergeable
from oms.fulfillment.staff import check_node
from oms.fulfillment.worklist import Work, find
from oms.kernel.clock import utc_now
from oms.kernel.errors import Conflict
from oms.kernel.events import Cause
from oms.kernel.ids import order_of
from oms.kernel.writes import Write
from oms.orders import moving
from oms.orders.contract import FulfillmentView, fulfillment_view
from oms.orders.model import Order
from oms.orders.rejecting import reject
from oms.orders.rerouting import Router
from oms.orders.units_contract import units_of_lines

router = APIGatewayHttpRouter()  # type: ignore[no-untyped-call]

FulfillmentId = Annotated[str, Path(pattern=r"^ful_[a-z2-7]{26}_\d{1,4}$")]
Once = Annotated[
    str,
    Header(
        alias="Idempotency-Key", max_length=128, description="The same again changes nothing more"
    ),
]
_CHANGED = refusals(400, 401, 403, 404, 409, 413, 415, 422, 503)


@router.post(
    "/v1/fulfillments/<fulfillment_id>/reject",
    summary="The node says no, to all of it or to some units",
    description="Possible until it has left. The units are routed again, to nodes that have not"
    " said no to that line; after five of them, or when nobody is left, a person decides.",
    tags=["fulfillments"],
    responses={200: {"description": "The fulfilment as it is now"}, **_CHANGED},
)
def reject_fulfillment(
    fulfillment_id: FulfillmentId,
    rejected: Annotated[RejectFulfillment, Body()],
    idempotency_key: Once = "",
) -> FulfillmentView:
    work = _work(fulfillment_id)
    units = units_of_lines(rejected.lines, work.order)

    def command(once: list[Write]) -> Order:
        orders, stock = stores.orders(), stores.stock()
        # All of it is rejected once anyway: asked again it goes on where many lines broke off.
        guard = once if units else []
        return reject(fulfillment_id, units, rejected.reason, orders, stock, _cause(), guard)

    order = _carry_out(command, f"{fulfillment_id}#reject", idempotency_key)
    found = order.fulfillment(fulfillment_id)
    assert found is not None
    return fulfillment_view(order, found)


@router.post(
    "/v1/fulfillments/<fulfillment_id>/split",
    summary="Some of it becomes a fulfilment of its own",
    tags=["fulfillments"],
    responses={200: {"description": "What is left of it, and the new one"}, **_CHANGED},
)
def split_fulfillment(
    fulfillment_id: FulfillmentId,
    division: Annotated[SplitFulfillment, Body()],
    idempotency_key: Once = "",
) -> ChangedFulfillments:
    work = _work(fulfillment_id)
    units = units_of_lines(division.lines, work.order)

    def command(once: list[Write]) -> Order:
        return moving.split(fulfillment_id, units, stores.orders(), _cause(), once)

    order = _carry_out(command, f"{fulfillment_id}#split", idempotency_key)
    return _changed(work, order)


@router.post(
    "/v1/fulfillments/<fulfillment_id>/merge",
    summary="Fulfilments of the same order become a part of it",
    description="They are at one node, go the same way, and are as far along.",
    tags=["fulfillments"],
    responses={200: {"description": "It as it is now"}, **_CHANGED},
)
def merge_fulfillments(
    fulfillment_id: FulfillmentId, merged: Annotated[MergeFulfillments, Body()]
) -> ChangedFulfillments:
    work = _work(fulfillment_id)
    orders, stock = stores.orders(), stores.stock()
    order = moving.merge(fulfillment_id, merged.with_, orders, stock, _cause())
    return _changed(work, order)


@router.post(
    "/v1/fulfillments/<fulfillment_id>/move",
    summary="It becomes the work of another node",
    description="Its units are reserved there in the same transaction; refused when there are not"
    " so many, or when that node takes no work.",
    tags=["fulfillments"],
    responses={200: {"description": "It as it is now, and the new one"}, **_CHANGED},
)
def move_fulfillment(
    fulfillment_id: FulfillmentId, move: Annotated[MoveFulfillment, Body()]
) -> ChangedFulfillments:
    work = _work(fulfillment_id)
    desk = Router(stores.orders(), stores.stock(), stores.catalog(), stores.sourcing_policies())
    order = moving.move(fulfillment_id, move.node, move.reason, desk, _cause())
    return _changed(work, order)


@router.get(
    "/v1/fulfillments/<fulfillment_id>/mergeable",
    summary="What of other orders could travel with it",
    description="Work at the same node, of the same customer, to the same address, where the"
    " sourcing policy merges orders.",
    tags=["fulfillments"],
    responses={200: {"description": "Oldest order first"}, **refusals(401, 403, 404, 422)},
)
def list_mergeable(fulfillment_id: FulfillmentId) -> ChangedFulfillments:
    orders = stores.orders()
    found = mergeable(fulfillment_id, orders, orders, stores.sourcing_policies(), _cause())
    return ChangedFulfillments(
        fulfillments=[fulfillment_view(work.order, work.fulfillment) for work in found]
    )


@router.get(
    "/v1/nodes/<node_id>/count-tasks",
    summary="What a node has to count",
    description="A task is done by a movement of the kind `count` of that SKU at that node; until"
    " then nothing of it is sold from there.",
    tags=["inventory"],
    responses={200: {"description": "By SKU"}, **refusals(401, 403, 422)},
)
def list_count_tasks(
    node_id: NodeId,
    limit: Annotated[int, Query(ge=1, le=100)] = 25,
    cursor: Annotated[str, Query(description="next_cursor of the page before")] = "",
) -> CountTaskPageView:
    page = stores.stock().counts.tasks(node_id, limit, cursor or None)
    return count_task_page(node_id, page)


def _work(fulfillment_id: str) -> Work:
    """What is acted on, by somebody who may."""
    work = find(fulfillment_id, stores.orders())
    check_node(caller(router), work.fulfillment.node, stores.staff())
    return work


def _carry_out(command: Callable[[list[Write]], Order], name: str, key: str) -> Order:
    """Once for each key; without one as often as it is asked for."""
    orders = stores.orders()
    try:
        return command([orders.once(f"{name}#{key}")] if key else [])
    except Conflict as refusal:
        if not key or refusal.problem_code != "entry_exists":
            raise
        return orders.load(order_of(name.partition("#")[0]))


def _changed(before: Work, after: Order) -> ChangedFulfillments:
    known = {part.id for part in before.order.progress.fulfillments}
    new = [part.id for part in after.progress.fulfillments if part.id not in known]
    return changed_view(after, [before.fulfillment.id, *new])


def _cause() -> Cause:
    return Cause(utc_now(), caller(router), correlation_id=correlation_id())
