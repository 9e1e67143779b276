"""What the tables' streams have to say: records in, events for the bus out.

The tables are the outbox: an event is in the same item, or the same transaction, as its effect.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from oms.aws import dynamo
from oms.aws.event_bus import Publication
from oms.aws.order_store import AWAIT, envelopes
from oms.aws.stock_items import read_balance, read_entry
from oms.inventory.model import QUANTITIES, Balance, MovementKind
from oms.kernel.encoding import from_json
from oms.kernel.events import Envelope, event_id

# What makes more of a SKU there, and what changes it otherwise. A step of an order is not told: the
# order's own event says it.
_MOVEMENTS = {
    kind: "stock_received"
    if kind in (MovementKind.RECEIPT, MovementKind.ARRIVAL)
    else "stock_adjusted"
    for kind in MovementKind
}

# What of a balance decides how much a channel may sell, and whether that is little; and the sort
# keys of what decides it beside balances.
_SOLD_BY = ("available", "low_stock_at")
_SELLING = ("owed", "policy")


# What is for those who deal with it: all that is wanted, and a means of payment.
_NOT_TOLD = {"exchange_drafted": "wanted", "exchange_confirmed": "charge"}


def publications(record: Mapping[str, Any]) -> list[Publication]:
    """The events of one stream record; none for what is nobody's business."""
    change = record["dynamodb"]
    new = change.get("NewImage")
    if new is None:
        return []
    sort_key = dynamo.read_text(new, "sk")
    if "events" in new and sort_key != AWAIT:
        return [publication_of(envelope) for envelope in envelopes(new)]
    if "envelopes" in new:
        return _told_by(new, change.get("OldImage") or {})
    if "#" in dynamo.read_text(new, "pk") and "record" in new:
        return _movement_event(new)
    if sort_key.startswith("node#"):
        return [
            *_low_stock_event(change.get("OldImage"), new, record),
            *_sold_out_event(change.get("OldImage"), new, record),
        ]
    return []


@dataclass(frozen=True, slots=True)
class StockChange:
    """What may be sold of a SKU changed; ``at`` is the stream's time, in Unix seconds."""

    sku: str
    at: float


def stock_change(record: Mapping[str, Any]) -> StockChange | None:
    """Whether a stream record changes what channels may sell: what is available at a node, in
    whichever of the SKU's counters; the selling policy, a channel's share, what is owed to orders
    that wait, or that it is to be counted there."""
    change = record["dynamodb"]
    new, old = change.get("NewImage") or {}, change.get("OldImage") or {}
    item = new or old
    sort_key = dynamo.read_text(item, "sk")
    if sort_key.startswith("node#"):
        if all(dynamo.read_number(new, name) == dynamo.read_number(old, name) for name in _SOLD_BY):
            return None
    elif sort_key not in _SELLING and not sort_key.startswith(("share#", "uncounted#")):
        return None
    partition = dynamo.read_text(item, "pk")
    kind, _, of_counter = partition.partition("#")
    if of_counter and kind != "counter":
        return None
    sku = of_counter.partition("#")[0] or partition
    return StockChange(sku, change["ApproximateCreationDateTime"])


def publication_of(envelope: Envelope) -> Publication:
    """An event of an order's history, in the form in which everybody may have it."""
    return Publication("oms.orders", _public(envelope))


def entered_state(record: Mapping[str, Any]) -> str:
    """The state that an order entered with this record, if it did."""
    return dynamo.read_text(record["dynamodb"].get("NewImage") or {}, "entered")


# Of another address everybody may know whom it concerns.
_TOLD_OF_ADDRESSES = ("drop_ship", "promised", "skus")


def _public(envelope: Envelope) -> Envelope:
    """Without the customer, and without what a decision was made of: whoever may know loads it."""
    if envelope.type == "address_changed":
        told = {name: envelope.data[name] for name in _TOLD_OF_ADDRESSES if name in envelope.data}
        return replace(envelope, data=told)
    if "evidence" in envelope.data:
        kept_data = {name: value for name, value in envelope.data.items() if name != "evidence"}
        return replace(envelope, data=kept_data)
    if envelope.type == "payment_added":
        return replace(envelope, data=_without_token(envelope.data))
    if envelope.type in _NOT_TOLD:
        hidden = _NOT_TOLD[envelope.type]
        told = {name: value for name, value in envelope.data.items() if name != hidden}
        return replace(envelope, data=told)
    if envelope.type == "return_requested":
        return replace(envelope, data=_without_words(envelope.data))
    if envelope.type != "order_captured":
        return envelope
    content = envelope.data["content"]
    assert isinstance(content, dict)
    kept = (
        "channel",
        "channel_order_id",
        "currency",
        "total",
        "fulfilled_by_channel",
        "exchange_of",
    )
    return replace(envelope, data={name: content[name] for name in kept if name in content})


def _without_token(data: Mapping[str, object]) -> dict[str, object]:
    """Whoever hears of a payment may not pay with it."""
    payment = data["payment"]
    assert isinstance(payment, dict)
    shown = {name: value for name, value in payment.items() if name != "token"}
    return {**data, "payment": shown}


def _without_words(data: Mapping[str, object]) -> dict[str, object]:
    """What a customer wrote about a return, and pictures of it, are for who deals with it."""
    requested = data["requested"]
    assert isinstance(requested, dict)
    lines = [
        {name: value for name, value in line.items() if name not in ("note", "proof")}
        for line in requested["lines"]
    ]
    return {**data, "requested": {**requested, "lines": lines}}


def _told_by(new: Mapping[str, Any], old: Mapping[str, Any]) -> list[Publication]:
    """What an item of the inventory says of its last change, in ``envelopes``; what it said before
    has been published."""
    told = dynamo.read_text(new, "envelopes")
    if told == dynamo.read_text(old, "envelopes"):
        return []
    return [Publication("oms.inventory", one) for one in from_json(told, list[Envelope])]


def _movement_event(item: Mapping[str, Any]) -> list[Publication]:
    if dynamo.read_text(item, "sk") == "movement":
        return []
    entry = read_entry(item)
    if entry.kind not in _MOVEMENTS:
        return []
    envelope = Envelope(
        id=f"{entry.sku}#{entry.node}:{entry.id}",
        type=_MOVEMENTS[MovementKind(entry.kind)],
        subject=f"{entry.sku}#{entry.node}",
        version=0,
        at=entry.at,
        by=entry.by,
        reason=entry.reason,
        correlation_id="",
        data={
            "sku": entry.sku,
            "node": entry.node,
            "movement": entry.kind,
            **{name: change for name in QUANTITIES if (change := getattr(entry, name))},
        },
    )
    return [Publication("oms.inventory", envelope)]


def _low_stock_event(
    old: Mapping[str, Any] | None, new: Mapping[str, Any], record: Mapping[str, Any]
) -> list[Publication]:
    """Raised once when what is available falls to the threshold, not again while it stays low."""
    now = read_balance(new)
    before = read_balance(old) if old else Balance(now.sku, now.node)
    fell = before.available > now.low_stock_at >= now.available
    if not now.low_stock_at or not fell or now.counters > 1:  # one counter is not what is available
        return []
    subject, version = f"{now.sku}#{now.node}", dynamo.read_number(new, "version")
    data = {
        "sku": now.sku,
        "node": now.node,
        "available": now.available,
        "low_stock_at": now.low_stock_at,
    }
    envelope = Envelope(
        id=event_id(subject, version, 1),
        type="stock_low",
        subject=subject,
        version=version,
        at=datetime.fromtimestamp(record["dynamodb"]["ApproximateCreationDateTime"], UTC),
        by="inventory",
        reason="",
        correlation_id="",
        data=data,
    )
    return [Publication("oms.inventory", envelope)]


def _sold_out_event(
    old: Mapping[str, Any] | None, new: Mapping[str, Any], record: Mapping[str, Any]
) -> list[Publication]:
    """What is available in a counter crossed zero: whether the SKU is sold out is to be looked at.
    The sales between say nothing, so that a burst of them is no burst of events."""
    now = read_balance(new)
    before = read_balance(old).available if old else 0
    if (before > 0) == (now.available > 0):
        return []
    subject, version = f"{now.sku}#{now.node}", dynamo.read_number(new, "version")
    envelope = Envelope(
        id=event_id(f"{subject}#{now.counter}", version, 2),
        type="node_back_in_stock" if now.available > 0 else "node_sold_out",
        subject=subject,
        version=version,
        at=datetime.fromtimestamp(record["dynamodb"]["ApproximateCreationDateTime"], UTC),
        by="inventory",
        reason="",
        correlation_id="",
        data={"sku": now.sku, "node": now.node, "available": now.available},
    )
    return [Publication("oms.inventory", envelope)]
