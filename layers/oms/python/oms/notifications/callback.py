"""What a channel is told about its orders, and how that reaches it.

The body of a callback::

    {"type": "fulfillment.shipped",
     "timestamp": "2026-05-01T12:00:00.000Z",          when it happened
     "data": {
       "order_id": "ord_…", "channel": "web", "channel_order_id": "1001",
       "version": 7,                                   of the order, at the time of sending
       "state": "shipped", "status": "in_transit",
       "fulfillments": [{"id": "ful_…", "node": "sp-1", "state": "shipped", "carrier": "correios",
                         "tracking_number": "BR123", "method": "ship", "hand_over_at": "",
                         "pickup_until": null, "lines": [{"line_id": "1", "sku": "TEE",
                         "quantity": 2}]}],
       "promise": {"arrive_by": "2026-05-08", "expected": "2026-05-12"},   null without one
       "refunds": [{"id": "rfd_…", "state": "refunded", "amount": "59.90"}],
       "returns": [{"id": "ret_…_1", "kind": "return", "state": "received", "amount": "0.00",
                    "lines": [{"line_id": "1", "sku": "TEE", "quantity": 2, "received": 1,
                    "refused": 0}]}],              what the customer got for it so far
       "totals": {"currency": "BRL", "shipping": "10.00", "fees": "0.00", "discount": "0.00",
                  "total": "109.90", "due": "109.90", "captured": "109.90", "refunded": "0.00"}}}

``data`` is the order as it stands when the callback leaves, so a late callback is never stale and
the higher ``version`` is the newer. There is no personal data in it: a channel knows its customer.
``webhook-id`` is the event's id and the same at every attempt, so a repeat can be dropped.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Protocol

from oms.kernel.clock import Clock, rfc3339
from oms.kernel.errors import ProviderUnavailable
from oms.kernel.events import Envelope
from oms.kernel.money import Money, total
from oms.kernel.quantity import quantity_number
from oms.notifications.signing import channel_secret, signed_headers
from oms.orders.model import Content, Fulfillment, FulfillmentLine, Order
from oms.returns.model import Return

GONE = 410

CALLBACK_TYPES = {
    "order_captured": "order.captured",
    "fulfillment_shipped": "fulfillment.shipped",
    "fulfillment_delivered": "fulfillment.delivered",
    "fulfillment_ready": "fulfillment.ready",
    "fulfillment_handed_over": "fulfillment.handed_over",
    "fulfillment_uncollected": "fulfillment.uncollected",
    "reservation_taken_back": "order.backordered",
    "units_backordered": "order.backordered",
    "promise_in_jeopardy": "promise.in_jeopardy",
    "promise_restored": "promise.restored",
    "order_cancelled": "order.cancelled",
    "units_cancelled": "order.units_cancelled",
    "address_changed": "order.address_changed",
    "refund_completed": "payment.refunded",
    "return_approved": "return.approved",
    "return_rejected": "return.rejected",
    "return_received": "return.received",
    "return_resolved": "return.resolved",
}


class CallbackOutcome(StrEnum):
    ACCEPTED = "accepted"
    GONE = "gone"
    NOTHING_TO_TELL = "nothing_to_tell"
    NO_CALLBACK_URL = "no_callback_url"


class Poster(Protocol):
    def post(self, url: str, body: str, headers: dict[str, str]) -> int:
        """The answer's status. Follows no redirect.

        Raises ``ProviderUnavailable`` when there is no answer, and ``Refused`` for an address that
        must not be called.
        """


LoadOrder = Callable[[str], Order]
# By channel id; empty for a channel that wants no callbacks.
CallbackUrl = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class SignedPost:
    """Posts to a channel under its own secret, whatever it is told."""

    poster: Poster
    master_secret: Callable[[], str]
    clock: Clock

    def __call__(self, url: str, channel: str, message_id: str, body: str) -> CallbackOutcome:
        """Raises ``ProviderUnavailable`` when the channel did not accept it and it is to be
        retried, under the same ``message_id``."""
        secret = channel_secret(self.master_secret(), channel)
        headers = {
            "content-type": "application/json",
            "user-agent": "oms-callbacks/1",
            **signed_headers(secret, message_id, body, self.clock()),
        }
        return _outcome(self.poster.post(url, body, headers))


def call_back(
    event: Envelope,
    load_order: LoadOrder,
    callback_url: CallbackUrl,
    poster: Poster,
    master_secret: Callable[[], str],
    clock: Clock,
) -> CallbackOutcome:
    """Raises ``ProviderUnavailable`` when the channel did not accept it and it is to be retried."""
    if event.type not in CALLBACK_TYPES:
        return CallbackOutcome.NOTHING_TO_TELL
    order = load_order(event.subject)
    channel = order.content.channel
    url = callback_url(channel)
    if not url:
        return CallbackOutcome.NO_CALLBACK_URL
    return SignedPost(poster, master_secret, clock)(
        url, channel, event.id, callback_body(event, order)
    )


def callback_body(event: Envelope, order: Order) -> str:
    document = {
        "type": CALLBACK_TYPES[event.type],
        "timestamp": rfc3339(event.at),
        "data": _data(order),
    }
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False, default=_number)


def _outcome(status: int) -> CallbackOutcome:
    if 200 <= status < 300:
        return CallbackOutcome.ACCEPTED
    if status == GONE:
        return CallbackOutcome.GONE
    raise ProviderUnavailable(f"the channel answered {status}", code="callback_not_accepted")


def _data(order: Order) -> dict[str, object]:
    content = order.content
    return {
        "order_id": order.order_id,
        "channel": content.channel,
        "channel_order_id": content.channel_order_id,
        "version": order.version,
        "state": order.state,
        "status": order.status,
        "fulfillments": [_fulfillment(content, part) for part in order.progress.fulfillments],
        "promise": _promise(order),
        "refunds": [
            {
                "id": refund.id,
                "state": refund.state,
                "amount": str(Money(refund.amount, content.currency)),
            }
            for refund in order.progress.refunds
        ],
        "returns": [_return(content, found) for found in order.progress.returns],
        "totals": {
            "currency": content.currency,
            "shipping": str(content.shipping),
            "fees": str(total([fee.amount for fee in content.fees], content.currency)),
            "discount": str(content.discount),
            "total": str(content.total),
            "due": str(order.due),
            "captured": str(order.payments.captured),
            "refunded": str(order.payments.refunded),
        },
    }


def _promise(order: Order) -> dict[str, object] | None:
    """``expected`` is null when nobody knows the day."""
    promise, expected = order.content.promise, order.expected_day
    if promise is None:
        return None
    return {
        "arrive_by": promise.arrive_by.isoformat(),
        "expected": expected.isoformat() if expected else None,
    }


def _fulfillment(content: Content, fulfillment: Fulfillment) -> dict[str, object]:
    return {
        "id": fulfillment.id,
        "node": fulfillment.node,
        "state": fulfillment.state,
        "carrier": fulfillment.carrier,
        "tracking_number": fulfillment.tracking_number,
        "method": fulfillment.method,
        "hand_over_at": fulfillment.hand_over_at,
        "pickup_until": rfc3339(until) if (until := fulfillment.pickup_until) else None,
        "lines": [_line(content, part) for part in fulfillment.lines if not part.component],
    }


def _line(content: Content, part: FulfillmentLine) -> dict[str, object]:
    line = content.line(part.line_id)
    quantity = quantity_number(part.quantity, line.scale)
    return {"line_id": line.line_id, "sku": line.sku, "quantity": quantity}


def _return(content: Content, found: Return) -> dict[str, object]:
    asked, received, refused = found.asked, found.received, found.refused
    return {
        "id": found.id,
        "kind": found.kind,
        "state": found.state,
        "amount": str(Money(found.amount, content.currency)),
        "lines": [
            {
                "line_id": line_id,
                "sku": (line := content.line(line_id)).sku,
                "quantity": quantity_number(asked.get(line_id, 0), line.scale),
                "received": quantity_number(received.get(line_id, 0), line.scale),
                "refused": quantity_number(refused.get(line_id, 0), line.scale),
            }
            for line_id in asked | refused
        ],
    }


def _number(value: object) -> float:
    # JSON has one kind of number; a quantity's few decimals survive the shortest float.
    assert isinstance(value, Decimal)
    return float(value)
