"""Stripe's own client against localstripe: authorise, capture, void, refund, and never twice."""

from collections.abc import Callable
from contextlib import suppress
from uuid import uuid4

import pytest
import stripe

from oms.kernel.errors import Invalid, ProviderUnavailable, Refused
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
    idempotency_key,
)
from oms.payments.stripe_provider import StripeProvider, open_stripe
from tests.integration.payments.conftest import SECRET_KEY
from tests.integration.payments.servers import (
    Answer,
    AnswerLost,
    Asked,
    KeepsKeys,
    Recording,
    Script,
    Upstream,
    recording,
)

ORDER = "ord_aaaaaaaaaaaaaaaaaaaaaaaaaa"
PAYMENT = "pay_aaaaaaaaaaaaaaaaaaaaaaaaaa_1"
REFUND = "rfd_aaaaaaaaaaaaaaaaaaaaaaaaaa_1"

Card = Callable[..., str]


def brl(minor: int) -> Money:
    return Money(minor, "BRL")


def authorization(token: str, attempt: int = 1, minor: int = 12990) -> AuthorizationRequest:
    key = idempotency_key(token, "authorize", attempt)
    return AuthorizationRequest(ORDER, PAYMENT, brl(minor), "card", token, key)


def capture(intent: str, minor: int = 12990, attempt: int = 1) -> CaptureRequest:
    key = idempotency_key(intent, "capture", attempt)
    return CaptureRequest(ORDER, PAYMENT, intent, brl(minor), key)


def void(intent: str, attempt: int = 1) -> VoidRequest:
    return VoidRequest(ORDER, PAYMENT, intent, idempotency_key(intent, "void", attempt))


def refund(intent: str, minor: int = 12990, attempt: int = 1) -> RefundRequest:
    key = idempotency_key(intent, "refund", attempt)
    return RefundRequest(ORDER, PAYMENT, REFUND, intent, brl(minor), key)


def reference(outcome: ProviderOutcome) -> str:
    assert isinstance(outcome, Approved)
    return outcome.reference


def test_an_authorisation_holds_the_amount_and_names_the_order(
    provider: StripeProvider, client: stripe.StripeClient, card: Card
) -> None:
    outcome = provider.authorize(authorization(card()))

    intent = client.v1.payment_intents.retrieve(reference(outcome))
    assert (intent.status, intent.amount, intent.currency) == ("requires_capture", 12990, "brl")
    assert intent.metadata.to_dict() == {"order_id": ORDER, "payment_id": PAYMENT}


def test_a_capture_takes_all_that_is_held(
    provider: StripeProvider, client: stripe.StripeClient, card: Card
) -> None:
    intent = reference(provider.authorize(authorization(card())))

    outcome = provider.capture(capture(intent))

    assert outcome == Approved(intent)
    assert client.v1.payment_intents.retrieve(intent).status == "succeeded"
    assert kept(client, intent) == 12990


def test_a_partial_capture_takes_a_part_and_releases_the_rest(
    provider: StripeProvider, client: stripe.StripeClient, card: Card
) -> None:
    intent = reference(provider.authorize(authorization(card())))

    provider.capture(capture(intent, 5000))

    assert kept(client, intent) == 5000


def test_a_hold_says_how_long_it_holds(provider: StripeProvider, card: Card) -> None:
    outcome = provider.authorize(authorization(card()))

    assert isinstance(outcome, Approved)
    assert outcome.expires_in_seconds == 7 * 24 * 3600


def test_a_capture_above_what_is_held_is_refused_and_takes_nothing(
    provider: StripeProvider, client: stripe.StripeClient, card: Card
) -> None:
    intent = reference(provider.authorize(authorization(card())))

    with pytest.raises(Refused):
        provider.capture(capture(intent, 12991))

    assert client.v1.payment_intents.retrieve(intent).status == "requires_capture"


def test_what_a_partial_capture_released_cannot_be_captured_but_is_held_anew(
    provider: StripeProvider, client: stripe.StripeClient, card: Card
) -> None:
    token = card()
    intent = reference(provider.authorize(authorization(token)))
    provider.capture(capture(intent, 5000))

    with pytest.raises(Refused):
        provider.capture(capture(intent, 7990, attempt=2))
    anew = reference(provider.authorize(authorization(token, attempt=2, minor=7990)))
    provider.capture(capture(anew, 7990))

    assert (kept(client, intent), kept(client, anew)) == (5000, 7990)


def test_a_hold_is_renewed_off_session_on_the_customer_s_card(
    provider: StripeProvider,
    client: stripe.StripeClient,
    card: Card,
    stripe_between: Recording,
) -> None:
    customer, token = client.v1.customers.create({}).id, card()
    client.v1.payment_methods.attach(token, {"customer": customer})
    key = idempotency_key(PAYMENT, "authorize")

    outcome = provider.authorize(
        AuthorizationRequest(
            ORDER, PAYMENT, brl(7990), "card", f"{customer}:{token}", key, renews="pay_1"
        )
    )

    assert client.v1.payment_intents.retrieve(reference(outcome)).customer == customer
    asked = stripe_between.asked[-1].form
    assert (asked["customer"], asked["off_session"]) == (customer, "true")


def test_a_void_lets_go_and_can_be_asked_for_again_later(
    provider: StripeProvider, client: stripe.StripeClient, card: Card
) -> None:
    intent = reference(provider.authorize(authorization(card())))

    outcomes = {provider.void(void(intent)), provider.void(void(intent, attempt=2))}

    assert outcomes == {Approved(intent)}
    assert client.v1.payment_intents.retrieve(intent).status == "canceled"


def test_refunds_give_back_a_part_and_then_the_rest(
    provider: StripeProvider, client: stripe.StripeClient, card: Card
) -> None:
    intent = reference(provider.authorize(authorization(card())))
    provider.capture(capture(intent))

    first = provider.refund(refund(intent, 2990))
    second = provider.refund(refund(intent, 10000, attempt=2))

    assert reference(first) != reference(second)
    assert sorted(refunds_of(client, intent)) == [2990, 10000]
    assert kept(client, intent) == 0


def test_a_declined_card_is_declined_with_its_code(provider: StripeProvider, card: Card) -> None:
    outcome = provider.authorize(authorization(card("4000000000000341")))

    assert isinstance(outcome, Declined)
    assert outcome.code == "card_declined"


def test_a_card_that_wants_authentication_is_pending(provider: StripeProvider, card: Card) -> None:
    outcome = provider.authorize(authorization(card("4000002500003155")))

    assert isinstance(outcome, Pending)
    assert outcome.reference.startswith("pi_")


def test_what_stripe_does_not_take_is_refused_before_it_is_asked(
    provider: StripeProvider, stripe_between: Recording
) -> None:
    transfer = AuthorizationRequest(ORDER, PAYMENT, brl(100), "bank_transfer", "", "key")

    with pytest.raises(Invalid):
        provider.authorize(transfer)

    assert stripe_between.asked == []


def test_every_call_that_moves_money_carries_our_idempotency_key(
    provider: StripeProvider, stripe_between: Recording, card: Card
) -> None:
    token = card()
    intent = reference(provider.authorize(authorization(token)))
    provider.capture(capture(intent))
    provider.refund(refund(intent))
    other = reference(provider.authorize(authorization(token, attempt=2)))
    provider.void(void(other))

    moved = [(asked.path, asked.key) for asked in stripe_between.asked if asked.method == "POST"]
    assert moved == [
        ("/v1/payment_intents", f"{token}:authorize:1"),
        (f"/v1/payment_intents/{intent}/capture", f"{intent}:capture:1"),
        ("/v1/refunds", f"{intent}:refund:1"),
        ("/v1/payment_intents", f"{token}:authorize:2"),
        (f"/v1/payment_intents/{other}/cancel", f"{other}:void:1"),
    ]


def test_the_same_key_twice_charges_once(
    provider: StripeProvider, client: stripe.StripeClient, card: Card
) -> None:
    token = card()

    intents = {reference(provider.authorize(authorization(token))) for _ in range(2)}
    captures = {provider.capture(capture(intent)) for intent in intents for _ in range(2)}

    assert len(intents) == len(captures) == 1
    assert holds_of(client, token) == 1


def test_the_same_key_with_another_amount_is_refused(provider: StripeProvider, card: Card) -> None:
    token = card()
    provider.authorize(authorization(token))

    with pytest.raises(Refused) as refused:
        provider.authorize(authorization(token, minor=1))

    assert refused.value.problem_code == "payment_provider_refused"


def test_an_answer_that_is_lost_is_asked_for_again_and_charges_once(
    localstripe: str, client: stripe.StripeClient, card: Card
) -> None:
    token = card()
    keeping = KeepsKeys(Upstream(localstripe))

    def charge_and_lose(asked: Asked) -> Answer:
        keeping(asked)
        raise AnswerLost

    with recording(Script([charge_and_lose, keeping])) as server:
        outcome = open_stripe(SECRET_KEY, api_base=server.address).authorize(authorization(token))

    assert isinstance(outcome, Approved)
    assert [asked.key for asked in server.asked] == [f"{token}:authorize:1"] * 2
    assert holds_of(client, token) == 1


@pytest.mark.parametrize("failure", [AnswerLost(), Answer.error(500, type="api_error")])
def test_what_had_its_effect_though_the_answer_got_lost_has_it_once(
    localstripe: str,
    client: stripe.StripeClient,
    card: Card,
    failure: AnswerLost | Answer,
) -> None:
    keeping = KeepsKeys(Upstream(localstripe))

    def do_and_lose(asked: Asked) -> Answer:
        keeping(asked)
        if isinstance(failure, AnswerLost):
            raise failure
        return failure

    with recording(Script([do_and_lose, keeping] * 4)) as server:
        provider = open_stripe(SECRET_KEY, api_base=server.address, retries=0)
        intent = asked_until_answered(lambda: provider.authorize(authorization(card())))
        asked_until_answered(lambda: provider.capture(capture(intent, 5000)))

    assert kept(client, intent) == 5000


def test_an_authorisation_whose_key_was_forgotten_is_found_by_its_payment(
    localstripe: str, client: stripe.StripeClient, card: Card
) -> None:
    upstream, token, payment = Upstream(localstripe), card(), f"pay_{uuid4().hex}"

    def searching(asked: Asked) -> Answer:
        """Stripe's search, which localstripe does not have."""
        if not asked.path.startswith("/v1/payment_intents/search"):
            return upstream(asked)
        assert f"payment_id%27%5D%3A%27{payment}%27" in asked.path
        everything = client.v1.payment_intents.list({"limit": 100})
        found = [each.to_dict() for each in everything if of_payment(each, payment)]
        return Answer.of(200, {"object": "search_result", "data": found, "has_more": False})

    asked = AuthorizationRequest(ORDER, payment, brl(100), "card", token, "key")
    with recording(searching) as server:
        provider = open_stripe(SECRET_KEY, api_base=server.address)
        before = provider.find(asked)
        made = provider.authorize(asked)

        assert before is None
        assert provider.find(asked) == made


def test_a_refund_asked_for_again_after_its_key_was_forgotten_is_made_once(
    localstripe: str, client: stripe.StripeClient, card: Card
) -> None:
    forgetful = open_stripe(SECRET_KEY, api_base=localstripe)
    intent = reference(forgetful.authorize(authorization(card())))
    forgetful.capture(capture(intent))

    outcomes = {forgetful.refund(refund(intent, 2990)) for _ in range(2)}

    assert len(outcomes) == 1
    assert refunds_of(client, intent) == [2990]


def test_an_unknown_payment_method_is_for_a_person_to_look_at(provider: StripeProvider) -> None:
    with pytest.raises(Refused) as refused:
        provider.authorize(authorization("pm_nobody_knows"))

    assert refused.value.problem_code == "payment_provider_refused"
    assert "pm_nobody_knows" not in str(refused.value)
    assert refused.value.__cause__ is None


def test_a_wrong_secret_is_for_a_person_to_look_at(localstripe: str, card: Card) -> None:
    stranger = open_stripe("rk_wrong_secret", api_base=localstripe)

    with pytest.raises(Refused) as refused:
        stranger.authorize(authorization(card()))

    assert "AuthenticationError" in str(refused.value)
    assert "rk_wrong_secret" not in str(refused.value)


def asked_until_answered(ask: Callable[[], ProviderOutcome]) -> str:
    """As the state machine does."""
    for _ in range(3):
        with suppress(ProviderUnavailable):
            return reference(ask())
    raise AssertionError("no answer")


def of_payment(intent: stripe.PaymentIntent, payment: str) -> bool:
    return intent.metadata.to_dict().get("payment_id") == payment


def kept(client: stripe.StripeClient, intent: str) -> int:
    """What was taken and not given back, as localstripe has it."""
    found = client.v1.payment_intents.retrieve(intent, {"expand": ["latest_charge"]})
    charge = found.latest_charge
    assert isinstance(charge, stripe.Charge)
    return charge.amount - charge.amount_refunded if charge.captured else 0


def refunds_of(client: stripe.StripeClient, intent: str) -> list[int]:
    found = client.v1.refunds.list({"payment_intent": intent})
    return [refund.amount for refund in found.data]


def holds_of(client: stripe.StripeClient, token: str) -> int:
    found = client.v1.payment_intents.list({"limit": 100})
    return sum(intent.payment_method == token for intent in found.data)
