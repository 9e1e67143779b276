"""The tables, and the stores over them."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import boto3
from moto import mock_aws

from local.tables import Tables
from oms.aws import clients
from oms.aws.catalog_store import CatalogStore
from oms.aws.order_store import OrderStore
from oms.aws.purchase_store import PurchaseStore
from oms.aws.replenishment_store import ReplenishmentStore
from oms.aws.stock_store import StockStore
from oms.aws.view_store import ViewStore
from oms.catalog.model import Channel, Item, Node
from oms.inventory.model import Balance, Movement, MovementKind
from oms.orders.model import Content, Order
from oms.orders.supervision import Resumption
from tests.samples import CAUSE

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

SP = Node("sp-dc", "Cajamar", "warehouse", "BR", "SP", "Cajamar", "", -23.35, -46.88)
RJ = Node("rj-store", "Ipanema", "store", "BR", "RJ", "Rio de Janeiro", "", -22.98, -43.2)


@dataclass
class RecordingLifecycle:
    """Stands in for the state machine: keeps what it was told."""

    started: list[str] = field(default_factory=list)
    resumed: list[tuple[str, Resumption]] = field(default_factory=list)
    rerouted: list[str] = field(default_factory=list)

    def start(self, order_id: str, correlation_id: str, again: int = 0) -> None:
        self.started.append(f"{order_id}-{again}" if again else order_id)

    def resume(self, token: str, resumption: Resumption) -> None:
        self.resumed.append((token, resumption))

    def reroute(self, order_id: str) -> None:
        self.rerouted.append(order_id)


@dataclass
class World:
    client: "DynamoDBClient"
    orders: OrderStore
    stock: StockStore
    catalog: CatalogStore
    views: ViewStore
    purchases: PurchaseStore
    replenishment: ReplenishmentStore
    lifecycle: RecordingLifecycle = field(default_factory=RecordingLifecycle)
    movements: int = 0

    def receive(self, sku: str, units: int, node: Node = SP) -> None:
        self.move(sku, units, MovementKind.RECEIPT, node)

    def move(self, sku: str, units: int, kind: MovementKind, node: Node = SP) -> None:
        self.movements += 1
        movement = Movement(f"m{self.movements}", kind, sku, node.id, units, "a test")
        at = CAUSE.at + timedelta(seconds=self.movements)
        self.stock.move(movement, replace(CAUSE, at=at))

    def capture(self, content: Content) -> Order:
        return self.orders.add(content, "fingerprint", CAUSE).order

    def balance(self, sku: str, node: Node = SP) -> Balance:
        balances = self.stock.balances_of(sku, consistent=True)
        return next(balance for balance in balances if balance.node == node.id)

    def waiting(self, sku: str) -> list[str]:
        """Ids of the orders that wait for a SKU, first come first."""
        return [waiter.order_id for waiter in self.stock.backorders.waiting(sku)]

    def ledger(self, sku: str, node: Node = SP) -> tuple[int, int]:
        """(on_hand, reserved), summed from the entries."""
        entries = self.stock.entries(sku, node.id, 100, None).entries
        return sum(entry.on_hand for entry in entries), sum(entry.reserved for entry in entries)


@contextmanager
def world() -> Iterator[World]:
    """Over tables in memory, which answer as moto does (local/test_tables.py). The functions find
    them too; all other services are moto's."""
    made = world_in_memory()
    with mock_aws(), patch.object(clients, "dynamodb", cache(lambda: made.client)):
        yield made


def world_in_memory() -> World:
    tables: Any = Tables()
    return made_with(tables)


@contextmanager
def world_on_moto() -> Iterator[World]:
    """For what makes clients of DynamoDB of its own."""
    with mock_aws():
        yield made_with(boto3.client("dynamodb"))


def made_with(client: "DynamoDBClient") -> World:
    create_tables(client)
    made = World(
        client,
        OrderStore(client, "orders"),
        StockStore(client, "inventory"),
        CatalogStore(client, "catalog"),
        ViewStore(client, "views"),
        PurchaseStore(client, "inventory"),
        ReplenishmentStore(client, "inventory"),
    )
    for node in (SP, RJ):
        made.catalog.put_node(node)
    for sku in ("MUG", "TEE"):
        made.catalog.put_item(Item(sku, f"The {sku}"))
    made.catalog.put_channel(Channel("web", "Web shop", ("BRL",)))
    return made


def create_tables(client: "DynamoDBClient") -> None:
    for table, indexes, sorted_by in (
        ("orders", {"by_channel": "channel", "by_customer": "customer"}, "captured_at"),
        ("inventory", {"expiring": "expiring"}, "expires_at"),
        ("catalog", {}, ""),
        ("views", {"waiting": "waiting"}, "since"),
        ("work", {}, ""),
        ("accounts", {}, ""),
    ):
        _create(client, table, indexes, sorted_by)


def _create(client: Any, table: str, indexes: dict[str, str], sorted_by: str) -> None:
    names = ["pk", "sk", *indexes.values(), *([sorted_by] if sorted_by else [])]
    request: dict[str, Any] = {
        "TableName": table,
        "BillingMode": "PAY_PER_REQUEST",
        "KeySchema": _keys("pk", "sk"),
        "AttributeDefinitions": [{"AttributeName": n, "AttributeType": "S"} for n in names],
    }
    if indexes:
        request["GlobalSecondaryIndexes"] = [
            {
                "IndexName": index,
                "KeySchema": _keys(attribute, sorted_by),
                "Projection": {"ProjectionType": "ALL"},
            }
            for index, attribute in indexes.items()
        ]
    client.create_table(**request)


def _keys(partition: str, sort: str) -> list[dict[str, str]]:
    return [
        {"AttributeName": partition, "KeyType": "HASH"},
        {"AttributeName": sort, "KeyType": "RANGE"},
    ]
