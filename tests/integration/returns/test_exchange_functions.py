"""What the functions behind the queues do of an exchange: money back to the order it came from, and
the charge for what never came; each message may come twice, and in any order."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from importlib import import_module

import pytest

from oms.aws import payment_providers, secrets, stores
from oms.aws.dead_letters import Message
from oms.kernel.clock import utc_now
from oms.kernel.encoding import to_json
from oms.kernel.events import Cause, Envelope
from oms.orders.model import Order
from oms.returns import unreturned
from tests.integration.gateway import Gateway
from tests.integration.returns.counter import Desk
from tests.integration.returns.test_exchanging import CARD, Shop, wants
from tests.integration.world import World

DECLINED = "4000000000000002"

Take = Callable[[str, Envelope], None]


@pytest.fixture
def shop(desk: Desk, oms: World, call: Gateway) -> Shop:
    return Shop(desk, oms, call)


@pytest.fixture
def take(call: Gateway, monkeypatch: pytest.MonkeyPatch) -> Iterator[Take]:
    """Hands an event to a function, as its queue does, twice."""
    monkeypatch.setenv("DEAD_LETTER_QUEUE_URL", "https://sqs.invalid/dead")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("GIFT_CARD_SECRET", "gift-card")
    monkeypatch.setattr(secrets.Secrets, "read", lambda self, secret_id: "a secret")
    payment_providers._providers.cache_clear()

    def handed(function: str, event: Envelope) -> None:
        module = import_module(f"functions.{function}.handler")
        for _ in range(2):
            module.take(Message("m", to_json({"detail": event}), 1))

    yield handed
    payment_providers._providers.cache_clear()


def events(shop: Shop, order_id: str, *kinds: str) -> list[Envelope]:
    return [one for one in shop.oms.orders.history(order_id) if one.type in kinds]


def charged(shop: Shop, token: str) -> str:
    """The old order, after what never came was charged to a card of that token."""
    asked = shop.asked()
    shop.draft(asked, wants("10.00"))
    shop.confirm(asked, advance=True, charge={**CARD, "token": token})
    cause = Cause(utc_now() + timedelta(days=15), "clock", "not_returned")
    orders = shop.oms.orders
    assert unreturned.charge_unreturned(orders, stores.expected_returns(), cause, 10) == 1
    return str(asked["order_id"])


def test_what_a_cancelled_exchange_had_paid_arrives_at_the_first_card(
    shop: Shop, take: Take
) -> None:
    asked = shop.asked()
    shop.draft(asked, wants("10.00"))
    shop.back(asked)
    new_id = shop.confirm(asked)["exchange"]["order_id"]
    refund_id = shop.refund_only_asked(new_id)

    for order_id in (new_id, asked["order_id"]):
        for event in events(shop, order_id, "refund_requested"):
            take("refunds", event)

    old, new = shop.order(asked["order_id"]), shop.order(new_id)
    assert new.refund_state(refund_id) == "refunded"
    assert [(one.amount, one.state, one.completed) for one in old.progress.refunds] == [
        (1000, "refunded", False),
        (1000, "refunded", True),
    ]
    assert shop.kept(old.order_id, new_id) == 2000
    told = [one.type for one in shop.oms.orders.history(old.order_id)]
    assert told.count("refund_completed") == 1


@pytest.mark.parametrize("capture_first", [True, False])
def test_a_charge_is_held_and_taken_once(shop: Shop, take: Take, capture_first: bool) -> None:
    order_id = charged(shop, "4242424242424242")

    asked = events(shop, order_id, "payment_added", "capture_requested")
    for event in reversed(asked) if capture_first else asked:
        take("refunds", event)

    order = shop.order(order_id)
    assert [one.captured.minor for one in order.payments.each] == [3000, 1000]
    assert (order.due.minor, order.progress.unpaid) == (3000, "")


def test_a_declined_charge_waits_for_a_person_until_another_card_pays_it(
    shop: Shop, take: Take, call: Gateway
) -> None:
    order_id = charged(shop, DECLINED)
    for event in events(shop, order_id, "payment_added", "capture_requested"):
        take("refunds", event)
    (failed,) = events(shop, order_id, "payment_failed")
    take("projections", failed)
    assert waiting(shop.oms) == [order_id]

    status, _ = call(
        "payments",
        f"POST /v1/orders/{order_id}/payments",
        {"token": "4242424242424242"},
        headers={"Idempotency-Key": "another"},
    )
    assert status in (200, 201)
    for event in events(shop, order_id, "payment_added", "capture_requested")[2:]:
        take("refunds", event)
    take("projections", events(shop, order_id, "payment_resolved")[-1])

    assert shop.kept(order_id) == 3000
    assert waiting(shop.oms) == []


def waiting(oms: World) -> list[str]:
    page = oms.views.waiting("exceptions", 10, None)
    return [one.id.split("#")[1] for one in page.waiting]


def test_the_difference_can_be_paid_by_gift_card_of_which_no_code_is_kept(
    shop: Shop, take: Take, call: Gateway
) -> None:
    status, card = call(
        "accounts",
        "POST /v1/accounts",
        {"key": "card", "kind": "gift_card", "currency": "BRL", "amount": "50.00"},
    )
    assert status in (200, 201), card
    asked = shop.asked()
    shop.draft(asked, wants("15.00"))
    shop.back(asked)
    by_card = {"method": "gift_card", "provider": "gift_card", "token": card["code"]}

    new = shop.order(shop.confirm(asked, payments=[by_card])["exchange"]["order_id"])

    assert [one.method for one in new.content.payments] == ["exchange", "gift_card"]
    assert card["code"] not in _all_of(shop.oms, new)


def _all_of(oms: World, order: Order) -> str:
    return to_json(oms.orders.history(order.order_id))
