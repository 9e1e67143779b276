"""What an order may not be: each fault is named with its path, and nothing is stored."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.e2e.shop import Shop, card
from tests.e2e.stack import Api, Stack

Document = dict[str, Any]
EXAMPLE_CARD = "5555 5555 5555 4444"


def _set(*path: str | int, to: object) -> Callable[[Document], None]:
    """Change one member of a document, named by the steps that lead to it."""

    def change(document: Document) -> None:
        place: Any = document
        for step in path[:-1]:
            place = place[step]
        place[path[-1]] = to

    return change


def _repeat_the_line(document: Document) -> None:
    document["lines"] *= 2
    document["total"] = "90.00"


def _in_dollars(document: Document) -> None:
    document["currency"] = "USD"


@pytest.mark.parametrize(
    ("change", "path", "code"),
    [
        pytest.param(
            _set("lines", 0, "sku", to="NOT-SOLD"), "lines.0.sku", "unknown_sku", id="sku"
        ),
        pytest.param(
            _set("lines", 0, "quantity", to=0),
            "lines.0.quantity",
            "quantity_not_positive",
            id="zero",
        ),
        pytest.param(
            _set("lines", 0, "quantity", to=-1),
            "lines.0.quantity",
            "quantity_not_positive",
            id="negative",
        ),
        pytest.param(
            _set("lines", 0, "quantity", to=1.5),
            "lines.0.quantity",
            "too_many_decimals",
            id="half a mug",
        ),
        pytest.param(_in_dollars, "currency", "wrong_currency", id="dollars"),
        pytest.param(
            _set("lines", 0, "unit_price", to="40.001"),
            "lines.0.unit_price",
            "too_many_decimals",
            id="tenths of a cent",
        ),
        pytest.param(_set("shipping", to="10.005"), "shipping", "too_many_decimals", id="shipping"),
        pytest.param(_set("total", to="49.99"), "total", "total_mismatch", id="total"),
        pytest.param(_repeat_the_line, "lines.1", "line_twice", id="line twice"),
        pytest.param(_set("coupon", to="SUMMER"), "coupon", "unknown_field", id="unknown field"),
        pytest.param(
            _set("customer", "shoe_size", to=42),
            "customer.shoe_size",
            "unknown_field",
            id="unknown field inside",
        ),
        pytest.param(_set("lines", to=[]), "lines", "too_short", id="no lines"),
        pytest.param(_set("channel", to="nowhere"), "channel", "unknown_channel", id="channel"),
        pytest.param(
            _set("payment", to=card(EXAMPLE_CARD)),
            "payment.token",
            "card_number_refused",
            id="card number",
        ),
        pytest.param(
            _set("customer", "tax_id", to="529.982.247-26"),
            "customer.tax_id",
            "invalid_tax_id",
            id="CPF",
        ),
        pytest.param(
            _set("customer", "tax_id", to="11.222.333/0001-82"),
            "customer.tax_id",
            "invalid_tax_id",
            id="CNPJ",
        ),
        pytest.param(
            _set("shipping_address", "postal_code", to="1310-100"),
            "shipping_address.postal_code",
            "invalid_postal_code",
            id="CEP",
        ),
    ],
)
def test_an_order_with_a_fault_is_refused_with_the_path_of_it(
    shop: Shop, sku: str, change: Callable[[Document], None], path: str, code: str
) -> None:
    document = shop.document(sku)
    change(document)

    refused = shop.stack.api.post("/v1/orders", document)

    assert refused.status_code == 422, refused.text
    assert (path, code) in _faults(refused)
    _is_a_problem(refused, code)
    assert not _is_stored(shop, document)


def test_every_fault_is_told_at_once(shop: Shop, sku: str) -> None:
    document = shop.document(sku, "NOT-SOLD")
    document["customer"]["tax_id"] = "1"
    document["lines"][0]["quantity"] = 0

    refused = shop.stack.api.post("/v1/orders", document)

    assert {path for path, _ in _faults(refused)} == {
        "lines.0.quantity",
        "lines.1.sku",
        "customer.tax_id",
    }


def test_a_refused_card_number_is_not_repeated(shop: Shop, sku: str, stack: Stack) -> None:
    refused = shop.stack.api.post("/v1/orders", shop.document(sku, payment=card(EXAMPLE_CARD)))

    assert EXAMPLE_CARD not in refused.text
    assert EXAMPLE_CARD not in stack.engine.log.read_text(errors="replace")


@pytest.mark.parametrize(
    "body",
    ["", "{", '{"channel": NaN}', "[]", '"order"'],
    ids=["none", "cut", "NaN", "list", "text"],
)
def test_a_body_that_is_no_order_in_json_is_refused(api: Api, body: str) -> None:
    headers = {"content-type": "application/json"}

    refused = api.call("POST", "/v1/orders", content=body, headers=headers)

    assert refused.status_code in (400, 422), refused.text
    assert refused.headers["content-type"].startswith("application/problem+json")


def test_malformed_json_is_told_where_it_breaks(api: Api) -> None:
    headers = {"content-type": "application/json"}

    refused = api.call("POST", "/v1/orders", content='{"channel": "web",}', headers=headers)

    _is_a_problem(refused, "malformed_request")
    assert refused.status_code == 400
    assert "line 1, column" in refused.json()["detail"]


def test_another_content_type_is_refused(api: Api) -> None:
    headers = {"content-type": "application/xml"}

    refused = api.call("POST", "/v1/orders", content="<order/>", headers=headers)

    assert (refused.status_code, refused.json()["code"]) == (415, "unsupported_content_type")


def test_an_order_without_a_natural_key_is_refused(shop: Shop, sku: str) -> None:
    document = shop.document(sku)
    del document["channel_order_id"]

    refused = shop.stack.api.post("/v1/orders", document)

    assert (refused.status_code, refused.json()["code"]) == (400, "missing_natural_key")
    assert not _is_stored(shop, document)


def test_an_order_with_too_many_lines_is_told_the_limit(shop: Shop, sku: str) -> None:
    line = {"sku": sku, "quantity": 1, "unit_price": "1.00"}
    lines = [{**line, "line_id": str(number)} for number in range(501)]
    document = shop.document(sku, lines=lines, total="511.00")

    refused = shop.stack.api.post("/v1/orders", document)

    assert refused.status_code == 413
    assert _limit(refused) == ("lines", 500, 501)
    assert not _is_stored(shop, document)


def test_an_order_with_too_many_bytes_is_told_the_limit(shop: Shop, sku: str) -> None:
    document = shop.document(sku)
    document["customer"]["name"] = "A" * 300_000

    refused = shop.stack.api.post("/v1/orders", document)

    assert refused.status_code == 413
    assert _limit(refused)[:2] == ("body_bytes", 256 * 1024)
    assert not _is_stored(shop, document)


def test_the_largest_order_that_is_allowed_is_taken(shop: Shop) -> None:
    sku = shop.item(500)
    line = {"sku": sku, "quantity": 1, "unit_price": "1.00"}
    lines = [{**line, "line_id": str(number)} for number in range(500)]

    order = shop.place(sku, lines=lines, total="510.00")

    assert len(order.becomes("released")["lines"]) == 500
    assert shop.stock(sku)["reserved"] == 500


def test_the_same_order_again_is_the_same_order(shop: Shop, sku: str) -> None:
    document = shop.document(sku)
    first = shop.stack.api.post("/v1/orders", document)

    again = shop.stack.api.post("/v1/orders", document)

    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json()["id"] == first.json()["id"]
    assert len(_of_customer(shop, document)) == 1


def test_the_same_idempotency_key_is_the_same_order(shop: Shop, sku: str) -> None:
    document = shop.document(sku)
    number = document.pop("channel_order_id")
    headers = {"Idempotency-Key": f"key-{number}"}

    first = shop.stack.api.post("/v1/orders", document, headers=headers)
    again = shop.stack.api.post("/v1/orders", document, headers=headers)

    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json()["id"] == first.json()["id"]


def test_the_same_key_with_another_content_is_a_conflict(shop: Shop, sku: str) -> None:
    document = shop.document(sku)
    first = shop.stack.api.post("/v1/orders", document)

    document["customer"]["name"] = "Somebody Else"
    refused = shop.stack.api.post("/v1/orders", document)

    assert (refused.status_code, refused.json()["code"]) == (409, "content_differs")
    assert refused.json()["order_id"] == first.json()["id"]
    assert shop.placed(first.json()).now()["customer"]["name"] == "Ana Souza"


def test_an_order_that_does_not_exist_is_not_found(api: Api) -> None:
    missing = f"ord_{'a' * 26}"

    for path in (f"/v1/orders/{missing}", f"/v1/orders/{missing}/history"):
        assert api.get(path).status_code == 404
    assert api.post(f"/v1/orders/{missing}/cancel", {"reason": "none"}).status_code == 404


@pytest.mark.parametrize(
    ("kind", "quantity", "code"),
    [
        ("receipt", 0, "quantity_zero"),
        ("receipt", -1, "quantity_not_positive"),
        ("receipt", 0.5, "too_many_decimals"),
    ],
)
def test_a_movement_that_makes_no_sense_is_refused(
    shop: Shop, sku: str, kind: str, quantity: float, code: str
) -> None:
    refused = shop.move(kind, sku, quantity)

    assert refused.status_code == 422
    assert ("quantity", code) in _faults(refused)


def test_stock_cannot_be_adjusted_below_nothing(shop: Shop) -> None:
    sku = shop.item(1)

    refused = shop.move("adjustment", sku, -2)

    assert (refused.status_code, refused.json()["code"]) == (409, "below_zero")
    assert shop.stock(sku)["on_hand"] == 1


def test_a_movement_that_is_repeated_changes_nothing(shop: Shop) -> None:
    sku = shop.item()
    first = shop.move("receipt", sku, 3, movement=f"once-{sku}")

    again = shop.move("receipt", sku, 3, movement=f"once-{sku}")
    other = shop.move("receipt", sku, 4, movement=f"once-{sku}")

    assert [answer.status_code for answer in (first, again, other)] == [201, 200, 409]
    assert shop.stock(sku)["on_hand"] == 3


@pytest.fixture(scope="module")
def sku(shop: Shop) -> str:
    return shop.item(20)


def _faults(answer: httpx.Response) -> set[tuple[str, str]]:
    return {(fault["path"], fault["code"]) for fault in answer.json().get("faults", ())}


def _is_a_problem(answer: httpx.Response, code: str) -> None:
    problem = answer.json()
    assert answer.headers["content-type"].startswith("application/problem+json")
    assert problem["status"] == answer.status_code
    assert problem["code"] == code
    assert problem["type"].endswith(code) and problem["instance"] and problem["detail"]


def _limit(answer: httpx.Response) -> tuple[str, int, int]:
    problem = answer.json()
    return problem["limit"], problem["maximum"], problem["actual"]


def _is_stored(shop: Shop, document: Document) -> bool:
    return bool(_of_customer(shop, document))


def _of_customer(shop: Shop, document: Document) -> list[Document]:
    query = {"customer": document["customer"]["id"]}
    orders: list[Document] = shop.stack.api.get("/v1/orders", params=query).json()["orders"]
    return orders
