"""Reads the whole table of accounts and holds every balance against its ledger. For maintenance."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from oms.accounts.audit import misbalanced
from oms.accounts.model import Account, AccountEntry, Hold, Invoice
from oms.aws import dynamo
from oms.aws.account_store import (
    ACCOUNT,
    ENTRY,
    HOLD,
    INVOICE,
    read_account,
    read_entry,
    read_hold,
    read_invoice,
)

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


def audit(client: DynamoDBClient, table: str) -> tuple[int, list[str]]:
    """How many accounts there are, and what does not add up. What moves meanwhile may seem not to:
    run it again before believing a single difference."""
    accounts: list[Account] = []
    entries: dict[str, list[AccountEntry]] = defaultdict(list)
    holds: dict[str, list[Hold]] = defaultdict(list)
    invoices: dict[str, list[Invoice]] = defaultdict(list)
    for page in client.get_paginator("scan").paginate(TableName=table, ConsistentRead=True):
        for item in page["Items"]:
            partition, key = dynamo.read_text(item, "pk"), dynamo.read_text(item, "sk")
            if key == ACCOUNT:
                accounts.append(read_account(item))
            elif key.startswith(ENTRY):
                entries[partition].append(read_entry(item))
            elif key.startswith(HOLD):
                holds[partition].append(read_hold(item))
            elif key.startswith(INVOICE):
                invoices[partition].append(read_invoice(item))
    return len(accounts), [
        line
        for account in accounts
        for line in misbalanced(
            account, entries[account.id], holds[account.id], invoices[account.id]
        )
    ]
