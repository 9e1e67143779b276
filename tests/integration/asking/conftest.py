"""What can be promised: the functions as API Gateway calls them, on a Monday morning."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from oms.aws.supply_items import supply_item
from oms.catalog.delivery import Band, CarrierService
from oms.inventory.position import Supply
from tests.integration.gateway import gateway
from tests.integration.world import SP, World, world

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)  # 9:00 in São Paulo
GROUND = CarrierService(
    "ground", "Ground", "Correios", ("BR",), (Band(100, 1, 900), Band(5000, 3, 1500)), "BRL"
)
EXPRESS = CarrierService("express", "Express", "Correios", ("BR",), (Band(5000, 1, 4000),), "BRL")
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
    monkeypatch.setattr("functions.promising.handler.utc_now", lambda: NOW)
    with gateway(monkeypatch) as ask:

        def answer(
            verb_and_path: str, body: object = None, of: str = "promising", **query: str
        ) -> tuple[int, Any]:
            return ask(of, verb_and_path, body, query=query)

        yield answer


def comes(oms: World, units: int, days: int, sku: str = "MUG", supply_id: str = "po_1") -> None:
    supply = Supply(supply_id, sku, SP.id, NOW + timedelta(days=days), units)
    oms.client.put_item(TableName="inventory", Item=supply_item(supply))
