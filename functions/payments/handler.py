"""Refunds and payments of an order over HTTP."""

from typing import Annotated, Any, Literal

from aws_lambda_powertools.event_handler.openapi.params import Body, Header, Path, Query

from functions.payments.by_hand import OrderId
from functions.payments.by_hand import router as by_hand
from oms.aws import gift_cards, stores
from oms.aws.http import caller, refusals, reply, resolver, serve
from oms.aws.observability import correlation_id
from oms.kernel.clock import utc_now
from oms.kernel.events import Cause
from oms.orders.adding_payment import add_payment
from oms.orders.model import Order
from oms.orders.money_contract import PaymentView, RefundView, payment_view, refund_view
from oms.orders.refunding import request, retry, settle_by_hand
from oms.orders.refunds_contract import (
    AddPayment,
    OpenRefundPage,
    OrderPaymentsView,
    OrderRefundsView,
    RefundOrder,
    RefundSettlement,
    RefundSuggestionView,
    RetryRefund,
    asked_of,
    destination,
    means_of,
    open_refund_page,
    order_payments_view,
    order_refunds_view,
    suggestion_view,
)
from oms.orders.repaying import left_to_repay
from oms.orders.suggesting import suggest
from oms.reporting.open_refunds import list_refunds

app = resolver()
app.include_router(by_hand)

_PAYMENT: dict[str, Any] = {"application/json": {"model": PaymentView}}
_REFUND: dict[str, Any] = {"application/json": {"model": RefundView}}
RefundId = Annotated[str, Path(pattern=r"^rfd_[a-z2-7]{26}_[1-9]\d{0,3}$")]


@app.post(
    "/v1/orders/<order_id>/refunds/suggest",
    summary="What a refund would come to, and where it would go",
    description="To the cent, with discounts and tax as they were paid; nothing happens. Refused as"
    " the refund itself would be.",
    tags=["refunds"],
    responses={
        200: {"description": "The suggestion"},
        **refusals(400, 401, 403, 404, 409, 415, 422),
    },
)
def suggest_refund(
    order_id: OrderId, refund: Annotated[RefundOrder, Body()]
) -> RefundSuggestionView:
    order = stores.orders().load(order_id)
    asked = asked_of(refund, order)
    return suggestion_view(suggest(order, asked), asked, order)


@app.post(
    "/v1/orders/<order_id>/refunds",
    summary="Refund: the whole order, units of lines, shipping, fees, or an amount",
    description="What of the units has not left is cancelled. Goes back over the payments in the"
    " order stated, spilling to the next. Refused above what was captured and is not refunded"
    " (`refund_above_captured`, with `refundable`), and above what is left of a line, the shipping"
    " or a fee. The same again, by its key, answers 200 with the same refund; the same key with"
    " another content 409.",
    tags=["refunds"],
    responses={
        200: {"description": "Asked for before", "content": _REFUND},
        201: {"description": "Asked for", "content": _REFUND},
        **refusals(400, 401, 403, 404, 409, 413, 415, 422, 503),
    },
)
def request_refund(
    order_id: OrderId,
    refund: Annotated[RefundOrder, Body()],
    idempotency_key: Annotated[str, Header(alias="Idempotency-Key", max_length=128)] = "",
) -> Any:
    orders = stores.orders()
    asked = asked_of(refund, orders.load(order_id))
    key = refund.refund_key or idempotency_key
    requested = request(order_id, asked, key, orders, stores.stock(), _cause(refund.reason))
    view = refund_view(requested.refund, requested.order)
    return reply(201 if requested.created else 200, view.model_dump())


@app.get(
    "/v1/orders/<order_id>/refunds",
    summary="The refunds of an order, and how much can still be refunded",
    tags=["refunds"],
    responses={200: {"description": "Oldest first"}, **refusals(401, 403, 404, 422)},
)
def list_order_refunds(order_id: OrderId) -> OrderRefundsView:
    order = stores.orders().load(order_id)
    return order_refunds_view(order, left_to_repay(order))


@app.post(
    "/v1/orders/<order_id>/refunds/<refund_id>/retry",
    summary="Give back again what failed",
    description="The same way, by other payments, or as store credit. One that is on its way is"
    " left alone; one that arrived is refused with `refund_not_failed`.",
    tags=["refunds"],
    responses={
        200: {"description": "The refund as it is now"},
        **refusals(400, 401, 403, 404, 409, 415, 422, 503),
    },
)
def retry_refund(
    order_id: OrderId, refund_id: RefundId, way: Annotated[RetryRefund, Body()]
) -> RefundView:
    order = retry(
        order_id,
        refund_id,
        stores.orders(),
        _cause("retry"),
        to=destination(way.to),
        payments=tuple(way.payments),
    )
    return _refund_view(order, refund_id)


@app.post(
    "/v1/orders/<order_id>/refunds/<refund_id>/settle",
    summary="Record that what failed was given back by hand",
    description="It has arrived then, and the customer is told. One that is on its way, or arrived,"
    " is refused with `refund_not_failed`. The same again, by its reference, changes nothing.",
    tags=["refunds"],
    responses={
        200: {"description": "The refund as it is now"},
        **refusals(400, 401, 403, 404, 409, 415, 422, 503),
    },
)
def settle_refund(
    order_id: OrderId, refund_id: RefundId, settled: Annotated[RefundSettlement, Body()]
) -> RefundView:
    cause = _cause("settled by hand")
    order = settle_by_hand(order_id, refund_id, settled.reference, stores.orders(), cause)
    return _refund_view(order, refund_id)


@app.get(
    "/v1/refunds",
    summary="Refunds that failed, or are on their way, oldest order first",
    description="Those that failed are parked until somebody retries them.",
    tags=["refunds"],
    responses={200: {"description": "One page"}, **refusals(401, 403, 422)},
)
def list_open_refunds(
    state: Annotated[Literal["failed", "requested"], Query()] = "failed",
    limit: Annotated[int, Query(ge=1, le=50)] = 25,
    cursor: Annotated[str, Query(description="next_cursor of the page before")] = "",
) -> OpenRefundPage:
    page = list_refunds(state, limit, cursor or None, stores.orders(), stores.views())
    return open_refund_page(page.refunds, page.cursor)


@app.get(
    "/v1/orders/<order_id>/payments",
    summary="The payments of an order, and what nothing covers yet",
    tags=["payments"],
    responses={200: {"description": "In the order in which they were added"}}
    | refusals(401, 403, 404, 422),
)
def list_order_payments(order_id: OrderId) -> OrderPaymentsView:
    return order_payments_view(stores.orders().load(order_id))


@app.post(
    "/v1/orders/<order_id>/payments",
    summary="Add a means of payment",
    description="For what is due and nothing covers. It is held at the provider at once, and taken"
    " when the order is delivered, or right away of one that is. Refused with `payment_above_due`"
    " and what is `due`. The same again, by its Idempotency-Key, answers 200.",
    tags=["payments"],
    responses={
        200: {"description": "Added before", "content": _PAYMENT},
        201: {"description": "Added", "content": _PAYMENT},
        **refusals(400, 401, 403, 404, 409, 415, 422, 503),
    },
)
def add_order_payment(
    order_id: OrderId,
    document: Annotated[AddPayment, Body()],
    idempotency_key: Annotated[str, Header(alias="Idempotency-Key", max_length=128)] = "",
) -> Any:
    orders = stores.orders()
    means = means_of(document, orders.load(order_id), gift_cards.digest)
    added = add_payment(order_id, means, idempotency_key, orders, _cause(document.reason))
    view = payment_view(added.payment)
    return reply(201 if added.created else 200, view.model_dump())


def _refund_view(order: Order, refund_id: str) -> RefundView:
    found = order.refund(refund_id)
    assert found is not None
    return refund_view(found, order)


def _cause(reason: str) -> Cause:
    return Cause(utc_now(), caller(app), reason, correlation_id())


handler = serve(app)
