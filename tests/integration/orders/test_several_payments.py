"""An order that is paid in several ways, over the stores, with providers of our own."""

from dataclasses import replace

import pytest

from oms.aws.outbox import publication_of
from oms.kernel.errors import PaymentDeclined
from oms.orders import capturing, decisions, payment
from oms.orders import events as happened
from oms.orders.contract import history_view
from oms.orders.giving_back import give_back
from oms.orders.model import Content, Order, PaymentRequest, State
from oms.orders.repaying import refund_of
from oms.payments.model import Payment
from tests.integration.orders.test_payment import DECLINED, Counting, sourced
from tests.integration.world import World
from tests.samples import CAUSE, content, line, money, no_credit

GOOD, PENDING = "4242424242424242", "4000000000003220"


@pytest.fixture
def provider() -> Counting:
    return Counting()


def paid_by(*ways: tuple[str, int | None], method: str = "card") -> Content:
    """The usual order of 30.00, by (token, amount) each."""
    asked = tuple(
        PaymentRequest(
            method, "simulator", money(0), token, amount=None if amount is None else money(amount)
        )
        for token, amount in ways
    )
    return replace(content(), payments=asked)


def held(oms: World, provider: Counting, of: Content) -> Order:
    order = sourced(oms, of)
    payment.authorize(order.order_id, oms.orders, provider.named, CAUSE)
    return oms.orders.load(order.order_id)


def delivered(oms: World, order: Order) -> Order:
    order = oms.orders.commit(order, decisions.release(order), CAUSE)
    work = order.progress.fulfillments[0].id
    steps = (
        happened.FulfillmentAccepted(work),
        happened.FulfillmentPicked(work),
        happened.FulfillmentPacked(work),
        happened.FulfillmentShipped(work, "Correios", "BR1"),
        happened.FulfillmentDelivered(work),
    )
    return oms.orders.commit(order, steps, CAUSE)


def minor(order: Order, name: str) -> list[int]:
    return [getattr(each, name).minor for each in order.payments.each]


def test_each_payment_holds_its_part_and_the_last_what_is_left(
    oms: World, provider: Counting
) -> None:
    order = held(oms, provider, paid_by((GOOD, 1000), (GOOD, None)))
    assert order.state is State.AUTHORIZED
    assert minor(order, "authorized") == [1000, 2000]
    assert provider.keys == [f"{each.id}:authorize:1" for each in order.payments.each]


def test_all_of_them_are_taken_at_the_end_each_with_a_key_of_its_own(
    oms: World, provider: Counting
) -> None:
    order = delivered(oms, held(oms, provider, paid_by((GOOD, 1000), (GOOD, None))))
    order = capturing.settle(order.order_id, oms.orders, provider.named, CAUSE)
    assert order.state is State.COMPLETED
    assert minor(order, "captured") == [1000, 2000]
    captures = [key for key in provider.keys if ":capture:" in key]
    assert captures == [f"{each.id}:capture:1" for each in order.payments.each]


def test_one_that_is_declined_lets_go_of_the_others(oms: World, provider: Counting) -> None:
    order = sourced(oms, paid_by((GOOD, 1000), (DECLINED, 500), (GOOD, None)))
    for _ in range(2):
        with pytest.raises(PaymentDeclined):
            payment.authorize(order.order_id, oms.orders, provider.named, CAUSE)
    order = payment.close_cancelled(
        order.order_id, oms.orders, provider.named, "payment_declined", CAUSE
    )
    assert order.state is State.CANCELLED
    assert minor(order, "voided") == [1000, 0, 0]
    assert [each.status for each in order.payments.each] == ["voided", "declined", "new"]


def test_the_order_waits_for_the_slowest_of_them(oms: World, provider: Counting) -> None:
    order = sourced(oms, paid_by((GOOD, 1000), (PENDING, None)))
    waiting = payment.authorize(order.order_id, oms.orders, provider.named, CAUSE)
    assert (waiting.pending, waiting.expires_in_seconds) == (True, 3600)
    order = oms.orders.load(order.order_id)
    assert (order.state, order.status) == (State.SOURCED, "awaiting_card")


def test_what_is_due_no_longer_is_let_go_of_at_the_end(oms: World, provider: Counting) -> None:
    order = delivered(oms, held(oms, provider, paid_by((GOOD, 1000), (GOOD, None))))
    less = happened.UnitsCancelled((), 2500, "too many")
    order = oms.orders.commit(order, (less,), CAUSE)
    order = capturing.settle(order.order_id, oms.orders, provider.named, CAUSE)
    assert minor(order, "captured") == [500, 0]
    assert minor(order, "voided") == [500, 2000]
    assert order.payments.capturable.minor == 0


def test_what_is_paid_in_two_ways_goes_back_in_two_parts_and_is_told_once(
    oms: World, provider: Counting
) -> None:
    order = delivered(oms, held(oms, provider, paid_by((GOOD, 1000), (GOOD, None))))
    order = capturing.settle(order.order_id, oms.orders, provider.named, CAUSE)
    asked = refund_of(order, 2500, "broken", granted=2500)
    order = oms.orders.commit(order, (asked,), CAUSE)
    for _ in range(2):
        order = give_back(
            order.order_id, asked.refund_id, oms.orders, provider.named, no_credit, CAUSE
        )
    assert minor(order, "refunded") == [1000, 1500]
    told = [one.type for one in oms.orders.history(order.order_id)]
    assert (told.count("payment_refunded"), told.count("refund_completed")) == (2, 1)
    assert len({key for key in provider.keys if ":refund:" in key}) == 2


def test_nobody_who_reads_an_order_or_hears_of_it_learns_its_tokens(
    oms: World, provider: Counting
) -> None:
    order = held(oms, provider, paid_by((GOOD, 1000), (GOOD, None)))
    further = Payment("pay_x_3", "card", "simulator", money(100), token="pm_secret")
    order = oms.orders.commit(order, (happened.PaymentAdded(further),), CAUSE)
    history = oms.orders.history(order.order_id)
    shown = history_view(order.order_id, history).model_dump_json()
    told = str([publication_of(envelope) for envelope in history])
    for text in (shown, told):
        assert "pm_secret" not in text
        assert GOOD not in text


def test_what_costs_nothing_is_asked_of_nobody(oms: World, provider: Counting) -> None:
    free = replace(line("MUG", 1), discount=line("MUG", 1).net)
    order = held(oms, provider, content(free))
    assert (order.state, provider.keys) == (State.AUTHORIZED, [])
    order = capturing.settle(delivered(oms, order).order_id, oms.orders, provider.named, CAUSE)
    assert (order.state, provider.keys) == (State.COMPLETED, [])
