"""Refunds carried out: once, whatever answers and records get lost; and by many at once."""

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import pytest

from oms.kernel.errors import Conflict, ProviderUnavailable, Unavailable, VersionConflict
from oms.orders import events as happened
from oms.orders import payment, sourcing, supervision
from oms.orders.model import Order, State
from oms.orders.refunding import request, retry
from oms.orders.suggesting import Asked, AskedLine
from tests.integration.refunds.counter import Counter, ordered
from tests.samples import money


def asked(counter: Counter, order: Order, wanted: Asked, key: str = "k1") -> str:
    oms = counter.oms
    made = request(order.order_id, wanted, key, oms.orders, oms.stock, counter.cause())
    return made.refund.id


def test_each_part_is_asked_for_with_a_key_of_its_own_and_told_once(counter: Counter) -> None:
    order = counter.paid(ordered(("card", 1000), ("pix", None)))
    refund = asked(counter, order, Asked(amount=money(2500)))

    for _ in range(2):
        done = counter.give_back(order, refund)

    first, second = (each.id for each in order.payments.each)
    assert counter.bank.given == {
        f"{refund}:{first}:refund:1": 1000,
        f"{refund}:{second}:refund:1": 1500,
    }
    assert done.refund_state(refund) == "refunded"
    assert counter.told(done).count("refund_completed") == 1


def test_a_part_that_nobody_answers_keeps_no_other_waiting(counter: Counter) -> None:
    order = counter.paid(ordered(("card", 1000), ("pix", None)))
    refund = asked(counter, order, Asked(amount=money(2500)))
    first = f"{refund}:{order.payments.each[0].id}:refund:1"
    counter.bank.silent.add(first)

    with pytest.raises(ProviderUnavailable):
        counter.give_back(order, refund)
    half = counter.oms.orders.load(order.order_id)
    counter.bank.silent.clear()
    done = counter.give_back(order, refund)

    assert half.payments.refunded == money(1500)
    assert "refund_completed" not in counter.told(half)[:-1]
    assert done.payments.refunded == money(2500)
    assert len(counter.bank.asked) == len(counter.bank.given) + 1


def test_an_answer_that_is_lost_is_asked_for_again_with_the_same_key(counter: Counter) -> None:
    order = counter.paid()
    refund = asked(counter, order, Asked(amount=money(2500)))
    counter.bank.deaf.add(f"{refund}:{order.payments.each[0].id}:refund:1")

    with pytest.raises(ProviderUnavailable):
        counter.give_back(order, refund)
    done = counter.give_back(order, refund)

    assert sum(counter.bank.given.values()) == done.payments.refunded.minor == 2500


def test_a_record_that_is_lost_after_the_answer_gives_nothing_back_twice(
    counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = counter.paid()
    refund = asked(counter, order, Asked(amount=money(2500)))

    def dies(*args: Any) -> None:
        raise SystemExit

    with monkeypatch.context() as patched:
        patched.setattr(counter.oms.orders, "commit", dies)
        with pytest.raises(SystemExit):
            counter.give_back(order, refund)
    assert counter.oms.orders.load(order.order_id).refund_state(refund) == "requested"
    done = counter.give_back(order, refund)

    assert len(counter.bank.given) == 1
    assert done.payments.refunded == money(2500)
    assert counter.told(done).count("refund_completed") == 1


def test_each_attempt_is_another_question_however_often_it_is_refused(counter: Counter) -> None:
    order = counter.paid()
    refund = asked(counter, order, Asked(amount=money(2500)))
    counter.bank.refuses = True
    for _ in range(2):
        assert counter.give_back(order, refund).refund_state(refund) == "failed"
        retry(order.order_id, refund, counter.oms.orders, counter.cause())
    counter.bank.refuses = False

    done = counter.give_back(order, refund)

    key = f"{refund}:{order.payments.each[0].id}:refund"
    assert counter.bank.asked == [f"{key}:1", f"{key}:2", f"{key}:3"]
    assert (done.refund_state(refund), done.payments.refunded) == ("refunded", money(2500))
    assert counter.told(done).count("refund_completed") == 1


def test_what_is_pending_waits_for_its_callback(counter: Counter) -> None:
    order = counter.paid()
    refund = asked(counter, order, Asked(amount=money(2500)))
    counter.bank.later = True

    done = counter.give_back(order, refund)

    assert done.refund_state(refund) == "requested"
    assert done.payments.refund_pending == money(2500)


def test_credit_that_an_account_refuses_has_failed(counter: Counter) -> None:
    order = counter.paid()
    refund = asked(counter, order, Asked(amount=money(2500), to="store_credit"))

    def refuses(*args: object) -> str:
        raise Conflict("closed", code="account_closed")

    done = counter.give_back(order, refund, refuses)

    assert done.refund_state(refund) == "failed"


def test_credit_is_given_once(counter: Counter) -> None:
    order = counter.paid(ordered(("card", 1000), ("pix", None)))
    refund = asked(counter, order, Asked(amount=money(2500), to="store_credit"))

    for _ in range(2):
        done = counter.give_back(order, refund)

    assert done.payments.refunded == money(2500)
    assert counter.bank.asked == []


def test_what_pays_for_another_order_is_asked_of_nobody(counter: Counter) -> None:
    order = counter.paid()
    refund = asked(counter, order, Asked(amount=money(2500), to="exchange:ord_1"))

    done = counter.give_back(order, refund)

    assert (counter.bank.asked, done.refund_state(refund)) == ([], "requested")


def test_units_that_are_refunded_before_they_leave_are_in_stock_again(counter: Counter) -> None:
    order = counter.paid()

    asked(counter, order, Asked((AskedLine("MUG"),)))

    assert counter.oms.balance("MUG").reserved == 0
    assert counter.oms.ledger("MUG") == (2, 0)
    assert counter.oms.balance("TEE").reserved == 1


def closed(counter: Counter, order: Order) -> Order:
    """The way down, as the lifecycle walks it."""
    oms = counter.oms
    sourcing.unreserve(order.order_id, oms.orders, oms.stock, counter.cause())
    return payment.close_cancelled(
        order.order_id, oms.orders, counter.bank.named, "cancelled", counter.cause()
    )


def test_an_order_that_is_refunded_as_a_whole_is_cancelled_and_refunded_once(
    counter: Counter,
) -> None:
    order = counter.paid(ordered(("card", 1300), ("pix", None), shipping=500))

    refund = asked(counter, order, Asked())
    done = closed(counter, order)

    assert done.state is State.CANCELLED
    assert [(one.id, one.amount) for one in done.progress.refunds] == [(refund, 3500)]
    assert counter.oms.balance("MUG").reserved == 0


def test_what_is_kept_of_a_cancelled_order_on_purpose_is_not_given_back(counter: Counter) -> None:
    order = counter.paid(ordered(shipping=500))
    lines = (AskedLine("MUG"), AskedLine("TEE"))

    refund = asked(counter, order, Asked(lines, amount=money(2500)))
    done = closed(counter, order)

    assert [(one.id, one.amount) for one in done.progress.refunds] == [(refund, 2500)]
    assert done.due == done.payments.refundable == money(1000)


def test_lines_that_are_all_of_an_order_take_the_shipping_with_them(counter: Counter) -> None:
    order = counter.paid(ordered(shipping=500))

    asked(counter, order, Asked((AskedLine("MUG"), AskedLine("TEE"))))
    done = closed(counter, order)

    assert [one.amount for one in done.progress.refunds] == [3000, 500]
    assert done.payments.refundable == money(0)


def test_what_failed_is_not_given_back_by_a_cancellation_too(counter: Counter) -> None:
    order = counter.paid()
    counter.bank.refuses = True
    refund = asked(counter, order, Asked((AskedLine("MUG", Decimal(1)),)))
    counter.give_back(order, refund)

    asked(counter, order, Asked((AskedLine("MUG", Decimal(1)),)), "k2")
    supervision.request_cancel(order.order_id, "why", counter.oms.orders, counter.cause())
    done = closed(counter, order)

    assert [one.amount for one in done.progress.refunds] == [1000, 1000, 1000]
    counter.bank.refuses = False
    retry(order.order_id, refund, counter.oms.orders, counter.cause())
    for one in done.progress.refunds:
        done = counter.give_back(order, one.id)
    assert done.payments.refunded == done.payments.captured == money(3000)


@pytest.mark.parametrize("amount", [300, 700, 1100])
def test_ten_refunds_at_once_give_back_no_more_than_was_taken(
    counter: Counter, amount: int
) -> None:
    order = counter.paid(ordered(("card", 1300), ("pix", None)))

    def ask(number: int) -> str:
        while True:
            try:
                return asked(counter, order, Asked(amount=money(amount)), f"k{number}")
            except Unavailable:
                continue
            except Conflict as refused:
                return refused.problem_code

    with ThreadPoolExecutor(10) as people:
        answers = [*people.map(ask, range(10))]
    made = [answer for answer in answers if answer.startswith("rfd_")]
    with ThreadPoolExecutor(10) as workers:
        [*workers.map(lambda refund: give_back(counter, order, refund), [*made, *made])]

    done = counter.oms.orders.load(order.order_id)
    assert len(made) == min(10, 3000 // amount)
    assert set(answers) - {*made} <= {"refund_above_captured"}
    assert sum(counter.bank.given.values()) == done.payments.refunded.minor == len(made) * amount
    for each in done.payments.each:
        assert each.refunded <= each.captured
    assert counter.told(done).count("refund_completed") == len(made)


def give_back(counter: Counter, order: Order, refund: str) -> None:
    while True:
        try:
            counter.give_back(order, refund)
        except VersionConflict:
            continue
        return


def test_the_same_request_by_ten_at_once_is_made_once(counter: Counter) -> None:
    order = counter.paid()
    oms = counter.oms
    wanted = Asked((AskedLine("MUG", Decimal(1)),))

    def ask(number: int) -> tuple[str, bool]:
        made = request(order.order_id, wanted, "k", oms.orders, oms.stock, counter.cause())
        return made.refund.id, made.created

    with ThreadPoolExecutor(10) as people:
        answers = [*people.map(ask, range(10))]

    done = oms.orders.load(order.order_id)
    assert {refund for refund, _ in answers} == {done.progress.refunds[0].id}
    assert sum(created for _, created in answers) == len(done.progress.refunds) == 1
    assert oms.balance("MUG").reserved == 1


def test_all_that_was_taken_goes_back_by_ten_at_once(counter: Counter) -> None:
    order = counter.paid(ordered(("card", 1300), ("pix", None)))

    def ask(number: int) -> None:
        while True:
            try:
                asked(counter, order, Asked(amount=money(300)), f"k{number}")
            except VersionConflict:
                continue
            return

    with ThreadPoolExecutor(10) as people:
        [*people.map(ask, range(10))]

    done = counter.oms.orders.load(order.order_id)
    assert done.payments.refund_pending == done.payments.captured
    assert sum(refund.amount for refund in done.progress.refunds) == 3000


def test_a_refund_that_bounced_is_not_told_again_when_it_arrives(counter: Counter) -> None:
    order = counter.paid()
    refund = asked(counter, order, Asked(amount=money(2500)))
    done = counter.give_back(order, refund)
    by = done.payments.each[0].id
    bounced = happened.RefundFailed(refund, by, 2500, "account_closed", "bounced")
    done = counter.oms.orders.commit(done, (bounced,), counter.cause())
    assert done.refund_state(refund) == "failed"

    retry(order.order_id, refund, counter.oms.orders, counter.cause())
    done = counter.give_back(order, refund)

    assert done.payments.refunded == money(2500)
    assert counter.told(done).count("refund_completed") == 1
