"""What a person must decide, over HTTP, and the decision."""

from typing import Annotated

from aws_lambda_powertools.event_handler.openapi.params import Body, Path, Query
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from oms.aws import stores
from oms.aws.http import caller, refusals
from oms.aws.observability import correlation_id
from oms.fulfillment.staff import check_any_node_of, check_node
from oms.kernel.clock import utc_now
from oms.kernel.events import Cause
from oms.orders.contract import OrderView, order_view
from oms.orders.exceptions import list_exceptions, resolve
from oms.orders.exceptions_contract import (
    ExceptionPage,
    ResolveException,
    exception_page,
    resolution_of,
)
from oms.orders.rerouting import Router
from oms.reporting.waiting import nodes_of

router = APIGatewayHttpRouter()  # type: ignore[no-untyped-call]


@router.get(
    "/v1/exceptions",
    summary="What a person must decide, oldest order first",
    description="Orders that no node is left for, whose lifecycle stumbled, or of which a parcel"
    " does not arrive: with who said no and why, and what stock there is where now. Staff of nodes"
    " read those of one of theirs.",
    tags=["orders"],
    responses={200: {"description": "One page"}, **refusals(401, 403, 422)},
)
def list_all(
    node: Annotated[
        str,
        Query(pattern=r"^[\w.:\-]{0,64}$", description="Only what has to do with this node"),
    ] = "",
    limit: Annotated[int, Query(ge=1, le=50)] = 25,
    cursor: Annotated[str, Query(description="next_cursor of the page before")] = "",
) -> ExceptionPage:
    check_node(caller(router), node, stores.staff())
    page = list_exceptions(node, limit, cursor or None, _router(), stores.views(), _cause())
    return exception_page(page)


@router.post(
    "/v1/exceptions/<order_id>/resolve",
    summary="Decide what becomes of it",
    description="Refused with `not_in_exception` when the order needs nobody, or when the action"
    " resolves nothing of it. Staff of nodes decide on what concerns one of theirs, and send it to"
    " none but theirs.",
    tags=["orders"],
    responses={
        200: {"description": "The order as it is now"},
        **refusals(400, 401, 403, 404, 409, 415, 422, 503),
    },
)
def resolve_exception(
    order_id: Annotated[str, Path(pattern=r"^ord_[a-z2-7]{26}$")],
    decision: Annotated[ResolveException, Body()],
) -> OrderView:
    order = stores.orders().load(order_id)
    check_any_node_of(caller(router), lambda: nodes_of(order), stores.staff())
    if decision.node:
        check_node(caller(router), decision.node, stores.staff())
    resolution = resolution_of(decision, order)
    return order_view(resolve(order_id, resolution, _router(), _cause()))


def _router() -> Router:
    return Router(stores.orders(), stores.stock(), stores.catalog(), stores.sourcing_policies())


def _cause() -> Cause:
    return Cause(utc_now(), caller(router), correlation_id=correlation_id())
