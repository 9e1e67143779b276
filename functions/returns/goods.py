"""What nodes do with what comes back, over HTTP: returns, and parcels that never arrived."""

from typing import Annotated

from aws_lambda_powertools.event_handler.openapi.params import Body, Path
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from functions.returns.desk import REFUSALS, STEP, ReturnId, cause_of, return_desk, shown
from oms.aws import stores
from oms.aws.http import caller
from oms.fulfillment.staff import check_node
from oms.kernel.ids import order_of
from oms.orders.contract import FulfillmentView, fulfillment_view
from oms.orders.decisions import find_fulfillment
from oms.returns import coming_back, receiving
from oms.returns.contract import (
    BroughtBackDocument,
    InspectionDocument,
    ReturnReceiptDocument,
    ReturnView,
    asked_back,
    asked_receipt,
    findings_of,
)

router = APIGatewayHttpRouter()  # type: ignore[no-untyped-call]

FulfillmentId = Annotated[str, Path(pattern=r"^ful_[a-z2-7]{26}_\d{1,4}$")]


@router.post(
    "/v1/returns/<return_id>/receive",
    summary="It has come back to a node, or a part of it has",
    description="To any node. What is more than was approved is refused (409, with what is left by"
    " line), or written down as refused when that is asked for. The same receipt again changes"
    " nothing.",
    tags=["returns"],
    responses=STEP,
)
def receive_return(
    return_id: ReturnId, document: Annotated[ReturnReceiptDocument, Body()]
) -> ReturnView:
    check_node(caller(router), document.node, stores.staff())
    asked = asked_receipt(document, stores.orders().load(order_of(return_id)))
    return shown(receiving.receive(return_id, asked, return_desk(), cause_of(router)), return_id)


@router.post(
    "/v1/returns/<return_id>/inspect",
    summary="What became of units that came back",
    description="What is restocked is on hand at the node, and for sale, with this request. The"
    " same inspection again changes nothing.",
    tags=["returns"],
    responses=STEP,
)
def inspect_return(
    return_id: ReturnId, document: Annotated[InspectionDocument, Body()]
) -> ReturnView:
    check_node(caller(router), document.node, stores.staff())
    findings = findings_of(document.lines, stores.orders().load(order_of(return_id)))
    order = receiving.inspect(
        return_id,
        document.inspection_id,
        document.node,
        findings,
        document.note,
        return_desk(),
        cause_of(router, document.note),
    )
    return shown(order, return_id)


@router.post(
    "/v1/fulfillments/<fulfillment_id>/bring-back",
    summary="A parcel that did not reach its customer is back at a node",
    description="At any node, with what becomes of its units. Then they are sent again, or are"
    " cancelled and paid back. The same receipt again changes nothing.",
    tags=["fulfillments"],
    responses={200: {"description": "The fulfilment as it is now"}, **REFUSALS},
)
def bring_back(
    fulfillment_id: FulfillmentId, document: Annotated[BroughtBackDocument, Body()]
) -> FulfillmentView:
    check_node(caller(router), document.node, stores.staff())
    asked = asked_back(document, stores.orders().load(order_of(fulfillment_id)))
    order = coming_back.bring_back(
        fulfillment_id, asked, return_desk(), cause_of(router, document.note)
    )
    return fulfillment_view(order, find_fulfillment(order, fulfillment_id))
