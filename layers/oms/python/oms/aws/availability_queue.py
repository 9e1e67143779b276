"""The queue of SKUs that somebody should look at, so that channels hear what they may sell.

It is FIFO, and coalesces by what such a queue does anyway:

- A message is known by its SKU and the *window* of some seconds in which the SKU changed; of the
  messages with the same name the queue keeps one. So a burst of sales is one message.
- The queue hides each message for longer than a window lasts. The message is sent after a change
  of the window, so after the window began, and received after the window is over: whoever receives
  it reads stock that has every change of the window in it, those included whose messages were
  dropped. A change is told late by at most that delay, and never not at all.
- A SKU's messages are a group, and so are those of a SKU and a channel: one of a group is handled
  at a time, in the order in which they were sent.

A channel that is down holds up its own groups alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from oms.aws.outbox import StockChange
from oms.aws.queues import Ordered, Queue
from oms.kernel.encoding import from_json, to_json
from oms.kernel.errors import MalformedRequest, Unavailable
from oms.notifications.availability_message import Look, key, window_end

_REMEMBERED = 10_000


class AvailabilityQueue:
    def __init__(self, queue: Queue) -> None:
        self._queue = queue
        # What the queue has taken: sending it again would change nothing, whenever it is.
        self._taken: set[str] = set()

    def tell(self, changes: Iterable[StockChange]) -> set[StockChange]:
        """Put each SKU into the queue, once a window; returns the changes that it did not take."""
        by_message: dict[Ordered, list[StockChange]] = {}
        for change in changes:
            message = _message(Look(change.sku, window_end(change.at)))
            if message.once not in self._taken:
                by_message.setdefault(message, []).append(change)
        untaken = set(self._queue.send_in_order(list(by_message)))
        self._remember(by_message, untaken)
        return {change for message in untaken for change in by_message[message]}

    def fan_out(self, look: Look, channels: Iterable[str], bundles: Iterable[str]) -> None:
        """One message for each channel, and one for each bundle that holds the SKU. Raises
        ``Unavailable`` unless the queue took them all; it knows again those it took, so that all
        may be sent once more."""
        looks = [Look(look.sku, look.until, channel) for channel in channels]
        looks += [Look(bundle, look.until) for bundle in bundles]
        if self._queue.send_in_order([_message(each) for each in looks]):
            raise Unavailable("the queue did not take the messages to the channels")

    def _remember(self, sent: Mapping[Ordered, object], untaken: set[Ordered]) -> None:
        if len(self._taken) > _REMEMBERED:
            self._taken.clear()
        self._taken |= {message.once for message in sent if message not in untaken}


def look_of(body: str) -> Look:
    """Raises ``MalformedRequest`` for a body that says nothing of a SKU."""
    try:
        return from_json(body, Look)
    except msgspec.DecodeError:
        raise MalformedRequest("the message names no SKU", code="not_an_event") from None


def _message(look: Look) -> Ordered:
    group = key(look.sku, look.channel)
    return Ordered(to_json(look), group, f"{group}:{look.until}")
