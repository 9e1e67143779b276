"""The HTTP edge, driven with events as API Gateway sends them."""

import base64
import json
from decimal import Decimal
from types import SimpleNamespace
from typing import Annotated, Any

import pytest
from aws_lambda_powertools.event_handler.openapi.params import Body
from pydantic import BaseModel, ConfigDict

from oms.aws.http import caller, refusals, reply, resolver, serve, serve_plain
from oms.aws.observability import Handler
from oms.kernel.errors import Conflict, Fault, Invalid, VersionConflict

CONTEXT = SimpleNamespace(
    function_name="orders",
    memory_limit_in_mb=128,
    invoked_function_arn="arn:aws:lambda:us-east-1:000000000000:function:orders",
    aws_request_id="lambda-1",
)


class Line(BaseModel):
    model_config = ConfigDict(extra="forbid")

    sku: str
    quantity: Decimal


class Basket(BaseModel):
    model_config = ConfigDict(extra="forbid")

    lines: list[Line]


def event(
    method: str,
    path: str,
    body: str | None = None,
    headers: dict[str, str] | None = None,
    **more: Any,
) -> dict[str, Any]:
    return {
        "version": "2.0",
        "routeKey": f"{method} {path}",
        "rawPath": path,
        "rawQueryString": "",
        "headers": {"content-type": "application/json", **(headers or {})},
        "requestContext": {
            "requestId": "request-1",
            "stage": "$default",
            "http": {"method": method, "path": path},
            "authorizer": {"jwt": {"claims": {"client_id": "web-shop"}}},
        },
        "body": body,
        "isBase64Encoded": False,
        **more,
    }


@pytest.fixture
def api() -> Handler:
    app = resolver()

    @app.post("/baskets", responses=refusals(400, 422))
    def store(basket: Annotated[Basket, Body()]) -> Any:
        quantity = basket.lines[0].quantity
        return reply(201, {"quantity": quantity, "by": caller(app)}, {"location": "/baskets/1"})

    @app.get("/conflict")
    def conflict() -> Any:
        raise Conflict("other content", code="other_content", context={"order_id": "ord_1"})

    @app.get("/invalid")
    def invalid() -> Any:
        raise Invalid(
            "no", code="duplicate_line", faults=(Fault("lines.1", "duplicate_line", "!"),)
        )

    @app.get("/busy")
    def busy() -> Any:
        raise VersionConflict

    @app.get("/broken")
    def broken() -> Any:
        raise ZeroDivisionError("a secret")

    return serve(app, body_limit=200)


def call(api: Handler, *args: Any, **kwargs: Any) -> tuple[int, dict[str, Any], dict[str, Any]]:
    response = api(event(*args, **kwargs), CONTEXT)
    headers = {name.lower(): value for name, value in response["headers"].items()}
    return response["statusCode"], json.loads(response["body"]), headers


def test_an_answer_is_json_with_exact_numbers_and_its_headers(api: Handler) -> None:
    status, body, headers = call(api, "POST", "/baskets", '{"lines":[{"sku":"A","quantity":1.10}]}')

    assert (status, body) == (201, {"quantity": 1.1, "by": "web-shop"})
    assert headers["content-type"] == "application/json"
    assert headers["location"] == "/baskets/1"
    assert headers["cache-control"] == "no-store"


def test_a_refusal_is_a_problem_document_with_its_code_and_extra_members(api: Handler) -> None:
    status, body, headers = call(api, "GET", "/conflict")

    assert status == 409
    assert headers["content-type"] == "application/problem+json"
    assert body == {
        "type": "urn:problem-type:oms:other_content",
        "title": "The current state does not allow this",
        "status": 409,
        "detail": "other content",
        "code": "other_content",
        "instance": "request-1",
        "order_id": "ord_1",
    }


def test_every_fault_of_a_rule_is_listed_with_its_path(api: Handler) -> None:
    status, body, _ = call(api, "GET", "/invalid")

    assert status == 422
    assert body["faults"] == [{"path": "lines.1", "code": "duplicate_line", "message": "!"}]


@pytest.mark.parametrize(
    "text", ["{", "", "[1,", '{"a":NaN}', "[" * 150, '{"a":' + "9" * 150 + "e}", "\ufeff{}"]
)
def test_what_is_not_json_is_malformed(api: Handler, text: str) -> None:
    status, body, _ = call(api, "POST", "/baskets", text or " ")

    assert (status, body["code"]) == (400, "malformed_request")


def test_json_nested_beyond_reason_is_malformed() -> None:
    app = resolver()
    app.post("/baskets")(_store_basket)

    status, body, _ = call(serve(app), "POST", "/baskets", "[" * 100_000)

    assert (status, body["code"]) == (400, "malformed_request")


def _store_basket(basket: Annotated[Basket, Body()]) -> Any:
    return reply(201, {"lines": len(basket.lines)})


def test_a_body_that_is_not_utf_8_is_malformed(api: Handler) -> None:
    encoded = base64.b64encode(b'{"lines":"\xff"}').decode()

    status, body, _ = call(api, "POST", "/baskets", encoded, isBase64Encoded=True)

    assert (status, body["code"]) == (400, "malformed_request")


def test_a_base64_encoded_body_is_read(api: Handler) -> None:
    encoded = base64.b64encode(b'{"lines":[{"sku":"A","quantity":1}]}').decode()

    status, _, _ = call(api, "POST", "/baskets", encoded, isBase64Encoded=True)

    assert status == 201


def test_faults_of_fields_carry_their_path_without_the_body(api: Handler) -> None:
    status, body, _ = call(
        api, "POST", "/baskets", '{"lines":[{"quantity":"x","price":1}],"more":1}'
    )

    found = {fault["path"]: fault["code"] for fault in body["faults"]}
    assert status == 422
    assert body["code"] == "required"
    assert found == {
        "lines.0.sku": "required",
        "lines.0.quantity": "decimal_parsing",
        "lines.0.price": "unknown_field",
        "more": "unknown_field",
    }


@pytest.mark.parametrize("text", ["[]", '"text"', "1", "null", "true"])
def test_json_that_is_not_an_object_is_invalid(api: Handler, text: str) -> None:
    status, body, _ = call(api, "POST", "/baskets", text)

    assert (status, body["faults"][0]["path"]) == (422, "")


def test_a_missing_body_is_invalid(api: Handler) -> None:
    status, body, _ = call(api, "POST", "/baskets")

    assert (status, body["code"]) == (422, "required")


def test_a_body_beyond_the_limit_says_which_limit(api: Handler) -> None:
    status, body, _ = call(api, "POST", "/baskets", '{"lines":[]}' + " " * 200)

    assert (status, body["code"]) == (413, "too_large")
    assert (body["limit"], body["maximum"], body["actual"]) == ("body_bytes", 200, 212)


def test_a_body_of_another_content_type_is_refused(api: Handler) -> None:
    status, body, _ = call(api, "POST", "/baskets", "a=b", {"content-type": "text/plain"})

    assert (status, body["code"]) == (415, "unsupported_content_type")


def test_an_unknown_route_is_a_problem_too(api: Handler) -> None:
    status, body, headers = call(api, "GET", "/nowhere")

    assert (status, body["code"]) == (404, "unknown_route")
    assert headers["content-type"] == "application/problem+json"


def test_what_may_be_tried_again_says_so(api: Handler) -> None:
    status, _, headers = call(api, "GET", "/busy")

    assert (status, headers["retry-after"]) == (503, "1")


def test_an_unforeseen_error_tells_nothing_and_is_logged_with_its_trace(
    api: Handler, caplog: pytest.LogCaptureFixture
) -> None:
    status, body, _ = call(api, "GET", "/broken")

    record = caplog.records[-1]
    assert (status, body["code"]) == (500, "internal_error")
    assert "secret" not in json.dumps(body)
    assert record.exc_info is not None
    assert record.exc_info[0] is ZeroDivisionError


def test_an_error_outside_any_route_is_a_problem_too() -> None:
    def answer(event: dict[str, Any], context: Any) -> dict[str, Any]:
        raise Conflict("no")

    status, _, headers = call(serve_plain(answer), "GET", "/")

    assert status == 409
    assert headers["content-type"] == "application/problem+json"
    assert headers["x-correlation-id"] == "request-1"


@pytest.mark.parametrize(
    ("given", "answered"),
    [
        ("order-2026_01:7", "order-2026_01:7"),
        ("", "request-1"),
        ("with space", "request-1"),
        ("x" * 129, "request-1"),
        ('"}{', "request-1"),
    ],
)
def test_a_usable_correlation_id_is_kept_and_any_other_replaced(
    api: Handler, given: str, answered: str
) -> None:
    _, _, headers = call(api, "GET", "/conflict", headers={"X-Correlation-Id": given})

    assert headers["x-correlation-id"] == answered


def test_an_answer_of_the_wrong_shape_is_our_fault_not_the_callers() -> None:
    app = resolver()

    @app.get("/basket")
    def basket() -> Basket:
        return {"lines": "none"}  # type: ignore[return-value]

    status, _, _ = call(serve(app), "GET", "/basket")

    assert status == 500
