"""Selling over HTTP: how far a SKU is sold beyond what is there, and who waits for it."""

from typing import Annotated

from aws_lambda_powertools.event_handler.openapi.params import Body, Query

from oms.aws import stores
from oms.aws.http import caller, refusals, resolver, serve
from oms.aws.observability import correlation_id
from oms.aws.paths import Sku
from oms.catalog.store import known_item
from oms.inventory.policies import set_policy
from oms.inventory.policy_contract import (
    PolicyDocument,
    PolicyView,
    QueuePageView,
    policy_view,
    queue_page_view,
)
from oms.kernel.clock import utc_now
from oms.kernel.events import Cause

app = resolver()


@app.put(
    "/v1/inventory/<sku>/policy",
    summary="Set how an item may be sold",
    description="Replaces the policy whole. With `version` only when that is the present one:"
    " otherwise 409.",
    tags=["inventory"],
    responses={
        200: {"description": "The policy as it is now"},
        **refusals(400, 401, 403, 404, 409, 415, 422, 503),
    },
)
def put_policy(sku: Sku, policy: Annotated[PolicyDocument, Body()]) -> PolicyView:
    item = known_item(sku, stores.catalog())
    cause = Cause(utc_now(), caller(app), correlation_id=correlation_id())
    return policy_view(item, set_policy(item, policy, stores.policies(), stores.catalog(), cause))


@app.get(
    "/v1/inventory/<sku>/policy",
    summary="How an item may be sold",
    tags=["inventory"],
    responses={200: {"description": "The policy"}, **refusals(401, 403, 404, 422)},
)
def get_policy(sku: Sku) -> PolicyView:
    item = known_item(sku, stores.catalog())
    return policy_view(item, stores.policies().policy(sku))


@app.get(
    "/v1/inventory/<sku>/backorders",
    summary="The orders that wait for an item, in the order in which they are filled",
    tags=["inventory"],
    responses={200: {"description": "One page"}, **refusals(401, 403, 404, 422)},
)
def list_backorders(
    sku: Sku,
    limit: Annotated[int, Query(ge=1, le=100)] = 25,
    cursor: Annotated[str, Query(description="next_cursor of the page before")] = "",
) -> QueuePageView:
    item = known_item(sku, stores.catalog())
    return queue_page_view(item, stores.backorders().queue(sku, limit, cursor or None))


handler = serve(app)
