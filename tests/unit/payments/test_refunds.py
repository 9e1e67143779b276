"""Never more than was captured, and what is under way counts as given back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oms.kernel.errors import Conflict
from oms.kernel.money import Money, total
from oms.payments.model import (
    Payment,
    record_collected,
    record_refund,
    record_refund_failure,
    request_refund,
)
from oms.payments.refunds import OpenRefund, amount_to_refund, open_refunds, refund_due

NEW = Payment("pay_1", "card", "simulator", Money(10000, "BRL"))
PAID = record_collected(NEW, Money(10000, "BRL"), "cap_1", "key:1")
HALF = record_refund(PAID, Money(5000, "BRL"), "rfd_1", "key:2")


def brl(minor: int) -> Money:
    return Money(minor, "BRL")


@pytest.mark.parametrize(
    ("payment", "owed", "due"),
    [(PAID, 0, 10000), (PAID, 4000, 6000), (HALF, 0, 5000), (HALF, 6000, 0), (NEW, 0, 0)],
)
def test_what_is_paid_beyond_what_is_owed_is_due_back(
    payment: Payment, owed: int, due: int
) -> None:
    assert refund_due(payment, brl(owed)) == brl(due)


def test_all_that_can_be_refunded_is_when_nothing_else_is_said() -> None:
    assert amount_to_refund(HALF) == brl(5000)
    assert amount_to_refund(HALF, brl(1)) == brl(1)


@pytest.mark.parametrize(
    ("payment", "wanted", "code"),
    [(HALF, 5001, "refund_above_captured"), (NEW, 1, "nothing_to_refund")],
)
def test_more_than_can_be_refunded_is_refused(payment: Payment, wanted: int, code: str) -> None:
    with pytest.raises(Conflict) as refused:
        amount_to_refund(payment, brl(wanted))

    assert refused.value.problem_code == code


def test_a_refund_is_open_until_the_provider_answers() -> None:
    payment = request_refund(PAID, brl(1000), "rfd_1", "key:r1")
    payment = request_refund(payment, brl(2000), "rfd_2", "key:r2")
    payment = request_refund(payment, brl(3000), "rfd_3", "key:r3")

    payment = record_refund(payment, brl(1000), "rfd_1", "key:d1")
    payment = record_refund_failure(payment, "rfd_3", "key:f3")

    assert open_refunds(payment) == (OpenRefund("rfd_2", brl(2000)),)
    assert total([refund.amount for refund in open_refunds(payment)], "BRL") == (
        payment.refund_pending
    )


@given(st.integers(1, 10000), st.integers(0, 10000), st.integers(0, 10000))
def test_after_the_refund_that_is_due_the_customer_pays_what_is_owed(
    captured: int, refunded: int, owed: int
) -> None:
    payment = record_collected(NEW, brl(captured), "cap_1", "key:1")
    if 0 < refunded <= captured:
        payment = record_refund(payment, brl(refunded), "rfd_0", "key:2")

    due = refund_due(payment, brl(owed))

    assert payment.refundable - due == min(payment.refundable, brl(owed))
