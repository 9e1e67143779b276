"""HTTP to addresses that strangers chose, without becoming their tool (SSRF).

Only ``https``. The name is resolved here, every address it has must be public, and the connection
goes to the very address that was checked, so a name that resolves differently a moment later gains
nothing; TLS still verifies the certificate against the name. No redirect is followed, no proxy and
no credential is used, and nothing of the answer but its status is read.
"""

import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from http.client import HTTPConnection, HTTPException
from urllib.parse import SplitResult, urlsplit

from oms.kernel.errors import Invalid, ProviderUnavailable

CONNECT_SECONDS = 3.0
READ_SECONDS = 5.0
# For a receiver that sends a byte now and then: each read in time, the answer never.
WHOLE_SECONDS = 10.0

_ADDRESSES_TRIED = 2
_PORTS = {"https": 443, "http": 80}
# IPv6 networks that carry an IPv4 address inside: NAT64, 6to4, Teredo.
_CARRIERS = tuple(
    ipaddress.IPv6Network(network) for network in ("64:ff9b::/96", "2002::/16", "2001::/32")
)

Resolve = Callable[[str, int], list[str]]


def check_callback_url(url: str, *, plain: bool = False) -> SplitResult:
    """The parts of a URL that may be called, before its name is resolved.

    Raises ``Invalid`` (``callback_url_forbidden``) for another scheme than https, for user
    information and for a URL that cannot be read. ``plain`` allows http.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise _forbidden("it cannot be read") from None
    if parts.scheme != "https" and not (plain and parts.scheme == "http"):
        raise _forbidden("only https is called")
    if not parts.hostname or port == 0:
        raise _forbidden("it names no host")
    if parts.username is not None or parts.password is not None:
        raise _forbidden("it carries credentials")
    if not url.isascii() or any(character <= " " for character in url):
        raise _forbidden("it has characters that must be escaped")
    return parts


def is_public(address: str) -> bool:
    """Whether an IP address is one of the open internet, on the inside as well as the outside."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped is not None:
            return is_public(str(ip.ipv4_mapped))
        if any(ip in network for network in _CARRIERS):
            return False
    return ip.is_global and not ip.is_multicast


def resolve(name: str, port: int) -> list[str]:
    """Every address of ``name``. Raises ``OSError``."""
    found = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


@dataclass(frozen=True)
class HttpsPoster:
    """``allow_plain`` lets http and private addresses through: for a stack on a laptop only."""

    allow_plain: bool = False
    resolve: Resolve = resolve
    trust: Callable[[], ssl.SSLContext] = ssl.create_default_context

    def post(self, url: str, body: str, headers: dict[str, str]) -> int:
        parts = check_callback_url(url, plain=self.allow_plain)
        name = str(parts.hostname)
        port = parts.port or _PORTS[parts.scheme]
        try:
            addresses = self._addresses(name, port)
            with self._connect(addresses, port) as plain, _at_most(WHOLE_SECONDS, plain):
                plain.settimeout(READ_SECONDS)
                with self._secured(plain, parts.scheme, name) as connection:
                    return _exchange(connection, parts, body, headers)
        except (OSError, HTTPException) as error:
            # The class alone: an error's text may repeat what the receiver sent.
            raise ProviderUnavailable(
                f"the channel did not answer: {type(error).__name__}", code="callback_unanswered"
            ) from error

    def _addresses(self, name: str, port: int) -> list[str]:
        try:
            addresses = self.resolve(name, port)
        except UnicodeError:
            raise _forbidden("its host is not a name") from None
        if not self.allow_plain and not all(map(is_public, addresses)):
            raise _forbidden("its name leads to an address that is not public")
        return addresses[:_ADDRESSES_TRIED]

    def _connect(self, addresses: list[str], port: int) -> socket.socket:
        *others, last = addresses
        for address in others:
            try:
                return socket.create_connection((address, port), CONNECT_SECONDS)
            except OSError:
                continue
        return socket.create_connection((last, port), CONNECT_SECONDS)

    def _secured(self, plain: socket.socket, scheme: str, name: str) -> socket.socket:
        return self._tls.wrap_socket(plain, server_hostname=name) if scheme == "https" else plain

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        return self.trust()


@contextmanager
def _at_most(seconds: float, connection: socket.socket) -> Iterator[None]:
    """Cut the connection off after ``seconds``, and raise ``TimeoutError`` then."""
    expired = threading.Event()
    with connection.dup() as brake:

        def cut() -> None:
            expired.set()
            brake.shutdown(socket.SHUT_RDWR)

        timer = threading.Timer(seconds, cut)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
    # What was read by then may look like a whole answer and is only the beginning of one.
    if expired.is_set():
        raise TimeoutError


def _exchange(
    connection: socket.socket, parts: SplitResult, body: str, headers: dict[str, str]
) -> int:
    http = HTTPConnection(str(parts.hostname), parts.port)
    http.sock = connection
    http.request("POST", _target(parts), body.encode(), _headers(parts, headers))
    return http.getresponse().status


def _target(parts: SplitResult) -> str:
    path = parts.path or "/"
    return f"{path}?{parts.query}" if parts.query else path


def _headers(parts: SplitResult, headers: dict[str, str]) -> dict[str, str]:
    host = parts.netloc.removesuffix(f":{_PORTS[parts.scheme]}")
    return {"host": host, "connection": "close", **headers}


def _forbidden(why: str) -> Invalid:
    return Invalid(f"the callback URL is not called: {why}", code="callback_url_forbidden")
