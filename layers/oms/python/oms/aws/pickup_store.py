"""Handing over, in the table ``work``.

==================  =============================  =============================================
pk                  sk                             what
==================  =============================  =============================================
``pickups@due``     ``<until>#<fulfilment id>``    what lies ready, and until when
fulfilment id       ``wrong_codes``                how many (``wrong``), forgotten at ``expires_at``
fulfilment id       ``counter#<key>``              a request at the counter that had its effect
==================  =============================  =============================================
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from oms.aws import dynamo
from oms.aws.due import due_key, overdue
from oms.fulfillment.pickup_store import Done, Overdue
from oms.kernel.errors import OmsError, Unavailable, VersionConflict
from oms.kernel.writes import Write

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

ATTEMPTS = 5
WINDOW = timedelta(minutes=15)

_DUE = "pickups@due"
# Longer than anything lies ready.
_REMEMBERED = timedelta(days=400)


class PickupStore:
    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def expect(self, pickup: Overdue) -> Write:
        return self._write("Put", {"Item": _due_key(pickup)})

    def settle(self, pickup: Overdue) -> Write:
        return self._write("Delete", {"Key": _due_key(pickup)})

    def forget(self, pickup: Overdue) -> None:
        self._client.delete_item(TableName=self._table, Key=_due_key(pickup))

    def overdue(self, now: datetime, limit: int) -> tuple[Overdue, ...]:
        return tuple(
            Overdue(fulfillment, until)
            for fulfillment, until in overdue(self._client, self._table, _DUE, now, limit)
        )

    def count_code(self, fulfillment_id: str, now: datetime) -> bool:
        """Every code begins the window anew, so that no more than these fit into any window.
        Two that come at once after a window find one another's count: the second counts on."""
        return (
            self._count(fulfillment_id, now, "expires_at > :now AND wrong < :most", "wrong + :one")
            or self._count(
                fulfillment_id, now, "attribute_not_exists(pk) OR expires_at <= :now", ":one"
            )
            or self._count(
                fulfillment_id, now, "expires_at > :now AND wrong < :most", "wrong + :one"
            )
        )

    def _count(self, fulfillment_id: str, now: datetime, condition: str, count: str) -> bool:
        values: dict[str, Any] = {
            ":one": dynamo.number(1),
            ":now": dynamo.number(_seconds(now)),
            ":until": dynamo.number(_seconds(now + WINDOW)),
        }
        if ":most" in condition:
            values[":most"] = dynamo.number(ATTEMPTS)
        try:
            self._client.update_item(
                TableName=self._table,
                Key=_wrong_key(fulfillment_id),
                UpdateExpression=f"SET wrong = {count}, expires_at = :until",
                ConditionExpression=condition,
                ExpressionAttributeValues=values,
            )
        except ClientError as error:
            if not dynamo.is_refused_condition(error):
                raise
            return False
        return True

    def forget_codes(self, fulfillment_id: str) -> None:
        self._client.delete_item(TableName=self._table, Key=_wrong_key(fulfillment_id))

    def done(self, fulfillment_id: str, key: str) -> Done | None:
        answer = self._client.get_item(
            TableName=self._table, Key=_counter_key(fulfillment_id, key), ConsistentRead=True
        )
        item = answer.get("Item")
        if item is None:
            return None
        return Done(dynamo.read_text(item, "asked"), dynamo.read_text(item, "handed_over"))

    def once(self, fulfillment_id: str, key: str, done: Done, now: datetime) -> Write:
        item = {
            **_counter_key(fulfillment_id, key),
            "asked": dynamo.text(done.asked),
            "handed_over": dynamo.text(done.handed_over),
            "expires_at": dynamo.number(_seconds(now + _REMEMBERED)),
        }
        request = {"Item": item, "ConditionExpression": "attribute_not_exists(pk)"}
        return self._write("Put", request, VersionConflict("the same request came twice at once"))

    def _write(self, kind: str, request: dict[str, Any], refusal: OmsError | None = None) -> Write:
        return Write({kind: {"TableName": self._table, **request}}, refusal or Unavailable())


def _due_key(pickup: Overdue) -> dynamo.Item:
    return due_key(_DUE, pickup.until, pickup.fulfillment_id)


def _wrong_key(fulfillment_id: str) -> dynamo.Item:
    return {"pk": dynamo.text(fulfillment_id), "sk": dynamo.text("wrong_codes")}


def _counter_key(fulfillment_id: str, key: str) -> dynamo.Item:
    return {"pk": dynamo.text(fulfillment_id), "sk": dynamo.text(f"counter#{key}")}


def _seconds(moment: datetime) -> int:
    return int(moment.timestamp())
