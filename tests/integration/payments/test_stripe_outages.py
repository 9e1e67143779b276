"""What happens when Stripe is slow, broken, or has moved on since it was asked first."""

import socket
import time
from dataclasses import replace
from typing import Any

import pytest

from oms.kernel.errors import ProviderUnavailable, Refused
from oms.kernel.money import Money
from oms.payments.providers import (
    Approved,
    AuthorizationRequest,
    CaptureRequest,
    Declined,
    Pending,
    ProviderOutcome,
    RefundRequest,
    VoidRequest,
)
from oms.payments.stripe_provider import StripeProvider, open_stripe
from tests.integration.payments.conftest import SECRET_KEY
from tests.integration.payments.servers import Answer, AnswerLost, Script, recording, silent

AMOUNT = Money(12990, "BRL")
AUTHORIZE = AuthorizationRequest("ord_1", "pay_1", AMOUNT, "card", "pm_1", "pay_1:authorize:1")
CAPTURE = CaptureRequest("ord_1", "pay_1", "pi_1", AMOUNT, "pay_1:capture:1")
VOID = VoidRequest("ord_1", "pay_1", "pi_1", "pay_1:void:1")
REFUND = RefundRequest("ord_1", "pay_1", "rfd_1", "pi_1", AMOUNT, "rfd_1:refund:1")
BROKEN = Answer.error(500, type="api_error", message="broken")
NOT_NOW = Answer.error(
    400, type="invalid_request_error", code="payment_intent_unexpected_state", message="no"
)


def intent(status: str, **members: Any) -> Answer:
    document = {"id": "pi_1", "object": "payment_intent", "status": status}
    return Answer.of(200, document | {"last_payment_error": None, "next_action": None} | members)


def refund(status: str, **members: Any) -> Answer:
    document = {"id": "re_1", "object": "refund", "status": status, "metadata": {}}
    return Answer.of(200, document | members)


def refunds(*made: dict[str, Any]) -> Answer:
    return Answer.of(200, {"object": "list", "data": list(made), "has_more": False})


def at(address: str, retries: int = 0) -> StripeProvider:
    return open_stripe(SECRET_KEY, api_base=address, answer_timeout_seconds=0.3, retries=retries)


def captured(*answers: Answer) -> ProviderOutcome:
    with recording(Script(list(answers))) as server:
        return at(server.address).capture(CAPTURE)


def test_a_provider_that_hangs_is_unavailable_within_the_timeout() -> None:
    started = time.monotonic()

    with silent() as server, pytest.raises(ProviderUnavailable):
        at(server.address).authorize(AUTHORIZE)

    assert time.monotonic() - started < 2


def test_a_provider_that_hangs_is_asked_a_bounded_number_of_times_with_the_same_key() -> None:
    with silent() as server, pytest.raises(ProviderUnavailable):
        at(server.address, retries=2).authorize(AUTHORIZE)

    assert [asked.key for asked in server.asked] == ["pay_1:authorize:1"] * 3


@pytest.mark.parametrize(
    "answer",
    [
        BROKEN,
        Answer.error(503, type="api_error"),
        Answer.error(429, type="invalid_request_error", code="rate_limit"),
        Answer.error(409, type="idempotency_error", code="idempotency_key_in_use"),
        Answer(502, b"<html>bad gateway</html>"),
        Answer(200, b"half an ans"),
    ],
    ids=["500", "503", "rate limit", "key in use", "gateway", "unreadable"],
)
def test_an_answer_that_decides_nothing_means_unavailable(answer: Answer) -> None:
    with recording(Script([answer])) as server:
        provider = at(server.address)

        with pytest.raises(ProviderUnavailable):
            provider.authorize(AUTHORIZE)
        with pytest.raises(ProviderUnavailable):
            provider.capture(CAPTURE)
        with pytest.raises(ProviderUnavailable):
            provider.void(VOID)
        with pytest.raises(ProviderUnavailable):
            provider.refund(REFUND)


def test_nobody_listening_means_unavailable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

    with pytest.raises(ProviderUnavailable):
        at(f"http://127.0.0.1:{port}").authorize(AUTHORIZE)


def test_a_lost_answer_means_unavailable_when_it_is_not_asked_for_again() -> None:
    with recording(Script([AnswerLost()])) as server, pytest.raises(ProviderUnavailable):
        at(server.address).authorize(AUTHORIZE)


def test_a_provider_that_recovers_is_asked_again_with_the_same_key() -> None:
    with recording(Script([BROKEN, BROKEN, intent("requires_capture")])) as server:
        outcome = at(server.address, retries=2).authorize(AUTHORIZE)

    assert outcome == Approved("pi_1", 604800)
    assert [asked.key for asked in server.asked] == ["pay_1:authorize:1"] * 3


def test_the_call_says_what_stripe_is_to_do() -> None:
    with recording(Script([intent("requires_capture")])) as server:
        at(server.address).authorize(AUTHORIZE)

    (asked,) = server.asked
    assert asked.form == {
        "amount": "12990",
        "currency": "brl",
        "payment_method": "pm_1",
        "payment_method_types[0]": "card",
        "capture_method": "manual",
        "confirm": "true",
        "metadata[order_id]": "ord_1",
        "metadata[payment_id]": "pay_1",
        "expand[0]": "latest_charge",
    }
    assert "stripe-version" in asked.headers
    assert "x-stripe-client-telemetry" not in asked.headers


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (intent("processing"), Pending("pi_1", 86400)),
        (intent("canceled"), Declined("intent_canceled", "pi_1")),
        (
            intent("requires_payment_method", last_payment_error={"code": "expired_card"}),
            Declined("expired_card", "pi_1"),
        ),
        (
            intent(
                "requires_action",
                next_action={"type": "redirect_to_url", "redirect_to_url": {"url": "https://b"}},
            ),
            Pending("pi_1", 3600, "https://b"),
        ),
        (
            Answer.error(
                402,
                type="card_error",
                code="card_declined",
                decline_code="insufficient_funds",
                payment_intent={"id": "pi_1", "object": "payment_intent"},
            ),
            Declined("insufficient_funds", "pi_1"),
        ),
    ],
)
def test_every_other_answer_to_an_authorisation_has_its_outcome(
    answer: Answer, outcome: ProviderOutcome
) -> None:
    with recording(Script([answer])) as server:
        assert at(server.address).authorize(AUTHORIZE) == outcome


def test_a_pix_is_paid_with_its_code_until_it_expires_and_needs_no_token() -> None:
    code = {"data": "00020126", "expires_at": 1_700_003_600}
    action = {"type": "pix_display_qr_code", "pix_display_qr_code": code}
    answer = intent("requires_action", next_action=action, created=1_700_000_000)
    with recording(Script([answer])) as server:
        outcome = at(server.address).authorize(replace(AUTHORIZE, method="pix", token=""))

    assert outcome == Pending("pi_1", 3600, "00020126")
    asked = server.asked[0].form
    assert (asked["payment_method_types[0]"], asked["payment_method_data[type]"]) == ("pix", "pix")
    assert "capture_method" not in asked
    assert "payment_method" not in asked


def test_a_boleto_is_paid_with_its_line_until_it_expires() -> None:
    line = {"number": "01010101", "expires_at": 1_700_086_400}
    action = {"type": "boleto_display_details", "boleto_display_details": line}
    answer = intent("requires_action", next_action=action, created=1_700_000_000)
    with recording(Script([answer])) as server:
        outcome = at(server.address).authorize(replace(AUTHORIZE, method="boleto"))

    assert outcome == Pending("pi_1", 86400, "01010101")


def test_a_hold_ends_when_stripe_says_so() -> None:
    card = {"card": {"capture_before": 1_700_172_800}}
    charge = {"object": "charge", "created": 1_700_000_000, "payment_method_details": card}
    answer = intent("requires_capture", latest_charge=charge)
    with recording(Script([answer])) as server:
        outcome = at(server.address).authorize(AUTHORIZE)

    assert outcome == Approved("pi_1", 172_800)


@pytest.mark.parametrize(
    "answer",
    [
        intent("requires_capture", amount=1),
        intent("requires_capture", id=""),
        intent("requires_capture", id="ch_1"),
        intent(""),
        Answer.of(200, {"object": "payment_intent"}),
        Answer.of(200, {}),
    ],
    ids=["other amount", "no id", "not an intent", "no status", "nothing", "no object"],
)
def test_an_answer_to_something_else_is_no_approval(answer: Answer) -> None:
    with recording(Script([answer])) as server, pytest.raises(ProviderUnavailable):
        at(server.address).authorize(AUTHORIZE)


def test_a_capture_or_void_that_changed_nothing_is_not_taken_for_one() -> None:
    with recording(Script([intent("requires_capture")])) as server:
        provider = at(server.address)
        with pytest.raises(ProviderUnavailable):
            provider.capture(CAPTURE)
        with pytest.raises(ProviderUnavailable):
            provider.void(VOID)


def test_a_refund_of_another_amount_is_not_taken_for_it() -> None:
    script = Script([refunds(), refund("succeeded", amount=1)])

    with recording(script) as server, pytest.raises(ProviderUnavailable):
        at(server.address).refund(REFUND)


def test_a_refund_above_what_was_captured_is_refused() -> None:
    """localstripe makes it: that one has to be scripted."""
    above = Answer.error(400, type="invalid_request_error", code="charge_already_refunded")

    with recording(Script([refunds(), above])) as server, pytest.raises(Refused) as refused:
        at(server.address).refund(REFUND)

    assert refused.value.context["provider_code"] == "charge_already_refunded"


def test_a_capture_made_before_is_approved_when_its_key_was_forgotten() -> None:
    assert captured(NOT_NOW, intent("succeeded", amount_received=12990)) == Approved("pi_1")


def test_a_capture_of_an_authorisation_that_lapsed_is_declined() -> None:
    outcome = captured(NOT_NOW, intent("canceled"))

    assert outcome == Declined("authorization_expired", "pi_1")


def test_a_capture_that_is_still_on_its_way_is_pending() -> None:
    assert captured(intent("processing")) == Pending("pi_1", 86400)


def test_a_capture_the_bank_does_not_allow_is_declined() -> None:
    outcome = captured(Answer.error(402, type="card_error", code="card_declined"))

    assert outcome == Declined("card_declined")


@pytest.mark.parametrize(
    "stands",
    [intent("succeeded", amount_received=1), intent("requires_capture"), intent("succeeded")],
)
def test_a_capture_that_differs_from_what_stripe_has_is_for_a_person(stands: Answer) -> None:
    with pytest.raises(Refused):
        captured(NOT_NOW, stands)


def test_a_capture_is_unknown_when_stripe_cannot_say_how_things_stand() -> None:
    with pytest.raises(ProviderUnavailable):
        captured(NOT_NOW, BROKEN)


def test_a_void_of_what_was_captured_is_for_a_person() -> None:
    with recording(Script([NOT_NOW, intent("succeeded")])) as server, pytest.raises(Refused):
        at(server.address).void(VOID)


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (refund("succeeded"), Approved("re_1")),
        (refund("pending"), Pending("re_1", 2592000)),
        (refund("failed", failure_reason="lost_card"), Declined("lost_card", "re_1")),
        (refund("canceled"), Declined("refund_canceled", "re_1")),
        (Answer.error(402, type="card_error", code="declined"), Declined("declined")),
    ],
)
def test_a_refund_has_the_outcome_that_stripe_tells(
    answer: Answer, outcome: ProviderOutcome
) -> None:
    with recording(Script([refunds(), answer])) as server:
        assert at(server.address).refund(REFUND) == outcome


def test_a_refund_made_before_is_found_by_the_key_in_its_metadata() -> None:
    other = {"id": "re_0", "object": "refund", "status": "succeeded", "metadata": None}
    made = other | {"id": "re_1", "metadata": {"idempotency_key": "rfd_1:refund:1"}}

    with recording(Script([refunds(other, made)])) as server:
        outcome = at(server.address).refund(REFUND)

    assert outcome == Approved("re_1")
    assert [asked.method for asked in server.asked] == ["GET"]
