"""What a till took, in the set of a payment's events: beside a card, instead of one, in parts."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oms.kernel.errors import Conflict
from oms.kernel.money import Money
from oms.payments.balances import EventKind, PaymentEvent
from oms.payments.model import IN_STORE, Payment, may_capture, record

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)


def money(minor: int) -> Money:
    return Money(minor, "BRL")


def payment(method: str = "card") -> Payment:
    return Payment("pay_1", method, "simulator", money(5000))


def told(kind: EventKind, amount: int, reference: str, at: int = 0) -> PaymentEvent:
    return PaymentEvent(kind, amount, reference, f"{kind}:{reference}", NOW + timedelta(seconds=at))


def receipt(amount: int, number: int = 1) -> PaymentEvent:
    return told("collected", amount, f"T-{number}", number)


def test_it_is_paid_at_once() -> None:
    paid = record(payment(IN_STORE), receipt(2000))

    assert (paid.authorized, paid.captured, paid.capturable) == (money(2000), money(2000), money(0))
    assert (paid.status, paid.amount, paid.authorization) == ("captured", money(5000), "")


def test_it_comes_beside_what_a_card_holds() -> None:
    held = record(payment(), told("authorized", 5000, "auth"))

    both = record(held, receipt(1500))

    assert (both.authorized, both.capturable) == (money(6500), money(5000))
    assert both.authorization == "auth"
    taken = record(both, told("captured", 5000, "capture", 2))
    assert taken.captured == money(6500)
    with pytest.raises(Conflict):
        may_capture(taken, money(1))


def test_the_same_receipt_counts_once() -> None:
    paid = record(payment(), receipt(6000))

    assert record(paid, receipt(6000)) is paid
    with pytest.raises(Conflict) as refused:
        record(paid, receipt(1))
    assert refused.value.problem_code == "payment_entry_mismatch"


@given(st.lists(st.integers(1, 4000), min_size=1, max_size=6), st.integers(0, 5000))
def test_what_is_covered_is_paid_or_held_and_not_given_back(taken: list[int], held: int) -> None:
    paid = payment()
    if held:
        paid = record(paid, told("authorized", held, "auth"))
    for number, minor in enumerate(taken):
        paid = record(paid, receipt(minor, number))
    paid = record(paid, told("refund_requested", taken[0], "rfd_1", 10))
    if held:
        paid = record(paid, told("voided", held, "void", 11))

    assert paid.covered == money(sum(taken) - taken[0])
    assert paid.captured + paid.voided == paid.authorized
