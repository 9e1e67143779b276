"""The JSON of return rates. A rate is a decimal string; units are numbers."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated

from pydantic import Field, StringConstraints

from oms.kernel.quantity import quantity_number
from oms.orders.contract import Document, Quantity, View
from oms.reporting.return_counts import RatePage
from oms.reporting.return_rates import (
    SCALE,
    WHOLE,
    MonthCount,
    RateOf,
    RateSettings,
    ReturnRate,
    in_words,
)

RateText = Annotated[
    str,
    StringConstraints(pattern=r"^(0(\.\d{1,4})?|1(\.0{1,4})?)$"),
    Field(description="A decimal string from 0 to 1", examples=["0.30"]),
]
Least = Annotated[int, Field(ge=1, le=1_000_000)]


class ReturnRateSettings(Document):
    """From which rate on a product or a customer is told of, and of how many delivered units at
    least. A rate of 1 is only reached when all comes back."""

    product_rate: RateText = "0.30"
    product_minimum: Least = 20
    customer_rate: RateText = "0.50"
    customer_minimum: Least = 10


class ReturnReasonView(View):
    reason: str
    returned: Quantity


class ReturnMonthView(View):
    month: str
    delivered: Quantity
    returned: Quantity


class ReturnRateView(View):
    """``subject`` is a SKU, or a customer's id."""

    subject: str
    delivered: Quantity
    returned: Quantity
    rate: str
    reasons: list[ReturnReasonView] = Field(description="Those of the most units first")
    months: list[ReturnMonthView] = Field(description="Oldest first")


class ReturnRatePage(View):
    by: RateOf
    rates: list[ReturnRateView]
    next_cursor: str | None


def settings_of(document: ReturnRateSettings) -> RateSettings:
    return RateSettings(
        product_rate=int(Decimal(document.product_rate) * WHOLE),
        product_minimum=document.product_minimum,
        customer_rate=int(Decimal(document.customer_rate) * WHOLE),
        customer_minimum=document.customer_minimum,
    )


def rate_settings_view(settings: RateSettings) -> ReturnRateSettings:
    return ReturnRateSettings(
        product_rate=_written(settings.product_rate),
        product_minimum=settings.product_minimum,
        customer_rate=_written(settings.customer_rate),
        customer_minimum=settings.customer_minimum,
    )


def rate_page_view(by: RateOf, page: RatePage) -> ReturnRatePage:
    return ReturnRatePage(
        by=by, rates=[_rate_view(one) for one in page.rates], next_cursor=page.cursor
    )


def _rate_view(found: ReturnRate) -> ReturnRateView:
    return ReturnRateView(
        subject=found.subject,
        delivered=_units(found.delivered),
        returned=_units(found.returned),
        rate=in_words(found.rate),
        reasons=_reason_views(found.reasons),
        months=[_month_view(one) for one in found.months],
    )


def _reason_views(reasons: Mapping[str, int]) -> list[ReturnReasonView]:
    return [
        ReturnReasonView(reason=reason, returned=_units(units)) for reason, units in reasons.items()
    ]


def _month_view(one: MonthCount) -> ReturnMonthView:
    return ReturnMonthView(
        month=one.month, delivered=_units(one.delivered), returned=_units(one.returned)
    )


def _units(units: int) -> Decimal:
    return Decimal(quantity_number(units, SCALE))


def _written(rate: int) -> str:
    return f"{rate // WHOLE}.{rate % WHOLE:04d}"
