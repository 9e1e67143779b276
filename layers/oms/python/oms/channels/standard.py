"""Marketplaces that speak our own schema, signed by the Standard Webhooks scheme.

::

    {"type": "order.created", "timestamp": "2026-05-01T12:00:00Z", "data": { … }}

``data`` is an order as ``POST /v1/orders`` takes it. It must carry its ``channel_order_id``, which
is what makes a second delivery harmless. Members that we do not know are ignored, so that a
marketplace may add to its messages; so are messages of another type.
"""

from datetime import datetime, timedelta

from oms.channels.model import Call, CaptureRequested, Command, Delivery, Ignored
from oms.channels.payload import parse_payload
from oms.channels.signatures import TOLERANCE, verify_standard_webhook


def verify(call: Call, secret: str, now: datetime, tolerance: timedelta = TOLERANCE) -> Delivery:
    message_id = verify_standard_webhook(call.headers, call.body, secret, now, tolerance)
    return Delivery(message_id, call.body.decode(), {})


def read(delivery: Delivery) -> tuple[Command, ...]:
    payload = parse_payload(delivery.body)
    kind = payload.at("type").text()
    if kind != "order.created":
        return (Ignored(f"messages of type {kind} are not handled"),)
    order = payload.at("data")
    order.at("channel_order_id").text()
    return (CaptureRequested(order.members()),)
