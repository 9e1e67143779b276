"""Goods that were exchanged in advance, in the table ``work``.

====================  ========================  ====================================
pk                    sk                        what
====================  ========================  ====================================
``exchanges@due``     ``<until>#<return id>``   until when they are to come
====================  ========================  ====================================
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from oms.aws import dynamo
from oms.kernel.clock import parse_rfc3339, rfc3339
from oms.kernel.errors import Unavailable
from oms.kernel.writes import Write
from oms.returns.unreturned import Expected

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_DUE = "exchanges@due"


class ExpectedReturnStore:
    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def expect(self, expected: Expected) -> Write:
        return Write({"Put": {"TableName": self._table, "Item": _key(expected)}}, Unavailable())

    def overdue(self, now: datetime, limit: int) -> tuple[Expected, ...]:
        """``$`` sorts after the ``#`` that follows a time: what is due now is in the range."""
        answer = self._client.query(
            TableName=self._table,
            KeyConditionExpression="pk = :due AND sk < :now",
            ExpressionAttributeValues={
                ":due": dynamo.text(_DUE),
                ":now": dynamo.text(f"{rfc3339(now)}$"),
            },
            Limit=limit,
        )
        found = (dynamo.read_text(item, "sk").partition("#") for item in answer["Items"])
        return tuple(Expected(return_id, parse_rfc3339(until)) for until, _, return_id in found)

    def forget(self, expected: Expected) -> None:
        self._client.delete_item(TableName=self._table, Key=_key(expected))


def _key(expected: Expected) -> dynamo.Item:
    return {
        "pk": dynamo.text(_DUE),
        "sk": dynamo.text(f"{rfc3339(expected.until)}#{expected.return_id}"),
    }
