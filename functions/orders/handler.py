"""Orders over HTTP: capture, list, read, history, cancel."""

from typing import Annotated, Any

from aws_lambda_powertools.event_handler.openapi.params import Body, Header, Path, Query

from functions.orders.exceptions import router as exceptions
from oms.aws import gift_cards, stores
from oms.aws.http import caller, refusals, reply, resolver, serve
from oms.aws.observability import correlation_id, logger
from oms.kernel.clock import utc_now
from oms.kernel.events import Cause
from oms.orders import listing, supervision
from oms.orders.addressing import change_address
from oms.orders.cancelling import Asked, cancel_lines
from oms.orders.capture import capture, read_address
from oms.orders.contract import (
    AddressDocument,
    CancelOrder,
    CaptureOrder,
    HistoryView,
    OrderPage,
    OrderView,
    history_view,
    order_view,
)
from oms.orders.listing import Filter
from oms.orders.model import State
from oms.orders.rerouting import Router
from oms.orders.routing_contract import OrderRoutingView, routing_view
from oms.promising.acceptance import Acceptance
from oms.promising.jeopardies import in_jeopardy
from oms.promising.severity import Severity

app = resolver()
app.include_router(exceptions)

_ORDER: dict[str, Any] = {"application/json": {"model": OrderView}}
OrderId = Annotated[str, Path(description="As returned by capture", pattern=r"^ord_[a-z2-7]{26}$")]


@app.post(
    "/v1/orders",
    summary="Capture an order",
    description="The natural key is the channel with its order id, else with the Idempotency-Key."
    " The same order again answers 200 with the order as it is now; the same key with another"
    " content 409. What a promise takes is taken with the order, stock on hand too; 409 when it has"
    " gone by then.",
    tags=["orders"],
    responses={
        200: {"description": "Captured before", "content": _ORDER},
        201: {"description": "Captured", "content": _ORDER},
        **refusals(400, 401, 403, 409, 413, 415, 422, 503),
    },
)
def capture_order(
    order: Annotated[CaptureOrder, Body()],
    idempotency_key: Annotated[str, Header(alias="Idempotency-Key", max_length=128)] = "",
) -> Any:
    result = capture(
        order,
        stores.orders(),
        stores.catalog(),
        _cause(),
        idempotency_key=idempotency_key,
        reservations=stores.reservations() if order.reservation else None,
        accept=_acceptance().accept if order.promise else None,
        stock=stores.stock() if order.promise else None,
        gift_card_digest=gift_cards.digest,
    )
    logger.info("captured", order_id=result.order.order_id, first=result.created)
    return _reply(201 if result.created else 200, order_view(result.order))


@app.get(
    "/v1/orders",
    summary="List the orders of a channel or a customer, newest first",
    tags=["orders"],
    responses={200: {"description": "One page"}, **refusals(401, 403, 422)},
)
def list_orders(
    channel: Annotated[str, Query(description="One of channel and customer is needed")] = "",
    customer: Annotated[str, Query(description="The channel's id of the customer")] = "",
    state: Annotated[State | None, Query(description="Only orders in this state")] = None,
    since: Annotated[str, Query(alias="from", description="RFC 3339, inclusive")] = "",
    until: Annotated[str, Query(alias="to", description="RFC 3339, inclusive")] = "",
    limit: Annotated[int, Query(ge=1, le=50)] = 25,
    cursor: Annotated[str, Query(description="next_cursor of the page before")] = "",
) -> OrderPage:
    wanted = Filter(channel, customer, state, since, until)
    page = listing.list_orders(wanted, limit, cursor or None, stores.orders())
    return OrderPage(orders=[order_view(order) for order in page.orders], next_cursor=page.cursor)


@app.get(
    "/v1/orders/<order_id>",
    summary="Read an order",
    tags=["orders"],
    responses={200: {"description": "The order"}, **refusals(401, 403, 404, 422)},
)
def read_order(order_id: OrderId) -> OrderView:
    return order_view(stores.orders().load(order_id))


@app.get(
    "/v1/orders/<order_id>/history",
    summary="Read everything that happened to an order: who, when and why",
    tags=["orders"],
    responses={200: {"description": "Oldest first"}, **refusals(401, 403, 404, 422)},
)
def read_history(order_id: OrderId) -> HistoryView:
    return history_view(order_id, stores.orders().history(order_id))


@app.get(
    "/v1/orders/<order_id>/routing",
    summary="Read where the lines of an order come from, and why",
    description="Decision by decision: the rule, the policy's version, the candidates with the rank"
    " that each ranker gave them, and what excluded the others.",
    tags=["routing"],
    responses={200: {"description": "Oldest first"}, **refusals(401, 403, 404, 422)},
)
def read_routing(order_id: OrderId) -> OrderRoutingView:
    orders = stores.orders()
    return routing_view(orders.load(order_id), orders.history(order_id))


@app.get(
    "/v1/jeopardies",
    summary="List the orders whose promise is in jeopardy, the first promised day first",
    description="`promise.changes` of each says which line, why, how late, and what would keep the"
    " day.",
    tags=["orders"],
    responses={200: {"description": "One page"}, **refusals(401, 403, 422)},
)
def list_jeopardies(
    severity: Annotated[Severity, Query(description="Of the order's worst line")] = Severity.HIGH,
    limit: Annotated[int, Query(ge=1, le=50)] = 25,
    cursor: Annotated[str, Query(description="next_cursor of the page before")] = "",
) -> OrderPage:
    page = in_jeopardy(severity, limit, cursor or None, stores.orders(), stores.views())
    return OrderPage(orders=[order_view(order) for order in page.orders], next_cursor=page.cursor)


@app.post(
    "/v1/orders/<order_id>/cancel",
    summary="Cancel an order, or some of its lines",
    description="Possible until a part has been shipped. The work is withdrawn, the stock released"
    " and the money given back; the order is `cancelled` when that is done. With `lines` only"
    " these units are cancelled, at once, as far as no node has packed them and no supplier has"
    " confirmed them; the rest goes on as it was. The same again, by its Idempotency-Key, cancels"
    " nothing more. When nothing is left the order is cancelled.",
    tags=["orders"],
    responses={
        200: {"description": "The lines are cancelled", "content": _ORDER},
        202: {"description": "The order is being cancelled", "content": _ORDER},
        **refusals(400, 401, 403, 404, 409, 413, 422, 503),
    },
)
def cancel_order(
    order_id: OrderId,
    request: Annotated[CancelOrder, Body()],
    idempotency_key: Annotated[str, Header(alias="Idempotency-Key", max_length=128)] = "",
) -> Any:
    if request.lines is not None:
        order = cancel_lines(
            order_id,
            [Asked(line.line_id, line.quantity) for line in request.lines],
            request.reason,
            idempotency_key,
            stores.orders(),
            stores.stock(),
            _cause(request.reason),
        )
        return _reply(202 if order.cancel_requested else 200, order_view(order))
    order = supervision.request_cancel(
        order_id, request.reason, stores.orders(), _cause(request.reason)
    )
    return _reply(202, order_view(order))


@app.post(
    "/v1/orders/<order_id>/address",
    summary="The order goes to another address",
    description="Possible until a parcel to the customer is packed. What no node has begun with is"
    " routed again, as far as the policy would choose other nodes now; all else goes to the new"
    " address from where it is. What is collected at a store is not concerned.",
    tags=["orders"],
    responses={
        200: {"description": "The order with its new address", "content": _ORDER},
        **refusals(400, 401, 403, 404, 409, 413, 415, 422, 503),
    },
)
def change_order_address(order_id: OrderId, address: Annotated[AddressDocument, Body()]) -> Any:
    router = Router(stores.orders(), stores.stock(), stores.catalog(), stores.sourcing_policies())
    order = change_address(order_id, read_address(address), router, _cause())
    return _reply(200, order_view(order))


@app.post(
    "/v1/orders/<order_id>/resume",
    summary="Resume an order in exception, once its cause is gone",
    description="The lifecycle begins anew and passes over what has been done.",
    tags=["orders"],
    responses={
        202: {"description": "The order goes on", "content": _ORDER},
        **refusals(401, 403, 404, 409, 422, 503),
    },
)
def resume_order(order_id: OrderId) -> Any:
    return _reply(202, order_view(supervision.resume(order_id, stores.orders(), _cause())))


def _acceptance() -> Acceptance:
    return Acceptance(stores.promises(), stores.demand(), stores.promises())


def _cause(reason: str = "") -> Cause:
    return Cause(utc_now(), caller(app), reason, correlation_id())


def _reply(status: int, view: OrderView) -> Any:
    return reply(status, view.model_dump(mode="json"))


handler = serve(app)
