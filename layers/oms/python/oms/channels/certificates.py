"""Certificates that a sender names by an address, and what they sign.

A certificate is believed because of where it was fetched: only below addresses that were chosen
beforehand, over TLS. So whoever can name an address gains nothing by it.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from oms.channels.fetching import Fetch, fetch
from oms.kernel.clock import utc_now
from oms.kernel.errors import NotFound, ProviderUnavailable, Unauthenticated

_LARGEST = 64 * 1024
_KEPT = 16
_KEEP = timedelta(hours=12)
# One segment or more of a path, with nothing in it that leads elsewhere.
_PLAIN_PATH = re.compile(r"[A-Za-z0-9_-]+(?:[./][A-Za-z0-9_-]+)*")


class Certificates(Protocol):
    def at(self, url: str) -> bytes:
        """The certificate, in PEM. Raises ``Unauthenticated`` (``untrusted_certificate_url``,
        ``certificate_not_found``), ``ProviderUnavailable`` when it cannot be had now."""


def refuse_untrusted(url: str, trusted: Sequence[str]) -> None:
    """Raises ``Unauthenticated`` (``untrusted_certificate_url``) unless ``url`` lies below one of
    the addresses ``trusted``, each with a slash at its end."""
    below = (url.removeprefix(start) for start in trusted if url.startswith(start))
    if not any(_PLAIN_PATH.fullmatch(path) for path in below):
        raise Unauthenticated(
            "the certificate is not from where the provider keeps its own",
            code="untrusted_certificate_url",
        )


@dataclass(slots=True)
class FetchedCertificates:
    """Fetched once, and kept for some hours; what could not be had is asked for again."""

    trusted: Sequence[str]
    fetch: Fetch = fetch
    clock: Callable[[], datetime] = utc_now
    _kept: dict[str, tuple[datetime, bytes]] = field(default_factory=dict)

    def at(self, url: str) -> bytes:
        refuse_untrusted(url, self.trusted)
        now = self.clock()
        if url in self._kept:
            fetched_at, pem = self._kept[url]
            if now - fetched_at < _KEEP:
                return pem
        try:
            pem = self.fetch(url, {}, _LARGEST)
        except NotFound:
            raise Unauthenticated(
                "there is no such certificate", code="certificate_not_found"
            ) from None
        self._keep(url, now, pem)
        return pem

    def _keep(self, url: str, now: datetime, pem: bytes) -> None:
        while len(self._kept) >= _KEPT:
            del self._kept[next(iter(self._kept))]
        self._kept[url] = (now, pem)


def signed_with(pem: bytes, signature: bytes, signed: bytes, at: datetime) -> bool:
    """Whether the RSA key of the certificate made ``signature`` (PKCS #1 v1.5, SHA-256).

    Raises ``ProviderUnavailable`` for what is no certificate with such a key, and
    ``Unauthenticated`` (``certificate_expired``) for one that does not hold at that time.
    """
    # It is large, and only PayPal's notifications need it.
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.x509 import load_pem_x509_certificate

    try:
        certificate = load_pem_x509_certificate(pem)
        key = certificate.public_key()
    except ValueError:
        raise ProviderUnavailable("what was fetched is no certificate") from None
    if not isinstance(key, RSAPublicKey):
        raise ProviderUnavailable("the certificate's key is no RSA key")
    if not certificate.not_valid_before_utc <= at <= certificate.not_valid_after_utc:
        raise Unauthenticated("the certificate does not hold any more", code="certificate_expired")
    try:
        key.verify(signature, signed, PKCS1v15(), SHA256())
    except InvalidSignature:
        return False
    return True
