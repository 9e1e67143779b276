"""Purchase orders in DynamoDB, in the table of stock: they move ``incoming``.

==============================  =======================  ========================================
pk                              sk                       what
==============================  =======================  ========================================
``purchase_order#<id>``         ``purchase_order``       the order, and its last change's events
``purchase_orders#<supplier>``  ``<created at>#<id>``    a supplier's orders
``purchase_orders@<state>``     ``<created at>#<id>``    the orders in a state
``purchase_orders@due``         ``<due>#<id>``           when the order will next be late
sku                             ``supply#<supply id>``   dated supply: what of a sent one is open
==============================  =======================  ========================================
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from oms.aws import dynamo
from oms.aws.supply_items import supply_item, supply_key
from oms.inventory.model import Movement
from oms.inventory.position import Supply
from oms.kernel.clock import rfc3339
from oms.kernel.encoding import from_json, to_json
from oms.kernel.errors import Invalid, OmsError, StockContended, VersionConflict
from oms.kernel.events import Cause, Envelope, event_id
from oms.kernel.writes import Write
from oms.purchasing.decisions import Decision
from oms.purchasing.model import PurchaseOrder, PurchaseState, next_due, supplies
from oms.purchasing.store import Page, Summary

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_LARGEST_PAGE = 100
_CHANGED = VersionConflict("the purchase order was changed at the same moment")
_PROMISED = StockContended("its supply was promised at the same moment")
_BY_DUE = "purchase_orders@due"

Key = dict[str, dict[str, str]]


class PurchaseStore:
    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def find(self, order_id: str) -> PurchaseOrder | None:
        item = self._get(_order_key(order_id))
        return None if item is None else read_order(item)

    def prepare(
        self, before: PurchaseOrder | None, decision: Decision, cause: Cause
    ) -> list[Write]:
        after = decision.order
        return [
            self._order(before, decision, cause),
            *self._listings(before, after),
            *self._due(before, after),
            *self._supplies(before, decision),
        ]

    def depart(self, sent: Movement) -> list[Write]:
        return [self._write("Put", {"Item": supply_item(_travelling(sent))})]

    def arrive(self, sent: Movement, arrived: Movement, cause: Cause) -> list[Write]:
        supply = _travelling(sent)
        ended = self._delete(supply, None)
        missing = sent.quantity - arrived.quantity
        if missing <= 0:
            return [ended]
        # Beside the guard of the arrival, because nothing of the supply is left to carry it.
        short = {
            "pk": dynamo.text(f"movement#{sent.id}"),
            "sk": dynamo.text("supply"),
            "envelopes": dynamo.text(to_json([_missing(supply, missing, cause)])),
        }
        return [ended, self._write("Put", {"Item": short})]

    def page(
        self, supplier: str, state: PurchaseState | None, limit: int, cursor: str | None
    ) -> Page:
        if not supplier and state is None:
            raise Invalid("name a supplier or a state", code="filter_needed")
        partition = f"purchase_orders#{supplier}" if supplier else f"purchase_orders@{state}"
        request: dict[str, Any] = {
            "TableName": self._table,
            "KeyConditionExpression": "pk = :list",
            "ExpressionAttributeValues": {":list": dynamo.text(partition)},
            "Limit": min(limit, _LARGEST_PAGE),
        }
        if supplier and state is not None:
            request["FilterExpression"] = "#state = :state"
            request["ExpressionAttributeNames"] = {"#state": "state"}
            request["ExpressionAttributeValues"][":state"] = dynamo.text(state)
        if cursor:
            request["ExclusiveStartKey"] = dynamo.decode_cursor(cursor, {"pk": partition})
        answer = self._client.query(**request)
        orders = tuple(
            from_json(dynamo.read_text(item, "summary"), Summary) for item in answer["Items"]
        )
        return Page(orders, dynamo.encode_cursor(answer.get("LastEvaluatedKey")))

    def due_before(self, moment: datetime, limit: int) -> tuple[str, ...]:
        answer = self._client.query(
            TableName=self._table,
            KeyConditionExpression="pk = :due AND sk < :moment",
            ExpressionAttributeValues={
                ":due": dynamo.text(_BY_DUE),
                ":moment": dynamo.text(rfc3339(moment)),
            },
            Limit=min(limit, _LARGEST_PAGE),
        )
        return tuple(dynamo.read_text(item, "sk").partition("#")[2] for item in answer["Items"])

    def _order(self, before: PurchaseOrder | None, decision: Decision, cause: Cause) -> Write:
        after = decision.order
        request: dict[str, Any] = {
            "Item": {
                **_order_key(after.id),
                "document": dynamo.text(to_json(after)),
                "version": dynamo.number(after.version),
                "envelopes": dynamo.text(to_json(_envelopes(decision, cause))),
            },
            "ConditionExpression": "attribute_not_exists(pk)",
        }
        if before is not None:
            request["ConditionExpression"] = "version = :before"
            request["ExpressionAttributeValues"] = {":before": dynamo.number(before.version)}
        return self._write("Put", request, _CHANGED)

    def _listings(self, before: PurchaseOrder | None, after: PurchaseOrder) -> list[Write]:
        """The order's place in the lists, which show its state."""
        if before is not None and before.state is after.state:
            return []
        skus = tuple(line.sku for line in after.lines)
        summary = Summary(after.id, after.supplier, after.node, after.state, after.created_at, skus)
        shown = {
            "sk": dynamo.text(f"{rfc3339(after.created_at)}#{after.id}"),
            "state": dynamo.text(after.state),
            "summary": dynamo.text(to_json(summary)),
        }
        writes = [
            self._write("Put", {"Item": {"pk": dynamo.text(partition), **shown}})
            for partition in (f"purchase_orders#{after.supplier}", f"purchase_orders@{after.state}")
        ]
        if before is not None:
            left = {"pk": dynamo.text(f"purchase_orders@{before.state}"), "sk": shown["sk"]}
            writes.append(self._write("Delete", {"Key": left}))
        return writes

    def _due(self, before: PurchaseOrder | None, after: PurchaseOrder) -> list[Write]:
        was, is_now = _due_key(before), _due_key(after)
        if was == is_now:
            return []
        writes = []
        if was is not None:
            writes.append(self._write("Delete", {"Key": was}))
        if is_now is not None:
            writes.append(self._write("Put", {"Item": is_now}))
        return writes

    def _supplies(self, before: PurchaseOrder | None, decision: Decision) -> list[Write]:
        """What came serves the promises first: ``promised`` falls with it. Units that move to
        another date take along the promises that those which stay are too few for."""
        was, is_now = supplies(before), supplies(decision.order)
        touched = {*decision.received, *decision.moved, *decision.moved.values()}
        promised = {
            supply_id: self._promised(was[supply_id]) for supply_id in touched if supply_id in was
        }
        kept = {
            supply_id: max(0, units - decision.received.get(supply_id, 0))
            for supply_id, units in promised.items()
        }
        for to, origin in decision.moved.items():
            stay = min(kept[origin], is_now[origin].open if origin in is_now else 0)
            already = kept.get(to, 0)
            kept[to] = max(already, min(already + kept[origin] - stay, is_now[to].open))
            kept[origin] = stay
        writes = []
        for supply_id, supply in was.items():
            if supply_id not in is_now:
                writes.append(self._delete(supply, promised.get(supply_id)))
        for supply_id, supply in is_now.items():
            if supply_id not in was:
                put = supply_item(replace(supply, promised=kept.get(supply_id, 0)))
                writes.append(self._write("Put", {"Item": put}))
            elif supply != was[supply_id]:
                writes.append(self._change(supply, promised.get(supply_id), kept.get(supply_id, 0)))
        return writes

    def _promised(self, supply: Supply) -> int:
        return dynamo.read_number(self._get(supply_key(supply.sku, supply.id)) or {}, "promised")

    def _delete(self, supply: Supply, promised: int | None) -> Write:
        request: dict[str, Any] = {"Key": supply_key(supply.sku, supply.id)}
        if promised is not None:
            request["ConditionExpression"] = "promised = :promised"
            request["ExpressionAttributeValues"] = {":promised": dynamo.number(promised)}
        return self._write("Delete", request, _PROMISED)

    def _change(self, supply: Supply, promised: int | None, kept: int) -> Write:
        """The supply as it is decided; what is ``promised`` of it becomes ``kept``, under the
        condition that nobody promised more meanwhile. None: promises are not touched."""
        values = {
            ":due": dynamo.text(rfc3339(supply.due)),
            ":open": dynamo.number(supply.open),
            ":one": dynamo.number(1),
        }
        change, condition = "SET due = :due, #open = :open", "attribute_exists(pk)"
        if promised is not None:
            change, condition = f"{change}, promised = :kept", "promised = :promised"
            values |= {":kept": dynamo.number(kept), ":promised": dynamo.number(promised)}
        request: dict[str, Any] = {
            "Key": supply_key(supply.sku, supply.id),
            "UpdateExpression": f"{change} ADD version :one",
            "ConditionExpression": condition,
            "ExpressionAttributeNames": {"#open": "open"},
            "ExpressionAttributeValues": values,
        }
        return self._write("Update", request, _PROMISED)

    def _get(self, key: Key) -> Mapping[str, Any] | None:
        answer = self._client.get_item(TableName=self._table, Key=key, ConsistentRead=True)
        return answer.get("Item")

    def _write(self, kind: str, request: dict[str, Any], refusal: OmsError = _CHANGED) -> Write:
        return Write({kind: {"TableName": self._table, **request}}, refusal)


def read_order(item: Mapping[str, Any]) -> PurchaseOrder:
    return from_json(dynamo.read_text(item, "document"), PurchaseOrder)


def _travelling(sent: Movement) -> Supply:
    assert sent.due is not None
    supply_id = f"transfer#{sent.id}"
    return Supply(supply_id, sent.sku, sent.to_node, sent.due, sent.quantity, kind="transfer")


def _missing(supply: Supply, units: int, cause: Cause) -> Envelope:
    due = rfc3339(supply.due)
    return Envelope(
        id=event_id(supply.id, 1, 1),
        type="supply_changed",
        subject=supply.id,
        version=1,
        at=cause.at,
        by=cause.by,
        reason=cause.reason,
        correlation_id=cause.correlation_id,
        data={
            "sku": supply.sku,
            "node": supply.node,
            "supply": supply.id,
            "from": due,
            "to": due,
            "open_before": units,
            "open": 0,
            "reason": "short",
        },
    )


def _envelopes(decision: Decision, cause: Cause) -> list[Envelope]:
    order = decision.order
    return [
        Envelope(
            id=event_id(order.id, order.version, number),
            type=fact.type,
            subject=order.id,
            version=order.version,
            at=cause.at,
            by=cause.by,
            reason=cause.reason,
            correlation_id=cause.correlation_id,
            data=fact.data,
        )
        for number, fact in enumerate(decision.facts, 1)
    ]


def _order_key(order_id: str) -> Key:
    return {
        "pk": dynamo.text(f"purchase_order#{order_id}"),
        "sk": dynamo.text("purchase_order"),
    }


def _due_key(order: PurchaseOrder | None) -> Key | None:
    """Under which the order is found when the next of it is late."""
    due = next_due(order)
    if order is None or due is None:
        return None
    return {"pk": dynamo.text(_BY_DUE), "sk": dynamo.text(f"{rfc3339(due)}#{order.id}")}
