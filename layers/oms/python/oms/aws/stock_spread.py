"""Spreading a SKU over counters at a node, and gathering it again, while it is being sold.

Units move between counters as they do between nodes: with a pair of ledger entries that sum to
zero, under the condition that the counter they leave has them. No unit is in two places or in none
at any moment. The balance at home says how many counters there are (``counters``), how many there
ever were (``spread``), and until when the gathered ones are still looked at (``spread_until``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from secrets import token_hex
from typing import TYPE_CHECKING, Any

from oms.aws import dynamo
from oms.aws.stock_items import counters_to_read, is_spread, read_balance
from oms.aws.stock_writes import balance_key, book, write
from oms.inventory.counters import shares
from oms.inventory.model import Balance, Entry
from oms.inventory.reservation import LONGEST
from oms.kernel.clock import rfc3339
from oms.kernel.errors import NotFound, StockContended
from oms.kernel.events import Cause
from oms.kernel.writes import Write

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_MOVED = StockContended("stock moved while it was spread")
_GATHERINGS = 20


class Spreading:
    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def is_spread(self, sku: str, node: str) -> bool:
        home = self._item(sku, node)
        return home is not None and is_spread(home)

    def spread(self, sku: str, node: str, counters: int, cause: Cause) -> int:
        """Over how many counters it was spread before. May be called again after it broke off:
        it takes up where it stopped. Raises ``NotFound`` when the node never held the SKU."""
        home = self._home(sku, node)
        spread = max(counters_to_read([home], cause.at), counters)
        if spread == 1:
            return 1
        self._announce(home, sku, node, counters, spread)
        for counter in range(counters, spread):
            self._gather(sku, node, counter, cause)
        if counters < spread:
            self._close(sku, node, counters, cause.at)
        self.level(sku, node, cause)
        return dynamo.read_number(home, "counters", 1)

    def level(self, sku: str, node: str, cause: Cause) -> None:
        """Give each counter its share of what is available at home, as far as it goes. When stock
        moves at the same moment nothing is done: whoever finds a counter short levels again."""
        home = read_balance(self._home(sku, node))
        if home.counters == 1:
            return
        parts = [home, *(self._part(sku, node, n) for n in range(1, home.counters))]
        given = shares([part.available for part in parts])
        if not any(given):
            return
        try:
            dynamo.transact(self._client, self._giving(home, given, cause))
        except StockContended:
            return

    def _giving(self, home: Balance, given: Sequence[int], cause: Cause) -> list[Write]:
        """The home's balance is changed only while it has the counters that were given to."""
        leaves = _entry(home, cause, "spread", -sum(given), 0)
        comes = [
            replace(leaves, on_hand=units, counter=counter)
            for counter, units in enumerate(given, start=1)
            if units
        ]
        writes = book(self._table, [leaves, *comes], _MOVED)
        return [_only_while_spread(one, home.counters) for one in writes]

    def _gather(self, sku: str, node: str, counter: int, cause: Cause) -> None:
        """Bring home all that a counter has, on hand and reserved. What is given back or shipped
        there meanwhile only makes it less, so the next look finds what is left."""
        for _ in range(_GATHERINGS):
            part = self._part(sku, node, counter)
            if not part.on_hand and not part.reserved:
                return
            leaves = _entry(part, cause, "gather", -part.on_hand, -part.reserved)
            comes = replace(leaves, on_hand=part.on_hand, reserved=part.reserved, counter=0)
            try:
                dynamo.transact(self._client, book(self._table, [leaves, comes], _MOVED))
            except StockContended:
                continue
        raise StockContended(f"counter {counter} of {sku} at {node} could not be gathered yet")

    def _announce(
        self, home: dict[str, Any], sku: str, node: str, counters: int, spread: int
    ) -> None:
        """Before a unit moves, everybody is told how many counters to look at."""
        before = {name: home[name] for name in ("counters", "spread") if name in home}
        conditions = [f"{name} = :{name}_before" for name in before] or [
            "attribute_not_exists(counters)"
        ]
        request = {
            "Key": balance_key(sku, node),
            "UpdateExpression": "SET counters = :counters, spread = :spread,"
            " version = version + :one REMOVE spread_until",
            "ConditionExpression": " AND ".join(conditions),
            "ExpressionAttributeValues": {
                ":counters": dynamo.number(counters),
                ":spread": dynamo.number(spread),
                ":one": dynamo.number(1),
                **{f":{name}_before": value for name, value in before.items()},
            },
        }
        refusal = StockContended("somebody else is spreading this SKU")
        dynamo.transact(self._client, [write(self._table, "Update", request, refusal)])

    def _close(self, sku: str, node: str, counters: int, now: datetime) -> None:
        request = {
            "Key": balance_key(sku, node),
            "UpdateExpression": "SET spread_until = :until",
            "ConditionExpression": "counters = :counters AND attribute_not_exists(spread_until)",
            "ExpressionAttributeValues": {
                ":until": dynamo.text(rfc3339(now + LONGEST)),
                ":counters": dynamo.number(counters),
            },
        }
        dynamo.transact(self._client, [write(self._table, "Update", request, _MOVED)])

    def _home(self, sku: str, node: str) -> dict[str, Any]:
        home = self._item(sku, node)
        if home is None:
            raise NotFound(f"{node} has never held {sku}")
        return home

    def _part(self, sku: str, node: str, counter: int) -> Balance:
        item = self._item(sku, node, counter)
        return Balance(sku, node, counter=counter) if item is None else read_balance(item)

    def _item(self, sku: str, node: str, counter: int = 0) -> dict[str, Any] | None:
        answer = self._client.get_item(
            TableName=self._table, Key=balance_key(sku, node, counter), ConsistentRead=True
        )
        return answer.get("Item")


def _entry(part: Balance, cause: Cause, kind: str, on_hand: int, reserved: int) -> Entry:
    return Entry(
        id=f"{kind}:{token_hex(6)}",
        kind=kind,
        sku=part.sku,
        node=part.node,
        at=cause.at,
        by=cause.by,
        on_hand=on_hand,
        reserved=reserved,
        counter=part.counter,
    )


def _only_while_spread(one: Write, counters: int) -> Write:
    """The change of the balance at home, under one condition more; any other write as it is."""
    request = one.request.get("Update")
    if request is None or "ConditionExpression" not in request:
        return one
    return Write(
        {
            "Update": {
                **request,
                "ConditionExpression": f"{request['ConditionExpression']} AND counters = :counters",
                "ExpressionAttributeValues": {
                    **request["ExpressionAttributeValues"],
                    ":counters": dynamo.number(counters),
                },
            }
        },
        one.refusal,
    )
