"""Fees, rates and taxes over HTTP: what is posted, shown, cancelled and still due."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.integration.gateway import Gateway, gateway
from tests.integration.world import World


@pytest.fixture
def call(oms: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[Gateway]:
    with gateway(monkeypatch) as calling:
        yield calling


def document(**changes: Any) -> dict[str, Any]:
    """Three mugs at 33.33 and 23 %, a tee, 10.00 off, shipping and gift wrap with tax."""
    return {
        "channel": "web",
        "channel_order_id": "c-1",
        "currency": "BRL",
        "customer": {"name": "Ana Souza"},
        "shipping_address": {
            "name": "Ana Souza",
            "line1": "Av. Paulista 1000",
            "city": "São Paulo",
            "postal_code": "01310-100",
            "country": "BR",
        },
        "lines": [
            {"sku": "MUG", "quantity": 3, "unit_price": "33.33", "tax_rate": "0.23"},
            {"sku": "TEE", "quantity": 1, "unit_price": "50.00", "tax_rate": "0.10"},
        ],
        "discount": "10.00",
        "shipping": "15.00",
        "shipping_tax": "1.50",
        "fees": [{"fee_id": "wrap", "name": "Gift wrap", "amount": "5.00", "tax": "0.50"}],
        "total": "188.12",
        "payment": {"method": "card", "token": "4242424242424242"},
        **changes,
    }


def test_what_is_charged_is_shown_and_what_is_cancelled_is_due_no_more(call: Gateway) -> None:
    status, order = call("orders", "POST /v1/orders", document())
    assert (status, order["total"], order["due"]) == (201, "188.12", "188.12")
    assert [(line["tax"], line["tax_rate"]) for line in order["lines"]] == [
        ("21.46", "0.23"),
        ("4.67", "0.10"),
    ]
    assert order["shipping_tax"] == "1.50"
    assert order["fees"] == [
        {"fee_id": "wrap", "name": "Gift wrap", "amount": "5.00", "tax": "0.50"}
    ]

    # 99.99 - 6.67 + 21.46 = 114.78 for three.
    due = []
    for _ in range(2):
        body = {"reason": "too many", "lines": [{"line_id": "MUG", "quantity": 1}]}
        status, order = call("orders", f"POST /v1/orders/{order['id']}/cancel", body)
        assert status == 200
        due.append(order["due"])
    assert due == ["149.86", "111.60"]

    status, again = call("orders", "POST /v1/orders", document())
    assert (status, again["id"]) == (200, order["id"])


def test_a_total_and_a_tax_that_are_wrong_are_refused_with_what_they_come_to(
    call: Gateway,
) -> None:
    status, problem = call("orders", "POST /v1/orders", document(total="188.11"))
    assert (status, problem["code"]) == (422, "total_mismatch")
    assert "188.12" in str(problem)

    wrong = [{"sku": "MUG", "quantity": 3, "unit_price": "33.33", "tax_rate": "0.23", "tax": "1"}]
    status, problem = call("orders", "POST /v1/orders", document(lines=wrong, total="113.99"))
    assert (status, problem["code"]) == (422, "tax_mismatch")
    assert problem["faults"][0]["path"] == "lines.0.tax"


def test_another_fee_makes_another_order_of_the_same_number(call: Gateway) -> None:
    call("orders", "POST /v1/orders", document())
    more = document(fees=[], total="182.62")
    status, problem = call("orders", "POST /v1/orders", more)
    assert (status, problem["code"]) == (409, "content_differs")


@pytest.mark.parametrize("rate", ["23 %", "-0.1", "10", "0.1234567"])
def test_what_is_no_rate_is_refused_at_the_edge(call: Gateway, rate: str) -> None:
    lines = [{"sku": "MUG", "quantity": 1, "unit_price": "1", "tax_rate": rate}]
    status, problem = call("orders", "POST /v1/orders", document(lines=lines))
    assert (status, problem["faults"][0]["path"]) == (422, "lines.0.tax_rate")
