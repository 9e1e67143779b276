"""Payment providers as they call us: each signs in its own way, and two of them are asked back."""

import base64
import hashlib
import hmac
import json
import threading
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

from oms.channels import adyen, mercadopago, paypal
from oms.channels.payload import Payload

CERTIFICATE_PATH = "/v1/notifications/certs/CERT-made-here"


def stripe_headers(secret: str, body: bytes, at: datetime, *others: str) -> dict[str, str]:
    """``others`` are further v1 signatures, sent before the one that fits."""
    seconds = int(at.timestamp())
    signed = hmac.digest(secret.encode(), f"{seconds}.".encode() + body, hashlib.sha256).hex()
    signatures = ",".join(f"v1={each}" for each in (*others, signed))
    return {"stripe-signature": f"t={seconds},{signatures}"}


def adyen_signed(secret: str, document: Mapping[str, Any]) -> dict[str, Any]:
    """The document with each of its items signed."""
    items = [
        {"NotificationRequestItem": _adyen_item(secret, envelope["NotificationRequestItem"])}
        for envelope in document["notificationItems"]
    ]
    return {**document, "notificationItems": items}


def _adyen_item(secret: str, item: Mapping[str, Any]) -> dict[str, Any]:
    signed = adyen.signed_string(Payload(dict(item))).encode()
    digest = hmac.digest(bytes.fromhex(secret), signed, hashlib.sha256)
    additional = {**item.get("additionalData", {})}
    additional["hmacSignature"] = base64.b64encode(digest).decode()
    return {**item, "additionalData": additional}


def mercadopago_headers(
    secret: str, resource_id: str, at: datetime, request_id: str = "req-1"
) -> dict[str, str]:
    milliseconds = str(int(at.timestamp() * 1000))
    signed = mercadopago.manifest(resource_id, request_id, milliseconds).encode()
    digest = hmac.digest(secret.encode(), signed, hashlib.sha256).hex()
    return {"x-signature": f"ts={milliseconds},v1={digest}", "x-request-id": request_id}


def paypal_headers(
    webhook_id: str,
    body: bytes,
    at: datetime,
    url: str = f"https://api.paypal.com{CERTIFICATE_PATH}",
) -> dict[str, str]:
    sent, message_id = at.astimezone(UTC).isoformat(), "transmission-1"
    signed = paypal.signed_string(message_id, sent, webhook_id, body).encode()
    assert str(zlib.crc32(body)).encode() in signed
    signature = _key().sign(signed, padding.PKCS1v15(), hashes.SHA256())
    return {
        "paypal-transmission-id": message_id,
        "paypal-transmission-time": sent,
        "paypal-transmission-sig": base64.b64encode(signature).decode(),
        "paypal-cert-url": url,
        "paypal-auth-algo": "SHA256withRSA",
    }


@cache
def _key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@cache
def certificate(begins: datetime = datetime(2020, 1, 1, tzinfo=UTC), days: int = 365 * 30) -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "not PayPal")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(_key().public_key())
        .serial_number(1)
        .not_valid_before(begins)
        .not_valid_after(begins + timedelta(days=days))
        .sign(_key(), hashes.SHA256())
    )
    return made.public_bytes(serialization.Encoding.PEM)


@dataclass
class StandIn:
    """Answers GET with what ``files`` has at the path; ``statuses`` come first, one for each call.
    ``asked`` is every call: its path with its headers."""

    address: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    statuses: list[int] = field(default_factory=list)
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    def serve(self, path: str, document: object) -> None:
        self.files[path] = json.dumps(document).encode()

    def answer(self, path: str, headers: Mapping[str, str]) -> tuple[int, bytes]:
        self.asked.append((path, {name.lower(): value for name, value in headers.items()}))
        if self.statuses:
            return self.statuses.pop(0), b"{}"
        found = self.files.get(path)
        return (404, b"{}") if found is None else (200, found)


@contextmanager
def stand_in(port: int = 0) -> Iterator[StandIn]:
    """A server on this machine, with PayPal's certificate where PayPal would have it."""
    here = StandIn(files={CERTIFICATE_PATH: certificate()})

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = here.answer(self.path, dict(self.headers.items()))
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: Any) -> None:
            """Quiet: the tests look at ``asked``."""

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    here.address = f"http://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield here
    finally:
        server.shutdown()
        server.server_close()
