"""Every payment provider by name, and the one place that knows how each is opened.

A provider is loaded when the first payment needs it, so that a process which never meets a Stripe
payment imports neither ``stripe`` nor reads its secret.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from oms.kernel.errors import Invalid
from oms.payments.channel_collected import ChannelCollected
from oms.payments.model import IN_STORE
from oms.payments.providers import PaymentProvider
from oms.payments.simulator import Simulator, refuse_unknown_token
from oms.payments.store_till import StoreTill
from oms.payments.tokens import refuse_card_number

IN_STORE_PROVIDER = "store"

_STRIPE_TOKEN = re.compile(r"(?:pm|card|src)_\w{1,250}")


@dataclass(frozen=True, slots=True)
class ProviderSettings:
    """``stripe_secret`` is called when the first Stripe payment is met.

    ``stripe_api_base`` is empty for Stripe itself, else the address of what stands in for it.
    """

    stripe_secret: Callable[[], str]
    stripe_api_base: str = ""


class PaymentProviders:
    """Opens each provider once; keep one instance for the life of a process."""

    def __init__(self, settings: ProviderSettings) -> None:
        self._settings = settings
        self._open: dict[str, PaymentProvider] = {}

    def named(self, name: str) -> PaymentProvider:
        """Raises ``Invalid`` with code ``unknown_payment_provider``."""
        if name not in self._open:
            self._open[name] = _opener(name)(self._settings)
        return self._open[name]


def refuse_unusable_token(provider: str, method: str, token: str) -> None:
    """Check a token before anything of the order is stored; the message does not repeat it.

    Raises ``Invalid`` with code ``unknown_payment_provider``, ``card_number_refused``,
    ``unknown_test_token``, ``invalid_payment_token`` or ``paid_in_store``.
    """
    _opener(provider)
    if (provider == IN_STORE_PROVIDER) != (method == IN_STORE):
        raise Invalid(
            f"the method {IN_STORE} and the provider {IN_STORE_PROVIDER} go together",
            code="paid_in_store",
        )
    if provider == "simulator":
        refuse_unknown_token(token or method)
        return
    refuse_card_number(token)
    if provider == "stripe" and not _STRIPE_TOKEN.fullmatch(token):
        raise Invalid("Stripe needs a payment method (pm_…)", code="invalid_payment_token")


def _opener(name: str) -> Callable[[ProviderSettings], PaymentProvider]:
    if name not in _OPENERS:
        raise Invalid(f"there is no payment provider {name!r}", code="unknown_payment_provider")
    return _OPENERS[name]


def _simulator(settings: ProviderSettings) -> PaymentProvider:
    return Simulator()


def _channel(settings: ProviderSettings) -> PaymentProvider:
    return ChannelCollected()


def _store(settings: ProviderSettings) -> PaymentProvider:
    return StoreTill()


def _stripe(settings: ProviderSettings) -> PaymentProvider:
    from oms.payments.stripe_provider import open_stripe

    return open_stripe(settings.stripe_secret(), api_base=settings.stripe_api_base)


_OPENERS: dict[str, Callable[[ProviderSettings], PaymentProvider]] = {
    "simulator": _simulator,
    "channel": _channel,
    "store": _store,
    "stripe": _stripe,
}
