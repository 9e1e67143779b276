"""Stock in DynamoDB: a balance per SKU and node, and the ledger that explains it.

===================  =========================  ==============================================
pk                   sk                         what
===================  =========================  ==============================================
sku                  ``node#<node>``            the balance
``<sku>#<node>``     ``<time>#<entry id>``      a ledger entry, written with its balance
``movement#<id>``    ``movement``               the movement as sent: the guard of its id
``waiting#<sku>``    ``<since>#<order id>``     an order that lacks this SKU
===================  =========================  ==============================================
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from typing import TYPE_CHECKING, Any

from oms.aws import dynamo
from oms.inventory.model import Balance, Entry, Movement, Need
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
            KeyConditionExpression="pk = :sku",
            ExpressionAttributeValues={":sku": dynamo.text(sku)},
            ConsistentRead=consistent,
        )
        return tuple(read_balance(item) for page in pages for item in page["Items"])

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

    def move(self, movement: Movement, cause: Cause) -> bool:
        record = to_json(movement)
        guard = self._write(
            "Put",
            {
                "Item": {
                    "pk": dynamo.text(f"movement#{movement.id}"),
                    "sk": dynamo.text("movement"),
                    "record": dynamo.text(record),
                },
                "ConditionExpression": "attribute_not_exists(pk)",
            },
            _ENTRY_TWICE,
        )
        entry = Entry(
            id=movement.id,
            kind=movement.kind,
            sku=movement.sku,
            node=movement.node,
            at=cause.at,
            by=cause.by,
            on_hand=movement.quantity,
            reason=movement.reason,
        )
        try:
            self.transact([guard, self._entry(entry), self._change_on_hand(movement)])
        except Conflict as refusal:
            if refusal is not _ENTRY_TWICE:
                raise
            if self._movement(movement.id) != record:
                raise Conflict(
                    f"movement {movement.id} was booked with another content",
                    code="content_differs",
                ) from None
            return False
        return True

    def set_thresholds(self, sku: str, node: str, safety_stock: int, low_stock_at: int) -> Balance:
        """Change what is held back and when to warn. Raises ``NotFound`` when the node never held
        the SKU, ``Conflict`` when stock moved meanwhile or the rest would go below zero."""
        held = next((b for b in self.balances_of(sku, consistent=True) if b.node == node), None)
        if held is None:
            raise NotFound(f"{node} has never held {sku}")
        change = safety_stock - held.safety_stock
        if held.available < change:
            raise Conflict("more would be held back than is available", code="below_zero")
        refusal = StockContended("the threshold was changed at the same moment")
        self.transact(
            [
                self._write(
                    "Update",
                    {
                        "Key": _balance_key(sku, node),
                        "UpdateExpression": "SET safety_stock = :safety, low_stock_at = :low,"
                        " available = available - :change, version = version + :one",
                        "ConditionExpression": "safety_stock = :before AND available >= :change",
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
        return next(b for b in self.balances_of(sku, consistent=True) if b.node == node)

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
        writes: list[Write] = []
        for need in needs:
            on_hand, reserved = _SIGNS[kind]
            change = Entry(
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
            # The entry first: of two refusals the one that says "done before" is to be heard.
            writes += [self._entry(change), self._change_for_order(kind, need)]
        return writes

    def _change_for_order(self, kind: str, need: Need) -> Write:
        expression, condition = _CHANGES[kind]
        return self._write(
            "Update",
            {
                "Key": _balance_key(need.sku, need.node),
                "UpdateExpression": f"SET {expression}, version = version + :one",
                "ConditionExpression": condition,
                "ExpressionAttributeValues": {
                    ":units": dynamo.number(need.quantity),
                    ":one": dynamo.number(1),
                },
            },
            StockContended(f"{need.node} no longer has {need.quantity} of {need.sku}"),
        )

    def _change_on_hand(self, movement: Movement) -> Write:
        request: dict[str, Any] = {
            "Key": _balance_key(movement.sku, movement.node),
            "UpdateExpression": "SET on_hand = if_not_exists(on_hand, :zero) + :units,"
            " available = if_not_exists(available, :zero) + :units,"
            " reserved = if_not_exists(reserved, :zero),"
            " safety_stock = if_not_exists(safety_stock, :zero),"
            " low_stock_at = if_not_exists(low_stock_at, :zero),"
            " version = if_not_exists(version, :zero) + :one",
            "ExpressionAttributeValues": {
                ":units": dynamo.number(movement.quantity),
                ":zero": dynamo.number(0),
                ":one": dynamo.number(1),
            },
        }
        if movement.quantity < 0:
            request["ConditionExpression"] = "available >= :taken"
            request["ExpressionAttributeValues"][":taken"] = dynamo.number(-movement.quantity)
        missing = Conflict(
            f"{movement.node} does not have {-movement.quantity} of {movement.sku} available",
            code="below_zero",
        )
        return self._write("Update", request, missing)

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

    def _movement(self, movement_id: str) -> str:
        answer = self._client.get_item(
            TableName=self._table,
            Key={"pk": dynamo.text(f"movement#{movement_id}"), "sk": dynamo.text("movement")},
            ConsistentRead=True,
        )
        return dynamo.read_text(answer["Item"], "record")

    def _write(self, kind: str, request: dict[str, Any], refusal: OmsError = _ENTRY_TWICE) -> Write:
        return Write({kind: {"TableName": self._table, **request}}, refusal)


# What a step does to (on_hand, reserved), and how; available follows.
_SIGNS = {"reserve": (0, 1), "unreserve": (0, -1), "ship": (-1, -1)}
_CHANGES = {
    "reserve": (
        "reserved = reserved + :units, available = available - :units",
        "available >= :units",
    ),
    "unreserve": (
        "reserved = reserved - :units, available = available + :units",
        "reserved >= :units",
    ),
    "ship": (
        "on_hand = on_hand - :units, reserved = reserved - :units",
        "reserved >= :units AND on_hand >= :units",
    ),
}


def read_balance(item: Mapping[str, Any]) -> Balance:
    return Balance(
        sku=dynamo.read_text(item, "pk"),
        node=dynamo.read_text(item, "sk").removeprefix("node#"),
        on_hand=dynamo.read_number(item, "on_hand"),
        reserved=dynamo.read_number(item, "reserved"),
        safety_stock=dynamo.read_number(item, "safety_stock"),
        available=dynamo.read_number(item, "available"),
        low_stock_at=dynamo.read_number(item, "low_stock_at"),
    )


def read_entry(item: Mapping[str, Any]) -> Entry:
    return from_json(dynamo.read_text(item, "record"), Entry)


def _balance_key(sku: str, node: str) -> dict[str, dict[str, str]]:
    return {"pk": dynamo.text(sku), "sk": dynamo.text(f"node#{node}")}


def _waiting_key(sku: str, since: str, order_id: str) -> dict[str, dict[str, str]]:
    return {"pk": dynamo.text(f"waiting#{sku}"), "sk": dynamo.text(f"{since}#{order_id}")}
