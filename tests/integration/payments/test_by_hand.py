"""Payments in a person's hands, over HTTP: captured, let go of, and money that came in."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from oms.aws import secrets
from oms.kernel.ids import order_id, payment_id
from oms.orders import capturing, paying, payment, taking
from oms.orders import events as happened
from oms.orders.model import Content, Order, PaymentRequest, State
from oms.payments.bank_account import BankAccount
from oms.payments.model import Payment
from tests.integration.gateway import Gateway, gateway
from tests.integration.orders.test_payment import sourced
from tests.integration.payments.bookkeeper import Bookkeeper
from tests.integration.world import World, world
from tests.samples import CAUSE, content, money

TOTAL = 3000


@pytest.fixture
def oms() -> Iterator[World]:
    with world() as made:
        yield made


@pytest.fixture
def call(oms: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[Gateway]:
    monkeypatch.setenv("GIFT_CARD_SECRET", "gift-card")
    monkeypatch.setattr(secrets.Secrets, "read", lambda self, secret_id: "a secret")
    with gateway(monkeypatch) as made:
        yield made


def of_method(method: str, provider: str, collected: int = 0) -> Content:
    asked = (PaymentRequest(method, provider, money(collected), reference="theirs"),)
    return replace(content(), payments=asked)


def held(oms: World, provider: Bookkeeper, of: Content | None = None) -> Order:
    order = sourced(oms, of or content())
    payment.authorize(order.order_id, oms.orders, provider.named, CAUSE)
    return oms.orders.load(order.order_id)


def awaiting_transfer(oms: World, of: Content | None = None) -> Order:
    order = sourced(oms, of or of_method("bank_transfer", "bank"))
    asked = payment.authorize(order.order_id, oms.orders, lambda name: BankAccount(), CAUSE)
    assert asked.pending
    return oms.orders.load(order.order_id)


def path(order: Order, what: str, number: int = 0) -> str:
    own = order.payments.each[number].id
    return f"POST /v1/orders/{order.order_id}/payments/{own}/{what}"


def ask(
    call: Gateway, order: Order, what: str, body: dict[str, Any] | None = None, key: str = "k1"
) -> tuple[int, Any]:
    headers = {"Idempotency-Key": key} if key else {}
    return call("payments", path(order, what), body, headers=headers)


def test_a_capture_is_asked_for_once_by_its_key(oms: World, call: Gateway) -> None:
    provider = Bookkeeper()
    order = held(oms, provider)

    for _ in range(2):
        status, shown = ask(call, order, "capture", {"amount": "10.00"})
        assert (status, shown["capturable"]) == (200, "20.00")
    again, problem = ask(call, order, "capture", {"amount": "11.00"})
    (asked,) = paying.open_captures(oms.orders.load(order.order_id))
    capturing.capture(order.order_id, asked.key, oms.orders, provider.named, CAUSE)

    assert (again, problem["code"]) == (409, "content_differs")
    assert provider.total("captured") == 1000


@pytest.mark.parametrize(
    ("body", "code", "status"),
    [
        ({"amount": "30.01"}, "capture_above_authorized", 409),
        ({"amount": "0"}, "invalid_amount", 422),
        ({"amount": "1.001"}, "too_many_decimals", 422),
        ({"amount": "1.00", "currency": "USD"}, "wrong_currency", 422),
    ],
)
def test_a_capture_that_cannot_be_is_refused_with_what_can(
    oms: World, call: Gateway, body: dict[str, Any], code: str, status: int
) -> None:
    order = held(oms, Bookkeeper())

    found, problem = ask(call, order, "capture", body)

    assert (found, problem["code"]) == (status, code)
    if code == "capture_above_authorized":
        assert (problem["capturable"], problem["currency"]) == ("30.00", "BRL")
    assert paying.open_captures(oms.orders.load(order.order_id)) == ()


def test_a_capture_needs_a_key_and_a_payment_that_is_there(oms: World, call: Gateway) -> None:
    order = held(oms, Bookkeeper())
    other = path(order, "capture").replace("_1/capture", "_7/capture")

    assert ask(call, order, "capture", key="")[1]["code"] == "missing_natural_key"
    assert call("payments", other, headers={"Idempotency-Key": "k"})[0] == 404


def test_without_an_amount_what_is_owed_is_taken_and_then_nothing_is(
    oms: World, call: Gateway
) -> None:
    order = held(oms, Bookkeeper())

    assert ask(call, order, "capture")[1]["capturable"] == "0.00"
    status, problem = ask(call, order, "capture", key="k2")

    assert (status, problem["code"], problem["due"]) == (409, "nothing_due", "0.00")


def test_what_could_not_be_taken_is_taken_when_a_person_says_so(oms: World, call: Gateway) -> None:
    provider = Bookkeeper()
    order = held(oms, provider)
    asked = happened.CaptureRequested(order.payments.each[0].id, TOTAL, "k:1", "shipped")
    order = oms.orders.commit(order, (asked,), CAUSE)
    (taken,) = paying.open_captures(order)
    failed = taking.give_up(order, taken, "processor_down", CAUSE.at)
    oms.orders.commit(order, failed, CAUSE)

    status, _ = ask(call, order, "capture")
    order = oms.orders.load(order.order_id)
    (again,) = paying.open_captures(order)
    capturing.capture(order.order_id, again.key, oms.orders, provider.named, CAUSE)

    assert (status, order.progress.unpaid) == (200, "")
    assert provider.total("captured") == TOTAL


def test_a_hold_that_is_needed_is_kept_and_one_that_is_not_is_let_go_of(
    oms: World, call: Gateway
) -> None:
    provider = Bookkeeper()
    order = held(oms, provider)
    status, problem = ask(call, order, "void")
    assert (status, problem["code"], problem["due"]) == (409, "hold_is_needed", "30.00")

    other = Payment(payment_id(order.order_id, 2), "in_store", "store", money(TOTAL))
    order = oms.orders.commit(order, (happened.PaymentAdded(other),), CAUSE)
    order = oms.orders.commit(
        order, (happened.PaymentCollected(other.id, TOTAL, "r1", "till:r1", "cash"),), CAUSE
    )
    for _ in range(2):
        assert ask(call, order, "void")[0] == 200
        own = order.payments.each[0].id
        payment.let_go_of(order.order_id, own, oms.orders, provider.named, CAUSE)

    assert oms.orders.load(order.order_id).payments.each[0].status == "voided"
    assert provider.done["void"] == 1


def test_a_hold_that_came_to_be_needed_is_not_let_go_of(oms: World) -> None:
    provider = Bookkeeper()
    order = held(oms, provider)
    own = order.payments.each[0].id

    payment.let_go_of(order.order_id, own, oms.orders, provider.named, CAUSE)

    assert provider.done["void"] == 0


def test_a_transfer_may_come_in_parts_and_the_order_goes_on_with_the_last(
    oms: World, call: Gateway
) -> None:
    order = awaiting_transfer(oms)
    assert order.payments.each[0].instructions == order.payments.each[0].id

    for _ in range(2):
        status, shown = ask(call, order, "receipts", {"amount": "10.00", "reference": "tx-1"})
        assert (status, shown["captured"]) == (200, "10.00")
    partly = oms.orders.load(order.order_id)
    assert (partly.state, partly.status) == (State.SOURCED, "awaiting_bank_transfer")
    ask(call, order, "receipts", {"amount": "20.00", "reference": "tx-2"})

    order = oms.orders.load(order.order_id)
    assert (order.state, order.payments.captured.minor) == (State.AUTHORIZED, TOTAL)
    assert order.progress.refunds == ()


def test_what_comes_in_over_what_is_due_is_given_back_and_all_of_it_of_a_cancelled_order(
    oms: World, call: Gateway
) -> None:
    order = awaiting_transfer(oms)
    ask(call, order, "receipts", {"amount": "35.00", "reference": "tx-1"})
    found = oms.orders.load(order.order_id)
    assert [refund.amount for refund in found.progress.refunds] == [500]

    late = awaiting_transfer(
        oms, replace(of_method("bank_transfer", "bank"), order_id=order_id("web", "id:2"))
    )
    oms.orders.commit(late, (happened.OrderCancelled("payment_expired"),), CAUSE)
    ask(call, late, "receipts", {"amount": "30.00", "reference": "tx-9"})
    found = oms.orders.load(late.order_id)
    assert [refund.amount for refund in found.progress.refunds] == [TOTAL]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"amount": "10.00", "reference": "tx-1", "currency": "EUR"}, "wrong_currency"),
        ({"amount": "0.00", "reference": "tx-1"}, "invalid_amount"),
        ({"amount": "-1", "reference": "tx-1"}, "string_pattern_mismatch"),
        ({"amount": "11.00", "reference": "tx-0"}, "content_differs"),
    ],
)
def test_a_receipt_that_cannot_be_is_refused(
    oms: World, call: Gateway, body: dict[str, Any], code: str
) -> None:
    order = awaiting_transfer(oms)
    ask(call, order, "receipts", {"amount": "10.00", "reference": "tx-0"})

    status, problem = ask(call, order, "receipts", body)

    assert status in (409, 422)
    assert code in (problem["code"], *(each["code"] for each in problem.get("faults", ())))
    assert oms.orders.load(order.order_id).payments.captured.minor == 1000


def test_what_a_provider_tells_itself_is_not_recorded_by_hand(oms: World, call: Gateway) -> None:
    order = held(oms, Bookkeeper())

    status, problem = ask(call, order, "receipts", {"amount": "10.00", "reference": "tx-0"})

    assert (status, problem["code"]) == (409, "told_by_its_provider")


def test_what_a_marketplace_took_in_part_is_completed_by_what_it_reports_later(
    oms: World, call: Gateway
) -> None:
    order = sourced(oms, of_method("channel", "channel", collected=1000))
    assert payment.authorize(order.order_id, oms.orders, Bookkeeper().named, CAUSE).pending

    status, _ = ask(
        call, order, "receipts", {"amount": "20.00", "reference": "rest", "tender": "channel"}
    )

    order = oms.orders.load(order.order_id)
    assert (status, order.state, order.payments.captured.minor) == (200, State.AUTHORIZED, TOTAL)
