"""The API's functions, called in this process as API Gateway calls them."""

import base64
import importlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any, Protocol

import pytest

from oms.aws import clients, stores

CONTEXT = SimpleNamespace(
    function_name="api",
    memory_limit_in_mb=512,
    invoked_function_arn="arn:aws:lambda:us-east-1:123456789012:function:api",
    aws_request_id="lambda-1",
    get_remaining_time_in_millis=lambda: 10_000,
)


class Gateway(Protocol):
    def __call__(
        self,
        function: str,
        verb_and_path: str,
        body: object = None,
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        caller: str = "",
        scope: str = "",
    ) -> tuple[int, Any]:
        """The status, and the document that was answered."""


@contextmanager
def gateway(monkeypatch: pytest.MonkeyPatch) -> Iterator[Gateway]:
    """Over the stock and the catalogue of the tests' world."""
    monkeypatch.setenv("INVENTORY_TABLE", "inventory")
    monkeypatch.setenv("CATALOG_TABLE", "catalog")
    monkeypatch.setenv("ORDERS_TABLE", "orders")
    monkeypatch.setenv("VIEWS_TABLE", "views")
    monkeypatch.setenv("WORK_TABLE", "work")
    monkeypatch.setenv("ACCOUNTS_TABLE", "accounts")
    _forget()
    yield _call
    _forget()


def _forget() -> None:
    """What a function makes once, and keeps."""
    for each in (clients.dynamodb, *vars(stores).values()):
        if hasattr(each, "cache_clear"):
            each.cache_clear()


def _call(
    function: str,
    verb_and_path: str,
    body: object = None,
    *,
    query: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
    caller: str = "",
    scope: str = "",
) -> tuple[int, Any]:
    method, path = verb_and_path.split()
    event = {
        "version": "2.0",
        "rawPath": path,
        "rawQueryString": "",
        "queryStringParameters": query or None,
        "headers": {"content-type": "application/json", **(headers or {})},
        "requestContext": {
            "requestId": "request-1",
            "stage": "$default",
            "http": {"method": method, "path": path},
            "authorizer": {"jwt": {"claims": _claims(caller, scope)}},
        },
        "body": None if body is None else json.dumps(body),
        "isBase64Encoded": False,
    }
    module = importlib.import_module(f"functions.{function}.handler")
    response = module.handler(event, CONTEXT)
    return response["statusCode"], _answered(response)


def _claims(caller: str, scope: str) -> dict[str, str]:
    claims = {"username": caller, "scope": scope}
    return {name: value for name, value in claims.items() if value}


def _answered(response: Mapping[str, Any]) -> Any:
    """Bytes, where API Gateway would answer bytes; text and JSON as such."""
    if response.get("isBase64Encoded"):
        return base64.b64decode(response["body"])
    kind = response["headers"].get("Content-Type") or response["headers"].get("content-type", "")
    return json.loads(response["body"]) if "json" in kind else response["body"]
