"""How items are replenished, over HTTP."""

from typing import Annotated

from aws_lambda_powertools.event_handler.openapi.params import Body, Path, Query
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from oms.aws import stores
from oms.aws.http import refusals
from oms.kernel.clock import utc_now
from oms.kernel.errors import NotFound
from oms.purchasing.contract import (
    ReplenishmentDocument,
    ReplenishmentPage,
    ReplenishmentSettings,
    ReplenishmentView,
    replenishment_view,
    settings_view,
)
from oms.purchasing.reorder import Settings
from oms.purchasing.replenishment import look_ahead, set_replenishment

router = APIGatewayHttpRouter()  # type: ignore[no-untyped-call]

Sku = Annotated[str, Path(pattern=r"^[\w.:\-]{1,64}$")]
NodeId = Annotated[str, Path(pattern=r"^[\w.:\-]{1,64}$")]


@router.put(
    "/v1/inventory/<sku>/nodes/<node_id>/replenishment",
    summary="Set when an item is ordered again for a node, how much of it, and from whom",
    tags=["purchasing"],
    responses={
        200: {"description": "As it is stored now"},
        **refusals(400, 401, 403, 404, 413, 415, 422),
    },
)
def put_replenishment(
    sku: Sku, node_id: NodeId, document: Annotated[ReplenishmentDocument, Body()]
) -> ReplenishmentSettings:
    settings = set_replenishment(sku, node_id, document, stores.replenishment(), stores.catalog())
    return settings_view(settings)


@router.get(
    "/v1/inventory/<sku>/nodes/<node_id>/replenishment",
    summary="How an item is replenished at a node, and how long it lasts",
    tags=["purchasing"],
    responses={200: {"description": "Settings and outlook"}, **refusals(401, 403, 404, 422)},
)
def read_replenishment(sku: Sku, node_id: NodeId) -> ReplenishmentView:
    settings = stores.replenishment().find(sku, node_id)
    if settings is None:
        raise NotFound(f"{sku} is not replenished at {node_id}")
    return _view(settings)


@router.get(
    "/v1/replenishment",
    summary="What is replenished, with how long it lasts and what is suggested",
    tags=["purchasing"],
    responses={200: {"description": "One page"}, **refusals(401, 403, 422)},
)
def list_replenishment(
    node: Annotated[str, Query(description="Only what is replenished there")] = "",
    limit: Annotated[int, Query(ge=1, le=50)] = 25,
    cursor: Annotated[str, Query(description="next_cursor of the page before")] = "",
) -> ReplenishmentPage:
    found = stores.replenishment().page(node, limit, cursor or None)
    return ReplenishmentPage(
        replenishment=[_view(settings) for settings in found.settings], next_cursor=found.cursor
    )


def _view(settings: Settings) -> ReplenishmentView:
    view = look_ahead(settings, stores.replenishment(), stores.stock(), utc_now())
    return replenishment_view(settings, view)
