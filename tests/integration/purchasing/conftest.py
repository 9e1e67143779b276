"""Purchase orders: the use cases, and the functions as API Gateway calls them."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from oms.catalog.model import Node
from oms.inventory.position import Supply
from oms.kernel.encoding import from_json
from oms.kernel.events import Envelope
from oms.purchasing import purchasing
from oms.purchasing.contract import PurchaseOrderDocument
from oms.purchasing.model import PurchaseOrder
from tests.integration.gateway import gateway
from tests.integration.world import SP, World, world
from tests.samples import CAUSE, NOW

DUE = NOW + timedelta(days=10)
ACME = Node("acme", "Acme", "supplier", "BR")


@pytest.fixture
def oms() -> Iterator[World]:
    with world() as made:
        made.catalog.put_node(ACME)
        yield made


@pytest.fixture
def call(oms: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Any]]:
    """Calls a function as API Gateway does: its status and its answer."""
    with gateway(monkeypatch) as ask:

        def answer(
            function: str, verb_and_path: str, body: object = None, **query: str
        ) -> tuple[int, Any]:
            return ask(function, verb_and_path, body, query=query)

        yield answer


def asked(order_id: str = "po_1", units: int = 10, **more: object) -> PurchaseOrderDocument:
    lines = [{"sku": "MUG", "quantity": Decimal(units), "due": DUE}]
    content: dict[str, Any] = {
        "id": order_id,
        "supplier": ACME.id,
        "node": SP.id,
        "lines": lines,
        **more,
    }
    return PurchaseOrderDocument(**content)


def created(oms: World, order_id: str = "po_1", units: int = 10, **more: object) -> PurchaseOrder:
    document = asked(order_id, units, **more)
    return purchasing.create(document, order_id, oms.purchases, oms.stock, oms.catalog, CAUSE)[0]


def sent(oms: World, order_id: str = "po_1", units: int = 10, **more: object) -> PurchaseOrder:
    created(oms, order_id, units, **more)
    return purchasing.send(order_id, oms.purchases, oms.stock, at(1))


def at(seconds: int) -> Any:
    return replace(CAUSE, at=CAUSE.at + timedelta(seconds=seconds))


def supply(oms: World, sku: str = "MUG", now: datetime = NOW) -> list[Supply]:
    return [*oms.stock.positions({sku}, now)[sku].supplies]


def told(oms: World, order_id: str = "po_1") -> list[Envelope]:
    """What the order's last change says to the bus."""
    key = {"pk": {"S": f"purchase_order#{order_id}"}, "sk": {"S": "purchase_order"}}
    item = oms.client.get_item(TableName="inventory", Key=key)["Item"]
    return from_json(item["envelopes"]["S"], list[Envelope])


def incoming(oms: World, sku: str = "MUG") -> tuple[int, int]:
    """By the balance, and by the ledger."""
    entries = oms.stock.entries(sku, SP.id, 100, None).entries
    return oms.balance(sku).incoming, sum(entry.incoming for entry in entries)
