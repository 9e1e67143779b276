"""What a queue behind an event bus rule delivers: the bus's event, and our envelope in it."""

from dataclasses import dataclass

import msgspec

from oms.kernel.encoding import from_json
from oms.kernel.errors import MalformedRequest
from oms.kernel.events import Envelope


@dataclass(frozen=True, slots=True)
class _BusEvent:
    detail: Envelope


def envelope_of(body: str) -> Envelope:
    """Raises ``MalformedRequest`` for a body that holds none, and does not repeat it."""
    try:
        return from_json(body, _BusEvent).detail
    except msgspec.DecodeError:
        raise MalformedRequest("the message holds no event", code="not_an_event") from None
