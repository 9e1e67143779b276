"""Work of several orders that travels as one shipment."""

from typing import Annotated

from aws_lambda_powertools.event_handler.openapi.params import Body, Path
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from oms.aws import stores
from oms.aws.http import caller, refusals
from oms.aws.observability import correlation_id
from oms.fulfillment import joining
from oms.fulfillment.changes_contract import JoinFulfillments, JointShipmentView, joint_view
from oms.fulfillment.staff import check_node_of
from oms.fulfillment.worklist import find
from oms.kernel.clock import utc_now
from oms.kernel.events import Cause

router = APIGatewayHttpRouter()  # type: ignore[no-untyped-call]


@router.post(
    "/v1/shipments",
    summary="Have fulfilments of several orders travel as one shipment",
    description="Of one customer, to one address, at one node, where the sourcing policy merges"
    " orders. Shipping one ships them all, with one tracking number. The same again changes"
    " nothing.",
    tags=["fulfillments"],
    responses={
        200: {"description": "The shipment"},
        **refusals(400, 401, 403, 404, 409, 415, 422, 503),
    },
)
def join(joined: Annotated[JoinFulfillments, Body()]) -> JointShipmentView:
    def node() -> str:
        return find(joined.fulfillments[0], stores.orders()).fulfillment.node

    check_node_of(caller(router), node, stores.staff())
    return joint_view(
        joining.join(
            joined.fulfillments,
            stores.orders(),
            stores.shipments(),
            stores.sourcing_policies(),
            Cause(utc_now(), caller(router), correlation_id=correlation_id()),
        )
    )


@router.get(
    "/v1/shipments/<shipment_id>",
    summary="Read a joint shipment",
    tags=["fulfillments"],
    responses={200: {"description": "The shipment"}, **refusals(401, 403, 404, 422)},
)
def read(
    shipment_id: Annotated[str, Path(pattern=r"^shp_[a-z2-7]{26}$")],
) -> JointShipmentView:
    return joint_view(joining.read(shipment_id, stores.orders(), stores.shipments()))
