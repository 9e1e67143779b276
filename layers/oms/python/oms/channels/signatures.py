"""Whether a webhook comes from who holds the secret. Pure: the time is an argument.

Refusals are ``Unauthenticated`` with one of the codes ``not_configured`` (we have no secret to
compare with), ``missing_header``, ``missing_signature``, ``missing_timestamp``, ``missing_hash``,
``malformed_header``, ``timestamp_out_of_tolerance`` and ``signature_mismatch``.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from standardwebhooks import Webhook
from standardwebhooks.webhooks import EmptyWebhookSecretError

from oms.kernel.errors import Unauthenticated

TOLERANCE = timedelta(minutes=5)

_SECONDS = re.compile(r"[0-9]{1,11}")
_MILLISECONDS = re.compile(r"[0-9]{12,14}")


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
        required_header(given, name)
        for name in ("webhook-id", "webhook-timestamp", "webhook-signature")
    )
    sent_at = _moment(timestamp)
    if abs(now - sent_at) > tolerance:
        raise _out_of_tolerance()
    try:
        expected = webhook.sign(message_id, sent_at, raw_body.decode())
    except UnicodeDecodeError:
        raise mismatch() from None
    if not any(_same(signature, expected) for signature in signatures.split()):
        raise mismatch()
    return message_id


def verify_body_hmac(signature: str, raw_body: bytes, secret: str) -> None:
    """Base64 of the HMAC-SHA256 of the raw body, keyed with the secret's UTF-8 bytes."""
    digest = hmac.digest(_key(secret), raw_body, hashlib.sha256)
    if not _same(signature.strip(), base64.b64encode(digest).decode()):
        raise mismatch()


def verify_hex_hmac(signatures: Sequence[str], secret: str, *signed: bytes) -> None:
    """Hexadecimal HMAC-SHA256, keyed with the secret's UTF-8 bytes. One of ``signatures`` that fits
    one reading of what was ``signed`` is enough."""
    key = _key(secret)
    expected = [hmac.digest(key, reading, hashlib.sha256).hex() for reading in signed]
    if not any(_same(signature, each) for signature in signatures for each in expected):
        raise mismatch()


def verify_hex_keyed_hmac(signature: str, signed: bytes, secret: str) -> None:
    """Base64 of the HMAC-SHA256, keyed with the bytes that the secret writes in hexadecimal."""
    try:
        key = bytes.fromhex(secret)
    except ValueError:
        raise not_configured() from None
    if not key:
        raise not_configured()
    digest = hmac.digest(key, signed, hashlib.sha256)
    if not _same(signature.strip(), base64.b64encode(digest).decode()):
        raise mismatch()


def values_by_name(header: str) -> dict[str, list[str]]:
    """A header such as ``t=1700000000,v1=ab…,v1=cd…``; what is no pair is left out. Raises
    ``Unauthenticated`` (``malformed_header``) when there is no pair at all."""
    found: dict[str, list[str]] = {}
    for part in header.split(","):
        name, equals, value = part.partition("=")
        if equals and value.strip():
            found.setdefault(name.strip(), []).append(value.strip())
    if not found:
        raise malformed("the signature's header has no parts")
    return found


def unix_moment(text: str) -> datetime:
    """Unix seconds, or milliseconds where there are that many digits."""
    if _MILLISECONDS.fullmatch(text):
        return datetime.fromtimestamp(int(text) / 1000, UTC)
    return _moment(text)


def refuse_another_time(sent_at: datetime, now: datetime, tolerance: timedelta | None) -> None:
    """Older than ``tolerance``, unless that is None; or further ahead than clocks may differ."""
    if tolerance is None:
        return
    if now - sent_at > tolerance or sent_at - now > TOLERANCE:
        raise _out_of_tolerance()


def required_header(headers: Mapping[str, str], name: str, code: str = "missing_header") -> str:
    value = headers.get(name, "").strip()
    if not value:
        raise Unauthenticated(f"the header {name} is missing", code=code)
    return value


def mismatch() -> Unauthenticated:
    return Unauthenticated("the signature does not match the body", code="signature_mismatch")


def malformed(what: str) -> Unauthenticated:
    return Unauthenticated(what, code="malformed_header")


def not_configured() -> Unauthenticated:
    return Unauthenticated("this source has no usable secret", code="not_configured")


def _out_of_tolerance() -> Unauthenticated:
    return Unauthenticated("the timestamp is too old or too new", code="timestamp_out_of_tolerance")


def _key(secret: str) -> bytes:
    if not secret.strip():
        raise not_configured()
    return secret.encode()


def _webhook(secret: str) -> Webhook:
    try:
        return Webhook(secret)
    except (EmptyWebhookSecretError, ValueError):
        raise not_configured() from None


def _moment(timestamp: str) -> datetime:
    if not _SECONDS.fullmatch(timestamp):
        raise malformed("the timestamp is not in Unix seconds")
    return datetime.fromtimestamp(int(timestamp), UTC)


def _same(given: str, expected: str) -> bool:
    """Compared in constant time, so that an answer's delay tells nothing of the signature."""
    return hmac.compare_digest(given.encode(errors="replace"), expected.encode())
