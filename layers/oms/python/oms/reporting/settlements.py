"""Settlement reports: made of a provider's file, kept for good, their differences resolved.

A report's id is made of what was sent, so that the same file again is the same report. What a
report leaves missing or in transit is carried into the next one of that provider, until a file has
it or a person resolves it.
"""

import base64
import hashlib
from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from oms.kernel.clock import rfc3339
from oms.kernel.errors import Conflict, Faults, NotFound
from oms.kernel.events import Cause
from oms.kernel.money import Money
from oms.reporting.money_moved import MoneyMoved
from oms.reporting.settlement import (
    Belief,
    Difference,
    Reconciliation,
    SettlementOutcome,
    Total,
    fees,
    reconcile,
    totals,
)
from oms.reporting.settlement_formats import FORMATS, SettlementFile, read_settlement

LONGEST_PERIOD = timedelta(days=92)
# Clocks differ: what we noted a little later may be in the file.
_AHEAD = timedelta(days=1)
_CARRIED = (SettlementOutcome.MISSING, SettlementOutcome.IN_TRANSIT)


@dataclass(frozen=True, slots=True)
class SettlementRequest:
    """A provider's file about ``since`` to ``until``. ``tolerance_days``: how long what moved may
    take until it is in a file."""

    provider: str
    format: str
    since: datetime
    until: datetime
    csv: str
    tolerance_days: int = 5


@dataclass(frozen=True, slots=True)
class OtherTotal:
    """What rows about no payment come to, by the provider's word and the currency."""

    type: str
    amount: Money
    rows: int


@dataclass(frozen=True, slots=True)
class SettlementReport:
    """``run`` names where its differences are kept. ``rows`` are all of the file: those that were
    compared, ``reduced`` ones, and the others. ``resolved``: differences that a person ended."""

    id: str
    provider: str
    format: str
    since: datetime
    until: datetime
    tolerance_days: int
    made_at: datetime
    made_by: str
    run: str
    rows: int
    reduced: int
    counts: dict[str, int]
    totals: tuple[Total, ...]
    fees: tuple[Money, ...]
    others: tuple[OtherTotal, ...]
    resolved: int = 0

    @property
    def differences(self) -> int:
        return sum(
            count for name, count in self.counts.items() if name != SettlementOutcome.MATCHED
        )


@dataclass(frozen=True, slots=True)
class Resolution:
    number: int
    note: str
    at: datetime
    by: str


@dataclass(frozen=True, slots=True)
class NumberedDifference:
    """Numbered from 1 in its report."""

    number: int
    difference: Difference
    resolution: Resolution | None = None


@dataclass(frozen=True, slots=True)
class DifferencePage:
    differences: tuple[NumberedDifference, ...]
    cursor: str | None


@dataclass(frozen=True, slots=True)
class ReportPage:
    """Those of the latest periods first."""

    reports: tuple[SettlementReport, ...]
    cursor: str | None


class SettlementReports(Protocol):
    def add(
        self, report: SettlementReport, differences: Sequence[Difference], matched: Sequence[str]
    ) -> bool:
        """Whether it is new. ``matched`` are the ids of our movements that it settles."""

    def find(self, report_id: str) -> SettlementReport | None: ...

    def of_provider(self, provider: str, limit: int, cursor: str | None) -> ReportPage: ...

    def beginning(
        self, provider: str, since: datetime, until: datetime
    ) -> Sequence[SettlementReport]:
        """Those whose period begins between the two."""

    def matched(self, report: SettlementReport) -> Set[str]: ...

    def all_differences(self, report: SettlementReport) -> Sequence[NumberedDifference]: ...

    def differences(
        self,
        report: SettlementReport,
        bucket: SettlementOutcome | None,
        *,
        open_only: bool,
        limit: int,
        cursor: str | None,
    ) -> DifferencePage: ...

    def difference(self, report: SettlementReport, number: int) -> NumberedDifference | None: ...

    def resolve(self, report: SettlementReport, resolution: Resolution) -> bool:
        """Whether it was not resolved before."""


def make_report(
    request: SettlementRequest, moved: MoneyMoved, reports: SettlementReports, cause: Cause
) -> tuple[SettlementReport, bool]:
    """The report, and whether it is new. Raises ``Invalid`` with every fault of request and file;
    nothing is kept then."""
    report_id = settlement_id(request)
    known = reports.find(report_id)
    if known is not None:
        return known, False
    _check(request, cause.at)
    file = read_settlement(request.csv, FORMATS[request.format])
    found = _reconcile(request, file, moved, reports)
    report = _report(report_id, request, file, found, cause)
    taken = [one.ours.id for one in found.matched]
    taken += [
        one.ours.id
        for one in found.differences
        if one.ours and one.bucket in (SettlementOutcome.AMOUNT, SettlementOutcome.CURRENCY)
    ]
    if reports.add(report, found.differences, taken):
        return report, True
    return read_report(report_id, reports), False


def read_report(report_id: str, reports: SettlementReports) -> SettlementReport:
    """Raises ``NotFound``."""
    found = reports.find(report_id)
    if found is None:
        raise NotFound(f"there is no settlement {report_id!r}")
    return found


def resolve_difference(
    report_id: str, number: int, note: str, reports: SettlementReports, cause: Cause
) -> NumberedDifference:
    """End a difference with a note. The same note again changes nothing; another one raises
    ``Conflict`` (``already_resolved``)."""
    report = read_report(report_id, reports)
    found = reports.difference(report, number)
    if found is None:
        raise NotFound(f"the settlement has no difference {number}")
    resolution = Resolution(number, note, cause.at, cause.by)
    if found.resolution is None and reports.resolve(report, resolution):
        return NumberedDifference(number, found.difference, resolution)
    before = reports.difference(report, number)
    assert before is not None
    assert before.resolution is not None
    if before.resolution.note != note:
        raise Conflict(
            f"difference {number} was resolved before",
            code="already_resolved",
            context={"note": before.resolution.note, "by": before.resolution.by},
        )
    return before


def settlement_id(request: SettlementRequest) -> str:
    asked = (
        request.provider,
        request.format,
        rfc3339(request.since),
        rfc3339(request.until),
        str(request.tolerance_days),
        request.csv,
    )
    digest = hashlib.sha256()
    for part in asked:
        digest.update(f"{len(part)}:{part}".encode())
    return f"stl_{base64.b32encode(digest.digest()).decode().lower()[:26]}"


def _check(request: SettlementRequest, now: datetime) -> None:
    faults = Faults()
    if request.format not in FORMATS:
        faults.add("format", "unknown_format", f"{request.format!r} is none of {[*FORMATS]}")
    if request.until <= request.since:
        faults.add("to", "invalid_period", "a period ends after it begins")
    elif request.until - request.since > LONGEST_PERIOD:
        faults.add("to", "invalid_period", f"a period has at most {LONGEST_PERIOD.days} days")
    if request.since > now:
        faults.add("from", "in_the_future", "nothing is settled that has not happened")
    faults.refuse("the settlement breaks a rule")


def _reconcile(
    request: SettlementRequest,
    file: SettlementFile,
    moved: MoneyMoved,
    reports: SettlementReports,
) -> Reconciliation:
    margin = timedelta(days=request.tolerance_days)
    begin, end = request.since - margin, request.until + _AHEAD
    near = reports.beginning(request.provider, begin - LONGEST_PERIOD, end)
    before = _last_before(request, near)
    apart: set[str] = set()
    beside: set[str] = set()
    for report in near:
        if report.until <= begin and report not in before:
            continue
        ends_before, begins_after = report.until <= request.since, report.since >= request.until
        (apart if ends_before or begins_after else beside).update(reports.matched(report))
    # A movement that a report of another period settled is not settled again; one that a report of
    # the same days has, made of another part of the provider's files, may be in this one too.
    apart -= beside
    believed = {one.id: one for one in moved.between(request.provider, begin, end)}
    had = [one for report in before for one in reports.all_differences(report)]
    carried = {one.id: one for one in (*_left_open(had), *_late(believed.values(), before, had))}
    taken = apart | beside
    due = [
        one
        for one in {**believed, **carried}.values()
        if one.id not in taken and (one.id in carried or request.since <= one.at < request.until)
    ]
    of_this = {one.id for one in due}
    rest = [one for one in believed.values() if one.id not in of_this]
    return reconcile(
        due,
        [one for one in rest if one.id not in apart],
        [one for one in rest if one.id in apart],
        file.rows,
        request.until - margin,
    )


def _last_before(
    request: SettlementRequest, near: Sequence[SettlementReport]
) -> list[SettlementReport]:
    """Of the reports that end before this one begins, the last; several when they are of parts of
    the provider's files."""
    before = [report for report in near if report.until <= request.since]
    last = max((report.until for report in before), default=None)
    return [report for report in before if report.until == last]


def _left_open(had: Iterable[NumberedDifference]) -> list[Belief]:
    return [
        one.difference.ours
        for one in had
        if one.difference.ours and one.difference.bucket in _CARRIED and one.resolution is None
    ]


def _late(
    believed: Iterable[Belief],
    before: Sequence[SettlementReport],
    had: Iterable[NumberedDifference],
) -> list[Belief]:
    """What was heard of after the report of its time had been made: of the others that report says
    that they are settled, or how they differ."""
    told = {one.difference.ours.id for one in had if one.difference.ours}
    return [
        one
        for one in believed
        if one.id not in told and any(report.since <= one.at < report.until for report in before)
    ]


def _report(
    report_id: str,
    request: SettlementRequest,
    file: SettlementFile,
    found: Reconciliation,
    cause: Cause,
) -> SettlementReport:
    return SettlementReport(
        id=report_id,
        provider=request.provider,
        format=request.format,
        since=request.since,
        until=request.until,
        tolerance_days=request.tolerance_days,
        made_at=cause.at,
        made_by=cause.by,
        run=f"{rfc3339(cause.at)}#{cause.correlation_id}",
        rows=len(file.rows) + len(file.others) + file.reduced,
        reduced=file.reduced,
        counts={bucket.value: count for bucket, count in found.count().items()},
        totals=totals(found),
        fees=fees(file.rows, file.others),
        others=_others(file),
    )


def _others(file: SettlementFile) -> tuple[OtherTotal, ...]:
    found: dict[tuple[str, str], tuple[int, int]] = {}
    for other in file.others:
        key = (other.type, other.amount.currency)
        minor, rows = found.get(key, (0, 0))
        found[key] = (minor + other.amount.minor, rows + 1)
    return tuple(
        OtherTotal(type_, Money(minor, currency), rows)
        for (type_, currency), (minor, rows) in sorted(found.items())
    )
