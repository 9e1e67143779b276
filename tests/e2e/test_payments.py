"""What the payment provider answers, and when, and what becomes of the order then."""

import pytest

from tests.e2e.provider import Provider, by_stripe
from tests.e2e.senders import Senders
from tests.e2e.shop import PIX, Placed, Shop, card

PENDING_CARD = "4000000000003220"
SILENT_TWICE = "4000000000000119"
REFUND_DECLINED = "4000000000005126"
REFUND_PENDING = "4000000000007726"


@pytest.mark.parametrize(
    ("token", "code"),
    [("4000000000000002", "card_declined"), ("4000000000009995", "insufficient_funds")],
)
def test_a_declined_card_releases_the_reservation_and_cancels_the_order(
    shop: Shop, token: str, code: str
) -> None:
    sku = shop.item(2)

    order = shop.place(sku, payment=card(token))

    assert order.becomes("cancelled")["cancel_reason"] == "payment_declined"
    assert order.event("payment_declined")["data"]["code"] == code
    assert shop.stock(sku) == {"on_hand": 2, "reserved": 0, "available": 2}
    order.is_told("Recebemos o seu pedido", "Seu pedido")


def test_a_provider_that_is_silent_twice_is_asked_again_and_charges_once(shop: Shop) -> None:
    order = shop.place(shop.item(1), payment=card(SILENT_TWICE))

    order.fulfil()

    assert order.becomes("completed")["payment"]["captured"] == "50.00"
    assert order.event_types().count("payment_authorized") == 1


def test_a_pix_is_awaited_and_its_payment_releases_the_order(shop: Shop, senders: Senders) -> None:
    order = shop.place(shop.item(1), payment=PIX)
    pending = order.becomes("sourced", "awaiting_pix")

    assert senders.payment("captured", order, reference="e2e-pix").status_code == 202

    assert pending["payment"]["captured"] == "0.00"
    assert order.becomes("released")["payment"]["captured"] == "50.00"


def test_a_pix_that_is_paid_is_not_taken_again_at_the_end(shop: Shop, senders: Senders) -> None:
    order = shop.place(shop.item(1), payment=PIX)
    order.becomes("sourced", "awaiting_pix")
    senders.payment("captured", order, reference="e2e-pix")

    order.fulfil()

    assert order.becomes("completed")["payment"]["captured"] == "50.00"
    assert order.event_types().count("payment_captured") == 1


def test_a_card_that_is_pending_is_authorised_by_callback(shop: Shop, senders: Senders) -> None:
    order = shop.place(shop.item(1), payment=card(PENDING_CARD))
    order.becomes("sourced", "awaiting_card")

    senders.payment("authorized", order, reference="e2e-card")

    assert order.becomes("released")["payment"]["authorized"] == "50.00"


def test_a_pending_payment_that_is_declined_cancels_the_order(shop: Shop, senders: Senders) -> None:
    sku = shop.item(1)
    order = shop.place(sku, payment=PIX)
    order.becomes("sourced", "awaiting_pix")

    senders.payment("declined", order, code="insufficient_funds")

    assert order.becomes("cancelled")["cancel_reason"] == "payment_declined"
    assert shop.stock(sku)["available"] == 1


def test_a_cancelled_order_that_was_paid_is_refunded_and_the_customer_told(
    shop: Shop, senders: Senders
) -> None:
    order = shop.place(shop.item(1), payment=PIX)
    order.becomes("sourced", "awaiting_pix")
    senders.payment("captured", order, reference="e2e-pix")
    order.becomes("released")

    order.cancel()

    refunded = order.becomes("cancelled", "refunded")
    assert refunded["payment"]["refunded"] == "50.00"
    order.is_told("Recebemos o seu pedido", "Seu pedido", "Devolvemos")


def test_a_refund_that_is_declined_is_shown_and_the_money_still_owed(
    shop: Shop, senders: Senders
) -> None:
    order = _paid_later(shop, senders, REFUND_DECLINED)

    order.cancel()

    shown = order.becomes("cancelled", "refund_failed")
    (refund,) = shown["refunds"]
    assert (refund["state"], refund["amount"]) == ("failed", "50.00")
    assert shown["payment"]["refunded"] == "0.00"


def test_a_refund_that_takes_time_is_closed_by_the_providers_callback(
    shop: Shop, senders: Senders
) -> None:
    order = _paid_later(shop, senders, REFUND_PENDING)
    order.cancel()
    (refund,) = order.becomes("cancelled", "refunding")["refunds"]

    senders.payment("refunded", order, refund_id=refund["id"], reference="e2e-refund")

    assert order.becomes("cancelled", "refunded")["payment"]["refunded"] == "50.00"
    order.is_told("Recebemos o seu pedido", "Seu pedido", "Devolvemos")


def test_an_authorisation_that_comes_after_the_cancellation_is_voided(
    shop: Shop, senders: Senders
) -> None:
    order = shop.place(shop.item(1), payment=card(PENDING_CARD))
    order.awaits("payment")
    order.cancel()
    order.becomes("cancelled")

    senders.payment("authorized", order, reference="e2e-late")

    voided = order.shows(lambda view: view["payment"]["voided"] == "50.00")
    assert voided["state"] == "cancelled"


def test_a_stripe_payment_is_held_then_taken(shop: Shop, provider: Provider) -> None:
    order = shop.place(shop.item(1), payment=by_stripe(provider.card()))
    order.becomes("released")
    (held,) = provider.charges_of(order.id)

    order.fulfil()

    order.becomes("completed")
    (taken,) = provider.charges_of(order.id)
    assert (held.status, held.amount) == ("requires_capture", 5000)
    assert (taken.status, taken.id) == ("succeeded", held.id)


def test_a_stripe_payment_of_a_cancelled_order_is_let_go(shop: Shop, provider: Provider) -> None:
    order = shop.place(shop.item(1), payment=by_stripe(provider.card()))
    order.becomes("released")

    order.cancel()

    assert order.becomes("cancelled")["payment"]["voided"] == "50.00"
    (charge,) = provider.charges_of(order.id)
    assert charge.status == "canceled"


def _paid_later(shop: Shop, senders: Senders, token: str) -> Placed:
    """An order that is released and whose payment was captured before it shipped.

    The simulator's cards are captured at the end, when nothing can be cancelled any more; here the
    provider tells of a capture earlier.
    """
    order = shop.place(shop.item(1), payment=card(token))
    order.becomes("released")
    senders.payment("captured", order, reference="e2e-capture")
    order.shows(lambda view: view["payment"]["captured"] == "50.00")
    return order
