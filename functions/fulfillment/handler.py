"""The work of stores and warehouses over HTTP."""

from typing import Annotated, Literal

from aws_lambda_powertools.event_handler.openapi.params import Body, Path, Query

from functions.fulfillment.changes import router as changes
from functions.fulfillment.picklists import router as picklists
from functions.fulfillment.shipments import router as shipments
from oms.aws import stores
from oms.aws.http import caller, refusals, resolver, serve
from oms.aws.observability import correlation_id
from oms.fulfillment import joining, packing, picking
from oms.fulfillment.contract import DeliveryDocument, FulfillmentPage, Shipment
from oms.fulfillment.packing_contract import PackDocument, parcels_of
from oms.fulfillment.picklist_contract import ShortPick, short_pick
from oms.fulfillment.pickup_contract import till_payment
from oms.fulfillment.shipping import GivenNumber
from oms.fulfillment.staff import check_node_of
from oms.fulfillment.worklist import find, open_work
from oms.kernel.clock import utc_now
from oms.kernel.events import Cause
from oms.orders import fulfillment
from oms.orders.contract import FulfillmentView, fulfillment_view
from oms.orders.model import FulfillmentState, Order

app = resolver()
app.include_router(picklists)
app.include_router(changes)
app.include_router(shipments)

FulfillmentId = Annotated[str, Path(pattern=r"^ful_[a-z2-7]{26}_\d{1,4}$")]
_STEP = {
    200: {"description": "The fulfilment as it is now"},
    **refusals(401, 403, 404, 409, 422, 503),
}


@app.get(
    "/v1/fulfillments",
    summary="The open work of a node, oldest order first",
    tags=["fulfillments"],
    responses={200: {"description": "One page"}, **refusals(401, 403, 422)},
)
def list_work(
    node: Annotated[str, Query(pattern=r"^[\w.:\-]{1,64}$")],
    state: Annotated[
        Literal["open", "accepted", "picked", "packed", "shipped", "ready"] | None,
        Query(description="Only this state; `shipped`: on its way to be handed over here"),
    ] = None,
    limit: Annotated[int, Query(ge=1, le=50)] = 25,
    cursor: Annotated[str, Query(description="next_cursor of the page before")] = "",
) -> FulfillmentPage:
    wanted = FulfillmentState(state) if state else None
    page = open_work(node, wanted, limit, cursor or None, stores.orders(), stores.views())
    return FulfillmentPage(
        fulfillments=[fulfillment_view(work.order, work.fulfillment) for work in page.work],
        next_cursor=page.cursor,
    )


@app.get(
    "/v1/fulfillments/<fulfillment_id>",
    summary="Read a fulfilment",
    tags=["fulfillments"],
    responses={200: {"description": "The fulfilment"}, **refusals(401, 403, 404, 422)},
)
def read_fulfillment(fulfillment_id: FulfillmentId) -> FulfillmentView:
    work = find(fulfillment_id, stores.orders())
    return fulfillment_view(work.order, work.fulfillment)


@app.post(
    "/v1/fulfillments/<fulfillment_id>/accept",
    summary="The node takes the work",
    tags=["fulfillments"],
    responses=_STEP,
)
def accept(fulfillment_id: FulfillmentId) -> FulfillmentView:
    _check_staff(fulfillment_id)
    order = fulfillment.accept(fulfillment_id, stores.orders(), stores.stock(), _cause())
    return _view(order, fulfillment_id)


@app.post(
    "/v1/fulfillments/<fulfillment_id>/pick",
    summary="The units are picked, or those of them that were found",
    description="Without a body all of it was found. What is short is rejected for its reason and"
    " routed again; the rest is picked.",
    tags=["fulfillments"],
    responses={**_STEP, **refusals(400, 415)},
)
def pick(
    fulfillment_id: FulfillmentId, found: Annotated[ShortPick | None, Body()] = None
) -> FulfillmentView:
    if found is None or not found.lines:
        return _advance(fulfillment_id, "pick")
    _check_staff(fulfillment_id)
    units, reasons = short_pick(found.lines, find(fulfillment_id, stores.orders()))
    order = picking.pick_what_is_there(
        fulfillment_id, units, reasons, stores.orders(), stores.stock(), _cause()
    )
    return _view(order, fulfillment_id)


@app.post(
    "/v1/fulfillments/<fulfillment_id>/pack",
    summary="The parcels are packed",
    description="Without a body everything is in one. It can be said again otherwise until labels"
    " are bought.",
    tags=["fulfillments"],
    responses={**_STEP, **refusals(400, 415)},
)
def pack(
    fulfillment_id: FulfillmentId, packed: Annotated[PackDocument | None, Body()] = None
) -> FulfillmentView:
    if packed is None:
        return _advance(fulfillment_id, "pack")
    _check_staff(fulfillment_id)
    parcels = parcels_of(packed, find(fulfillment_id, stores.orders()).order)
    order = packing.pack(
        fulfillment_id, parcels, stores.orders(), stores.parcels(), stores.catalog(), _cause()
    )
    return _view(order, fulfillment_id)


@app.post(
    "/v1/fulfillments/<fulfillment_id>/ship",
    summary="The parcels leave with a carrier",
    description="Without a body they leave with the labels that were bought. What travels with them"
    " leaves too.",
    tags=["fulfillments"],
    responses={**_STEP, **refusals(400, 415)},
)
def ship(
    fulfillment_id: FulfillmentId,
    shipment: Annotated[Shipment | None, Body()] = None,
    notify_customer: Annotated[bool, Query(description="Whether the customer is told")] = True,
) -> FulfillmentView:
    _check_staff(fulfillment_id)
    given = GivenNumber(shipment.carrier, shipment.tracking_number) if shipment else None
    order = joining.ship(
        fulfillment_id,
        given,
        stores.orders(),
        stores.stock(),
        stores.parcels(),
        stores.shipments(),
        _cause(),
        quiet=not notify_customer,
    )
    return _view(order, fulfillment_id)


@app.post(
    "/v1/fulfillments/<fulfillment_id>/deliver",
    summary="The parcel has arrived",
    description="With cash on delivery, `collected` says what the driver took: what is due for the"
    " parcel, as `due` of the refusal tells.",
    tags=["fulfillments"],
    responses={**_STEP, **refusals(400, 415)},
)
def deliver(
    fulfillment_id: FulfillmentId, told: Annotated[DeliveryDocument | None, Body()] = None
) -> FulfillmentView:
    _check_staff(fulfillment_id)
    collected = None
    if told and told.collected:
        currency = find(fulfillment_id, stores.orders()).order.content.currency
        collected = till_payment(told.collected, currency, "collected.amount")
    order = joining.deliver(
        fulfillment_id, stores.orders(), stores.shipments(), _cause(), collected
    )
    return _view(order, fulfillment_id)


def _advance(fulfillment_id: str, step: str) -> FulfillmentView:
    _check_staff(fulfillment_id)
    order = fulfillment.advance(fulfillment_id, step, stores.orders(), _cause())
    return _view(order, fulfillment_id)


def _check_staff(fulfillment_id: str) -> None:
    def node() -> str:
        return find(fulfillment_id, stores.orders()).fulfillment.node

    check_node_of(caller(app), node, stores.staff())


def _view(order: Order, fulfillment_id: str) -> FulfillmentView:
    found = order.fulfillment(fulfillment_id)
    assert found is not None
    return fulfillment_view(order, found)


def _cause() -> Cause:
    return Cause(utc_now(), caller(app), correlation_id=correlation_id())


handler = serve(app)
