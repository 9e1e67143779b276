"""The stores of this deployment, made from the function's environment variables.

Each is imported when it is first asked for: most functions have to do with one or two of them, and
pay for no other at a cold start.
"""

from __future__ import annotations

import os
from functools import cache
from typing import TYPE_CHECKING

from oms.aws import clients

if TYPE_CHECKING:
    from oms.aws.account_store import AccountStore
    from oms.aws.backorder_store import BackorderStore
    from oms.aws.capacity_store import CapacityStore
    from oms.aws.catalog_store import CachedCatalog, CatalogStore
    from oms.aws.demand_store import DemandStore
    from oms.aws.expected_return_store import ExpectedReturnStore
    from oms.aws.order_store import OrderStore
    from oms.aws.parcel_store import ParcelTable
    from oms.aws.picklist_store import PicklistTable
    from oms.aws.pickup_store import PickupStore
    from oms.aws.policy_store import PolicyStore
    from oms.aws.promise_store import PromiseStore
    from oms.aws.published_store import PublishedStore
    from oms.aws.purchase_store import PurchaseStore
    from oms.aws.replenishment_store import ReplenishmentStore
    from oms.aws.reservation_store import ReservationStore
    from oms.aws.return_policy_store import ReturnPolicyStore
    from oms.aws.return_rate_store import ReturnRateStore
    from oms.aws.settlement_store import SettlementStore
    from oms.aws.shipment_store import ShipmentTable
    from oms.aws.sourcing_policy_store import SourcingPolicyStore
    from oms.aws.staff_store import StaffTable
    from oms.aws.stock_store import StockStore
    from oms.aws.unreceipted_store import UnreceiptedStore
    from oms.aws.view_store import ViewStore


@cache
def orders() -> OrderStore:
    from oms.aws.order_store import OrderStore

    return OrderStore(clients.dynamodb(), os.environ["ORDERS_TABLE"])


@cache
def stock() -> StockStore:
    from oms.aws.stock_store import StockStore

    return StockStore(clients.dynamodb(), os.environ["INVENTORY_TABLE"])


@cache
def promises() -> PromiseStore:
    from oms.aws.promise_store import PromiseStore

    return PromiseStore(clients.dynamodb(), os.environ["INVENTORY_TABLE"])


@cache
def demand() -> DemandStore:
    from oms.aws.demand_store import DemandStore

    return DemandStore(clients.dynamodb(), os.environ["INVENTORY_TABLE"])


@cache
def published() -> PublishedStore:
    from oms.aws.published_store import PublishedStore

    return PublishedStore(clients.dynamodb(), os.environ["INVENTORY_TABLE"])


@cache
def purchases() -> PurchaseStore:
    from oms.aws.purchase_store import PurchaseStore

    return PurchaseStore(clients.dynamodb(), os.environ["INVENTORY_TABLE"])


@cache
def backorders() -> BackorderStore:
    from oms.aws.backorder_store import BackorderStore

    return BackorderStore(clients.dynamodb(), os.environ["INVENTORY_TABLE"])


@cache
def policies() -> PolicyStore:
    from oms.aws.policy_store import PolicyStore

    return PolicyStore(clients.dynamodb(), os.environ["INVENTORY_TABLE"])


@cache
def reservations() -> ReservationStore:
    from oms.aws.reservation_store import ReservationStore

    return ReservationStore(clients.dynamodb(), os.environ["INVENTORY_TABLE"], stock())


@cache
def replenishment() -> ReplenishmentStore:
    from oms.aws.replenishment_store import ReplenishmentStore

    return ReplenishmentStore(clients.dynamodb(), os.environ["INVENTORY_TABLE"])


@cache
def catalog_store() -> CatalogStore:
    from oms.aws.catalog_store import CatalogStore

    return CatalogStore(clients.dynamodb(), os.environ["CATALOG_TABLE"])


@cache
def sourcing_policies() -> SourcingPolicyStore:
    from oms.aws.sourcing_policy_store import SourcingPolicyStore

    return SourcingPolicyStore(clients.dynamodb(), os.environ["CATALOG_TABLE"])


@cache
def return_policies() -> ReturnPolicyStore:
    from oms.aws.return_policy_store import ReturnPolicyStore

    return ReturnPolicyStore(clients.dynamodb(), os.environ["CATALOG_TABLE"])


@cache
def catalog() -> CachedCatalog:
    from oms.aws.catalog_store import CachedCatalog

    return CachedCatalog(catalog_store())


@cache
def views() -> ViewStore:
    from oms.aws.view_store import ViewStore

    return ViewStore(clients.dynamodb(), os.environ["VIEWS_TABLE"])


@cache
def settlements() -> SettlementStore:
    from oms.aws.settlement_store import SettlementStore

    return SettlementStore(clients.dynamodb(), os.environ["VIEWS_TABLE"])


@cache
def return_rates() -> ReturnRateStore:
    from oms.aws.return_rate_store import ReturnRateStore

    orders_table = os.environ.get("ORDERS_TABLE", "")
    return ReturnRateStore(clients.dynamodb(), os.environ["VIEWS_TABLE"], orders_table)


@cache
def staff() -> StaffTable:
    from oms.aws.staff_store import StaffTable

    return StaffTable(clients.dynamodb(), os.environ["CATALOG_TABLE"])


@cache
def capacity() -> CapacityStore:
    from oms.aws.capacity_store import CapacityStore

    return CapacityStore(clients.dynamodb(), os.environ["INVENTORY_TABLE"])


@cache
def parcels() -> ParcelTable:
    from oms.aws.parcel_store import ParcelTable

    return ParcelTable(clients.dynamodb(), os.environ["WORK_TABLE"])


@cache
def pickups() -> PickupStore:
    from oms.aws.pickup_store import PickupStore

    return PickupStore(clients.dynamodb(), os.environ["WORK_TABLE"])


@cache
def expected_returns() -> ExpectedReturnStore:
    from oms.aws.expected_return_store import ExpectedReturnStore

    return ExpectedReturnStore(clients.dynamodb(), os.environ["WORK_TABLE"])


@cache
def picklists() -> PicklistTable:
    from oms.aws.picklist_store import PicklistTable

    return PicklistTable(clients.dynamodb(), os.environ["WORK_TABLE"])


@cache
def shipments() -> ShipmentTable:
    from oms.aws.shipment_store import ShipmentTable

    return ShipmentTable(clients.dynamodb(), os.environ["WORK_TABLE"])


@cache
def unreceipted_returns() -> UnreceiptedStore:
    from oms.aws.unreceipted_store import UnreceiptedStore

    return UnreceiptedStore(clients.dynamodb(), os.environ["WORK_TABLE"])


@cache
def accounts() -> AccountStore:
    from oms.aws.account_store import AccountStore

    return AccountStore(clients.dynamodb(), os.environ["ACCOUNTS_TABLE"])
