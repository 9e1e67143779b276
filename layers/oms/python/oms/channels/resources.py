"""Asking a provider that only tells that something changed what it is now."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from oms.channels.fetching import Fetch, fetch
from oms.channels.payload import text_of
from oms.kernel.errors import ProviderUnavailable

MERCADO_PAGO = "https://api.mercadopago.com"

_LARGEST = 512 * 1024
_TRIES = 2
_PAUSE_SECONDS = 0.5
# A batch of messages is to fail within a function's time, and not one after another in its own.
_REST_SECONDS = 15.0


class ResourceReader(Protocol):
    def get(self, path: str) -> str:
        """The resource's JSON. Raises ``NotFound``; ``Refused`` (``payment_provider_refused``) when
        asking again cannot help; ``ProviderUnavailable`` when it may."""


@dataclass(slots=True)
class HttpsResources:
    """``token`` is called for each request, so that a replaced one takes effect; ``wait`` takes
    seconds, ``clock`` counts them. Tried twice, with a pause of random length between; then the
    provider is left alone for a while, and the queue does the rest."""

    base: str
    token: Callable[[], str]
    fetch: Fetch = fetch
    wait: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic
    _silent_until: float = field(default=0.0, init=False)

    def get(self, path: str) -> str:
        if self.clock() < self._silent_until:
            raise ProviderUnavailable("it did not answer a moment ago")
        for _ in range(_TRIES - 1):
            try:
                return self._ask(path)
            except ProviderUnavailable:
                self.wait(random.uniform(0, _PAUSE_SECONDS))
        try:
            return self._ask(path)
        except ProviderUnavailable:
            self._silent_until = self.clock() + _REST_SECONDS
            raise

    def _ask(self, path: str) -> str:
        headers = {"authorization": f"Bearer {self.token()}", "accept": "application/json"}
        return text_of(self.fetch(f"{self.base.rstrip('/')}{path}", headers, _LARGEST))
