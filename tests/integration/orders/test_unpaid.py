"""Who hears of money that could not be taken, until when, and what a cancelled order takes."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from oms.kernel.errors import Conflict, PaymentRefused, ProviderUnavailable
from oms.kernel.events import Envelope
from oms.orders import by_hand, capturing, decisions, exceptions, paying, payment, reported, taking
from oms.orders import events as happened
from oms.orders.adding_payment import Added, Means, add_payment
from oms.orders.by_hand import Receipt
from oms.orders.model import Content, Order, PaymentRequest, State
from oms.orders.rerouting import Router
from oms.payments.callbacks import CallbackType, PaymentCallback
from oms.payments.model import Payment
from oms.payments.providers import (
    AuthorizationRequest,
    CaptureRequest,
    ProviderOutcome,
    VoidRequest,
)
from oms.reporting.waiting import needs_a_person
from oms.routing.policies import BuiltIn
from tests.integration.orders.test_capture_per_shipment import (
    an_order,
    arrive,
    captured,
    carry_out,
    released,
    settle,
    ship,
)
from tests.integration.orders.test_payment import NO_CAPTURE, Counting
from tests.integration.payments.bookkeeper import LOST, SILENT, WRONG, Bookkeeper
from tests.integration.world import World
from tests.samples import CAUSE, content, money


def an_order_of_two_cards(first: str) -> Content:
    """15.00 on a card of the token ``first``, the rest on one that works."""
    of = an_order(1500, None)
    bad, good = of.payments
    return replace(of, payments=(replace(bad, token=first), good))


def retried(oms: World, order_id: str) -> Order:
    router = Router(oms.orders, oms.stock, oms.catalog, BuiltIn())
    return exceptions.resolve(order_id, exceptions.Resolution("retry"), router, CAUSE)


def asked_last(oms: World, order_id: str) -> Envelope:
    return [one for one in oms.orders.history(order_id) if one.type == "capture_requested"][-1]


def test_one_card_that_pays_does_not_hide_that_another_did_not(oms: World) -> None:
    provider = Counting()
    order_id = released(oms, provider, an_order_of_two_cards(NO_CAPTURE)).order_id  # type: ignore[arg-type]
    for number in range(2):
        ship(oms, order_id, number)
        order = carry_out(oms, provider, order_id)  # type: ignore[arg-type]

    assert captured(order) == [0, 1000]
    assert order.status == "payment_failed"
    assert needs_a_person(order)


def test_a_retry_of_what_nobody_knows_asks_once_more_with_the_same_key(oms: World) -> None:
    provider = Bookkeeper()
    order_id = released(oms, provider, an_order()).order_id
    ship(oms, order_id, 0)
    first = asked_last(oms, order_id)
    provider.faults = [SILENT]
    with pytest.raises(ProviderUnavailable):
        carry_out(oms, provider, order_id)
    payment_id = str(first.data["payment_id"])
    capturing.leave_to_a_person(order_id, payment_id, "capture", oms.orders, CAUSE)

    retried(oms, order_id)

    again = asked_last(oms, order_id)
    assert again.id != first.id
    assert again.data["reference"] == first.data["reference"]
    order = carry_out(oms, provider, order_id)
    assert (captured(order), needs_a_person(order)) == ([1500], False)


def test_what_a_provider_refuses_to_take_is_left_to_a_person(oms: World) -> None:
    provider = Bookkeeper()
    order_id = released(oms, provider, an_order()).order_id
    ship(oms, order_id, 0)
    (account,) = provider.book.values()
    account.open = False

    order = carry_out(oms, provider, order_id)

    assert order.progress.unpaid == "capture: payment_provider_refused"
    assert needs_a_person(order)
    assert not order.payments.capture_pending


def test_what_may_have_been_taken_stays_open_when_it_is_refused_later(oms: World) -> None:
    provider = Bookkeeper(faults=["", LOST])
    order_id = released(oms, provider, an_order()).order_id
    ship(oms, order_id, 0)
    with pytest.raises(ProviderUnavailable):
        carry_out(oms, provider, order_id)

    def refused(request: CaptureRequest) -> ProviderOutcome:
        raise PaymentRefused("the credentials are wrong")

    locked_out = Bookkeeper(book=provider.book)
    locked_out.capture = refused  # type: ignore[method-assign]
    order = carry_out(oms, locked_out, order_id)
    assert needs_a_person(order)
    assert order.payments.capture_pending == money(1500)

    retried(oms, order_id)
    order = carry_out(oms, provider, order_id)
    assert (captured(order), provider.total("captured")) == ([1500], 1500)
    assert not needs_a_person(order)


def by_hand_and_then_cancelled(oms: World, provider: Bookkeeper) -> str:
    order = released(oms, provider, replace(an_order(), capture_on=content().capture_on))
    order_id, payment_id = order.order_id, order.payments.each[0].id
    by_hand.request_capture(order_id, payment_id, money(1000), "k", oms.orders, CAUSE)
    return order_id


def cancelled(oms: World, provider: Bookkeeper, order_id: str) -> Order:
    order = oms.orders.load(order_id)
    oms.orders.commit(order, decisions.request_cancel(order, "changed mind"), CAUSE)
    return payment.close_cancelled(order_id, oms.orders, provider.named, "requested", CAUSE)


def test_what_was_asked_for_before_an_order_was_cancelled_is_not_taken_any_more(
    oms: World,
) -> None:
    provider = Bookkeeper()
    order_id = by_hand_and_then_cancelled(oms, provider)
    (asked,) = paying.open_captures(oms.orders.load(order_id))
    cancelled(oms, provider, order_id)

    capturing.capture(order_id, asked.key, oms.orders, provider.named, CAUSE)
    (wanted,) = [one for one in oms.orders.history(order_id) if one.type == "void_requested"]
    assert wanted.data["amount"] == 1000
    payment.void_late_authorization(order_id, oms.orders, provider.named, CAUSE)

    order = oms.orders.load(order_id)
    assert provider.total("captured") == 0
    assert not any(account.open for account in provider.book.values())
    assert (captured(order), order.progress.refunds) == ([0], ())
    assert order.state is State.CANCELLED
    assert not needs_a_person(order)


def test_what_may_have_been_taken_before_an_order_was_cancelled_is_asked_again_and_given_back(
    oms: World,
) -> None:
    provider = Bookkeeper()
    order_id = by_hand_and_then_cancelled(oms, provider)
    (asked,) = paying.open_captures(oms.orders.load(order_id))
    provider.faults = [WRONG]
    with pytest.raises(ProviderUnavailable):
        capturing.capture(order_id, asked.key, oms.orders, provider.named, CAUSE)
    cancelled(oms, provider, order_id)

    capturing.capture(order_id, asked.key, oms.orders, provider.named, CAUSE)

    order = oms.orders.load(order_id)
    (refund,) = order.progress.refunds
    assert (captured(order), refund.amount) == ([provider.total("captured")], 1000)


class Interrupted(Bookkeeper):
    """Something else happens while it takes, or lets go."""

    meanwhile: Callable[[], object] = staticmethod(lambda: None)

    def capture(self, request: CaptureRequest) -> ProviderOutcome:
        answer = super().capture(request)
        self.interrupt()
        return answer

    def void(self, request: VoidRequest) -> ProviderOutcome:
        answer = super().void(request)
        self.interrupt()
        return answer

    def interrupt(self) -> None:
        meanwhile, self.meanwhile = self.meanwhile, lambda: None
        meanwhile()


def test_what_is_asked_for_beside_the_settlement_and_cannot_be_had_any_more_needs_nobody(
    oms: World,
) -> None:
    provider = Interrupted()
    order = released(oms, provider, replace(an_order(), capture_on=content().capture_on))
    order_id, payment_id = order.order_id, order.payments.each[0].id
    for number in range(3):
        ship(oms, order_id, number)
    arrive(oms, order_id)
    provider.meanwhile = lambda: by_hand.request_capture(
        order_id, payment_id, money(1000), "k", oms.orders, CAUSE
    )

    settle(oms, provider, order_id)
    order = carry_out(oms, provider, order_id)

    assert (captured(order), order.state) == ([3500], State.COMPLETED)
    assert not order.payments.capture_pending
    assert not needs_a_person(order)


def test_a_receipt_of_a_part_leaves_the_rest_to_a_person(oms: World) -> None:
    order = oms.capture(
        replace(content(), payments=(PaymentRequest("bank_transfer", "bank", money(0), ""),))
    )
    order_id, payment_id = order.order_id, order.payments.each[0].id
    oms.orders.commit(order, taking.leave_to_a_person(order, payment_id, "capture", "x"), CAUSE)

    def received(minor: int, reference: str) -> bool:
        receipt = Receipt(money(minor), reference)
        by_hand.record_receipt(order_id, payment_id, receipt, oms.orders, CAUSE)
        return bool(oms.orders.load(order_id).progress.unpaid)

    assert received(1000, "r1")
    assert not received(2000, "r2")


def test_a_dispute_that_is_won_for_a_cancelled_order_gives_its_money_back(oms: World) -> None:
    provider = Bookkeeper()
    order = oms.capture(content())
    payment_id = order.payments.each[0].id

    def told(kind: CallbackType, reference: str) -> Order:
        found = oms.orders.load(order.order_id)
        callback = PaymentCallback(reference, kind, payment_id, money(3000), reference)
        events = reported.decide(found, callback, f"simulator:{reference}")
        return oms.orders.commit(found, events, CAUSE) if events else found

    told("payment.captured", "c1")
    told("payment.charged_back", "d1")
    closed = cancelled(oms, provider, order.order_id)
    assert closed.progress.refunds == ()

    won = told("payment.charge_back_reversed", "w1")

    (refund,) = won.progress.refunds
    assert refund.amount == 3000
    assert told("payment.charge_back_reversed", "w1").progress.refunds == won.progress.refunds


def test_what_is_asked_for_at_the_end_is_what_is_due_then(oms: World) -> None:
    """One card of two is asked while the other one is captured by hand."""
    provider = Interrupted()
    of = replace(an_order(1500, None), capture_on=content().capture_on)
    order = released(oms, provider, of)
    order_id, second = order.order_id, order.payments.each[1].id
    for number in range(3):
        ship(oms, order_id, number)
    arrive(oms, order_id)

    def by_a_person() -> None:
        by_hand.request_capture(order_id, second, None, "k", oms.orders, CAUSE)
        carry_out(oms, provider, order_id)

    provider.meanwhile = by_a_person
    done = settle(oms, provider, order_id)

    assert (captured(done), done.state) == ([1500, 2000], State.COMPLETED)
    assert provider.total("captured") == 3500
    assert done.progress.refunds == ()
    assert "payment_failed" not in {one.type for one in oms.orders.history(order_id)}


class NotKnowing(Bookkeeper):
    """A provider that has never heard of the means of payment."""

    unheard_of: bool = True

    def authorize(self, request: AuthorizationRequest) -> ProviderOutcome:
        if self.unheard_of:
            raise PaymentRefused("no such payment method")
        return super().authorize(request)


def test_a_further_payment_that_is_never_accepted_makes_room_for_another(oms: World) -> None:
    provider = NotKnowing()
    order = oms.capture(content())
    payment_id = order.payments.each[0].id
    oms.orders.commit(order, paying.decline_payment(order, "no_funds", "d", payment_id), CAUSE)

    def added(key: str) -> Added:
        return add_payment(order.order_id, Means("card", "simulator"), key, oms.orders, CAUSE)

    first = added("k1").payment.id
    payment.hold_added(order.order_id, first, oms.orders, provider.named, CAUSE)
    found = oms.orders.load(order.order_id)

    assert found.payments.find(first).status == "declined"
    assert added("k2").payment.amount == money(3000)


def test_a_further_payment_that_may_be_held_after_all_is_not_taken_to_be_declined(
    oms: World,
) -> None:
    provider = NotKnowing(faults=[LOST])
    provider.unheard_of = False
    order = oms.capture(content())
    payment_id = order.payments.each[0].id
    oms.orders.commit(order, paying.decline_payment(order, "no_funds", "d", payment_id), CAUSE)
    means = Means("card", "simulator")
    added = add_payment(order.order_id, means, "k1", oms.orders, CAUSE).payment.id
    with pytest.raises(ProviderUnavailable):
        payment.hold_added(order.order_id, added, oms.orders, provider.named, CAUSE)
    provider.unheard_of = True

    with pytest.raises(PaymentRefused):
        payment.hold_added(order.order_id, added, oms.orders, provider.named, CAUSE)

    assert oms.orders.load(order.order_id).payments.find(added).status == "unknown"


def test_what_is_never_held_anew_is_left_to_a_person_and_can_be_tried_again(oms: World) -> None:
    provider = NotKnowing()
    provider.unheard_of = False
    order_id = released(oms, provider, an_order()).order_id
    provider.expire()
    ship(oms, order_id, 0)
    provider.unheard_of = True

    order = carry_out(oms, provider, order_id)
    assert order.progress.unpaid == "capture: payment_provider_refused"
    assert paying.open_captures(order) == ()

    provider.unheard_of = False
    retried(oms, order_id)
    order = carry_out(oms, provider, order_id)
    assert (order.payments.captured, needs_a_person(order)) == (money(1500), False)


def a_further_hold(oms: World, provider: Bookkeeper, order_id: str) -> None:
    """7.00 more are due, for which a card was added, and its hold answers now."""
    order = oms.orders.load(order_id)
    further = Payment(f"{order.payments.each[0].id[:-1]}2", "card", "simulator", money(700))
    oms.orders.commit(order, (happened.PaymentAdded(further),), CAUSE)
    payment.hold_added(order_id, further.id, oms.orders, provider.named, CAUSE)


def nothing_is_held(oms: World, provider: Bookkeeper, order_id: str) -> None:
    payment.void_late_authorization(order_id, oms.orders, provider.named, CAUSE)
    assert not any(one.open and one.held > one.captured for one in provider.book.values())
    assert not oms.orders.load(order_id).payments.capturable


def test_what_is_held_while_an_order_is_closed_is_let_go_of(oms: World) -> None:
    provider = Interrupted()
    order_id = released(oms, provider, an_order()).order_id
    provider.meanwhile = lambda: a_further_hold(oms, provider, order_id)

    cancelled(oms, provider, order_id)

    assert oms.orders.history(order_id)[-1].type == "order_cancelled"
    assert "void_requested" in {one.type for one in oms.orders.history(order_id)}
    nothing_is_held(oms, provider, order_id)


def test_what_is_held_while_an_order_is_settled_is_let_go_of(oms: World) -> None:
    provider = Interrupted()
    of = replace(an_order(), capture_on=content().capture_on)
    order_id = released(oms, provider, of).order_id
    for number in range(3):
        ship(oms, order_id, number)
    arrive(oms, order_id)
    provider.meanwhile = lambda: a_further_hold(oms, provider, order_id)

    done = settle(oms, provider, order_id)

    assert done.state is State.COMPLETED
    assert "void_requested" in {one.type for one in oms.orders.history(order_id)}
    nothing_is_held(oms, provider, order_id)


def test_disputes_without_a_name_are_counted_each_and_a_named_one_has_one_amount(
    oms: World,
) -> None:
    order = oms.capture(content())
    payment_id = order.payments.each[0].id

    def told(event: str, minor: int, reference: str) -> int:
        found = oms.orders.load(order.order_id)
        callback = PaymentCallback(
            event, "payment.charged_back", payment_id, money(minor), reference
        )
        events = reported.decide(found, callback, f"simulator:{event}")
        after = oms.orders.commit(found, events, CAUSE) if events else found
        return after.payments.each[0].balances.charged_back

    assert [told("e1", 500, ""), told("e2", 300, ""), told("e2", 300, "")] == [500, 800, 800]
    assert told("e3", 100, "d1") == 900
    with pytest.raises(Conflict) as refused:
        told("e4", 200, "d1")
    assert refused.value.problem_code == "payment_entry_mismatch"


@pytest.mark.parametrize("method", ["pix", "boleto", "bank_transfer"])
def test_what_a_customer_has_yet_to_pay_is_nothing_that_failed(oms: World, method: str) -> None:
    provider = Counting()
    of = replace(an_order(), capture_on=content().capture_on)
    order_id = released(oms, provider, of).order_id  # type: ignore[arg-type]
    for number in range(3):
        ship(oms, order_id, number)
    arrive(oms, order_id)
    order = oms.orders.load(order_id)
    oms.orders.commit(order, (happened.LinesAdded((), 700),), CAUSE)

    means = Means(method, "simulator", "")
    added = add_payment(order_id, means, "k", oms.orders, CAUSE).payment
    payment.hold_added(order_id, added.id, oms.orders, provider.named, CAUSE)
    order = carry_out(oms, provider, order_id)  # type: ignore[arg-type]

    assert order.payments.find(added.id).status == "pending"
    assert not needs_a_person(order)


def test_an_order_of_which_more_came_to_be_due_is_not_completed_unpaid(oms: World) -> None:
    provider = Interrupted()
    of = replace(an_order(), capture_on=content().capture_on)
    order_id = released(oms, provider, of).order_id
    for number in range(3):
        ship(oms, order_id, number)
    arrive(oms, order_id)

    def more_is_due() -> None:
        order = oms.orders.load(order_id)
        oms.orders.commit(order, (happened.LinesAdded((), 700),), CAUSE)

    provider.meanwhile = more_is_due
    with pytest.raises(PaymentRefused) as refused:
        settle(oms, provider, order_id)
    assert refused.value.problem_code == "capture_above_authorized"
    assert captured(oms.orders.load(order_id)) == [3500]

    add_payment(order_id, Means("card", "simulator", "tok"), "k", oms.orders, CAUSE)
    done = settle(oms, provider, order_id)

    assert (captured(done), done.state) == ([3500, 700], State.COMPLETED)
    assert provider.total("captured") == 4200
