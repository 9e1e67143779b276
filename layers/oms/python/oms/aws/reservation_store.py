"""Soft reservations in the inventory table; ``oms.aws.reservation_writes`` has its items."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from oms.aws import dynamo, reservation_writes
from oms.aws.stock_items import read_reservation
from oms.aws.stock_store import StockStore
from oms.inventory.reservation import (
    Reservation,
    ReservationState,
    convert_entries,
    hold_entries,
)
from oms.inventory.reservations import Kept
from oms.kernel.clock import rfc3339
from oms.kernel.errors import Conflict, StockContended
from oms.kernel.events import Cause
from oms.kernel.writes import Write

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_LACKING = StockContended("the units of the basket are no longer there")
_EXISTS = Conflict("the id of this reservation is taken", code="reservation_exists")
_NONE = StockContended("no quantity changes")
# Of each of a minute's partitions of the index: what is beyond is found by whoever lacks the units.
_SWEPT_OF_EACH = 50


class ReservationStore:
    def __init__(self, client: DynamoDBClient, table: str, stock: StockStore) -> None:
        self._client = client
        self._table = table
        self._stock = stock
        self.capacity = stock.capacity

    def find(self, reservation_id: str) -> Kept | None:
        answer = self._client.get_item(
            TableName=self._table,
            Key=reservation_writes.reservation_key(reservation_id),
            ConsistentRead=True,
        )
        item = answer.get("Item")
        if item is None:
            return None
        return Kept(read_reservation(item), dynamo.read_text(item, "fingerprint"))

    def take(
        self, reservation: Reservation, fingerprint: str, cause: Cause, also: Sequence[Write] = ()
    ) -> None:
        self._stock.transact(
            [
                *reservation_writes.put(self._table, reservation, fingerprint, _EXISTS),
                *self._stock.book(hold_entries(reservation, cause), _LACKING),
                *also,
            ]
        )

    def extend(self, held: Reservation, expires_at: datetime) -> Reservation:
        extended = replace(held, expires_at=expires_at)
        self._stock.transact(reservation_writes.extend(self._table, held, extended))
        return extended

    def end(self, held: Reservation, state: ReservationState, cause: Cause) -> Reservation:
        ended = replace(held, state=state)
        self._stock.end(held, ended, cause)
        return ended

    def conversion(self, held: Reservation, order_id: str, cause: Cause) -> list[Write]:
        converted = replace(held, state=ReservationState.CONVERTED, order_id=order_id)
        return [
            *reservation_writes.end(self._table, held, converted, cause),
            *self._stock.book(convert_entries(held, order_id, cause), _NONE),
            *self._stock.shares.hand_over(held.skus, held.id, order_id, cause.at),
        ]

    def expiring(self, now: datetime, minutes: int) -> Iterator[str]:
        for bucket in reservation_writes.buckets(now, minutes):
            answer = self._client.query(
                TableName=self._table,
                IndexName="expiring",
                KeyConditionExpression="expiring = :bucket AND expires_at <= :now",
                ExpressionAttributeValues={
                    ":bucket": dynamo.text(bucket),
                    ":now": dynamo.text(rfc3339(now)),
                },
                Limit=_SWEPT_OF_EACH,
            )
            for item in answer["Items"]:
                yield dynamo.read_text(item, "pk").removeprefix("reservation#")

    def expire(self, reservation_id: str, now: datetime) -> None:
        self._stock.expire(reservation_id, now)
