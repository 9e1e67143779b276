"""Money is taken with each shipment or on delivery, held anew when it has to be, and in person."""

from typing import Any

import pytest

from tests.e2e.provider import AtTheDoor, Provider, by_stripe
from tests.e2e.senders import Senders
from tests.e2e.shop import STORE, Placed, Shop, card
from tests.e2e.stack import eventually
from tests.integration.payments.servers import Answer, Answering, AnswerLost, Asked

CHANNEL = "per-shipment"


@pytest.fixture(scope="module", autouse=True)
def channel_of_its_own(shop: Shop) -> None:
    body = {"name": CHANNEL, "currencies": ["BRL"], "capture_on": "shipment"}
    answer = shop.stack.api.put(f"/v1/channels/{CHANNEL}", body)
    assert answer.status_code == 200, answer.text


def from_two_nodes(shop: Shop, **changes: Any) -> Placed:
    """80.00 and 10.00 for shipping, in two parcels."""
    return shop.place(shop.item(1), shop.item(1, node=STORE), **{"channel": CHANNEL, **changes})


def leaves(order: Placed, work: str) -> None:
    for step in ("accept", "pick", "pack", "ship"):
        answer = order.step(work, step)
        assert answer.status_code == 200, answer.text


def arrives(order: Placed, *work: str) -> None:
    for each in work:
        answer = order.step(each, "deliver")
        assert answer.status_code == 200, answer.text


def captured(order: Placed, amount: str) -> dict[str, Any]:
    return order.shows(lambda view: view["payment"]["captured"] == amount, seconds=60)


def payments(order: Placed) -> list[dict[str, Any]]:
    answer = order.stack.api.get(f"{order.path}/payments")
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["payments"]
    return found


def test_each_shipment_is_taken_as_it_leaves_and_the_rest_never_twice(shop: Shop) -> None:
    order = from_two_nodes(shop)
    first, second = order.work()

    leaves(order, first)
    assert captured(order, "50.00")["state"] == "released"
    leaves(order, second)
    captured(order, "90.00")
    arrives(order, first, second)

    order.becomes("completed")
    assert order.event_types().count("payment_captured") == 2
    assert order.event_types().count("capture_requested") == 2


def test_stripe_lets_go_of_the_rest_and_the_next_shipment_is_held_anew(
    shop: Shop, provider: Provider
) -> None:
    order = from_two_nodes(shop, payment=by_stripe(provider.card()))
    first, second = order.work()

    leaves(order, first)
    captured(order, "50.00")
    leaves(order, second)
    captured(order, "90.00")
    arrives(order, first, second)

    order.becomes("completed")
    one, two = payments(order)
    assert (one["captured"], one["voided"], two["captured"]) == ("50.00", "40.00", "40.00")
    assert two["renews"] == one["id"]
    charges = provider.charges_of(order.id)
    assert sorted(charge.status for charge in charges) == ["succeeded", "succeeded"]
    assert sorted(charge.amount for charge in charges) == [4000, 9000]


def test_two_payments_are_taken_one_after_the_other_and_the_rest_is_let_go_of(
    shop: Shop, provider: Provider
) -> None:
    ways = [{**by_stripe(provider.card()), "amount": "60.00"}, card("4242424242424242")]
    order = from_two_nodes(shop, payment=None, payments=ways)
    first, second = order.work()
    leaves(order, first)
    captured(order, "50.00")

    line = next(
        one["lines"][0]["line_id"] for one in order.now()["fulfillments"] if one["id"] == second
    )
    asked = {"reason": "not wanted", "lines": [{"line_id": line, "quantity": 1}]}
    headers = {"Idempotency-Key": f"{order.id}-1"}
    answer = order.stack.api.post(f"{order.path}/cancel", asked, headers=headers)
    assert answer.status_code in (200, 202), answer.text
    arrives(order, first)

    order.becomes("completed")
    one, two = payments(order)
    assert (one["captured"], one["voided"]) == ("50.00", "10.00")
    assert (two["captured"], two["voided"], two["status"]) == ("0.00", "30.00", "voided")


def test_a_hold_that_has_expired_is_renewed_and_taken(shop: Shop) -> None:
    order = shop.place(shop.item(1), payment=card("authorization_lapses"))

    order.fulfil()

    order.becomes("completed")
    one, two = payments(order)
    assert (one["captured"], one["status"]) == ("0.00", "voided")
    assert (two["captured"], two["renews"]) == ("50.00", one["id"])


def test_a_renewal_that_is_declined_is_shown_and_another_payment_settles_it(shop: Shop) -> None:
    order = from_two_nodes(shop, payment=card("renewal_declined"))
    first, second = order.work()

    leaves(order, first)

    order.shows(lambda view: view["status"] == "payment_failed", seconds=60)
    eventually(order.as_exception)
    assert order.execution() == "RUNNING"
    body = {"method": "card", "provider": "simulator", "token": "4242424242424242"}
    added = order.stack.api.call(
        "POST", f"{order.path}/payments", json=body, headers={"Idempotency-Key": f"{order.id}-1"}
    )
    assert added.status_code == 201, added.text
    order.shows(lambda view: view["payment"]["capturable"] == "90.00", seconds=60)
    asked = order.stack.api.call(
        "POST",
        f"{order.path}/payments/{added.json()['id']}/capture",
        headers={"Idempotency-Key": f"{order.id}-2"},
        json={"amount": "50.00"},
    )
    assert asked.status_code == 200, asked.text
    captured(order, "50.00")
    leaves(order, second)
    arrives(order, first, second)
    assert order.becomes("completed")["payment"]["captured"] == "90.00"


@pytest.mark.parametrize("token", ["capture_silent", "answers_wrong"])
def test_a_provider_that_is_silent_or_wrong_is_asked_again_and_takes_once(
    shop: Shop, token: str
) -> None:
    order = from_two_nodes(shop, payment=card(token))
    first, second = order.work()

    leaves(order, first)
    leaves(order, second)
    arrives(order, first, second)

    assert order.becomes("completed", seconds=90)["payment"]["captured"] == "90.00"
    types = order.event_types()
    assert types.count("payment_captured") == 2
    assert types.count("payment_unknown") >= 1
    assert "payment_failed" not in types


def wrong(asked: Asked, behind: Answering) -> Answer:
    """The hold is made, and what comes back is about something else."""
    behind(asked)
    document = {"id": "pi_other", "object": "payment_intent", "status": "requires_capture"}
    return Answer.of(200, {**document, "amount": 1})


def broken(asked: Asked, behind: Answering) -> Answer:
    behind(asked)
    return Answer.error(500, type="api_error", message="broken")


def cut_off(asked: Asked, behind: Answering) -> Answer:
    behind(asked)
    raise AnswerLost


@pytest.mark.parametrize("fault", [wrong, broken, cut_off])
def test_whatever_stripe_answers_at_first_the_customer_is_charged_once(
    shop: Shop, provider: Provider, fault: AtTheDoor
) -> None:
    asked_before: list[str] = []

    def at_first(asked: Asked, behind: Answering) -> Answer:
        asked_before.append(asked.path)
        return fault(asked, behind) if len(asked_before) < 4 else behind(asked)

    order = shop.place(shop.item(1), payment=by_stripe(provider.card(at_first)))
    order.shows(lambda view: view["state"] == "released", seconds=60)
    assert order.event_types().count("payment_unknown") == 1

    order.fulfil()

    assert order.becomes("completed")["payment"]["captured"] == "50.00"
    (charge,) = provider.charges_of(order.id)
    assert (charge.status, charge.amount) == ("succeeded", 5000)


def test_a_delivered_order_waits_for_a_capture_that_is_decided_later(
    shop: Shop, senders: Senders
) -> None:
    order = shop.place(shop.item(1), payment=card("capture_pending"))
    order.fulfil()
    order.awaits("capture")
    assert order.now()["state"] == "delivered"

    for _ in range(2):
        senders.payment("captured", order, event_id=f"evt-{order.id}", reference="e2e-late")

    assert order.becomes("completed")["payment"]["captured"] == "50.00"
    assert order.event_types().count("payment_captured") == 1


def test_the_driver_takes_the_money_at_the_door(shop: Shop) -> None:
    order = shop.place(shop.item(1), payment={"method": "cash_on_delivery", "provider": "courier"})
    (work,) = order.ship()

    refused = order.step(work, "deliver")
    assert (refused.status_code, refused.json()["code"]) == (422, "payment_due")
    assert refused.json()["due"] == "50.00"
    collected = {"amount": "50.00", "reference": f"r-{order.id[-8:]}", "tender": "cash"}
    paid = order.stack.api.post(f"/v1/fulfillments/{work}/deliver", {"collected": collected})
    assert paid.status_code == 200, paid.text

    assert order.becomes("completed")["payment"]["captured"] == "50.00"


def test_a_transfer_that_came_in_parts_lets_the_order_go_on(shop: Shop) -> None:
    order = shop.place(shop.item(1), payment={"method": "bank_transfer", "provider": "bank"})
    order.becomes("sourced", "awaiting_bank_transfer")
    order.awaits("payment")
    (payment,) = payments(order)
    receipts = f"{order.path}/payments/{payment['id']}/receipts"

    for reference, amount in (("tx-1", "20.00"), ("tx-2", "31.00"), ("tx-2", "31.00")):
        told = {"amount": amount, "reference": reference}
        answer = order.stack.api.post(receipts, told)
        assert answer.status_code == 200, answer.text

    shown = order.becomes("released")
    assert shown["payment"]["captured"] == "51.00"
    order.shows(lambda view: view["payment"]["refunded"] == "1.00")


def test_a_payment_that_is_approved_on_a_page_goes_on_when_it_was(
    shop: Shop, senders: Senders
) -> None:
    order = shop.place(shop.item(1), payment={"method": "paypal", "provider": "simulator"})
    order.becomes("sourced", "awaiting_paypal")
    (payment,) = payments(order)
    assert payment["instructions"].startswith("https://")

    senders.payment("authorized", order, reference="e2e-paypal")

    order.fulfil()
    assert order.becomes("completed")["payment"]["captured"] == "50.00"
