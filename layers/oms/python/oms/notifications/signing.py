"""Signatures of outbound webhooks, by the Standard Webhooks scheme."""

import base64
import hashlib
import hmac
from datetime import datetime

from standardwebhooks import Webhook


def channel_secret(master: str, channel_id: str) -> str:
    """The secret that a channel verifies our callbacks with, ``whsec_…``.

    It is derived, so that there is nothing to store: rotating ``master`` rotates every channel's.
    """
    key = hmac.new(master.encode(), channel_id.encode(), hashlib.sha256).digest()
    return f"whsec_{base64.b64encode(key).decode()}"


def supplier_name(supplier_id: str) -> str:
    """What a supplier's secret is derived by; no channel can have the same id."""
    return f"supplier#{supplier_id}"


def signed_headers(secret: str, message_id: str, body: str, at: datetime) -> dict[str, str]:
    """``at`` is the moment of this attempt, in UTC: receivers refuse what is minutes old."""
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(secret).sign(message_id, at, body),
    }
