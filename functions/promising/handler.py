"""What can be promised, over HTTP: availability, dated options for a basket, capacity."""

from datetime import date, timedelta
from time import monotonic
from typing import Annotated, Any
from uuid import uuid4

from aws_lambda_powertools.event_handler.openapi.params import Body, Path, Query

from oms.aws import stores
from oms.aws.http import refusals, reply, resolver, serve
from oms.kernel.clock import utc_now
from oms.kernel.errors import Invalid
from oms.orders.contract import Country, Day, Moment, Text
from oms.orders.simulation_contract import (
    SimulatedSourcingView,
    SimulateSourcingDocument,
    selection_of,
    simulation_view,
)
from oms.promising import asking
from oms.promising.collecting import places_to_collect
from oms.promising.collecting_contract import (
    PickupPlaceList,
    basket_of,
    pickup_place_list,
    sorting_of,
)
from oms.promising.contract import (
    AskForPromise,
    AvailabilityList,
    CapacityDocument,
    CapacityView,
    OfferedPromiseView,
    availability_list,
    capacity_of,
    capacity_view,
    promise_view,
    question_of,
)
from oms.promising.model import Destination
from oms.promising.what_if import what_if
from oms.promising.what_if_contract import (
    WhatIfDocument,
    WhatIfView,
    changes_of,
    what_if_view,
)

app = resolver()

_PROMISE: dict[str, Any] = {"application/json": {"model": OfferedPromiseView}}
_ID = r"^[\w.:\-]{0,128}$"
_BASKET = r"^([\w.:\-/#]+(,[\w.:\-/#]+)*)?$"
_LONGEST = timedelta(days=366)
# For a simulation; the function has ten seconds for all.
_SECONDS = 7.0
Resource = Annotated[str, Path(pattern=r"^[\w.:\-]{1,64}$")]


@app.get(
    "/v1/availability",
    summary="How many can be sold, where, by when, and why",
    description="At most 50 items. What is there and what is known to come, by date; each number"
    " with the terms it adds up from.",
    tags=["promising"],
    responses={200: {"description": "In the order asked for"}, **refusals(401, 403, 413, 422, 503)},
)
def read_availability(
    sku: Annotated[str, Query(pattern=r"^[\w.:\-/#]+(,[\w.:\-/#]+)*$", max_length=6_500)],
    channel: Annotated[str, Query(pattern=_ID, description="What it may sell")] = "",
    node: Annotated[str, Query(pattern=_ID, description="At this node alone")] = "",
    at: Annotated[Moment | None, Query(description="For then; now, when left out")] = None,
) -> AvailabilityList:
    found = asking.available(sku.split(","), channel, node or None, at, utc_now(), _known())
    return availability_list(found)


@app.post(
    "/v1/promises",
    summary="Dated options for a basket, ranked, each with its evidence",
    description="The options hold for half an hour: accept one by naming it in the order. Nothing"
    " is kept with `simulate`, nor when nothing can be promised.",
    tags=["promising"],
    responses={
        200: {"description": "Nothing was kept", "content": _PROMISE},
        201: {"description": "Offered", "content": _PROMISE},
        **refusals(400, 401, 403, 413, 415, 422, 503),
    },
)
def ask_for_promise(asked: Annotated[AskForPromise, Body()]) -> Any:
    answer = asking.promise(
        question_of(asked),
        f"prm_{uuid4().hex}",
        utc_now(),
        _known(),
        None if asked.simulate else stores.promises(),
    )
    kept = answer.promise is not None and not asked.simulate
    view = promise_view(answer, asked.channel, kept=kept)
    return reply(201 if kept else 200, view.model_dump())


@app.post(
    "/v1/promises/simulate",
    summary="What would become of the promises made, if things were different",
    description="With other supply, stock, capacity, closed days or lead times: which orders would"
    " be late, unfilled or earlier. Commits nothing.",
    tags=["promising"],
    responses={
        200: {"description": "The orders that something happens to"},
        **refusals(400, 401, 403, 413, 415, 422, 503),
    },
)
def simulate(asked: Annotated[WhatIfDocument, Body()]) -> WhatIfView:
    changes = changes_of(asked.changes)
    return what_if_view(what_if(asked.skus, changes, utc_now(), _known(), stores.demand()))


@app.get(
    "/v1/pickup-places",
    summary="Where a basket can be collected, the nearest first",
    description="Of what is there now: from a place's own stock or brought there from other nodes."
    " Without a basket every place where customers collect.",
    tags=["promising"],
    responses={200: {"description": "In the order asked for"}, **refusals(401, 403, 413, 422, 503)},
)
def read_pickup_places(
    country: Annotated[Country, Query()],
    sku: Annotated[str, Query(description="`MUG:2,TEE`", pattern=_BASKET, max_length=6_500)] = "",
    region: Annotated[Text, Query()] = "",
    city: Annotated[Text, Query()] = "",
    postal_code: Annotated[Text, Query()] = "",
    latitude: Annotated[float | None, Query(ge=-90, le=90)] = None,
    longitude: Annotated[float | None, Query(ge=-180, le=180)] = None,
    radius_km: Annotated[float | None, Query(gt=0, le=20_100)] = None,
    channel: Annotated[str, Query(pattern=_ID)] = "",
    sort: Annotated[
        str, Query(description="`city,-name`; distance, if named, decides first", max_length=200)
    ] = "",
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
) -> PickupPlaceList:
    near = Destination(country, region, city, postal_code, latitude, longitude)
    found = places_to_collect(
        basket_of(sku),
        near,
        radius_km,
        channel,
        sorting_of(sort),
        limit,
        utc_now(),
        stores.catalog(),
        stores.stock(),
    )
    return pickup_place_list(found)


@app.post(
    "/v1/sourcing-policies/simulate",
    summary="What a sourcing policy would change about orders that there are",
    description="Replays the last orders of a channel, or the orders named, under a proposed"
    " policy: what they would cost, how many would be split, late or unfilled, what each node would"
    " have to do, and order by order where it differs. The stock is what is there now and what the"
    " orders hold or took, taken again in the order of capture; costs and days are reckoned"
    " alike for both, by present rates and calendars. Commits nothing.",
    tags=["routing"],
    responses={
        200: {"description": "The recorded decisions beside the proposed ones"},
        **refusals(400, 401, 403, 413, 415, 422, 503),
    },
)
def simulate_sourcing(
    asked: Annotated[SimulateSourcingDocument, Body()],
) -> SimulatedSourcingView:
    from oms.orders import simulation  # a call that is rare, and needs a lot

    until = monotonic() + _SECONDS
    return simulation_view(
        simulation.simulate(
            simulation.policy_to_simulate(asked.policy, stores.catalog()),
            selection_of(asked),
            stores.orders(),
            stores.stock(),
            stores.catalog(),
            utc_now(),
            lambda: until - monotonic(),
        )
    )


@app.put(
    "/v1/capacities/<resource>",
    summary="Set what a production resource can do on days",
    description="Days that are not named stay as they are, and what is booked stays booked.",
    tags=["promising"],
    responses={
        200: {"description": "These days, as they are now"},
        **refusals(400, 401, 403, 415, 422, 503),
    },
)
def set_capacity(resource: Resource, capacity: Annotated[CapacityDocument, Body()]) -> CapacityView:
    days = capacity_of(capacity)
    stores.promises().set_days(resource, days)
    return _capacity(resource, min(days), max(days))


@app.get(
    "/v1/capacities/<resource>",
    summary="What a production resource can do, and what is left of it",
    tags=["promising"],
    responses={200: {"description": "Its days, in order"}, **refusals(401, 403, 422)},
)
def read_capacity(
    resource: Resource,
    first: Annotated[Day | None, Query(description="Today, when left out")] = None,
    last: Annotated[
        Day | None, Query(description="90 days later, when left out; 366 days later at most")
    ] = None,
) -> CapacityView:
    begin = first or utc_now().date()
    end = last or begin + timedelta(days=90)
    if end < begin:
        raise Invalid("the last day is before the first", code="invalid_period")
    if end > begin + _LONGEST:
        raise Invalid(f"a period has {_LONGEST.days} days at most", code="invalid_period")
    return _capacity(resource, begin, end)


def _capacity(resource: str, first: date, last: date) -> CapacityView:
    return capacity_view(resource, stores.promises().days({resource}, first, last)[resource])


def _known() -> asking.Known:
    return asking.Known(stores.catalog(), stores.stock(), stores.promises())


handler = serve(app)
