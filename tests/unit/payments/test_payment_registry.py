"""Providers are found by name, opened once, and only when they are needed."""

import subprocess
import sys

import pytest

from oms.kernel.errors import Invalid
from oms.kernel.money import Money
from oms.payments.channel_collected import ChannelCollected
from oms.payments.providers import (
    Approved,
    AuthorizationRequest,
    CaptureRequest,
    Declined,
    Pending,
    RefundRequest,
    VoidRequest,
)
from oms.payments.registry import (
    PaymentProviders,
    ProviderSettings,
    refuse_unusable_token,
)
from oms.payments.simulator import Simulator
from oms.payments.stripe_provider import StripeProvider


def test_each_provider_is_opened_once_and_stripe_asks_for_its_secret_only_then() -> None:
    asked: list[str] = []

    def secret() -> str:
        asked.append("stripe")
        return "sk_test_123"

    providers = PaymentProviders(ProviderSettings(secret))
    assert isinstance(providers.named("simulator"), Simulator)
    assert isinstance(providers.named("channel"), ChannelCollected)
    assert asked == []

    assert isinstance(providers.named("stripe"), StripeProvider)
    assert providers.named("stripe") is providers.named("stripe")
    assert asked == ["stripe"]


def test_a_process_without_stripe_payments_does_not_load_stripe() -> None:
    program = (
        "import sys, oms.payments.registry as registry;"
        "settings = registry.ProviderSettings(lambda: '');"
        "registry.PaymentProviders(settings).named('simulator');"
        "print({'stripe', 'standardwebhooks', 'requests'} & set(sys.modules))"
    )

    loaded = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": ":".join(sys.path)},
    )

    assert loaded.stdout.strip() == "set()"


def test_an_unknown_provider_is_refused() -> None:
    providers = PaymentProviders(ProviderSettings(lambda: ""))

    for attempt in (providers.named, lambda name: refuse_unusable_token(name, "card", "t")):
        with pytest.raises(Invalid) as refused:
            attempt("braintree")
        assert refused.value.problem_code == "unknown_payment_provider"


@pytest.mark.parametrize(
    ("provider", "method", "token"),
    [
        ("simulator", "card", "4242424242424242"),
        ("simulator", "pix", ""),
        ("simulator", "pix", "pix"),
        ("simulator", "channel", ""),
        ("stripe", "card", "pm_card_visa"),
        ("stripe", "card", "cus_1:pm_card_visa"),
        ("stripe", "pix", ""),
        ("stripe", "boleto", "pm_1"),
        ("courier", "cash_on_delivery", ""),
        ("bank", "bank_transfer", ""),
        ("simulator", "paypal", ""),
        ("channel", "channel", ""),
    ],
)
def test_a_token_its_provider_takes_is_accepted(provider: str, method: str, token: str) -> None:
    refuse_unusable_token(provider, method, token)


@pytest.mark.parametrize(
    ("provider", "method", "token", "code"),
    [
        ("simulator", "card", "", "unknown_test_token"),
        ("simulator", "card", "tok_1", "unknown_test_token"),
        ("simulator", "card", "4111111111111111", "card_number_refused"),
        ("stripe", "card", "4242 4242 4242 4242", "card_number_refused"),
        ("stripe", "card", "", "invalid_payment_token"),
        ("stripe", "card", "tok_visa", "invalid_payment_token"),
        ("stripe", "boleto", "", "invalid_payment_token"),
        ("courier", "card", "", "paid_at_the_door"),
        ("simulator", "cash_on_delivery", "", "paid_at_the_door"),
        ("store", "card", "", "paid_in_store"),
        ("bank", "card", "", "unsupported_payment_method"),
        ("channel", "channel", "4111111111111111", "card_number_refused"),
    ],
)
def test_a_token_its_provider_does_not_take_is_refused(
    provider: str, method: str, token: str, code: str
) -> None:
    with pytest.raises(Invalid) as refused:
        refuse_unusable_token(provider, method, token)

    assert refused.value.problem_code == code


def test_what_a_channel_collected_is_recorded_and_nothing_else_is() -> None:
    request = AuthorizationRequest("ord_1", "pay_1", Money(1, "BRL"), "channel", "", "k")

    assert ChannelCollected().authorize(request) == Approved("channel:k")
    with pytest.raises(Invalid):
        ChannelCollected().authorize(
            AuthorizationRequest("ord_1", "pay_1", Money(1, "BRL"), "card", "", "k")
        )


def test_a_till_takes_money_from_whoever_stands_there_and_gives_it_back() -> None:
    till = PaymentProviders(ProviderSettings(lambda: "")).named("store")
    amount = Money(1000, "BRL")

    with pytest.raises(Invalid):
        till.authorize(AuthorizationRequest("o", "p", amount, "in_store", "", "k"))
    assert till.capture(CaptureRequest("o", "p", "", amount, "k")) == Declined(
        "paid_at_the_till_only"
    )
    assert till.void(VoidRequest("o", "p", "", "k")) == Approved("till:k")
    assert till.refund(RefundRequest("o", "p", "r", "", amount, "k")) == Approved("till:k")


def test_a_driver_takes_money_at_the_door_only_and_gives_it_back() -> None:
    driver = PaymentProviders(ProviderSettings(lambda: "")).named("courier")
    amount = Money(1000, "BRL")

    with pytest.raises(Invalid):
        driver.authorize(AuthorizationRequest("o", "p", amount, "cash_on_delivery", "", "k"))
    assert driver.capture(CaptureRequest("o", "p", "a", amount, "k")) == Declined(
        "paid_at_the_door_only"
    )
    assert driver.void(VoidRequest("o", "p", "a", "k")) == Approved("courier:k")
    assert driver.refund(RefundRequest("o", "p", "r", "a", amount, "k")) == Approved("courier:k")


def test_a_transfer_names_its_payment_and_has_a_week_to_arrive() -> None:
    bank = PaymentProviders(ProviderSettings(lambda: "")).named("bank")
    amount = Money(1000, "BRL")

    asked = AuthorizationRequest("o", "pay_1", amount, "bank_transfer", "", "k")
    assert bank.authorize(asked) == Pending("bank:k", 604800, "pay_1")
    with pytest.raises(Invalid):
        bank.authorize(AuthorizationRequest("o", "p", amount, "card", "", "k"))
    assert bank.capture(CaptureRequest("o", "p", "a", amount, "k")) == Declined(
        "paid_by_transfer_only"
    )
    assert bank.void(VoidRequest("o", "p", "a", "k")) == Approved("bank:k")
    assert bank.refund(RefundRequest("o", "p", "r", "a", amount, "k")) == Approved("bank:k")


@pytest.mark.parametrize("provider", ["adyen", "mercadopago", "paypal"])
def test_the_simulator_stands_in_for_providers_that_only_report_to_us(provider: str) -> None:
    refuse_unusable_token(provider, "card", "4242424242424242")

    with pytest.raises(Invalid) as refused:
        refuse_unusable_token(provider, "card", "a token of the real one")
    assert refused.value.problem_code == "unknown_test_token"
