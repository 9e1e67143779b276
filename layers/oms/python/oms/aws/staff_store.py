"""Staff of nodes in the catalog table: pk ``staff#<caller>``, sk ``staff``."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from oms.aws import dynamo
from oms.fulfillment.staff import Staff
from oms.kernel.encoding import from_json, to_json

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_SECONDS = 5.0
_MOST = 1000


class StaffTable:
    """Remembers for some seconds whom it looked up, also whom it did not find: every step of a
    node asks."""

    def __init__(
        self, client: DynamoDBClient, table: str, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._client = client
        self._table = table
        self._clock = clock
        self._known: dict[str, tuple[float, Staff | None]] = {}

    def staff(self, caller: str) -> Staff | None:
        now = self._clock()
        known = self._known.get(caller)
        if known and known[0] > now:
            return known[1]
        found = self.read(caller)
        if len(self._known) >= _MOST:
            self._known.clear()
        self._known[caller] = (now + _SECONDS, found)
        return found

    def read(self, caller: str) -> Staff | None:
        item = self._client.get_item(TableName=self._table, Key=_key(caller)).get("Item")
        return None if item is None else from_json(dynamo.read_text(item, "record"), Staff)

    def put(self, staff: Staff) -> None:
        record = dynamo.text(to_json(staff))
        self._client.put_item(TableName=self._table, Item={**_key(staff.caller), "record": record})

    def remove(self, caller: str) -> None:
        """The caller acts for all nodes again."""
        self._client.delete_item(TableName=self._table, Key=_key(caller))


def _key(caller: str) -> dynamo.Item:
    return {"pk": dynamo.text(f"staff#{caller}"), "sk": dynamo.text("staff")}
