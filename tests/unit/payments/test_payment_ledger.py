"""What a payment's events come to, what is refused, and how the payment then stands."""

from datetime import UTC, datetime, timedelta

import pytest

from oms.kernel.errors import Conflict, Invalid
from oms.kernel.money import Money
from oms.payments.balances import EventKind, PaymentEvent, balances_of
from oms.payments.model import (
    Payment,
    may_capture,
    may_refund,
    may_void,
    record,
    record_all,
)
from oms.payments.several import Coverage, Payments, authorization_status, charge_status

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
NEW = Payment(
    id="pay_aaaaaaaaaaaaaaaaaaaaaaaaaa_1",
    method="card",
    provider="simulator",
    amount=Money(10000, "BRL"),
    token="4242424242424242",
)


def brl(minor: int) -> Money:
    return Money(minor, "BRL")


def told(
    kind: EventKind, amount: int, reference: str = "", at: int = 0, key: str = ""
) -> PaymentEvent:
    """``at``: seconds after a moment."""
    name = key or f"{kind}:{reference}:{amount}:{at}"
    return PaymentEvent(kind, amount, reference, name, NOW + timedelta(seconds=at))


def paid(*events: PaymentEvent) -> Payment:
    return record_all(NEW, events)


HELD = paid(told("authorized", 10000, "aut_1"))
TAKEN = record(HELD, told("captured", 10000, "cap_1", 1))


# --- what the events come to ----------------------------------------------------------------------


def test_an_authorisation_holds_the_amount_and_takes_nothing() -> None:
    assert (HELD.authorized, HELD.capturable) == (brl(10000), brl(10000))
    assert (HELD.captured, HELD.kept, HELD.covered) == (brl(0), brl(0), brl(10000))
    assert (HELD.status, HELD.authorization) == ("authorized", "aut_1")


def test_a_partial_capture_leaves_the_rest_to_capture_or_void() -> None:
    payment = record(HELD, told("captured", 1000, "cap_1", 1))
    assert payment.capturable == brl(9000)

    payment = record(payment, told("voided", 9000, "void_1", 2))

    assert (payment.captured, payment.voided, payment.capturable) == (brl(1000), brl(9000), brl(0))
    assert payment.status == "captured"


def test_a_capture_that_is_asked_for_is_capturable_no_more_and_still_covers() -> None:
    asked = record(HELD, told("capture_requested", 4000, "cap_1", 1))

    assert (asked.capturable, asked.capture_pending, asked.covered) == (
        brl(6000),
        brl(4000),
        brl(10000),
    )
    assert record(asked, told("capture_failed", 0, "cap_1", 2)).capturable == brl(10000)


def test_a_requested_refund_is_pending_until_the_provider_answers() -> None:
    requested = record(TAKEN, told("refund_requested", 3000, "rfd_1", 2))
    assert (requested.refund_pending, requested.refundable) == (brl(3000), brl(7000))
    assert requested.kept == brl(10000)

    refunded = record(requested, told("refunded", 3000, "rfd_1", 3))

    assert (refunded.refund_pending, refunded.refunded) == (brl(0), brl(3000))
    assert (refunded.refundable, refunded.kept) == (brl(7000), brl(7000))


def test_a_request_recorded_after_its_result_does_not_open_the_refund_again() -> None:
    refunded = record(TAKEN, told("refunded", 3000, "rfd_1", 2))

    again = record(refunded, told("refund_requested", 3000, "rfd_1", 3))

    assert (again.refunded, again.refund_pending) == (brl(3000), brl(0))


def test_a_refund_that_fails_after_it_succeeded_is_kept_by_us_again() -> None:
    refunded = record(TAKEN, told("refunded", 3000, "rfd_1", 2))

    bounced = record(refunded, told("refund_failed", 3000, "rfd_1", 3))

    assert (bounced.refunded, bounced.kept, bounced.refundable) == (brl(0), brl(10000), brl(10000))


def test_a_failure_that_is_older_than_the_success_changes_nothing_whenever_it_arrives() -> None:
    refunded = record(TAKEN, told("refunded", 3000, "rfd_1", 5))

    late = record(refunded, told("refund_failed", 3000, "rfd_1", 4))

    assert late.balances == refunded.balances


def test_a_failure_of_the_same_moment_does_not_undo_a_success() -> None:
    assert paid(told("declined", 0, "aut_1"), told("authorized", 10000, "aut_1")).capturable == brl(
        10000
    )


def test_an_authorisation_that_failed_later_holds_nothing() -> None:
    assert record(HELD, told("declined", 0, "aut_1", 1)).capturable == brl(0)


def test_a_refund_told_before_its_capture_makes_what_is_charged_negative_for_a_while() -> None:
    refunded = record(NEW, told("refunded", 3000, "rfd_1", 2))
    assert (refunded.balances.charged, refunded.refundable) == (-3000, brl(0))

    assert record(refunded, told("captured", 10000, "cap_1", 1)).refundable == brl(7000)


def test_an_adjustment_replaces_what_was_authorised_before_it_and_of_its_moment() -> None:
    adjusted = paid(
        told("authorized", 10000, "aut_1"),
        told("authorization_requested", 500, "aut_2"),
        told("authorization_adjusted", 12000, "adj_1"),
    )

    assert (adjusted.capturable, adjusted.balances.authorization_pending) == (brl(12000), 0)


def test_of_two_adjustments_the_newer_counts_whichever_arrived_first() -> None:
    adjusted = paid(
        told("authorization_adjusted", 9000, "adj_2", 9), told("authorization_adjusted", 1, "a", 4)
    )

    assert adjusted.capturable == brl(9000)


def test_a_charge_back_takes_what_is_left_after_a_refund_and_more() -> None:
    refunded = record(TAKEN, told("refunded", 4000, "rfd_1", 2))

    disputed = record(refunded, told("charged_back", 10000, "dp_1", 3))

    assert (disputed.balances.charged, disputed.balances.charged_back) == (-4000, 10000)
    assert (disputed.refundable, disputed.refunded) == (brl(0), brl(4000))


def test_a_refund_that_is_reversed_is_charged_again() -> None:
    refunded = record(TAKEN, told("refunded", 4000, "rfd_1", 2))

    back = record(refunded, told("refund_reversed", 1500, "rev_1", 3))

    assert (back.balances.charged, back.refunded) == (7500, brl(2500))


def test_a_refund_is_undone_once_though_it_is_told_to_have_failed_and_to_be_reversed() -> None:
    both = record_all(
        TAKEN,
        [
            told("refunded", 4000, "rfd_1", 2),
            told("refund_reversed", 4000, "rfd_1", 3),
            told("refund_failed", 4000, "rfd_1", 4),
        ],
    )

    assert (both.balances.charged, both.refunded) == (10000, brl(0))


def test_what_is_entered_by_hand_adds_to_its_own_balance_and_takes_from_none() -> None:
    found = balances_of(
        [
            told("authorized", 25000, at=1),
            told("captured", 20000, at=2),
            told("refunded", 3000, at=3),
            told("voided", 100, at=4),
        ]
    )

    assert (found.authorized, found.charged, found.refunded) == (25000, 20000, 3000)
    assert (found.voided, found.captured) == (100, 23000)


# --- facts that are known -------------------------------------------------------------------------


def test_the_same_fact_again_changes_nothing() -> None:
    assert record(TAKEN, told("captured", 10000, "cap_1", 1)) is TAKEN


def test_the_answer_and_the_callback_of_one_authorisation_count_once() -> None:
    again = record(HELD, told("authorized", 10000, "aut_1", 7, key="simulator:evt_7"))

    assert again is HELD


def test_of_two_tellings_the_earlier_is_kept() -> None:
    earlier = told("authorized", 10000, "aut_1", -7, key="simulator:evt_7")

    assert record(HELD, earlier).events == (earlier,)


def test_the_same_key_with_another_amount_is_refused() -> None:
    with pytest.raises(Conflict) as refused:
        record(TAKEN, told("captured", 5000, "cap_1", 1))

    assert refused.value.problem_code == "payment_entry_mismatch"


@pytest.mark.parametrize(
    "event",
    [
        told("captured", -1, "cap_1"),
        told("captured", 0, "cap_1"),
        told("refunded", 0, "rfd_1"),
        told("charged_back", 0, "dp_1"),
        told("declined", -1, "aut_1"),
        PaymentEvent("captured", 1, "cap_1", "", NOW),
    ],
)
def test_an_event_without_a_key_or_with_an_amount_that_cannot_be_is_refused(
    event: PaymentEvent,
) -> None:
    with pytest.raises(Invalid) as refused:
        record(HELD, event)

    assert refused.value.problem_code in ("key_missing", "invalid_amount")


# --- what we may ask ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "amount", "left"),
    [
        (HELD, 10001, "100.00"),
        (record(HELD, told("captured", 4000, "cap_1", 1)), 6001, "60.00"),
        (record(HELD, told("capture_requested", 4000, "cap_1", 1)), 6001, "60.00"),
        (record(HELD, told("voided", 10000, "void_1", 1)), 1, "0.00"),
        (NEW, 1, "0.00"),
    ],
)
def test_no_more_is_captured_or_let_go_of_than_is_held(
    before: Payment, amount: int, left: str
) -> None:
    with pytest.raises(Conflict) as refused:
        may_capture(before, brl(amount))
    assert refused.value.problem_code == "capture_above_authorized"
    assert refused.value.context["capturable"] == left

    with pytest.raises(Conflict) as refused:
        may_void(before, brl(amount))
    assert refused.value.problem_code == "void_above_authorized"


def test_refunds_that_are_pending_count_against_what_was_taken() -> None:
    payment = record(TAKEN, told("refund_requested", 8000, "rfd_1", 2))
    may_refund(payment, brl(2000))

    with pytest.raises(Conflict) as refused:
        may_refund(payment, brl(2001))

    assert refused.value.problem_code == "refund_above_captured"
    assert refused.value.context["refundable"] == "20.00"


def test_a_refund_nobody_asked_for_counts_too() -> None:
    payment = record(TAKEN, told("refunded", 9000, "re_dashboard", 2))

    with pytest.raises(Conflict):
        may_refund(payment, brl(1001))


def test_nothing_and_another_currency_are_not_asked_for() -> None:
    with pytest.raises(Invalid) as nothing:
        may_capture(HELD, brl(0))
    with pytest.raises(Invalid) as foreign:
        may_capture(HELD, Money(100, "USD"))

    assert (nothing.value.problem_code, foreign.value.problem_code) == (
        "invalid_amount",
        "wrong_currency",
    )


# --- how it stands --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("events", "status"),
    [
        ([], "new"),
        ([told("authorization_requested", 10000, "aut_1")], "pending"),
        ([told("unknown", 0)], "unknown"),
        ([told("unknown", 0), told("declined", 0, "aut_1")], "declined"),
        ([told("declined", 0, "aut_0"), told("authorization_requested", 1, "a", 1)], "pending"),
        ([told("authorized", 10000, "aut_1"), told("unknown", 0, at=5)], "authorized"),
        ([told("authorized", 10000, "aut_1"), told("declined", 0, "aut_0", 5)], "authorized"),
        ([told("authorized", 10000, "aut_1"), told("declined", 0, "aut_1", 5)], "declined"),
        ([told("authorized", 5, "a"), told("capture_requested", 5, "c", 1)], "authorized"),
        ([told("authorized", 5, "a"), told("void_requested", 5, "v", 1)], "authorized"),
        ([told("authorized", 5, "a"), told("voided", 5, "v", 1)], "voided"),
        ([told("authorization_requested", 5, "a"), told("voided", 0, "v", 1)], "voided"),
        ([told("captured", 5, "c"), told("refunded", 5, "r", 1)], "captured"),
        ([told("captured", 5, "c"), told("charged_back", 5, "d", 1)], "captured"),
    ],
)
def test_money_counts_before_words(events: list[PaymentEvent], status: str) -> None:
    assert paid(*events).status == status


def test_of_several_payments_the_one_that_is_waited_for_tells_how_they_stand() -> None:
    pending = paid(told("authorization_requested", 10000, "pix_1"))

    both = Payments((TAKEN, pending), "BRL")

    assert both.status == "pending"
    assert both.pending == (pending,)
    assert (both.captured, both.authorized, both.covered) == (brl(10000), brl(10000), brl(10000))


@pytest.mark.parametrize(
    ("total", "granted", "charged", "status"),
    [
        (9840, 0, 0, Coverage.NONE),
        (9840, 0, -1, Coverage.NONE),
        (9840, 0, 9839, Coverage.PARTIAL),
        (9840, 0, 9840, Coverage.FULL),
        (9840, 0, 9841, Coverage.OVERCHARGED),
        (9840, 9840, 0, Coverage.FULL),
        (9840, 9999, 1, Coverage.OVERCHARGED),
        (0, 0, 0, Coverage.FULL),
    ],
)
def test_what_is_taken_is_held_against_what_is_due(
    total: int, granted: int, charged: int, status: Coverage
) -> None:
    assert charge_status(total, granted, charged) is status


@pytest.mark.parametrize(
    ("total", "granted", "authorized", "charged", "status"),
    [
        (0, 0, 0, 0, Coverage.FULL),
        (9840, 9840, 0, 0, Coverage.NONE),
        (9840, 0, 9839, 0, Coverage.PARTIAL),
        (9840, 0, 9000, 840, Coverage.FULL),
        (9840, 0, 12000, 0, Coverage.FULL),
        (9840, 8840, 1000, 0, Coverage.FULL),
    ],
)
def test_what_is_held_and_taken_is_held_against_what_is_due(
    total: int, granted: int, authorized: int, charged: int, status: Coverage
) -> None:
    assert authorization_status(total, granted, authorized, charged) is status
