from dataclasses import replace
from datetime import timedelta

import pytest

from oms.channels import adyen
from oms.channels.model import PaymentReported
from oms.channels.outcomes import record_payment
from oms.kernel.errors import Conflict, Invalid, NotFound
from oms.kernel.ids import order_id, payment_id
from oms.kernel.money import Money
from oms.orders import events as happened
from oms.orders.model import Order
from oms.orders.repaying import refund_of
from oms.payments.callbacks import CallbackType, PaymentCallback
from tests.unit.channels.conftest import CAUSE, PRICE, OrdersInMemory

HALF = Money(PRICE.minor // 2, "BRL")


def report(
    order: Order, kind: CallbackType, event: str = "evt_1", amount: Money = PRICE
) -> PaymentReported:
    callback = PaymentCallback(event, kind, order.payments.each[0].id, amount, f"ref_{kind}")
    return PaymentReported("simulator", callback)


def test_an_authorisation_is_recorded_once_however_often_it_is_told(
    orders: OrdersInMemory, order: Order
) -> None:
    for event in ("evt_1", "evt_1", "evt_2"):
        record_payment(report(order, "payment.authorized", event), orders, CAUSE)

    assert orders.load(order.order_id).payments.authorized == PRICE
    assert len(orders.happened) == 1


def test_money_that_was_never_authorised_is_collected_in_one_step(
    orders: OrdersInMemory, order: Order
) -> None:
    record_payment(report(order, "payment.captured"), orders, CAUSE)

    payment = orders.load(order.order_id).payments
    assert (payment.authorized, payment.captured) == (PRICE, PRICE)


def test_a_decline_is_recorded_and_a_late_one_changes_nothing(
    orders: OrdersInMemory, order: Order
) -> None:
    record_payment(report(order, "payment.declined", "evt_1"), orders, CAUSE)
    assert orders.load(order.order_id).payments.status == "declined"

    record_payment(report(order, "payment.captured", "evt_2"), orders, CAUSE)
    record_payment(report(order, "payment.declined", "evt_3"), orders, CAUSE)
    assert orders.load(order.order_id).payments.status == "captured"


def test_a_provider_cannot_speak_of_another_providers_payment(
    orders: OrdersInMemory, order: Order
) -> None:
    told = PaymentReported("stripe", report(order, "payment.captured").callback)

    with pytest.raises(Invalid) as refused:
        record_payment(told, orders, CAUSE)
    assert refused.value.problem_code == "unknown_payment"
    assert orders.happened == []


def test_an_amount_in_another_currency_is_refused(orders: OrdersInMemory, order: Order) -> None:
    with pytest.raises(Invalid) as refused:
        record_payment(
            report(order, "payment.authorized", amount=Money(5990, "USD")), orders, CAUSE
        )
    assert refused.value.problem_code == "wrong_currency"


def test_more_than_was_asked_for_is_recorded_and_given_back(
    orders: OrdersInMemory, order: Order
) -> None:
    record_payment(report(order, "payment.captured", amount=Money(5991, "BRL")), orders, CAUSE)
    payments = orders.load(order.order_id).payments
    assert (payments.captured.minor, payments.refund_pending.minor) == (5991, 1)


def test_a_payment_of_an_order_that_has_not_come_yet_may_be_told_again(
    orders: OrdersInMemory,
) -> None:
    callback = PaymentCallback(
        "evt_1", "payment.captured", payment_id(order_id("web", "id:2"), 1), PRICE
    )

    with pytest.raises(NotFound):
        record_payment(PaymentReported("simulator", callback), orders, CAUSE)


def test_an_id_that_others_chose_for_theirs_is_not_taken_for_ours(
    orders: OrdersInMemory, order: Order
) -> None:
    (payment,) = order.payments.each
    held = replace(report(order, "payment.authorized").callback, reference="HOLD1")
    record_payment(PaymentReported("simulator", held), orders, CAUSE)
    theirs = PaymentCallback(
        "evt_2", "payment.captured", "pay_29QQoUBi66xm2f", PRICE, "C1", authorization="HOLD1"
    )

    record_payment(PaymentReported("simulator", theirs), orders, CAUSE)
    assert orders.load(order.order_id).payments.find(payment.id).captured == PRICE

    with pytest.raises(NotFound) as refused:
        record_payment(
            PaymentReported("simulator", replace(theirs, authorization="HOLD2")), orders, CAUSE
        )
    assert refused.value.problem_code == "unknown_payment"


def test_a_refund_over_two_payments_of_a_provider_is_told_of_each_by_its_name(
    orders: OrdersInMemory, order: Order
) -> None:
    first = order.payments.each[0]
    second = replace(first, id=f"{first.id[:-1]}2", added_as="again")
    order = orders.commit(order, (happened.PaymentAdded(second),), CAUSE)
    for payment, name in ((first, "HOLD1"), (second, "HOLD2")):
        kinds: tuple[CallbackType, ...] = ("payment.authorized", "payment.captured")
        for kind in kinds:
            told = PaymentCallback(
                f"{name}:{kind}", kind, payment.id, HALF, name, authorization=name
            )
            record_payment(PaymentReported("simulator", told), orders, CAUSE)
    order = orders.load(order.order_id)
    order = orders.commit(order, (refund_of(order, PRICE.minor, "goodwill"),), CAUSE)
    (refund,) = order.progress.refunds
    assert [part.amount for part in refund.parts] == [HALF.minor] * 2

    told = PaymentCallback(
        "evt_3", "payment.refunded", "", HALF, "R2", refund_id=refund.id, authorization="HOLD2"
    )
    record_payment(PaymentReported("simulator", told), orders, CAUSE)

    payments = orders.load(order.order_id).payments
    assert not payments.find(first.id).refunded
    assert payments.find(second.id).refunded == HALF


def test_a_dispute_that_is_lost_after_it_was_won_takes_the_money_a_second_time(
    orders: OrdersInMemory, order: Order
) -> None:
    """Adyen calls all three by the dispute's name."""
    record_payment(report(order, "payment.captured"), orders, CAUSE)
    (payment,) = order.payments.each
    for hour, code in enumerate(("CHARGEBACK", "CHARGEBACK_REVERSED", "SECOND_CHARGEBACK")):
        told = adyen.callback_of(
            adyen.AdyenItem(
                event_code=code,
                success=True,
                at=CAUSE.at + timedelta(hours=hour),
                amount=PRICE,
                payment_ref="HOLD1",
                event_ref="DISPUTE1",
                merchant_reference=payment.id,
                reason="",
                modification="",
            )
        )
        assert told is not None
        record_payment(PaymentReported("simulator", told), orders, CAUSE)

    found = orders.load(order.order_id).payments.find(payment.id).balances
    assert (found.charged_back, found.charged) == (PRICE.minor, 0)


@pytest.mark.parametrize("changed", ["amount", "type"])
def test_another_fact_under_an_events_id_is_not_passed_over(
    orders: OrdersInMemory, order: Order, changed: str
) -> None:
    first = report(order, "payment.captured")
    record_payment(first, orders, CAUSE)
    other = {"amount": HALF} if changed == "amount" else {"type": "payment.charged_back"}
    told = replace(first.callback, reference="another", **other)

    with pytest.raises(Conflict) as refused:
        record_payment(PaymentReported("simulator", told), orders, CAUSE)
    assert refused.value.problem_code == "payment_entry_mismatch"


def test_a_capture_that_is_final_lets_go_of_the_rest(orders: OrdersInMemory, order: Order) -> None:
    record_payment(report(order, "payment.authorized"), orders, CAUSE)
    taken = replace(report(order, "payment.captured", "evt_2", HALF).callback, final=True)

    for _ in range(2):
        record_payment(PaymentReported("simulator", taken), orders, CAUSE)

    (payment,) = orders.load(order.order_id).payments.each
    assert (payment.captured, payment.voided, payment.capturable.minor) == (HALF, HALF, 0)


def test_a_final_capture_that_is_told_before_its_hold_leaves_nothing_held(
    orders: OrdersInMemory, order: Order
) -> None:
    hold = replace(report(order, "payment.authorized").callback, reference="HOLD1")
    taken = report(order, "payment.captured", "evt_2", HALF).callback

    for told in (replace(taken, final=True, authorization="HOLD1"), hold):
        record_payment(PaymentReported("simulator", told), orders, CAUSE)

    (payment,) = orders.load(order.order_id).payments.each
    assert (payment.captured, payment.capturable.minor) == (HALF, 0)
