"""Tracking events of a carrier, signed by the Standard Webhooks scheme.

::

    {"type": "tracking.updated", "timestamp": "2026-05-03T15:20:00Z",
     "data": {"tracking_number": "BR1", "fulfillment_id": "ful_…_1", "status": "delivered"}}

``fulfillment_id`` is what we gave the carrier as its customer's reference. Every status but
``delivered`` is ignored: the way there changes nothing about the order.
"""

from collections.abc import Mapping
from datetime import datetime

from oms.channels.model import Command, Delivery, Ignored, ParcelDelivered
from oms.channels.payload import parse_payload
from oms.channels.signatures import verify_standard_webhook


def verify(headers: Mapping[str, str], raw_body: bytes, secret: str, now: datetime) -> Delivery:
    message_id = verify_standard_webhook(headers, raw_body, secret, now)
    return Delivery(message_id, raw_body.decode(), {})


def read(delivery: Delivery) -> tuple[Command, ...]:
    tracking = parse_payload(delivery.body).at("data")
    status = tracking.at("status").text()
    if status != "delivered":
        return (Ignored(f"a parcel that is {status} changes nothing"),)
    return (
        ParcelDelivered(
            fulfillment_id=tracking.at("fulfillment_id").text(),
            tracking_number=tracking.at("tracking_number").text(),
        ),
    )
