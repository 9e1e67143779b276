"""Whether a webhook comes from who holds the secret. Pure: the time is an argument.

Refusals are ``Unauthenticated`` with one of the codes ``not_configured`` (we have no secret to
compare with), ``missing_header``, ``missing_signature``, ``malformed_header``,
``timestamp_out_of_tolerance`` and ``signature_mismatch``.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from standardwebhooks import Webhook
from standardwebhooks.webhooks import EmptyWebhookSecretError

from oms.kernel.errors import Unauthenticated

TOLERANCE = timedelta(minutes=5)

_SECONDS = re.compile(r"[0-9]{1,11}")


def lower_names(headers: Mapping[str, str]) -> dict[str, str]:
    """Header names are case-insensitive (RFC 9110, section 5.1)."""
    return {name.lower(): value for name, value in headers.items()}


def verify_standard_webhook(
    headers: Mapping[str, str],
    raw_body: bytes,
    secret: str,
    now: datetime,
    tolerance: timedelta = TOLERANCE,
) -> str:
    """The message's id, when one of its ``v1`` signatures holds and its timestamp is fresh.

    The scheme of standardwebhooks.com: ``webhook-id``, ``webhook-timestamp`` (Unix seconds) and
    ``webhook-signature`` over ``id.timestamp.body``. Several signatures are sent while a secret is
    being replaced.
    """
    webhook = _webhook(secret)
    given = lower_names(headers)
    message_id, timestamp, signatures = (
        _required(given, name) for name in ("webhook-id", "webhook-timestamp", "webhook-signature")
    )
    sent_at = _moment(timestamp)
    if abs(now - sent_at) > tolerance:
        raise Unauthenticated(
            "the timestamp is too old or too new", code="timestamp_out_of_tolerance"
        )
    try:
        expected = webhook.sign(message_id, sent_at, raw_body.decode())
    except UnicodeDecodeError:
        raise _mismatch() from None
    if not any(_same(signature, expected) for signature in signatures.split()):
        raise _mismatch()
    return message_id


def verify_body_hmac(signature: str, raw_body: bytes, secret: str) -> None:
    """Base64 of the HMAC-SHA256 of the raw body, keyed with the secret's UTF-8 bytes."""
    if not secret:
        raise _not_configured()
    digest = hmac.digest(secret.encode(), raw_body, hashlib.sha256)
    if not _same(signature.strip(), base64.b64encode(digest).decode()):
        raise _mismatch()


def _webhook(secret: str) -> Webhook:
    try:
        return Webhook(secret)
    except (EmptyWebhookSecretError, ValueError):
        raise _not_configured() from None


def _required(headers: Mapping[str, str], name: str) -> str:
    value = headers.get(name, "").strip()
    if not value:
        raise Unauthenticated(f"the header {name} is missing", code="missing_header")
    return value


def _moment(timestamp: str) -> datetime:
    if not _SECONDS.fullmatch(timestamp):
        raise Unauthenticated("the timestamp is not in Unix seconds", code="malformed_header")
    return datetime.fromtimestamp(int(timestamp), UTC)


def _same(given: str, expected: str) -> bool:
    """Compared in constant time, so that an answer's delay tells nothing of the signature."""
    return hmac.compare_digest(given.encode(), expected.encode())


def _mismatch() -> Unauthenticated:
    return Unauthenticated("the signature does not match the body", code="signature_mismatch")


def _not_configured() -> Unauthenticated:
    return Unauthenticated("this source has no usable secret", code="not_configured")
