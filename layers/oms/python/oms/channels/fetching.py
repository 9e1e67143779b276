"""One GET from an address that we chose: bounded in time and size, and never redirected."""

import ssl
from collections.abc import Callable, Mapping
from contextlib import closing
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import SplitResult, urlsplit

from oms.kernel.errors import NotFound, ProviderUnavailable, Refused

# Address, headers, most bytes → the body.
Fetch = Callable[[str, Mapping[str, str], int], bytes]

_SECONDS = 3.0


def fetch(url: str, headers: Mapping[str, str], most: int) -> bytes:
    """The body of a 200.

    Raises ``NotFound`` for 404 and 410, ``Refused`` (``payment_provider_refused``) for another 4xx,
    which asking again does not heal, and ``ProviderUnavailable`` for everything else.
    """
    parts = urlsplit(url)
    try:
        with closing(_connection(parts)) as connection:
            connection.request("GET", _target(parts), headers=dict(headers))
            answer = connection.getresponse()
            body = answer.read(most + 1)
            status = answer.status
    except (OSError, HTTPException) as error:
        # The class alone: an error's text may repeat what was received.
        raise ProviderUnavailable(f"no answer: {type(error).__name__}") from None
    except ValueError:
        # Its text has the header, which has our token.
        raise Refused(
            "what is sent to the provider cannot be a header", code="payment_provider_refused"
        ) from None
    _refuse(status)
    if len(body) > most:
        raise ProviderUnavailable("the answer is too long")
    return body


def _refuse(status: int) -> None:
    if status in (404, 410):
        raise NotFound("the provider does not know it")
    if 400 <= status < 500 and status not in (408, 409, 425, 429):
        raise Refused(
            f"the provider answers {status}; its credentials may be wrong",
            code="payment_provider_refused",
        )
    if status != 200:
        raise ProviderUnavailable(f"the provider answers {status}")


def _connection(parts: SplitResult) -> HTTPConnection:
    """Plain only where whoever deploys has chosen an address that is: on a laptop."""
    host = parts.hostname or ""
    if parts.scheme == "http":
        return HTTPConnection(host, parts.port, timeout=_SECONDS)
    return HTTPSConnection(host, parts.port, timeout=_SECONDS, context=ssl.create_default_context())


def _target(parts: SplitResult) -> str:
    return f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
