"""The function behind the queue `refunds`, as far as it takes and lets go; and who waits for it."""

from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

import pytest

from oms.aws import payment_providers, secrets
from oms.aws.dead_letters import Message
from oms.kernel.encoding import to_json
from oms.kernel.errors import ProviderUnavailable
from oms.kernel.events import Envelope
from oms.orders import by_hand, exceptions, paying, supervision, taking
from oms.orders import events as happened
from oms.orders.model import Order
from oms.orders.rerouting import Router
from oms.orders.store import AwaitedToken
from oms.orders.supervision import Resumption
from oms.payments.model import Payment
from oms.reporting.waiting import needs_a_person
from oms.routing.policies import BuiltIn
from tests.integration.gateway import Gateway, gateway
from tests.integration.orders.test_capture_per_shipment import an_order, released, ship
from tests.integration.payments.bookkeeper import LOST, SILENT, Bookkeeper
from tests.integration.world import World, world
from tests.samples import CAUSE, money

Take = Callable[..., None]
LAST = 5


@pytest.fixture
def oms() -> Iterator[World]:
    with world() as made:
        yield made


@pytest.fixture
def call(oms: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[Gateway]:
    monkeypatch.setenv("CALLBACK_SECRET", "secret")
    with gateway(monkeypatch) as made:
        yield made


@pytest.fixture
def provider() -> Bookkeeper:
    return Bookkeeper()


@pytest.fixture
def take(call: Gateway, provider: Bookkeeper, monkeypatch: pytest.MonkeyPatch) -> Iterator[Take]:
    """Hands an event to the function, as its queue does."""
    monkeypatch.setenv("DEAD_LETTER_QUEUE_URL", "https://sqs.invalid/dead")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    payment_providers._providers.cache_clear()
    module = import_module("functions.refunds.handler")
    monkeypatch.setattr(module, "provider", provider.named)

    def handed(event: Envelope, receives: int = 1) -> None:
        module.take(Message("m", to_json({"detail": event}), receives))

    yield handed
    payment_providers._providers.cache_clear()


def last(oms: World, order_id: str, kind: str) -> Envelope:
    return [one for one in oms.orders.history(order_id) if one.type == kind][-1]


def shipped(oms: World, provider: Bookkeeper) -> str:
    order_id = released(oms, provider, an_order()).order_id
    ship(oms, order_id, 0)
    return order_id


def test_what_a_shipment_asked_for_is_taken_once_though_the_message_comes_twice(
    oms: World, provider: Bookkeeper, take: Take
) -> None:
    order_id = shipped(oms, provider)
    asked = last(oms, order_id, "capture_requested")

    for _ in range(2):
        take(asked)

    assert provider.total("captured") == 1500
    assert oms.orders.load(order_id).payments.captured.minor == 1500


def test_what_nobody_knows_after_the_last_delivery_is_shown_and_known_after_a_redrive(
    oms: World, provider: Bookkeeper, take: Take
) -> None:
    order_id = shipped(oms, provider)
    asked = last(oms, order_id, "capture_requested")
    provider.faults = [SILENT, SILENT, LOST, SILENT, SILENT]
    for receives in range(1, LAST + 1):
        with pytest.raises(ProviderUnavailable):
            take(asked, receives)
        assert needs_a_person(oms.orders.load(order_id)) == (receives == LAST)
    assert oms.orders.load(order_id).status == "payment_failed"

    take(asked)

    order = oms.orders.load(order_id)
    assert (needs_a_person(order), provider.done["capture"]) == (False, 1)
    assert order.payments.captured.minor == 1500


def test_a_capture_that_failed_is_in_the_list_and_a_retry_asks_under_another_key(
    oms: World, provider: Bookkeeper, take: Take
) -> None:
    order_id = shipped(oms, provider)
    first = last(oms, order_id, "capture_requested")
    order = oms.orders.load(order_id)
    (asked,) = paying.open_captures(order)
    oms.orders.commit(order, taking.give_up(order, asked, "no_funds", CAUSE.at), CAUSE)
    assert exceptions.actions_of(oms.orders.load(order_id)) == ("retry",)

    router = Router(oms.orders, oms.stock, oms.catalog, BuiltIn())
    exceptions.resolve(order_id, exceptions.Resolution("retry"), router, CAUSE)
    again = last(oms, order_id, "capture_requested")
    take(again)

    assert again.data["reference"] != first.data["reference"]
    order = oms.orders.load(order_id)
    assert (order.payments.captured.minor, order.progress.unpaid) == (1500, "")


def test_a_hold_that_staff_let_go_of_is_voided_and_no_other(
    oms: World, provider: Bookkeeper, take: Take
) -> None:
    order = released(oms, provider, an_order(2000, None))
    cash = Payment(order.payments.each[0].id[:-1] + "3", "in_store", "store", money(1500))
    events = (
        happened.PaymentAdded(cash),
        happened.PaymentCollected(cash.id, 1500, "r1", "till:r1", "cash"),
    )
    order = oms.orders.commit(order, events, CAUSE)
    second = order.payments.each[1].id
    by_hand.request_void(order.order_id, second, oms.orders, CAUSE)

    for _ in range(2):
        take(last(oms, order.order_id, "void_requested"))

    order = oms.orders.load(order.order_id)
    assert [one.status for one in order.payments.each] == ["authorized", "voided", "captured"]
    assert provider.done["void"] == 1


@pytest.mark.parametrize("decided", ["captured", "failed"])
def test_a_delivered_order_waits_until_a_capture_is_decided(
    oms: World, provider: Bookkeeper, decided: str
) -> None:
    order_id = shipped(oms, provider)
    supervision.wait(
        order_id,
        AwaitedToken("token", "capture"),
        oms.orders,
        oms.orders,
        oms.stock,
        oms.catalog,
        BuiltIn(),
        oms.lifecycle,
        CAUSE.at,
    )
    supervision.signal(order_id, "payment", oms.orders, oms.orders, oms.lifecycle)
    assert oms.lifecycle.resumed == []

    order = oms.orders.load(order_id)
    (asked,) = paying.open_captures(order)
    told = (
        paying.capture_made(order, asked, CAUSE.at)
        if decided == "captured"
        else paying.fail_capture(order, asked, "no", CAUSE.at)
    )
    oms.orders.commit(order, told, CAUSE)
    supervision.signal(order_id, "fulfillment", oms.orders, oms.orders, oms.lifecycle)
    assert oms.lifecycle.resumed == []
    supervision.signal(order_id, "payment", oms.orders, oms.orders, oms.lifecycle)

    assert oms.lifecycle.resumed == [("token", Resumption("decided"))]


def test_an_order_is_taken_as_its_channel_says_when_it_is_captured(
    oms: World, call: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(secrets.Secrets, "read", lambda self, secret_id: "a secret")
    channel: dict[str, Any] = {"name": "Web", "currencies": ["BRL"]}
    assert call("catalog", "PUT /v1/channels/web", channel)[1]["capture_on"] == "delivery"
    channel["capture_on"] = "shipment"
    assert call("catalog", "PUT /v1/channels/app", channel)[1]["capture_on"] == "shipment"
    assert call("catalog", "GET /v1/channels/app")[1]["capture_on"] == "shipment"

    on = [_captured(oms, call, name).content.capture_on for name in ("web", "app")]

    assert on == ["delivery", "shipment"]
    channel["capture_on"] = "never"
    assert call("catalog", "PUT /v1/channels/web", channel)[0] == 422


def _captured(oms: World, call: Gateway, channel: str) -> Order:
    call("catalog", "PUT /v1/items/MUG", {"name": "Mug"})
    status, order = call("orders", "POST /v1/orders", _document(channel))
    assert status == 201, order
    return oms.orders.load(order["id"])


def _document(channel: str) -> dict[str, Any]:
    return {
        "channel": channel,
        "channel_order_id": "1",
        "currency": "BRL",
        "customer": {"name": "Ana"},
        "shipping_address": {
            "name": "Ana",
            "line1": "Rua 1",
            "city": "SP",
            "postal_code": "01310-100",
            "country": "BR",
        },
        "lines": [{"sku": "MUG", "quantity": 1, "unit_price": "10.00"}],
        "total": "10.00",
        "payment": {"method": "card", "token": "4242424242424242"},
    }
