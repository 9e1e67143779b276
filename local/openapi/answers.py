"""What every route may answer besides what it is for: refusals of ours, and of API Gateway.

Ours are problem documents (RFC 9457). API Gateway answers by itself, before any function runs, when
a token is missing or lacks the scope, when there are too many calls, and when a function fails or
takes too long; that is ``{"message": "…"}``, and no setting of an HTTP API changes it.
"""

from collections.abc import Mapping
from typing import Any

from oms.aws.http import BODY_LIMIT, PROBLEM, refusals
from oms.orders.contract import MAX_LINES

Json = dict[str, Any]

BY_GATEWAY: Mapping[int, str] = {401: "NoToken", 403: "MissingScope"}
ANYWHERE: Mapping[int, str] = {429: "TooManyRequests", 500: "InternalError", 503: "Unavailable"}
WITH_A_BODY = (400, 413, 415, 422)
BY_STATUS: Mapping[int, str] = {
    400: "MalformedRequest",
    401: "WrongSignature",
    404: "NotFound",
    409: "Conflict",
    413: "TooLarge",
    415: "UnsupportedContentType",
    422: "Invalid",
    **ANYWHERE,
}

_BY_NAME: Mapping[str, tuple[str, Json]] = {
    "MalformedRequest": (
        "The request cannot be read, or lacks its natural key",
        {
            "title": "The request cannot be read",
            "status": 400,
            "detail": "send channel_order_id, or an Idempotency-Key header",
            "code": "missing_natural_key",
        },
    ),
    "WrongSignature": (
        "The signature is missing, wrong or too old; nothing was queued",
        {
            "title": "The signature is missing or wrong",
            "status": 401,
            "detail": "the signature does not match the body",
            "code": "signature_mismatch",
        },
    ),
    "NotFound": (
        "There is no such resource",
        {
            "title": "Not found",
            "status": 404,
            "detail": "there is no order ord_4xmbupmkn6gsyq4njvcuxwraev",
            "code": "not_found",
        },
    ),
    "Conflict": (
        "The current state, or an earlier request with the same key, does not allow it",
        {
            "title": "The current state does not allow this",
            "status": 409,
            "detail": "this key was used for an order with another content",
            "code": "content_differs",
            "order_id": "ord_4xmbupmkn6gsyq4njvcuxwraev",
        },
    ),
    "TooLarge": (
        f"A limit is exceeded: {BODY_LIMIT} bytes of body, or {MAX_LINES} lines of an order",
        {
            "title": "A limit is exceeded",
            "status": 413,
            "detail": f"the order has {MAX_LINES + 1} lines, the limit is {MAX_LINES}",
            "code": "too_many_lines",
            "limit": "lines",
            "maximum": MAX_LINES,
            "actual": MAX_LINES + 1,
        },
    ),
    "UnsupportedContentType": (
        "The body is of another type than application/json",
        {
            "title": "The content type is not supported",
            "status": 415,
            "detail": "send application/json",
            "code": "unsupported_content_type",
        },
    ),
    "Invalid": (
        "The request breaks a rule; each fault is listed with its path, and nothing was stored",
        {
            "title": "The request breaks a rule",
            "status": 422,
            "detail": "the order's amounts do not add up",
            "code": "total_mismatch",
            "faults": [
                {
                    "path": "total",
                    "code": "total_mismatch",
                    "message": "the lines, shipping and discount come to 257.50",
                }
            ],
        },
    ),
    "InternalError": (
        "The request failed; whether it had its effect is not known, and sending it again is safe",
        {
            "title": "Something went wrong",
            "status": 500,
            "detail": "the request failed; the log has the reason under this request id",
            "code": "internal_error",
        },
    ),
    "Unavailable": (
        "Nothing was decided; send the same request again",
        {
            "title": "The order was changed at the same moment",
            "status": 503,
            "detail": "ord_4xmbupmkn6gsyq4njvcuxwraev is past version 3",
            "code": "version_conflict",
        },
    ),
}
_SAID_BY_GATEWAY: Mapping[str, tuple[str, str]] = {
    "NoToken": ("No token, or one that is not valid", "Unauthorized"),
    "MissingScope": ("The token lacks the scope that the route needs", "Forbidden"),
    "TooManyRequests": ("The API is called more often than its stage allows", "Too Many Requests"),
}
_GATEWAY_TOO = {"InternalError": "Internal Server Error", "Unavailable": "Service Unavailable"}

_CORRELATION_ID = {
    "description": "Yours, when it could be used, else one of ours; the events that follow from "
    "the request carry it",
    "schema": {"type": "string"},
}
CORRELATION_ID_OUT = {"x-correlation-id": {"$ref": "#/components/headers/CorrelationId"}}
CORRELATION_ID_IN = {"$ref": "#/components/parameters/CorrelationId"}


def components() -> Json:
    """The part of ``components`` that belongs to no single route."""
    return {
        "headers": {
            "CorrelationId": _CORRELATION_ID,
            "RetryAfter": {"description": "Seconds", "schema": {"type": "integer"}},
        },
        "parameters": {
            "CorrelationId": {
                "name": "x-correlation-id",
                "in": "header",
                "description": "An id of yours that follows the request through logs and events: "
                "up to 128 letters, digits and `._:=+/@-`. Any other is replaced by one of ours",
                "schema": {"type": "string"},
            }
        },
        "responses": {
            **{name: _problem(name) for name in _BY_NAME},
            **{name: _by_gateway(name) for name in _SAID_BY_GATEWAY},
        },
        "schemas": _schemas(),
    }


def _schemas() -> Json:
    problem: Json = refusals(422)[422]["content"][PROBLEM]["schema"]
    fault = problem["properties"]["faults"]["items"]
    faults = {
        "type": "array",
        "description": "Everything that is wrong with the request, not only the first",
        "items": {"$ref": "#/components/schemas/Fault"},
    }
    return {
        "Fault": fault,
        "Problem": {
            "description": "RFC 9457. Some codes bring members of their own, such as `limit`, "
            "`maximum` and `actual`, `order_id`, or `state` and `allowed`",
            **problem,
            "properties": {**problem["properties"], "faults": faults},
        },
        "GatewayMessage": {
            "description": "What API Gateway answers by itself, before or in place of a function",
            "type": "object",
            "required": ["message"],
            "properties": {"message": {"type": "string"}},
        },
    }


def _problem(name: str) -> Json:
    description, example = _BY_NAME[name]
    headers: Json = dict(CORRELATION_ID_OUT)
    if name == "Unavailable":
        headers["retry-after"] = {"$ref": "#/components/headers/RetryAfter"}
    content = {
        PROBLEM: {
            "schema": {"$ref": "#/components/schemas/Problem"},
            "example": {
                "type": f"urn:problem-type:oms:{example['code']}",
                **example,
                "instance": "U3lqHhLMIAMEJ2Q=",
            },
        }
    }
    if name in _GATEWAY_TOO:
        content |= _message(_GATEWAY_TOO[name])
    return {"description": description, "headers": headers, "content": content}


def _by_gateway(name: str) -> Json:
    description, message = _SAID_BY_GATEWAY[name]
    return {"description": description, "content": _message(message)}


def _message(message: str) -> Json:
    return {
        "application/json": {
            "schema": {"$ref": "#/components/schemas/GatewayMessage"},
            "example": {"message": message},
        }
    }
