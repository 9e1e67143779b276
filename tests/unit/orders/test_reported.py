"""What providers report of their own accord, and what follows from it."""

from dataclasses import replace
from datetime import timedelta

import pytest

from oms.kernel.errors import Conflict, NotFound
from oms.orders import events as happened
from oms.orders import paying, reported, taking
from oms.orders.evolve import begin
from oms.orders.model import Order, PaymentRequest, State
from oms.orders.repaying import refund_of
from oms.payments.callbacks import CallbackType, PaymentCallback
from oms.payments.providers import idempotency_key
from tests.samples import NOW, allocated, captured, given, line, money

DUE = 4000


def order_at(provider: str, *events: happened.Event) -> Order:
    """An order over 40.00 that is sourced, and then what happened to it."""
    order = captured(line("MUG", 4, 1000))
    means = (PaymentRequest("card", provider, money(0), "tok"),)
    order = begin(happened.OrderCaptured(replace(order.content, payments=means)))
    return given(order, happened.OrderSourced(allocated(order), "rule", "why"), *events)


@pytest.fixture
def order() -> Order:
    return order_at("adyen")


def pay_id(order: Order) -> str:
    return order.payments.each[0].id


def held(order: Order, amount: int = DUE) -> happened.PaymentAuthorized:
    key = idempotency_key(pay_id(order), "authorize")
    return happened.PaymentAuthorized(pay_id(order), amount, "psp_held", key, NOW)


def after(
    order: Order,
    kind: CallbackType,
    amount: int = DUE,
    reference: str = "psp_1",
    second: int = 10,
    refund_id: str = "",
    code: str = "",
) -> tuple[Order, list[str]]:
    """The order after a report, and what was decided; told again, nothing is."""
    told = PaymentCallback(
        f"{reference}:{kind}",
        kind,
        pay_id(order),
        money(amount),
        reference,
        refund_id,
        code,
        NOW + timedelta(seconds=second),
        "psp_held",
    )
    events = reported.decide(order, told, f"adyen:{told.id}")
    grown = given(order, *events)
    assert reported.decide(grown, told, f"adyen:{told.id}") == ()
    assert reported.decide(grown, told, "adyen:another event of the same fact") == ()
    return grown, [type(event).__name__ for event in events]


def test_money_that_is_held_pays_the_order(order: Order) -> None:
    order, decided = after(order, "payment.authorized", reference="psp_held")

    assert decided == ["PaymentAuthorized"]
    assert (order.state, order.payments.capturable) == (State.AUTHORIZED, money(DUE))


def test_what_is_pending_is_left_to_our_own_question(order: Order) -> None:
    assert after(order, "payment.pending")[1] == []


def test_the_answer_to_our_own_question_and_its_report_are_one(order: Order) -> None:
    order = given(order, held(order))

    assert after(order, "payment.authorized", reference="psp_held")[1] == []
    assert after(order, "payment.authorized", reference="another name")[1] == []


def test_an_answer_that_a_report_overtook_still_says_until_when(order: Order) -> None:
    order, _ = after(order, "payment.authorized", reference="psp_held")
    until = NOW + timedelta(days=7)

    events = paying.authorize_payment(
        order, DUE, "psp_held", held(order).key, pay_id(order), NOW, until
    )
    order = given(order, *events)

    assert order.payments.each[0].expires_at == until
    assert order.payments.authorized == money(DUE)
    assert paying.authorize_payment(order, DUE, "psp_held", "k", pay_id(order), NOW, until) == ()


def test_another_amount_is_only_held_after_an_adjustment(order: Order) -> None:
    order = given(order, held(order))

    with pytest.raises(Conflict) as refused:
        after(order, "payment.authorized", 5000, "psp_2")
    assert refused.value.problem_code == "already_authorized"
    order, decided = after(order, "payment.authorization_adjusted", 5000, "psp_2")
    assert decided == ["AuthorizationAdjusted"]
    assert order.payments.capturable == money(5000)


def test_what_is_held_for_a_cancelled_order_is_let_go(order: Order) -> None:
    order = given(order, happened.OrderCancelled("no", False))

    _, decided = after(order, "payment.authorized")

    assert decided == ["PaymentAuthorized", "VoidRequested"]


def test_a_decline_is_told_once_and_never_counts_against_money(order: Order) -> None:
    declined, decided = after(order, "payment.declined", code="card_declined")
    assert decided == ["PaymentDeclined"]
    assert declined.payments.status == "declined"

    assert after(given(order, held(order)), "payment.declined")[1] == []


def test_a_pix_that_was_paid_is_held_and_taken_at_once(order: Order) -> None:
    order, decided = after(order, "payment.captured")

    assert decided == ["PaymentAuthorized", "PaymentCaptured"]
    assert (order.state, order.payments.captured) == (State.AUTHORIZED, money(DUE))


def test_a_part_that_was_taken_waits_for_the_report_of_the_whole(order: Order) -> None:
    order, decided = after(order, "payment.captured", 1000)
    assert decided == ["PaymentCaptured"]

    order, _ = after(order, "payment.authorized", reference="psp_held", second=5)

    assert order.payments.captured == money(1000)
    assert order.payments.capturable == money(3000)
    assert order.state is State.AUTHORIZED


def test_a_provider_that_captures_once_holds_no_rest() -> None:
    order = order_at("stripe")
    first, _ = after(order, "payment.captured", 1000)
    first, decided = after(first, "payment.authorized", reference="psp_held", second=5)
    assert decided == ["PaymentAuthorized", "PaymentVoided"]

    second, _ = after(order, "payment.authorized", reference="psp_held", second=5)
    second, decided = after(second, "payment.captured", 1000)
    assert decided == ["PaymentCaptured", "PaymentVoided"]

    assert first.payments.capturable == second.payments.capturable == money(0)
    assert first.payments.voided == second.payments.voided == money(3000)


def asked(order: Order, amount: int = 1000, number: int = 1) -> happened.CaptureRequested:
    key = idempotency_key(pay_id(order), "capture", number)
    return happened.CaptureRequested(pay_id(order), amount, key, "shipped")


def test_a_capture_that_we_asked_for_is_decided_by_its_report_or_by_its_answer(
    order: Order,
) -> None:
    order = given(order, held(order), asked(order))
    taken = paying.Taken(pay_id(order), 1000, asked(order).reference, "psp_1")

    told, _ = after(order, "payment.captured", 1000)
    assert paying.open_captures(told) == ()
    assert paying.capture_made(told, taken) == ()

    answered = given(order, *paying.capture_made(order, taken, NOW))
    assert after(answered, "payment.captured", 1000)[1] == []
    assert told.payments.captured == answered.payments.captured == money(1000)


def test_an_answer_to_what_was_never_written_down_is_known_by_its_report(order: Order) -> None:
    """The last capture of an order is only recorded with its answer, which the report overtakes."""
    order, _ = after(given(order, held(order)), "payment.captured")
    taken = paying.Taken(pay_id(order), DUE, asked(order).reference, "psp_1")

    assert paying.capture_made(order, taken) == ()
    assert order.payments.captured == money(DUE)


def test_a_capture_that_fails_after_all_is_left_to_a_person_until_it_is_taken(
    order: Order,
) -> None:
    order = given(order, held(order), asked(order, DUE))
    order, _ = after(order, "payment.captured")

    order, decided = after(order, "payment.capture_failed", second=20, code="insufficient")
    assert decided == ["CaptureFailed", "PaymentFailed"]
    assert (order.payments.captured, order.payments.capturable) == (money(0), money(DUE))
    assert order.progress.unpaid

    order = given(order, asked(order, DUE, 2))
    order, decided = after(order, "payment.captured", reference="psp_2", second=30)
    assert decided == ["PaymentCaptured", "PaymentResolved"]
    assert not order.progress.unpaid


def test_a_failure_that_is_older_than_the_success_changes_nothing(order: Order) -> None:
    order = given(order, held(order), asked(order, DUE))
    order, decided = after(order, "payment.capture_failed", second=5)
    assert decided == ["CaptureFailed", "PaymentFailed"]

    order, decided = after(order, "payment.captured", second=10)

    assert decided == ["PaymentCaptured", "PaymentResolved"]
    assert order.payments.captured == money(DUE)


def test_a_sale_that_is_denied_is_a_decline(order: Order) -> None:
    order, decided = after(order, "payment.capture_failed", code="denied")

    assert decided == ["CaptureFailed", "PaymentDeclined"]
    assert order.payments.status == "declined"


@pytest.mark.parametrize("kind", ["payment.voided", "payment.authorization_expired"])
def test_what_is_let_go_is_held_no_more(order: Order, kind: CallbackType) -> None:
    order, decided = after(given(order, held(order)), kind)

    assert decided == ["PaymentVoided"]
    assert (order.payments.capturable, order.payments.voided) == (money(0), money(DUE))


def test_a_hold_that_the_provider_ended_is_held_anew_when_it_is_needed(order: Order) -> None:
    order, _ = after(given(order, held(order)), "payment.authorization_expired")

    added, asked_for = taking.ask_for(order, DUE, "shipped")

    assert isinstance(added, happened.PaymentAdded)
    assert (added.payment.renews, added.payment.amount) == (pay_id(order), money(DUE))
    assert isinstance(asked_for, happened.CaptureRequested)
    assert asked_for.payment_id == added.payment.id


def test_a_void_that_we_asked_for_is_one_with_its_report(order: Order) -> None:
    order = given(order, held(order))
    order = given(order, *paying.void_rest(order, pay_id(order), NOW))

    assert after(order, "payment.voided")[1] == []


def test_what_could_not_be_let_go_is_held_after_all(order: Order) -> None:
    order = given(order, held(order))
    order = given(order, *paying.void_rest(order, pay_id(order), NOW))

    order, decided = after(order, "payment.void_failed")

    assert decided == ["VoidFailed"]
    assert order.payments.capturable == money(DUE)


def test_what_a_part_was_taken_of_is_let_go_for_the_rest_only(order: Order) -> None:
    order, _ = after(given(order, held(order)), "payment.captured", 1000)

    order, _ = after(order, "payment.voided", DUE, "psp_2")

    assert (order.payments.captured, order.payments.voided) == (money(1000), money(3000))


def test_a_payment_that_nobody_will_make_is_declined(order: Order) -> None:
    assert after(order, "payment.voided", 0)[1] == ["PaymentDeclined"]
    cancelled = given(order, happened.OrderCancelled("no", False))
    assert after(cancelled, "payment.voided", 0)[1] == []


def paid(order: Order, amount: int = DUE) -> Order:
    key = f"{pay_id(order)}:capture:1"
    taken = happened.PaymentCaptured(pay_id(order), amount, key, key, NOW, "psp_taken")
    return given(order, held(order), taken)


def test_money_beyond_what_is_due_is_asked_to_go_back(order: Order) -> None:
    order, decided = after(paid(order), "payment.captured", 500, "psp_2")

    assert decided == ["PaymentCaptured", "RefundRequested"]
    (refund,) = order.progress.refunds
    assert (refund.amount, refund.reason) == (500, "paid_beyond_what_is_due")


def test_money_for_a_cancelled_order_is_asked_to_go_back(order: Order) -> None:
    order = given(order, happened.OrderCancelled("no", False))

    order, decided = after(order, "payment.captured")

    assert decided == ["PaymentAuthorized", "PaymentCaptured", "RefundRequested"]
    assert order.progress.refunds[0].reason == "paid_after_cancel"


def asked_back(order: Order, amount: int = 500) -> Order:
    return given(order, refund_of(order, amount, "goodwill", granted=amount, goodwill=amount))


@pytest.mark.parametrize("named", [True, False])
def test_a_refund_that_we_asked_for_is_completed_by_its_report(order: Order, named: bool) -> None:
    order = asked_back(paid(order))
    refund = order.progress.refunds[0].id

    order, decided = after(
        order, "payment.refunded", 500, "psp_back", refund_id=refund if named else ""
    )

    assert decided == ["PaymentRefunded", "RefundCompleted"]
    assert order.payments.refunded == money(500)
    assert len(order.progress.refunds) == 1


@pytest.mark.parametrize("named", [True, False])
def test_a_refund_that_bounces_is_failed_and_can_be_told_before_it_was_made(
    order: Order, named: bool
) -> None:
    order = asked_back(paid(order))
    refund = order.progress.refunds[0].id if named else ""
    made: tuple[CallbackType, int] = ("payment.refunded", 10)
    bounced: tuple[CallbackType, int] = ("payment.refund_failed", 20)

    for stories in ((made, bounced), (bounced, made)):
        found = order
        for kind, second in stories:
            found, _ = after(found, kind, 500, "psp_back", second, refund)
        assert found.progress.refunds[0].state == "failed"
        assert found.payments.refunded == money(0)
        assert found.payments.refundable == money(DUE)


def test_what_was_refunded_at_the_provider_is_granted_and_not_taken_again(order: Order) -> None:
    order, decided = after(paid(order), "payment.refunded", 500, "psp_back")

    assert decided == ["RefundRequested", "PaymentRefunded", "RefundCompleted"]
    (refund,) = order.progress.refunds
    assert (refund.reason, refund.state, refund.granted) == (
        "refunded_at_provider",
        "refunded",
        500,
    )
    assert order.due == money(3500)
    assert paying.amount_to_capture(order) == 0


def test_what_was_not_taken_cannot_be_refunded_yet(order: Order) -> None:
    with pytest.raises(Conflict) as refused:
        after(given(order, held(order)), "payment.refunded", 500)
    assert refused.value.problem_code == "refund_above_captured"


def test_a_refund_that_nobody_knows_cannot_have_failed_yet(order: Order) -> None:
    with pytest.raises(Conflict) as refused:
        after(paid(order), "payment.refund_failed", 500)
    assert refused.value.problem_code == "unknown_refund"
    with pytest.raises(NotFound):
        after(paid(order), "payment.refunded", 500, refund_id="rfd_unknown")


def test_the_failure_that_the_provider_answered_with_is_not_told_twice(order: Order) -> None:
    order = asked_back(paid(order))
    refund = order.progress.refunds[0].id
    failed = happened.RefundFailed(refund, pay_id(order), 500, "no", f"{refund}:refund:1", NOW)

    assert after(given(order, failed), "payment.refund_failed", 500, "psp_back")[1] == []


def test_a_refund_that_came_back_to_us_is_refundable_again(order: Order) -> None:
    order, _ = after(paid(order), "payment.refunded", 500, "psp_back")

    order, decided = after(order, "payment.refund_reversed", 500, "psp_reversed", 20)

    assert decided == ["RefundReversed"]
    assert order.payments.refundable == money(DUE)


def test_a_charge_back_lowers_what_can_be_refunded_until_it_is_won(order: Order) -> None:
    order, decided = after(paid(order), "payment.charged_back", 1500, "psp_dispute")
    assert decided == ["ChargedBack"]
    assert order.payments.refundable == money(2500)
    assert paying.amount_to_capture(order) == 0

    order, decided = after(order, "payment.charge_back_reversed", 1500, "psp_won", 20)
    assert decided == ["ChargeBackReversed"]
    assert order.payments.refundable == money(DUE)
    assert order.payments.each[0].balances.charged_back == 0


def test_each_report_keeps_the_providers_time(order: Order) -> None:
    order, _ = after(given(order, held(order)), "payment.captured", second=33)

    taken = order.payments.each[0].event("captured", "psp_1")

    assert taken is not None
    assert taken.at == NOW + timedelta(seconds=33)
