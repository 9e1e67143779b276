"""The stores of this deployment, made from the function's environment variables."""

import os
from functools import cache

from oms.aws import clients
from oms.aws.catalog_store import CachedCatalog, CatalogStore
from oms.aws.order_store import OrderStore
from oms.aws.stock_store import StockStore
from oms.aws.view_store import ViewStore


@cache
def orders() -> OrderStore:
    return OrderStore(clients.dynamodb(), os.environ["ORDERS_TABLE"])


@cache
def stock() -> StockStore:
    return StockStore(clients.dynamodb(), os.environ["INVENTORY_TABLE"])


@cache
def catalog_store() -> CatalogStore:
    return CatalogStore(clients.dynamodb(), os.environ["CATALOG_TABLE"])


@cache
def catalog() -> CachedCatalog:
    return CachedCatalog(catalog_store())


@cache
def views() -> ViewStore:
    return ViewStore(clients.dynamodb(), os.environ["VIEWS_TABLE"])
