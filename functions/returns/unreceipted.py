"""What is handed in at a counter and no order is known of, over HTTP."""

from typing import Annotated, Any

from aws_lambda_powertools.event_handler.openapi.params import Body, Header
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from functions.returns.desk import cause_of, return_desk
from oms.aws import stores
from oms.aws.http import caller, refusals, reply
from oms.fulfillment.staff import check_node
from oms.kernel.errors import MalformedRequest, NotFound
from oms.returns import unreceipted
from oms.returns.receiving import check_place
from oms.returns.unreceipted import CreditDesk
from oms.returns.unreceipted_contract import (
    UnreceiptedReturnDocument,
    UnreceiptedReturnView,
    asked_without_receipt,
    unreceipted_view,
)

router = APIGatewayHttpRouter()  # type: ignore[no-untyped-call]

_VIEW: dict[str, Any] = {"application/json": {"model": UnreceiptedReturnView}}


@router.post(
    "/v1/returns",
    summary="Take back goods without a receipt, for store credit",
    description="No order is known of them, so whoever takes them says what they are worth; the"
    " policy bounds what a customer gets so in 30 days. Goods and credit are booked together, once"
    " for a key.",
    tags=["returns"],
    responses={
        200: {"description": "Taken back before", "content": _VIEW},
        201: {"description": "Taken back now", "content": _VIEW},
        **refusals(400, 401, 403, 409, 415, 422, 503),
    },
)
def take_back_without_receipt(
    document: Annotated[UnreceiptedReturnDocument, Body()],
    idempotency_key: Annotated[str, Header(alias="Idempotency-Key", max_length=128)] = "",
) -> Any:
    check_node(caller(router), document.node, stores.staff())
    key = document.return_key or idempotency_key
    if not key:
        raise MalformedRequest(
            "send return_key, or an Idempotency-Key header", code="missing_natural_key"
        )
    desk = return_desk()
    check_place(document.node, desk)
    items = desk.catalog.items({one.sku for one in document.items})
    asked = asked_without_receipt(document, key, items)
    at = CreditDesk(desk, stores.accounts(), stores.unreceipted_returns())
    taken = unreceipted.take(asked, at, cause_of(router, document.reason))
    view = unreceipted_view(taken.made, items)
    return reply(201 if taken.created else 200, view.model_dump(mode="json"))


def read(return_id: str) -> UnreceiptedReturnView:
    found = stores.unreceipted_returns().find(return_id)
    if found is None:
        raise NotFound(f"there is no return {return_id}")
    return unreceipted_view(found, stores.catalog().items({one.sku for one in found.items}))
