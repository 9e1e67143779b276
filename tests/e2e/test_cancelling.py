"""Cancelling an order: wherever it stands, every step that was taken is walked back."""

from dataclasses import dataclass, field
from threading import Event

import pytest

from tests.e2e.lifecycle import states_entered
from tests.e2e.provider import AtTheDoor, Provider, by_stripe
from tests.e2e.shop import PIX, Placed, Shop
from tests.e2e.stack import Stack, eventually
from tests.integration.payments.servers import Answer, Answering, Asked

WALKED_BACK = ["Withdraw", "Unreserve", "CloseCancelled", "Cancelled"]


def test_an_order_is_cancelled_before_anything_was_done(shop: Shop, stack: Stack) -> None:
    sku = shop.item(1)

    turned_round_at = {_cancel_at_once(shop.place(sku), stack) for _ in range(3)}

    assert "Source" in turned_round_at
    assert shop.stock(sku) == {"on_hand": 1, "reserved": 0, "available": 1}


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

    assert (refused.status_code, refused.json()["code"]) == (409, "illegal_transition")


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


# The provider's client tries twice before our handler hears of it.
TRIES_OF_A_HANDLER = 2


@dataclass
class HeldBack:
    """Stands at the provider's door and holds a request back until the order was cancelled."""

    does: AtTheDoor
    tries: int = 0
    came: Event = field(default_factory=Event)
    cancelled: Event = field(default_factory=Event)

    def __call__(self, asked: Asked, behind: Answering) -> Answer:
        self.tries += 1
        if self.tries > TRIES_OF_A_HANDLER:
            return behind(asked)
        self.came.set()
        assert self.cancelled.wait(timeout=10)
        return self.does(asked, behind)

    def cancel_meanwhile(self, order: Placed) -> None:
        assert self.came.wait(timeout=20)
        order.cancel()
        self.cancelled.set()


def _answers(asked: Asked, behind: Answering) -> Answer:
    return behind(asked)


def _is_out_of_order(asked: Asked, behind: Answering) -> Answer:
    return Answer.error(500, type="api_error", message="not now")


def _loses_its_answer(asked: Asked, behind: Answering) -> Answer:
    behind(asked)
    return Answer.error(500, type="api_error", message="not now")


@pytest.mark.parametrize(
    ("does", "turned_round_at"),
    [
        pytest.param(_answers, "Release", id="answers"),
        pytest.param(_is_out_of_order, "Authorize", id="is out of order"),
        pytest.param(_loses_its_answer, "Authorize", id="loses its answer"),
    ],
)
def test_an_order_that_is_cancelled_while_the_provider_is_asked_holds_no_money(
    shop: Shop, provider: Provider, stack: Stack, does: AtTheDoor, turned_round_at: str
) -> None:
    sku = shop.item(1)
    held_back = HeldBack(does)
    order = shop.place(sku, payment=by_stripe(provider.card(held_back)))

    held_back.cancel_meanwhile(order)

    order.shows(lambda view: view["payment"]["voided"] == "50.00")
    assert order.now()["state"] == "cancelled"
    assert [charge.status for charge in provider.charges_of(order.id)] == ["canceled"]
    assert _last_states(stack, order) == [turned_round_at, *WALKED_BACK]
    assert shop.stock(sku)["available"] == 1


def _cancel_at_once(order: Placed, stack: Stack) -> str:
    """Where its lifecycle turned round: a busy machine may be slower to cancel than to begin."""
    assert order.cancel().status_code == 202
    order.becomes("cancelled")
    at, *walked_back = _last_states(stack, order)
    assert walked_back == WALKED_BACK
    return at


def _last_states(stack: Stack, order: Placed) -> list[str]:
    """From the state in which the lifecycle turned round."""
    eventually(lambda: order.execution() == "SUCCEEDED")
    entered = states_entered(stack, order.execution_arn)
    return entered[entered.index("Withdraw") - 1 :]
