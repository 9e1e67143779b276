"""Everything may arrive twice, late or out of order, and the outcome is the same."""

from collections import Counter

import pytest

from tests.e2e.bus import Tap, until_quiet
from tests.e2e.receiver import Receiver
from tests.e2e.senders import Senders, shopify_order
from tests.e2e.shop import PIX, Placed, Shop, card

QUEUES = ("starts", "signals", "notifications", "callbacks", "refunds", "projections", "promises")


def test_a_webhook_that_is_delivered_three_times_captures_one_order(
    shop: Shop, senders: Senders
) -> None:
    shop.channel("repeating")
    document = shop.document(shop.item(3), channel="repeating")

    answers = [senders.marketplace(document, "msg_repeated") for _ in range(3)]
    answers.append(senders.marketplace(document, "msg_with_another_id"))

    assert [answer.status_code for answer in answers] == [202] * 4
    until_quiet(shop.stack, "inbox")
    (order,) = shop.orders_of("repeating")
    shop.placed(order).becomes("released")
    assert shop.stock(document["lines"][0]["sku"])["reserved"] == 1


def test_a_shopify_webhook_that_is_delivered_twice_captures_one_order(
    shop: Shop, senders: Senders
) -> None:
    domain = "repeating.myshopify.com"
    shop.channel(f"shopify:{domain}")
    document = shopify_order(shop)

    for webhook in ("a", "a", "b"):
        assert senders.shopify(domain, document, webhook).status_code == 202

    until_quiet(shop.stack, "inbox")
    assert len(shop.orders_of(f"shopify:{domain}")) == 1


def test_a_payment_that_is_told_of_three_times_counts_once(shop: Shop, senders: Senders) -> None:
    order = shop.place(shop.item(1), payment=PIX)
    order.becomes("sourced", "awaiting_pix")

    for event_id in ("evt_same", "evt_same", "evt_other"):
        senders.payment("captured", order, f"{event_id}_{order.number}", reference="pix-1")

    order.becomes("released")
    until_quiet(shop.stack, "inbox")
    assert order.now()["payment"]["captured"] == "50.00"
    assert order.event_types().count("payment_captured") == 1


@pytest.mark.parametrize("later", ["authorized", "declined"])
def test_a_payment_that_is_told_of_in_the_wrong_order_stays_paid(
    shop: Shop, senders: Senders, later: str
) -> None:
    order = shop.place(shop.item(1), payment=PIX)
    order.becomes("sourced", "awaiting_pix")
    senders.payment("captured", order, reference="pix-1")
    order.becomes("released")

    senders.payment(later, order, reference="pix-0", code="too_late")

    until_quiet(shop.stack, "inbox")
    paid = order.now()
    assert (paid["state"], paid["payment"]["captured"]) == ("released", "50.00")
    assert "payment_declined" not in order.event_types()


def test_a_delivery_that_is_told_of_twice_counts_once(shop: Shop, senders: Senders) -> None:
    order = shop.place(shop.item(1))
    (work,) = order.ship()

    for message in ("trk_1", "trk_1", "trk_2"):
        senders.carrier(work, message_id=f"{message}_{order.number}")
    senders.carrier(work, status="in_transit")

    order.becomes("completed")
    until_quiet(shop.stack, "inbox")
    assert order.event_types().count("fulfillment_delivered") == 1
    order.is_told("Recebemos o seu pedido", "Seu pedido", "Seu pedido")


def test_a_node_that_repeats_its_steps_changes_nothing(shop: Shop) -> None:
    sku = shop.item(2)
    order = shop.place(sku)
    (work,) = order.work()

    for step in ("accept", "accept", "pick", "pick", "pack", "pack", "ship", "ship"):
        assert order.step(work, step).status_code == 200, step

    assert shop.stock(sku) == {"on_hand": 1, "reserved": 0, "available": 1}
    steps = [kind for kind in order.event_types() if kind.startswith("fulfillment_")]
    assert steps == [f"fulfillment_{done}" for done in ("accepted", "picked", "packed", "shipped")]


def test_a_step_that_is_not_the_next_one_is_refused_with_those_allowed(shop: Shop) -> None:
    order = shop.place(shop.item(1))
    (work,) = order.work()

    refused = order.step(work, "pack")

    assert (refused.status_code, refused.json()["code"]) == (409, "illegal_transition")
    assert refused.json()["allowed"] == ["accept", "merge", "move", "reject"]


def test_the_bus_that_says_everything_twice_causes_nothing_twice(
    shop: Shop, senders: Senders, tap: Tap, receiver: Receiver
) -> None:
    shop.channel("twice", callback_url=receiver.address)
    completed = shop.place(shop.item(2), channel="twice")
    refunded = shop.place(shop.item(2), channel="twice", payment=PIX)
    declined = shop.place(shop.item(2), channel="twice", payment=card("4000000000000002"))
    refunded.becomes("sourced", "awaiting_pix")
    senders.payment("captured", refunded, reference="pix-1")
    completed.fulfil()
    refunded.becomes("released")
    refunded.cancel()
    completed.becomes("completed")
    refunded.becomes("cancelled", "refunded")
    declined.becomes("cancelled")
    orders = (completed, refunded, declined)
    for order, mails in zip(orders, (3, 3, 2), strict=True):
        order.is_told(*["Recebemos o seu pedido", "Seu pedido", ""][:mails])
    before = [_effects(order) for order in orders]

    said = [one for order in orders for one in tap.about(order.id)]
    tap.repeat(said)
    tap.repeat(reversed(said))
    until_quiet(shop.stack, *QUEUES)

    assert [_effects(order) for order in orders] == before
    for order in orders:
        heard = Counter(asked.headers["webhook-id"] for asked in receiver.about(order.id))
        assert len(heard) == len(set(receiver.kinds(order.id)))


def _effects(order: Placed) -> object:
    """All that an order left behind: its history, its mails, its lifecycle."""
    mails = sorted(mail["Subject"] for mail in order.mails())
    return order.history(), order.now(), mails, order.execution()
