"""The OpenAPI document: the schemas of the API's resolvers, made one and true.

The resolvers know paths, parameters, bodies and answers; infra/routes.py knows which scope a route
needs. Left out is what Powertools adds by default and this API never answers (its own 422 and 500);
added is what API Gateway answers by itself.
"""

import importlib
import json
import os
import re
import tomllib
from collections.abc import Iterable, Mapping
from typing import Any

from infra.routes import ROUTES, Route
from local.engine import REGION, ROOT
from local.openapi import answers, webhooks
from local.openapi.webhooks import Json

SERVED = (
    "accounts",
    "allocations",
    "catalog",
    "fulfillment",
    "inventory",
    "orders",
    "parcels",
    "payments",
    "pickup",
    "promising",
    "purchasing",
    "reports",
    "reservations",
    "returns",
    "selling",
    "webhooks",
)
CAPTURE_SAMPLES = ROOT / "events" / "orders"
ERROR_DEFAULTS = ("HTTPValidationError", "ResponseValidationError", "ValidationError")

# What the handlers' modules want to know before they can be imported; nothing is ever called.
_ENVIRONMENT = {
    "AWS_REGION": REGION,
    "AWS_DEFAULT_REGION": REGION,
    "INBOX_QUEUE_URL": "https://sqs.invalid/inbox",
    "WEBHOOK_SECRETS": "{}",
}

_DESCRIPTION = """\
Takes orders from every channel and drives each to the customer's door.

JSON is snake_case. Money is a decimal string with an ISO 4217 currency beside it; quantities are
numbers with as many decimals as their item has; times are RFC 3339 in UTC. Refusals are problem
documents (RFC 9457) with a stable `code`. Every write may be sent again: it has its effect once.
Lists page with `cursor`; a page may hold less than `limit` and still not be the last.
"""
_TAGS = {
    "orders": "Capture, find, read and cancel",
    "fulfillments": "The work of stores and warehouses",
    "inventory": "Stock: movements, balances and their ledger",
    "reservations": "Units held for a basket until a moment",
    "purchasing": "Purchase orders to suppliers, shipping notices, replenishment",
    "promising": "What can be promised, by when and why",
    "payments": "How an order is paid, and further means of payment",
    "refunds": "What refunds come to, asking for them, those that have not arrived",
    "returns": "What customers send back, and the policies for it",
    "reports": "Settlement files compared with what we believe; how much comes back",
    "routing": "Sourcing policies, and where the lines of an order come from",
    "catalog": "Items, nodes, carrier services and channels",
    "webhooks": "What channels, payment providers and carriers report",
    "callbacks": "What channels are told",
    "about": "This document, a page to try it out, liveness",
}


def document() -> Json:
    """Raises ``ValueError`` where the resolvers and the routes do not agree."""
    found = [_described_by(function) for function in SERVED]
    paths = _merged("path", [part["paths"] for part in found] + [_ABOUT])
    _check_routes(paths)
    for route in ROUTES:
        _complete(paths[route.path][route.method.lower()], route)
    tidy: Json = _tidy(
        {
            "openapi": "3.1.0",
            "info": {
                "title": "Order management",
                "version": _version(),
                "description": _DESCRIPTION,
            },
            "servers": [{"url": "/"}],
            "tags": [{"name": name, "description": text} for name, text in _TAGS.items()],
            "paths": {path: paths[path] for path in sorted(paths)},
            "webhooks": webhooks.sent(),
            "components": _components([part["components"]["schemas"] for part in found]),
        }
    )
    return tidy


def _described_by(function: str) -> Json:
    for name, value in _ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    app = importlib.import_module(f"functions.{function}.handler").app
    described: Json = json.loads(app.get_openapi_json_schema(title=function, version="0"))
    return described


def _version() -> str:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    version: str = project["version"]
    return version


def _merged(what: str, parts: Iterable[Json]) -> Json:
    whole: Json = {}
    for part in parts:
        for name, value in part.items():
            if whole.setdefault(name, value) != value:
                raise ValueError(f"two functions describe the {what} {name} differently")
    return whole


def _check_routes(paths: Mapping[str, Json]) -> None:
    described = {(method.upper(), path) for path, item in paths.items() for method in item}
    routed = {(route.method, route.path) for route in ROUTES}
    if described != routed:
        raise ValueError(f"described or routed, but not both: {sorted(described ^ routed)}")


def _complete(operation: Json, route: Route) -> None:
    """Bring one operation to what its route does: who may call it, and all it may answer."""
    operation["operationId"] = operation["operationId"].partition("_v1_")[0]
    if route.path.startswith("/v1/webhooks/"):
        operation["security"] = webhooks.SIGNED
        operation["requestBody"] = webhooks.body_taken()
        operation["parameters"][0]["schema"] = webhooks.SOURCE
        operation["responses"]["202"]["content"]["application/json"]["schema"] = (
            webhooks.answer_taken()
        )
    else:
        operation["security"] = _security(route)
    if operation["operationId"] == "capture_order":
        operation["requestBody"]["content"]["application/json"]["examples"] = _capture_samples()
    operation.setdefault("parameters", []).append(answers.CORRELATION_ID_IN)
    operation["responses"] = _responses(operation, route)


def _security(route: Route) -> list[Json]:
    """The same token either way: a client that can ask for one does, a person pastes one."""
    return [{"oauth2": [route.scope]}, {"token": [route.scope]}] if route.scope else []


def _responses(operation: Json, route: Route) -> Json:
    wanted: Json = {}
    refused = set(answers.ANYWHERE)
    if "requestBody" in operation and route.scope:
        refused |= set(answers.WITH_A_BODY)
    if "{" in route.path:
        refused.add(404)  # a name that no route can hold is one that nothing has
    for status, response in operation["responses"].items():
        if status.startswith("2"):
            wanted[status] = _success(response, f"{route.method} {route.path} {status}")
        elif not _is_a_default(response):
            refused.add(int(status))
    for status in refused:
        by_gateway = answers.BY_GATEWAY.get(status) if route.scope else None
        name = by_gateway or answers.BY_STATUS[status]
        wanted[str(status)] = {"$ref": f"#/components/responses/{name}"}
    return dict(sorted(wanted.items()))


def _success(response: Json, where: str) -> Json:
    for media in response["content"].values():
        if not media["schema"].keys() - {"title"}:
            raise ValueError(f"{where} does not say what it answers: give it a model")
    return {**response, "headers": {**answers.CORRELATION_ID_OUT, **response.get("headers", {})}}


def _is_a_default(response: Json) -> bool:
    """Powertools' own descriptions of 422 and 500, in whose place problems are answered."""
    return any(
        media["schema"].get("$ref", "").rpartition("/")[2] in ERROR_DEFAULTS
        for media in response["content"].values()
    )


def _capture_samples() -> Json:
    return {
        file.stem: {"summary": file.stem.replace("_", " "), "value": json.loads(file.read_text())}
        for file in sorted(CAPTURE_SAMPLES.glob("*.json"))
    }


def _components(schemas: Iterable[Json]) -> Json:
    shared = answers.components()
    merged = _merged("schema", [*schemas, shared["schemas"], webhooks.schemas_sent()])
    for name in ERROR_DEFAULTS:
        del merged[name]
    return {
        **shared,
        "schemas": dict(sorted(merged.items())),
        "securitySchemes": {
            "oauth2": {
                "type": "oauth2",
                "description": "Client credentials. The token comes from the domain in the stack's "
                "output `TokenDomain`, with the client in its output `ClientId`.",
                "flows": {"clientCredentials": {"tokenUrl": "/oauth2/token", "scopes": _scopes()}},
            },
            "token": {
                "type": "http",
                "scheme": "bearer",
                "bearerFormat": "JWT",
                "description": "Such a token, already in hand: `make token` prints one.",
            },
            **webhooks.SECURITY_SCHEMES,
        },
    }


def _scopes() -> dict[str, str]:
    scopes = sorted({route.scope for route in ROUTES if route.scope})
    return {scope: _in_words(scope) for scope in scopes}


def _in_words(scope: str) -> str:
    resource, verb = scope.removeprefix("oms/").split(".")
    return f"{verb} {resource}"


def _tidy(node: Any) -> Any:
    """Without the titles that pydantic makes of names, and with Markdown in place of docstrings."""
    match node:
        case list():
            return [_tidy(each) for each in node]
        case dict():
            named = node.keys() & {"type", "anyOf", "$ref"}
            number = node.get("type") == "number"
            return {
                name: int(value) if number and name == "default" else _tidy_member(name, value)
                for name, value in node.items()
                if not (name == "title" and named and isinstance(value, str))
            }
        case float() if node.is_integer():
            return int(node)
        case _:
            return node


def _tidy_member(name: str, value: Any) -> Any:
    if name in ("example", "examples", "enum"):
        return value  # data, whose members may have any name
    if name == "properties":
        return {each: _tidy(schema) for each, schema in value.items()}
    if name == "description" and isinstance(value, str):
        return _prose(value)
    if name == "parameters" and isinstance(value, list):
        return [_tidy(_parameter(each)) for each in value]
    return _tidy(value)


def _parameter(parameter: Json) -> Json:
    """Its schema without what is said beside it, and without null, which no address can hold."""
    if "schema" not in parameter:
        return parameter
    schema = {name: value for name, value in parameter["schema"].items() if name != "description"}
    alternatives = [each for each in schema.get("anyOf", []) if each != {"type": "null"}]
    if len(alternatives) == 1:
        schema = alternatives[0]
    return {**parameter, "schema": schema}


def _prose(docstring: str) -> str:
    paragraphs = docstring.replace("``", "`").strip().split("\n\n")
    return "\n\n".join(re.sub(r"\s*\n\s*", " ", paragraph) for paragraph in paragraphs)


def _about(operation_id: str, summary: str, media_type: str, schema: Json) -> Json:
    return {
        "get": {
            "tags": ["about"],
            "summary": summary,
            "operationId": operation_id,
            "responses": {
                "200": {"description": "As asked", "content": {media_type: {"schema": schema}}}
            },
        }
    }


def _texts(*names: str) -> Json:
    return {
        "type": "object",
        "required": list(names),
        "properties": {name: {"type": "string"} for name in names},
    }


_ABOUT = {
    "/": _about(
        "read_index",
        "What there is",
        "application/json",
        _texts("name", "version", "docs", "openapi", "health", "readme"),
    ),
    "/docs": _about("read_docs", "A page to try it out", "text/html", {"type": "string"}),
    "/openapi.json": _about(
        "read_openapi", "This document", "application/json", {"type": "object"}
    ),
    "/health": _about(
        "read_health", "Whether the API answers", "application/json", _texts("status")
    ),
}
