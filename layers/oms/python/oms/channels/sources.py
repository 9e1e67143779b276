"""Everyone who may call ``POST /v1/webhooks/{source}``: one file each, named only here.

A source is a module (or any object) with these two functions. ``verify`` runs when the call comes
in, ``read`` when its message is taken from the queue.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from oms.channels import carrier, shopify, simulator, standard
from oms.channels.model import Command, Delivery
from oms.kernel.errors import NotFound


class Source(Protocol):
    def verify(
        self, headers: Mapping[str, str], raw_body: bytes, secret: str, now: datetime
    ) -> Delivery:
        """Raises ``Unauthenticated`` with a code for its reason."""

    def read(self, delivery: Delivery) -> tuple[Command, ...]:
        """Raises ``MalformedRequest`` or ``Invalid`` for what no retry can heal."""


SOURCES: Mapping[str, Source] = {
    "carrier": carrier,
    "shopify": shopify,
    "simulator": simulator,
    "standard": standard,
}


def source_of(name: str) -> Source:
    """Raises ``NotFound``."""
    try:
        return SOURCES[name]
    except KeyError:
        raise NotFound(f"there is no source {name[:64]!r}", code="unknown_source") from None
