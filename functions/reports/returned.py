"""How much of what is delivered comes back, over HTTP."""

from typing import Annotated

from aws_lambda_powertools.event_handler.openapi.params import Body, Query
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from oms.aws import stores
from oms.aws.http import refusals
from oms.kernel.clock import utc_now
from oms.reporting.periods import last_months, month_of, months
from oms.reporting.return_counts import RatePage
from oms.reporting.return_rates import JUDGED_MONTHS, RankedBy, RateOf, ReturnRate
from oms.reporting.returns_contract import (
    ReturnRatePage,
    ReturnRateSettings,
    rate_page_view,
    rate_settings_view,
    settings_of,
)

MOST_MONTHS = 12

router = APIGatewayHttpRouter()  # type: ignore[no-untyped-call]


@router.get(
    "/v1/reports/returns",
    summary="Return rates of products or customers, the highest first, with reasons",
    description="What came back in the months, of what was delivered in them. Of each month the"
    " 2,000 subjects of which most came back are looked at. With `subject` only that one.",
    tags=["reports"],
    responses={200: {"description": "One page"}, **refusals(401, 403, 422)},
)
def list_return_rates(
    by: Annotated[RateOf, Query(description="Of what")] = RateOf.PRODUCT,
    order: Annotated[RankedBy, Query(description="By rate, or by the units that came back")] = (
        RankedBy.RATE
    ),
    since: Annotated[str, Query(alias="from", description="A month, such as 2026-03")] = "",
    until: Annotated[str, Query(alias="to", description="A month; this one, when left out")] = "",
    minimum: Annotated[int, Query(ge=0, le=1_000_000, description="Units delivered, at least")] = 1,
    subject: Annotated[str, Query(max_length=128, description="A SKU, or a customer's id")] = "",
    limit: Annotated[int, Query(ge=1, le=100)] = 25,
    cursor: Annotated[str, Query(description="next_cursor of the page before")] = "",
) -> ReturnRatePage:
    last = until or month_of(utc_now())
    asked = months(since, last, MOST_MONTHS) if since else _judged(last)
    counts = stores.return_rates()
    if subject:
        found = ReturnRate(by, subject, tuple(counts.of(by, subject, asked)))
        return rate_page_view(by, RatePage((found,) if found.months else (), None))
    return rate_page_view(by, counts.page(by, asked, order, minimum, limit, cursor or None))


@router.put(
    "/v1/reports/returns/settings",
    summary="Set which return rates are told of",
    description="Replaces them whole. A rate that is high in a month, with the two before, is told"
    " once, as `return_rate_high`.",
    tags=["reports"],
    responses={
        200: {"description": "As they are now"},
        **refusals(400, 401, 403, 413, 415, 422),
    },
)
def put_settings(settings: Annotated[ReturnRateSettings, Body()]) -> ReturnRateSettings:
    kept = settings_of(settings)
    stores.return_rates().put_settings(kept)
    return rate_settings_view(kept)


@router.get(
    "/v1/reports/returns/settings",
    summary="Read which return rates are told of",
    tags=["reports"],
    responses={200: {"description": "As they are now"}, **refusals(401, 403)},
)
def get_settings() -> ReturnRateSettings:
    return rate_settings_view(stores.return_rates().settings())


def _judged(last: str) -> tuple[str, ...]:
    (first,) = months(last, last, 1)
    return last_months(first, JUDGED_MONTHS)
