"""What an exchange comes to, who pays it, and what is charged when goods do not come."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from oms.kernel.errors import Conflict, Invalid
from oms.kernel.ids import order_id
from oms.orders import events as happened
from oms.orders.evolve import begin
from oms.orders.model import Order, PaymentRequest
from oms.returns import advance, decisions, exchange
from oms.returns.events import ExchangeCharged
from oms.returns.exchange import AskedExchange
from oms.returns.model import Disposition, Resolution, ReturnKind, ReturnState
from oms.returns.policy import BUILT_IN, ReturnPolicy
from oms.returns.transitions import EXCHANGES, GOODS_KEPT, may
from tests.samples import allocated, captured, given, line, money
from tests.unit.returns.return_samples import (
    LATER,
    after,
    brought,
    delivered,
    inspect,
    last,
    paid,
    receive,
    request,
)

NEW = order_id("web", "new")
BY = LATER + timedelta(days=14)
ADVANCE = AskedExchange(advance=True)


def exchanged(order: Order, total: int, asked: AskedExchange = ADVANCE) -> Order:
    found = last(order)
    units = exchange.check_confirmed(order, found.id, BUILT_IN, asked)
    quoted = exchange.quote(order, found, BUILT_IN, units, total)
    by = BY if asked.advance else None
    return after(order, exchange.confirm(order, found.id, quoted, NEW, asked, by))


def asked_for(order: Order, units: dict[str, int], **more: Any) -> Order:
    return request(order, units, resolution=Resolution.EXCHANGE, **more)


def by_card_and_gift_card() -> Order:
    order = captured(line("MUG", 2, 1000))
    content = replace(
        order.content,
        payments=(
            PaymentRequest("card", "simulator", money(0), "4242", amount=money(1500)),
            PaymentRequest("gift_card", "gift_card", money(0), "g", amount=money(500)),
        ),
    )
    order = given_captured(content)
    for one in order.payments.each:
        order = given(
            order,
            happened.PaymentAuthorized(one.id, one.amount.minor, one.id, f"{one.id}:a"),
            happened.PaymentCaptured(one.id, one.amount.minor, one.id, f"{one.id}:c"),
        )
    return brought(order)


def given_captured(content: Any) -> Order:
    order = begin(happened.OrderCaptured(content))
    return given(order, happened.OrderSourced(allocated(order), "rule", "why"))


def test_the_customers_own_credit_goes_into_the_new_order_first() -> None:
    order = asked_for(by_card_and_gift_card(), {"MUG": 1})
    card, gift = order.payments.each

    order = exchanged(order, total=600)

    paying, back = order.progress.refunds
    assert [(part.payment_id, part.amount) for part in paying.parts] == [
        (gift.id, 500),
        (card.id, 100),
    ]
    assert [(part.payment_id, part.amount) for part in back.parts] == [(card.id, 400)]
    assert paying.to == f"exchange:{NEW}"


def test_what_was_never_paid_pays_nothing_and_is_due_no_more() -> None:
    order = asked_for(brought(captured(line("MUG", 2, 1000))), {"MUG": 1})

    order = exchanged(order, total=700)

    found = last(order).exchange
    assert found is not None
    assert (found.returned, found.paid, found.collected, found.repaid) == (1000, 0, 700, 0)
    assert (order.due.minor, order.payments.refundable.minor) == (1000, 0)


def test_store_credit_for_the_rest_is_a_customers() -> None:
    order = asked_for(delivered(line("MUG", 1, 1000)), {"MUG": 1})
    asked = replace(ADVANCE, refund_to="store_credit")
    assert exchanged(order, 400, asked).progress.refunds[-1].is_credit

    nobody = replace(
        order, content=replace(order.content, customer=replace(order.content.customer, id=""))
    )
    with pytest.raises(Invalid) as refused:
        exchange.check_confirmed(nobody, last(nobody).id, BUILT_IN, asked)
    assert refused.value.problem_code == "customer_needed"


def test_what_never_comes_is_charged_to_the_first_card() -> None:
    order = exchanged(asked_for(delivered(line("MUG", 2, 1000)), {"MUG": 2}), 2000)

    assert not advance.charge(order, last(order).id, BY - timedelta(seconds=1))
    charged, added, capture = advance.charge(order, last(order).id, BY)

    assert isinstance(charged, ExchangeCharged)
    assert isinstance(added, happened.PaymentAdded)
    assert isinstance(capture, happened.CaptureRequested)
    assert (charged.amount, added.payment.amount.minor, capture.amount) == (2000, 2000, 2000)
    assert added.payment.renews == order.payments.each[0].id
    after_it = after(order, (charged, added, capture))
    assert not advance.charge(after_it, last(order).id, BY + timedelta(days=100))


def test_without_a_card_somebody_must_look() -> None:
    order = exchanged(asked_for(by_pix(), {"MUG": 1}), 1000)

    order = after(order, advance.charge(order, last(order).id, BY))

    assert order.progress.unpaid == "charge: no_means_of_payment"
    assert order.status == "payment_failed"
    assert order.due.minor == 2000


def by_pix() -> Order:
    order = paid(captured(line("MUG", 2, 1000)))
    first = replace(order.payments.each[0], method="pix")
    return brought(order.with_progress(payments=(first,)))


def test_what_came_in_time_or_was_not_in_advance_is_not_charged() -> None:
    in_time = receive(exchanged(asked_for(delivered(line("MUG", 1)), {"MUG": 1}), 1000))
    at_once = asked_for(delivered(line("MUG", 1)), {"MUG": 1})
    at_once = inspect(receive(at_once), {"MUG": {Disposition.RESTOCK: 1}})
    at_once = exchanged(at_once, 1000, AskedExchange())

    for order in (in_time, at_once, asked_for(delivered(), {"MUG": 1})):
        assert not advance.charge(order, last(order).id, BY + timedelta(days=1))


def test_more_is_not_given_back_than_the_exchange_paid() -> None:
    order = exchanged(asked_for(delivered(line("MUG", 1)), {"MUG": 1}), 600)

    with pytest.raises(Conflict) as refused:
        advance.given_back(order, last(order).id, 601, "k", LATER)
    assert refused.value.problem_code == "refund_above_captured"
    assert refused.value.context == {"refundable": "6.00"}
    with pytest.raises(Conflict):
        advance.given_back(order, "ret_other_1", 1, "k", LATER)


def test_of_an_order_that_the_bank_took_back_nothing_is_given_twice() -> None:
    order = exchanged(asked_for(delivered(line("MUG", 1)), {"MUG": 1}), 1000)
    payment = order.payments.each[0].id
    order = given(order, happened.ChargedBack(payment, 1000, "dispute", "d"))
    order = receive(order)

    order = after(order, advance.given_back(order, last(order).id, 1000, "k", LATER))

    assert [refund.amount for refund in order.progress.refunds] == [1000]


@pytest.mark.parametrize("days", [0, 1])
def test_in_advance_only_where_the_policy_says_so(days: int) -> None:
    policy = replace(BUILT_IN, advance_days=days)
    order = asked_for(delivered(line("MUG", 1)), {"MUG": 1})

    if days:
        assert exchange.check_confirmed(order, last(order).id, policy, ADVANCE) == {"MUG": 1}
        return
    with pytest.raises(Conflict) as refused:
        exchange.check_confirmed(order, last(order).id, policy, ADVANCE)
    assert refused.value.problem_code == "advance_not_allowed"


# --- claims -----------------------------------------------------------------------------------


def claim(order: Order, units: dict[str, int], policy: ReturnPolicy = BUILT_IN) -> Order:
    return request(order, units, policy, kind=ReturnKind.CLAIM, keeps_goods=True)


def test_a_claim_waits_for_a_person_and_takes_no_fee() -> None:
    policy = replace(BUILT_IN, restocking_fee=5000, non_returnable_skus=("MUG",))
    order = claim(delivered(line("MUG", 2, 1000)), {"MUG": 1}, policy)
    found = last(order)
    assert (found.state, found.expected, found.needs_approval) == ("requested", {}, "a claim")

    order = after(order, decisions.approve(order, found.id))
    asked = decisions.AskedResolution(Resolution.REFUND)
    order = after(order, decisions.resolve(order, found.id, asked, policy))

    assert (last(order).state, last(order).amount) == ("resolved", 1000)
    assert decisions.returnable(order) == {"MUG": 1}
    assert order.progress.counts[0].delivered == 2


def test_what_is_claimed_is_free_again_when_it_is_denied() -> None:
    order = claim(delivered(line("MUG", 1)), {"MUG": 1})
    assert decisions.returnable(order) == {"MUG": 0}

    order = after(order, decisions.reject(order, last(order).id, "no"))

    assert decisions.returnable(order) == {"MUG": 1}


@pytest.mark.parametrize("table", [EXCHANGES, GOODS_KEPT])
@pytest.mark.parametrize("state", ReturnState)
@pytest.mark.parametrize("step", ["draft", "exchange", "receive", "resolve"])
def test_a_step_is_in_its_table_or_refused_with_what_is_allowed(
    table: Any, state: ReturnState, step: str
) -> None:
    if step in table.get(state, {}):
        assert may(state, step, table)
        return
    if (step, state) == ("resolve", ReturnState.RESOLVED):
        assert not may(state, step, table)
        return
    with pytest.raises(Conflict) as refused:
        may(state, step, table)
    assert refused.value.context["allowed"] == sorted(table.get(state, {}))
