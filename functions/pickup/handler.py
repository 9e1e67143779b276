"""A store's counter over HTTP: ready, arrived, handed over against a code, changed there.

Environment: ``ORDERS_TABLE``, ``INVENTORY_TABLE``, ``CATALOG_TABLE``, ``WORK_TABLE``,
``PICKUP_SECRET`` (the name of the secret that codes derive from).
"""

import os
from typing import Annotated

from aws_lambda_powertools.event_handler.openapi.params import Body, Path

from oms.aws import stores
from oms.aws.http import caller, refusals, resolver, serve
from oms.aws.observability import correlation_id
from oms.aws.secrets import Secrets
from oms.fulfillment import counter_change, pickup
from oms.fulfillment.counter_change import Asked
from oms.fulfillment.pickup import Counter, place_of
from oms.fulfillment.pickup_contract import (
    CounterChangeDocument,
    CounterChangeView,
    HandedOverView,
    HandOverDocument,
    ReadyDocument,
    counter_change_view,
    hand_over_of,
    handed_over_view,
    till_payment,
)
from oms.fulfillment.staff import check_node
from oms.fulfillment.worklist import find
from oms.kernel.clock import utc_now
from oms.kernel.events import Cause
from oms.orders.contract import FulfillmentView, fulfillment_view
from oms.orders.model import Order
from oms.orders.units_contract import units_of_lines

app = resolver()
secrets = Secrets()

FulfillmentId = Annotated[str, Path(pattern=r"^ful_[a-z2-7]{26}_\d{1,4}$")]
_REFUSALS = refusals(400, 401, 403, 404, 409, 415, 422, 503)
_READY = {200: {"description": "The fulfilment as it is now"}, **_REFUSALS}


@app.post(
    "/v1/fulfillments/<fulfillment_id>/ready",
    summary="It lies ready where it was picked; the customer is told, with a code",
    tags=["fulfillments"],
    responses=_READY,
)
def ready(
    fulfillment_id: FulfillmentId, document: Annotated[ReadyDocument | None, Body()] = None
) -> FulfillmentView:
    return _make_ready(fulfillment_id, "ready", document)


@app.post(
    "/v1/fulfillments/<fulfillment_id>/arrive",
    summary="It has arrived at the store where it is handed over; the customer is told",
    tags=["fulfillments"],
    responses=_READY,
)
def arrive(
    fulfillment_id: FulfillmentId, document: Annotated[ReadyDocument | None, Body()] = None
) -> FulfillmentView:
    return _make_ready(fulfillment_id, "arrive", document)


@app.post(
    "/v1/fulfillments/<fulfillment_id>/hand-over",
    summary="The customer collects it, or some of it, against the code and what is to be paid",
    description="After five wrong codes in 15 minutes none is looked at (429).",
    tags=["fulfillments"],
    responses={
        200: {"description": "What was handed over, and what is left"},
        **_REFUSALS,
        **refusals(429),
    },
)
def hand_over(
    fulfillment_id: FulfillmentId, document: Annotated[HandOverDocument, Body()]
) -> HandedOverView:
    order = _order(fulfillment_id)
    asked = hand_over_of(document, order)
    done = pickup.hand_over(fulfillment_id, asked, _counter(), _secret, _cause())
    return handed_over_view(done, fulfillment_id)


@app.post(
    "/v1/fulfillments/<fulfillment_id>/counter-change",
    summary="Change what the customer takes: more from the store's stock, or less",
    description="What is added is handed over at once; the difference is paid at the till, or given"
    " back. Without a payment that is due the answer says how much it is (422, `payment_due`).",
    tags=["fulfillments"],
    responses={200: {"description": "The fulfilment as it is now"}, **_REFUSALS},
)
def counter_change_of(
    fulfillment_id: FulfillmentId, document: Annotated[CounterChangeDocument, Body()]
) -> CounterChangeView:
    order = _order(fulfillment_id)
    asked = Asked(
        document.change_id,
        document.add,
        units_of_lines(document.remove, order, "remove"),
        till_payment(document.payment, order.content.currency),
    )
    changed = counter_change.change(fulfillment_id, asked, _counter(), stores.catalog(), _cause())
    return counter_change_view(changed, fulfillment_id)


def _make_ready(fulfillment_id: str, step: str, document: ReadyDocument | None) -> FulfillmentView:
    _order(fulfillment_id)
    order = pickup.make_ready(
        fulfillment_id,
        step,
        document.until if document else None,
        stores.orders(),
        stores.pickups(),
        stores.catalog(),
        _cause(),
    )
    found = order.fulfillment(fulfillment_id)
    assert found is not None
    return fulfillment_view(order, found)


def _order(fulfillment_id: str) -> Order:
    """Of a fulfilment that the caller may hand over: it acts where that is done."""
    work = find(fulfillment_id, stores.orders())
    check_node(caller(app), place_of(work.fulfillment), stores.staff())
    return work.order


def _counter() -> Counter:
    return Counter(stores.orders(), stores.stock(), stores.pickups())


def _secret() -> str:
    return secrets.read(os.environ["PICKUP_SECRET"])


def _cause() -> Cause:
    return Cause(utc_now(), caller(app), correlation_id=correlation_id())


handler = serve(app)
