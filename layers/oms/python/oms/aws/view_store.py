"""Read models in DynamoDB: one item per view, in a sparse index of what waits.

=====================  ========  =====================================================
pk                     sk        what
=====================  ========  =====================================================
fulfilment or order    ``view``  where it waits (``waiting``), ``since`` when, ``state``
=====================  ========  =====================================================

A view that waits no more keeps its version for a week, so that a late event cannot bring it back,
but has left the index.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from oms.aws import dynamo
from oms.reporting.waiting import View, Waiting, WaitingPage

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_LARGEST_PAGE = 100
_KEEP = timedelta(days=7)


class ViewStore:
    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def put(self, view: View, now: datetime) -> None:
        item: dict[str, Any] = {
            "pk": dynamo.text(view.id),
            "sk": dynamo.text("view"),
            "state": dynamo.text(view.state),
            "version": dynamo.number(view.version),
        }
        if view.list:
            item |= {"waiting": dynamo.text(view.list), "since": dynamo.text(view.since)}
        else:
            item["expires_at"] = dynamo.number(int((now + _KEEP).timestamp()))
        try:
            self._client.put_item(
                TableName=self._table,
                Item=item,
                ConditionExpression="attribute_not_exists(pk) OR version < :version",
                ExpressionAttributeValues={":version": dynamo.number(view.version)},
            )
        except ClientError as error:
            if not dynamo.is_refused_condition(error):
                raise

    def waiting(self, list_name: str, limit: int, cursor: str | None) -> WaitingPage:
        key: dict[str, Any] = {}
        if cursor:
            key["ExclusiveStartKey"] = dynamo.decode_cursor(
                cursor, {"waiting": list_name}, ("pk", "sk", "since")
            )
        answer = self._client.query(
            TableName=self._table,
            IndexName="waiting",
            KeyConditionExpression="waiting = :list",
            ExpressionAttributeValues={":list": dynamo.text(list_name)},
            Limit=min(limit, _LARGEST_PAGE),
            **key,
        )
        waiting = tuple(
            Waiting(
                dynamo.read_text(item, "pk"),
                dynamo.read_text(item, "since"),
                dynamo.read_text(item, "state"),
            )
            for item in answer["Items"]
        )
        return WaitingPage(waiting, dynamo.encode_cursor(answer.get("LastEvaluatedKey")))
