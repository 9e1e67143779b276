"""Asking a carrier again while it does not answer."""

import random
import time
from collections.abc import Callable
from typing import TypeVar

from oms.kernel.errors import ProviderUnavailable

ATTEMPTS = 3
FIRST_SECONDS = 0.2

T = TypeVar("T")


def patiently(
    ask: Callable[[], T],
    *,
    pause: Callable[[float], None] = time.sleep,
    spread: Callable[[float, float], float] = random.uniform,
) -> T:
    """Up to ``ATTEMPTS`` times, with growing pauses of random length between them. Raises the last
    ``ProviderUnavailable``; whoever asked may ask again later with the same key."""
    for attempt in range(ATTEMPTS - 1):
        try:
            return ask()
        except ProviderUnavailable:
            pause(spread(0, FIRST_SECONDS * 2**attempt))
    return ask()
