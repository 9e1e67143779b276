"""Returns over HTTP: asked for, answered, labelled, received, inspected, resolved; their policies.

Environment: ``ORDERS_TABLE``, ``INVENTORY_TABLE``, ``CATALOG_TABLE``, ``WORK_TABLE``,
``VIEWS_TABLE``, ``ACCOUNTS_TABLE``.
"""

from typing import Annotated, Any, Literal

from aws_lambda_powertools.event_handler.openapi.params import Body, Header, Path, Query

from functions.returns import unreceipted
from functions.returns.desk import (
    REFUSALS,
    STEP,
    VIEW,
    OrderId,
    ReturnId,
    cause_of,
    check_override,
    return_desk,
    shown,
)
from functions.returns.exchanges import router as exchanges
from functions.returns.goods import router as goods
from functions.returns.policies import router as policies
from oms.aws import stores
from oms.aws.http import refusals, reply, reply_file, resolver, serve
from oms.fulfillment.carrier_registry import CarrierRegistry
from oms.fulfillment.printing import Format
from oms.kernel.ids import is_of_an_order, order_of
from oms.orders.model import Order
from oms.reporting import open_returns
from oms.returns import labelling, returning
from oms.returns.asking import AskedReturn
from oms.returns.contract import (
    OpenReturnsView,
    ResolutionDocument,
    ReturnAnswerDocument,
    ReturnLabelOrder,
    ReturnList,
    ReturnPreview,
    ReturnRequestDocument,
    ReturnView,
    asked_resolution,
    asked_return,
    preview_of,
    return_list,
    return_view,
)
from oms.returns.decisions import AskedResolution
from oms.returns.labelling import AskedLabel
from oms.returns.model import Return
from oms.returns.unreceipted_contract import UnreceiptedReturnView

app = resolver()
app.include_router(policies)
app.include_router(exchanges)
app.include_router(goods)
app.include_router(unreceipted.router)
carriers = CarrierRegistry()

AnyReturnId = Annotated[str, Path(pattern=r"^ret_[a-z2-7]{26}(_\d{1,4})?$")]
_ANY: dict[str, Any] = {"application/json": {"model": ReturnView | UnreceiptedReturnView}}
_PRINTED: dict[str, Any] = {
    "application/pdf": {"schema": {"type": "string", "format": "binary"}},
    "x-application/zpl": {"schema": {"type": "string"}},
}


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
        201: {"description": "Asked for now", "content": VIEW},
        **REFUSALS,
    },
)
def request_return(
    order_id: OrderId,
    document: Annotated[ReturnRequestDocument, Body()],
    idempotency_key: Annotated[str, Header(alias="Idempotency-Key", max_length=128)] = "",
    preview: Annotated[bool, Query(description="Say what would happen, and do nothing")] = False,
) -> Any:
    check_override(app, document.override)

    def asked(order: Order) -> AskedReturn:
        return asked_return(document, order, idempotency_key)

    if preview:
        seen = returning.preview(order_id, asked, return_desk(), cause_of(app))
        told = preview_of(seen.order, seen.found, seen.settlement, seen.label_paid_by)
        return reply(200, told.model_dump(mode="json"))
    done = returning.request(order_id, asked, return_desk(), cause_of(app, document.override))
    view = return_view(done.order, done.found)
    return reply(201 if done.created else 200, view.model_dump(mode="json"))


@app.get(
    "/v1/orders/<order_id>/returns",
    summary="The returns of an order, and what of it could be returned",
    tags=["returns"],
    responses={200: {"description": "In the order they were asked for"}, **REFUSALS},
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
    responses={200: {"description": "The return", "content": _ANY}, **REFUSALS},
)
def read_return(return_id: AnyReturnId) -> Any:
    if not is_of_an_order(return_id):
        return reply(200, unreceipted.read(return_id).model_dump(mode="json"))
    view = shown(stores.orders().load(order_of(return_id)), return_id)
    return reply(200, view.model_dump(mode="json"))


@app.post(
    "/v1/returns/<return_id>/approve",
    summary="Approve a return",
    tags=["returns"],
    responses=STEP,
)
def approve_return(return_id: ReturnId) -> ReturnView:
    return shown(returning.approve(return_id, return_desk(), cause_of(app)), return_id)


@app.post(
    "/v1/returns/<return_id>/reject",
    summary="Say no to a return",
    tags=["returns"],
    responses=STEP,
)
def reject_return(
    return_id: ReturnId, answer: Annotated[ReturnAnswerDocument, Body()]
) -> ReturnView:
    order = returning.reject(return_id, answer.reason, return_desk(), cause_of(app, answer.reason))
    return shown(order, return_id)


@app.post(
    "/v1/returns/<return_id>/cancel",
    summary="Cancel a return of which nothing has come back",
    tags=["returns"],
    responses=STEP,
)
def cancel_return(
    return_id: ReturnId, answer: Annotated[ReturnAnswerDocument | None, Body()] = None
) -> ReturnView:
    reason = answer.reason if answer else ""
    order = returning.cancel(return_id, reason, return_desk(), cause_of(app, reason))
    labelling.give_label_back(order, return_id, carriers)
    return shown(order, return_id)


@app.post(
    "/v1/returns/<return_id>/label",
    summary="Buy a label from the customer to a node",
    description="Sent again it answers the same label.",
    tags=["returns"],
    responses=STEP,
)
def buy_return_label(
    return_id: ReturnId, wanted: Annotated[ReturnLabelOrder | None, Body()] = None
) -> ReturnView:
    asked = AskedLabel(**wanted.model_dump()) if wanted else AskedLabel()
    order = labelling.buy_label(return_id, asked, return_desk(), carriers, cause_of(app))
    return shown(order, return_id)


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
    "/v1/returns/<return_id>/resolve",
    summary="Give the customer the money or the credit for what has come back",
    description="Where the policy did not do so by itself; for less when an amount is named; with"
    " `close` nothing more of the return is expected.",
    tags=["returns"],
    responses=STEP,
)
def resolve_return(
    return_id: ReturnId, document: Annotated[ResolutionDocument | None, Body()] = None
) -> ReturnView:
    def read(order: Order, found: Return) -> AskedResolution:
        return asked_resolution(document, found, order.content.currency)

    note = document.note if document else ""
    return shown(returning.resolve(return_id, read, return_desk(), cause_of(app, note)), return_id)


handler = serve(app)
