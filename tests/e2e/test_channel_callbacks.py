"""What channels are told of their orders: signed, and until they have heard it."""

from tests.e2e.receiver import Receiver, verified
from tests.e2e.senders import Senders
from tests.e2e.shop import PIX, Shop

HEARING = "hearing"


def test_a_channel_is_told_of_its_order_all_the_way(shop: Shop, receiver: Receiver) -> None:
    secret = shop.channel(HEARING, callback_url=receiver.address)["signing_secret"]
    order = shop.place(shop.item(1), channel=HEARING)
    order.fulfil()

    heard = receiver.hears(
        order.id, "order.captured", "fulfillment.shipped", "fulfillment.delivered"
    )

    messages = [verified(asked, secret) for asked in heard]
    assert {message["data"]["channel_order_id"] for message in messages} == {order.number}
    assert len({asked.headers["webhook-id"] for asked in heard}) == len(heard) == 3
    shipped = next(one for one in messages if one["type"] == "fulfillment.shipped")
    assert shipped["data"]["fulfillments"][0]["tracking_number"].startswith("BR-")


def test_a_channel_is_told_of_the_cancellation_and_the_refund(
    shop: Shop, senders: Senders, receiver: Receiver
) -> None:
    secret = shop.channel(HEARING, callback_url=receiver.address)["signing_secret"]
    order = shop.place(shop.item(1), channel=HEARING, payment=PIX)
    order.becomes("sourced", "awaiting_pix")
    senders.payment("captured", order, reference="e2e-pix")
    order.becomes("released")

    order.cancel()

    heard = receiver.hears(order.id, "order.captured", "order.cancelled", "payment.refunded")
    refunded = verified(heard[-1], secret)["data"]
    assert refunded["refunds"][0]["amount"] == "50.00"
    assert refunded["totals"]["captured"] == "50.00"


def test_a_callback_says_nothing_of_the_customer(shop: Shop, receiver: Receiver) -> None:
    shop.channel(HEARING, callback_url=receiver.address)
    order = shop.place(shop.item(1), channel=HEARING)

    (heard,) = receiver.hears(order.id, "order.captured")

    for personal in (order.email, "Ana Souza", "Paulista", "52998224725"):
        assert personal.encode() not in heard.body
