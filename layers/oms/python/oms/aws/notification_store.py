"""Which notices were sent, in the views table: pk=``notice#<event id>``, sk=``notice``.

Two write units for an e-mail: one claims it under the condition that nobody did, one marks it sent.
No address and no name is kept. ``expires_at`` lets the table forget after ninety days, long after
any queue has.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from oms.aws import dynamo
from oms.notifications.model import Kind
from oms.notifications.store import Claim

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

KEPT_FOR = timedelta(days=90)

_SENDING = "sending"
_SENT = "sent"
_IS_OURS = "claimed_by = :by AND claimed_at = :at AND #status = :sending"


class NotificationStore:
    """Implements ``oms.notifications.store.Notices``."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def claim(self, claim: Claim) -> Claim | None:
        try:
            self._client.put_item(
                TableName=self._table,
                Item=_item(claim),
                ConditionExpression="attribute_not_exists(pk)",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ClientError as error:
            if not dynamo.is_refused_condition(error):
                raise
            standing = _claim(error.response["Item"])  # type: ignore[typeddict-item]
            # The SDK repeats a write whose answer got lost, and then meets its own claim.
            return None if standing == claim else standing
        return None

    def release(self, claim: Claim) -> None:
        self._client.delete_item(
            TableName=self._table,
            Key=_key(claim.event_id),
            ConditionExpression=_IS_OURS,
            ExpressionAttributeNames={"#status": "status"},
            ExpressionAttributeValues=_ours(claim),
        )

    def mark_sent(self, claim: Claim, message_id: str, at: datetime) -> None:
        self._client.update_item(
            TableName=self._table,
            Key=_key(claim.event_id),
            UpdateExpression="SET #status = :sent, message_id = :message_id, sent_at = :sent_at",
            ConditionExpression="claimed_by = :by AND claimed_at = :at",
            ExpressionAttributeNames={"#status": "status"},
            ExpressionAttributeValues={
                ":by": dynamo.text(claim.by),
                ":at": dynamo.text(claim.at.isoformat()),
                ":sent": dynamo.text(_SENT),
                ":message_id": dynamo.text(message_id),
                ":sent_at": dynamo.text(at.isoformat()),
            },
        )


def _key(event_id: str) -> dict[str, Any]:
    return {"pk": dynamo.text(f"notice#{event_id}"), "sk": dynamo.text("notice")}


def _item(claim: Claim) -> dynamo.Item:
    return {
        **_key(claim.event_id),
        "kind": dynamo.text(claim.kind),
        "status": dynamo.text(_SENDING),
        "claimed_by": dynamo.text(claim.by),
        "claimed_at": dynamo.text(claim.at.isoformat()),
        "expires_at": dynamo.number(int((claim.at + KEPT_FOR).timestamp())),
    }


def _ours(claim: Claim) -> dict[str, Any]:
    return {
        ":by": dynamo.text(claim.by),
        ":at": dynamo.text(claim.at.isoformat()),
        ":sending": dynamo.text(_SENDING),
    }


def _claim(item: dynamo.Item) -> Claim:
    return Claim(
        event_id=dynamo.read_text(item, "pk").removeprefix("notice#"),
        kind=Kind(dynamo.read_text(item, "kind")),
        by=dynamo.read_text(item, "claimed_by"),
        at=datetime.fromisoformat(dynamo.read_text(item, "claimed_at")),
        sent=dynamo.read_text(item, "status") == _SENT,
    )
