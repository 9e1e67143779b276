"""What the API is, how to try it, and whether it answers.

``GET /openapi.json`` is docs/openapi.json with the address it was called at. ``GET /docs`` is a
page to try it out, whose script and style sheet come from ``GET /docs?file=…``: nothing is loaded
from anywhere else. Environment: ``TOKEN_URL`` (optional), where the page asks for a token.
"""

import base64
import gzip
import json
import os
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import aws_lambda_powertools

from oms.aws.http import serve_plain, write_json
from oms.kernel.errors import NotFound

HERE = Path(__file__).parent
SWAGGER_UI = Path(aws_lambda_powertools.__file__).parent / "event_handler/openapi/swagger_ui"
FILES = {
    "page.js": (HERE, "text/javascript"),
    "swagger-ui-bundle.min.js": (SWAGGER_UI, "text/javascript"),
    "swagger-ui.min.css": (SWAGGER_UI, "text/css"),
}
A_DAY = "public, max-age=86400"
# The page holds a token: no script but ours may run in it, and none written into it.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline';"
    " img-src 'self' data:; connect-src 'self' https:; base-uri 'none'; form-action 'none';"
    " frame-ancestors 'none'"
)

Event = Mapping[str, Any]
Answer = dict[str, Any]


def answer(event: dict[str, Any], context: Any) -> Answer:
    route = _ROUTES.get(event["routeKey"])
    if route is None:
        raise NotFound("there is no such resource", code="unknown_route")
    return route(event)


def address(event: Event) -> str:
    """Where the API was called, without a slash at its end. Behind a proxy that does not pass the
    name on: relative, which a client resolves against where it found the document."""
    headers, path = event["headers"], event["routeKey"].partition(" ")[2]
    host = headers.get("host", "")
    if host.partition(":")[0] != event["requestContext"]["domainName"]:
        return "."
    # API Gateway always says which protocol it was called by; the local engine speaks HTTP.
    scheme = headers.get("x-forwarded-proto", "http")
    return f"{scheme}://{host}{event['rawPath'].removesuffix(path)}"


def _index(event: Event) -> Answer:
    here, info = address(event), _document()["info"]
    return _json(
        {
            "name": info["title"],
            "version": info["version"],
            "docs": f"{here}/docs",
            "openapi": f"{here}/openapi.json",
            "health": f"{here}/health",
            "readme": "README.md in the repository",
        }
    )


def _health(event: Event) -> Answer:
    return _json({"status": "ok"})


def _openapi(event: Event) -> Answer:
    document = {**_document(), "servers": [{"url": address(event)}]}
    token_url = os.environ.get("TOKEN_URL")
    if token_url:
        document = _with_token_url(document, token_url)
    return _json(document)


def _page(event: Event) -> Answer:
    wanted = (event.get("queryStringParameters") or {}).get("file")
    if wanted is None:
        page = (HERE / "page.html").read_text()
        headers = {"content-type": "text/html; charset=utf-8", "content-security-policy": POLICY}
        return _answer(page, headers)
    if wanted not in FILES:
        raise NotFound("the page has no such file", code="unknown_route")
    return _file(wanted, "gzip" in event["headers"].get("accept-encoding", ""))


def _file(name: str, compressed: bool) -> Answer:
    headers = {"content-type": f"{FILES[name][1]}; charset=utf-8", "cache-control": A_DAY}
    if not compressed:
        return _answer((FILES[name][0] / name).read_text(), headers)
    headers |= {"content-encoding": "gzip", "vary": "accept-encoding"}
    return {**_answer(_compressed(name), headers), "isBase64Encoded": True}


@cache
def _compressed(name: str) -> str:
    return base64.b64encode(gzip.compress((FILES[name][0] / name).read_bytes(), 6)).decode()


@cache
def _document() -> dict[str, Any]:
    document: dict[str, Any] = json.loads((HERE / "openapi.json").read_text())
    return document


def _with_token_url(document: dict[str, Any], token_url: str) -> dict[str, Any]:
    components = document["components"]
    scheme = components["securitySchemes"]["oauth2"]
    flow = {**scheme["flows"]["clientCredentials"], "tokenUrl": token_url}
    schemes = {
        **components["securitySchemes"],
        "oauth2": {**scheme, "flows": {"clientCredentials": flow}},
    }
    return {**document, "components": {**components, "securitySchemes": schemes}}


def _json(body: object) -> Answer:
    return _answer(write_json(body), {"content-type": "application/json"})


def _answer(body: str, headers: dict[str, str]) -> Answer:
    return {
        "statusCode": 200,
        "headers": {"x-content-type-options": "nosniff", **headers},
        "body": body,
        "isBase64Encoded": False,
    }


_ROUTES: Mapping[str, Callable[[Event], Answer]] = {
    "GET /": _index,
    "GET /docs": _page,
    "GET /openapi.json": _openapi,
    "GET /health": _health,
}

handler = serve_plain(answer)
