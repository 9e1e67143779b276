"""Offered promises and calendars of capacity in DynamoDB, in the table of stock.

========================  ==========  =========================================================
pk                        sk          what
========================  ==========  =========================================================
``promise#<id>``          promise     an offer, without its evidence; forgotten at ``forget_at``
``capacity#<resource>``   ``<date>``  ``capacity`` of that day, and what is ``left`` of it
========================  ==========  =========================================================
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from oms.aws import dynamo
from oms.kernel.encoding import from_json, to_json
from oms.kernel.errors import Conflict, StockContended
from oms.kernel.writes import Write
from oms.promising.model import CapacityBooking, CapacityDay, Promise

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

# An expired promise is kept so long that whoever accepts it is told that it has expired.
_KEPT = timedelta(days=7)
_ATTEMPTS = 5


class PromiseStore:
    """Implements ``oms.promising.store.Promises`` and ``Capacities``."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def offer(self, promise: Promise) -> None:
        options = tuple(replace(option, evidence=()) for option in promise.options)
        kept = to_json(replace(promise, options=options))
        forget_at = int((promise.expires_at + _KEPT).timestamp())
        self._client.put_item(
            TableName=self._table,
            Item={
                **_promise_key(promise.id),
                "document": dynamo.text(kept),
                "forget_at": dynamo.number(forget_at),
            },
            ConditionExpression="attribute_not_exists(pk)",
        )

    def promise(self, promise_id: str) -> Promise | None:
        answer = self._client.get_item(
            TableName=self._table, Key=_promise_key(promise_id), ConsistentRead=True
        )
        item = answer.get("Item")
        return None if item is None else from_json(dynamo.read_text(item, "document"), Promise)

    def days(self, resources: Set[str], first: date, last: date) -> Mapping[str, list[CapacityDay]]:
        return {resource: self._days(resource, first, last) for resource in sorted(resources)}

    def set_days(self, resource: str, days: Mapping[date, int]) -> None:
        """Raises ``StockContended`` when others set the same day at the same moment."""
        for day, capacity in sorted(days.items()):
            self._set_day(resource, day, capacity)

    def book(self, bookings: Sequence[CapacityBooking]) -> list[Write]:
        return [self._take(booking) for booking in bookings]

    def give_back(self, bookings: Sequence[CapacityBooking]) -> list[Write]:
        return [
            self._change(booking, booking.units, Conflict("there is no such day of capacity"))
            for booking in bookings
        ]

    def _days(self, resource: str, first: date, last: date) -> list[CapacityDay]:
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            KeyConditionExpression="pk = :resource AND sk BETWEEN :first AND :last",
            ExpressionAttributeValues={
                ":resource": dynamo.text(f"capacity#{resource}"),
                ":first": dynamo.text(first.isoformat()),
                ":last": dynamo.text(last.isoformat()),
            },
        )
        return [_read_day(item) for page in pages for item in page["Items"]]

    def _set_day(self, resource: str, day: date, capacity: int) -> None:
        """``left`` moves by as much as the capacity does, whatever is booked meanwhile."""
        for _ in range(_ATTEMPTS):
            if self._set_day_once(resource, day, capacity):
                return
        raise StockContended("the capacity of that day is being changed")

    def _set_day_once(self, resource: str, day: date, capacity: int) -> bool:
        key = _capacity_key(resource, day)
        answer = self._client.get_item(TableName=self._table, Key=key, ConsistentRead=True)
        before = dynamo.read_number(answer.get("Item", {}), "capacity")
        unchanged = "#capacity = :before" if "Item" in answer else "attribute_not_exists(pk)"
        values = {
            ":capacity": dynamo.number(capacity),
            ":change": dynamo.number(capacity - before),
        }
        if "Item" in answer:
            values[":before"] = dynamo.number(before)
        try:
            self._client.update_item(
                TableName=self._table,
                Key=key,
                UpdateExpression="SET #capacity = :capacity ADD #left :change",
                ConditionExpression=unchanged,
                ExpressionAttributeNames={"#capacity": "capacity", "#left": "left"},
                ExpressionAttributeValues=values,
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return False
        return True

    def _take(self, booking: CapacityBooking) -> Write:
        taken = Conflict(
            f"{booking.resource} has no longer {booking.units} left on {booking.date}",
            code="capacity_taken",
        )
        return self._change(booking, -booking.units, taken, "#left >= :units")

    def _change(
        self, booking: CapacityBooking, change: int, refusal: Conflict, condition: str = ""
    ) -> Write:
        values = {":change": dynamo.number(change)}
        if condition:
            values[":units"] = dynamo.number(booking.units)
        request: dict[str, Any] = {
            "TableName": self._table,
            "Key": _capacity_key(booking.resource, booking.date),
            "UpdateExpression": "ADD #left :change",
            "ConditionExpression": condition or "attribute_exists(pk)",
            "ExpressionAttributeNames": {"#left": "left"},
            "ExpressionAttributeValues": values,
        }
        return Write({"Update": request}, refusal)


def _read_day(item: Mapping[str, Any]) -> CapacityDay:
    return CapacityDay(
        date.fromisoformat(dynamo.read_text(item, "sk")),
        dynamo.read_number(item, "capacity"),
        dynamo.read_number(item, "left"),
    )


def _promise_key(promise_id: str) -> dict[str, dict[str, str]]:
    return {"pk": dynamo.text(f"promise#{promise_id}"), "sk": dynamo.text("promise")}


def _capacity_key(resource: str, day: date) -> dict[str, dict[str, str]]:
    return {"pk": dynamo.text(f"capacity#{resource}"), "sk": dynamo.text(day.isoformat())}
