"""Tracking events of a carrier, signed by the Standard Webhooks scheme.

::

    {"type": "tracking.updated", "timestamp": "2026-05-03T15:20:00Z",
     "data": {"tracking_number": "BR1", "fulfillment_id": "ful_…_1", "status": "delivered"}}

``fulfillment_id`` is what we gave the carrier as its customer's reference; of a parcel that comes
back it is the return's id. The event's id is the delivery's, its time the ``timestamp``, unless
``data`` has ``occurred_at``. Several at once::

     "data": {"tracking_number": "BR1", "fulfillment_id": "ful_…_1", "events": [
         {"id": "e1", "status": "in_transit", "occurred_at": "2026-05-02T09:00:00Z",
          "place": "Cajamar", "description": "…"}, …]}

With cash on delivery an event may have ``collected``: ``amount``, ``currency``, ``reference`` and
``tender`` of what the driver took. They may come in any order, and again. A status that is none of
``TrackingStatus`` is ignored.
"""

from collections.abc import Iterator
from datetime import datetime

from oms.channels.model import Call, Command, Delivery, Ignored, ParcelReported
from oms.channels.payload import Payload, parse_payload
from oms.channels.signatures import verify_standard_webhook
from oms.fulfillment.tracking import STATUSES, TrackingReport, TrackingStatus
from oms.kernel.clock import parse_rfc3339
from oms.kernel.errors import Fault, Invalid
from oms.payments.in_person import Collected

_LONGEST_TEXT = 200


def verify(call: Call, secret: str, now: datetime) -> Delivery:
    message_id = verify_standard_webhook(call.headers, call.body, secret, now)
    return Delivery(message_id, call.body.decode(), {})


def read(delivery: Delivery) -> tuple[Command, ...]:
    body = parse_payload(delivery.body)
    return tuple(_commands(delivery.id, body))


def _commands(delivery_id: str, body: Payload) -> Iterator[Command]:
    tracking = body.at("data")
    events = list(tracking.at("events").elements())
    if not events:
        yield _command(delivery_id, body.at("timestamp"), tracking, tracking)
    for number, event in enumerate(events, start=1):
        event_id = event.at("id").text_or_empty() or f"{delivery_id}:{number}"
        yield _command(event_id, body.at("timestamp"), tracking, event)


def _command(event_id: str, sent_at: Payload, parcel: Payload, event: Payload) -> Command:
    status = event.at("status").text()
    if status not in STATUSES:
        return Ignored(f"a parcel that is {status} changes nothing")
    return ParcelReported(
        TrackingReport(
            id=_short(event_id, event.at("id").path),
            fulfillment_id=parcel.at("fulfillment_id").text(),
            tracking_number=_short(
                parcel.at("tracking_number").text(), parcel.at("tracking_number").path
            ),
            status=TrackingStatus(status),
            at=_moment(event.at("occurred_at") or sent_at),
            place=event.at("place").text_or_empty()[:_LONGEST_TEXT],
            description=event.at("description").text_or_empty()[:_LONGEST_TEXT],
            collected=_collected(event.at("collected")),
        )
    )


def _collected(told: Payload) -> Collected | None:
    """Cash on delivery: what the driver took at the door."""
    if not told:
        return None
    return Collected(
        told.at("amount").money(told.at("currency").text()),
        _short(told.at("reference").text(), told.at("reference").path),
        told.at("tender").text_or_empty()[:_LONGEST_TEXT] or "cash",
    )


def _short(text: str, path: str) -> str:
    """They are a part of the key that a report is kept under."""
    if len(text) <= _LONGEST_TEXT:
        return text
    fault = Fault(path, "invalid_type", f"has more than {_LONGEST_TEXT} characters")
    raise Invalid(f"{path} is too long", code="invalid_type", faults=(fault,))


def _moment(when: Payload) -> datetime:
    try:
        return parse_rfc3339(when.text())
    except ValueError:
        fault = Fault(when.path, "invalid_time", "is not a time with a zone")
        raise Invalid(f"{when.path} is not a time", code="invalid_time", faults=(fault,)) from None
