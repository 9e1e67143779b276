"""What time does to an order that waits."""

from tests.e2e.patience import MAX_ESCALATIONS, Patience
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


def test_a_delivery_that_is_told_of_before_its_shipment_is_heard_again(patient: Patience) -> None:
    order = patient.told_delivered_too_early

    assert order.becomes("completed", seconds=LONG)
    assert order.event("fulfillment_delivered")["by"] == "webhook:carrier"
