"""Everyone who may call ``POST /v1/webhooks/{source}``: one file each, named only here.

A source is a module (or any object) with these two functions. ``verify`` runs when the call comes
in, ``read`` when its message is taken from the queue.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from oms.channels import adyen, carrier, mercadopago, shopify, simulator, standard, stripe
from oms.channels.model import Call, Command, Delivery
from oms.channels.paypal import PayPal, certificates_of
from oms.kernel.errors import NotFound


class Source(Protocol):
    def verify(self, call: Call, secret: str, now: datetime) -> Delivery:
        """Raises ``Unauthenticated`` with a code for its reason."""

    def read(self, delivery: Delivery) -> tuple[Command, ...]:
        """Raises ``MalformedRequest`` or ``Invalid`` for what no retry can heal."""


SOURCES: Mapping[str, Source] = {
    "adyen": adyen,
    "carrier": carrier,
    "mercadopago": mercadopago,
    "paypal": PayPal(certificates_of()),
    "shopify": shopify,
    "simulator": simulator,
    "standard": standard,
    "stripe": stripe,
}
# Whose orders are as they are posted to us, gift cards' codes too.
ORDERS_LIKE_OURS = "standard"
# What a sender wants to read for an answer, where that is not ours.
ANSWERS: Mapping[str, str] = {"adyen": "[accepted]"}


def sources(paypal_api_base: str = "") -> Mapping[str, Source]:
    """``SOURCES``, with what stands in for a provider where an address of it is given."""
    if not paypal_api_base:
        return SOURCES
    return {**SOURCES, "paypal": PayPal(certificates_of(paypal_api_base))}


def source_of(name: str, known: Mapping[str, Source] = SOURCES) -> Source:
    """Raises ``NotFound``."""
    try:
        return known[name]
    except KeyError:
        raise NotFound(f"there is no source {name[:64]!r}", code="unknown_source") from None
