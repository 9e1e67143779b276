"""Stock in DynamoDB: a balance per SKU and node, and the ledger that explains it.

===================  =========================  ==============================================
pk                   sk                         what
===================  =========================  ==============================================
sku                  ``node#<node>``            the balance
``<sku>#<node>``     ``<time>#<entry id>``      a ledger entry, written with its balance
``movement#<id>``    ``movement``               the movement as sent: the guard of its id
``movement#<id>``     ``arrival``                how a transfer arrived: it arrives once
``waiting#<sku>``    ``<since>#<order id>``     an order that lacks this SKU
===================  =========================  ==============================================
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from datetime import datetime
from typing import TYPE_CHECKING, Any

from oms.aws import dynamo
from oms.inventory.ledger import arrival_entry, count_entry, entries_of
from oms.inventory.model import QUANTITIES, Balance, Entry, Movement, MovementKind, Need
from oms.inventory.position import Position
from oms.inventory.store import EntryPage
from oms.kernel.clock import rfc3339
from oms.kernel.encoding import from_json, to_json
from oms.kernel.errors import Conflict, NotFound, OmsError, StockContended
from oms.kernel.events import Cause
from oms.kernel.writes import Write

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_LARGEST_PAGE = 100
_ENTRY_TWICE = Conflict("the ledger has this entry already", code="entry_exists")


class StockStore:
    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def balances(self, skus: Set[str]) -> Mapping[str, tuple[Balance, ...]]:
        return {sku: self.balances_of(sku) for sku in sorted(skus)}

    def balances_of(self, sku: str, *, consistent: bool = False) -> tuple[Balance, ...]:
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            KeyConditionExpression="pk = :sku AND begins_with(sk, :node)",
            ExpressionAttributeValues={":sku": dynamo.text(sku), ":node": dynamo.text("node#")},
            ConsistentRead=consistent,
        )
        return tuple(read_balance(item) for page in pages for item in page["Items"])

    def positions(self, skus: Set[str], now: datetime) -> Mapping[str, Position]:
        return {sku: self._position(sku, now) for sku in sorted(skus)}

    def _position(self, sku: str, now: datetime) -> Position:
        """Balances come first in the partition, what expired by ``now`` last: one range."""
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            KeyConditionExpression="pk = :sku AND sk BETWEEN :first AND :last",
            ExpressionAttributeValues={
                ":sku": dynamo.text(sku),
                ":first": dynamo.text("node#"),
                ":last": dynamo.text(f"until#{rfc3339(now)}"),
            },
        )
        return read_position(sku, [item for page in pages for item in page["Items"]])

    def reserve(self, needs: Sequence[Need], order_id: str, cause: Cause) -> list[Write]:
        return self._order_writes("reserve", needs, order_id, cause)

    def unreserve(self, needs: Sequence[Need], order_id: str, cause: Cause) -> list[Write]:
        return self._order_writes("unreserve", needs, order_id, cause)

    def ship(self, needs: Sequence[Need], order_id: str, cause: Cause) -> list[Write]:
        return self._order_writes("ship", needs, order_id, cause)

    def has_reserved(self, need: Need, order_id: str, cause: Cause) -> bool:
        answer = self._client.get_item(
            TableName=self._table,
            Key={
                "pk": dynamo.text(f"{need.sku}#{need.node}"),
                "sk": dynamo.text(f"{rfc3339(cause.at)}#{order_id}:reserve"),
            },
            ConsistentRead=True,
        )
        return "Item" in answer

    def wait(self, order_id: str, since: str, skus: Iterable[str]) -> list[Write]:
        return [
            self._write("Put", {"Item": _waiting_key(sku, since, order_id)})
            for sku in sorted(set(skus))
        ]

    def stop_waiting(self, order_id: str, since: str, skus: Iterable[str]) -> list[Write]:
        return [
            self._write("Delete", {"Key": _waiting_key(sku, since, order_id)})
            for sku in sorted(set(skus))
        ]

    def waiting(self, sku: str, limit: int) -> Sequence[str]:
        answer = self._client.query(
            TableName=self._table,
            KeyConditionExpression="pk = :waiting",
            ExpressionAttributeValues={":waiting": dynamo.text(f"waiting#{sku}")},
            Limit=min(limit, _LARGEST_PAGE),
        )
        return [dynamo.read_text(item, "sk").rpartition("#")[2] for item in answer["Items"]]

    def transact(self, writes: Sequence[Write]) -> None:
        dynamo.transact(self._client, writes)

    def book(self, entries: Sequence[Entry], lacking: OmsError) -> list[Write]:
        return [write for entry in entries for write in self._book(entry, lacking)]

    def move(
        self,
        movement: Movement,
        cause: Cause,
        *,
        entries: Sequence[Entry] | None = None,
        also: Sequence[Write] = (),
    ) -> bool:
        record = to_json(movement)
        try:
            writes = (
                self._movement_writes(movement, cause)
                if entries is None
                else self.book(entries, _lacking(movement))
            )
            self.transact([self._guard(movement, record), *writes, *also])
        except Conflict as refusal:
            booked = self._movement(movement.id)
            if booked is None:
                raise
            if booked != movement:
                raise Conflict(
                    f"movement {movement.id} was booked with another content",
                    code="content_differs",
                ) from refusal
            return False
        return True

    def set_thresholds(self, sku: str, node: str, safety_stock: int, low_stock_at: int) -> Balance:
        """Change what is held back and when to warn. Raises ``NotFound`` when the node never held
        the SKU, ``Conflict`` when stock moved meanwhile or the rest would go below zero."""
        held = self._balance(sku, node)
        if held is None:
            raise NotFound(f"{node} has never held {sku}")
        change = safety_stock - held.safety_stock
        if held.available < change:
            raise Conflict("more would be held back than is available", code="below_zero")
        refusal = StockContended("the threshold was changed at the same moment")
        same = _same("safety_stock", held.safety_stock)
        self.transact(
            [
                self._write(
                    "Update",
                    {
                        "Key": _balance_key(sku, node),
                        "UpdateExpression": "SET safety_stock = :safety, low_stock_at = :low,"
                        " available = available - :change, version = version + :one",
                        "ConditionExpression": f"{same} AND available >= :change",
                        "ExpressionAttributeValues": {
                            ":safety": dynamo.number(safety_stock),
                            ":low": dynamo.number(low_stock_at),
                            ":change": dynamo.number(change),
                            ":before": dynamo.number(held.safety_stock),
                            ":one": dynamo.number(1),
                        },
                    },
                    refusal,
                )
            ]
        )
        return self._balance(sku, node) or held

    def entries(self, sku: str, node: str, limit: int, cursor: str | None) -> EntryPage:
        partition = f"{sku}#{node}"
        key: dict[str, Any] = {}
        if cursor:
            key["ExclusiveStartKey"] = dynamo.decode_cursor(cursor, {"pk": partition})
        answer = self._client.query(
            TableName=self._table,
            KeyConditionExpression="pk = :ledger",
            ExpressionAttributeValues={":ledger": dynamo.text(partition)},
            ScanIndexForward=False,
            Limit=min(limit, _LARGEST_PAGE),
            **key,
        )
        entries = tuple(read_entry(item) for item in answer["Items"])
        return EntryPage(entries, dynamo.encode_cursor(answer.get("LastEvaluatedKey")))

    def _order_writes(
        self, kind: str, needs: Sequence[Need], order_id: str, cause: Cause
    ) -> list[Write]:
        on_hand, reserved = _SIGNS[kind]
        writes: list[Write] = []
        for need in needs:
            entry = Entry(
                id=f"{order_id}:{kind}",
                kind=kind,
                sku=need.sku,
                node=need.node,
                at=cause.at,
                by=cause.by,
                on_hand=on_hand * need.quantity,
                reserved=reserved * need.quantity,
                order_id=order_id,
            )
            lacking = StockContended(f"{need.node} no longer has {need.quantity} of {need.sku}")
            writes += self._book(entry, lacking)
        return writes

    def _movement_writes(self, movement: Movement, cause: Cause) -> list[Write]:
        if movement.kind is MovementKind.COUNT:
            return self._count_writes(movement, cause)
        if movement.kind is MovementKind.ARRIVAL:
            return self._arrival_writes(movement, _lacking(movement), cause)
        return self.book(entries_of(movement, cause), _lacking(movement))

    def _count_writes(self, movement: Movement, cause: Cause) -> list[Write]:
        """What was found is the truth, even where less is left than was promised."""
        held = self._balance(movement.sku, movement.node) or Balance(movement.sku, movement.node)
        entry = count_entry(movement, held.on_hand, cause)
        moved = StockContended("stock moved while the count was booked")
        same = _same("on_hand", held.on_hand)
        change = self._change(entry, same, {":before": dynamo.number(held.on_hand)}, moved)
        return [self._entry(entry), change]

    def _arrival_writes(self, movement: Movement, lacking: OmsError, cause: Cause) -> list[Write]:
        sent = self._movement(movement.transfer)
        if sent is None or sent.kind is not MovementKind.TRANSFER:
            raise NotFound(f"there is no transfer {movement.transfer}", code="unknown_transfer")
        if (sent.sku, sent.to_node) != (movement.sku, movement.node):
            raise Conflict(
                f"the transfer brings {sent.sku} to {sent.to_node}", code="transfer_mismatch"
            )
        once = self._write(
            "Put",
            {
                "Item": {
                    "pk": dynamo.text(f"movement#{movement.transfer}"),
                    "sk": dynamo.text("arrival"),
                    "arrival": dynamo.text(movement.id),
                },
                "ConditionExpression": "attribute_not_exists(pk)",
            },
            Conflict("the transfer has arrived already", code="already_arrived"),
        )
        return [once, *self._book(arrival_entry(movement, sent, cause), lacking)]

    def _book(self, entry: Entry, lacking: OmsError) -> list[Write]:
        """The entry and its balance; ``lacking`` when a quantity would go below zero.

        The entry comes first: of two refusals the one that says "done before" is to be heard.
        """
        conditions, values = [], {}
        for name in (*QUANTITIES, "available"):
            taken = -getattr(entry, name)
            if taken > 0:
                conditions.append(f"{name} >= :{name}_taken")
                values[f":{name}_taken"] = dynamo.number(taken)
        return [self._entry(entry), self._change(entry, " AND ".join(conditions), values, lacking)]

    def _change(
        self, entry: Entry, condition: str, values: Mapping[str, Any], refusal: OmsError
    ) -> Write:
        changes = {
            name: change
            for name in (*QUANTITIES, "available", "sold")
            if (change := getattr(entry, name))
        }
        changes["version"] = 1
        request: dict[str, Any] = {
            "Key": _balance_key(entry.sku, entry.node),
            "UpdateExpression": "ADD " + ", ".join(f"{name} :{name}" for name in changes),
            "ExpressionAttributeValues": {
                **{f":{name}": dynamo.number(change) for name, change in changes.items()},
                **values,
            },
        }
        if condition:
            request["ConditionExpression"] = condition
        return self._write("Update", request, refusal)

    def _entry(self, entry: Entry) -> Write:
        return self._write(
            "Put",
            {
                "Item": {
                    "pk": dynamo.text(f"{entry.sku}#{entry.node}"),
                    "sk": dynamo.text(f"{rfc3339(entry.at)}#{entry.id}"),
                    "record": dynamo.text(to_json(entry)),
                },
                "ConditionExpression": "attribute_not_exists(pk)",
            },
            _ENTRY_TWICE,
        )

    def _guard(self, movement: Movement, record: str) -> Write:
        return self._write(
            "Put",
            {
                "Item": {
                    "pk": dynamo.text(f"movement#{movement.id}"),
                    "sk": dynamo.text("movement"),
                    "record": dynamo.text(record),
                },
                "ConditionExpression": "attribute_not_exists(pk)",
            },
        )

    def _movement(self, movement_id: str) -> Movement | None:
        answer = self._client.get_item(
            TableName=self._table,
            Key={"pk": dynamo.text(f"movement#{movement_id}"), "sk": dynamo.text("movement")},
            ConsistentRead=True,
        )
        item = answer.get("Item")
        return None if item is None else from_json(dynamo.read_text(item, "record"), Movement)

    def _balance(self, sku: str, node: str) -> Balance | None:
        answer = self._client.get_item(
            TableName=self._table, Key=_balance_key(sku, node), ConsistentRead=True
        )
        return read_balance(answer["Item"]) if "Item" in answer else None

    def _write(self, kind: str, request: dict[str, Any], refusal: OmsError = _ENTRY_TWICE) -> Write:
        return Write({kind: {"TableName": self._table, **request}}, refusal)


# What a step of an order does to (on_hand, reserved).
_SIGNS = {"reserve": (0, 1), "unreserve": (0, -1), "ship": (-1, -1)}


def read_balance(item: Mapping[str, Any]) -> Balance:
    return Balance(
        sku=dynamo.read_text(item, "pk"),
        node=dynamo.read_text(item, "sk").removeprefix("node#"),
        on_hand=dynamo.read_number(item, "on_hand"),
        reserved=dynamo.read_number(item, "reserved"),
        safety_stock=dynamo.read_number(item, "safety_stock"),
        available=dynamo.read_number(item, "available"),
        incoming=dynamo.read_number(item, "incoming"),
        damaged=dynamo.read_number(item, "damaged"),
        quality_hold=dynamo.read_number(item, "quality_hold"),
        low_stock_at=dynamo.read_number(item, "low_stock_at"),
        sold=dynamo.read_number(item, "sold"),
        counters=dynamo.read_number(item, "counters", 1),
    )


def read_position(sku: str, items: Sequence[Mapping[str, Any]]) -> Position:
    """The items of a SKU's partition: what each is, its sort key says."""
    balances = [read_balance(item) for item in items if _sort_key(item).startswith("node#")]
    return Position(sku, tuple(balances))


def _sort_key(item: Mapping[str, Any]) -> str:
    return dynamo.read_text(item, "sk")


def _lacking(movement: Movement) -> Conflict:
    return Conflict(
        f"{movement.node} does not have {abs(movement.quantity)} of {movement.sku} to move",
        code="below_zero",
    )


def _same(name: str, value: int) -> str:
    """The condition that a quantity is still ``:before``; one that was never moved is not there."""
    if value:
        return f"{name} = :before"
    return f"(attribute_not_exists({name}) OR {name} = :before)"


def read_entry(item: Mapping[str, Any]) -> Entry:
    return from_json(dynamo.read_text(item, "record"), Entry)


def _balance_key(sku: str, node: str) -> dict[str, dict[str, str]]:
    return {"pk": dynamo.text(sku), "sk": dynamo.text(f"node#{node}")}


def _waiting_key(sku: str, since: str, order_id: str) -> dict[str, dict[str, str]]:
    return {"pk": dynamo.text(f"waiting#{sku}"), "sk": dynamo.text(f"{since}#{order_id}")}
