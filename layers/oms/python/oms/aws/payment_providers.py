"""The payment providers of this deployment, made from the function's environment variables."""

from __future__ import annotations

import os
from functools import cache
from typing import TYPE_CHECKING

from oms.payments.providers import PaymentProvider, RefundRequest
from oms.payments.registry import PaymentProviders, ProviderSettings

if TYPE_CHECKING:
    from oms.aws.account_store import AccountStore


@cache
def _providers() -> PaymentProviders:
    base = os.environ.get("STRIPE_API_BASE", "")
    return PaymentProviders(ProviderSettings(_stripe_secret, base, _accounts, _to_exchanged))


def provider(name: str) -> PaymentProvider:
    return _providers().named(name)


def _stripe_secret() -> str:
    from oms.aws.secrets import Secrets

    return Secrets().read(os.environ["STRIPE_SECRET"])


def _accounts() -> AccountStore:
    from oms.aws import stores

    return stores.accounts()


def _to_exchanged(request: RefundRequest) -> str:
    """Back to the order that the goods came from."""
    from oms.aws import stores
    from oms.kernel.clock import utc_now
    from oms.kernel.events import Cause
    from oms.returns.unreturned import give_back

    return give_back(request, stores.orders(), Cause(utc_now(), "refunds", "exchange"))
