"""What an order holds and what is due for it, once less of it is wanted or its work changes."""

from dataclasses import replace
from datetime import timedelta

import pytest

from infra.queues import QUEUES
from oms.kernel.errors import Conflict, OrderCancelRequested
from oms.orders import decisions, paying, work
from oms.orders import events as happened
from oms.orders.cancelling import cancel_units
from oms.orders.evolve import begin, evolve_all
from oms.orders.model import (
    Allocation,
    CommittedPromise,
    FulfillmentLine,
    Line,
    Method,
    Order,
    PaymentRequest,
    PromisedPart,
    State,
)
from oms.orders.parts import line_amounts
from oms.payments.model import IN_STORE
from tests.samples import NOW, allocated, captured, content, given, line, money

MUG = line("MUG", 2, price=500)
TEE = line("TEE", 1, price=500)


def sourced(order: Order) -> Order:
    return given(order, happened.OrderSourced(allocated(order), "rule", "why"))


def cancelled(order: Order, **units: int) -> Order:
    return evolve_all(order, cancel_units(order, units, "changed my mind").events)


@pytest.mark.parametrize("discount", [1500, 1501, 1900])
def test_a_discount_beyond_the_lines_is_one_on_the_shipping(discount: int) -> None:
    asked = content(MUG, TEE)
    asked = replace(
        asked, shipping=money(400), discount=money(discount), total=money(1900 - discount)
    )
    order = sourced(begin(happened.OrderCaptured(asked)))

    assert all(amount.minor == 0 for amount in line_amounts(order))
    assert cancelled(order, MUG=1).due == order.due


def test_nothing_is_due_for_a_discount_on_what_is_free() -> None:
    asked = content(line("MUG", 2, price=0), line("TEE", 1, price=0))
    asked = replace(asked, shipping=money(400), discount=money(100), total=money(300))
    order = sourced(begin(happened.OrderCaptured(asked)))

    assert cancelled(order, MUG=1).due == money(300)


def deferred(*lines: Line) -> Order:
    here = (replace(one, method=Method.PICKUP, pickup_node="rj-store") for one in lines)
    asked = replace(content(*here), payments=(PaymentRequest(IN_STORE, "store", money(0)),))
    return sourced(begin(happened.OrderCaptured(asked)))


def test_what_was_taken_back_is_not_released_because_it_is_paid_in_the_store() -> None:
    """It is sourced again first; then its payment is deferred."""
    order = deferred(MUG)
    order = given(order, *decisions.take_back(order, {"MUG"}, "another needs it"))

    assert paying.defer_payment(order) == ()
    assert order.state is State.CAPTURED
    again = sourced(order)
    assert given(again, *paying.defer_payment(again)).state is State.AUTHORIZED


def test_the_payment_of_a_cancelled_order_is_not_deferred() -> None:
    order = deferred(MUG)
    order = given(order, *decisions.request_cancel(order, "no"))

    with pytest.raises(OrderCancelRequested):
        paying.defer_payment(order)


def test_of_units_that_are_held_in_two_entries_each_is_given_back_once() -> None:
    order = captured(line("MUG", 5))
    held = (Allocation("MUG", "MUG", "sp-dc", 3), Allocation("MUG", "MUG", "sp-dc", 2))
    order = given(order, happened.OrderSourced(held, "rule", "why"))

    after = cancelled(order, MUG=4)

    assert [one.quantity for one in after.progress.allocations] == [1]
    assert after.progress.counts[0].reserved == 1


def test_an_order_that_is_paid_for_once_less_is_wanted_goes_on() -> None:
    order = sourced(captured(MUG, TEE))
    paid = paying.collect_payment(order, 1000, "ref", "key")
    order = given(order, *paid)
    assert order.state is State.SOURCED

    assert cancelled(order, TEE=1).state is State.AUTHORIZED


def test_an_order_that_nobody_has_paid_waits_for_its_money_still() -> None:
    order = sourced(captured(line("MUG", 2, price=0), TEE))

    assert cancelled(order, TEE=1).state is State.SOURCED


def test_nothing_is_due_for_a_cancelled_order() -> None:
    order = cancelled(sourced(captured(MUG, TEE)), TEE=1)
    order = given(order, *decisions.request_cancel(order, "no"))
    order = given(order, *paying.close_cancelled(order, "no"))

    assert order.state is State.CANCELLED
    assert order.due == money(0)


def test_merged_work_still_leaves_in_one_transaction() -> None:
    """What comes from a further counter may move two balances."""
    lines = tuple(line(f"SKU-{number}") for number in range(40))
    order = captured(*lines)
    held = tuple(replace(one, counter=1) for one in allocated(order))
    order = given(order, happened.OrderSourced(held, "rule", "why"))
    order = given(order, paying.authorize_payment(order, order.due.minor, "ref", "key")[0])
    order = given(order, *decisions.release(order))
    first, second = order.progress.fulfillments

    with pytest.raises(Conflict) as refusal:
        work.merge(order, first.id, [second.id])
    assert refusal.value.problem_code == "not_mergeable"


def test_a_line_of_the_first_counter_moves_one_balance() -> None:
    assert decisions.balances_of([FulfillmentLine("MUG", 2)]) == 1
    assert decisions.balances_of([FulfillmentLine("MUG", 2, counter=1)]) == 2


def test_the_lists_of_what_waits_hear_of_it() -> None:
    """Else an order whose last missing units are cancelled would be held up there for ever."""
    (plan,) = (plan for plan in QUEUES if plan.name == "projections")
    assert "units_cancelled" in plan.event_types


def test_a_fulfilment_that_is_named_twice_is_merged_once() -> None:
    order = sourced(captured(MUG, TEE))
    order = given(order, *paying.authorize_payment(order, order.due.minor, "ref", "key"))
    order = given(order, *decisions.release(order))
    into = order.progress.fulfillments[0]
    order = given(order, *work.split(order, into.id, {"TEE": 1}))
    part = order.live_fulfillments[1]

    order = given(order, *work.merge(order, into.id, [part.id, part.id]))

    assert [one.units for one in order.live_fulfillments] == [{"MUG": 2, "TEE": 1}]


@pytest.mark.parametrize("unit_of", ["MUG", "TEE"])
def test_what_a_person_is_to_decide_stays_so_while_there_is_any(unit_of: str) -> None:
    """The tees are reserved, and no node has the mugs."""
    order = captured(MUG, line("TEE", 2))
    held = (Allocation("TEE", "TEE", "sp-dc", 2),)
    failed = happened.RoutingFailed(work.as_units({"MUG": 2}), "nobody has it")
    order = given(order, happened.OrderSourced(held, "rule", "why"), failed)

    assert cancelled(order, **{unit_of: 1}).progress.unroutable == "nobody has it"
    assert cancelled(order, MUG=2).progress.unroutable == ""


def test_a_promise_hears_of_what_nobody_collected() -> None:
    """Else what was promised for it stays promised."""
    here = replace(MUG, method=Method.PICKUP, pickup_node="rj-store")
    part = PromisedPart("MUG", "rj-store", 2, "on_hand", NOW, NOW.date())
    promised = replace(content(here), promise=CommittedPromise("prm_1", "opt_1", (part,)))
    order = begin(happened.OrderCaptured(promised))
    order = given(order, happened.OrderSourced(allocated(order, "rj-store"), "rule", "why"))
    order = given(order, *paying.authorize_payment(order, order.due.minor, "ref", "key"))
    order = given(order, *decisions.release(order))
    work_id = order.progress.fulfillments[0].id
    for step in (decisions.accept, decisions.pick):
        order = given(order, *step(order, work_id))
    order = given(order, *work.make_ready(order, work_id, NOW + timedelta(days=7)))

    events = work.expire_some(order, work_id, {"MUG": 1}, "not_collected", declined=False)

    (cancelled_units,) = (one for one in events if isinstance(one, happened.UnitsCancelled))
    assert cancelled_units.promised
