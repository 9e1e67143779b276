"""What left is taken with its shipment: of what is held, of what is held anew, and once."""

from dataclasses import replace
from datetime import timedelta

import pytest

from oms.kernel.errors import CapturePending, PaymentRefused, ProviderUnavailable
from oms.kernel.events import Cause
from oms.orders import capturing, decisions, paying, payment, taking, work
from oms.orders import events as happened
from oms.orders.model import (
    Allocation,
    CaptureOn,
    Content,
    FulfillmentState,
    Order,
    PaymentRequest,
    State,
)
from oms.orders.payment import Providers
from oms.payments.simulator import Simulator
from oms.reporting.waiting import needs_a_person
from tests.integration.payments.bookkeeper import DIES, LOST, SILENT, WRONG, Bookkeeper, Died
from tests.integration.world import World
from tests.samples import CAUSE, content, line, money

LATER = replace(CAUSE, at=CAUSE.at + timedelta(days=8))
NODES = ("sp-dc", "rj-store", "poa-store")


def an_order(
    *amounts: int | None, provider: str = "simulator", token: str = "4242424242424242"
) -> Content:
    """Three lines of 10.00, each from a node of its own, and 5.00 for shipping."""
    lines = (line("MUG"), line("TEE"), line("CAP"))
    asked = tuple(
        PaymentRequest(
            "card", provider, money(0), token, amount=None if amount is None else money(amount)
        )
        for amount in amounts or (None,)
    )
    return replace(
        content(*lines),
        shipping=money(500),
        total=money(3500),
        payments=asked,
        capture_on=CaptureOn.SHIPMENT,
    )


def released(oms: World, provider: Bookkeeper, of: Content) -> Order:
    order = oms.capture(of)
    held = tuple(
        Allocation(each.line_id, each.sku, node, each.quantity)
        for each, node in zip(of.lines, NODES, strict=True)
    )
    oms.orders.commit(order, (happened.OrderSourced(held, "rule", "why"),), CAUSE)
    payment.authorize(order.order_id, oms.orders, provider.named, CAUSE)
    order = oms.orders.load(order.order_id)
    return oms.orders.commit(order, decisions.release(order), CAUSE)


def ship(oms: World, order_id: str, number: int, cause: Cause = CAUSE) -> Order:
    order = oms.orders.load(order_id)
    part = order.progress.fulfillments[number]
    steps = (
        happened.FulfillmentAccepted(part.id),
        happened.FulfillmentPicked(part.id),
        happened.FulfillmentPacked(part.id),
    )
    order = oms.orders.commit(order, steps, cause)
    left = decisions.ship(order, part.id, "Correios", f"BR{number}")
    return oms.orders.commit(order, taking.with_captures(order, left), cause)


def carry_out(oms: World, provider: Bookkeeper, order_id: str, cause: Cause = CAUSE) -> Order:
    """As the queue does, one message for each that was asked for."""
    for asked in paying.open_captures(oms.orders.load(order_id)):
        capturing.capture(order_id, asked.key, oms.orders, provider.named, cause)
    return oms.orders.load(order_id)


def arrive(oms: World, order_id: str) -> Order:
    order = oms.orders.load(order_id)
    parts = order.progress.fulfillments
    shipped = [one for one in parts if one.state is FulfillmentState.SHIPPED]
    return oms.orders.commit(
        order, tuple(happened.FulfillmentDelivered(one.id) for one in shipped), CAUSE
    )


def settle(oms: World, provider: Bookkeeper, order_id: str, cause: Cause = CAUSE) -> Order:
    return capturing.settle(order_id, oms.orders, provider.named, cause)


def captured(order: Order) -> list[int]:
    return [one.captured.minor for one in order.payments.each]


def test_each_shipment_is_taken_as_it_leaves_and_the_shipping_with_the_first(oms: World) -> None:
    provider = Bookkeeper()
    order_id = released(oms, provider, an_order()).order_id

    taken = []
    for number in range(3):
        asked = ship(oms, order_id, number)
        assert asked.payments.capture_pending.minor
        taken.append(carry_out(oms, provider, order_id).payments.captured.minor)

    assert taken == [1500, 2500, 3500]
    arrive(oms, order_id)
    done = settle(oms, provider, order_id)
    assert (done.state, provider.total("captured")) == (State.COMPLETED, 3500)
    assert provider.done == {"authorize": 1, "capture": 3}


def test_nothing_is_asked_for_of_a_channel_that_takes_on_delivery(oms: World) -> None:
    provider = Bookkeeper()
    late = replace(an_order(), capture_on=CaptureOn.DELIVERY)
    order_id = released(oms, provider, late).order_id

    ship(oms, order_id, 0)

    assert paying.open_captures(oms.orders.load(order_id)) == ()


def test_what_is_cancelled_after_a_shipment_is_never_taken_and_its_hold_let_go_of(
    oms: World,
) -> None:
    provider = Bookkeeper()
    order_id = released(oms, provider, an_order()).order_id
    ship(oms, order_id, 0)
    order = carry_out(oms, provider, order_id)
    rest = [
        happened.FulfillmentReduced(part.id, work.as_units(part.units))
        for part in order.progress.fulfillments[1:]
    ]
    order = oms.orders.commit(order, rest, CAUSE)
    cancelled = work.cancel_open(order, {"TEE": 1, "MUG": 1}, "not_wanted")
    oms.orders.commit(order, cancelled, CAUSE)
    arrive(oms, order_id)

    done = settle(oms, provider, order_id)

    assert done.state is State.COMPLETED
    assert (provider.total("captured"), done.payments.voided.minor) == (1500, 2000)
    assert provider.done["void"] == 1


def test_shipments_are_taken_of_one_payment_and_then_of_the_next(oms: World) -> None:
    provider = Bookkeeper()
    order_id = released(oms, provider, an_order(2000, None)).order_id

    for number in range(2):
        ship(oms, order_id, number)
        order = carry_out(oms, provider, order_id)

    assert captured(order) == [2000, 500]


def test_what_a_first_capture_lets_go_of_is_held_anew_for_the_next_shipment(oms: World) -> None:
    provider = Bookkeeper(captures_once=True)
    order_id = released(oms, provider, an_order(provider="stripe", token="pm_1")).order_id
    ship(oms, order_id, 0)
    first = carry_out(oms, provider, order_id)
    assert (captured(first), first.payments.capturable.minor) == ([1500], 0)

    for number in (1, 2):
        ship(oms, order_id, number)
        order = carry_out(oms, provider, order_id)

    one, two, three = order.payments.each
    assert captured(order) == [1500, 1000, 1000]
    assert (two.renews, three.renews) == (one.id, two.id)
    assert order.token_of(three) == "pm_1"
    assert provider.total("captured") == 3500
    arrive(oms, order_id)
    assert settle(oms, provider, order_id).state is State.COMPLETED


def test_two_shipments_at_once_are_not_both_taken_of_a_hold_that_is_captured_once(
    oms: World,
) -> None:
    provider = Bookkeeper(captures_once=True)
    order_id = released(oms, provider, an_order(provider="stripe", token="pm_1")).order_id
    ship(oms, order_id, 0)
    ship(oms, order_id, 1)

    order = carry_out(oms, provider, order_id)

    assert captured(order) == [1500, 1000]
    assert provider.total("captured") == 2500
    assert order.payments.capture_pending.minor == 0


def test_the_rest_of_an_order_is_held_anew_at_the_end_where_it_was_let_go_of(oms: World) -> None:
    provider = Bookkeeper(captures_once=True)
    of = an_order(provider="stripe", token="pm_1")
    order_id = released(oms, provider, of).order_id
    ship(oms, order_id, 0)
    order = carry_out(oms, provider, order_id)
    steps = [
        step
        for part in order.progress.fulfillments[1:]
        for step in (
            happened.FulfillmentAccepted(part.id),
            happened.FulfillmentPicked(part.id),
            happened.FulfillmentPacked(part.id),
            happened.FulfillmentShipped(part.id, "Correios", "BR9"),
        )
    ]
    oms.orders.commit(order, steps, CAUSE)
    arrive(oms, order_id)

    done = settle(oms, provider, order_id)

    assert (done.state, captured(done)) == (State.COMPLETED, [1500, 2000])


def test_a_hold_is_used_up_also_when_only_the_provider_s_report_says_so(oms: World) -> None:
    provider = Bookkeeper(captures_once=True)
    of = an_order(provider="stripe", token="pm_1")
    order_id = released(oms, provider, of).order_id
    order = ship(oms, order_id, 0)
    (asked,) = paying.open_captures(order)
    provider.faults = [DIES]
    with pytest.raises(Died):
        carry_out(oms, provider, order_id)
    told = paying.capture_made(order, replace(asked, provider_reference="ch_1"))
    order = oms.orders.commit(order, told, CAUSE)
    assert order.payments.capturable.minor == 2000
    steps = [
        happened.FulfillmentShipped(part.id, "Correios", "BR9")
        for part in order.progress.fulfillments[1:]
    ]
    oms.orders.commit(order, steps, CAUSE)
    arrive(oms, order_id)

    done = settle(oms, provider, order_id)

    assert (done.state, captured(done)) == (State.COMPLETED, [1500, 2000])
    assert provider.total("captured") == 3500


def test_a_hold_that_expired_is_let_go_of_and_held_anew(oms: World) -> None:
    provider = Bookkeeper()
    order_id = released(oms, provider, an_order()).order_id
    provider.expire()
    ship(oms, order_id, 0)

    order = carry_out(oms, provider, order_id)

    first, second = order.payments.each
    assert (first.capturable.minor, first.voided.minor, first.captured.minor) == (0, 3500, 0)
    assert (second.renews, second.authorized.minor, second.captured.minor) == (
        first.id,
        3500,
        1500,
    )
    assert not needs_a_person(order)


@pytest.mark.parametrize("captures_once", [True, False])
def test_an_expired_hold_that_was_captured_before_is_not_captured_again(
    oms: World, captures_once: bool
) -> None:
    """The process died between the answer and its record, and then the hold expired."""
    provider = Bookkeeper(captures_once=captures_once)
    order_id = released(oms, provider, an_order(provider="stripe", token="pm_1")).order_id
    ship(oms, order_id, 0)
    provider.faults = [DIES]
    with pytest.raises(Died):
        carry_out(oms, provider, order_id)
    provider.expire()

    order = carry_out(oms, provider, order_id, LATER)

    assert captured(order) == [1500]
    assert (provider.total("captured"), provider.done["capture"]) == (1500, 1)


def test_a_provider_whose_holds_expire_at_once_is_not_asked_for_ever(oms: World) -> None:
    provider = Bookkeeper(holds_nothing=True)
    order_id = released(oms, provider, an_order()).order_id
    ship(oms, order_id, 0)

    order = carry_out(oms, provider, order_id)

    assert order.progress.unpaid == "capture: authorization_expired"
    assert len(order.payments.each) == 4
    assert paying.open_captures(order) == ()


def test_a_second_shipment_waits_for_the_first_where_that_is_not_decided(oms: World) -> None:
    provider = Bookkeeper(captures_once=True, decides_later=True)
    order_id = released(oms, provider, an_order(provider="stripe", token="pm_1")).order_id
    ship(oms, order_id, 0)
    ship(oms, order_id, 1)

    order = carry_out(oms, provider, order_id)

    assert len(paying.open_captures(order)) == 2
    assert len({key for key in provider.keys if ":capture:" in key}) == 1


def test_a_renewal_that_is_declined_is_left_to_a_person_and_can_be_tried_again(
    oms: World,
) -> None:
    provider = Bookkeeper()
    order = released(oms, provider, an_order())
    order_id = order.order_id
    provider.expire()
    provider.declines = {order.payments.each[0].id[:-1] + "2"}
    ship(oms, order_id, 0)

    order = carry_out(oms, provider, order_id)

    assert order.progress.unpaid == "capture: authorization_declined"
    assert (order.status, needs_a_person(order)) == ("payment_failed", True)
    assert order.payments.captured.minor == 0

    tried = oms.orders.commit(order, taking.try_again(order), CAUSE)
    assert not needs_a_person(tried)
    order = carry_out(oms, provider, order_id)
    assert captured(order) == [0, 0, 1500]
    assert order.payments.each[2].renews == order.payments.each[1].id


def test_a_provider_that_is_silent_leaves_the_capture_open_and_is_asked_with_the_same_key(
    oms: World,
) -> None:
    provider = Bookkeeper()
    order_id = released(oms, provider, an_order()).order_id
    ship(oms, order_id, 0)
    provider.faults = [SILENT, LOST, WRONG]
    for _ in range(3):
        with pytest.raises(ProviderUnavailable):
            carry_out(oms, provider, order_id)

    told = [entry.type for entry in oms.orders.history(order_id)]
    assert told.count("payment_unknown") == 1
    order = carry_out(oms, provider, order_id)
    assert captured(order) == [1500]
    assert provider.done["capture"] == 1
    assert len({key for key in provider.keys if ":capture:" in key}) == 1


def test_what_nobody_knows_after_all_is_left_to_a_person_until_it_is_known(oms: World) -> None:
    provider = Bookkeeper()
    order_id = released(oms, provider, an_order()).order_id
    asked = ship(oms, order_id, 0)
    payment_id = asked.payments.each[0].id
    provider.faults = [SILENT]
    with pytest.raises(ProviderUnavailable):
        carry_out(oms, provider, order_id)
    for _ in range(2):
        stuck = capturing.leave_to_a_person(order_id, payment_id, "capture", oms.orders, CAUSE)
    assert needs_a_person(stuck)

    order = carry_out(oms, provider, order_id)

    assert not needs_a_person(order)
    assert captured(order) == [1500]


def test_an_order_is_not_completed_while_a_capture_is_not_decided(oms: World) -> None:
    simulator = Simulator()
    order_id = _through_the_simulator(oms, lambda name: simulator, "capture_pending")

    for _ in range(2):
        with pytest.raises(CapturePending):
            capturing.settle(order_id, oms.orders, lambda name: simulator, CAUSE)

    order = oms.orders.load(order_id)
    assert order.payments.capture_pending == order.content.total
    told = paying.collect_payment(order, 3500, "sim_later", "simulator:evt_1")
    oms.orders.commit(order, told, CAUSE)
    again = oms.orders.load(order_id)
    assert paying.collect_payment(again, 3500, "sim_later", "simulator:evt_2") == ()
    done = capturing.settle(order_id, oms.orders, lambda name: simulator, CAUSE)
    assert (done.state, captured(done)) == (State.COMPLETED, [3500])


def test_a_capture_that_is_declined_on_delivery_is_asked_for_once_until_a_person_says_so(
    oms: World,
) -> None:
    simulator = Simulator()
    order_id = _through_the_simulator(oms, lambda name: simulator, "4000000000000341")

    with pytest.raises(PaymentRefused) as refused:
        capturing.settle(order_id, oms.orders, lambda name: simulator, CAUSE)

    assert refused.value.problem_code == "capture_refused"
    order = oms.orders.load(order_id)
    assert order.progress.unpaid == "capture: capture_declined"
    assert order.payments.capturable == order.content.total


def test_what_expired_before_the_delivery_is_held_anew_and_taken(oms: World) -> None:
    now = [CAUSE.at]
    simulator = Simulator(clock=lambda: now[0])
    order_id = _through_the_simulator(oms, lambda name: simulator, "authorization_expires")
    now[0] = LATER.at

    done = capturing.settle(order_id, oms.orders, lambda name: simulator, LATER)

    assert (done.state, captured(done)) == (State.COMPLETED, [0, 3500])
    assert done.payments.each[0].voided == done.content.total


def _through_the_simulator(oms: World, providers: Providers, token: str) -> str:
    """Delivered, and nothing taken of it."""
    of = replace(an_order(token=token), capture_on=CaptureOn.DELIVERY)
    order = oms.capture(of)
    held = tuple(
        Allocation(each.line_id, each.sku, node, each.quantity)
        for each, node in zip(of.lines, NODES, strict=True)
    )
    oms.orders.commit(order, (happened.OrderSourced(held, "rule", "why"),), CAUSE)
    payment.authorize(order.order_id, oms.orders, providers, CAUSE)
    order = oms.orders.load(order.order_id)
    oms.orders.commit(order, decisions.release(order), CAUSE)
    for number in range(3):
        ship(oms, order.order_id, number)
    arrive(oms, order.order_id)
    return order.order_id
