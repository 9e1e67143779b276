"""A verified delivery on its way from the webhook to the inbox."""

import json
from dataclasses import asdict, dataclass
from datetime import datetime

from oms.channels.model import Delivery
from oms.channels.payload import Payload, parse_payload
from oms.kernel.clock import rfc3339


@dataclass(frozen=True, slots=True)
class QueuedDelivery:
    source: str
    delivery: Delivery
    correlation_id: str


def to_message(queued: QueuedDelivery, received_at: datetime) -> str:
    """JSON in ASCII, because SQS refuses some characters that JSON allows."""
    return json.dumps(
        {
            "source": queued.source,
            "correlation_id": queued.correlation_id,
            "received_at": rfc3339(received_at),
            **asdict(queued.delivery),
        },
        separators=(",", ":"),
    )


def from_message(text: str) -> QueuedDelivery:
    """Raises ``MalformedRequest`` or ``Invalid`` for anything that ``to_message`` did not write."""
    message = parse_payload(text)
    return QueuedDelivery(
        source=message.at("source").text(),
        delivery=Delivery(
            id=message.at("id").text(),
            body=message.at("body").text(),
            headers=_headers(message.at("headers")),
        ),
        correlation_id=message.at("correlation_id").text_or_empty(),
    )


def _headers(headers: Payload) -> dict[str, str]:
    return {name: headers.at(name).text_or_empty() for name in headers.members()}
