"""What the channel of the return that did it is told when a return rate is high.

The body::

    {"type": "return_rate.high",
     "timestamp": "2026-05-20T12:00:00.000Z",          when it happened
     "data": {"by": "product", "subject": "TEE",       a SKU; of a customer the channel's own id
              "month": "2026-05",                      this one, and the two before it
              "delivered": 40, "returned": 14, "rate": "0.3500",
              "reasons": {"too_small": 9, "damaged": 5}}}

It is told once for a subject and month, signed as all callbacks are.
"""

import json

from oms.kernel.clock import rfc3339
from oms.kernel.events import Envelope
from oms.notifications.callback import CallbackOutcome, CallbackUrl, SignedPost

RETURN_RATE_HIGH = "return_rate_high"
CALL_TYPE = "return_rate.high"


def call_about_returns(
    event: Envelope, callback_url: CallbackUrl, post: SignedPost
) -> CallbackOutcome:
    """Raises ``ProviderUnavailable`` when the channel did not accept it and it is to be retried."""
    channel = str(event.data["channel"])
    url = callback_url(channel)
    if not url:
        return CallbackOutcome.NO_CALLBACK_URL
    data = {name: value for name, value in event.data.items() if name != "channel"}
    document = {"type": CALL_TYPE, "timestamp": rfc3339(event.at), "data": data}
    body = json.dumps(document, separators=(",", ":"), ensure_ascii=False)
    return post(url, channel, event.id, body)
