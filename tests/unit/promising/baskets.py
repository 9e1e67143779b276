"""A small world to promise in: two nodes in Brazil, two carrier services, Monday morning."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta

from oms.catalog.delivery import Band, CarrierService, NodeCalendar, Promising, PublicHolidays
from oms.catalog.model import Item, Node
from oms.inventory.model import Balance
from oms.inventory.position import Position, Supply
from oms.kernel.money import Money
from oms.promising.atp import available_to_promise
from oms.promising.model import (
    AcceptedDate,
    Basket,
    BasketLine,
    CapacityDay,
    Destination,
    Offer,
    Rank,
)
from oms.promising.options import offer
from oms.promising.sources import Facts

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)  # Monday, 9:00 in São Paulo
MONDAY = date(2026, 11, 23)

CALENDAR = NodeCalendar("America/Sao_Paulo", time(14), holidays=PublicHolidays("BR", "SP"))
SP = Node(
    "sp", "Cajamar", "warehouse", "BR", "SP", "Cajamar", "", -23.35, -46.88, calendar=CALENDAR
)
RJ = Node("rj", "Ipanema", "store", "BR", "RJ", "Rio", "", -22.98, -43.2, calendar=CALENDAR)
GROUND = CarrierService(
    "ground", "Ground", "Correios", ("BR",), (Band(100, 1, 900), Band(5000, 3, 1500)), "BRL"
)
EXPRESS = CarrierService(
    "express", "Express", "Correios", ("BR",), (Band(100, 1, 2000), Band(5000, 1, 4000)), "BRL"
)
RIO = Destination("BR", "RJ", "Rio", "", -22.9, -43.2)


def held(sku: str, units: int, node: str = "sp") -> Balance:
    return Balance(sku, node, on_hand=units, available=units)


def coming(sku: str, units: int, days: int, node: str = "sp", promised: int = 0) -> Supply:
    return Supply(f"po-{sku}-{days}", sku, node, NOW + timedelta(days=days), units, promised)


def position(
    sku: str, balances: Iterable[Balance] = (), supplies: Iterable[Supply] = (), owed: int = 0
) -> Position:
    return Position(sku, tuple(balances), supplies=tuple(supplies), owed=owed)


def item(sku: str, promising: Promising | None = None) -> Item:
    return Item(sku, sku, promising=promising or Promising(unit_cost=Money(500, "BRL")))


def line(sku: str, quantity: int, price: int | None = 2000) -> BasketLine:
    return BasketLine(sku, sku, quantity, None if price is None else Money(price, "BRL"))


def basket(
    *lines: BasketLine,
    wanted_by: date | None = None,
    accepts: tuple[AcceptedDate, ...] = (),
    rank: Rank = Rank.FASTEST,
    placed_at: datetime = NOW,
) -> Basket:
    return Basket(lines, RIO, placed_at, "BRL", wanted_by, accepts, rank)


def asked(
    wanted: Basket,
    *positions: Position,
    items: Iterable[Item] = (),
    nodes: Sequence[Node] = (SP, RJ),
    services: Sequence[CarrierService] = (GROUND, EXPRESS),
    capacity: Mapping[str, Sequence[CapacityDay]] | None = None,
    limits: Mapping[str, int] | None = None,
) -> Offer:
    known = {each.sku: item(each.sku) for each in positions}
    known |= {each.sku: each for each in items}
    stock = {
        each.sku: available_to_promise(each, NOW, (limits or {}).get(each.sku))
        for each in positions
    }
    return offer(wanted, Facts(known, stock, capacity or {}), nodes, services)
