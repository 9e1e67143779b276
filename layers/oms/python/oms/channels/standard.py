"""Marketplaces that speak our own schema, signed by the Standard Webhooks scheme.

::

    {"type": "order.created", "timestamp": "2026-05-01T12:00:00Z", "data": { … }}

``data`` is an order as ``POST /v1/orders`` takes it. It must carry its ``channel_order_id``, which
is what makes a second delivery harmless. Members that we do not know are ignored, so that a
marketplace may add to its messages; so are messages of another type.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

from oms.channels.model import CaptureRequested, Command, Delivery, Ignored
from oms.channels.payload import parse_payload
from oms.channels.signatures import TOLERANCE, verify_standard_webhook


def verify(
    headers: Mapping[str, str],
    raw_body: bytes,
    secret: str,
    now: datetime,
    tolerance: timedelta = TOLERANCE,
) -> Delivery:
    message_id = verify_standard_webhook(headers, raw_body, secret, now, tolerance)
    return Delivery(message_id, raw_body.decode(), {})


def read(delivery: Delivery) -> tuple[Command, ...]:
    payload = parse_payload(delivery.body)
    kind = payload.at("type").text()
    if kind != "order.created":
        return (Ignored(f"messages of type {kind} are not handled"),)
    order = payload.at("data")
    order.at("channel_order_id").text()
    return (CaptureRequested(order.members()),)
