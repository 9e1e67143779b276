"""Sending to SQS."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, cast

from botocore.exceptions import BotoCoreError, ClientError

from oms.aws import clients
from oms.kernel.errors import TooLarge, Unavailable

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

# A queue takes 256 KiB, of which a dead letter needs some for its reason.
MESSAGE_LIMIT = 252 * 1024


@cache
def sqs() -> SQSClient:
    return cast("SQSClient", clients.make("sqs"))


@dataclass(frozen=True, slots=True)
class Queue:
    """Its client is made when something is sent: most dead-letter queues are never used."""

    url: str
    client: SQSClient | None = None

    def send(self, body: str, attributes: Mapping[str, str] | None = None) -> None:
        """Raises ``TooLarge`` beyond ``MESSAGE_LIMIT`` bytes, ``Unavailable`` when the queue did
        not take it; then it may have taken it all the same."""
        size = len(body.encode())
        if size > MESSAGE_LIMIT:
            raise TooLarge(
                f"the message has {size} bytes, the limit is {MESSAGE_LIMIT}",
                context={"limit": "message_bytes", "maximum": MESSAGE_LIMIT, "actual": size},
            )
        try:
            (self.client or sqs()).send_message(
                QueueUrl=self.url,
                MessageBody=body,
                MessageAttributes={
                    name: {"DataType": "String", "StringValue": value}
                    for name, value in (attributes or {}).items()
                },
            )
        except (BotoCoreError, ClientError) as error:
            raise Unavailable("the queue did not take the message") from error
