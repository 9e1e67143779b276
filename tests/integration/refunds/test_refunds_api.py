"""Refunds and payments over HTTP: what is answered, and what is refused with which code."""

from typing import Any

import pytest

from oms.kernel.clock import utc_now
from oms.orders import events as happened
from oms.orders.model import Order
from oms.reporting.waiting import project
from tests.integration.gateway import Gateway
from tests.integration.refunds.counter import Counter, ordered
from tests.integration.world import World
from tests.samples import money

SLIP = {"reference": "slip 1"}
ONE_MUG: dict[str, Any] = {"lines": [{"line_id": "MUG", "quantity": 1}]}


def refunds(order: Order) -> str:
    return f"/v1/orders/{order.order_id}/refunds"


def asked(call: Gateway, order: Order, body: dict[str, Any], key: str = "k1") -> tuple[int, Any]:
    return call("payments", f"POST {refunds(order)}", body, headers={"Idempotency-Key": key})


def test_a_suggestion_says_what_and_where_to_and_nothing_happens(
    call: Gateway, counter: Counter
) -> None:
    order = counter.paid(ordered(("gift_card", 500), ("card", None), shipping=300))
    body = {**ONE_MUG, "shipping": True}

    status, found = call("payments", f"POST {refunds(order)}/suggest", body)

    assert status == 200
    assert found["lines"] == [
        {
            "line_id": "MUG",
            "sku": "MUG",
            "quantity": 1,
            "cancelled": 1,
            "net": "10.00",
            "tax": "0.00",
            "discount": "0.00",
            "amount": "10.00",
        }
    ]
    assert (found["shipping"], found["amount"], found["refundable"]) == ("3.00", "13.00", "33.00")
    assert [(one["method"], one["refundable"], one["amount"]) for one in found["payments"]] == [
        ("card", "28.00", "13.00"),
        ("gift_card", "5.00", "0.00"),
    ]
    assert counter.oms.orders.load(order.order_id) == order


def test_a_refund_is_asked_for_once_by_its_key(call: Gateway, counter: Counter) -> None:
    order = counter.paid()

    status, made = asked(call, order, {**ONE_MUG, "reason": "broken"})
    again, same = asked(call, order, {**ONE_MUG, "reason": "broken"})
    other, problem = asked(call, order, {"amount": "1.00"})

    assert (status, made["amount"], made["state"]) == (201, "10.00", "requested")
    assert (made["reason"], made["lines"][0]["quantity"]) == ("broken", 1)
    assert (again, same) == (200, made)
    assert (other, problem["code"], problem["refund_id"]) == (409, "content_differs", made["id"])
    assert counter.oms.balance("MUG").reserved == 1


def test_a_key_may_come_in_the_body_and_must_come(call: Gateway, counter: Counter) -> None:
    order = counter.paid()

    status, _ = call("payments", f"POST {refunds(order)}", {**ONE_MUG, "refund_key": "k9"})
    missing, problem = call("payments", f"POST {refunds(order)}", ONE_MUG)

    assert status == 201
    assert (missing, problem["code"]) == (400, "missing_natural_key")


def test_the_refunds_of_an_order_are_listed_with_what_is_left(
    call: Gateway, counter: Counter
) -> None:
    order = counter.paid()
    asked(call, order, ONE_MUG)

    status, found = call("payments", f"GET {refunds(order)}")

    assert status == 200
    assert (found["captured"], found["refundable"]) == ("30.00", "20.00")
    assert [one["amount"] for one in found["refunds"]] == ["10.00"]


@pytest.mark.parametrize(
    ("body", "status", "code", "left"),
    [
        ({"amount": "30.01"}, 409, "refund_above_captured", {"refundable": "30.00"}),
        ({"goodwill": "30.01"}, 409, "refund_above_captured", {"refundable": "30.00"}),
        (
            {"lines": [{"line_id": "MUG", "quantity": 3}]},
            409,
            "line_above_available",
            {"available": "2"},
        ),
        (
            {"lines": [{"line_id": "MUG", "quantity": 1, "unshipped": False}]},
            409,
            "line_above_available",
            {"available": "0"},
        ),
        ({"shipping": True}, 409, "shipping_above_available", {"available": "0.00"}),
        ({"fees": ["wrap"]}, 422, "unknown_fee", {}),
        ({"lines": [{"line_id": "CAP"}]}, 422, "unknown_line", {}),
        ({"lines": [{"line_id": "MUG", "quantity": 0}]}, 422, "quantity_not_positive", {}),
        ({"lines": [{"line_id": "MUG"}, {"line_id": "MUG"}]}, 422, "line_twice", {}),
        ({"amount": "1.00", "currency": "USD"}, 422, "wrong_currency", {}),
        ({"amount": "1.001"}, 422, "too_many_decimals", {}),
        ({"amount": "0"}, 422, "amount_not_positive", {}),
        ({"amount": "1.00", "payments": ["pay_of_another"]}, 422, "unknown_payment", {}),
        ({"amount": "1.00", "to": "crypto"}, 422, "literal_error", {}),
        ({"amount": "1.00", "colour": "red"}, 422, "unknown_field", {}),
    ],
)
def test_what_cannot_be_refunded_is_refused_with_what_can(
    body: dict[str, Any],
    status: int,
    code: str,
    left: dict[str, str],
    call: Gateway,
    counter: Counter,
) -> None:
    order = counter.paid()

    for answered, problem in (
        asked(call, order, body),
        call("payments", f"POST {refunds(order)}/suggest", body),
    ):
        assert answered == status
        faults = [fault["code"] for fault in problem.get("faults", ())]
        assert code in (problem["code"], *faults)
        assert {name: problem.get(name) for name in left} == left
    assert counter.oms.orders.load(order.order_id) == order


@pytest.mark.parametrize(
    "body",
    [
        {"lines": []},
        {"fees": []},
        {"shipping": False},
        {"shipping": "0.00"},
        {"lines": [], "shipping": "0", "fees": []},
    ],
)
def test_who_names_nothing_in_particular_does_not_refund_the_whole_order(
    call: Gateway, counter: Counter, body: dict[str, Any]
) -> None:
    order = counter.paid(ordered(shipping=500))

    for path in ("refunds/suggest", "refunds"):
        status, problem = call(
            "payments",
            f"POST /v1/orders/{order.order_id}/{path}",
            body,
            headers={"Idempotency-Key": "k"},
        )
        assert (status, problem["code"]) == (409, "nothing_to_refund")


def test_no_shipping_may_be_named_beside_lines_of_an_order_without_any(
    call: Gateway, counter: Counter
) -> None:
    order = counter.paid()
    body = {"lines": [{"line_id": "TEE"}], "shipping": "0.00"}

    status, found = call("payments", f"POST /v1/orders/{order.order_id}/refunds/suggest", body)

    assert (status, found["amount"]) == (200, "10.00")


@pytest.mark.parametrize("body", [5.5, [5.5], 5, True, [], "x"])
def test_what_is_no_document_refunds_nothing(call: Gateway, counter: Counter, body: object) -> None:
    order = counter.paid()
    path = f"POST /v1/orders/{order.order_id}/refunds"

    status, problem = call("payments", path, body, headers={"Idempotency-Key": "k"})

    assert (status, problem["code"]) == (422, "model_attributes_type")
    assert counter.oms.orders.load(order.order_id).progress.refunds == ()


def test_what_was_only_held_is_not_refunded(call: Gateway, counter: Counter) -> None:
    order = counter.paid(leave=3000)

    status, problem = asked(call, order, {"amount": "1.00"})

    assert (status, problem["code"], problem["refundable"]) == (
        409,
        "refund_above_captured",
        "0.00",
    )


def test_an_order_that_nobody_knows_has_no_refunds(call: Gateway, counter: Counter) -> None:
    unknown = f"/v1/orders/ord_{'a' * 26}/refunds"

    assert call("payments", f"GET {unknown}")[0] == 404
    assert call("payments", f"POST {unknown}/suggest", {})[0] == 404
    answer = call("payments", f"POST {unknown}", {}, headers={"Idempotency-Key": "k"})
    assert answer[0] == 404


def test_store_credit_is_given_to_somebody_who_is_known(call: Gateway, counter: Counter) -> None:
    order = counter.paid()
    status, made = asked(call, order, {"amount": "5.00", "to": "store_credit"})

    done = counter.give_back(order, made["id"])

    assert (status, made["to"]) == (201, "store_credit")
    assert done.refund_state(made["id"]) == "refunded"
    assert counter.bank.asked == []
    _, found = call("accounts", "GET /v1/accounts", query={"customer": "c1"})
    assert [one["balance"] for one in found["accounts"]] == ["5.00"]


def failed(counter: Counter, order: Order, refund_id: str) -> Order:
    """The provider said no."""
    found = counter.oms.orders.load(order.order_id)
    refund = found.refund(refund_id)
    assert refund is not None
    part = refund.parts[0]
    said = happened.RefundFailed(refund_id, part.payment_id, part.amount, "no", f"{refund_id}:no")
    return counter.oms.orders.commit(found, (said,), counter.cause())


def project_refund(oms: World, order: Order, refund_id: str) -> None:
    project(order.order_id, "", oms.orders, oms.views, utc_now(), refund_id)


def test_what_failed_is_parked_and_seen_until_it_is_retried(
    call: Gateway, counter: Counter, oms: World
) -> None:
    order = counter.paid()
    _, made = asked(call, order, ONE_MUG)
    project_refund(oms, order, made["id"])
    _, on_their_way = call("payments", "GET /v1/refunds", query={"state": "requested"})
    failed(counter, order, made["id"])
    project_refund(oms, order, made["id"])

    _, parked = call("payments", "GET /v1/refunds")
    status, retried = call("payments", f"POST {refunds(order)}/{made['id']}/retry", {})
    project_refund(oms, order, made["id"])
    _, after = call("payments", "GET /v1/refunds")

    assert [one["refund"]["id"] for one in on_their_way["refunds"]] == [made["id"]]
    assert [(one["order_id"], one["refund"]["state"]) for one in parked["refunds"]] == [
        (order.order_id, "failed")
    ]
    assert (status, retried["state"]) == (200, "requested")
    assert after["refunds"] == []
    done = counter.give_back(order, made["id"])
    assert done.refund_state(made["id"]) == "refunded"
    assert counter.bank.asked[-1].endswith(":refund:2")
    project_refund(oms, order, made["id"])
    _, none = call("payments", "GET /v1/refunds", query={"state": "requested"})
    assert none["refunds"] == []


def test_what_did_not_fail_is_not_retried(call: Gateway, counter: Counter) -> None:
    order = counter.paid()
    _, made = asked(call, order, ONE_MUG)
    counter.give_back(order, made["id"])

    status, problem = call("payments", f"POST {refunds(order)}/{made['id']}/retry", {})
    other = made["id"].rpartition("_")[0] + "_9"
    unknown, nothing = call("payments", f"POST {refunds(order)}/{other}/retry", {})

    assert (status, problem["code"], problem["state"]) == (409, "refund_not_failed", "refunded")
    assert (unknown, nothing["code"]) == (404, "unknown_refund")


def test_what_failed_goes_another_way(call: Gateway, counter: Counter) -> None:
    order = counter.paid()
    _, made = asked(call, order, ONE_MUG)
    failed(counter, order, made["id"])

    way = {"to": "store_credit"}
    status, retried = call("payments", f"POST {refunds(order)}/{made['id']}/retry", way)
    done = counter.give_back(order, made["id"])

    assert (status, retried["to"]) == (200, "store_credit")
    assert done.refund_state(made["id"]) == "refunded"
    assert counter.bank.asked == []


def test_what_failed_is_given_back_by_hand_and_recorded_once(
    call: Gateway, counter: Counter
) -> None:
    order = counter.paid(ordered(("card", 500), ("pix", None)))
    _, made = asked(call, order, {"amount": "7.00"})
    early, on_its_way = call("payments", f"POST {refunds(order)}/{made['id']}/settle", SLIP)
    failed(counter, order, made["id"])
    half = counter.give_back(order, made["id"])
    assert (half.refund_state(made["id"]), half.payments.refunded) == ("failed", money(200))

    status, done = call("payments", f"POST {refunds(order)}/{made['id']}/settle", SLIP)
    again, same = call("payments", f"POST {refunds(order)}/{made['id']}/settle", SLIP)
    other = {"reference": "slip 2"}
    late, problem = call("payments", f"POST {refunds(order)}/{made['id']}/settle", other)

    assert (early, on_its_way["code"]) == (409, "refund_not_failed")
    assert (status, done["state"], done["to"]) == (200, "refunded", "by_hand")
    assert (again, same) == (200, done)
    assert (late, problem["code"]) == (409, "refund_not_failed")
    order = counter.oms.orders.load(order.order_id)
    assert order.payments.refunded == money(700)
    assert counter.told(order).count("refund_completed") == 1
    counter.give_back(order, made["id"])
    assert len(counter.bank.asked) == 1


# --- payments -------------------------------------------------------------------------------


def test_the_payments_of_an_order_are_read(call: Gateway, counter: Counter) -> None:
    order = counter.paid(ordered(("card", 1000), ("pix", None)))

    status, found = call("payments", f"GET /v1/orders/{order.order_id}/payments")

    assert status == 200
    assert [(one["method"], one["captured"]) for one in found["payments"]] == [
        ("card", "10.00"),
        ("pix", "20.00"),
    ]
    assert (found["due"], found["uncovered"]) == ("30.00", "0.00")
    assert found["total"]["charge_status"] == "full"


def test_a_payment_is_added_once_for_what_nothing_covers(call: Gateway, counter: Counter) -> None:
    order = counter.paid()
    added = happened.LinesAdded((), 700)
    order = counter.oms.orders.commit(order, (added,), counter.cause())
    path = f"POST /v1/orders/{order.order_id}/payments"
    body = {"token": "4242424242424242", "reason": "a bow"}

    status, made = call("payments", path, body, headers={"Idempotency-Key": "p1"})
    again, same = call("payments", path, body, headers={"Idempotency-Key": "p1"})
    differs, other = call(
        "payments", path, {**body, "amount": "1.00"}, headers={"Idempotency-Key": "p1"}
    )
    above, problem = call("payments", path, body, headers={"Idempotency-Key": "p2"})

    assert (status, made["amount"], made["status"]) == (201, "7.00", "new")
    assert (again, same) == (200, made)
    assert (differs, other["code"]) == (409, "content_differs")
    assert (above, problem["code"], problem["due"]) == (409, "payment_above_due", "0.00")
    assert "4242" not in str(made)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"token": "5555555555554444", "provider": "stripe"}, "card_number_refused"),
        ({"provider": "nobody"}, "unknown_payment_provider"),
        ({"token": "4242424242424242", "currency": "USD"}, "wrong_currency"),
        ({"token": "4242424242424242", "amount": "0"}, "amount_not_positive"),
    ],
)
def test_a_payment_that_breaks_a_rule_is_refused(
    body: dict[str, Any], code: str, call: Gateway, counter: Counter
) -> None:
    order = counter.paid()
    path = f"POST /v1/orders/{order.order_id}/payments"

    status, problem = call("payments", path, body, headers={"Idempotency-Key": "p1"})

    assert (status, problem["code"]) == (422, code)
    assert call("payments", path, {"token": "4242424242424242"})[0] == 400
