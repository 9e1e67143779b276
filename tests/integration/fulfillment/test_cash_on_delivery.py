"""Cash on delivery: a parcel against money at the door, told by its driver or by its carrier."""

from dataclasses import replace

import pytest

from oms.channels.carrier import read
from oms.channels.model import Delivery, ParcelReported
from oms.fulfillment.arrival import take_report
from oms.fulfillment.joint_shipments import unfit
from oms.fulfillment.tracking import TrackingReport, TrackingStatus
from oms.fulfillment.worklist import find
from oms.kernel.errors import Invalid, PaymentRefused
from oms.kernel.ids import order_of
from oms.kernel.money import Money
from oms.orders import at_the_door, by_hand, capturing, decisions, payment
from oms.orders import events as happened
from oms.orders.model import Allocation, FulfillmentState, Order, PaymentRequest, State
from oms.payments.in_person import Collected
from oms.payments.paid_in_person import DRIVER, PaidInPerson
from tests.integration.fulfillment.station import at_the_node, parcels_of
from tests.integration.fulfillment.test_tracking_reports import shipments_of
from tests.integration.gateway import Gateway
from tests.integration.world import World
from tests.samples import CAUSE, NOW, content, line, money

NODES = {"MUG": "sp-dc", "TEE": "rj-store"}


def courier(name: str) -> PaidInPerson:
    return DRIVER


def at_the_door_of(oms: World) -> Order:
    """Two parcels of 10.00 each on their way, with 5.00 for shipping, and nothing paid."""
    of = replace(
        content(line("MUG"), line("TEE")),
        shipping=money(500),
        total=money(2500),
        payments=(PaymentRequest("cash_on_delivery", "courier", money(0)),),
    )
    order = oms.capture(of)
    held = tuple(
        Allocation(each.line_id, each.sku, NODES[each.sku], each.quantity, tracked=False)
        for each in of.lines
    )
    oms.orders.commit(order, (happened.OrderSourced(held, "rule", "why"),), CAUSE)
    assert not payment.authorize(order.order_id, oms.orders, courier, CAUSE).pending
    order = oms.orders.load(order.order_id)
    order = oms.orders.commit(order, decisions.release(order), CAUSE)
    for part in order.progress.fulfillments:
        steps = (
            happened.FulfillmentAccepted(part.id),
            happened.FulfillmentPicked(part.id),
            happened.FulfillmentPacked(part.id),
            happened.FulfillmentShipped(part.id, "Correios", f"BR-{part.node}"),
        )
        order = oms.orders.commit(order, steps, CAUSE)
    return order


def paid(amount: str, reference: str = "r1") -> dict[str, object]:
    return {"collected": {"amount": amount, "reference": reference, "tender": "cash"}}


def test_a_parcel_is_delivered_against_what_is_due_for_it(oms: World, call: Gateway) -> None:
    order = at_the_door_of(oms)
    first, second = (part.id for part in order.progress.fulfillments)

    nothing: tuple[dict[str, object] | None, ...] = (None, {})
    for body in nothing:
        status, problem = call("fulfillment", f"POST /v1/fulfillments/{first}/deliver", body)
        assert (status, problem["code"], problem["due"]) == (422, "payment_due", "15.00")
    status, problem = call("fulfillment", f"POST /v1/fulfillments/{first}/deliver", paid("10.00"))
    assert (status, problem["code"], problem["due"]) == (422, "wrong_amount", "15.00")
    for _ in range(2):
        status, _ = call("fulfillment", f"POST /v1/fulfillments/{first}/deliver", paid("15.00"))
        assert status == 200
    status, problem = call("fulfillment", f"POST /v1/fulfillments/{second}/deliver", paid("10.00"))
    assert (status, problem["code"]) == (422, "receipt_used")
    status, _ = call("fulfillment", f"POST /v1/fulfillments/{second}/deliver", paid("10.00", "r2"))
    assert status == 200

    done = capturing.settle(order.order_id, oms.orders, courier, CAUSE)
    assert (done.state, done.payments.captured.minor) == (State.COMPLETED, 2500)


def test_money_is_refused_at_the_door_of_who_has_paid_another_way(
    oms: World, call: Gateway
) -> None:
    part = at_the_node(oms)
    order = oms.orders.load(order_of(part))
    oms.orders.commit(order, (happened.FulfillmentShipped(part, "Correios", "BR1"),), CAUSE)

    status, problem = call("fulfillment", f"POST /v1/fulfillments/{part}/deliver", paid("30.00"))

    assert (status, problem["code"]) == (422, "nothing_due")
    assert call("fulfillment", f"POST /v1/fulfillments/{part}/deliver")[0] == 200


def test_an_amount_that_is_none_is_a_fault_with_its_path(oms: World, call: Gateway) -> None:
    part = at_the_door_of(oms).progress.fulfillments[0].id

    status, problem = call("fulfillment", f"POST /v1/fulfillments/{part}/deliver", paid("15.001"))

    assert status == 422
    assert problem["faults"][0]["path"] == "collected.amount"


def told(part: str, node: str, status: str, collected: Collected | None = None) -> TrackingReport:
    return TrackingReport(
        f"{part}-{status}",
        part,
        f"BR-{node}",
        TrackingStatus(status),
        NOW,
        collected=collected,
    )


def test_what_a_carrier_tells_is_a_fact_and_what_is_over_goes_back(oms: World) -> None:
    order = at_the_door_of(oms)
    first, second = order.progress.fulfillments
    for part, amount in ((first, 1500), (second, 1200)):
        report = told(
            part.id, part.node, "delivered", Collected(Money(amount, "BRL"), f"r-{part.node}")
        )
        for _ in range(2):
            take_report(report, oms.orders, parcels_of(oms), shipments_of(oms), CAUSE)

    order = oms.orders.load(order.order_id)

    assert order.payments.captured.minor == 2700
    assert [(refund.amount, refund.reason) for refund in order.progress.refunds] == [
        (200, "paid_beyond_what_is_due")
    ]
    assert order.state is State.DELIVERED


def test_a_parcel_that_was_handed_over_without_the_money_is_shown_until_it_is_recorded(
    oms: World,
) -> None:
    order = at_the_door_of(oms)
    for part in order.progress.fulfillments:
        report = told(part.id, part.node, "delivered")
        take_report(report, oms.orders, parcels_of(oms), shipments_of(oms), CAUSE)

    with pytest.raises(PaymentRefused) as refused:
        capturing.settle(order.order_id, oms.orders, courier, CAUSE)
    assert refused.value.problem_code == "capture_above_authorized"

    receipt = by_hand.Receipt(Money(2500, "BRL"), "safe-7", "cash")
    payment_id = order.payments.each[0].id
    by_hand.record_receipt(order.order_id, payment_id, receipt, oms.orders, CAUSE)
    done = capturing.settle(order.order_id, oms.orders, courier, CAUSE)
    assert done.state is State.COMPLETED


def test_a_parcel_that_is_refused_at_the_door_comes_back_unpaid(oms: World) -> None:
    order = at_the_door_of(oms)
    first = order.progress.fulfillments[0]

    report = told(first.id, first.node, "returned_to_sender")
    order = take_report(report, oms.orders, parcels_of(oms), shipments_of(oms), CAUSE)

    found = order.fulfillment(first.id)
    assert found is not None
    assert (found.is_lost, order.payments.captured.minor) == (True, 0)
    assert at_the_door.due_on_delivery(order, order.progress.fulfillments[1].id).minor == 1500


def test_a_report_in_another_currency_is_refused(oms: World) -> None:
    part = at_the_door_of(oms).progress.fulfillments[0]
    report = told(part.id, part.node, "delivered", Collected(Money(1500, "USD"), "r"))

    with pytest.raises(Invalid) as refused:
        take_report(report, oms.orders, parcels_of(oms), shipments_of(oms), CAUSE)

    assert refused.value.problem_code == "wrong_currency"
    found = oms.orders.load(order_of(part.id)).fulfillment(part.id)
    assert found is not None
    assert found.state is FulfillmentState.SHIPPED


def test_a_carrier_s_webhook_tells_what_its_driver_took() -> None:
    body = """{"type": "tracking", "timestamp": "2026-05-01T12:00:00Z", "data": {
      "tracking_number": "BR1", "fulfillment_id": "ful_1", "status": "delivered",
      "collected": {"amount": "15.00", "currency": "BRL", "reference": "r1"}}}"""

    (command,) = read(Delivery("msg_1", body, {}))

    assert isinstance(command, ParcelReported)
    assert command.report.collected == Collected(Money(1500, "BRL"), "r1", "cash")


def test_what_is_paid_at_the_door_travels_alone(oms: World) -> None:
    order = at_the_door_of(oms)
    work = find(order.progress.fulfillments[0].id, oms.orders)
    open_again = replace(work, fulfillment=replace(work.fulfillment, state=FulfillmentState.OPEN))

    assert unfit(open_again) == "it is handed over against money of its own"


def test_a_receipt_that_a_carrier_tells_twice_is_recorded_once(oms: World) -> None:
    order = at_the_door_of(oms)
    part = order.progress.fulfillments[0].id
    receipt = Collected(money(1500), "r1")

    events = at_the_door.deliver_as_told(order, part, (receipt, receipt))
    taken = [one for one in events if isinstance(one, happened.PaymentCollected)]
    order = oms.orders.commit(order, events, CAUSE)

    assert len(taken) == 1
    assert order.payments.captured == money(1500)
    assert at_the_door.deliver_as_told(order, part, (receipt,)) == ()
