"""Picklists over HTTP: collected, assigned, reported, called off."""

from typing import Annotated

from aws_lambda_powertools.event_handler.openapi.params import Body, Path, Query
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from oms.aws import stores
from oms.aws.http import caller, refusals
from oms.aws.observability import correlation_id
from oms.aws.paths import NodeId
from oms.fulfillment import picking
from oms.fulfillment.picklist_contract import (
    PickedReport,
    PicklistAssignment,
    PicklistPageView,
    PicklistRequest,
    PicklistView,
    collecting,
    picklist_page_view,
    picklist_view,
    reported,
)
from oms.fulfillment.picklists import Picklist
from oms.fulfillment.staff import check_node
from oms.kernel.clock import utc_now
from oms.kernel.events import Cause

router = APIGatewayHttpRouter()  # type: ignore[no-untyped-call]

PicklistId = Annotated[str, Path(pattern=r"^[\w.:\-]{1,64}$")]
_CHANGED = {
    200: {"description": "The picklist as it is now"},
    **refusals(400, 401, 403, 404, 409, 415, 422, 503),
}


@router.post(
    "/v1/nodes/<node_id>/picklists",
    summary="Collect a node's work into a picklist",
    description="Work that is open is accepted by it. No fulfilment is on two lists that are still"
    " to be picked.",
    tags=["fulfillments"],
    responses=_CHANGED,
)
def create(node_id: NodeId, request: Annotated[PicklistRequest, Body()]) -> PicklistView:
    check_node(_caller(), node_id, stores.staff())
    made = picking.create(
        collecting(node_id, request),
        stores.picklists(),
        stores.orders(),
        stores.views(),
        stores.stock(),
        _cause(),
    )
    return picklist_view(made)


@router.get(
    "/v1/nodes/<node_id>/picklists",
    summary="The picklists of a node, newest first",
    tags=["fulfillments"],
    responses={200: {"description": "One page"}, **refusals(401, 403, 422)},
)
def list_picklists(
    node_id: NodeId,
    limit: Annotated[int, Query(ge=1, le=25)] = 10,
    cursor: Annotated[str, Query(description="next_cursor of the page before")] = "",
) -> PicklistPageView:
    return picklist_page_view(stores.picklists().of_node(node_id, limit, cursor or None))


@router.get(
    "/v1/picklists/<picklist_id>",
    summary="Read a picklist",
    tags=["fulfillments"],
    responses={200: {"description": "The picklist"}, **refusals(401, 403, 404, 422)},
)
def read_picklist(picklist_id: PicklistId) -> PicklistView:
    return picklist_view(picking.read(picklist_id, stores.picklists()))


@router.post(
    "/v1/picklists/<picklist_id>/assign",
    summary="Give a picklist to somebody",
    tags=["fulfillments"],
    responses=_CHANGED,
)
def assign(
    picklist_id: PicklistId, assignment: Annotated[PicklistAssignment, Body()]
) -> PicklistView:
    _found(picklist_id)
    return picklist_view(picking.give_to(picklist_id, assignment.assigned_to, stores.picklists()))


@router.post(
    "/v1/picklists/<picklist_id>/picked",
    summary="Report what was found",
    description="A fulfilment whose lines are all reported is picked; what is short of it is"
    " rejected for its reason and routed again. The same report again changes nothing.",
    tags=["fulfillments"],
    responses=_CHANGED,
)
def picked(picklist_id: PicklistId, report: Annotated[PickedReport, Body()]) -> PicklistView:
    lines = reported(report.lines, _found(picklist_id))
    return picklist_view(
        picking.picked(
            picklist_id, lines, stores.picklists(), stores.orders(), stores.stock(), _cause()
        )
    )


@router.post(
    "/v1/picklists/<picklist_id>/cancel",
    summary="Call a picklist off; its work can be collected again",
    tags=["fulfillments"],
    responses=_CHANGED,
)
def cancel(picklist_id: PicklistId) -> PicklistView:
    _found(picklist_id)
    return picklist_view(picking.call_off(picklist_id, stores.picklists()))


def _found(picklist_id: str) -> Picklist:
    """Of a node that the caller may act for."""
    found = picking.read(picklist_id, stores.picklists())
    check_node(_caller(), found.node, stores.staff())
    return found


def _caller() -> str:
    return caller(router)


def _cause() -> Cause:
    return Cause(utc_now(), _caller(), correlation_id=correlation_id())
