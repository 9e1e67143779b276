"""The payment simulator's callbacks, signed by the Standard Webhooks scheme.

``oms.payments.callbacks`` describes the body.
"""

from collections.abc import Mapping
from datetime import datetime

from oms.channels.model import Command, Delivery, PaymentReported
from oms.channels.signatures import verify_standard_webhook
from oms.payments.callbacks import read_callback


def verify(headers: Mapping[str, str], raw_body: bytes, secret: str, now: datetime) -> Delivery:
    message_id = verify_standard_webhook(headers, raw_body, secret, now)
    return Delivery(message_id, raw_body.decode(), {})


def read(delivery: Delivery) -> tuple[Command, ...]:
    return (PaymentReported("simulator", read_callback(delivery.body)),)
