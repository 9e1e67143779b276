"""Stock over HTTP: movements in, balances and their ledger out."""

from typing import Annotated, Any

from aws_lambda_powertools.event_handler.openapi.params import Body, Query

from oms.aws import stores
from oms.aws.http import caller, refusals, reply, resolver, serve
from oms.aws.observability import correlation_id
from oms.aws.paths import NodeId, Sku
from oms.catalog.store import known_item
from oms.inventory.contract import (
    BalanceView,
    EntryPageView,
    MovementDocument,
    MovementResult,
    StockView,
    ThresholdsDocument,
    balance_view,
    entry_page_view,
    stock_view,
)
from oms.inventory.movements import book, units_of
from oms.kernel.clock import utc_now
from oms.kernel.events import Cause

app = resolver()

_RESULT: dict[str, Any] = {"application/json": {"model": MovementResult}}


@app.post(
    "/v1/inventory/movements",
    summary="Book a movement of stock",
    description="Carries its own id: sent again it changes nothing and answers 200; the same id"
    " with another content answers 409.",
    tags=["inventory"],
    responses={
        200: {"description": "Booked before", "content": _RESULT},
        201: {"description": "Booked", "content": _RESULT},
        **refusals(400, 401, 403, 404, 409, 415, 422, 503),
    },
)
def book_movement(movement: Annotated[MovementDocument, Body()]) -> Any:
    booked = book(
        movement,
        stores.stock(),
        stores.purchases(),
        stores.catalog(),
        Cause(utc_now(), caller(app), movement.reason, correlation_id()),
    )
    result = MovementResult(id=movement.id, booked=booked)
    return reply(201 if booked else 200, result.model_dump())


@app.get(
    "/v1/inventory/<sku>",
    summary="Stock of an item, in all and by node",
    tags=["inventory"],
    responses={200: {"description": "The balances"}, **refusals(401, 403, 404, 422)},
)
def read_stock(sku: Sku) -> StockView:
    item = known_item(sku, stores.catalog())
    position = stores.stock().positions({sku}, utc_now(), consistent=True)[sku]
    return stock_view(item, position.balances)


@app.put(
    "/v1/inventory/<sku>/nodes/<node_id>",
    summary="Set what a node holds back, when it runs low, over how many counters it is spread, and"
    " where it lies",
    tags=["inventory"],
    responses={
        200: {"description": "The balance"},
        **refusals(400, 401, 403, 404, 409, 415, 422, 503),
    },
)
def set_thresholds(
    sku: Sku, node_id: NodeId, thresholds: Annotated[ThresholdsDocument, Body()]
) -> BalanceView:
    item, stock = known_item(sku, stores.catalog()), stores.stock()
    cause = Cause(utc_now(), caller(app), "thresholds", correlation_id())
    safety_stock = units_of("safety_stock", thresholds.safety_stock, item)
    low_stock_at = units_of("low_stock_at", thresholds.low_stock_at, item)
    stock.set_thresholds(sku, node_id, safety_stock, low_stock_at, cause)
    if thresholds.bin is not None:
        stock.set_bin(sku, node_id, thresholds.bin)
    if thresholds.marked_down_since is not None:
        stock.set_marked_down(sku, node_id, thresholds.marked_down_since or None)
    if thresholds.counters:
        stock.spread(sku, node_id, thresholds.counters, cause)
    position = stock.positions({sku}, cause.at, consistent=True)[sku]
    return balance_view(item, position.at(node_id))


@app.get(
    "/v1/inventory/<sku>/movements",
    summary="The ledger of an item at a node, newest first",
    tags=["inventory"],
    responses={200: {"description": "One page"}, **refusals(401, 403, 404, 422)},
)
def list_movements(
    sku: Sku,
    node: Annotated[str, Query(pattern=r"^[\w.:\-]{1,64}$")],
    limit: Annotated[int, Query(ge=1, le=100)] = 25,
    cursor: Annotated[str, Query(description="next_cursor of the page before")] = "",
) -> EntryPageView:
    item = known_item(sku, stores.catalog())
    return entry_page_view(item, node, stores.stock().entries(sku, node, limit, cursor or None))


handler = serve(app)
