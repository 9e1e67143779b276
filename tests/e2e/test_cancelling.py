"""Cancelling an order: wherever it stands, every step that was taken is walked back."""

from collections.abc import Iterator
from threading import Event

import pytest

from tests.e2e.lifecycle import states_entered
from tests.e2e.provider import Provider, by_stripe
from tests.e2e.shop import PIX, Placed, Shop
from tests.e2e.stack import Stack, eventually
from tests.integration.payments.servers import Answer, Answering, Asked

WALKED_BACK = ["Withdraw", "Unreserve", "CloseCancelled", "Cancelled"]


def test_an_order_is_cancelled_before_anything_was_done(shop: Shop, stack: Stack) -> None:
    sku = shop.item(1)
    order = shop.place(sku)

    assert order.cancel().status_code == 202

    order.becomes("cancelled")
    assert shop.stock(sku) == {"on_hand": 1, "reserved": 0, "available": 1}
    assert _last_states(stack, order) == ["Source", *WALKED_BACK]


def test_an_order_is_cancelled_while_it_waits_for_stock(shop: Shop, stack: Stack) -> None:
    sku = shop.item()
    order = shop.place(sku)
    order.awaits("stock")

    order.cancel()

    order.becomes("cancelled")
    shop.receive(sku, 1)
    assert _last_states(stack, order) == ["AwaitStock", *WALKED_BACK]
    assert shop.stock(sku) == {"on_hand": 1, "reserved": 0, "available": 1}


def test_an_order_is_cancelled_while_it_waits_for_its_payment(shop: Shop, stack: Stack) -> None:
    sku = shop.item(1)
    order = shop.place(sku, payment=PIX)
    order.awaits("payment")

    order.cancel()

    assert order.becomes("cancelled")["refunds"] == []
    assert _last_states(stack, order) == ["AwaitPayment", *WALKED_BACK]
    assert shop.stock(sku)["available"] == 1


def test_an_order_is_cancelled_while_its_node_is_at_work(shop: Shop, stack: Stack) -> None:
    sku = shop.item(1)
    order = shop.place(sku)
    (work,) = order.work()
    order.step(work, "accept")

    order.cancel("found it cheaper")

    cancelled = order.becomes("cancelled")
    assert cancelled["cancel_reason"] == "found it cheaper"
    assert [part["state"] for part in cancelled["fulfillments"]] == ["withdrawn"]
    assert cancelled["payment"]["voided"] == "50.00"
    assert shop.stock(sku) == {"on_hand": 1, "reserved": 0, "available": 1}
    assert _last_states(stack, order) == ["AwaitFulfillment", *WALKED_BACK]


def test_the_node_cannot_go_on_with_withdrawn_work(shop: Shop) -> None:
    order = shop.place(shop.item(1))
    (work,) = order.work()
    order.cancel()
    order.becomes("cancelled")

    refused = order.step(work, "accept")

    assert (refused.status_code, refused.json()["code"]) == (409, "withdrawn")


def test_an_order_whose_parcel_has_left_cannot_be_cancelled(shop: Shop) -> None:
    order = shop.place(shop.item(1))
    order.ship()

    refused = order.cancel()

    assert (refused.status_code, refused.json()["code"]) == (409, "not_cancellable")
    assert "order_cancelled" not in order.event_types()


def test_cancelling_again_changes_nothing(shop: Shop) -> None:
    order = shop.place(shop.item(1))
    order.cancel("first")
    cancelled = order.becomes("cancelled")

    again = order.cancel("second")

    assert again.status_code == 202
    assert again.json()["version"] == cancelled["version"]
    assert order.now()["cancel_reason"] == "first"


class HeldBack:
    """Stands at the provider's door and lets a request through when it is told to."""

    def __init__(self, *, answers: bool) -> None:
        self.came = Event()
        self.go_on = Event()
        self._answers = answers

    def __call__(self, asked: Asked, behind: Answering) -> Answer:
        self.came.set()
        assert self.go_on.wait(timeout=10)
        if self._answers:
            return behind(asked)
        return Answer.error(500, type="api_error", message="not now")


@pytest.fixture
def answering() -> Iterator[HeldBack]:
    held = HeldBack(answers=True)
    yield held
    held.go_on.set()


@pytest.fixture
def failing() -> Iterator[HeldBack]:
    held = HeldBack(answers=False)
    yield held
    held.go_on.set()


def test_an_order_cancelled_while_the_card_is_authorised_lets_the_money_go(
    shop: Shop, provider: Provider, stack: Stack, answering: HeldBack
) -> None:
    sku = shop.item(1)
    order = shop.place(sku, payment=by_stripe(provider.card(answering)))
    assert answering.came.wait(timeout=20)

    order.cancel()
    answering.go_on.set()

    assert order.becomes("cancelled")["payment"]["voided"] == "50.00"
    (charge,) = provider.charges_of(order.id)
    assert charge.status == "canceled"
    assert _last_states(stack, order) == ["Release", *WALKED_BACK]
    assert shop.stock(sku)["available"] == 1


def test_an_order_cancelled_while_the_provider_is_out_of_order_is_not_charged(
    shop: Shop, provider: Provider, stack: Stack, failing: HeldBack
) -> None:
    order = shop.place(shop.item(1), payment=by_stripe(provider.card(failing)))
    assert failing.came.wait(timeout=20)

    order.cancel()
    failing.go_on.set()

    assert order.becomes("cancelled")["payment"]["authorized"] == "0.00"
    assert provider.charges_of(order.id) == []
    assert _last_states(stack, order) == ["Authorize", *WALKED_BACK]


def _last_states(stack: Stack, order: Placed) -> list[str]:
    """From the state in which the lifecycle turned round."""
    eventually(lambda: order.execution() == "SUCCEEDED")
    entered = states_entered(stack, order.execution_arn)
    return entered[entered.index("Withdraw") - 1 :]
