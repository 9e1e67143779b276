"""Given these events, when this command, then these events."""

from collections.abc import Callable

import pytest

from oms.kernel.errors import Conflict, NotFound, OrderCancelRequested
from oms.kernel.ids import fulfillment_id, payment_id, refund_id
from oms.orders import decisions, paying, repaying
from oms.orders import events as happened
from oms.orders.decisions import Events
from oms.orders.events import Event
from oms.orders.model import Allocation, Counts, Order, State
from tests.samples import NOW, allocated, captured, given, line

FULFILLMENT = fulfillment_id(captured().order_id, 1)
PAYMENT = payment_id(captured().order_id, 1)
REFUND = refund_id(captured().order_id, 1)

SOURCED = happened.OrderSourced(allocated(captured()), "rule", "because")
AUTHORIZED = happened.PaymentAuthorized(PAYMENT, 3000, "auth-1", "authorize:1")
TAKEN = paying.Taken(PAYMENT, 3000, "capture:1", "capture-1")
CAPTURED = happened.PaymentCaptured(
    PAYMENT, 3000, "capture:1", "capture:1", provider_reference="capture-1"
)


def sourced() -> Order:
    return given(captured(), SOURCED)


def authorized() -> Order:
    return given(sourced(), AUTHORIZED)


def released() -> Order:
    return given(authorized(), *decisions.release(authorized()))


def packed() -> Order:
    return given(
        released(),
        happened.FulfillmentAccepted(FULFILLMENT),
        happened.FulfillmentPicked(FULFILLMENT),
        happened.FulfillmentPacked(FULFILLMENT),
    )


def shipped() -> Order:
    return given(packed(), happened.FulfillmentShipped(FULFILLMENT, "Correios", "BR1"))


def delivered() -> Order:
    return given(shipped(), happened.FulfillmentDelivered(FULFILLMENT))


def completed() -> Order:
    return given(delivered(), *paying.settle(delivered(), [TAKEN]))


def cancelling() -> Order:
    return given(released(), happened.CancelRequested("changed my mind"))


def withdrawn() -> Order:
    return given(cancelling(), *decisions.withdraw(cancelling()))


def cancelled() -> Order:
    order = given(withdrawn(), happened.ReservationReleased())
    return given(order, *paying.close_cancelled(order, "cancel_requested"))


@pytest.mark.parametrize(
    ("order", "state", "status"),
    [
        (captured, State.CAPTURED, "new"),
        (sourced, State.SOURCED, "reserved"),
        (authorized, State.AUTHORIZED, "ready_to_release"),
        (released, State.RELEASED, "waiting_for_node"),
        (packed, State.RELEASED, "ready_to_ship"),
        (shipped, State.SHIPPED, "in_transit"),
        (delivered, State.DELIVERED, "settling"),
        (completed, State.COMPLETED, "completed"),
        (cancelling, State.RELEASED, "cancelling"),
        (cancelled, State.CANCELLED, "cancelled"),
    ],
)
def test_each_rung_has_its_state_and_says_what_goes_on(
    order: Callable[[], Order], state: State, status: str
) -> None:
    assert (order().state, order().status) == (state, status)


def test_sourcing_reserves_every_unit() -> None:
    order = given(captured(), *decisions.source(captured(), allocated(captured()), "rule", "why"))
    assert order.progress.counts == (Counts(reserved=2), Counts(reserved=1))


def test_an_order_that_is_sourced_is_not_sourced_again() -> None:
    assert decisions.source(authorized(), allocated(captured()), "rule", "why") == ()


def test_no_step_up_is_taken_while_the_order_is_being_cancelled() -> None:
    order = given(captured(), happened.CancelRequested("no longer"))
    with pytest.raises(OrderCancelRequested):
        decisions.source(order, allocated(order), "rule", "why")
    with pytest.raises(OrderCancelRequested):
        decisions.release(given(authorized(), happened.CancelRequested("no longer")))


def test_a_backordered_order_says_which_lines_it_lacks() -> None:
    order = given(captured(), *decisions.backorder(captured(), ("MUG",), "no MUG"))
    assert order.status == "backordered"
    assert order.progress.counts == (Counts(backordered=2), Counts())
    assert decisions.backorder(order, ("MUG",), "no MUG") == ()


def test_release_makes_one_fulfilment_for_each_node() -> None:
    here, there = allocated(captured())
    order = given(
        captured(),
        happened.OrderSourced(
            (here, Allocation(there.line_id, there.sku, "rj-store", 1)), "rule", "split"
        ),
        AUTHORIZED,
    )
    (event,) = decisions.release(order)
    assert isinstance(event, happened.OrderReleased)
    assert [(part.node, len(part.lines)) for part in event.fulfillments] == [
        ("rj-store", 1),
        ("sp-dc", 1),
    ]


def test_a_fulfilment_never_has_more_lines_than_one_transaction_ships() -> None:
    many = captured(*(line(f"S{number}") for number in range(100)))
    order = given(
        many,
        happened.OrderSourced(allocated(many), "rule", "why"),
        happened.PaymentAuthorized(PAYMENT, many.content.total.minor, "a", "k"),
    )
    (event,) = decisions.release(order)
    assert isinstance(event, happened.OrderReleased)
    assert [len(part.lines) for part in event.fulfillments] == [45, 45, 10]


def test_release_waits_for_the_money() -> None:
    with pytest.raises(Conflict, match="not authorized"):
        decisions.release(sourced())


@pytest.mark.parametrize(
    ("order", "step", "code"),
    [
        (released, decisions.pick, "illegal_transition"),
        (released, decisions.pack, "illegal_transition"),
        (released, decisions.deliver, "illegal_transition"),
        (packed, decisions.deliver, "illegal_transition"),
        (cancelling, decisions.accept, "cancelling"),
        (withdrawn, decisions.accept, "illegal_transition"),
        (packed, decisions.accept, "illegal_transition"),
    ],
)
def test_a_node_cannot_take_a_step_that_is_not_the_next(
    order: Callable[[], Order], step: Callable[[Order, str], Events], code: str
) -> None:
    with pytest.raises(Conflict) as refused:
        step(order(), FULFILLMENT)
    assert refused.value.problem_code == code


def test_a_step_that_was_taken_is_not_taken_again() -> None:
    assert decisions.pack(packed(), FULFILLMENT) == ()
    assert decisions.ship(shipped(), FULFILLMENT, "Correios", "BR1") == ()
    assert decisions.deliver(delivered(), FULFILLMENT) == ()


def test_a_parcel_is_not_shipped_twice_under_two_numbers() -> None:
    with pytest.raises(Conflict, match="another tracking number"):
        decisions.ship(shipped(), FULFILLMENT, "Correios", "BR2")


def test_there_is_no_step_for_work_that_does_not_exist() -> None:
    with pytest.raises(NotFound):
        decisions.accept(released(), fulfillment_id(captured().order_id, 9))


def test_settling_takes_the_money_and_completes_the_order() -> None:
    assert paying.amount_to_capture(delivered()) == 3000
    assert paying.settle(delivered(), [TAKEN]) == (
        CAPTURED,
        happened.OrderCompleted(),
    )
    assert paying.settle(completed(), [TAKEN]) == ()


def test_money_that_was_taken_before_is_not_taken_again() -> None:
    order = given(sourced(), *paying.collect_payment(sourced(), 3000, "ref", "collected"))
    assert order.state is State.AUTHORIZED
    assert paying.amount_to_capture(order) == 0
    assert paying.collect_payment(order, 3000, "ref", "collected") == ()


def test_a_payment_that_was_declined_and_then_called_back_stays_declined_once() -> None:
    declined = given(sourced(), *paying.decline_payment(sourced(), "card_declined", "k1"))
    assert paying.decline_payment(declined, "card_declined", "k2") == ()


def test_a_decline_after_the_authorisation_changes_nothing() -> None:
    assert paying.decline_payment(authorized(), "late", "k9") == ()


def test_a_cancelled_order_voids_what_was_held_and_closes_every_line() -> None:
    order = cancelled()
    assert order.payments.capturable.minor == 0
    assert order.payments.voided.minor == 3000
    assert order.progress.counts == (Counts(cancelled=2), Counts(cancelled=1))
    assert order.progress.refunds == ()


def test_a_cancelled_order_refunds_what_was_taken() -> None:
    paid = given(sourced(), *paying.collect_payment(sourced(), 3000, "pix-1", "pix:1"))
    order = given(paid, *paying.close_cancelled(paid, "cancel_requested"))
    assert [(refund.id, refund.amount) for refund in order.progress.refunds] == [(REFUND, 3000)]
    assert order.status == "refunding"
    order = given(order, *repaying.refund_paid(order, REFUND, 3000, "r", "k"))
    assert order.status == "refunded"
    assert repaying.refund_paid(order, REFUND, 3000, "r", "k") == ()


def test_a_refund_that_the_provider_refuses_is_visible() -> None:
    paid = given(sourced(), *paying.collect_payment(sourced(), 3000, "pix-1", "pix:1"))
    order = given(paid, *paying.close_cancelled(paid, "cancel_requested"))
    order = given(order, *repaying.refund_refused(order, REFUND, 3000, "closed_account", "k"))
    assert order.status == "refund_failed"
    assert order.payments.refundable.minor == 3000


def test_money_that_arrives_for_a_cancelled_order_goes_back() -> None:
    order = given(captured(), happened.OrderCancelled("payment_expired"))
    order = given(order, *paying.collect_payment(order, 3000, "pix-1", "pix:1"))
    assert order.status == "refunding"
    assert order.payments.captured == order.payments.refund_pending


def test_an_authorisation_that_arrives_for_a_cancelled_order_is_asked_to_be_voided() -> None:
    order = given(captured(), happened.OrderCancelled("payment_expired"))
    events = paying.authorize_payment(order, 3000, "auth-1", "k")
    assert [type(event) for event in events] == [
        happened.PaymentAuthorized,
        happened.VoidRequested,
    ]


@pytest.mark.parametrize("order", [shipped, delivered, completed])
def test_what_has_left_cannot_be_cancelled(order: Callable[[], Order]) -> None:
    with pytest.raises(Conflict) as refused:
        decisions.request_cancel(order(), "too late")
    assert refused.value.context["allowed"] == ["return"]


@pytest.mark.parametrize("order", [captured, sourced, authorized, released, packed])
def test_an_order_can_be_cancelled_until_it_has_left(order: Callable[[], Order]) -> None:
    assert decisions.request_cancel(order(), "no") == (happened.CancelRequested("no"),)


def test_cancelling_twice_is_cancelling_once() -> None:
    assert decisions.request_cancel(cancelling(), "again") == ()
    assert decisions.request_cancel(cancelled(), "again") == ()


def test_withdrawing_leaves_the_units_reserved_where_they_are() -> None:
    order = withdrawn()
    assert order.progress.counts == (Counts(reserved=2), Counts(reserved=1))
    assert {entry.node for entry in order.progress.allocations} == {"sp-dc"}
    assert decisions.withdraw(order) == ()


def test_an_exception_is_shown_until_the_order_moves_on() -> None:
    stuck = given(captured(), *decisions.raise_exception(captured(), "Source", "KeyError"))
    assert stuck.status == "exception"
    assert decisions.raise_exception(stuck, "Source", "KeyError") == ()
    assert given(stuck, SOURCED).status == "reserved"


def test_an_order_that_waits_too_long_for_its_node_is_overdue() -> None:
    order = given(released(), *decisions.warn_overdue(released()))
    assert order.status == "overdue"
    assert decisions.warn_overdue(completed()) == ()


def test_a_plan_is_written_down_once() -> None:
    events: tuple[Event, ...] = decisions.plan_sourcing(
        captured(), allocated(captured()), "rule", "why", NOW
    )
    planned = given(captured(), *events)
    assert planned.progress.reserving_since == NOW
    assert decisions.plan_sourcing(planned, allocated(captured()), "rule", "why", NOW) == ()


def test_an_order_in_exception_is_resumed_and_only_such_an_order() -> None:
    stuck = given(captured(), *decisions.raise_exception(captured(), "Source", "KeyError"))
    assert decisions.resume(stuck) == (happened.LifecycleResumed(),)
    assert given(stuck, happened.LifecycleResumed()).status == "new"
    with pytest.raises(Conflict) as refused:
        decisions.resume(captured())
    assert refused.value.problem_code == "not_in_exception"


def test_cancelling_an_order_in_exception_sets_its_lifecycle_going_again() -> None:
    stuck = given(captured(), *decisions.raise_exception(captured(), "Source", "KeyError"))
    assert decisions.request_cancel(stuck, "no") == (
        happened.CancelRequested("no"),
        happened.LifecycleResumed(),
    )


def test_what_was_reserved_is_named_when_it_is_released() -> None:
    assert decisions.release_reservation(sourced()) == (
        happened.ReservationReleased(("MUG", "TEE")),
    )
