"""Taking messages from a queue, and putting those that nothing can heal aside with their reason.

A message whose error no retry can heal goes to the dead-letter queue at once; any other fails, so
that the queue delivers it again, and goes there on its last delivery. Either way the function sends
it itself, because SQS's own redrive says nothing of the reason. Beside the unchanged body stand the
attributes ``reason`` (an error's code), ``detail``, ``message_id``, ``function`` and ``failed_at``.
Should that fail, or the process die, the redrive policy is still there.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

from aws_lambda_powertools.utilities.batch import (
    BatchProcessor,
    EventType,
    process_partial_response,
)
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from oms.aws.observability import Handler, correlate, logger, observed
from oms.aws.queues import Queue
from oms.kernel.clock import rfc3339, utc_now
from oms.kernel.errors import Conflict, NotFound, OmsError, Refused, Unfulfilled

MAX_RECEIVES = 5
_Item = TypeVar("_Item")

_DETAIL_LENGTH = 500
_FAULTS_NAMED = 5


@dataclass(frozen=True, slots=True)
class Message:
    """``receives`` counts its deliveries, this one included; ``group`` is that of a FIFO queue."""

    id: str
    body: str
    receives: int
    group: str = ""


Handle = Callable[[Message], None]


@dataclass(frozen=True, slots=True)
class DeadLetters:
    """``max_receives`` is what the queue's redrive policy says."""

    queue: Queue
    max_receives: int = MAX_RECEIVES

    @classmethod
    def from_environment(cls) -> DeadLetters:
        """``DEAD_LETTER_QUEUE_URL``, and ``MAX_RECEIVES`` unless it is 5."""
        return cls(
            Queue(os.environ["DEAD_LETTER_QUEUE_URL"]),
            int(os.environ.get("MAX_RECEIVES", MAX_RECEIVES)),
        )

    def takes(self, message: Message, error: Exception) -> bool:
        return not can_heal(error) or message.receives >= self.max_receives

    def park(self, message: Message, error: Exception) -> None:
        reason = reason_of(error)
        self.queue.send(
            message.body,
            {
                "reason": reason,
                "detail": detail_of(error),
                "message_id": message.id,
                "function": os.environ.get("AWS_LAMBDA_FUNCTION_NAME", "unknown"),
                "failed_at": rfc3339(utc_now()),
            },
            group=message.group,
            once=message.id,
        )
        logger.error("dead letter", message_id=message.id, reason=reason, detail=detail_of(error))


def consumer(handle: Handle, dead_letters: DeadLetters) -> Handler:
    """The Lambda handler of an SQS trigger that reports failures message by message."""
    processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)

    def take(record: SQSRecord) -> None:
        take_message(_message(record), handle, dead_letters)

    def consume(event: dict[str, Any], context: Any) -> Any:
        return process_partial_response(event, take, processor, context)

    return observed(consume)


def take_message(message: Message, handle: Handle, dead_letters: DeadLetters) -> None:
    """Raises the error of a message that is to be delivered again."""
    correlate("")
    try:
        handle(message)
    except Exception as error:
        if dead_letters.takes(message, error):
            dead_letters.park(message, error)
            return
        logger.warning(
            "message will be tried again",
            message_id=message.id,
            reason=reason_of(error),
            receives=message.receives,
            exc_info=not isinstance(error, OmsError),
        )
        raise


def do_each(items: Iterable[_Item], do: Callable[[_Item], str]) -> list[str]:
    """What ``do`` said of each item of a message; the failure of one holds back none of the others.

    Raises of the failures one that a retry can heal, if any is such: what is done already is done
    once however often it is tried.
    """
    said, failures = list[str](), list[Exception]()
    for item in items:
        try:
            said.append(do(item))
        except Exception as error:
            failures.append(error)
    if len(failures) > 1:
        logger.warning("several failed", reasons=[reason_of(error) for error in failures])
    if failures:
        raise next(filter(can_heal, failures), failures[0])
    return said


def can_heal(error: Exception) -> bool:
    """Whether the same message may succeed later. What is not found may still come, and what
    conflicts may be ahead of what it builds on: messages arrive out of order."""
    if isinstance(error, Conflict | NotFound):
        return True
    return not isinstance(error, Refused | Unfulfilled)


def reason_of(error: Exception) -> str:
    return error.problem_code if isinstance(error, OmsError) else type(error).__name__


def detail_of(error: Exception) -> str:
    """In words; of an error that is not ours only its name, for its text may hold anything."""
    if not isinstance(error, OmsError):
        return type(error).__name__
    faults = ", ".join(f"{fault.path} {fault.code}" for fault in error.faults[:_FAULTS_NAMED])
    text = f"{error.detail} ({faults})" if faults else error.detail
    return "".join(character if character.isprintable() else "?" for character in text)[
        :_DETAIL_LENGTH
    ]


def _message(record: SQSRecord) -> Message:
    return Message(
        id=record.message_id,
        body=record.body,
        receives=int(record.attributes.approximate_receive_count),
        group=record.attributes.message_group_id or "",
    )
