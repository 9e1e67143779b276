"""What can be promised: the functions as API Gateway calls them, on a Monday morning."""

import importlib
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from oms.aws import clients, stores
from oms.aws.supply_items import supply_item
from oms.catalog.delivery import Band, CarrierService
from oms.inventory.position import Supply
from tests.integration.world import SP, World, world

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)  # 9:00 in São Paulo
GROUND = CarrierService(
    "ground", "Ground", "Correios", ("BR",), (Band(100, 1, 900), Band(5000, 3, 1500)), "BRL"
)
EXPRESS = CarrierService("express", "Express", "Correios", ("BR",), (Band(5000, 1, 4000),), "BRL")
CONTEXT = SimpleNamespace(
    function_name="function",
    memory_limit_in_mb=128,
    invoked_function_arn="arn:aws:lambda:us-east-1:123456789012:function:function",
    aws_request_id="lambda-1",
    get_remaining_time_in_millis=lambda: 10_000,
)
Call = Callable[..., tuple[int, Any]]


@pytest.fixture
def oms() -> Iterator[World]:
    with world() as made:
        for service in (GROUND, EXPRESS):
            made.catalog.put_carrier_service(service)
        yield made


@pytest.fixture
def call(oms: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[Call]:
    """Calls a function as API Gateway does: its status and its answer."""
    monkeypatch.setenv("INVENTORY_TABLE", "inventory")
    monkeypatch.setenv("CATALOG_TABLE", "catalog")
    monkeypatch.setattr("functions.promising.handler.utc_now", lambda: NOW)
    made_once: tuple[Any, ...] = (
        clients.dynamodb,
        stores.stock,
        stores.promises,
        stores.demand,
        stores.catalog,
        stores.catalog_store,
    )
    for each in made_once:
        each.cache_clear()

    def answer(verb_and_path: str, body: object = None, of: str = "promising", **query: str) -> Any:
        method, path = verb_and_path.split()
        event = {
            "version": "2.0",
            "rawPath": path,
            "rawQueryString": "",
            "queryStringParameters": query,
            "headers": {"content-type": "application/json"},
            "requestContext": {
                "requestId": "request-1",
                "stage": "$default",
                "http": {"method": method, "path": path},
            },
            "body": None if body is None else json.dumps(body),
            "isBase64Encoded": False,
        }
        module = importlib.import_module(f"functions.{of}.handler")
        response = module.handler(event, CONTEXT)
        return response["statusCode"], json.loads(response["body"])

    yield answer
    for each in made_once:
        each.cache_clear()


def comes(oms: World, units: int, days: int, sku: str = "MUG", supply_id: str = "po_1") -> None:
    supply = Supply(supply_id, sku, SP.id, NOW + timedelta(days=days), units)
    oms.client.put_item(TableName="inventory", Item=supply_item(supply))
