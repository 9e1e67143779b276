"""Publishing to the event bus, ten events to a call."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from oms.aws.observability import logger
from oms.kernel.encoding import to_json
from oms.kernel.events import Envelope

if TYPE_CHECKING:
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_events.type_defs import PutEventsRequestEntryTypeDef

_BATCH = 10
# PutEvents takes 256 KiB in all, of which names and time are a part.
_REQUEST_BYTES = 240 * 1024
_AROUND_AN_EVENT = 256


@dataclass(frozen=True, slots=True)
class Publication:
    """``source`` names the capability that speaks, e.g. ``oms.orders``."""

    source: str
    envelope: Envelope


class EventBus:
    def __init__(self, client: EventBridgeClient, name: str) -> None:
        self._client = client
        self._name = name

    def publish(self, publications: Sequence[Publication]) -> set[str]:
        """Ids of the events that the bus did not take; the others are published."""
        entries = [self._entry(one) for one in publications]
        failed: set[str] = set()
        start = 0
        for end in _ends(entries):
            failed |= self._put(publications[start:end], entries[start:end])
            start = end
        return failed

    def _put(
        self, batch: Sequence[Publication], entries: Sequence[PutEventsRequestEntryTypeDef]
    ) -> set[str]:
        try:
            answer = self._client.put_events(Entries=entries)
        except (BotoCoreError, ClientError):
            logger.exception("the bus did not answer")
            return {one.envelope.id for one in batch}
        refused = {
            one.envelope.id: result["ErrorCode"]
            for one, result in zip(batch, answer["Entries"], strict=True)
            if "ErrorCode" in result
        }
        if refused:
            logger.warning("the bus refused events", refused=refused)
        return set(refused)

    def _entry(self, one: Publication) -> PutEventsRequestEntryTypeDef:
        return {
            "EventBusName": self._name,
            "Source": one.source,
            "DetailType": one.envelope.type,
            "Detail": to_json(one.envelope),
            "Time": one.envelope.at,
        }


def _ends(entries: Sequence[PutEventsRequestEntryTypeDef]) -> Iterator[int]:
    """Where each request ends: ten events, and no more bytes than one request may have."""
    count = size = 0
    for index, entry in enumerate(entries):
        length = len(entry["Detail"].encode()) + _AROUND_AN_EVENT
        if count == _BATCH or (count and size + length > _REQUEST_BYTES):
            yield index
            count = size = 0
        count, size = count + 1, size + length
    if count:
        yield len(entries)
