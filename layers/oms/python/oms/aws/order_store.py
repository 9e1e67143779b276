"""Orders in DynamoDB: one append-only item collection per order.

========  =================  =====================================================================
pk        sk                 what
========  =================  =====================================================================
order id  ``order``          version 1: the captured event, which holds the content. Never changes
order id  ``commit#000002``  a command's events and the progress they led to. Never changes
order id  ``await``          the task token of the lifecycle's present wait
``payment#<provider>#<name>``  ``payment``: our id of what a provider calls that
========  =================  =====================================================================

A commit is written under the condition that its version does not exist yet, which is the lock: no
update is lost and no version is skipped. ``order`` sorts after every commit, so that the two items
a command needs, the content and the newest commit, are the first two read backwards.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from botocore.exceptions import ClientError

from oms.aws import dynamo
from oms.kernel.clock import parse_rfc3339, rfc3339
from oms.kernel.encoding import from_json, from_plain, to_json, to_plain
from oms.kernel.errors import Conflict, NotFound, VersionConflict
from oms.kernel.events import Cause, Envelope, event_id
from oms.kernel.writes import Write
from oms.orders.events import (
    CLASS_BY_TYPE,
    TYPE_BY_CLASS,
    Event,
    OrderCaptured,
    PaymentAuthorized,
    PaymentCaptured,
    PaymentPending,
)
from oms.orders.evolve import as_changed, begin, evolve_all
from oms.orders.model import Content, Order, Progress, State
from oms.orders.store import AwaitedToken, Captured, OrderKeys
from oms.payments.callbacks import REPORT_BY_CAPTURE, REPORT_BY_NAME

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

CONTENT = "order"
AWAIT = "await"
_LARGEST_PAGE = 100


class OrderStore:
    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def add(
        self,
        content: Content,
        fingerprint: str,
        cause: Cause,
        *,
        then: Sequence[Event] = (),
        also: Sequence[Write] = (),
    ) -> Captured:
        event = OrderCaptured(content)
        item = _commit_item(content.order_id, CONTENT, 1, (event,), cause) | {
            "fingerprint": dynamo.text(fingerprint),
            "channel": dynamo.text(content.channel),
            "captured_at": dynamo.text(rfc3339(content.captured_at)),
            "entered": dynamo.text(str(begin(event).state)),
        }
        if content.customer.id:
            item["customer"] = dynamo.text(content.customer.id)
        if then or also:
            return self._add_with(item, begin(event), fingerprint, cause, then, also)
        try:
            self._client.put_item(
                TableName=self._table,
                Item=item,
                ConditionExpression="attribute_not_exists(pk)",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ClientError as error:
            if not dynamo.is_refused_condition(error):
                raise
            # The old item is in the answer, so a repeat costs no further read of it; only what
            # happened since is read, to answer with the order as it is now.
            old = dynamo.read_text(error.response["Item"], "fingerprint")  # type: ignore[typeddict-item]
            return Captured(self.load(content.order_id), created=False, fingerprint=old)
        return Captured(begin(event), created=True, fingerprint=fingerprint)

    def _add_with(
        self,
        item: dict[str, Any],
        order: Order,
        fingerprint: str,
        cause: Cause,
        then: Sequence[Event],
        also: Sequence[Write],
    ) -> Captured:
        taken = VersionConflict(f"{order.order_id} was captured before")
        put = {
            "TableName": self._table,
            "Item": item,
            "ConditionExpression": "attribute_not_exists(pk)",
        }
        writes = [Write({"Put": put}, taken), *also]
        if then:
            evolved = evolve_all(order, then)
            order = Order(evolved.content, evolved.progress, order.version + 1)
            writes.append(self._append(order, evolved.state, then, cause))
        try:
            dynamo.transact(self._client, writes)
        except VersionConflict as refusal:
            if refusal is not taken:
                raise
            return self._captured_before(order.order_id)
        return Captured(order, created=True, fingerprint=fingerprint)

    def _captured_before(self, order_id: str) -> Captured:
        answer = self._client.get_item(
            TableName=self._table,
            Key={"pk": dynamo.text(order_id), "sk": dynamo.text(CONTENT)},
            ConsistentRead=True,
        )
        old = dynamo.read_text(answer["Item"], "fingerprint")
        return Captured(self.load(order_id), created=False, fingerprint=old)

    def load(self, order_id: str) -> Order:
        answer = self._client.query(
            TableName=self._table,
            KeyConditionExpression="pk = :order AND sk >= :commits",
            ExpressionAttributeValues={
                ":order": dynamo.text(order_id),
                ":commits": dynamo.text("commit#"),
            },
            ScanIndexForward=False,
            Limit=2,
            ConsistentRead=True,
        )
        items = answer["Items"]
        if not items:
            raise NotFound(f"there is no order {order_id}")
        order = begin(_captured(items[0]))
        if len(items) == 1:
            return order
        progress = from_json(dynamo.read_text(items[1], "progress"), Progress)
        content = as_changed(order.content, progress)
        return Order(content, progress, dynamo.read_number(items[1], "version"))

    def commit(
        self,
        order: Order,
        events: Sequence[Event],
        cause: Cause,
        also: Sequence[Write] = (),
    ) -> Order:
        evolved = evolve_all(order, events)
        committed = Order(evolved.content, evolved.progress, order.version + 1)
        entered = committed.state if committed.state is not order.state else None
        append = self._append(committed, entered, events, cause)
        names = self._names(committed, events)
        if also or names:
            dynamo.transact(self._client, [append, *names, *also])
            return committed
        try:
            self._client.put_item(**append.request["Put"])
        except ClientError as error:
            if dynamo.is_refused_condition(error):
                raise append.refusal from None
            raise
        return committed

    def appending(self, order: Order, events: Sequence[Event], cause: Cause) -> Write:
        evolved = evolve_all(order, events)
        committed = Order(evolved.content, evolved.progress, order.version + 1)
        entered = committed.state if committed.state is not order.state else None
        return self._append(committed, entered, events, cause)

    def once(self, name: str) -> Write:
        put = {
            "TableName": self._table,
            "Item": {"pk": dynamo.text(f"once#{name}"), "sk": dynamo.text("once")},
            "ConditionExpression": "attribute_not_exists(pk)",
        }
        return Write({"Put": put}, Conflict("it was done before", code="entry_exists"))

    def payment_called(self, provider: str, name: str) -> str:
        """Our id of the payment that ``provider`` has a name of its own for; empty when it is not
        known."""
        answer = self._client.query(
            TableName=self._table,
            KeyConditionExpression="pk = :name",
            ExpressionAttributeValues={":name": dynamo.text(f"payment#{provider}#{name}")},
            Limit=1,
            ConsistentRead=True,
        )
        return next((dynamo.read_text(item, "payment_id") for item in answer["Items"]), "")

    def _names(self, committed: Order, events: Sequence[Event]) -> list[Write]:
        """What payments are called by providers who may report on them by that name alone."""
        called: dict[tuple[str, str], str] = {}
        for event in events:
            if not isinstance(event, PaymentAuthorized | PaymentPending | PaymentCaptured):
                continue
            provider = committed.payments.find(event.payment_id).provider
            if name := _name_in(event, provider):
                called[provider, name] = event.payment_id
        return [self._name(*name, payment_id) for name, payment_id in called.items()]

    def _name(self, provider: str, name: str, payment_id: str) -> Write:
        put = {
            "TableName": self._table,
            "Item": {
                "pk": dynamo.text(f"payment#{provider}#{name}"),
                "sk": dynamo.text("payment"),
                "payment_id": dynamo.text(payment_id),
            },
        }
        return Write({"Put": put}, VersionConflict(f"{payment_id} is being named"))

    def _append(
        self, committed: Order, entered: State | None, events: Sequence[Event], cause: Cause
    ) -> Write:
        """The commit that leads to the order; refused when its version is there already."""
        sort_key = f"commit#{committed.version:06d}"
        item = _commit_item(committed.order_id, sort_key, committed.version, events, cause)
        item["progress"] = dynamo.text(to_json(committed.progress))
        if entered:
            item["entered"] = dynamo.text(str(entered))
        put = {
            "TableName": self._table,
            "Item": item,
            "ConditionExpression": "attribute_not_exists(pk)",
        }
        conflict = VersionConflict(f"{committed.order_id} is past version {committed.version - 1}")
        return Write({"Put": put}, conflict)

    def unchanged(self, order: Order) -> Write:
        check = {
            "TableName": self._table,
            "Key": {
                "pk": dynamo.text(order.order_id),
                "sk": dynamo.text(f"commit#{order.version + 1:06d}"),
            },
            "ConditionExpression": "attribute_not_exists(pk)",
        }
        changed = VersionConflict(f"{order.order_id} is past version {order.version}")
        return Write({"ConditionCheck": check}, changed)

    def history(self, order_id: str) -> list[Envelope]:
        items: list[dict[str, Any]] = []
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            KeyConditionExpression="pk = :order AND sk >= :commits",
            ExpressionAttributeValues={
                ":order": dynamo.text(order_id),
                ":commits": dynamo.text("commit#"),
            },
            ConsistentRead=True,
        )
        for page in pages:
            items.extend(page["Items"])
        if not items:
            raise NotFound(f"there is no order {order_id}")
        items.sort(key=lambda item: dynamo.read_number(item, "version"))
        return [envelope for item in items for envelope in envelopes(item)]

    def list_by(
        self,
        index: Literal["channel", "customer"],
        value: str,
        since: str,
        until: str,
        limit: int,
        cursor: str | None,
    ) -> OrderKeys:
        key: dict[str, Any] = {}
        if cursor:
            key["ExclusiveStartKey"] = dynamo.decode_cursor(
                cursor, {index: value}, ("pk", "sk", "captured_at")
            )
        answer = self._client.query(
            TableName=self._table,
            IndexName=f"by_{index}",
            KeyConditionExpression="#index = :value AND captured_at BETWEEN :since AND :until",
            ExpressionAttributeNames={"#index": index},
            ExpressionAttributeValues={
                ":value": dynamo.text(value),
                ":since": dynamo.text(since),
                ":until": dynamo.text(until),
            },
            ScanIndexForward=False,
            Limit=min(limit, _LARGEST_PAGE),
            **key,
        )
        ids = tuple(dynamo.read_text(item, "pk") for item in answer["Items"])
        return OrderKeys(ids, dynamo.encode_cursor(answer.get("LastEvaluatedKey")))

    def put_token(self, order_id: str, awaited: AwaitedToken) -> None:
        """Remember whom to tell when what the lifecycle waits for has happened."""
        self._client.put_item(
            TableName=self._table,
            Item={
                "pk": dynamo.text(order_id),
                "sk": dynamo.text(AWAIT),
                "token": dynamo.text(awaited.token),
                "awaits": dynamo.text(awaited.awaits),
            },
        )

    def token(self, order_id: str) -> AwaitedToken | None:
        answer = self._client.get_item(
            TableName=self._table,
            Key={"pk": dynamo.text(order_id), "sk": dynamo.text(AWAIT)},
            ConsistentRead=True,
        )
        item = answer.get("Item")
        if item is None:
            return None
        return AwaitedToken(dynamo.read_text(item, "token"), dynamo.read_text(item, "awaits"))


def envelopes(item: Mapping[str, Any]) -> list[Envelope]:
    """The events that an item of the collection holds; the stream's records are read with this."""
    order_id, version = (
        dynamo.read_text(item, "pk"),
        dynamo.read_number(item, "version"),
    )
    return [
        Envelope(
            id=event_id(order_id, version, number),
            type=event["type"],
            subject=order_id,
            version=version,
            at=parse_rfc3339(dynamo.read_text(item, "at")),
            by=dynamo.read_text(item, "by"),
            reason=dynamo.read_text(item, "reason"),
            correlation_id=dynamo.read_text(item, "correlation_id"),
            data=event["data"],
        )
        for number, event in enumerate(json.loads(dynamo.read_text(item, "events")), start=1)
    ]


def read_event(envelope: Envelope) -> Event:
    return from_plain(envelope.data, CLASS_BY_TYPE[envelope.type])


def _name_in(event: PaymentAuthorized | PaymentPending | PaymentCaptured, provider: str) -> str:
    """What the provider will call the payment by; empty where it is no new name."""
    if isinstance(event, PaymentCaptured):
        return event.provider_reference if provider in REPORT_BY_CAPTURE else ""
    return event.reference if provider in REPORT_BY_NAME else ""


def _captured(item: Mapping[str, Any]) -> OrderCaptured:
    captured = read_event(envelopes(item)[0])
    assert isinstance(captured, OrderCaptured)
    return captured


def _commit_item(
    order_id: str, sort_key: str, version: int, events: Sequence[Event], cause: Cause
) -> dynamo.Item:
    written = [{"type": TYPE_BY_CLASS[type(event)], "data": to_plain(event)} for event in events]
    return {
        "pk": dynamo.text(order_id),
        "sk": dynamo.text(sort_key),
        "version": dynamo.number(version),
        "at": dynamo.text(rfc3339(cause.at)),
        "by": dynamo.text(cause.by),
        "reason": dynamo.text(cause.reason),
        "correlation_id": dynamo.text(cause.correlation_id),
        "events": dynamo.text(json.dumps(written, separators=(",", ":"), ensure_ascii=False)),
    }
