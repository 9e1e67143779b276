"""Orders paid, delivered and refunded by the use cases themselves, against files made of what the
provider did."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from oms.kernel.clock import rfc3339
from oms.kernel.money import Money
from oms.orders import capturing, decisions, payment
from oms.orders import events as happened
from oms.orders.giving_back import give_back
from oms.orders.model import Order
from oms.orders.repaying import refund_of
from oms.payments.providers import PaymentProvider
from oms.payments.simulator import Simulator
from tests.integration.world import World
from tests.samples import CAUSE, NOW, allocated, content

from .conftest import Call, Project

HEAD = "provider_reference,payment_id,type,amount,currency,fee,settled_at"
Row = dict[str, str]


def simulator(name: str) -> PaymentProvider:
    assert name == "simulator"
    return Simulator()


def credited(account: str, customer: str, amount: Money, key: str) -> str:
    return "acc_1"


def completed(oms: World, number: str) -> Order:
    """Held, shipped, delivered, and taken."""
    order = oms.capture(content(number=number))
    order_id = order.order_id
    oms.orders.commit(order, (happened.OrderSourced(allocated(order), "rule", "why"),), CAUSE)
    payment.authorize(order_id, oms.orders, simulator, CAUSE)
    order = oms.orders.load(order_id)
    order = oms.orders.commit(order, decisions.release(order), CAUSE)
    part = order.progress.fulfillments[0].id
    steps = (
        happened.FulfillmentShipped(part, "Correios", "BR1"),
        happened.FulfillmentDelivered(part),
    )
    oms.orders.commit(order, steps, CAUSE)
    return capturing.settle(order_id, oms.orders, simulator, CAUSE)


def refunded(oms: World, order: Order, minor: int, to: str = "") -> Order:
    """Goodwill, so that no line has to come back."""
    asked = refund_of(order, minor, "goodwill", granted=minor, goodwill=minor)
    asked = replace(asked, to=to)
    oms.orders.commit(order, (asked,), CAUSE)
    return give_back(order.order_id, asked.refund_id, oms.orders, simulator, credited, CAUSE)


def provider_rows(oms: World, *orders: Order) -> list[Row]:
    """What the provider would report, told by its own answers."""
    rows = []
    for order in orders:
        for event in oms.orders.history(order.order_id):
            if event.type not in ("payment_captured", "payment_refunded"):
                continue
            captured = event.type == "payment_captured"
            name = "provider_reference" if captured else "reference"
            amount = event.data["amount"]
            assert isinstance(amount, int)
            rows.append(
                {
                    "provider_reference": str(event.data[name]),
                    "payment_id": str(event.data["payment_id"]),
                    "type": "capture" if captured else "refund",
                    "amount": str(Money(amount, "BRL")),
                    "currency": "BRL",
                    "fee": "0.50",
                    "settled_at": rfc3339(event.at),
                }
            )
    return rows


def reconciled(call: Call, rows: list[Row]) -> dict[str, Any]:
    csv = "\n".join([HEAD, *(",".join(row[name] for name in HEAD.split(",")) for row in rows)])
    status, report = call(
        "POST /v1/settlements",
        {
            "provider": "simulator",
            "format": "generic",
            "from": rfc3339(NOW - timedelta(days=1)),
            "to": rfc3339(NOW + timedelta(days=6)),
            "csv": csv,
        },
    )
    assert status == 201, report
    _, page = call(f"GET /v1/settlements/{report['id']}/differences")
    return {**report, "listed": page["differences"]}


def kinds_of(report: dict[str, Any]) -> list[str]:
    return [one["kind"] for one in report["listed"]]


@pytest.fixture
def orders(oms: World, project: Project) -> list[Order]:
    """Two of 30.00, of which the first was refunded twice."""
    first, second = completed(oms, "1"), completed(oms, "2")
    first = refunded(oms, refunded(oms, first, 1000), 500)
    for order in (first, second):
        project(order.order_id)
    return [first, second]


def test_what_the_use_cases_did_is_what_a_faithful_file_says(
    oms: World, call: Call, orders: list[Order]
) -> None:
    report = reconciled(call, provider_rows(oms, *orders))
    assert (report["counts"]["matched"], report["listed"]) == (4, [])
    assert [(one["type"], one["ours"], one["theirs"]) for one in report["totals"]] == [
        ("capture", "60.00", "60.00"),
        ("refund", "15.00", "15.00"),
    ]
    captured = sum(order.payments.captured.minor for order in orders)
    returned = sum(order.payments.refunded.minor for order in orders)
    assert (captured, returned) == (6000, 1500)
    assert report["fees"] == [{"currency": "BRL", "amount": "2.00"}]


def test_rows_that_name_the_payment_alone_are_told_apart(
    oms: World, call: Call, orders: list[Order]
) -> None:
    rows = [{**row, "provider_reference": ""} for row in provider_rows(oms, *orders)]
    report = reconciled(call, rows[::-1])
    assert (report["counts"]["matched"], report["listed"]) == (4, [])


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        (lambda rows: rows[1:], "missing_at_provider"),
        (
            lambda rows: [*rows, {**rows[0], "payment_id": "x", "provider_reference": "y"}],
            "unknown_to_us",
        ),
        (lambda rows: [{**rows[0], "amount": "29.99"}, *rows[1:]], "amount_differs"),
        (lambda rows: [{**rows[0], "currency": "USD"}, *rows[1:]], "currency_differs"),
        (lambda rows: [*rows, rows[0]], "duplicate_at_provider"),
    ],
)
def test_each_kind_of_difference_is_found_alone(
    oms: World, call: Call, orders: list[Order], change: Any, kind: str
) -> None:
    report = reconciled(call, change(provider_rows(oms, *orders)))
    assert kinds_of(report) == [kind]


def test_what_is_young_is_in_transit(
    oms: World, call: Call, project: Project, orders: list[Order]
) -> None:
    order = orders[1]
    young = replace(CAUSE, at=NOW + timedelta(days=3))
    dispute = happened.ChargedBack(order.payments.each[0].id, 700, "dp_1", "k1", young.at)
    order = oms.orders.commit(oms.orders.load(order.order_id), (dispute,), young)
    project(order.order_id)
    report = reconciled(call, provider_rows(oms, *orders))
    assert kinds_of(report) == ["in_transit"]
    assert report["listed"][0]["type"] == "chargeback"


def test_a_refund_as_store_credit_is_nothing_that_the_provider_moved(
    oms: World, call: Call, project: Project
) -> None:
    order = refunded(oms, completed(oms, "1"), 1000, to="store_credit")
    project(order.order_id)
    rows = [row for row in provider_rows(oms, order) if row["type"] == "capture"]
    report = reconciled(call, rows)
    assert (report["counts"]["matched"], report["listed"]) == (1, [])


def test_events_in_any_order_and_however_often_make_the_same_model(
    oms: World, call: Call, project: Project, orders: list[Order]
) -> None:
    for order in orders:
        for event in [*oms.orders.history(order.order_id)][::-1] * 2:
            project(event)
    report = reconciled(call, provider_rows(oms, *orders))
    assert (report["counts"]["matched"], report["listed"]) == (4, [])
