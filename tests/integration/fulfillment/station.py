"""A packing station: orders that are packed at a node, and a carrier that counts what it sells."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime

from oms.aws.parcel_store import ParcelTable
from oms.catalog.delivery import Band, CarrierService, Promising
from oms.catalog.model import Item
from oms.fulfillment.carriers import (
    BoughtLabel,
    CancelRequest,
    Carrier,
    LabelRequest,
    ManifestRequest,
    Rate,
    RateRequest,
)
from oms.fulfillment.labels import Station
from oms.fulfillment.simulated_carrier import SimulatedCarrier
from oms.orders import decisions
from oms.orders import events as happened
from oms.orders.decisions import Events
from oms.orders.model import Content, Order
from tests.integration.world import World
from tests.samples import CAUSE, allocated, content

DAY = date(2026, 5, 4)
STEPS: tuple[Callable[[Order, str], Events], ...] = (
    decisions.accept,
    decisions.pick,
    decisions.pack,
)


@dataclass
class CountingCarrier:
    """The simulated one; keeps what it was asked, and does first what ``before`` says."""

    real: SimulatedCarrier = field(default_factory=SimulatedCarrier)
    bought: list[str] = field(default_factory=list)
    cancelled: list[str] = field(default_factory=list)
    closed: list[tuple[str, ...]] = field(default_factory=list)
    before: Callable[[str], None] = lambda asked: None

    def named(self, name: str) -> Carrier:
        return self

    def rates(self, request: RateRequest) -> tuple[Rate, ...]:
        self.before("rates")
        return self.real.rates(request)

    def buy(self, request: LabelRequest) -> BoughtLabel:
        self.before("buy")
        self.bought.append(request.idempotency_key)
        return self.real.buy(request)

    def cancel(self, request: CancelRequest) -> None:
        self.before("cancel")
        self.cancelled.append(request.idempotency_key)

    def close(self, request: ManifestRequest) -> str:
        self.before("close")
        self.closed.append(tuple(request.tracking_numbers))
        return self.real.close(request)


def service(service_id: str, days: int, cost: int, **changes: object) -> CarrierService:
    made = CarrierService(
        service_id,
        service_id.upper(),
        "Correios",
        ("BR",),
        (Band(5000, days, cost, 100),),
        "BRL",
        delivers_on=(0, 1, 2, 3, 4, 5, 6),
        delivers_on_holidays=True,
        labels_by="simulator",
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def stock_up(oms: World) -> None:
    """Two services, and items that weigh something."""
    oms.catalog.put_carrier_service(service("pac", 5, 1000))
    oms.catalog.put_carrier_service(service("sedex", 1, 3000))
    for sku, grams in (("MUG", 400), ("TEE", 200)):
        promising = Promising(weight_grams=grams)
        oms.catalog.put_item(Item(sku, f"The {sku}", promising=promising))


def station_of(oms: World, carrier: CountingCarrier | None = None) -> Station:
    return Station(oms.orders, parcels_of(oms), oms.catalog, carrier or CountingCarrier())


def parcels_of(oms: World) -> ParcelTable:
    return ParcelTable(oms.client, "work")


def at_the_node(oms: World, number: str = "1", *, steps: int = 3, of: Content | None = None) -> str:
    """The id of a fulfilment of two mugs and a tee, so many ``STEPS`` along; nothing of its stock
    is counted."""
    order = oms.capture(of or content(number=number))
    allocations = tuple(replace(each, tracked=False) for each in allocated(order))
    total = order.content.total.minor
    order = oms.orders.commit(
        order,
        (
            happened.OrderSourced(allocations, "rule", "why"),
            happened.PaymentAuthorized(order.payments.each[0].id, total, "auth", "a"),
        ),
        CAUSE,
    )
    order = oms.orders.commit(order, decisions.release(order), CAUSE)
    part = order.progress.fulfillments[0].id
    for step in STEPS[:steps]:
        order = oms.orders.commit(order, step(order, part), CAUSE)
    return part


def at(hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 5, 4, hour, minute, tzinfo=UTC)
