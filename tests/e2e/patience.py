"""Orders that only time moves on. They are placed first, so that their time runs out while other
tests are at work; whoever has to act on them in between does so beside the tests."""

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from threading import Event
from typing import Any

from tests.e2e.provider import Provider, by_stripe
from tests.e2e.receiver import Receiver
from tests.e2e.senders import Senders
from tests.e2e.shop import PIX, Placed, Shop, card
from tests.integration.payments.servers import Answer, Answering, Asked

# Seconds. Long enough for what other tests do in the meantime, short enough to be waited for.
STOCK_WAIT = 30
PAYMENT_WAIT = 30
FULFILLMENT_WAIT = 25
MAX_ESCALATIONS = 2

DEAF_CHANNEL = "deaf"
CAPTURE_DECLINED = "4000000000000341"
LONG = 120
NOW_AND_THEN = 1.0


@dataclass(frozen=True)
class Patience:
    """A future holds what the API showed once the order had come so far."""

    never_restocked: Placed
    never_paid: Placed
    paid_too_late: Placed
    paid_too_late_closed: "Future[dict[str, Any]]"
    never_shipped: Placed
    shipped_late: Placed
    shipped_late_completed: "Future[dict[str, Any]]"
    told_delivered_too_early: Placed
    told_delivered_too_early_completed: "Future[dict[str, Any]]"
    never_captured: Placed
    never_captured_shown: "Future[dict[str, Any]]"
    never_answered: Placed
    provider_is_back: Event
    on_a_deaf_channel: Placed
    nobodys_payment: str


def begin(
    shop: Shop, senders: Senders, provider: Provider, receiver: Receiver, others: ThreadPoolExecutor
) -> Patience:
    """`others` are those who act beside the tests."""
    shop.channel(DEAF_CHANNEL, callback_url=receiver.refusing)
    back = Event()
    refused = provider.card(_OutOfOrder(back))
    too_late = shop.place(shop.item(1), payment=PIX)
    late = shop.place(shop.item(1))
    early = shop.place(shop.item(1))
    uncaptured = shop.place(shop.item(1), payment=card(CAPTURE_DECLINED))
    return Patience(
        never_restocked=shop.place(shop.item()),
        never_paid=shop.place(shop.item(1), payment=PIX),
        paid_too_late=too_late,
        paid_too_late_closed=others.submit(_pay_too_late, too_late, senders),
        never_shipped=shop.place(shop.item(1)),
        shipped_late=late,
        shipped_late_completed=others.submit(_ship_late, late),
        told_delivered_too_early=early,
        told_delivered_too_early_completed=others.submit(_tell_too_early, early, senders),
        never_captured=uncaptured,
        never_captured_shown=others.submit(_fulfil_in_vain, uncaptured),
        never_answered=shop.place(shop.item(1), payment=by_stripe(refused)),
        provider_is_back=back,
        on_a_deaf_channel=shop.place(shop.item(1), channel=DEAF_CHANNEL),
        nobodys_payment=_payment_of_no_order(senders),
    )


@dataclass(frozen=True)
class _OutOfOrder:
    """Stands at the provider's door until the provider is back."""

    back: Event

    def __call__(self, asked: Asked, behind: Answering) -> Answer:
        if self.back.is_set():
            return behind(asked)
        return Answer.error(503, type="api_error", message="out of order")


def _pay_too_late(order: Placed, senders: Senders) -> dict[str, Any]:
    order.becomes("cancelled", seconds=LONG, every=NOW_AND_THEN)
    assert senders.payment("captured", order, reference="too-late").status_code == 202
    return order.becomes("cancelled", "refunded", seconds=LONG, every=NOW_AND_THEN)


def _ship_late(order: Placed) -> dict[str, Any]:
    order.becomes("released", "overdue", seconds=LONG, every=NOW_AND_THEN)
    order.fulfil()
    return order.becomes("completed", seconds=LONG, every=NOW_AND_THEN)


def _fulfil_in_vain(order: Placed) -> dict[str, Any]:
    """Its money is not taken, however often it is tried."""
    order.fulfil()
    return order.becomes("delivered", "exception", seconds=LONG, every=NOW_AND_THEN)


def _tell_too_early(order: Placed, senders: Senders) -> dict[str, Any]:
    """The carrier is quicker than the node: what it told is kept. Nobody else tells of it."""
    (work,) = order.work()
    assert senders.carrier(work).status_code == 202
    order.ship()
    return order.becomes("completed", seconds=LONG, every=NOW_AND_THEN)


def _payment_of_no_order(senders: Senders) -> str:
    payment = f"pay_{'b' * 26}_1"
    told = {"event_id": "evt_nobody", "payment_id": payment, "amount": "1.00", "currency": "BRL"}
    assert senders.standard("simulator", "payment.captured", told).status_code == 202
    return payment
