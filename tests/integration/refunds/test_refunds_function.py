"""The function behind the queue `refunds`, and the lists that the projections keep of them."""

from collections.abc import Callable, Iterator
from importlib import import_module

import pytest

from oms.aws import payment_providers
from oms.aws.dead_letters import Message
from oms.kernel.encoding import to_json
from oms.kernel.errors import ProviderUnavailable
from oms.kernel.events import Envelope
from oms.orders import decisions
from oms.orders import events as happened
from oms.orders.model import Order
from oms.orders.refunding import request, retry
from oms.orders.suggesting import Asked
from tests.integration.gateway import Gateway
from tests.integration.refunds.counter import Counter
from tests.samples import money

Take = Callable[[str, Envelope], None]


@pytest.fixture
def take(call: Gateway, monkeypatch: pytest.MonkeyPatch) -> Iterator[Take]:
    """Hands an event to a function, as its queue does."""
    monkeypatch.setenv("DEAD_LETTER_QUEUE_URL", "https://sqs.invalid/dead")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    payment_providers._providers.cache_clear()

    def handed(function: str, event: Envelope) -> None:
        module = import_module(f"functions.{function}.handler")
        module.take(Message("m", to_json({"detail": event}), 1))

    yield handed
    payment_providers._providers.cache_clear()


def last(counter: Counter, order: Order, kind: str) -> Envelope:
    events = [one for one in counter.oms.orders.history(order.order_id) if one.type == kind]
    return events[-1]


def asked(counter: Counter, order: Order, wanted: Asked) -> str:
    oms = counter.oms
    made = request(order.order_id, wanted, "k1", oms.orders, oms.stock, counter.cause())
    return made.refund.id


def test_a_refund_is_carried_out_and_its_message_may_come_twice(
    counter: Counter, take: Take
) -> None:
    order = counter.paid()
    refund = asked(counter, order, Asked(amount=money(700)))

    for _ in range(2):
        take("refunds", last(counter, order, "refund_requested"))

    done = counter.oms.orders.load(order.order_id)
    assert done.refund_state(refund) == "refunded"
    assert done.payments.refunded == money(700)
    assert counter.told(done).count("refund_completed") == 1


def test_what_the_provider_refuses_is_parked_listed_and_goes_another_way(
    counter: Counter, take: Take, call: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    counter.bank.refuses = True
    monkeypatch.setattr(import_module("functions.refunds.handler"), "provider", counter.bank.named)
    order = counter.paid()
    refund = asked(counter, order, Asked(amount=money(700)))
    take("projections", last(counter, order, "refund_requested"))

    take("refunds", last(counter, order, "refund_requested"))
    take("projections", last(counter, order, "refund_failed"))
    _, parked = call("payments", "GET /v1/refunds")
    retry(order.order_id, refund, counter.oms.orders, counter.cause(), to="store_credit")
    take("projections", last(counter, order, "refund_retried"))
    _, retried = call("payments", "GET /v1/refunds", query={"state": "requested"})
    take("refunds", last(counter, order, "refund_retried"))
    take("projections", last(counter, order, "refund_completed"))

    assert [one["refund"]["id"] for one in parked["refunds"]] == [refund]
    assert [one["refund"]["id"] for one in retried["refunds"]] == [refund]
    for state in ("failed", "requested"):
        assert call("payments", "GET /v1/refunds", query={"state": state})[1]["refunds"] == []
    _, accounts = call("accounts", "GET /v1/accounts", query={"customer": "c1"})
    assert [one["balance"] for one in accounts["accounts"]] == ["7.00"]


def test_a_provider_that_does_not_answer_leaves_the_message_in_the_queue(
    counter: Counter, take: Take, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = counter.paid()
    refund = asked(counter, order, Asked(amount=money(700)))
    counter.bank.silent.add(f"{refund}:{order.payments.each[0].id}:refund:1")
    monkeypatch.setattr(import_module("functions.refunds.handler"), "provider", counter.bank.named)

    with pytest.raises(ProviderUnavailable):
        take("refunds", last(counter, order, "refund_requested"))

    assert counter.oms.orders.load(order.order_id).refund_state(refund) == "requested"


def test_a_further_payment_is_held(counter: Counter, take: Take, call: Gateway) -> None:
    order = counter.paid()
    counter.oms.orders.commit(order, (happened.LinesAdded((), 700),), counter.cause())
    path = f"POST /v1/orders/{order.order_id}/payments"
    body = {"token": "4242424242424242"}
    call("payments", path, body, headers={"Idempotency-Key": "p1"})

    for _ in range(2):
        take("refunds", last(counter, order, "payment_added"))

    payment = counter.oms.orders.load(order.order_id).payments.each[1]
    assert (payment.status, payment.authorized) == ("authorized", money(700))
    assert last(counter, order, "payment_authorized").by.startswith("webhook:")


def test_a_further_payment_that_is_declined_is_recorded_and_stands_for_nothing(
    counter: Counter, take: Take, call: Gateway
) -> None:
    order = counter.paid()
    counter.oms.orders.commit(order, (happened.LinesAdded((), 700),), counter.cause())
    path = f"POST /v1/orders/{order.order_id}/payments"
    call("payments", path, {"token": "4000000000000002"}, headers={"Idempotency-Key": "p1"})

    take("refunds", last(counter, order, "payment_added"))
    status, _ = call(
        "payments", path, {"token": "4242424242424242"}, headers={"Idempotency-Key": "p2"}
    )

    assert counter.oms.orders.load(order.order_id).payments.each[1].status == "declined"
    assert status == 201


def test_a_further_payment_of_what_was_delivered_is_taken_at_once(
    counter: Counter, take: Take, call: Gateway
) -> None:
    order = counter.paid()
    orders = counter.oms.orders
    order = orders.commit(order, decisions.release(order), counter.cause())
    work = order.progress.fulfillments[0].id
    steps = (
        happened.FulfillmentAccepted(work),
        happened.FulfillmentPicked(work),
        happened.FulfillmentPacked(work),
        happened.FulfillmentShipped(work, "Correios", "BR1"),
        happened.FulfillmentDelivered(work),
        happened.LinesAdded((), 700),
    )
    order = orders.commit(order, steps, counter.cause())
    path = f"POST /v1/orders/{order.order_id}/payments"
    body = {"token": "4242424242424242"}
    call("payments", path, body, headers={"Idempotency-Key": "p1"})

    for kind in ("payment_added", "capture_requested", "payment_added"):
        take("refunds", last(counter, order, kind))

    payment = orders.load(order.order_id).payments.each[1]
    assert (payment.authorized, payment.captured) == (money(700), money(700))
