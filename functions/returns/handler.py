"""Returns over HTTP: asked for, answered, labelled, received, inspected, resolved; their policies.

Environment: ``ORDERS_TABLE``, ``INVENTORY_TABLE``, ``CATALOG_TABLE``, ``WORK_TABLE``,
``VIEWS_TABLE``, ``ACCOUNTS_TABLE``.
"""

from typing import Annotated, Any, Literal

from aws_lambda_powertools.event_handler.openapi.params import Body, Header, Path, Query

from functions.returns import unreceipted
from functions.returns.exchanges import router as exchanges
from functions.returns.policies import router as policies
from oms.aws import stores
from oms.aws.http import caller, refusals, reply, reply_file, resolver, scopes, serve
from oms.aws.observability import correlation_id
from oms.fulfillment.carrier_registry import CarrierRegistry
from oms.fulfillment.printing import Format
from oms.fulfillment.staff import check_node, check_staff
from oms.kernel.clock import utc_now
from oms.kernel.events import Cause
from oms.kernel.ids import is_of_an_order, order_of
from oms.orders.contract import FulfillmentView, fulfillment_view
from oms.orders.decisions import find_fulfillment
from oms.orders.model import Order
from oms.reporting import open_returns
from oms.returns import coming_back, labelling, receiving, returning
from oms.returns.contract import (
    BroughtBackDocument,
    InspectionDocument,
    OpenReturnsView,
    ResolutionDocument,
    ReturnAnswerDocument,
    ReturnLabelOrder,
    ReturnList,
    ReturnPreview,
    ReturnReceiptDocument,
    ReturnRequestDocument,
    ReturnView,
    asked_back,
    asked_receipt,
    asked_resolution,
    asked_return,
    findings_of,
    preview_of,
    return_list,
    return_view,
)
from oms.returns.decisions import AskedResolution, AskedReturn, find
from oms.returns.labelling import AskedLabel
from oms.returns.model import Return
from oms.returns.store import ReturnDesk
from oms.returns.unreceipted_contract import UnreceiptedReturnView

app = resolver()
app.include_router(policies)
app.include_router(exchanges)
app.include_router(unreceipted.router)
carriers = CarrierRegistry()

OrderId = Annotated[str, Path(pattern=r"^ord_[a-z2-7]{26}$")]
FulfillmentId = Annotated[str, Path(pattern=r"^ful_[a-z2-7]{26}_\d{1,4}$")]
ReturnId = Annotated[str, Path(pattern=r"^ret_[a-z2-7]{26}_\d{1,4}$")]
AnyReturnId = Annotated[str, Path(pattern=r"^ret_[a-z2-7]{26}(_\d{1,4})?$")]
_REFUSALS = refusals(400, 401, 403, 404, 409, 413, 415, 422, 503)
_VIEW: dict[str, Any] = {"application/json": {"model": ReturnView}}
_ANY: dict[str, Any] = {"application/json": {"model": ReturnView | UnreceiptedReturnView}}
_PRINTED: dict[str, Any] = {
    "application/pdf": {"schema": {"type": "string", "format": "binary"}},
    "x-application/zpl": {"schema": {"type": "string"}},
}
_STEP = {200: {"description": "The return as it is now"}, **_REFUSALS}


@app.post(
    "/v1/orders/<order_id>/returns",
    summary="Ask for a return",
    description="Of what was delivered. It is approved at once, unless the policy wants a person"
    " to. The same again under one Idempotency-Key answers the same return. With `preview` nothing"
    " happens: the answer says what would, and what the customer would get. `override` is for staff"
    " of a node, and for tokens with the scope `oms/fulfillments.write`.",
    tags=["returns"],
    responses={
        200: {
            "description": "Asked for before; a preview",
            "content": {"application/json": {"model": ReturnView | ReturnPreview}},
        },
        201: {"description": "Asked for now", "content": _VIEW},
        **_REFUSALS,
    },
)
def request_return(
    order_id: OrderId,
    document: Annotated[ReturnRequestDocument, Body()],
    idempotency_key: Annotated[str, Header(alias="Idempotency-Key", max_length=128)] = "",
    preview: Annotated[bool, Query(description="Say what would happen, and do nothing")] = False,
) -> Any:
    if document.override:
        check_staff(caller(app), scopes(app), stores.staff())

    def asked(order: Order) -> AskedReturn:
        return asked_return(document, order, idempotency_key)

    if preview:
        seen = returning.preview(order_id, asked, _desk(), _cause())
        told = preview_of(seen.order, seen.found, seen.settlement, seen.label_paid_by)
        return reply(200, told.model_dump(mode="json"))
    done = returning.request(order_id, asked, _desk(), _cause(document.override))
    view = return_view(done.order, done.found)
    return reply(201 if done.created else 200, view.model_dump(mode="json"))


@app.get(
    "/v1/orders/<order_id>/returns",
    summary="The returns of an order, and what of it could be returned",
    tags=["returns"],
    responses={200: {"description": "In the order they were asked for"}, **_REFUSALS},
)
def list_returns(order_id: OrderId) -> ReturnList:
    return return_list(stores.orders().load(order_id))


@app.get(
    "/v1/returns",
    summary="List the returns in a state, oldest first",
    description="`requested` waits for a person to approve it, `received` to be looked at,"
    " `inspected` to be resolved.",
    tags=["returns"],
    responses={200: {"description": "One page"}, **refusals(401, 403, 422)},
)
def list_open_returns(
    state: Annotated[
        Literal["requested", "approved", "partially_received", "received", "inspected"], Query()
    ],
    limit: Annotated[int, Query(ge=1, le=50)] = 25,
    cursor: Annotated[str, Query(description="next_cursor of the page before")] = "",
) -> OpenReturnsView:
    page = open_returns.list_returns(state, limit, cursor or None, stores.orders(), stores.views())
    return OpenReturnsView(
        returns=[return_view(one.order, one.found) for one in page.returns],
        next_cursor=page.cursor,
    )


@app.get(
    "/v1/returns/<return_id>",
    summary="Read a return",
    description="That of an order, or one that was taken back without a receipt.",
    tags=["returns"],
    responses={200: {"description": "The return", "content": _ANY}, **_REFUSALS},
)
def read_return(return_id: AnyReturnId) -> Any:
    if not is_of_an_order(return_id):
        return reply(200, unreceipted.read(return_id).model_dump(mode="json"))
    view = _shown(stores.orders().load(order_of(return_id)), return_id)
    return reply(200, view.model_dump(mode="json"))


@app.post(
    "/v1/returns/<return_id>/approve",
    summary="Approve a return",
    tags=["returns"],
    responses=_STEP,
)
def approve_return(return_id: ReturnId) -> ReturnView:
    return _shown(returning.approve(return_id, _desk(), _cause()), return_id)


@app.post(
    "/v1/returns/<return_id>/reject",
    summary="Say no to a return",
    tags=["returns"],
    responses=_STEP,
)
def reject_return(
    return_id: ReturnId, answer: Annotated[ReturnAnswerDocument, Body()]
) -> ReturnView:
    order = returning.reject(return_id, answer.reason, _desk(), _cause(answer.reason))
    return _shown(order, return_id)


@app.post(
    "/v1/returns/<return_id>/cancel",
    summary="Cancel a return of which nothing has come back",
    tags=["returns"],
    responses=_STEP,
)
def cancel_return(
    return_id: ReturnId, answer: Annotated[ReturnAnswerDocument | None, Body()] = None
) -> ReturnView:
    reason = answer.reason if answer else ""
    order = returning.cancel(return_id, reason, _desk(), _cause(reason))
    labelling.give_label_back(order, return_id, carriers)
    return _shown(order, return_id)


@app.post(
    "/v1/returns/<return_id>/label",
    summary="Buy a label from the customer to a node",
    description="Sent again it answers the same label.",
    tags=["returns"],
    responses=_STEP,
)
def buy_return_label(
    return_id: ReturnId, wanted: Annotated[ReturnLabelOrder | None, Body()] = None
) -> ReturnView:
    asked = AskedLabel(**wanted.model_dump()) if wanted else AskedLabel()
    order = labelling.buy_label(return_id, asked, _desk(), carriers, _cause())
    return _shown(order, return_id)


@app.get(
    "/v1/returns/<return_id>/label",
    summary="Print the label of a return",
    tags=["returns"],
    responses={
        200: {"description": "A page", "content": _PRINTED},
        **refusals(401, 403, 404, 409, 422),
    },
)
def read_return_label(
    return_id: ReturnId,
    print_as: Annotated[Literal["pdf", "zpl"], Query(alias="format")] = "pdf",
) -> Any:
    order = stores.orders().load(order_of(return_id))
    form = Format(print_as)
    return reply_file(*labelling.print_return_label(order, return_id, stores.catalog(), form))


@app.post(
    "/v1/returns/<return_id>/receive",
    summary="It has come back to a node, or a part of it has",
    description="To any node. What is more than was approved is refused (409, with what is left by"
    " line), or written down as refused when that is asked for. The same receipt again changes"
    " nothing.",
    tags=["returns"],
    responses=_STEP,
)
def receive_return(
    return_id: ReturnId, document: Annotated[ReturnReceiptDocument, Body()]
) -> ReturnView:
    check_node(caller(app), document.node, stores.staff())
    asked = asked_receipt(document, stores.orders().load(order_of(return_id)))
    return _shown(receiving.receive(return_id, asked, _desk(), _cause()), return_id)


@app.post(
    "/v1/returns/<return_id>/inspect",
    summary="What became of units that came back",
    description="What is restocked is on hand at the node, and for sale, with this request. The"
    " same inspection again changes nothing.",
    tags=["returns"],
    responses=_STEP,
)
def inspect_return(
    return_id: ReturnId, document: Annotated[InspectionDocument, Body()]
) -> ReturnView:
    check_node(caller(app), document.node, stores.staff())
    findings = findings_of(document.lines, stores.orders().load(order_of(return_id)))
    order = receiving.inspect(
        return_id,
        document.inspection_id,
        document.node,
        findings,
        document.note,
        _desk(),
        _cause(document.note),
    )
    return _shown(order, return_id)


@app.post(
    "/v1/returns/<return_id>/resolve",
    summary="Give the customer the money or the credit for what has come back",
    description="Where the policy did not do so by itself; for less when an amount is named; with"
    " `close` nothing more of the return is expected.",
    tags=["returns"],
    responses=_STEP,
)
def resolve_return(
    return_id: ReturnId, document: Annotated[ResolutionDocument | None, Body()] = None
) -> ReturnView:
    def read(order: Order, found: Return) -> AskedResolution:
        return asked_resolution(document, found, order.content.currency)

    note = document.note if document else ""
    return _shown(returning.resolve(return_id, read, _desk(), _cause(note)), return_id)


@app.post(
    "/v1/fulfillments/<fulfillment_id>/bring-back",
    summary="A parcel that did not reach its customer is back at a node",
    description="At any node, with what becomes of its units. Then they are sent again, or are"
    " cancelled and paid back. The same receipt again changes nothing.",
    tags=["fulfillments"],
    responses={200: {"description": "The fulfilment as it is now"}, **_REFUSALS},
)
def bring_back(
    fulfillment_id: FulfillmentId, document: Annotated[BroughtBackDocument, Body()]
) -> FulfillmentView:
    check_node(caller(app), document.node, stores.staff())
    asked = asked_back(document, stores.orders().load(order_of(fulfillment_id)))
    order = coming_back.bring_back(fulfillment_id, asked, _desk(), _cause(document.note))
    return fulfillment_view(order, find_fulfillment(order, fulfillment_id))


def _shown(order: Order, return_id: str) -> ReturnView:
    return return_view(order, find(order, return_id))


def _desk() -> ReturnDesk:
    return ReturnDesk(stores.orders(), stores.stock(), stores.catalog(), stores.return_policies())


def _cause(reason: str = "") -> Cause:
    return Cause(utc_now(), caller(app), reason, correlation_id())


handler = serve(app)
