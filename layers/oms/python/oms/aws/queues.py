"""Sending to SQS, to queues of both kinds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, cast

from botocore.exceptions import BotoCoreError, ClientError

from oms.aws import clients
from oms.aws.observability import logger
from oms.kernel.errors import TooLarge, Unavailable

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import SendMessageBatchRequestEntryTypeDef

# A queue takes 256 KiB, of which a dead letter needs some for its reason.
MESSAGE_LIMIT = 252 * 1024
_BATCH = 10


@cache
def sqs() -> SQSClient:
    return cast("SQSClient", clients.make("sqs"))


@dataclass(frozen=True, slots=True)
class Ordered:
    """A message for a FIFO queue: those of one ``group`` are handled one after the other, in their
    order; of those with the same ``once`` the queue keeps the first of five minutes. Both are at
    most 128 letters, digits and ASCII punctuation."""

    body: str
    group: str
    once: str


@dataclass(frozen=True, slots=True)
class Queue:
    """Its client is made when something is sent: most dead-letter queues are never used."""

    url: str
    client: SQSClient | None = None

    def send(
        self,
        body: str,
        attributes: Mapping[str, str] | None = None,
        *,
        group: str = "",
        once: str = "",
    ) -> None:
        """Raises ``TooLarge`` beyond ``MESSAGE_LIMIT`` bytes, ``Unavailable`` when the queue did
        not take it; then it may have taken it all the same. A FIFO queue needs ``group`` and
        ``once``, as in ``Ordered``."""
        size = len(body.encode())
        if size > MESSAGE_LIMIT:
            raise TooLarge(
                f"the message has {size} bytes, the limit is {MESSAGE_LIMIT}",
                context={"limit": "message_bytes", "maximum": MESSAGE_LIMIT, "actual": size},
            )
        ordered: dict[str, Any] = {}
        if group:
            ordered = {"MessageGroupId": group, "MessageDeduplicationId": once}
        try:
            (self.client or sqs()).send_message(
                QueueUrl=self.url,
                MessageBody=body,
                MessageAttributes={
                    name: {"DataType": "String", "StringValue": value}
                    for name, value in (attributes or {}).items()
                },
                **ordered,
            )
        except (BotoCoreError, ClientError) as error:
            raise Unavailable("the queue did not take the message") from error

    def send_in_order(self, messages: Sequence[Ordered]) -> list[Ordered]:
        """Ten to a call. Returns those that the queue did not take."""
        untaken: list[Ordered] = []
        for start in range(0, len(messages), _BATCH):
            untaken += self._send_batch(messages[start : start + _BATCH])
        return untaken

    def _send_batch(self, batch: Sequence[Ordered]) -> list[Ordered]:
        entries: list[SendMessageBatchRequestEntryTypeDef] = [
            {
                "Id": str(number),
                "MessageBody": message.body,
                "MessageGroupId": message.group,
                "MessageDeduplicationId": message.once,
            }
            for number, message in enumerate(batch)
        ]
        try:
            answer = (self.client or sqs()).send_message_batch(QueueUrl=self.url, Entries=entries)
        except (BotoCoreError, ClientError):
            logger.exception("the queue did not answer")
            return list(batch)
        refused = {one["Id"]: one["Code"] for one in answer.get("Failed", [])}
        if refused:
            logger.warning("the queue refused messages", refused=refused)
        return [batch[int(number)] for number in refused]
