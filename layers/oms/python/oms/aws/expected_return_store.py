"""Goods that were exchanged in advance, in the table ``work``.

====================  ========================  ====================================
pk                    sk                        what
====================  ========================  ====================================
``exchanges@due``     ``<until>#<return id>``   until when they are to come
====================  ========================  ====================================
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from oms.aws import dynamo
from oms.aws.due import due_key, overdue
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
        return tuple(
            Expected(return_id, until)
            for return_id, until in overdue(self._client, self._table, _DUE, now, limit)
        )

    def forget(self, expected: Expected) -> None:
        self._client.delete_item(TableName=self._table, Key=_key(expected))

    def put_off(self, expected: Expected, until: datetime) -> None:
        dynamo.transact(self._client, [self.expect(replace(expected, until=until))])
        self.forget(expected)


def _key(expected: Expected) -> dynamo.Item:
    return due_key(_DUE, expected.until, expected.return_id)
