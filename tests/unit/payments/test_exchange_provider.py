"""What an exchange paid goes back to the order it came from, and is nobody's to pay with."""

import pytest

from oms.kernel.errors import Conflict, Invalid
from oms.kernel.money import Money
from oms.payments.exchange_provider import ExchangePayments
from oms.payments.providers import (
    Approved,
    AuthorizationRequest,
    CaptureRequest,
    RefundRequest,
    VoidRequest,
)
from oms.payments.registry import PaymentProviders, ProviderSettings, refuse_unusable_token

TEN = Money(1000, "BRL")
REFUND = RefundRequest("ord_1", "pay_1", "rfd_1", "", TEN, "k1")


def test_a_refund_is_what_the_other_order_makes_of_it() -> None:
    asked: list[RefundRequest] = []

    def back(request: RefundRequest) -> str:
        asked.append(request)
        return "reference"

    assert ExchangePayments(back).refund(REFUND) == Approved("reference")
    assert asked == [REFUND]


def test_what_the_other_order_refuses_is_refused() -> None:
    def back(request: RefundRequest) -> str:
        raise Conflict("too much", code="refund_above_captured")

    with pytest.raises(Conflict, match="too much"):
        ExchangePayments(back).refund(REFUND)


def test_nothing_is_held_taken_or_let_go_of() -> None:
    payments = ExchangePayments(lambda request: "")
    asked = AuthorizationRequest("ord_1", "pay_1", TEN, "exchange", "", "k")
    with pytest.raises(Invalid, match="taken over"):
        payments.authorize(asked)
    with pytest.raises(Invalid, match="taken over"):
        payments.capture(CaptureRequest("ord_1", "pay_1", "", TEN, "k"))
    with pytest.raises(Invalid) as refused:
        payments.void(VoidRequest("ord_1", "pay_1", "", "k"))
    assert refused.value.problem_code == "unsupported_payment_method"


@pytest.mark.parametrize(("provider", "method"), [("exchange", "card"), ("simulator", "exchange")])
def test_nobody_pays_by_exchange_by_saying_so(provider: str, method: str) -> None:
    with pytest.raises(Invalid) as refused:
        refuse_unusable_token(provider, method, "")
    assert refused.value.problem_code == "unknown_payment_provider"


def test_where_nothing_is_exchanged_nothing_goes_back() -> None:
    providers = PaymentProviders(ProviderSettings(lambda: ""))
    with pytest.raises(Invalid):
        providers.named("exchange").refund(REFUND)
