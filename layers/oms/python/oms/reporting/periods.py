"""Periods as they are asked for: moments, and months."""

import re
from datetime import UTC, datetime, timedelta

from oms.kernel.clock import parse_rfc3339
from oms.kernel.errors import Fault, Invalid

_MONTH = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])")


def period(since: str, until: str, longest: timedelta) -> tuple[datetime, datetime]:
    """Raises ``Invalid``: ``invalid_time``, ``invalid_period``."""
    begin, end = _moment(since, "from"), _moment(until, "to")
    if not begin < end <= begin + longest:
        message = f"a period ends after it begins, and has at most {longest.days} days"
        raise _refused("to", "invalid_period", message)
    return begin, end


def months(since: str, until: str, most: int) -> tuple[str, ...]:
    """``2026-03`` to ``2026-05``, both included. Raises ``Invalid``: ``invalid_period``."""
    for path, text in (("from", since), ("to", until)):
        if not _MONTH.fullmatch(text):
            raise _refused(path, "invalid_period", "give a month such as 2026-05")
    found = last_months(until, most)
    if since not in found:
        message = f"a period ends after it begins, and has at most {most} months"
        raise _refused("to", "invalid_period", message)
    return found[found.index(since) :]


def last_months(month: str, count: int) -> tuple[str, ...]:
    """So many, up to and with ``month``, oldest first."""
    year, number = int(month[:4]), int(month[5:])
    last = year * 12 + number - 1
    each = range(max(12, last - count + 1), last + 1)
    return tuple(f"{one // 12:04d}-{one % 12 + 1:02d}" for one in each)


def month_of(at: datetime) -> str:
    """In UTC."""
    return at.astimezone(UTC).strftime("%Y-%m")


def _moment(text: str, path: str) -> datetime:
    try:
        return parse_rfc3339(text)
    except ValueError:
        raise _refused(path, "invalid_time", "give an RFC 3339 time with a zone") from None


def _refused(path: str, code: str, message: str) -> Invalid:
    return Invalid(message, code=code, faults=(Fault(path, code, message),))
