"""Reads the whole inventory table and holds every balance, and whoever holds units, against the
ledger. For maintenance."""

from __future__ import annotations

from typing import TYPE_CHECKING

from oms.aws import dynamo
from oms.aws.backorder_store import OWED, WAITING, read_owed, read_waiter
from oms.aws.purchase_store import read_order
from oms.aws.share_store import (
    BORROW,
    SHARE,
    TAKEN,
    read_holding,
    read_owed_borrow,
    read_share,
)
from oms.aws.stock_items import read_balance, read_entry, read_reservation, sort_key
from oms.aws.supply_items import PREFIX, read_supply
from oms.inventory.backorders import Waiter, misowed
from oms.inventory.ledger import Shortfall, shortfalls
from oms.inventory.model import Balance, Entry
from oms.inventory.position import Share, Supply
from oms.inventory.reservation import Reservation
from oms.inventory.share_audit import misshared
from oms.inventory.shares import Borrow, Holding
from oms.purchasing.audit import misordered
from oms.purchasing.model import PurchaseOrder

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


def audit(client: DynamoDBClient, table: str) -> tuple[int, list[Shortfall]]:
    """How many balances there are, and what does not add up. Stock that moves meanwhile may seem
    not to: run it again before believing a single difference."""
    balances: list[Balance] = []
    entries: list[Entry] = []
    reservations: list[Reservation] = []
    dated: list[Supply] = []
    orders: list[PurchaseOrder] = []
    owed: dict[str, int] = {}
    waiting: list[tuple[str, Waiter]] = []
    shares: dict[str, list[Share]] = {}
    holdings: list[Holding] = []
    borrows: list[Borrow] = []
    pages = client.get_paginator("scan").paginate(TableName=table, ConsistentRead=True)
    for page in pages:
        for item in page["Items"]:
            key, partition = sort_key(item), dynamo.read_text(item, "pk")
            if key.startswith("node#"):
                balances.append(read_balance(item))
            elif key == OWED:
                owed[partition], _ = read_owed(item)
            elif partition.startswith(WAITING):
                waiting.append((partition.removeprefix(WAITING), read_waiter(item)))
            elif key.startswith(SHARE):
                shares.setdefault(partition, []).append(read_share(item)[1])
            elif partition.startswith(TAKEN):
                holdings += read_holding(item)
            elif partition.startswith(BORROW):
                borrows += read_owed_borrow(item)
            elif key == "reservation":
                reservations.append(read_reservation(item))
            elif key.startswith(PREFIX):
                dated.append(read_supply(item))
            elif key == "purchase_order":
                orders.append(read_order(item))
            elif "record" in item and key != "movement":
                entries.append(read_entry(item))
    found = shortfalls(balances, entries, reservations)
    return len(balances), [
        *found,
        *misordered(entries, dated, orders),
        *misowed(owed, waiting),
        *misshared(shares, holdings, borrows),
    ]
