import pytest

from oms.channels.model import ParcelDelivered, PaymentReported
from oms.channels.outcomes import record_delivery, record_payment
from oms.kernel.errors import Conflict, Invalid, NotFound
from oms.kernel.ids import fulfillment_id, order_id, payment_id
from oms.kernel.money import Money
from oms.orders import decisions
from oms.orders.command import execute
from oms.orders.model import Allocation, Order
from oms.payments.callbacks import CallbackType, PaymentCallback
from tests.unit.channels.conftest import CAUSE, PRICE, OrdersInMemory


def report(
    order: Order, kind: CallbackType, event: str = "evt_1", amount: Money = PRICE
) -> PaymentReported:
    callback = PaymentCallback(event, kind, order.payment.id, amount, f"ref_{kind}")
    return PaymentReported("simulator", callback)


def shipped(orders: OrdersInMemory, order: Order) -> str:
    """The order's one fulfilment, on its way."""
    work = fulfillment_id(order.order_id, 1)
    steps = (
        lambda o: decisions.source(o, (Allocation("1", "MUG", "sp", 1),), "nearest", ""),
        lambda o: decisions.authorize_payment(o, PRICE.minor, "ref", "key"),
        decisions.release,
        lambda o: decisions.accept(o, work),
        lambda o: decisions.pick(o, work),
        lambda o: decisions.pack(o, work),
        lambda o: decisions.ship(o, work, "carrier", "TRACK-1"),
    )
    for step in steps:
        execute(orders, order.order_id, step, CAUSE)
    return work


def test_an_authorisation_is_recorded_once_however_often_it_is_told(
    orders: OrdersInMemory, order: Order
) -> None:
    for event in ("evt_1", "evt_1", "evt_2"):
        record_payment(report(order, "payment.authorized", event), orders, CAUSE)

    assert orders.load(order.order_id).payment.authorized == PRICE
    assert len(orders.happened) == 1


def test_money_that_was_never_authorised_is_collected_in_one_step(
    orders: OrdersInMemory, order: Order
) -> None:
    record_payment(report(order, "payment.captured"), orders, CAUSE)

    payment = orders.load(order.order_id).payment
    assert (payment.authorized, payment.captured) == (PRICE, PRICE)


def test_a_decline_is_recorded_and_a_late_one_changes_nothing(
    orders: OrdersInMemory, order: Order
) -> None:
    record_payment(report(order, "payment.declined", "evt_1"), orders, CAUSE)
    assert orders.load(order.order_id).payment.status == "declined"

    record_payment(report(order, "payment.captured", "evt_2"), orders, CAUSE)
    record_payment(report(order, "payment.declined", "evt_3"), orders, CAUSE)
    assert orders.load(order.order_id).payment.status == "captured"


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


def test_more_than_was_asked_for_is_refused(orders: OrdersInMemory, order: Order) -> None:
    with pytest.raises(Conflict):
        record_payment(report(order, "payment.captured", amount=Money(5991, "BRL")), orders, CAUSE)
    assert orders.happened == []


def test_a_payment_of_an_order_that_has_not_come_yet_may_be_told_again(
    orders: OrdersInMemory,
) -> None:
    callback = PaymentCallback(
        "evt_1", "payment.captured", payment_id(order_id("web", "id:2"), 1), PRICE
    )

    with pytest.raises(NotFound):
        record_payment(PaymentReported("simulator", callback), orders, CAUSE)


def test_a_parcel_is_delivered_once_however_often_it_is_told(
    orders: OrdersInMemory, order: Order
) -> None:
    work = shipped(orders, order)
    before = len(orders.happened)

    for _ in range(2):
        record_delivery(ParcelDelivered(work, "TRACK-1"), orders, CAUSE)

    assert len(orders.happened) == before + 1
    assert orders.load(order.order_id).state == "delivered"


def test_a_parcel_with_another_tracking_number_is_not_this_one(
    orders: OrdersInMemory, order: Order
) -> None:
    work = shipped(orders, order)

    with pytest.raises(Conflict) as refused:
        record_delivery(ParcelDelivered(work, "TRACK-2"), orders, CAUSE)
    assert refused.value.problem_code == "other_tracking_number"


def test_a_parcel_delivered_before_it_is_known_to_have_left_may_be_told_again(
    orders: OrdersInMemory, order: Order
) -> None:
    with pytest.raises(NotFound):
        record_delivery(
            ParcelDelivered(fulfillment_id(order.order_id, 1), "TRACK-1"), orders, CAUSE
        )
