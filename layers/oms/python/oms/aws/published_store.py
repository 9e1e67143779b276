"""What each channel was last told that it may sell.

====================  ============  ==========================================================
pk                    sk            what
====================  ============  ==========================================================
``published#<sku>``   channel id    the newest offer; ``available`` is left out where it is
                                    without limit
====================  ============  ==========================================================
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from oms.aws import dynamo
from oms.kernel.clock import parse_rfc3339, rfc3339
from oms.kernel.errors import Conflict
from oms.notifications.availability import Offer, Sellable, StockState

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class PublishedStore:
    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def last(self, sku: str, channel: str) -> Offer | None:
        answer = self._client.get_item(
            TableName=self._table, Key=_key(sku, channel), ConsistentRead=True
        )
        return _read(sku, channel, answer["Item"]) if "Item" in answer else None

    def begin(self, offer: Offer, after: Offer | None) -> None:
        condition: dict[str, Any] = {"ConditionExpression": "attribute_not_exists(pk)"}
        if after:
            condition = {
                "ConditionExpression": "#sequence = :sequence",
                "ExpressionAttributeNames": {"#sequence": "sequence"},
                "ExpressionAttributeValues": {":sequence": dynamo.number(after.sequence)},
            }
        try:
            self._client.put_item(TableName=self._table, Item=_item(offer), **condition)
        except self._client.exceptions.ConditionalCheckFailedException:
            raise _told_by_another(offer) from None

    def accepted(self, offer: Offer) -> None:
        try:
            self._client.update_item(
                TableName=self._table,
                Key=_key(offer.sku, offer.channel),
                UpdateExpression="SET told = :yes",
                ConditionExpression="#sequence = :sequence",
                ExpressionAttributeNames={"#sequence": "sequence"},
                ExpressionAttributeValues={
                    ":sequence": dynamo.number(offer.sequence),
                    ":yes": dynamo.number(1),
                },
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            raise _told_by_another(offer) from None


def _item(offer: Offer) -> dict[str, Any]:
    available = offer.sellable.available
    counted = {} if available is None else {"available": dynamo.number(available)}
    return {
        **_key(offer.sku, offer.channel),
        **counted,
        "state": dynamo.text(offer.sellable.state),
        "sequence": dynamo.number(offer.sequence),
        "at": dynamo.text(rfc3339(offer.at)),
        "tried_at": dynamo.text(rfc3339(offer.tried_at)),
        "tried_until": dynamo.number(offer.tried_until),
        "told": dynamo.number(int(offer.told)),
    }


def _read(sku: str, channel: str, item: dict[str, Any]) -> Offer:
    available = dynamo.read_number(item, "available") if "available" in item else None
    return Offer(
        sku=sku,
        channel=channel,
        sellable=Sellable(available, StockState(dynamo.read_text(item, "state"))),
        sequence=dynamo.read_number(item, "sequence"),
        at=parse_rfc3339(dynamo.read_text(item, "at")),
        tried_at=parse_rfc3339(dynamo.read_text(item, "tried_at")),
        tried_until=dynamo.read_number(item, "tried_until"),
        told=bool(dynamo.read_number(item, "told")),
    )


def _told_by_another(offer: Offer) -> Conflict:
    return Conflict(f"{offer.channel} was told of {offer.sku} at the same moment")


def _key(sku: str, channel: str) -> dict[str, dict[str, str]]:
    return {"pk": dynamo.text(f"published#{sku}"), "sk": dynamo.text(channel)}
