"""The simulator does what its table of test tokens says, and takes nothing else."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from standardwebhooks import Webhook

from oms.kernel.clock import whole_milliseconds
from oms.kernel.errors import Invalid, ProviderUnavailable
from oms.kernel.money import Money
from oms.payments.callbacks import PaymentCallback, read_callback
from oms.payments.providers import (
    Approved,
    AuthorizationRequest,
    CaptureRequest,
    Declined,
    Pending,
    ProviderOutcome,
    RefundRequest,
    VoidRequest,
    definite,
    idempotency_key,
)
from oms.payments.simulator import TEST_TOKENS, Simulator, refuse_unknown_token, signed_callback

PAYMENT = "pay_aaaaaaaaaaaaaaaaaaaaaaaaaa_1"
ORDER = "ord_aaaaaaaaaaaaaaaaaaaaaaaaaa"
AMOUNT = Money(12990, "BRL")
UNSTEADY = {"4000000000000119", "answers_wrong", "authorization_expires"}
SECRET = "whsec_c2ltdWxhdG9yLXRlc3Qtc2VjcmV0"


def authorize(token: str, simulator: Simulator | None = None, renews: str = "") -> ProviderOutcome:
    key = idempotency_key(PAYMENT, "authorize")
    request = AuthorizationRequest(ORDER, PAYMENT, AMOUNT, "card", token, key, renews)
    return (simulator or Simulator()).authorize(request)


def authorization_of(token: str) -> str:
    outcome = authorize(token)
    assert isinstance(outcome, Approved)
    return outcome.reference


def capture(authorization: str, simulator: Simulator | None = None) -> ProviderOutcome:
    key = idempotency_key(PAYMENT, "capture")
    return (simulator or Simulator()).capture(
        CaptureRequest(ORDER, PAYMENT, authorization, AMOUNT, key)
    )


def refund(authorization: str, simulator: Simulator | None = None) -> ProviderOutcome:
    key = idempotency_key("rfd_1", "refund")
    return (simulator or Simulator()).refund(
        RefundRequest(ORDER, PAYMENT, "rfd_1", authorization, AMOUNT, key)
    )


@pytest.mark.parametrize("token", ["4242424242424242", "channel"])
def test_the_approved_token_is_approved_captured_voided_and_refunded(token: str) -> None:
    authorization = authorization_of(token)

    key = idempotency_key(PAYMENT, "void")
    voided = Simulator().void(VoidRequest(ORDER, PAYMENT, authorization, key))

    assert isinstance(voided, Approved)
    assert isinstance(capture(authorization), Approved)
    assert isinstance(refund(authorization), Approved)


@pytest.mark.parametrize(
    ("token", "code"),
    [
        ("4000000000000002", "card_declined"),
        ("4000000000009995", "insufficient_funds"),
        ("4000000000000069", "expired_card"),
    ],
)
def test_a_declined_card_says_why(token: str, code: str) -> None:
    outcome = authorize(token)

    assert isinstance(outcome, Declined)
    assert outcome.code == code


@pytest.mark.parametrize(
    ("token", "seconds", "instructions"),
    [
        ("4000000000003220", 3600, ""),
        ("pix", 1800, "SIMULATED-PIX-"),
        ("boleto", 259200, "SIMULATED-BOLETO-"),
        ("paypal", 10800, "https://paypal.simulated.invalid/approve/"),
        ("bank_transfer", 604800, "SIMULATED-TRANSFER-"),
    ],
)
def test_a_pending_payment_says_how_long_and_how_to_pay(
    token: str, seconds: int, instructions: str
) -> None:
    outcome = authorize(token)

    assert isinstance(outcome, Pending)
    assert outcome.expires_in_seconds == seconds
    assert outcome.instructions.startswith(instructions)
    assert bool(outcome.instructions) == bool(instructions)


def test_a_card_can_be_authorised_and_fail_at_capture() -> None:
    outcome = capture(authorization_of("4000000000000341"))

    assert isinstance(outcome, Declined)
    assert outcome.code == "capture_declined"


def test_a_card_can_be_captured_and_fail_or_wait_at_refund() -> None:
    assert isinstance(refund(authorization_of("4000000000005126")), Declined)
    assert isinstance(refund(authorization_of("4000000000007726")), Pending)


def test_the_method_stands_for_a_token_left_out() -> None:
    key = idempotency_key(PAYMENT, "authorize")
    request = AuthorizationRequest(ORDER, PAYMENT, AMOUNT, "pix", "", key)

    assert Simulator().authorize(request) == authorize("pix")


def test_a_silent_provider_answers_in_the_end_when_asked_with_the_same_key() -> None:
    simulator = Simulator(silences=2)
    for _ in range(2):
        with pytest.raises(ProviderUnavailable):
            authorize("4000000000000119", simulator)

    assert isinstance(authorize("4000000000000119", simulator), Approved)


def test_a_hold_may_end_after_two_seconds_and_what_renews_it_after_a_week() -> None:
    first = authorize("authorization_expires")
    renewed = authorize("authorization_expires", renews="pay_1")

    assert isinstance(first, Approved)
    assert isinstance(renewed, Approved)
    assert (first.expires_in_seconds, renewed.expires_in_seconds) == (2, 604800)
    assert isinstance(capture(first.reference), Approved)
    late = Simulator(clock=lambda: datetime.now(UTC) + timedelta(seconds=2))
    assert isinstance(capture(first.reference, late), Declined)
    assert isinstance(capture(renewed.reference, late), Approved)


def test_a_hold_may_have_lapsed_at_the_provider_and_be_renewed() -> None:
    renewed = authorize("authorization_lapses", renews="pay_1")

    lapsed = capture(authorization_of("authorization_lapses"))
    assert isinstance(lapsed, Declined)
    assert lapsed.code == "authorization_expired"
    assert isinstance(renewed, Approved)
    assert isinstance(capture(renewed.reference), Approved)


def test_a_renewal_may_be_declined() -> None:
    assert isinstance(capture(authorization_of("renewal_declined")), Declined)
    assert isinstance(authorize("renewal_declined", renews="pay_1"), Declined)


def test_a_capture_may_be_answered_later() -> None:
    assert isinstance(capture(authorization_of("capture_pending")), Pending)


@pytest.mark.parametrize(("token", "ask"), [("capture_silent", capture), ("refund_silent", refund)])
def test_captures_and_refunds_too_may_go_without_an_answer(
    token: str, ask: Callable[[str, Simulator], ProviderOutcome]
) -> None:
    simulator, authorization = Simulator(silences=2), authorization_of(token)
    for _ in range(2):
        with pytest.raises(ProviderUnavailable):
            ask(authorization, simulator)

    assert isinstance(ask(authorization, simulator), Approved)


def test_a_wrong_answer_is_no_approval_and_is_right_in_the_end() -> None:
    simulator = Simulator(silences=1)
    with pytest.raises(ProviderUnavailable):
        definite(authorize("answers_wrong", simulator))

    approved = definite(authorize("answers_wrong", simulator))
    assert isinstance(approved, Approved)
    for ask in (capture, refund):
        with pytest.raises(ProviderUnavailable):
            definite(ask(approved.reference, simulator))
        assert isinstance(definite(ask(approved.reference, simulator)), Approved)


@pytest.mark.parametrize("outcome", [Approved(""), Pending("", 60), Declined(""), None])
def test_what_says_nothing_that_can_be_used_decides_nothing(outcome: ProviderOutcome) -> None:
    with pytest.raises(ProviderUnavailable):
        definite(outcome)


@pytest.mark.parametrize("token", sorted(TEST_TOKENS - UNSTEADY))
def test_the_same_call_has_the_same_answer_in_any_process(token: str) -> None:
    assert authorize(token, Simulator()) == authorize(token, Simulator())


def test_another_key_has_another_reference() -> None:
    request = AuthorizationRequest(ORDER, PAYMENT, AMOUNT, "card", "4242424242424242", "")
    keys = [idempotency_key(PAYMENT, "authorize", attempt) for attempt in (1, 2)]

    answers = {
        Simulator().authorize(
            AuthorizationRequest(
                request.order_id, request.payment_id, AMOUNT, request.method, request.token, key
            )
        )
        for key in keys
    }

    assert len(answers) == 2


@pytest.mark.parametrize("token", ["", "tok_visa", "pm_card_visa", "4242424242424241"])
def test_an_undocumented_token_is_refused(token: str) -> None:
    with pytest.raises(Invalid) as refused:
        authorize(token)

    assert refused.value.problem_code == "unknown_test_token"


def test_a_card_number_is_refused_and_not_repeated() -> None:
    number = "4111111111111111"

    with pytest.raises(Invalid) as refused:
        refuse_unknown_token(number)

    assert refused.value.problem_code == "card_number_refused"
    assert number not in str(refused.value)


def test_a_callback_is_signed_by_the_standard_webhooks_scheme_and_reads_back() -> None:
    now = datetime.now(UTC)
    event = PaymentCallback(
        "evt_1", "payment.refunded", PAYMENT, AMOUNT, "sim_1", "rfd_1", at=whole_milliseconds(now)
    )

    headers, body = signed_callback(SECRET, event, now)

    verified = Webhook(SECRET).verify(body, headers)
    assert verified["data"]["amount"] == "129.90"
    assert verified == json.loads(body)
    assert read_callback(body) == event
    assert headers["webhook-id"] == "evt_1"
