"""Which service a fulfilment's labels are bought of. Pure.

The cheapest that arrives by the promised day; ties by days, then by id. When none arrives in time,
the one that arrives first; when nothing was promised, the cheapest.
"""

from collections.abc import Sequence
from datetime import date

from oms.fulfillment.carriers import Rate
from oms.fulfillment.parcels import Choice, Compared
from oms.kernel.errors import Conflict, Invalid
from oms.kernel.money import Money
from oms.orders.model import Fulfillment, Order

# What is kept of the services that were compared, the best first.
_MOST_COMPARED = 20


def promised_day(order: Order, fulfillment: Fulfillment) -> date | None:
    """The first day that any of its lines was promised for; its own parts count before others."""
    days = [_day(order, fulfillment.node, line_id) for line_id in fulfillment.units]
    return min((day for day in days if day), default=None)


def _day(order: Order, node: str, line_id: str) -> date | None:
    parts = [part for part in order.promised_parts if part.line_id == line_id]
    here = [part for part in parts if part.node == node]
    return max((part.arrive_by for part in here or parts), default=None)


def choose(rates: Sequence[Rate], promised: date | None, wanted: str, currency: str) -> Choice:
    """``wanted``: the id of the service that somebody asked for, or nothing.

    Raises ``Conflict`` (``no_carrier``) when no service goes there, ``Invalid``
    (``unknown_service``) when the wanted one does not.
    """
    if not rates:
        raise Conflict("no carrier service brings parcels from there to there", code="no_carrier")
    ranked = sorted(rates, key=lambda rate: _rank(rate, promised))
    chosen = next((rate for rate in ranked if not wanted or rate.service.id == wanted), None)
    if chosen is None:
        raise Invalid(
            f"{wanted} does not bring parcels from there to there", code="unknown_service"
        )
    service = chosen.service
    return Choice(
        service=service.id,
        name=service.name,
        carrier=service.carrier,
        labels_by=service.labels_by,
        currency=currency,
        arrives=chosen.arrives,
        reason=_reason(chosen, promised, wanted, currency),
        promised=promised,
        compared=tuple(_compared(rate, promised) for rate in ranked[:_MOST_COMPARED]),
    )


def _rank(rate: Rate, promised: date | None) -> tuple[bool, int, int, int, str]:
    """Late ones after all others, and among them the earliest first."""
    late = promised is not None and rate.arrives > promised
    day = rate.arrives.toordinal() if late else 0
    return late, day, rate.cost, rate.days, rate.service.id


def _compared(rate: Rate, promised: date | None) -> Compared:
    return Compared(
        service=rate.service.id,
        carrier=rate.service.carrier,
        cost=rate.cost,
        days=rate.days,
        arrives=rate.arrives,
        keeps_promise=promised is None or rate.arrives <= promised,
    )


def _reason(chosen: Rate, promised: date | None, wanted: str, currency: str) -> str:
    cost = Money(chosen.cost, currency)
    what = f"{chosen.service.name} for {cost} {currency}, there on {chosen.arrives}"
    if wanted:
        return f"asked for: {what}"
    if promised is None:
        return f"the cheapest: {what}"
    if chosen.arrives <= promised:
        return f"the cheapest that is there by {promised}: {what}"
    return f"none is there by {promised}; the first: {what}"
