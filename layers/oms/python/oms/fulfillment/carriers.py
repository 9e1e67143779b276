"""What a carrier is asked, and what it may answer.

An operation has an outcome or raises:

- ``ProviderUnavailable``: nobody knows what happened (timeout, lost connection, 5xx, rate limit).
  Ask again with the same idempotency key until there is an outcome: the carrier makes one label.
- ``Invalid`` (``carrier_refused``): asking again cannot help, a person must look (an address it
  does not take, a parcel too heavy, wrong credentials).

An implementation gives up a call after ``TIMEOUT_SECONDS`` and does not retry by itself; the caller
does (``oms.fulfillment.patience``). A key whose label was cancelled never makes a label again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from oms.catalog.delivery import CarrierService
from oms.catalog.model import Node
from oms.fulfillment.parcels import Parcel
from oms.orders.model import Address

TIMEOUT_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class RateRequest:
    """What each of ``services`` costs for all ``parcels``, which are ready at ``ready``, priced in
    ``currency``."""

    services: Sequence[CarrierService]
    origin: Node
    to: Address
    parcels: Sequence[Parcel]
    currency: str
    ready: datetime


@dataclass(frozen=True, slots=True)
class Rate:
    """``cost`` is for all parcels, in minor units. ``days``: from leaving the node to arriving."""

    service: CarrierService
    cost: int
    days: int
    arrives: date


@dataclass(frozen=True, slots=True)
class LabelRequest:
    """``reference`` is the fulfilment, which the carrier names when it reports on the parcel."""

    service: CarrierService
    origin: Node
    to: Address
    parcel: Parcel
    reference: str
    idempotency_key: str


@dataclass(frozen=True, slots=True)
class BoughtLabel:
    tracking_number: str
    reference: str
    cost: int


@dataclass(frozen=True, slots=True)
class CancelRequest:
    """The label that was bought, or may have been, under ``idempotency_key``. Without a tracking
    number its outcome is not known."""

    idempotency_key: str
    tracking_number: str = ""
    reference: str = ""


@dataclass(frozen=True, slots=True)
class ManifestRequest:
    """The day's parcels that are handed to the driver."""

    node: str
    carrier: str
    day: date
    tracking_numbers: Sequence[str]
    idempotency_key: str


class Carrier(Protocol):
    def rates(self, request: RateRequest) -> tuple[Rate, ...]:
        """Services that do not go there have none."""

    def buy(self, request: LabelRequest) -> BoughtLabel: ...

    def cancel(self, request: CancelRequest) -> None:
        """Nothing is due for it any more, and nothing will be. One that is cancelled already, or
        was never bought, is no fault."""

    def close(self, request: ManifestRequest) -> str:
        """The carrier's reference of the manifest."""


class Carriers(Protocol):
    def named(self, name: str) -> Carrier:
        """Raises ``Invalid`` (``unknown_carrier``)."""
