"""Asking a provider that only tells that something changed what it is now."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from oms.channels.fetching import Fetch, fetch
from oms.channels.payload import text_of
from oms.kernel.errors import ProviderUnavailable

MERCADO_PAGO = "https://api.mercadopago.com"

_LARGEST = 512 * 1024
_TRIES = 2
_PAUSE_SECONDS = 0.5


class ResourceReader(Protocol):
    def get(self, path: str) -> str:
        """The resource's JSON. Raises ``NotFound``; ``Refused`` (``payment_provider_refused``) when
        asking again cannot help; ``ProviderUnavailable`` when it may."""


@dataclass(frozen=True, slots=True)
class HttpsResources:
    """``token`` is called for each request, so that a replaced one takes effect; ``wait`` takes
    seconds. Tried twice, with a pause of random length between: the queue does the rest."""

    base: str
    token: Callable[[], str]
    fetch: Fetch = fetch
    wait: Callable[[float], None] = time.sleep

    def get(self, path: str) -> str:
        for _ in range(_TRIES - 1):
            try:
                return self._ask(path)
            except ProviderUnavailable:
                self.wait(random.uniform(0, _PAUSE_SECONDS))
        return self._ask(path)

    def _ask(self, path: str) -> str:
        headers = {"authorization": f"Bearer {self.token()}", "accept": "application/json"}
        return text_of(self.fetch(f"{self.base.rstrip('/')}{path}", headers, _LARGEST))
