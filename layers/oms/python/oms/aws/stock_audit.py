"""Reads the whole inventory table and holds every balance against its ledger. For maintenance."""

from __future__ import annotations

from typing import TYPE_CHECKING

from oms.aws import dynamo
from oms.aws.stock_items import read_balance, read_entry
from oms.inventory.ledger import Shortfall, shortfalls
from oms.inventory.model import QUANTITIES, Balance

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


def audit(client: DynamoDBClient, table: str) -> tuple[int, list[Shortfall]]:
    """How many balances there are, and what does not add up. Stock that moves meanwhile may seem
    not to: run it again before believing a single difference."""
    balances: list[Balance] = []
    sums: dict[tuple[str, str, str], int] = {}
    pages = client.get_paginator("scan").paginate(TableName=table, ConsistentRead=True)
    for page in pages:
        for item in page["Items"]:
            if dynamo.read_text(item, "sk").startswith("node#"):
                balances.append(read_balance(item))
            elif "record" in item and dynamo.read_text(item, "sk") != "movement":
                entry = read_entry(item)
                for name in QUANTITIES:
                    key = (entry.sku, entry.node, name)
                    sums[key] = sums.get(key, 0) + getattr(entry, name)
    return len(balances), shortfalls(tuple(balances), sums)
