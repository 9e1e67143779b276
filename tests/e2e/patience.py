"""Orders that only time moves on. They are placed first, so that their time runs out while other
tests are at work."""

from dataclasses import dataclass

from tests.e2e.provider import Provider, by_stripe
from tests.e2e.receiver import Receiver
from tests.e2e.senders import Senders
from tests.e2e.shop import PIX, Placed, Shop
from tests.integration.payments.servers import Answer, Answering, Asked

# Seconds. Long enough for what other tests do in the meantime, short enough to be waited for.
STOCK_WAIT = 30
PAYMENT_WAIT = 30
FULFILLMENT_WAIT = 25
MAX_ESCALATIONS = 2

DEAF_CHANNEL = "deaf"


@dataclass(frozen=True)
class Patience:
    never_restocked: Placed
    never_paid: Placed
    paid_too_late: Placed
    never_shipped: Placed
    shipped_late: Placed
    never_answered: Placed
    on_a_deaf_channel: Placed
    nobodys_payment: str


def begin(shop: Shop, senders: Senders, provider: Provider, receiver: Receiver) -> Patience:
    shop.channel(DEAF_CHANNEL, callback_url=receiver.refusing)
    card = provider.card(_no_answer)
    return Patience(
        never_restocked=shop.place(shop.item()),
        never_paid=shop.place(shop.item(1), payment=PIX),
        paid_too_late=shop.place(shop.item(1), payment=PIX),
        never_shipped=shop.place(shop.item(1)),
        shipped_late=shop.place(shop.item(1)),
        never_answered=shop.place(shop.item(1), payment=by_stripe(card)),
        on_a_deaf_channel=shop.place(shop.item(1), channel=DEAF_CHANNEL),
        nobodys_payment=_payment_of_no_order(senders),
    )


def _no_answer(asked: Asked, behind: Answering) -> Answer:
    return Answer.error(503, type="api_error", message="out of order")


def _payment_of_no_order(senders: Senders) -> str:
    payment = f"pay_{'b' * 26}_1"
    told = {"event_id": "evt_nobody", "payment_id": payment, "amount": "1.00", "currency": "BRL"}
    assert senders.standard("simulator", "payment.captured", told).status_code == 202
    return payment
