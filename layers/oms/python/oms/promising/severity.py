"""How bad it is that a promise breaks: by the days that it is late."""

from enum import StrEnum


class Severity(StrEnum):
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


# From so many days late on; the most severe first.
THRESHOLDS = ((7, Severity.HIGH), (3, Severity.MEDIUM), (1, Severity.LOW))


def severity_of(days_late: int | None) -> Severity:
    """Of a line that is late; when nobody knows for how long, it is as bad as can be."""
    if days_late is None:
        return Severity.HIGH
    return next((name for days, name in THRESHOLDS if days_late >= days), Severity.LOW)
