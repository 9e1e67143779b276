"""Returns of orders to which other things happened, too."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from oms.kernel.errors import Conflict, TooLarge
from oms.kernel.money import Money
from oms.orders import events as happened
from oms.orders.model import Order
from oms.orders.repaying import refund_of
from oms.returns import asking, decisions
from oms.returns.asking import AskedReturn, Grounds
from oms.returns.decisions import AskedResolution
from oms.returns.model import Origin, Resolution, ReturnLine
from oms.returns.policy import BUILT_IN, RefundWhen
from tests.samples import captured, given, line
from tests.unit.returns.return_samples import (
    DELIVERED_AT,
    LATER,
    after,
    asked,
    brought,
    delivered,
    grounds,
    last,
    paid,
    receive,
    request,
)

AT_ONCE = replace(BUILT_IN, id="at_once", refund_when=RefundWhen.RECEIVED)
DAY = timedelta(days=1)


@pytest.fixture
def in_two_parts() -> tuple[Order, Grounds]:
    """One unit on the first day, the other twenty days later; both for 30 days."""
    order = brought(paid(captured(line("MUG", 2))), {"MUG": 1}, {"MUG": 1})
    first, second = (part.id for part in order.progress.fulfillments)
    return order, Grounds({first: DELIVERED_AT, second: DELIVERED_AT + 20 * DAY}, {})


def ask(order: Order, when: Grounds, day: int, **more: Any) -> Order:
    one = asked({"MUG": 1}, **more)
    return after(order, asking.request(order, one, BUILT_IN, when, DELIVERED_AT + day * DAY))


def test_a_unit_that_came_in_time_is_asked_back_once(in_two_parts: tuple[Order, Grounds]) -> None:
    order, when = in_two_parts
    order = ask(order, when, 35)

    with pytest.raises(Conflict) as refused:
        ask(order, when, 36)

    assert refused.value.problem_code == "outside_window"
    assert refused.value.context["left"] == {"MUG": 0}


def test_what_was_asked_back_early_is_what_came_first(in_two_parts: tuple[Order, Grounds]) -> None:
    order, when = in_two_parts
    order = ask(ask(order, when, 25), when, 35)
    assert len(order.progress.returns) == 2


def test_what_staff_accept_late_is_taken_for_what_is_late(
    in_two_parts: tuple[Order, Grounds],
) -> None:
    """Unless something else could still come back."""
    order, when = in_two_parts
    order = ask(order, when, 60, origin=Origin.AGENT, override="ill")

    assert ask(order, when, 45).progress.returns


def test_what_was_cancelled_leaves_its_unit_to_be_asked_for(
    in_two_parts: tuple[Order, Grounds],
) -> None:
    order, when = in_two_parts
    order = ask(order, when, 35)
    order = after(order, decisions.cancel(order, last(order).id, "kept"))
    assert len(ask(order, when, 36).progress.returns) == 2


def test_after_goodwill_no_more_is_given_than_the_order_still_comes_to() -> None:
    order = delivered(line("MUG", 2), line("TEE", 1))
    goodwill = refund_of(order, 1500, "sorry", granted=1500, goodwill=1500)
    key = happened.PaymentRefunded(goodwill.refund_id, order.payments.each[0].id, 1500, "r", "k")
    order = given(order, goodwill, key)

    order = receive(request(order, {"MUG": 2, "TEE": 1}), policy=AT_ONCE)

    assert last(order).amount == 1500
    assert order.progress.refunds[-1].amount == 1500
    assert order.due == Money(0, "BRL")
    assert order.payments.refundable == Money(0, "BRL")


def test_after_goodwill_a_person_is_told_how_much_is_left() -> None:
    by_hand = replace(BUILT_IN, id="by_hand", refund_when=RefundWhen.ASKED)
    order = delivered(line("MUG", 2), line("TEE", 1))
    order = given(order, refund_of(order, 1500, "sorry", granted=1500, goodwill=1500))
    order = receive(request(order, {"MUG": 2}, by_hand), policy=by_hand)
    more = AskedResolution(Resolution.REFUND, 1600)

    with pytest.raises(Conflict) as refused:
        decisions.resolve(order, last(order).id, more, by_hand)
    assert refused.value.context["refundable"] == "15.00"


def test_what_the_bank_took_back_is_not_given_again_but_owed_no_more() -> None:
    order = delivered(line("MUG", 2), line("TEE", 1))
    payment = order.payments.each[0]
    order = given(order, happened.ChargedBack(payment.id, order.due.minor, "cb", "charge-back"))

    order = receive(request(order, {"MUG": 2}), policy=AT_ONCE)

    assert order.progress.refunds[-1].amount == 0
    assert order.due == Money(1000, "BRL")


def test_what_cost_nothing_comes_back_for_nothing() -> None:
    order = delivered(line("MUG", 2), replace(line("TEE", 1), unit_price=Money(0, "BRL")))

    order = receive(request(order, {"TEE": 1}), policy=AT_ONCE)

    assert last(order).amount == 0
    assert not order.progress.refunds


def test_what_customers_write_never_fills_an_order() -> None:
    order = delivered(line("MUG", 2))
    said = ReturnLine("MUG", 1, note="a" * 200, proof=("b" * 200,) * 10)

    def ask_and_cancel(now: Order) -> Order:
        wanted = AskedReturn((said,))
        now = after(now, asking.request(now, wanted, BUILT_IN, grounds(now), LATER))
        return after(now, decisions.cancel(now, last(now).id, "kept"))

    for _ in range(22):
        order = ask_and_cancel(order)
    with pytest.raises(TooLarge):
        ask_and_cancel(order)


def test_a_return_does_not_come_in_parts_without_end() -> None:
    order = request(delivered(line("MUG", 1), line("TEE", 1)), {"MUG": 1})
    for number in range(100):
        order = receive(order, f"r{number}", {"TEE": 1}, refuse_surplus=True)

    with pytest.raises(TooLarge) as refused:
        receive(order, "one-more")
    assert refused.value.problem_code == "too_many_receipts"
