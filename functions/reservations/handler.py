"""Soft reservations over HTTP: taken for a basket, read, extended, released."""

import base64
import hashlib
from typing import Annotated, Any

from aws_lambda_powertools.event_handler.openapi.params import Body, Header, Path

from oms.aws import stores
from oms.aws.http import caller, refusals, reply, resolver, serve
from oms.aws.observability import correlation_id, logger
from oms.inventory import reservations
from oms.inventory.contract import (
    ReservationDocument,
    ReservationView,
    UntilDocument,
    basket_of,
    reservation_view,
    until,
)
from oms.inventory.reservation import Reservation
from oms.kernel.clock import utc_now
from oms.kernel.errors import Faults, MalformedRequest
from oms.kernel.events import Cause

app = resolver()

_RESERVATION: dict[str, Any] = {"application/json": {"model": ReservationView}}
ReservationId = Annotated[str, Path(pattern=r"^[\w.:\-]{1,64}$")]


@app.post(
    "/v1/reservations",
    summary="Hold units for a basket",
    description="All lines or none, until `expires_at`, to the second. The same again answers 200"
    " with the reservation as it is now; the same id with another content 409.",
    tags=["reservations"],
    responses={
        200: {"description": "Held before", "content": _RESERVATION},
        201: {"description": "Held", "content": _RESERVATION},
        **refusals(400, 401, 403, 409, 413, 415, 422, 503),
    },
)
def hold_reservation(
    document: Annotated[ReservationDocument, Body()],
    idempotency_key: Annotated[str, Header(alias="Idempotency-Key", max_length=128)] = "",
) -> Any:
    cause = _cause()
    identity = document.id or _derived(document.channel, idempotency_key)
    items = stores.catalog().items({line.sku for line in document.lines})
    basket = basket_of(document, identity, items, cause.at)
    taken = reservations.take(
        basket, stores.reservations(), stores.stock(), stores.catalog(), cause
    )
    logger.info("reserved", reservation_id=identity, first=taken.created)
    return _reply(201 if taken.created else 200, taken.reservation)


@app.get(
    "/v1/reservations/<reservation_id>",
    summary="Read a reservation",
    tags=["reservations"],
    responses={
        200: {"description": "The reservation", "content": _RESERVATION},
        **refusals(401, 403, 404, 422),
    },
)
def read_reservation(reservation_id: ReservationId) -> Any:
    return _reply(200, reservations.read(reservation_id, stores.reservations()))


@app.post(
    "/v1/reservations/<reservation_id>/extend",
    summary="Hold the units for longer, or less long",
    tags=["reservations"],
    responses={
        200: {"description": "The reservation", "content": _RESERVATION},
        **refusals(400, 401, 403, 404, 409, 415, 422, 503),
    },
)
def extend_reservation(
    reservation_id: ReservationId, document: Annotated[UntilDocument, Body()]
) -> Any:
    now, faults = utc_now(), Faults()
    expires_at = until(document, now, faults)
    faults.refuse("the reservation cannot be extended")
    extended = reservations.extend(reservation_id, expires_at, stores.reservations(), now)
    return _reply(200, extended)


@app.post(
    "/v1/reservations/<reservation_id>/release",
    summary="Let go of the units",
    description="One that has been released, or has expired, is answered as it is.",
    tags=["reservations"],
    responses={
        200: {"description": "The reservation", "content": _RESERVATION},
        **refusals(401, 403, 404, 409, 422, 503),
    },
)
def release_reservation(reservation_id: ReservationId) -> Any:
    return _reply(
        200, reservations.release(reservation_id, stores.reservations(), _cause("released"))
    )


def _derived(channel: str, key: str) -> str:
    if not key:
        raise MalformedRequest("send id, or an Idempotency-Key header", code="missing_natural_key")
    digest = hashlib.sha256(f"{len(channel)}:{channel}{key}".encode()).digest()
    return f"res_{base64.b32encode(digest).decode().lower()[:26]}"


def _cause(reason: str = "") -> Cause:
    return Cause(utc_now(), caller(app), reason, correlation_id())


def _reply(status: int, reservation: Reservation) -> Any:
    items = stores.catalog().items(set(reservation.skus))
    view = reservation_view(reservation, items, utc_now())
    return reply(status, view.model_dump(mode="json"))


handler = serve(app)
