from dataclasses import dataclass, field

import pytest

from oms.kernel.errors import (
    Conflict,
    OrderCancelRequested,
    PaymentDeclined,
    ProviderUnavailable,
    Refused,
)
from oms.orders import capturing, decisions, paying, payment
from oms.orders import events as happened
from oms.orders.giving_back import give_back
from oms.orders.model import Content, Order, State
from oms.payments.providers import (
    AuthorizationRequest,
    CaptureRequest,
    ProviderOutcome,
    RefundRequest,
    VoidRequest,
)
from oms.payments.simulator import Simulator
from tests.integration.world import World
from tests.samples import CAUSE, allocated, content, no_credit

DECLINED, PENDING = "4000000000000002", "4000000000003220"
NO_CAPTURE, SILENT, NO_REFUND = "4000000000000341", "4000000000000119", "4000000000005126"


@dataclass
class Counting:
    """The simulator, and the idempotency keys it was asked with."""

    simulator: Simulator = field(default_factory=Simulator)
    keys: list[str] = field(default_factory=list)

    def named(self, name: str) -> "Counting":
        return self

    def authorize(self, request: AuthorizationRequest) -> ProviderOutcome:
        self.keys.append(request.idempotency_key)
        return self.simulator.authorize(request)

    def capture(self, request: CaptureRequest) -> ProviderOutcome:
        self.keys.append(request.idempotency_key)
        return self.simulator.capture(request)

    def void(self, request: VoidRequest) -> ProviderOutcome:
        self.keys.append(request.idempotency_key)
        return self.simulator.void(request)

    def refund(self, request: RefundRequest) -> ProviderOutcome:
        self.keys.append(request.idempotency_key)
        return self.simulator.refund(request)


@pytest.fixture
def provider() -> Counting:
    return Counting()


def sourced(oms: World, of: Content) -> Order:
    order = oms.capture(of)
    return oms.orders.commit(
        order, (happened.OrderSourced(allocated(order), "rule", "why"),), CAUSE
    )


def delivered(oms: World, provider: Counting, of: Content) -> Order:
    order = sourced(oms, of)
    payment.authorize(order.order_id, oms.orders, provider.named, CAUSE)
    order = oms.orders.load(order.order_id)
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


def test_a_card_is_authorized_once_for_the_total(oms: World, provider: Counting) -> None:
    order = sourced(oms, content())
    for _ in range(2):
        assert not payment.authorize(order.order_id, oms.orders, provider.named, CAUSE).pending
    assert oms.orders.load(order.order_id).payments.authorized == order.content.total
    assert len(provider.keys) == 1


def test_a_declined_card_is_recorded_and_not_tried_again(oms: World, provider: Counting) -> None:
    order = sourced(oms, content(token=DECLINED))
    for _ in range(2):
        with pytest.raises(PaymentDeclined):
            payment.authorize(order.order_id, oms.orders, provider.named, CAUSE)
    assert len(provider.keys) == 1
    assert oms.orders.history(order.order_id)[-1].type == "payment_declined"


def test_a_payment_that_is_not_decided_yet_is_awaited(oms: World, provider: Counting) -> None:
    order = sourced(oms, content(token=PENDING))
    waiting = payment.authorize(order.order_id, oms.orders, provider.named, CAUSE)
    assert (waiting.pending, waiting.expires_in_seconds) == (True, 3600)
    assert oms.orders.load(order.order_id).status == "awaiting_card"


def test_a_provider_that_does_not_answer_is_asked_again_with_the_same_key(
    oms: World, provider: Counting
) -> None:
    order = sourced(oms, content(token=SILENT))
    for _ in range(2):
        with pytest.raises(ProviderUnavailable):
            payment.authorize(order.order_id, oms.orders, provider.named, CAUSE)
    payment.authorize(order.order_id, oms.orders, provider.named, CAUSE)
    assert len(provider.keys) == 3
    assert len(set(provider.keys)) == 1


def test_what_the_marketplace_took_is_recorded_and_not_taken_again(
    oms: World, provider: Counting
) -> None:
    total = content().total.minor
    order = delivered(oms, provider, content(collected=total))
    done = capturing.settle(order.order_id, oms.orders, provider.named, CAUSE)
    assert done.state is State.COMPLETED
    assert done.payments.captured.minor == total
    assert provider.keys == []


def test_a_marketplace_order_that_is_paid_in_part_waits_for_the_rest(
    oms: World, provider: Counting
) -> None:
    order = sourced(oms, content(collected=100))
    assert payment.authorize(order.order_id, oms.orders, provider.named, CAUSE).pending
    assert oms.orders.load(order.order_id).payments.captured.minor == 100


def test_settling_captures_once_and_completes(oms: World, provider: Counting) -> None:
    order = delivered(oms, provider, content())
    for _ in range(2):
        done = capturing.settle(order.order_id, oms.orders, provider.named, CAUSE)
    assert done.state is State.COMPLETED
    assert done.payments.captured == done.content.total
    assert [key for key in provider.keys if ":capture:" in key] == [
        f"{order.payments.each[0].id}:capture:1"
    ]


def test_a_capture_that_is_refused_needs_a_person(oms: World, provider: Counting) -> None:
    order = delivered(oms, provider, content(token=NO_CAPTURE))
    with pytest.raises(Refused) as refused:
        capturing.settle(order.order_id, oms.orders, provider.named, CAUSE)
    assert refused.value.problem_code == "capture_refused"
    assert oms.orders.load(order.order_id).state is State.DELIVERED


def test_nothing_is_captured_before_delivery(oms: World, provider: Counting) -> None:
    order = sourced(oms, content())
    with pytest.raises(Conflict):
        capturing.settle(order.order_id, oms.orders, provider.named, CAUSE)


def test_a_cancelled_order_lets_go_of_what_was_held(oms: World, provider: Counting) -> None:
    order = sourced(oms, content())
    payment.authorize(order.order_id, oms.orders, provider.named, CAUSE)
    for _ in range(2):
        closed = payment.close_cancelled(
            order.order_id, oms.orders, provider.named, "cancel_requested", CAUSE
        )
    assert (closed.state, closed.payments.status) == (State.CANCELLED, "voided")
    assert sum(":void:" in key for key in provider.keys) == 1


def test_a_payment_that_nobody_made_is_called_off_at_the_provider(
    oms: World, provider: Counting
) -> None:
    order = sourced(oms, content(token=PENDING))
    payment.authorize(order.order_id, oms.orders, provider.named, CAUSE)
    closed = payment.close_cancelled(
        order.order_id, oms.orders, provider.named, "payment_expired", CAUSE
    )
    assert (closed.state, closed.payments.status) == (State.CANCELLED, "voided")
    assert sum(":void:" in key for key in provider.keys) == 1


def cancelled_after_paying(oms: World, provider: Counting, of: Content) -> Order:
    order = sourced(oms, of)
    payment.authorize(order.order_id, oms.orders, provider.named, CAUSE)
    order = oms.orders.load(order.order_id)
    taken = happened.PaymentCaptured(
        order.payments.each[0].id, order.content.total.minor, "cap", "k"
    )
    oms.orders.commit(order, (taken,), CAUSE)
    return payment.close_cancelled(
        order.order_id, oms.orders, provider.named, "cancel_requested", CAUSE
    )


def test_a_refund_is_paid_once(oms: World, provider: Counting) -> None:
    order = cancelled_after_paying(oms, provider, content())
    refund = order.progress.refunds[0].id
    for _ in range(2):
        done = give_back(order.order_id, refund, oms.orders, provider.named, no_credit, CAUSE)
    assert done.payments.refunded == done.payments.captured
    assert sum(":refund:" in key for key in provider.keys) == 1


def test_a_refund_that_is_declined_is_recorded(oms: World, provider: Counting) -> None:
    order = cancelled_after_paying(oms, provider, content(token=NO_REFUND))
    refund = order.progress.refunds[0].id
    done = give_back(order.order_id, refund, oms.orders, provider.named, no_credit, CAUSE)
    assert done.status == "refund_failed"
    assert done.payments.refunded.minor == 0


def test_an_authorization_that_comes_too_late_is_voided(oms: World, provider: Counting) -> None:
    order = sourced(oms, content(token=PENDING))
    payment.authorize(order.order_id, oms.orders, provider.named, CAUSE)
    closed = payment.close_cancelled(
        order.order_id, oms.orders, provider.named, "payment_expired", CAUSE
    )
    late = paying.authorize_payment(closed, closed.content.total.minor, "auth", "late")
    oms.orders.commit(closed, late, CAUSE)
    for _ in range(2):
        done = payment.void_late_authorization(order.order_id, oms.orders, provider.named, CAUSE)
    assert done.payments.status == "voided"
    assert [key.rpartition(":void:")[2] for key in provider.keys if ":void:" in key] == ["1", "2"]


def test_money_is_not_asked_for_while_the_order_is_being_cancelled(
    oms: World, provider: Counting
) -> None:
    order = sourced(oms, content())
    oms.orders.commit(order, (happened.CancelRequested("no"),), CAUSE)
    with pytest.raises(OrderCancelRequested):
        payment.authorize(order.order_id, oms.orders, provider.named, CAUSE)
    assert provider.keys == []


def test_an_authorization_whose_answer_was_lost_is_found_out_and_voided(
    oms: World, provider: Counting
) -> None:
    order = sourced(oms, content(token=SILENT))
    with pytest.raises(ProviderUnavailable):
        payment.authorize(order.order_id, oms.orders, provider.named, CAUSE)
    closed = payment.close_cancelled(
        order.order_id, oms.orders, provider.named, "cancel_requested", CAUSE
    )
    with pytest.raises(ProviderUnavailable):
        payment.void_late_authorization(order.order_id, oms.orders, provider.named, CAUSE)

    for _ in range(2):
        done = payment.void_late_authorization(order.order_id, oms.orders, provider.named, CAUSE)

    events = [event.type for event in oms.orders.history(order.order_id)]
    assert closed.state is State.CANCELLED and "void_requested" in events
    assert done.payments.status == "voided"
    assert len({key for key in provider.keys if ":authorize" in key}) == 1
