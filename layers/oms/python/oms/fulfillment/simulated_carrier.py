"""A carrier that lives in this process: for `make run`, tests, and whoever tries the API.

It remembers nothing. A tracking number is made of the idempotency key, so the same key always gives
the same label; rates are the bands of the catalogue's carrier services.
"""

import hashlib
from dataclasses import replace

from oms.catalog.delivery import CarrierService
from oms.catalog.model import Node
from oms.fulfillment.carriers import (
    BoughtLabel,
    CancelRequest,
    LabelRequest,
    ManifestRequest,
    Rate,
    RateRequest,
)
from oms.fulfillment.parcels import Parcel
from oms.kernel.errors import Invalid
from oms.orders.model import Address
from oms.promising.journeys import Origin, band_of, parcel_cost, survey
from oms.routing.model import distance

_DIGITS = 16


class SimulatedCarrier:
    def rates(self, request: RateRequest) -> tuple[Rate, ...]:
        origin = _origin(request)
        if origin is None:
            return ()
        return tuple(
            Rate(
                service=leg.reach.service,
                cost=sum(
                    parcel_cost(leg.reach.band, each.weight_grams) for each in request.parcels
                ),
                days=(leg.arrives - leg.shipped).days,
                arrives=leg.arrives,
            )
            for leg in origin.legs(request.ready)
        )

    def buy(self, request: LabelRequest) -> BoughtLabel:
        """Raises ``Invalid`` where the service does not go."""
        cost = _cost(request.service, request.origin, request.to, request.parcel)
        number = tracking_number(request.idempotency_key)
        return BoughtLabel(number, f"sim_{number}", cost)

    def cancel(self, request: CancelRequest) -> None:
        return None

    def close(self, request: ManifestRequest) -> str:
        return f"sim_{_digits(request.idempotency_key)}"


def tracking_number(key: str) -> str:
    return f"SM{_digits(key)}"


def _digits(key: str) -> str:
    number = int.from_bytes(hashlib.sha256(key.encode()).digest()) % 10**_DIGITS
    return str(number).rjust(_DIGITS, "0")


def _origin(request: RateRequest) -> Origin | None:
    """The node as it is once the parcels are packed: nothing is left to handle, and whether it may
    take new orders does not matter."""
    node = request.origin
    calendar = node.calendar and replace(node.calendar, handling_hours=0, handling_days=0)
    packed = replace(node, calendar=calendar, handling_cost=None, can_ship=True, active=True)
    found = survey([packed], request.services, request.to, request.currency).origins
    return found[0] if found else None


def _cost(service: CarrierService, origin: Node, to: Address, parcel: Parcel) -> int:
    band = band_of(service, distance(origin, to).kilometres)
    if band is None:
        raise Invalid(f"{service.name} does not go there", code="carrier_refused")
    return parcel_cost(band, parcel.weight_grams)
