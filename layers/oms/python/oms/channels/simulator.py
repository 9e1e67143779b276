"""The payment simulator's callbacks, signed by the Standard Webhooks scheme.

``oms.payments.callbacks`` describes the body.
"""

from datetime import datetime

from oms.channels.model import Call, Command, Delivery, PaymentReported
from oms.channels.signatures import verify_standard_webhook
from oms.payments.callbacks import read_callback


def verify(call: Call, secret: str, now: datetime) -> Delivery:
    message_id = verify_standard_webhook(call.headers, call.body, secret, now)
    return Delivery(message_id, call.body.decode(), {})


def read(delivery: Delivery) -> tuple[Command, ...]:
    return (PaymentReported("simulator", read_callback(delivery.body)),)
