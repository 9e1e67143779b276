"""Webhooks in the document: those we take, by source, and those we send to a channel's address."""

import inspect
import json
from collections.abc import Mapping
from typing import Any

from local.engine import ROOT
from oms.channels.sources import SOURCES
from oms.notifications.availability import AVAILABILITY_CHANGED, StockState
from oms.notifications.callback import CALLBACK_TYPES
from oms.notifications.return_rate_call import CALL_TYPE
from oms.orders.model import FulfillmentState, Method, State
from oms.reporting.return_rates import RateOf
from oms.returns.model import ReturnKind, ReturnState

Json = dict[str, Any]

SAMPLES = ROOT / "events" / "webhooks"

SECURITY_SCHEMES: Mapping[str, Json] = {
    "standardWebhooks": {
        "type": "apiKey",
        "in": "header",
        "name": "webhook-signature",
        "description": "The scheme of standardwebhooks.com: HMAC-SHA256 over "
        "`webhook-id.webhook-timestamp.body`, sent with the headers `webhook-id` and "
        "`webhook-timestamp` (Unix seconds, at most five minutes off).",
    },
    "shopifyHmac": {
        "type": "apiKey",
        "in": "header",
        "name": "x-shopify-hmac-sha256",
        "description": "Base64 of the HMAC-SHA256 of the raw body, keyed with the app's secret.",
    },
    "stripeSignature": {
        "type": "apiKey",
        "in": "header",
        "name": "stripe-signature",
        "description": "`t=…,v1=…`: hexadecimal HMAC-SHA256 over `t.body`, at most five minutes "
        "off.",
    },
    "adyenHmac": {
        "type": "apiKey",
        "in": "header",
        "name": "hmacsignature",
        "description": "Base64 of an HMAC-SHA256, keyed with the bytes of a hexadecimal key. "
        "Webhooks of payments have it in each item's `additionalData.hmacSignature` instead, over "
        "values of the item; they are answered with `[accepted]`.",
    },
    "paypalSignature": {
        "type": "apiKey",
        "in": "header",
        "name": "paypal-transmission-sig",
        "description": "SHA256withRSA over `transmission id|time|webhook id|CRC32 of the body`, by "
        "the certificate at `paypal-cert-url`, which is one of PayPal's own.",
    },
    "mercadoPagoSignature": {
        "type": "apiKey",
        "in": "header",
        "name": "x-signature",
        "description": "`ts=…,v1=…`: hexadecimal HMAC-SHA256 over "
        "`id:<data.id of the query>;request-id:<x-request-id>;ts:<ts>;`.",
    },
}
SIGNED: list[Json] = [
    {"standardWebhooks": []},
    {"shopifyHmac": []},
    {"stripeSignature": []},
    {"adyenHmac": []},
    {"paypalSignature": []},
    {"mercadoPagoSignature": []},
]

SOURCE = {"type": "string", "enum": sorted(SOURCES)}


def body_taken() -> Json:
    """Any JSON: what it must hold is up to the source, and is looked at once it is queued."""
    return {
        "required": True,
        "description": "The sender's own. Its bytes are what is signed.",
        "content": {"application/json": {"schema": {"type": "object"}, "examples": _samples()}},
    }


def answer_taken() -> Json:
    return {
        "type": "object",
        "required": ["source", "delivery_id"],
        "properties": {
            "source": SOURCE,
            "delivery_id": {"type": "string", "description": "The sender's id of this delivery"},
        },
    }


def sent() -> Json:
    """The document's ``webhooks``: what is posted to a channel's ``callback_url``."""
    of_orders = {kind: _callback(kind, "Callback") for kind in CALLBACK_TYPES.values()}
    feed = {AVAILABILITY_CHANGED: _callback(AVAILABILITY_CHANGED, "AvailabilityCallback")}
    rates = {CALL_TYPE: _callback(CALL_TYPE, "ReturnRateCallback")}
    return {kind: {"post": told} for kind, told in sorted((of_orders | feed | rates).items())}


def schemas_sent() -> Json:
    return {
        "Callback": {
            "description": "An event of an order, told to its channel",
            "type": "object",
            "required": ["type", "timestamp", "data"],
            "properties": {
                "type": {"type": "string", "enum": sorted(CALLBACK_TYPES.values())},
                "timestamp": {
                    "type": "string",
                    "format": "date-time",
                    "description": "When it happened",
                },
                "data": {"$ref": "#/components/schemas/CallbackOrder"},
            },
        },
        "AvailabilityCallback": {
            "description": "What a channel may sell of a SKU, told to it when that changed and it "
            "has `availability` set. Changes of some seconds become one. Of two, the one with the "
            "higher `sequence` is the newer; keep the highest of each SKU, and drop what is not "
            "above it. Numbers may be left out.",
            "type": "object",
            "required": ["type", "timestamp", "data"],
            "properties": {
                "type": {"type": "string", "enum": [AVAILABILITY_CHANGED]},
                "timestamp": {
                    "type": "string",
                    "format": "date-time",
                    "description": "When it was found",
                },
                "data": _closed(
                    {
                        "sku": _TEXT,
                        "channel": _TEXT,
                        "available": {
                            "type": ["number", "null"],
                            "description": "What this channel may sell; null: never runs out",
                        },
                        "state": {"type": "string", "enum": [*StockState]},
                        "sequence": {"type": "integer", "minimum": 1},
                    }
                ),
            },
        },
        "ReturnRateCallback": {
            "description": "Much of what was delivered of a product, or to a customer, came back "
            "in a month and the two before it. Told once for a month, to the channel of the return "
            "that did it.",
            "type": "object",
            "required": ["type", "timestamp", "data"],
            "properties": {
                "type": {"type": "string", "enum": [CALL_TYPE]},
                "timestamp": {
                    "type": "string",
                    "format": "date-time",
                    "description": "When it happened",
                },
                "data": _closed(
                    {
                        "by": {"type": "string", "enum": [*RateOf]},
                        "subject": _TEXT,
                        "month": _TEXT,
                        "delivered": {"type": "number"},
                        "returned": {"type": "number"},
                        "rate": _TEXT,
                        "reasons": {
                            "type": "object",
                            "additionalProperties": {"type": "number"},
                        },
                    }
                ),
            },
        },
        "CallbackOrder": {
            "description": "The order as it stands when the callback leaves: of two, the one with "
            "the higher `version` is the newer. No personal data.",
            **_closed(
                {
                    "order_id": _TEXT,
                    "channel": _TEXT,
                    "channel_order_id": _TEXT,
                    "version": {"type": "integer"},
                    "state": {"type": "string", "enum": [*State]},
                    "status": _TEXT,
                    "fulfillments": {"type": "array", "items": _FULFILLMENT},
                    "promise": {"anyOf": [_PROMISE, {"type": "null"}]},
                    "refunds": {"type": "array", "items": _REFUND},
                    "returns": {"type": "array", "items": _RETURN},
                    "totals": _TOTALS,
                }
            ),
        },
    }


def _callback(kind: str, schema: str) -> Json:
    return {
        "operationId": f"callback_{kind.replace('.', '_')}",
        "summary": f"We tell a channel: {kind}",
        "description": "Posted to the channel's `callback_url` and signed with its "
        "`signing_secret` by the Standard Webhooks scheme. `webhook-id` is the message's own and "
        "the same at every attempt. Any answer of 2xx ends it, and so does 410; any other is tried "
        "again with growing pauses.",
        "tags": ["callbacks"],
        "security": [{"standardWebhooks": []}],
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}},
        },
        "responses": {
            "2XX": {"description": "Taken"},
            "410": {"description": "Not wanted; it is not sent again"},
        },
    }


def _samples() -> Json:
    found = {}
    for file in sorted(SAMPLES.glob("*.json")):
        sample = json.loads(file.read_text())
        found[file.stem] = {
            "summary": f"{sample['source']}: {_first_line(SOURCES[sample['source']])}",
            "value": sample["body"],
        }
    return found


def _first_line(source: object) -> str:
    return (inspect.getdoc(source) or "").partition("\n")[0].replace("``", "`")


def _closed(properties: Json) -> Json:
    return {"type": "object", "required": list(properties), "properties": properties}


_TEXT = {"type": "string"}
_AMOUNT = {"type": "string", "description": "A decimal string in `totals.currency`"}
_LINE = _closed({"line_id": _TEXT, "sku": _TEXT, "quantity": {"type": "number"}})
_MOMENT = {"type": "string", "format": "date-time"}
_FULFILLMENT = _closed(
    {
        "id": _TEXT,
        "node": _TEXT,
        "state": {"type": "string", "enum": [*FulfillmentState]},
        "carrier": _TEXT,
        "tracking_number": _TEXT,
        "method": {"type": "string", "enum": [*Method]},
        "hand_over_at": {"type": "string", "description": "The node where it is collected"},
        "pickup_until": {"anyOf": [_MOMENT, {"type": "null"}]},
        "lines": {"type": "array", "items": _LINE},
    }
)
_DAY = {"type": "string", "format": "date"}
_PROMISE = _closed({"arrive_by": _DAY, "expected": {"anyOf": [_DAY, {"type": "null"}]}})
_REFUND = _closed({"id": _TEXT, "state": _TEXT, "amount": _AMOUNT})
_RETURNED_LINE = _closed(
    {
        "line_id": _TEXT,
        "sku": _TEXT,
        "quantity": {"type": "number", "description": "What was asked for"},
        "received": {"type": "number"},
        "refused": {"type": "number", "description": "What came and goes back"},
    }
)
_RETURN = _closed(
    {
        "id": _TEXT,
        "kind": {"type": "string", "enum": [*ReturnKind]},
        "state": {"type": "string", "enum": [*ReturnState]},
        "amount": _AMOUNT | {"description": "What the customer got for it so far"},
        "lines": {"type": "array", "items": _RETURNED_LINE},
    }
)
_TOTALS = _closed(
    {
        "currency": _TEXT,
        "shipping": _AMOUNT,
        "fees": _AMOUNT,
        "discount": _AMOUNT,
        "total": _AMOUNT,
        "due": _AMOUNT,
        "captured": _AMOUNT,
        "refunded": _AMOUNT,
    }
)
