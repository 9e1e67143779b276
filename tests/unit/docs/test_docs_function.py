"""The function that serves the documents, called as API Gateway calls it."""

import base64
import gzip
import json
from types import SimpleNamespace
from typing import Any

import pytest

from functions.docs.handler import HERE, handler

CONTEXT = SimpleNamespace(
    function_name="docs",
    memory_limit_in_mb=128,
    invoked_function_arn="arn:aws:lambda:us-east-1:000000000000:function:docs",
    aws_request_id="lambda-1",
)
DOMAIN = "abc123.execute-api.us-east-1.amazonaws.com"


def get(path: str, *, host: str = DOMAIN, prefix: str = "", **event: Any) -> dict[str, Any]:
    given = {
        "version": "2.0",
        "routeKey": f"GET {path}",
        "rawPath": prefix + path,
        "headers": {"host": host, "x-forwarded-proto": "https"},
        "requestContext": {"requestId": "request-1", "domainName": DOMAIN},
        **event,
    }
    answer: dict[str, Any] = handler(given, CONTEXT)
    return answer


def test_the_document_names_the_address_it_was_called_at() -> None:
    served = json.loads(get("/openapi.json")["body"])
    committed = json.loads((HERE / "openapi.json").read_text())

    assert served["servers"] == [{"url": f"https://{DOMAIN}"}]
    assert {**served, "servers": committed["servers"]} == committed


def test_a_path_in_front_of_the_api_belongs_to_its_address() -> None:
    served = json.loads(get("/openapi.json", prefix="/oms")["body"])

    assert served["servers"] == [{"url": f"https://{DOMAIN}/oms"}]


def test_behind_a_proxy_that_hides_the_name_the_address_is_relative() -> None:
    served = json.loads(get("/openapi.json", host="127.0.0.1:4566")["body"])

    assert served["servers"] == [{"url": "."}]


def test_the_document_says_where_tokens_come_from(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN_URL", "https://tokens.example/oauth2/token")

    served = json.loads(get("/openapi.json")["body"])

    flow = served["components"]["securitySchemes"]["oauth2"]["flows"]["clientCredentials"]
    assert flow["tokenUrl"] == "https://tokens.example/oauth2/token"
    assert "oms/orders.write" in flow["scopes"]


def test_the_page_loads_nothing_from_elsewhere() -> None:
    page = get("/docs")

    assert page["headers"]["content-type"].startswith("text/html")
    assert "default-src 'none'" in page["headers"]["content-security-policy"]
    assert "//" not in page["body"]


@pytest.mark.parametrize("name", ["page.js", "swagger-ui-bundle.min.js", "swagger-ui.min.css"])
def test_the_page_gets_its_files_compressed_or_not(name: str) -> None:
    wanted = {"file": name}

    plain = get("/docs", queryStringParameters=wanted)
    short = get("/docs", queryStringParameters=wanted, headers={"accept-encoding": "br, gzip"})

    assert name in get("/docs")["body"]
    assert short["headers"]["content-encoding"] == "gzip"
    assert gzip.decompress(base64.b64decode(short["body"])).decode() == plain["body"]
    assert "max-age" in plain["headers"]["cache-control"]


@pytest.mark.parametrize("name", ["", "handler.py", "../orders/handler.py", "/etc/passwd"])
def test_the_page_has_no_other_files(name: str) -> None:
    answer = get("/docs", queryStringParameters={"file": name})

    assert (answer["statusCode"], json.loads(answer["body"])["code"]) == (404, "unknown_route")


def test_the_index_names_the_documents_and_health() -> None:
    index = json.loads(get("/")["body"])

    assert index["docs"] == f"https://{DOMAIN}/docs"
    assert index["openapi"] == f"https://{DOMAIN}/openapi.json"
    assert index["health"] == f"https://{DOMAIN}/health"


def test_health_answers_ok() -> None:
    answer = get("/health")

    assert (answer["statusCode"], json.loads(answer["body"])) == (200, {"status": "ok"})


def test_an_unknown_route_is_a_problem() -> None:
    answer = get("/nowhere")

    assert answer["statusCode"] == 404
    assert answer["headers"]["content-type"] == "application/problem+json"
