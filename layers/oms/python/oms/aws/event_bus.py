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
        failed: set[str] = set()
        for batch in _batches(publications):
            failed |= self._put(batch)
        return failed

    def _put(self, batch: Sequence[Publication]) -> set[str]:
        try:
            answer = self._client.put_events(Entries=[self._entry(one) for one in batch])
        except (BotoCoreError, ClientError):
            logger.exception("the bus did not answer")
            return {one.envelope.id for one in batch}
        results = zip(batch, answer["Entries"], strict=True)
        return {one.envelope.id for one, result in results if "ErrorCode" in result}

    def _entry(self, one: Publication) -> PutEventsRequestEntryTypeDef:
        return {
            "EventBusName": self._name,
            "Source": one.source,
            "DetailType": one.envelope.type,
            "Detail": to_json(one.envelope),
            "Time": one.envelope.at,
        }


def _batches(publications: Sequence[Publication]) -> Iterator[Sequence[Publication]]:
    for start in range(0, len(publications), _BATCH):
        yield publications[start : start + _BATCH]
