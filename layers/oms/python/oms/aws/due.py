"""What is due at a time, as items of one partition that sort by it: ``<time>#<name>``."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from oms.aws import dynamo
from oms.kernel.clock import parse_rfc3339, rfc3339

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


def due_key(partition: str, at: datetime, name: str) -> dynamo.Item:
    return {"pk": dynamo.text(partition), "sk": dynamo.text(f"{rfc3339(at)}#{name}")}


def overdue(
    client: DynamoDBClient, table: str, partition: str, now: datetime, limit: int
) -> list[tuple[str, datetime]]:
    """The name and time of what is due, the oldest first. ``$`` sorts after the ``#`` that follows
    a time: what is due now is in the range."""
    answer = client.query(
        TableName=table,
        KeyConditionExpression="pk = :due AND sk < :now",
        ExpressionAttributeValues={
            ":due": dynamo.text(partition),
            ":now": dynamo.text(f"{rfc3339(now)}$"),
        },
        Limit=limit,
    )
    found = (dynamo.read_text(item, "sk").partition("#") for item in answer["Items"])
    return [(name, parse_rfc3339(at)) for at, _, name in found]
