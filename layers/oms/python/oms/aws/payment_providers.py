"""The payment providers of this deployment, made from the function's environment variables."""

import os
from functools import cache

from oms.payments.providers import PaymentProvider
from oms.payments.registry import PaymentProviders, ProviderSettings


@cache
def _providers() -> PaymentProviders:
    return PaymentProviders(ProviderSettings(_stripe_secret, os.environ.get("STRIPE_API_BASE", "")))


def provider(name: str) -> PaymentProvider:
    return _providers().named(name)


def _stripe_secret() -> str:
    from oms.aws.secrets import Secrets

    return Secrets().read(os.environ["STRIPE_SECRET"])
