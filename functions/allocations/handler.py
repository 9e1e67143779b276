"""Channels' shares of stock over HTTP."""

from typing import Annotated

from aws_lambda_powertools.event_handler.openapi.params import Body, Query

from oms.aws import stores
from oms.aws.http import caller, refusals, resolver, serve
from oms.aws.observability import correlation_id
from oms.aws.paths import Sku
from oms.catalog.store import known_item
from oms.inventory.allocations import allocation, set_shares
from oms.inventory.share_contract import (
    BorrowPageView,
    SharesDocument,
    SharesView,
    borrow_page_view,
    shares_view,
)
from oms.kernel.clock import utc_now
from oms.kernel.events import Cause

app = resolver()


@app.put(
    "/v1/inventory/<sku>/shares",
    summary="Set which channel may have how much of an item",
    description="Replaces the rules whole and grants what is available now by them. What orders and"
    " reservations hold stays theirs, what is borrowed stays owed.",
    tags=["inventory"],
    responses={
        200: {"description": "The shares as they are now"},
        **refusals(400, 401, 403, 404, 415, 422, 503),
    },
)
def put_shares(sku: Sku, shares: Annotated[SharesDocument, Body()]) -> SharesView:
    item = known_item(sku, stores.catalog())
    cause = Cause(utc_now(), caller(app), correlation_id=correlation_id())
    made = set_shares(item, shares, stores.stock(), stores.catalog(), cause)
    return shares_view(item, made.position, made.owed)


@app.get(
    "/v1/inventory/<sku>/shares",
    summary="Which channel may have how much of an item",
    tags=["inventory"],
    responses={200: {"description": "The shares"}, **refusals(401, 403, 404, 422)},
)
def get_shares(sku: Sku) -> SharesView:
    item = known_item(sku, stores.catalog())
    found = allocation(sku, stores.stock(), utc_now())
    return shares_view(item, found.position, found.owed)


@app.get(
    "/v1/inventory/<sku>/borrows",
    summary="What channels borrowed of one another: owed first, then returned, oldest first",
    tags=["inventory"],
    responses={200: {"description": "One page"}, **refusals(401, 403, 404, 422)},
)
def list_borrows(
    sku: Sku,
    limit: Annotated[int, Query(ge=1, le=100)] = 25,
    cursor: Annotated[str, Query(description="next_cursor of the page before")] = "",
) -> BorrowPageView:
    item = known_item(sku, stores.catalog())
    return borrow_page_view(item, stores.stock().shares.borrows(sku, limit, cursor or None))


handler = serve(app)
