"""DESIGN: refunded <= captured <= authorized, whatever is tried, in whatever order."""

from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

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

NEW = Payment("pay_x_1", "card", "simulator", Money(1000, "BRL"), "4242424242424242")
AUTHORIZED = record_authorization(NEW, Money(1000, "BRL"), "a", "1")
CAPTURED = record_capture(AUTHORIZED, Money(1000, "BRL"), "a", "2")
REFUNDED = record_refund(CAPTURED, Money(500, "BRL"), "a", "3")

Attempt = Callable[[Payment], Payment]


def attempts_of(minor: int, reference: str, key: str) -> dict[str, Attempt]:
    amount = Money(minor, "BRL")
    return {
        "authorize": lambda payment: record_authorization(payment, amount, reference, key),
        "decline": lambda payment: record_decline(payment, reference, key),
        "pend": lambda payment: record_pending(payment, reference, key),
        "capture": lambda payment: record_capture(payment, amount, reference, key),
        "void": lambda payment: record_void(payment, reference, key),
        "void a part": lambda payment: record_void(payment, reference, key, amount),
        "request": lambda payment: request_refund(payment, amount, reference, key),
        "refund": lambda payment: record_refund(payment, amount, reference, key),
        "fail": lambda payment: record_refund_failure(payment, reference, key),
    }


def attempt(operation: str, minor: int, reference: str, key: str) -> Attempt:
    return attempts_of(minor, reference, key)[operation]


operations = st.sampled_from([*attempts_of(0, "", "")])
# Few names and round amounts, so that attempts meet.
amounts = st.one_of(st.sampled_from([0, 100, 500, 1000]), st.integers(-50, 1200))
attempts = st.builds(
    attempt,
    operations,
    amounts,
    st.sampled_from(["", *"abcd"]),
    st.sampled_from(["", *"123456789"]),
)


beginnings = st.sampled_from([NEW, AUTHORIZED, CAPTURED, REFUNDED])


def after(payment: Payment, attempt: Attempt) -> Payment:
    try:
        return attempt(payment)
    except (Conflict, Invalid):
        return payment


def assert_invariants(payment: Payment) -> None:
    zero = Money.zero("BRL")
    assert zero <= payment.captured <= payment.authorized <= payment.amount
    assert zero <= payment.voided <= payment.authorized - payment.captured
    assert zero <= payment.refunded + payment.refund_pending <= payment.captured
    assert min(payment.refunded, payment.refund_pending) >= zero
    assert payment.kept == payment.captured - payment.refunded
    assert len({entry.key for entry in payment.entries}) == len(payment.entries)


@given(beginnings, st.lists(attempts, max_size=40))
def test_the_invariants_hold_after_any_sequence_of_attempts(
    payment: Payment, tried: list[Attempt]
) -> None:
    for one in tried:
        payment = after(payment, one)

        assert_invariants(payment)


@given(beginnings, st.lists(attempts, max_size=30))
def test_an_attempt_made_twice_changes_nothing(payment: Payment, tried: list[Attempt]) -> None:
    for one in tried:
        payment = after(payment, one)

        assert after(payment, one) == payment


@given(beginnings, st.lists(attempts, max_size=30), st.data())
def test_duplicates_in_any_order_change_nothing(
    payment: Payment, tried: list[Attempt], data: st.DataObject
) -> None:
    for one in tried:
        payment = after(payment, one)

    again: list[PaymentEntry] = data.draw(st.permutations(payment.entries))
    for entry in again:
        assert apply(payment, entry) is payment


@given(beginnings, st.lists(attempts, max_size=30), st.data())
def test_duplicates_between_first_deliveries_give_the_same_balances(
    expected: Payment, tried: list[Attempt], data: st.DataObject
) -> None:
    for one in tried:
        expected = after(expected, one)

    payment = NEW
    for position, entry in enumerate(expected.entries):
        payment = apply(payment, entry)
        for repeated in data.draw(st.lists(st.sampled_from(expected.entries[: position + 1]))):
            payment = apply(payment, repeated)

    assert payment.entries == expected.entries


@given(beginnings, st.lists(attempts, max_size=30))
def test_the_payment_can_be_rebuilt_from_its_entries(
    payment: Payment, tried: list[Attempt]
) -> None:
    for one in tried:
        payment = after(payment, one)

    rebuilt = NEW
    for entry in payment.entries:
        rebuilt = apply(rebuilt, entry)

    assert rebuilt.entries == payment.entries
