"""Reports over HTTP: settlement files compared with what we believe, and how much comes back.

A file travels as text in JSON. A Lambda function is sent at most 6 MB, in which the request's text
is written once more as text: what is quoted everywhere reaches that at some 4 MB.
"""

from typing import Annotated, Any

from aws_lambda_powertools.event_handler.openapi.params import Body, Path, Query

from functions.reports import returned
from oms.aws import stores
from oms.aws.http import caller, refusals, reply, resolver, serve
from oms.aws.observability import correlation_id, logger
from oms.kernel.clock import utc_now
from oms.kernel.events import Cause
from oms.reporting.periods import period
from oms.reporting.settlement import SettlementOutcome
from oms.reporting.settlement_contract import (
    PROVIDER,
    DifferencePageView,
    DifferenceView,
    MovementsOfMoneyPage,
    ResolveDocument,
    SettlementDocument,
    SettlementPageView,
    SettlementReportView,
    difference_page_view,
    difference_view,
    movements_page_view,
    request_of,
    settlement_page_view,
    settlement_view,
)
from oms.reporting.settlements import (
    LONGEST_PERIOD,
    make_report,
    read_report,
    resolve_difference,
)

BODY_LIMIT = 5 * 1024 * 1024

app = resolver()
app.include_router(returned.router)

SettlementId = Annotated[str, Path(pattern=r"^stl_[a-z2-7]{26}$")]
Provider = Annotated[str, Query(pattern=PROVIDER, description="As in a payment")]
Limit = Annotated[int, Query(ge=1, le=100)]
Cursor = Annotated[str, Query(description="next_cursor of the page before")]

_REPORT: dict[str, Any] = {"application/json": {"model": SettlementReportView}}


@app.post(
    "/v1/settlements",
    summary="Compare a provider's settlement file with what we believe",
    description="The same file again, for the same period, is the same report and answers 200. A"
    " file with rows that cannot be read is refused with all of them, and nothing is kept.",
    tags=["reports"],
    responses={
        200: {"description": "The report that was made of it before", "content": _REPORT},
        201: {"description": "The report", "content": _REPORT},
        **refusals(400, 401, 403, 413, 415, 422, 503),
    },
)
def post_settlement(settlement: Annotated[SettlementDocument, Body()]) -> Any:
    store = stores.settlements()
    report, is_new = make_report(request_of(settlement), store, store, _cause())
    logger.info("settlement", settlement_id=report.id, first=is_new, counts=report.counts)
    return reply(201 if is_new else 200, settlement_view(report).model_dump(by_alias=True))


@app.get(
    "/v1/settlements",
    summary="List a provider's settlement reports, those of the latest periods first",
    tags=["reports"],
    responses={200: {"description": "One page"}, **refusals(401, 403, 422)},
)
def list_settlements(
    provider: Provider, limit: Limit = 25, cursor: Cursor = ""
) -> SettlementPageView:
    return settlement_page_view(stores.settlements().of_provider(provider, limit, cursor or None))


@app.get(
    "/v1/settlements/<settlement_id>",
    summary="Read a settlement report: counts, totals to the cent, fees",
    tags=["reports"],
    responses={200: {"description": "The report"}, **refusals(401, 403, 404, 422)},
)
def read_settlement(settlement_id: SettlementId) -> SettlementReportView:
    return settlement_view(read_report(settlement_id, stores.settlements()))


@app.get(
    "/v1/settlements/<settlement_id>/differences",
    summary="List the differences of a settlement report",
    tags=["reports"],
    responses={200: {"description": "One page"}, **refusals(401, 403, 404, 422)},
)
def list_differences(
    settlement_id: SettlementId,
    kind: Annotated[
        SettlementOutcome | None, Query(description="Only differences of this kind")
    ] = None,
    unresolved: Annotated[bool, Query(description="Only those that nobody has ended")] = False,
    limit: Limit = 25,
    cursor: Cursor = "",
) -> DifferencePageView:
    store = stores.settlements()
    report = read_report(settlement_id, store)
    return difference_page_view(
        store.differences(report, kind, open_only=unresolved, limit=limit, cursor=cursor or None)
    )


@app.post(
    "/v1/settlements/<settlement_id>/differences/<number>/resolve",
    summary="End a difference with a note",
    description="The same note again changes nothing; another one answers 409.",
    tags=["reports"],
    responses={
        200: {"description": "The difference"},
        **refusals(400, 401, 403, 404, 409, 415, 422, 503),
    },
)
def post_resolution(
    settlement_id: SettlementId,
    number: Annotated[int, Path(ge=1, le=999_999)],
    resolution: Annotated[ResolveDocument, Body()],
) -> DifferenceView:
    return difference_view(
        resolve_difference(settlement_id, number, resolution.note, stores.settlements(), _cause())
    )


@app.get(
    "/v1/reports/payments",
    summary="List what we believe moved at a provider, oldest first",
    tags=["reports"],
    responses={200: {"description": "One page"}, **refusals(401, 403, 422)},
)
def list_payments(
    provider: Provider,
    since: Annotated[str, Query(alias="from", description="RFC 3339, inclusive")],
    until: Annotated[str, Query(alias="to", description="RFC 3339, exclusive")],
    limit: Limit = 50,
    cursor: Cursor = "",
) -> MovementsOfMoneyPage:
    begin, end = period(since, until, LONGEST_PERIOD)
    return movements_page_view(
        stores.settlements().page(provider, begin, end, limit, cursor or None)
    )


def _cause() -> Cause:
    return Cause(utc_now(), caller(app), correlation_id=correlation_id())


handler = serve(app, body_limit=BODY_LIMIT)
