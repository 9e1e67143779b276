"""What a till took, in the payment's ledger: beside a card, instead of one, in several parts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oms.kernel.errors import Conflict
from oms.kernel.money import Money
from oms.payments.model import (
    IN_STORE,
    Payment,
    record_authorization,
    record_capture,
    record_collection,
    record_void,
    request_refund,
)


def money(minor: int) -> Money:
    return Money(minor, "BRL")


def payment(method: str = "card") -> Payment:
    return Payment("pay_1", method, "simulator", money(5000))


def test_it_is_paid_at_once() -> None:
    paid = record_collection(payment(IN_STORE), money(2000), "T-1", "till:T-1")

    assert (paid.authorized, paid.captured, paid.capturable) == (money(2000), money(2000), money(0))
    assert (paid.status, paid.amount, paid.authorization) == ("captured", money(5000), "")


def test_it_comes_beside_what_a_card_holds() -> None:
    held = record_authorization(payment(), money(5000), "auth", "a")

    both = record_collection(held, money(1500), "T-1", "till:T-1")

    assert (both.amount, both.authorized, both.capturable) == (
        money(6500),
        money(6500),
        money(5000),
    )
    assert both.authorization == "auth"
    taken = record_capture(both, money(5000), "capture", "c")
    assert taken.captured == money(6500)
    with pytest.raises(Conflict):
        record_capture(taken, money(1), "more", "d")


def test_the_same_receipt_counts_once() -> None:
    paid = record_collection(payment(), money(6000), "T-1", "till:T-1")

    assert record_collection(paid, money(6000), "T-1", "till:T-1") is paid
    with pytest.raises(Conflict) as refused:
        record_collection(paid, money(1), "T-1", "till:T-1")
    assert refused.value.problem_code == "payment_entry_mismatch"


@given(st.lists(st.integers(1, 4000), min_size=1, max_size=6), st.integers(0, 5000))
def test_what_is_covered_is_paid_or_held_and_not_given_back(taken: list[int], held: int) -> None:
    paid = payment()
    if held:
        paid = record_authorization(paid, money(held), "auth", "a")
    for number, minor in enumerate(taken):
        paid = record_collection(paid, money(minor), f"T-{number}", f"till:T-{number}")
    paid = request_refund(paid, money(taken[0]), "rfd_1", "r")
    paid = record_void(paid, "void", "v")

    assert paid.covered == money(sum(taken) - taken[0])
    assert paid.captured + paid.voided == paid.authorized <= paid.amount
