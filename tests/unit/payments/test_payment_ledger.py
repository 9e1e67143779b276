"""What a payment's ledger accepts, refuses and adds up to."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from oms.kernel.errors import Conflict, Invalid
from oms.kernel.money import Money
from oms.payments.model import (
    Payment,
    PaymentEntry,
    apply,
    record_authorization,
    record_capture,
    record_decline,
    record_pending,
    record_refund,
    record_refund_failure,
    record_void,
    request_refund,
)

NEW = Payment(
    id="pay_aaaaaaaaaaaaaaaaaaaaaaaaaa_1",
    method="card",
    provider="simulator",
    amount=Money(10000, "BRL"),
    token="4242424242424242",
)


def brl(minor: int) -> Money:
    return Money(minor, "BRL")


def authorized(minor: int = 10000) -> Payment:
    return record_authorization(NEW, brl(minor), "aut_1", "key:authorize")


def captured(minor: int = 10000) -> Payment:
    return record_capture(authorized(), brl(minor), "cap_1", "key:capture")


def test_an_authorisation_holds_the_amount_and_takes_nothing() -> None:
    payment = authorized()

    assert (payment.authorized, payment.capturable) == (brl(10000), brl(10000))
    assert (payment.captured, payment.kept) == (brl(0), brl(0))
    assert (payment.status, payment.authorization) == ("authorized", "aut_1")


def test_a_partial_capture_leaves_the_rest_to_capture_or_void() -> None:
    payment = captured(1000)
    assert payment.capturable == brl(9000)

    payment = record_void(payment, "void_1", "key:void")

    assert (payment.captured, payment.voided, payment.capturable) == (brl(1000), brl(9000), brl(0))
    assert payment.status == "captured"


def test_two_partial_captures_add_up() -> None:
    payment = record_capture(captured(4000), brl(6000), "cap_2", "key:capture:2")

    assert payment.captured == brl(10000)


@pytest.mark.parametrize(
    ("before", "amount"), [(authorized(), 10001), (captured(4000), 6001), (NEW, 1)]
)
def test_a_capture_above_what_is_authorised_is_refused(before: Payment, amount: int) -> None:
    with pytest.raises(Conflict) as refused:
        record_capture(before, brl(amount), "cap_9", "key:capture:9")

    assert refused.value.problem_code == "capture_above_authorized"


def test_a_capture_after_a_void_is_refused() -> None:
    payment = record_void(authorized(), "void_1", "key:void")

    with pytest.raises(Conflict) as refused:
        record_capture(payment, brl(1), "cap_1", "key:capture")

    assert refused.value.problem_code == "capture_above_authorized"
    assert payment.status == "voided"


def test_a_void_above_what_is_left_is_refused() -> None:
    with pytest.raises(Conflict) as refused:
        record_void(captured(4000), "void_1", "key:void", brl(6001))

    assert refused.value.problem_code == "void_above_authorized"


def test_a_payment_nobody_made_can_be_voided() -> None:
    pending = record_pending(NEW, "aut_1", "key:authorize")

    payment = record_void(pending, "void_1", "key:void")

    assert payment.status == "voided"
    assert payment.voided == brl(0)


def test_a_second_authorisation_is_refused() -> None:
    with pytest.raises(Conflict) as refused:
        record_authorization(authorized(5000), brl(5000), "aut_2", "key:authorize:2")

    assert refused.value.problem_code == "already_authorized"


def test_an_authorisation_above_the_amount_is_refused() -> None:
    with pytest.raises(Conflict) as refused:
        authorized(10001)

    assert refused.value.problem_code == "authorized_above_amount"


def test_a_requested_refund_is_pending_until_the_provider_answers() -> None:
    requested = request_refund(captured(), brl(3000), "rfd_1", "key:refund")
    assert (requested.refund_pending, requested.refundable) == (brl(3000), brl(7000))

    refunded = record_refund(requested, brl(3000), "rfd_1", "key:refunded")

    assert (refunded.refund_pending, refunded.refunded) == (brl(0), brl(3000))
    assert (refunded.refundable, refunded.kept) == (brl(7000), brl(7000))


def test_pending_refunds_count_against_what_is_captured() -> None:
    payment = request_refund(captured(), brl(8000), "rfd_1", "key:refund:1")

    with pytest.raises(Conflict) as refused:
        request_refund(payment, brl(2001), "rfd_2", "key:refund:2")

    assert refused.value.problem_code == "refund_above_captured"


def test_a_refund_nobody_requested_counts_too() -> None:
    payment = record_refund(captured(), brl(9000), "re_dashboard", "stripe:evt_1")

    with pytest.raises(Conflict) as refused:
        request_refund(payment, brl(1001), "rfd_1", "key:refund")

    assert refused.value.problem_code == "refund_above_captured"


def test_a_failed_refund_can_be_refunded_again_under_a_new_id() -> None:
    payment = request_refund(captured(), brl(10000), "rfd_1", "key:refund:1")
    payment = record_refund_failure(payment, "rfd_1", "key:failed:1")
    assert (payment.refund_pending, payment.refundable) == (brl(0), brl(10000))

    payment = request_refund(payment, brl(10000), "rfd_2", "key:refund:2")

    assert payment.refund_pending == brl(10000)


def test_a_request_recorded_after_its_result_does_not_open_the_refund_again() -> None:
    refunded = record_refund(captured(), brl(3000), "rfd_1", "key:refunded")

    payment = request_refund(refunded, brl(3000), "rfd_1", "key:refund")

    assert (payment.refunded, payment.refund_pending) == (brl(3000), brl(0))


def test_a_refund_that_bounces_is_kept_by_us_again() -> None:
    payment = request_refund(captured(), brl(3000), "rfd_1", "key:refund")
    payment = record_refund(payment, brl(3000), "rfd_1", "key:refunded")

    payment = record_refund_failure(payment, "rfd_1", "key:bounced")

    assert (payment.refunded, payment.kept) == (brl(0), brl(10000))


def test_a_failure_of_a_refund_nobody_knows_is_refused() -> None:
    with pytest.raises(Conflict) as refused:
        record_refund_failure(captured(), "rfd_9", "key:failed")

    assert refused.value.problem_code == "unknown_refund"


def test_the_same_entry_again_changes_nothing() -> None:
    payment = captured()

    again = record_capture(payment, brl(10000), "cap_1", "key:capture")

    assert again is payment


def test_the_answer_and_the_callback_of_one_authorisation_count_once() -> None:
    payment = authorized()

    told_again = record_authorization(payment, brl(10000), "aut_1", "simulator:evt_7")

    assert told_again is payment


def test_the_same_key_with_another_amount_is_refused() -> None:
    with pytest.raises(Conflict) as refused:
        record_capture(captured(4000), brl(5000), "cap_2", "key:capture")

    assert refused.value.problem_code == "payment_entry_mismatch"


def test_voiding_again_changes_nothing() -> None:
    payment = record_void(authorized(), "void_1", "key:void")

    assert record_void(payment, "void_1", "key:void") is payment
    assert record_void(payment, "void_1", "simulator:evt_8") is payment


def test_a_decline_that_arrives_late_does_not_undo_an_authorisation() -> None:
    payment = record_decline(authorized(), "aut_0", "simulator:evt_1")

    assert payment.status == "authorized"
    assert payment.capturable == brl(10000)


def test_a_declined_payment_can_be_authorised_on_the_next_attempt() -> None:
    declined = record_decline(NEW, "aut_0", "key:authorize:1")
    assert declined.status == "declined"

    assert record_authorization(declined, brl(10000), "aut_1", "k:2").status == "authorized"


def test_two_attempts_declined_in_the_same_words_are_two_entries() -> None:
    once = record_decline(NEW, "insufficient_funds", "key:authorize:1")
    pending = record_pending(once, "aut_2", "key:authorize:2")

    twice = record_decline(pending, "insufficient_funds", "simulator:evt_2")

    assert twice.status == "declined"
    assert len(twice.entries) == 3


def test_a_pending_payment_knows_when_it_lapses_and_how_to_pay_it() -> None:
    lapses = datetime(2026, 5, 1, 12, 30, tzinfo=UTC)

    payment = record_pending(NEW, "aut_1", "key:authorize", lapses, "SIMULATED-PIX-1")

    assert (payment.status, payment.authorization) == ("pending", "aut_1")
    assert (payment.expires_at, payment.instructions) == (lapses, "SIMULATED-PIX-1")


def test_a_pending_answer_that_arrives_after_the_money_says_nothing_new() -> None:
    payment = authorized()

    assert record_pending(payment, "aut_1", "key:authorize:late") is payment


def test_what_is_taken_in_one_step_is_told_in_any_order() -> None:
    paid = record_authorization(NEW, brl(10000), "pix_1", "simulator:evt_1:authorized")
    paid = record_capture(paid, brl(10000), "pix_1", "simulator:evt_1")

    assert (paid.authorized, paid.captured, paid.status) == (brl(10000), brl(10000), "captured")
    assert record_authorization(paid, brl(10000), "pix_1", "simulator:evt_0") is paid


def test_another_currency_is_refused() -> None:
    with pytest.raises(Conflict) as refused:
        record_capture(authorized(), Money(100, "USD"), "cap_1", "key:capture")

    assert refused.value.problem_code == "wrong_currency"


@pytest.mark.parametrize(
    "entry",
    [
        PaymentEntry("captured", -1, "cap_1", "k"),
        PaymentEntry("captured", 0, "cap_1", "k"),
        PaymentEntry("refunded", 1, "rfd_1", "k"),
        PaymentEntry("voided", 1, "void_1", "k"),
        PaymentEntry("declined", 1, "aut_1", "k"),
        PaymentEntry("captured", 1, "cap_1", ""),
        PaymentEntry("refunded", -1, "", "k"),
    ],
)
def test_an_entry_of_the_wrong_sign_or_without_a_name_is_refused(entry: PaymentEntry) -> None:
    with pytest.raises(Invalid):
        apply(authorized(), entry)


def test_the_ledger_can_be_rebuilt_from_its_entries() -> None:
    payment = record_refund(captured(), brl(2500), "rfd_1", "key:refunded")

    rebuilt = replace(payment, entries=())
    for entry in payment.entries:
        rebuilt = apply(rebuilt, entry)

    assert rebuilt == payment
