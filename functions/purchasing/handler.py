"""Purchase orders over HTTP; how items are replenished is beside it, in settings.py."""

from typing import Annotated, Any
from uuid import uuid4

from aws_lambda_powertools.event_handler.openapi.params import Body, Path, Query

from functions.purchasing.settings import router
from oms.aws import stores
from oms.aws.http import caller, refusals, reply, resolver, serve
from oms.aws.observability import correlation_id
from oms.aws.paths import Sku
from oms.fulfillment.staff import check_any_node_of, check_node
from oms.kernel.clock import utc_now
from oms.kernel.events import Cause
from oms.purchasing import drop_shipping, purchasing
from oms.purchasing.contract import (
    PURCHASE_ORDER_ID,
    ConfirmationDocument,
    DueDocument,
    PurchaseOrderDocument,
    PurchaseOrderPage,
    PurchaseOrderView,
    RejectionDocument,
    ShippingNoticeDocument,
    page_view,
    purchase_order_view,
)
from oms.purchasing.drop_shipping import Desk
from oms.purchasing.model import PurchaseOrder, PurchaseState

app = resolver()
app.include_router(router)

_ORDER: dict[str, Any] = {"application/json": {"model": PurchaseOrderView}}
_STEP = {
    200: {"description": "The order as it is now"},
    **refusals(401, 403, 404, 409, 422, 503),
}
_STEP_WITH_BODY = {**_STEP, **refusals(400, 413, 415)}
OrderId = Annotated[str, Path(pattern=PURCHASE_ORDER_ID)]


@app.post(
    "/v1/purchase-orders",
    summary="Order from a supplier",
    description="The same order again, by its id, answers 200 with the order as it is now; the same"
    " id with another content 409. Nothing is on its way before the order is sent.",
    tags=["purchasing"],
    responses={
        200: {"description": "Created before", "content": _ORDER},
        201: {"description": "Created", "content": _ORDER},
        **refusals(400, 401, 403, 409, 413, 415, 422, 503),
    },
)
def create_purchase_order(order: Annotated[PurchaseOrderDocument, Body()]) -> Any:
    order_id = order.id or f"po_{uuid4().hex}"
    made, first = purchasing.create(
        order, order_id, stores.purchases(), stores.stock(), stores.catalog(), _cause()
    )
    return reply(201 if first else 200, _view(made).model_dump(mode="json"))


@app.get(
    "/v1/purchase-orders",
    summary="List the purchase orders of a supplier, or in a state, oldest first",
    tags=["purchasing"],
    responses={200: {"description": "One page"}, **refusals(401, 403, 422)},
)
def list_purchase_orders(
    supplier: Annotated[
        str, Query(description="One of supplier and state is needed", max_length=128)
    ] = "",
    state: Annotated[PurchaseState | None, Query(description="Only orders in this state")] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 25,
    cursor: Annotated[str, Query(description="next_cursor of the page before")] = "",
) -> PurchaseOrderPage:
    return page_view(stores.purchases().page(supplier, state, limit, cursor or None))


@app.get(
    "/v1/purchase-orders/<order_id>",
    summary="Read a purchase order",
    description="One that goes to a customer is shown to no staff of other suppliers.",
    tags=["purchasing"],
    responses={200: {"description": "The order"}, **refusals(401, 403, 404, 422)},
)
def read_purchase_order(order_id: OrderId) -> PurchaseOrderView:
    known = purchasing.read(order_id, stores.purchases())
    if known.drop_ship:
        check_node(caller(app), known.supplier, stores.staff())
    return _view(known)


@app.post(
    "/v1/purchase-orders/<order_id>/approve",
    summary="A suggested order is to be sent",
    tags=["purchasing"],
    responses=_STEP,
)
def approve_purchase_order(order_id: OrderId) -> PurchaseOrderView:
    _check_staff(order_id)
    return _view(purchasing.approve(order_id, stores.purchases(), stores.stock(), _cause()))


@app.post(
    "/v1/purchase-orders/<order_id>/send",
    summary="The supplier has the order: its lines are supply under their dates",
    tags=["purchasing"],
    responses=_STEP,
)
def send_purchase_order(order_id: OrderId) -> PurchaseOrderView:
    _check_staff(order_id)
    return _view(purchasing.send(order_id, stores.purchases(), stores.stock(), _cause()))


@app.post(
    "/v1/purchase-orders/<order_id>/confirm",
    summary="What the supplier says will come, and when: it may be fewer, and later",
    tags=["purchasing"],
    responses=_STEP_WITH_BODY,
)
def confirm_purchase_order(
    order_id: OrderId, confirmation: Annotated[ConfirmationDocument, Body()]
) -> PurchaseOrderView:
    if _of_supplier(order_id).drop_ship:
        return _view(drop_shipping.confirm(order_id, confirmation, _desk(), _cause()))
    return _view(
        purchasing.confirm(order_id, confirmation, stores.purchases(), stores.stock(), _cause())
    )


@app.post(
    "/v1/purchase-orders/<order_id>/reject",
    summary="The supplier will not send it, or some of it",
    description="What was to be drop-shipped to a customer is routed again, without this supplier.",
    tags=["purchasing"],
    responses=_STEP_WITH_BODY,
)
def reject_purchase_order(
    order_id: OrderId, rejection: Annotated[RejectionDocument, Body()]
) -> PurchaseOrderView:
    known = _of_supplier(order_id)
    if known.drop_ship:
        return _view(drop_shipping.reject(order_id, rejection, _desk(), _cause()))
    units = drop_shipping.rejected_units(known, rejection)
    return _view(
        purchasing.reject(
            order_id, units, rejection.reason, stores.purchases(), stores.stock(), _cause()
        )
    )


@app.put(
    "/v1/purchase-orders/<order_id>/lines/<sku>/due",
    summary="A line comes at another time",
    tags=["purchasing"],
    responses=_STEP_WITH_BODY,
)
def reschedule_purchase_order_line(
    order_id: OrderId, sku: Sku, document: Annotated[DueDocument, Body()]
) -> PurchaseOrderView:
    _check_staff(order_id)
    return _view(
        purchasing.reschedule(
            order_id, sku, document.due, stores.purchases(), stores.stock(), _cause()
        )
    )


@app.post(
    "/v1/purchase-orders/<order_id>/shipping-notices",
    summary="A part of the order is on its way, with a date of its own",
    description="Of what is drop-shipped to a customer it says that the parcel has left.",
    tags=["purchasing"],
    responses=_STEP_WITH_BODY,
)
def add_shipping_notice(
    order_id: OrderId, notice: Annotated[ShippingNoticeDocument, Body()]
) -> PurchaseOrderView:
    if _of_supplier(order_id).drop_ship:
        return _view(drop_shipping.dispatch(order_id, notice, _desk(), _cause()))
    return _view(
        purchasing.announce(order_id, notice, stores.purchases(), stores.stock(), _cause())
    )


@app.put(
    "/v1/purchase-orders/<order_id>/shipping-notices/<notice_id>/due",
    summary="A delivery comes at another time",
    tags=["purchasing"],
    responses=_STEP_WITH_BODY,
)
def reschedule_shipping_notice(
    order_id: OrderId, notice_id: OrderId, document: Annotated[DueDocument, Body()]
) -> PurchaseOrderView:
    _check_staff(order_id)
    return _view(
        purchasing.reschedule_notice(
            order_id, notice_id, document.due, stores.purchases(), stores.stock(), _cause()
        )
    )


@app.post(
    "/v1/purchase-orders/<order_id>/shipping-notices/<notice_id>/close",
    summary="A delivery came short: what is missing is open again, under the lines' own dates",
    tags=["purchasing"],
    responses=_STEP,
)
def close_shipping_notice(order_id: OrderId, notice_id: OrderId) -> PurchaseOrderView:
    _check_staff(order_id)
    return _view(
        purchasing.end_notice(order_id, notice_id, stores.purchases(), stores.stock(), _cause())
    )


@app.post(
    "/v1/purchase-orders/<order_id>/close",
    summary="What has not come will not",
    tags=["purchasing"],
    responses=_STEP,
)
def close_purchase_order(order_id: OrderId) -> PurchaseOrderView:
    _check_staff(order_id)
    drop_shipping.refuse_by_hand(purchasing.read(order_id, stores.purchases()))
    return _view(purchasing.close(order_id, stores.purchases(), stores.stock(), _cause()))


@app.post(
    "/v1/purchase-orders/<order_id>/cancel",
    summary="Nothing of the order comes",
    tags=["purchasing"],
    responses=_STEP,
)
def cancel_purchase_order(order_id: OrderId) -> PurchaseOrderView:
    _check_staff(order_id)
    drop_shipping.refuse_by_hand(purchasing.read(order_id, stores.purchases()))
    return _view(purchasing.cancel(order_id, stores.purchases(), stores.stock(), _cause()))


def _check_staff(order_id: str) -> None:
    """Raises ``Forbidden`` (``not_your_node``) for staff neither of the supplier nor of where it is
    to arrive."""

    def nodes() -> set[str]:
        known = purchasing.read(order_id, stores.purchases())
        return {known.supplier, known.node}

    check_any_node_of(caller(app), nodes, stores.staff())


def _of_supplier(order_id: str) -> PurchaseOrder:
    """Raises ``Forbidden`` (``not_your_node``) for staff of another supplier."""
    known = purchasing.read(order_id, stores.purchases())
    check_node(caller(app), known.supplier, stores.staff())
    return known


def _desk() -> Desk:
    return Desk(stores.orders(), stores.stock(), stores.purchases())


def _view(order: PurchaseOrder) -> PurchaseOrderView:
    return purchase_order_view(order)


def _cause() -> Cause:
    return Cause(utc_now(), caller(app), "", correlation_id())


handler = serve(app)
