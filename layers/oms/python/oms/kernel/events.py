"""The envelope every event travels in, inside the tables and on the bus."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Cause:
    """Who asked for a command, when, why, and the id that follows it across functions."""

    at: datetime
    by: str
    reason: str = ""
    correlation_id: str = ""


@dataclass(frozen=True, slots=True)
class Envelope:
    """``id`` is ``<subject>:<version>:<n>``: the same event always has the same id."""

    id: str
    type: str
    subject: str
    version: int
    at: datetime
    by: str
    reason: str
    correlation_id: str
    data: Mapping[str, object]


def event_id(subject: str, version: int, number: int) -> str:
    return f"{subject}:{version}:{number}"
