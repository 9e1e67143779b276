"""The JSON of settlement reports. Amounts are decimal strings, with their currency beside them."""

from typing import Annotated

from pydantic import ConfigDict, Field, StringConstraints

from oms.kernel.clock import rfc3339
from oms.kernel.money import Money
from oms.orders.contract import Document, Moment, View
from oms.reporting.money_moved import MovementPage
from oms.reporting.settlement import Belief, MovementOfMoney, SettledRow, SettlementOutcome, Total
from oms.reporting.settlements import (
    DifferencePage,
    NumberedDifference,
    ReportPage,
    SettlementReport,
    SettlementRequest,
)

PROVIDER = r"^[\w.:\-]{1,140}$"


class SettlementDocument(Document):
    """A provider's settlement file, as text, about a period."""

    model_config = ConfigDict(extra="forbid", defer_build=True, populate_by_name=True)

    provider: Annotated[str, StringConstraints(pattern=PROVIDER)] = Field(
        description="Whose file it is, as in a payment; a marketplace's: `channel:` and its id",
        examples=["stripe"],
    )
    format: Annotated[str, StringConstraints(max_length=32)] = Field(
        description="How it is written: generic, stripe, adyen, paypal or mercadopago",
        examples=["stripe"],
    )
    since: Moment = Field(alias="from", description="Begin of the file's period, inclusive")
    until: Moment = Field(alias="to", description="End of the file's period, exclusive")
    tolerance_days: Annotated[int, Field(ge=0, le=31)] = Field(
        default=5, description="How long what moved may take until it is in a file"
    )
    csv: Annotated[str, StringConstraints(min_length=1)] = Field(
        description="The file itself: at most 20,000 rows; a request has at most 5 MB"
    )


class ResolveDocument(Document):
    note: Annotated[str, StringConstraints(min_length=1, max_length=500, strip_whitespace=True)]


class SettlementTotalView(View):
    """``difference``: how much more we have than they do."""

    currency: str
    type: MovementOfMoney
    ours: str
    theirs: str
    difference: str


class SettlementFeesView(View):
    currency: str
    amount: str


class SettlementOthersView(View):
    """Rows about no payment, by the provider's word for them."""

    type: str
    currency: str
    amount: str
    rows: int


class SettlementReportView(View):
    model_config = ConfigDict(defer_build=True, populate_by_name=True)

    id: str
    provider: str
    format: str
    since: str = Field(alias="from")
    until: str = Field(alias="to")
    tolerance_days: int
    made_at: str
    made_by: str
    rows: int = Field(description="All of the file")
    reduced: int = Field(description="Rows that were taken off the capture they belong to")
    counts: dict[str, int] = Field(
        description="How much is matched, and how many of each kind differ"
    )
    differences: int
    resolved: int = Field(description="Differences that a person has ended")
    totals: list[SettlementTotalView]
    fees: list[SettlementFeesView]
    others: list[SettlementOthersView]


class SettlementSummaryView(View):
    model_config = ConfigDict(defer_build=True, populate_by_name=True)

    id: str
    provider: str
    format: str
    since: str = Field(alias="from")
    until: str = Field(alias="to")
    made_at: str
    counts: dict[str, int]
    differences: int


class SettlementPageView(View):
    settlements: list[SettlementSummaryView]
    next_cursor: str | None


class MovementOfMoneyView(View):
    """As we have it. ``references``: every name by which the provider may know it."""

    event_id: str
    type: MovementOfMoney
    at: str
    order_id: str
    payment_id: str
    amount: str
    currency: str
    references: list[str]


class MovementsOfMoneyPage(View):
    movements: list[MovementOfMoneyView]
    next_cursor: str | None


class SettledRowView(View):
    """As the file has it; ``at`` as the provider writes it."""

    row: int
    type: MovementOfMoney
    amount: str
    currency: str
    fee: str
    fee_currency: str
    references: list[str]
    transaction: str
    at: str


class ResolutionView(View):
    note: str
    at: str
    by: str


class DifferenceView(View):
    number: int
    kind: SettlementOutcome
    type: MovementOfMoney
    ours: MovementOfMoneyView | None
    theirs: SettledRowView | None
    resolved: ResolutionView | None


class DifferencePageView(View):
    differences: list[DifferenceView]
    next_cursor: str | None


def request_of(document: SettlementDocument) -> SettlementRequest:
    return SettlementRequest(
        provider=document.provider,
        format=document.format,
        since=document.since,
        until=document.until,
        csv=document.csv,
        tolerance_days=document.tolerance_days,
    )


def settlement_view(report: SettlementReport) -> SettlementReportView:
    return SettlementReportView(
        id=report.id,
        provider=report.provider,
        format=report.format,
        since=rfc3339(report.since),
        until=rfc3339(report.until),
        tolerance_days=report.tolerance_days,
        made_at=rfc3339(report.made_at),
        made_by=report.made_by,
        rows=report.rows,
        reduced=report.reduced,
        counts=report.counts,
        differences=report.differences,
        resolved=report.resolved,
        totals=[_total_view(total) for total in report.totals],
        fees=[SettlementFeesView(currency=fee.currency, amount=str(fee)) for fee in report.fees],
        others=[
            SettlementOthersView(
                type=other.type,
                currency=other.amount.currency,
                amount=str(other.amount),
                rows=other.rows,
            )
            for other in report.others
        ],
    )


def settlement_page_view(page: ReportPage) -> SettlementPageView:
    return SettlementPageView(
        settlements=[
            SettlementSummaryView(
                id=report.id,
                provider=report.provider,
                format=report.format,
                since=rfc3339(report.since),
                until=rfc3339(report.until),
                made_at=rfc3339(report.made_at),
                counts=report.counts,
                differences=report.differences,
            )
            for report in page.reports
        ],
        next_cursor=page.cursor,
    )


def movements_page_view(page: MovementPage) -> MovementsOfMoneyPage:
    return MovementsOfMoneyPage(
        movements=[_movement_view(one) for one in page.movements], next_cursor=page.cursor
    )


def difference_page_view(page: DifferencePage) -> DifferencePageView:
    return DifferencePageView(
        differences=[difference_view(one) for one in page.differences], next_cursor=page.cursor
    )


def difference_view(one: NumberedDifference) -> DifferenceView:
    found, resolution = one.difference, one.resolution
    return DifferenceView(
        number=one.number,
        kind=found.bucket,
        type=found.kind,
        ours=_movement_view(found.ours) if found.ours else None,
        theirs=_row_view(found.theirs) if found.theirs else None,
        resolved=None
        if resolution is None
        else ResolutionView(note=resolution.note, at=rfc3339(resolution.at), by=resolution.by),
    )


def _total_view(total: Total) -> SettlementTotalView:
    ours, theirs = Money(total.ours, total.currency), Money(total.theirs, total.currency)
    return SettlementTotalView(
        currency=total.currency,
        type=total.kind,
        ours=str(ours),
        theirs=str(theirs),
        difference=str(ours - theirs),
    )


def _movement_view(belief: Belief) -> MovementOfMoneyView:
    return MovementOfMoneyView(
        event_id=belief.id,
        type=belief.kind,
        at=rfc3339(belief.at),
        order_id=belief.order_id,
        payment_id=belief.payment_id,
        amount=str(belief.amount),
        currency=belief.amount.currency,
        references=list(belief.references),
    )


def _row_view(row: SettledRow) -> SettledRowView:
    return SettledRowView(
        row=row.number,
        type=row.kind,
        amount=str(row.amount),
        currency=row.amount.currency,
        fee=str(row.fee),
        fee_currency=row.fee.currency,
        references=list(row.references),
        transaction=row.transaction,
        at=row.at,
    )
