"""Time is passed in: the model takes ``at``, the edges hold a ``Clock``."""

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    return datetime.now(UTC)


def rfc3339(moment: datetime) -> str:
    """UTC with milliseconds, e.g. ``2026-05-01T12:00:00.000Z``; sorts as text."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def whole_milliseconds(moment: datetime) -> datetime:
    """As precise as ``rfc3339`` writes it, so that what is stored is what was decided."""
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def parse_rfc3339(text: str) -> datetime:
    """Raises ``ValueError`` for anything else, and for a time without a zone."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a time needs a zone")
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("a time needs a year of four digits in UTC too") from None
