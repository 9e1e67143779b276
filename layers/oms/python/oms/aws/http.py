"""The HTTP edge: routes in, problem documents (RFC 9457) out.

::

    app = resolver()

    @app.post("/v1/orders", responses=refusals(400, 409, 422))
    def capture(order: Annotated[CaptureOrder, Body()]) -> ...:

    handler = serve(app)

Every refusal is ``application/problem+json`` with ``type, title, status, detail, code, instance``
(the request id) and, for bad input, ``faults: [{path, code, message}]``. ``type`` is a URN made of
the code. Nothing of the request's body is repeated in a problem or in a log line.
"""

import base64
import json
import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from http import HTTPStatus
from typing import Any, NoReturn

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.event_handler.api_gateway import BaseRouter
from aws_lambda_powertools.event_handler.exceptions import NotFoundError
from aws_lambda_powertools.event_handler.openapi.exceptions import (
    RequestUnsupportedContentType,
    RequestValidationError,
)

from oms.aws.faults import invalid
from oms.aws.observability import Handler, correlate, correlation_id, logger, observed
from oms.kernel.errors import (
    MalformedRequest,
    NotFound,
    OmsError,
    Refused,
    TooLarge,
    Unavailable,
)

PROBLEM = "application/problem+json"
CORRELATION_HEADER = "x-correlation-id"
BODY_LIMIT = 256 * 1024

_CORRELATION_ID = re.compile(r"[A-Za-z0-9._:=+/@-]{1,128}")


class UnsupportedContentType(Refused):
    code = "unsupported_content_type"
    status = 415
    title = "The content type is not supported"


def resolver(*, validate: bool = True) -> APIGatewayHttpResolver:
    """An HTTP API resolver whose every error becomes a problem document."""
    app = APIGatewayHttpResolver(
        enable_validation=validate,
        response_validation_error_http_code=HTTPStatus.INTERNAL_SERVER_ERROR if validate else None,
        json_body_deserializer=read_json,
        serializer=write_json,
    )
    app.exception_handler(Exception)(lambda error: refuse(error, request_id(app)))
    return app


def serve(app: APIGatewayHttpResolver, *, body_limit: int = BODY_LIMIT) -> Handler:
    """The Lambda handler of ``app``. Bodies beyond ``body_limit`` bytes are refused with 413,
    bodies that are not JSON with 415."""

    def answer(event: dict[str, Any], context: Any) -> dict[str, Any]:
        _check_body(event, body_limit)
        response: dict[str, Any] = app.resolve(event, context)
        return response

    return serve_plain(answer)


def serve_plain(answer: Callable[[dict[str, Any], Any], dict[str, Any]]) -> Handler:
    """The Lambda handler of a function with one route: correlation id in and out, problems for
    errors, and no router to import."""

    def handle(event: dict[str, Any], context: Any) -> dict[str, Any]:
        request = str(_request_context(event).get("requestId", ""))
        correlate(_correlation_id(event) or request)
        try:
            response = answer(event, context)
        except Exception as error:
            response = _as_event(refuse(error, request))
        headers = response.setdefault("headers", {})
        headers[CORRELATION_HEADER] = correlation_id()
        headers.setdefault("cache-control", "no-store")
        return response

    return observed(handle)


def check_size(body: bytes, limit: int = BODY_LIMIT) -> None:
    """Raises ``TooLarge``, which says which limit it is."""
    if len(body) > limit:
        raise TooLarge(
            f"the body has {len(body)} bytes, the limit is {limit}",
            context={"limit": "body_bytes", "maximum": limit, "actual": len(body)},
        )


def reply(status: int, body: object, headers: Mapping[str, str] | None = None) -> Response[str]:
    """A JSON answer that is already in its public shape, so that nothing walks it again."""
    return Response(
        status_code=status,
        content_type="application/json",
        body=write_json(body),
        headers=dict(headers or {}),
    )


def reply_file(content_type: str, body: str | bytes) -> Response[str]:
    """Text as it is, bytes in base64, which API Gateway decodes: of a function's answer of at most
    6 MB that leaves some 4.5 MB."""
    text = body if isinstance(body, str) else base64.b64encode(body).decode()
    response = Response(status_code=200, content_type=content_type, body=text)
    response.base64_encoded = text is not body
    return response


def caller(app: BaseRouter) -> str:
    """Who the token was issued to: a user's name, else the client's id."""
    claims = _claims(app)
    return str(claims.get("username") or claims.get("client_id") or "anonymous")


def scopes(app: BaseRouter) -> frozenset[str]:
    """All that the caller's token may do, such as ``oms/orders.write``."""
    return frozenset(str(_claims(app).get("scope", "")).split())


def _claims(app: BaseRouter) -> dict[str, Any]:
    authorizer = _request_context(app.current_event.raw_event).get("authorizer") or {}
    return (authorizer.get("jwt") or {}).get("claims") or {}


def request_id(app: APIGatewayHttpResolver) -> str:
    return str(_request_context(app.current_event.raw_event).get("requestId", ""))


def refusals(*statuses: int) -> dict[int, Any]:
    """The OpenAPI ``responses`` entry for the problems a route may answer with."""
    return {
        status: {
            "description": HTTPStatus(status).phrase,
            "content": {PROBLEM: {"schema": _PROBLEM_SCHEMA}},
        }
        for status in statuses
    }


def read_json(text: str) -> Any:
    """Parse JSON strictly: numbers stay exact, ``NaN`` and its kin are refused.

    Raises ``MalformedRequest``, never anything else.
    """
    try:
        return json.loads(text, parse_float=Decimal, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        raise MalformedRequest(
            f"the body is not JSON: {error.msg} at line {error.lineno}, column {error.colno}"
        ) from None
    except (ValueError, ArithmeticError):
        raise MalformedRequest("the body has a number that cannot be read") from None
    except RecursionError:
        raise MalformedRequest("the body is nested too deeply") from None


def write_json(body: object) -> str:
    return json.dumps(body, separators=(",", ":"), ensure_ascii=False, default=_json_number)


def refuse(error: Exception, request: str) -> Response[str]:
    """The problem document of any error. One that nobody foresaw is logged and tells nothing."""
    known = _known(error)
    if known is None:
        logger.exception("unhandled error", exc_info=error)
        known = OmsError("the request failed; the log has the reason under this request id")
    elif isinstance(known, Unavailable):
        logger.warning("unavailable", code=known.problem_code, detail=known.detail)
    else:
        logger.info("refused", code=known.problem_code, status=known.status)
    return Response(
        status_code=known.status,
        content_type=PROBLEM,
        body=write_json(problem(known, request)),
        headers={"retry-after": "1"} if isinstance(known, Unavailable) else {},
    )


def problem(error: OmsError, instance: str) -> dict[str, object]:
    """The members of RFC 9457, section 3.1, and ours."""
    document: dict[str, object] = {
        **error.context,
        "type": f"urn:problem-type:oms:{error.problem_code}",
        "title": error.title,
        "status": error.status,
        "detail": error.detail,
        "code": error.problem_code,
        "instance": instance,
    }
    if error.faults:
        document["faults"] = [
            {"path": fault.path, "code": fault.code, "message": fault.message}
            for fault in error.faults
        ]
    return document


def _known(error: Exception) -> OmsError | None:
    match error:
        case OmsError():
            return error
        case RequestValidationError():
            return invalid(error.errors())
        case RequestUnsupportedContentType():
            return UnsupportedContentType("send application/json")
        case NotFoundError():
            return NotFound("there is no such resource", code="unknown_route")
        case UnicodeError():
            return MalformedRequest("the request is not UTF-8")
        case _:
            return None


def _check_body(event: Mapping[str, Any], limit: int) -> None:
    body = event.get("body")
    if not body:
        return
    check_size(base64.b64decode(body) if event.get("isBase64Encoded") else body.encode(), limit)
    content_type = _header(event, "content-type").partition(";")[0].strip().lower()
    if content_type not in ("", "application/json"):
        raise UnsupportedContentType("send application/json")


def _correlation_id(event: Mapping[str, Any]) -> str:
    """The caller's, when it is of a shape that can be logged and sent back."""
    given = _header(event, CORRELATION_HEADER).strip()
    return given if _CORRELATION_ID.fullmatch(given) else ""


def _header(event: Mapping[str, Any], name: str) -> str:
    headers = event.get("headers") or {}
    return str(next((value for key, value in headers.items() if key.lower() == name), ""))


def _request_context(event: Mapping[str, Any]) -> Mapping[str, Any]:
    context: Mapping[str, Any] = event.get("requestContext") or {}
    return context


def _as_event(response: Response[str]) -> dict[str, Any]:
    headers = {**response.headers, "content-type": response.content_type or PROBLEM}
    return {
        "statusCode": response.status_code,
        "headers": headers,
        "body": response.body,
        "isBase64Encoded": False,
    }


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)


def _json_number(value: object) -> int | float:
    if not isinstance(value, Decimal):
        raise TypeError(f"{type(value).__name__} has no place in an answer")
    return int(value) if value == value.to_integral_value() else float(value)


_PROBLEM_SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["type", "title", "status", "detail", "code", "instance"],
    "properties": {
        "type": {"type": "string", "format": "uri"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string", "description": "Stable; branch on this, not on the texts"},
        "instance": {"type": "string", "description": "The request id, to be quoted to support"},
        "faults": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["path", "code", "message"],
                "properties": {
                    "path": {"type": "string", "description": "Dotted, e.g. lines.0.quantity"},
                    "code": {"type": "string"},
                    "message": {"type": "string"},
                },
            },
        },
    },
}
