"""Over which payments a refund or a capture goes."""

from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oms.kernel.errors import Conflict, Invalid
from oms.kernel.money import Money
from oms.payments.allocation import Bearable, Parts, allocate_capture, allocate_refund

Allocate = Callable[[Sequence[Bearable], Money, Sequence[str]], Parts]
EACH = pytest.mark.parametrize("allocate", [allocate_refund, allocate_capture])
METHODS = ("card", "pix", "gift_card", "store_credit", "in_store")


def of(name: str, minor: int, method: str = "card") -> Bearable:
    return Bearable(name, Money(minor, "BRL"), method)


def reals(minor: int) -> Money:
    return Money(minor, "BRL")


bearables = st.lists(
    st.tuples(st.integers(0, 10**6), st.sampled_from(METHODS)), min_size=1, max_size=6
).map(lambda each: [of(f"p{n}", minor, method) for n, (minor, method) in enumerate(each)])


def test_a_named_payment_is_emptied_first_and_the_rest_spills_over_in_sequence() -> None:
    payments = [of("a", 500), of("b", 300), of("c", 900)]
    assert allocate_refund(payments, reals(400), ["b"]) == (("b", 300), ("a", 100))
    assert allocate_refund(payments, reals(900)) == (("a", 500), ("b", 300), ("c", 100))


def test_money_goes_back_before_the_customers_own_credit_does() -> None:
    payments = [of("gift", 500, "gift_card"), of("card", 300)]
    assert allocate_refund(payments, reals(400)) == (("card", 300), ("gift", 100))
    assert allocate_refund(payments, reals(400), ["gift"]) == (("gift", 400),)


def test_the_customers_own_credit_is_taken_before_the_card_is() -> None:
    payments = [of("card", 300), of("gift", 500, "gift_card")]
    assert allocate_capture(payments, reals(600)) == (("gift", 500), ("card", 100))


def test_a_payment_with_nothing_left_is_passed_over() -> None:
    assert allocate_refund([of("a", 0), of("b", 5)], reals(5), ["a"]) == (("b", 5),)


def test_more_than_is_left_is_refused_with_what_is_left() -> None:
    with pytest.raises(Conflict) as refund:
        allocate_refund([of("a", 500), of("b", 1)], reals(502))
    assert refund.value.problem_code == "refund_above_captured"
    assert refund.value.context["refundable"] == "5.01"
    with pytest.raises(Conflict) as capture:
        allocate_capture([], reals(1))
    assert capture.value.problem_code == "capture_above_authorized"
    assert capture.value.context["capturable"] == "0.00"


@EACH
@pytest.mark.parametrize(
    ("amount", "first", "code"),
    [
        (reals(0), [], "amount_not_positive"),
        (reals(-1), [], "amount_not_positive"),
        (reals(1), ["z"], "unknown_payment"),
        (reals(1), ["a", "a"], "payment_twice"),
        (Money(1, "EUR"), [], "wrong_currency"),
    ],
)
def test_what_cannot_be_allocated_is_refused(
    allocate: Allocate, amount: Money, first: Sequence[str], code: str
) -> None:
    with pytest.raises(Invalid) as refused:
        allocate([of("a", 5)], amount, first)
    assert refused.value.problem_code == code


@EACH
@given(payments=bearables, data=st.data())
def test_parts_sum_to_the_amount_and_none_is_more_than_its_payment_can_bear(
    allocate: Allocate, payments: Sequence[Bearable], data: st.DataObject
) -> None:
    most = {each.payment_id: each.amount.minor for each in payments}
    amount = data.draw(st.integers(0, sum(most.values()) + 1))
    first = data.draw(st.lists(st.sampled_from(sorted(most)), unique=True))
    if not 0 < amount <= sum(most.values()):
        with pytest.raises((Conflict, Invalid)):
            allocate(payments, reals(amount), first)
        return
    parts = allocate(payments, reals(amount), first)
    assert sum(part for _, part in parts) == amount
    assert all(0 < part <= most[name] for name, part in parts)
    assert len({name for name, _ in parts}) == len(parts)
    # All but the last are emptied, and no named payment is passed over for another.
    assert all(part == most[name] for name, part in parts[:-1])
    used = [name for name, _ in parts]
    named = [name for name in first if most[name]]
    assert used[: len(named)] == named[: len(used)]


@given(payments=bearables, data=st.data())
def test_what_is_refunded_in_steps_comes_to_the_same_as_at_once(
    payments: list[Bearable], data: st.DataObject
) -> None:
    whole = sum(each.amount.minor for each in payments)
    if not whole:
        return
    amount = data.draw(st.integers(1, whole))
    at_once = dict(allocate_refund(payments, reals(amount)))
    in_steps: dict[str, int] = {}
    left = amount
    while left:
        step = data.draw(st.integers(1, left))
        now = [
            of(
                each.payment_id,
                each.amount.minor - in_steps.get(each.payment_id, 0),
                each.method,
            )
            for each in payments
        ]
        for name, part in allocate_refund(now, reals(step)):
            in_steps[name] = in_steps.get(name, 0) + part
        left -= step
    assert in_steps == at_once
