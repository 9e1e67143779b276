"""What time does to an order that waits, and what happens when trying again does not help."""

from tests.e2e.bus import DeadLetters, reason_of
from tests.e2e.patience import MAX_ESCALATIONS, Patience
from tests.e2e.receiver import Receiver
from tests.e2e.shop import Shop
from tests.e2e.stack import eventually

LONG = 120


def test_an_order_whose_stock_never_comes_is_cancelled(patient: Patience, shop: Shop) -> None:
    order = patient.never_restocked

    cancelled = order.becomes("cancelled", seconds=LONG)

    assert cancelled["cancel_reason"] == "stock_expired"
    (line,) = cancelled["lines"]
    assert line["quantities"]["cancelled"] == 1
    shop.receive(line["sku"], 1)
    assert shop.place(line["sku"]).becomes("released")


def test_an_order_that_is_never_paid_is_cancelled_and_its_stock_released(
    patient: Patience, shop: Shop
) -> None:
    order = patient.never_paid

    cancelled = order.becomes("cancelled", seconds=LONG)

    assert cancelled["cancel_reason"] == "payment_expired"
    assert shop.stock(cancelled["lines"][0]["sku"])["available"] == 1
    order.is_told("Recebemos o seu pedido", "Seu pedido")


def test_a_payment_that_comes_after_its_time_is_given_back(patient: Patience) -> None:
    closed = patient.paid_too_late_closed.result(timeout=LONG)

    assert closed["cancel_reason"] == "payment_expired"
    assert closed["payment"]["captured"] == closed["payment"]["refunded"] == "50.00"
    patient.paid_too_late.is_told("Recebemos o seu pedido", "Seu pedido", "Devolvemos")


def test_work_that_is_late_is_told_and_may_still_be_done(patient: Patience) -> None:
    completed = patient.shipped_late_completed.result(timeout=LONG)

    assert completed["status"] == "completed"
    assert "fulfillment_overdue" in patient.shipped_late.event_types()


def test_work_that_is_never_done_is_shown_to_a_person_who_may_cancel_it(
    patient: Patience, shop: Shop
) -> None:
    order = patient.never_shipped
    shown = order.becomes("released", "exception", seconds=LONG)
    overdue = order.event_types().count("fulfillment_overdue")
    eventually(lambda: order.execution() == "FAILED")

    order.cancel("the store has closed")

    assert (shown["exception"], overdue) == (
        "AwaitFulfillment: FulfillmentOverdue",
        MAX_ESCALATIONS,
    )
    cancelled = order.becomes("cancelled")
    assert cancelled["payment"]["voided"] == "50.00"
    assert shop.stock(cancelled["lines"][0]["sku"])["available"] == 1


def test_a_delivery_that_is_told_of_before_its_shipment_is_not_forgotten(patient: Patience) -> None:
    completed = patient.told_delivered_too_early_completed.result(timeout=LONG)

    assert completed["state"] == "completed"
    order = patient.told_delivered_too_early
    assert order.event_types().count("fulfillment_delivered") == 1


def test_a_capture_that_is_declined_is_shown_to_a_person(patient: Patience) -> None:
    shown = patient.never_captured_shown.result(timeout=LONG)

    assert shown["exception"] == "Settle: PaymentRefused"
    assert shown["payment"]["captured"] == "0.00"
    eventually(lambda: patient.never_captured.execution() == "FAILED")


def test_a_provider_that_never_answers_is_shown_to_a_person(patient: Patience) -> None:
    order = patient.never_answered

    shown = order.becomes("sourced", "exception", seconds=60)

    assert shown["exception"] == "Authorize: ProviderUnavailable"
    eventually(lambda: order.execution() == "FAILED")


def test_an_order_is_resumed_when_the_provider_is_back(patient: Patience) -> None:
    order = patient.never_answered
    order.becomes("sourced", "exception", seconds=60)

    patient.provider_is_back.set()
    resumed = order.resume()

    assert resumed.status_code == 202
    assert order.becomes("released")["payment"]["authorized"] == "50.00"
    order.fulfil()
    assert order.becomes("completed")["exception"] == ""
    assert order.resume().status_code == 409


def test_a_channel_that_refuses_is_told_again_and_again_then_it_is_set_aside(
    patient: Patience, receiver: Receiver, dead_letters: DeadLetters
) -> None:
    order = patient.on_a_deaf_channel

    parked = dead_letters.gets("callbacks", order.id, seconds=60)

    assert reason_of(parked) == "callback_not_accepted"
    tries = [asked for asked in receiver.about(order.id) if b"order.captured" in asked.body]
    assert len(tries) == 3
    assert len({asked.headers["webhook-id"] for asked in tries}) == 1
    assert order.becomes("released")
