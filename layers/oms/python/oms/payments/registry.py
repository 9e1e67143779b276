"""Every payment provider by name, and the one place that knows how each is opened.

A provider is loaded when the first payment needs it, so that a process which never meets a Stripe
payment imports neither ``stripe`` nor reads its secret.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from oms.kernel.clock import utc_now
from oms.kernel.errors import Invalid
from oms.payments.account_tokens import ACCOUNT_PROVIDERS, refuse_unusable_account_token
from oms.payments.bank_account import BANK_TRANSFER, BankAccount
from oms.payments.channel_collected import ChannelCollected
from oms.payments.model import CASH_ON_DELIVERY, IN_STORE
from oms.payments.paid_in_person import DRIVER, STORE_TILL
from oms.payments.providers import PaymentProvider, RefundRequest
from oms.payments.simulator import Simulator, refuse_unknown_token
from oms.payments.tokens import refuse_card_number

if TYPE_CHECKING:
    from oms.accounts.model import AccountKind
    from oms.accounts.store import Accounts
    from oms.payments.exchange_provider import GiveBack

IN_STORE_PROVIDER = "store"
EXCHANGE = "exchange"
COURIER = "courier"
# The simulator stands in for those who report to us and that no client of ours asks yet. They take
# its test tokens only, so that nobody mistakes them for the real ones.
_SIMULATED = ("simulator", "adyen", "mercadopago", "paypal")
_STRIPE_TOKEN = re.compile(r"(?:cus_\w{1,100}:)?(?:pm|card|src)_\w{1,150}")


def _no_accounts() -> Accounts:
    raise Invalid("there are no accounts here", code="unknown_payment_provider")


def _no_exchanges(request: RefundRequest) -> str:
    raise Invalid("nothing is exchanged here", code="unknown_payment_provider")


@dataclass(frozen=True, slots=True)
class ProviderSettings:
    """``stripe_secret`` is called when the first Stripe payment is met.

    ``stripe_api_base`` is empty for Stripe itself, else the address of what stands in for it.
    ``accounts`` is called when the first gift card, store credit or account on terms is met.
    ``exchange`` gives money back to the order that it came from.
    """

    stripe_secret: Callable[[], str]
    stripe_api_base: str = ""
    accounts: Callable[[], Accounts] = _no_accounts
    exchange: GiveBack = _no_exchanges


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
    ``unknown_test_token``, ``invalid_payment_token``, ``unsupported_payment_method``,
    ``paid_in_store`` or ``paid_at_the_door``; ``exchange`` is nobody's to say.
    """
    if EXCHANGE in (provider, method):
        raise Invalid("only what comes back pays by exchange", code="unknown_payment_provider")
    _opener(provider)
    if (provider == IN_STORE_PROVIDER) != (method == IN_STORE):
        raise Invalid(
            f"the method {IN_STORE} and the provider {IN_STORE_PROVIDER} go together",
            code="paid_in_store",
        )
    if (provider == COURIER) != (method == CASH_ON_DELIVERY):
        raise Invalid(
            f"the method {CASH_ON_DELIVERY} and the provider {COURIER} go together",
            code="paid_at_the_door",
        )
    if provider in ACCOUNT_PROVIDERS or method in ACCOUNT_PROVIDERS:
        refuse_card_number(token)
        refuse_unusable_account_token(provider, method, token)
        return
    if provider == "bank" and method != BANK_TRANSFER:
        raise Invalid(f"no account takes {method!r}", code="unsupported_payment_method")
    if provider in _SIMULATED:
        refuse_unknown_token(token or method)
        return
    refuse_card_number(token)
    if provider == "stripe" and not _STRIPE_TOKEN.fullmatch(token) and (token or method != "pix"):
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
    return STORE_TILL


def _courier(settings: ProviderSettings) -> PaymentProvider:
    return DRIVER


def _bank(settings: ProviderSettings) -> PaymentProvider:
    return BankAccount()


def _stripe(settings: ProviderSettings) -> PaymentProvider:
    from oms.payments.stripe_provider import open_stripe

    return open_stripe(settings.stripe_secret(), api_base=settings.stripe_api_base)


def _account(kind: AccountKind) -> Callable[[ProviderSettings], PaymentProvider]:
    def opened(settings: ProviderSettings) -> PaymentProvider:
        from oms.payments.account_providers import AccountPayments

        return AccountPayments(kind, settings.accounts(), utc_now)

    return opened


def _exchange(settings: ProviderSettings) -> PaymentProvider:
    from oms.payments.exchange_provider import ExchangePayments

    return ExchangePayments(settings.exchange)


_OPENERS: dict[str, Callable[[ProviderSettings], PaymentProvider]] = {
    **dict.fromkeys(_SIMULATED, _simulator),
    "channel": _channel,
    "store": _store,
    "courier": _courier,
    "bank": _bank,
    "stripe": _stripe,
    "gift_card": _account("gift_card"),
    "store_credit": _account("store_credit"),
    "terms": _account("terms"),
    EXCHANGE: _exchange,
}
