"""What every table's store shares: attribute values, one-shot transactions, cursors."""

from __future__ import annotations

import base64
import json
import random
import time
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from oms.kernel.errors import Invalid, StockContended, Unavailable
from oms.kernel.writes import Write

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

TRANSACTION_LIMIT = 100
_LONGEST_KEY = 1024
_CONFLICT_ATTEMPTS = 6
_BATCH = 100
_PUT_BATCH = 25
_BATCH_ATTEMPTS = 5

Item = dict[str, Any]


def text(value: str) -> dict[str, str]:
    return {"S": value}


def number(value: int) -> dict[str, str]:
    return {"N": str(value)}


def read_text(item: Mapping[str, Any], name: str, default: str = "") -> str:
    return str(item[name]["S"]) if name in item else default


def read_number(item: Mapping[str, Any], name: str, default: int = 0) -> int:
    return int(item[name]["N"]) if name in item else default


def is_refused_condition(error: ClientError) -> bool:
    return error.response["Error"]["Code"] == "ConditionalCheckFailedException"


def transact(client: DynamoDBClient, writes: Sequence[Write]) -> None:
    """All writes or none. Raises the refusal of the first write whose condition failed.

    Two transactions that touch one item at the same moment cancel one another without looking at
    any condition; that is retried here, with jitter, since nothing has been decided.
    """
    for attempt in range(_CONFLICT_ATTEMPTS):
        try:
            client.transact_write_items(TransactItems=[dict(w.request) for w in writes])  # type: ignore[misc]
            return
        except client.exceptions.TransactionCanceledException as cancelled:
            reasons = [reason.get("Code") for reason in cancelled.response["CancellationReasons"]]
            if "ConditionalCheckFailed" in reasons:
                raise writes[reasons.index("ConditionalCheckFailed")].refusal from None
            if "TransactionConflict" not in reasons and "ThrottlingError" not in reasons:
                raise
        time.sleep(random.uniform(0, 0.02 * 2**attempt))
    raise StockContended("other transactions hold the same items")


def read_batch(
    client: DynamoDBClient, table: str, keys: Sequence[Item], *, consistent: bool = True
) -> list[Item]:
    """The items that there are among ``keys``, in any order. Raises ``Unavailable``."""
    found: list[Item] = []
    for first in range(0, len(keys), _BATCH):
        batch = {"Keys": list(keys[first : first + _BATCH]), "ConsistentRead": consistent}
        request: Any = {table: batch}
        for attempt in range(_BATCH_ATTEMPTS):
            answer = client.batch_get_item(RequestItems=request)
            found += answer["Responses"].get(table, [])
            request = answer.get("UnprocessedKeys")
            if not request:
                break
            time.sleep(0.02 * 2**attempt)
        else:
            raise Unavailable(f"the table {table} is throttled")
    return found


def put_batch(client: DynamoDBClient, table: str, items: Sequence[Item]) -> None:
    """Each by itself, in any order. Raises ``Unavailable``."""
    for first in range(0, len(items), _PUT_BATCH):
        request: Any = {
            table: [{"PutRequest": {"Item": item}} for item in items[first : first + _PUT_BATCH]]
        }
        for attempt in range(_BATCH_ATTEMPTS):
            request = client.batch_write_item(RequestItems=request).get("UnprocessedItems")
            if not request:
                break
            time.sleep(0.02 * 2**attempt)
        else:
            raise Unavailable(f"the table {table} is throttled")


def encode_cursor(key: Mapping[str, Any] | None) -> str | None:
    if not key:
        return None
    return base64.urlsafe_b64encode(json.dumps(key, separators=(",", ":")).encode()).decode()


def decode_cursor(
    cursor: str, expected: Mapping[str, str], others: Collection[str] = ("sk",)
) -> Item:
    """The key a page ended at. Raises ``Invalid`` unless it is one of ours, for the same list:
    ``expected`` are the attributes that a forged cursor would have to change, ``others`` the names
    of those that differ from page to page. DynamoDB refuses any other shape as if we had erred."""
    try:
        key = json.loads(base64.urlsafe_b64decode(cursor.encode()))
        same = all(key[name] == text(value) for name, value in expected.items())
        ours = key.keys() == {*expected, *others} and all(map(_is_text, key.values()))
    except (ValueError, KeyError, TypeError, AttributeError):
        same = ours = False
    if not (same and ours):
        raise Invalid("the cursor is not one that this list gave out", code="invalid_cursor")
    return dict(key)


def _is_text(value: object) -> bool:
    """Of at most as many bytes as a sort key has."""
    if not isinstance(value, dict) or value.keys() != {"S"}:
        return False
    said = value["S"]
    return isinstance(said, str) and 0 < len(said.encode()) <= _LONGEST_KEY
