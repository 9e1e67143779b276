"""Replenishment in DynamoDB, in the table of stock.

========================  ================  ==================================================
pk                        sk                what
========================  ================  ==================================================
``replenishment``         ``<sku>#<node>``  how a SKU is replenished there; what was suggested
``replenishment#review``  ``review``        where the last review stopped
``sales#<sku>#<node>``    a day             what had ever been sold there when it ended
``soldout#<sku>``         ``soldout``       whether the SKU is sold out, and what was told last
========================  ================  ==================================================
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from oms.aws import dynamo
from oms.kernel.encoding import from_json, to_json
from oms.kernel.errors import VersionConflict
from oms.kernel.events import Envelope, event_id
from oms.kernel.writes import Write
from oms.purchasing.reorder import RATE_DAYS, DaySold, Settings
from oms.purchasing.store import Look, SettingsPage

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_PARTITION = "replenishment"
_LARGEST_PAGE = 100
# Twice what a rate of sales looks back at.
_REMEMBERED = timedelta(days=2 * RATE_DAYS)

Key = dict[str, dict[str, str]]
_REVIEW: Key = {"pk": dynamo.text("replenishment#review"), "sk": dynamo.text("review")}


class ReplenishmentStore:
    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def put(self, settings: Settings) -> None:
        self._client.update_item(
            TableName=self._table,
            Key=_key(settings.sku, settings.node),
            UpdateExpression="SET document = :document, node = :node",
            ExpressionAttributeValues={
                ":document": dynamo.text(to_json(settings)),
                ":node": dynamo.text(settings.node),
            },
        )

    def find(self, sku: str, node: str) -> Settings | None:
        item = self._get(_key(sku, node))
        return None if item is None else _settings(item)

    def of_sku(self, sku: str) -> Sequence[Settings]:
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            KeyConditionExpression="pk = :pk AND begins_with(sk, :sku)",
            ExpressionAttributeValues={
                ":pk": dynamo.text(_PARTITION),
                ":sku": dynamo.text(f"{sku}#"),
            },
        )
        return [_settings(item) for page in pages for item in page["Items"]]

    def page(self, node: str, limit: int, cursor: str | None) -> SettingsPage:
        request: dict[str, Any] = {
            "TableName": self._table,
            "KeyConditionExpression": "pk = :pk",
            "ExpressionAttributeValues": {":pk": dynamo.text(_PARTITION)},
            "Limit": min(limit, _LARGEST_PAGE),
        }
        if node:
            request["FilterExpression"] = "node = :node"
            request["ExpressionAttributeValues"][":node"] = dynamo.text(node)
        if cursor:
            request["ExclusiveStartKey"] = dynamo.decode_cursor(cursor, {"pk": _PARTITION})
        answer = self._client.query(**request)
        settings = tuple(_settings(item) for item in answer["Items"])
        return SettingsPage(settings, dynamo.encode_cursor(answer.get("LastEvaluatedKey")))

    def suggested(self, settings: Settings, order_id: str) -> Write:
        condition = "orders = :before" if settings.orders else "attribute_not_exists(orders)"
        values = {":order": dynamo.text(order_id), ":after": dynamo.number(settings.orders + 1)}
        if settings.orders:
            values[":before"] = dynamo.number(settings.orders)
        request = {
            "TableName": self._table,
            "Key": _key(settings.sku, settings.node),
            "UpdateExpression": "SET suggestion = :order, orders = :after",
            "ConditionExpression": condition,
            "ExpressionAttributeValues": values,
        }
        return Write({"Update": request}, VersionConflict("another order was suggested"))

    def days(self, sku: str, node: str, since: date) -> Sequence[DaySold]:
        answer = self._client.query(
            TableName=self._table,
            KeyConditionExpression="pk = :sales AND sk >= :since",
            ExpressionAttributeValues={
                ":sales": dynamo.text(f"sales#{sku}#{node}"),
                ":since": dynamo.text(since.isoformat()),
            },
        )
        return [
            DaySold(
                date.fromisoformat(dynamo.read_text(item, "sk")), dynamo.read_number(item, "sold")
            )
            for item in answer["Items"]
        ]

    def keep_day(self, sku: str, node: str, day: DaySold) -> None:
        item = {
            "pk": dynamo.text(f"sales#{sku}#{node}"),
            "sk": dynamo.text(day.day.isoformat()),
            "sold": dynamo.number(day.sold),
            "forget_at": dynamo.number(int((day.end + _REMEMBERED).timestamp())),
        }
        try:
            self._client.put_item(
                TableName=self._table, Item=item, ConditionExpression="attribute_not_exists(pk)"
            )
        except ClientError as error:
            if not dynamo.is_refused_condition(error):
                raise

    def last_look(self, sku: str) -> Look:
        item = self._get(_look_key(sku))
        return Look(sku) if item is None else from_json(dynamo.read_text(item, "document"), Look)

    def keep_look(
        self, look: Look, event_type: str, suppliers: Sequence[str], at: datetime
    ) -> None:
        values = {":document": dynamo.text(to_json(look)), ":number": dynamo.number(look.number)}
        change = "SET document = :document, looks = :number"
        if event_type:
            change += ", envelopes = :envelopes"
            values[":envelopes"] = dynamo.text(to_json([_told(look, event_type, suppliers, at)]))
        condition = "attribute_not_exists(pk)"
        if look.number > 1:
            condition = "looks = :before"
            values[":before"] = dynamo.number(look.number - 1)
        try:
            self._client.update_item(
                TableName=self._table,
                Key=_look_key(look.sku),
                UpdateExpression=change,
                ConditionExpression=condition,
                ExpressionAttributeValues=values,
            )
        except ClientError as error:
            if not dynamo.is_refused_condition(error):
                raise
            raise VersionConflict("somebody looked at the same moment") from None

    def resume_at(self) -> str | None:
        item = self._get(_REVIEW)
        return dynamo.read_text(item, "cursor") or None if item else None

    def stop_at(self, cursor: str | None) -> None:
        item = {**_REVIEW, "cursor": dynamo.text(cursor or "")}
        self._client.put_item(TableName=self._table, Item=item)

    def _get(self, key: Key) -> Mapping[str, Any] | None:
        answer = self._client.get_item(TableName=self._table, Key=key, ConsistentRead=True)
        return answer.get("Item")


def _settings(item: Mapping[str, Any]) -> Settings:
    kept = from_json(dynamo.read_text(item, "document"), Settings)
    return replace(
        kept,
        suggestion=dynamo.read_text(item, "suggestion"),
        orders=dynamo.read_number(item, "orders"),
    )


def _told(look: Look, event_type: str, suppliers: Sequence[str], at: datetime) -> Envelope:
    return Envelope(
        id=event_id(f"soldout#{look.sku}", look.number, 1),
        type=event_type,
        subject=look.sku,
        version=look.number,
        at=at,
        by="replenishment",
        reason="",
        correlation_id="",
        data={"sku": look.sku, "suppliers": list(suppliers)},
    )


def _key(sku: str, node: str) -> Key:
    return {"pk": dynamo.text(_PARTITION), "sk": dynamo.text(f"{sku}#{node}")}


def _look_key(sku: str) -> Key:
    return {"pk": dynamo.text(f"soldout#{sku}"), "sk": dynamo.text("soldout")}
