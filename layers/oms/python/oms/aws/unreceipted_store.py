"""Returns that no order is known of, in the table ``work``.

====================================  ==========  ============================================
pk                                    sk          what
====================================  ==========  ============================================
return id                             ``return``  the return, for good
``unreceipted#<currency>#<customer>`` ``lately``  what the customer was given in the last 30
                                                  days, and a ``version``
====================================  ==========  ============================================
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from oms.aws import dynamo
from oms.kernel.encoding import from_json, to_json
from oms.kernel.errors import Conflict, VersionConflict
from oms.kernel.writes import Write
from oms.returns.unreceipted import PERIOD, Given, Lately, UnreceiptedReturn

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class UnreceiptedStore:
    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def find(self, return_id: str) -> UnreceiptedReturn | None:
        item = self._get(_key(return_id, "return"))
        return from_json(dynamo.read_text(item, "record"), UnreceiptedReturn) if item else None

    def lately(self, customer: str, currency: str) -> Lately:
        item = self._get(_lately(customer, currency))
        if not item:
            return Lately(customer, currency)
        return from_json(dynamo.read_text(item, "record"), Lately)

    def adding(self, before: Lately, made: UnreceiptedReturn) -> list[Write]:
        there = Conflict("the return is there already", code="entry_exists")
        kept = {
            "TableName": self._table,
            "Item": _key(made.id, "return") | {"record": dynamo.text(to_json(made))},
            "ConditionExpression": "attribute_not_exists(pk)",
        }
        return [Write({"Put": kept}, there), self._given(before, made)]

    def _given(self, before: Lately, made: UnreceiptedReturn) -> Write:
        recent = tuple(one for one in before.given if one.at > made.at - PERIOD)
        after = replace(
            before,
            given=(*recent, Given(made.id, made.at, made.amount)),
            version=before.version + 1,
        )
        put: dict[str, Any] = {
            "TableName": self._table,
            "Item": _lately(before.customer, before.currency)
            | {
                "record": dynamo.text(to_json(after)),
                "version": dynamo.number(after.version),
                "expires_at": dynamo.number(int((made.at + PERIOD).timestamp())),
            },
            "ConditionExpression": "attribute_not_exists(pk)",
        }
        if before.version:
            put["ConditionExpression"] = "version = :before"
            put["ExpressionAttributeValues"] = {":before": dynamo.number(before.version)}
        return Write({"Put": put}, VersionConflict("more was given to the customer meanwhile"))

    def _get(self, key: dynamo.Item) -> Any:
        answer = self._client.get_item(TableName=self._table, Key=key, ConsistentRead=True)
        return answer.get("Item")


def _lately(customer: str, currency: str) -> dynamo.Item:
    return _key(f"unreceipted#{currency}#{customer}", "lately")


def _key(partition: str, sort: str) -> dynamo.Item:
    return {"pk": dynamo.text(partition), "sk": dynamo.text(sort)}
