"""The JSON of calendars, carrier services, and how an item is promised."""

from collections.abc import Mapping
from datetime import date, time
from decimal import Decimal
from typing import Annotated, Literal, cast
from zoneinfo import available_timezones

from pydantic import Field, StringConstraints

from oms.catalog.delivery import (
    Band,
    CarrierService,
    Component,
    NodeCalendar,
    Production,
    Promising,
    PromisingMode,
    PublicHolidays,
)
from oms.catalog.model import Item
from oms.kernel.errors import Faults, Invalid
from oms.kernel.money import Money
from oms.kernel.quantity import parse_quantity, quantity_number
from oms.orders.contract import Amount, Country, Currency, Document, Identifier, Name, Quantity

Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
WEEKDAYS: tuple[Weekday, ...] = (
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
)
Weekdays = Annotated[tuple[Weekday, ...], Field(min_length=1, max_length=7)]
TimeOfDay = Annotated[
    str,
    StringConstraints(pattern=r"^([01]\d|2[0-3]):[0-5]\d$"),
    Field(description="Hours and minutes of the node's own clock", examples=["14:00"]),
]
Days = Annotated[int, Field(ge=0, le=365)]


class CostDocument(Document):
    amount: Amount
    currency: Currency


class HolidaysDocument(Document):
    """The public holidays of a country and a part of it, e.g. ``BR`` and ``SP``. ``customary``:
    with days off that no law asks for, such as Carnaval in Brazil."""

    country: Country
    subdivision: Annotated[str, StringConstraints(max_length=64)] = ""
    customary: bool = False


class CalendarDocument(Document):
    """When a node works. What is ready after ``cut_off`` counts as ready the next day; before that
    is looked at, ``handling_hours`` pass, and after it ``handling_days`` working days."""

    timezone: Annotated[str, Field(description="An IANA name", examples=["America/Sao_Paulo"])]
    cut_off: TimeOfDay | None = None
    handling_hours: Annotated[int, Field(ge=0, le=240)] = 0
    handling_days: Days = 0
    working_days: Weekdays = WEEKDAYS[:5]
    holidays: HolidaysDocument | None = None
    closed: Annotated[tuple[date, ...], Field(max_length=400)] = ()


class BandDocument(Document):
    """Distances up to ``up_to_km``: days in transit, and what a parcel costs, per parcel and per
    kilogram, in the service's currency."""

    up_to_km: Annotated[int, Field(ge=1, le=40_000)]
    days: Days
    cost: Amount
    cost_per_kg: Amount = "0"


class CarrierServiceDocument(Document):
    """``days`` of a band are days on which the service travels: the weekdays ``delivers_on``, and
    no public holiday of the destination unless ``delivers_on_holidays``. ``customary_holidays``: it
    rests on customary ones too, such as Carnaval in Brazil."""

    name: Name
    carrier: Name
    countries: Annotated[tuple[Country, ...], Field(min_length=1, max_length=250)]
    bands: Annotated[tuple[BandDocument, ...], Field(min_length=1, max_length=50)]
    currency: Currency
    delivers_on: Weekdays = WEEKDAYS[:5]
    delivers_on_holidays: bool = False
    customary_holidays: bool = False
    active: bool = True
    labels_by: Annotated[
        Literal["", "simulator"],
        Field(description="Through which integration its labels are bought; empty: elsewhere"),
    ] = ""


class CarrierServiceView(CarrierServiceDocument):
    id: Identifier


class CarrierServiceList(Document):
    carrier_services: list[CarrierServiceView]


class NeededDocument(Document):
    """How much of ``sku`` goes into one."""

    sku: Identifier
    quantity: Quantity


class ProductionDocument(Document):
    """Made at ``nodes`` on a resource that has a calendar of capacities; one unit takes ``effort``
    of that, and ``components``."""

    resource: Identifier
    nodes: Annotated[tuple[Identifier, ...], Field(min_length=1, max_length=50)]
    effort: Annotated[int, Field(ge=1, le=1_000_000)] = 1
    components: Annotated[tuple[NeededDocument, ...], Field(max_length=50)] = ()


class PromisingDocument(Document):
    """What a date rests on. infinite: nothing. lead_time: so many calendar days, unless there is
    stock. atp: stock and supplies that are known to come. ctp: these, and production."""

    mode: PromisingMode = PromisingMode.ATP
    lead_time_days: Days = 0
    production: ProductionDocument | None = None
    unit_cost: CostDocument | None = None
    weight_grams: Annotated[int, Field(ge=0, le=10_000_000)] = 0


def promising_of(
    document: PromisingDocument, items: Mapping[str, Item], faults: Faults
) -> Promising:
    """``items`` are what production needs."""
    if (document.mode is PromisingMode.CTP) != (document.production is not None):
        faults.add(
            "promising.production", "production_mismatch", "ctp, and nothing else, names production"
        )
    return Promising(
        mode=document.mode,
        lead_time_days=document.lead_time_days,
        production=_production(document.production, items, faults),
        unit_cost=money_of("promising.unit_cost", document.unit_cost, faults),
        weight_grams=document.weight_grams,
    )


def promising_document(promising: Promising, items: Mapping[str, Item]) -> PromisingDocument:
    made = promising.production
    return PromisingDocument(
        mode=promising.mode,
        lead_time_days=promising.lead_time_days,
        production=None
        if made is None
        else ProductionDocument(
            resource=made.resource,
            nodes=made.nodes,
            effort=made.effort,
            components=tuple(
                NeededDocument(
                    sku=component.sku,
                    quantity=Decimal(
                        quantity_number(component.quantity, items[component.sku].scale)
                    ),
                )
                for component in made.components
            ),
        ),
        unit_cost=cost_document(promising.unit_cost),
        weight_grams=promising.weight_grams,
    )


def calendar_of(document: CalendarDocument | None, faults: Faults) -> NodeCalendar | None:
    if document is None:
        return None
    if document.timezone not in available_timezones():
        faults.add("calendar.timezone", "unknown_timezone", "no such time zone is known")
    named = document.holidays
    holidays = (
        None if named is None else PublicHolidays(named.country, named.subdivision, named.customary)
    )
    if holidays and not _is_known(holidays):
        faults.add("calendar.holidays", "unknown_holidays", "no holidays of that place are known")
    return NodeCalendar(
        timezone=document.timezone,
        cut_off=time.fromisoformat(document.cut_off) if document.cut_off else None,
        handling_hours=document.handling_hours,
        handling_days=document.handling_days,
        working_days=_numbers(document.working_days),
        holidays=holidays,
        closed=tuple(sorted(set(document.closed))),
    )


def calendar_document(calendar: NodeCalendar | None) -> CalendarDocument | None:
    if calendar is None:
        return None
    holidays = calendar.holidays
    return CalendarDocument(
        timezone=calendar.timezone,
        cut_off=f"{calendar.cut_off:%H:%M}" if calendar.cut_off else None,
        handling_hours=calendar.handling_hours,
        handling_days=calendar.handling_days,
        working_days=_names(calendar.working_days),
        holidays=None
        if holidays is None
        else HolidaysDocument(
            country=holidays.country,
            subdivision=holidays.subdivision,
            customary=holidays.customary,
        ),
        closed=calendar.closed,
    )


def service_of(service_id: str, document: CarrierServiceDocument) -> CarrierService:
    """Raises ``Invalid`` with every fault."""
    faults = Faults()
    currency = document.currency
    bands: list[Band] = []
    for index, band in enumerate(document.bands):
        path = f"bands.{index}"
        cost = _minor(f"{path}.cost", band.cost, currency, faults)
        per_kg = _minor(f"{path}.cost_per_kg", band.cost_per_kg, currency, faults)
        if bands and band.up_to_km <= bands[-1].up_to_km:
            faults.add(f"{path}.up_to_km", "bands_out_of_order", "bands go from near to far")
        bands.append(Band(band.up_to_km, band.days, cost, per_kg))
    faults.refuse("the carrier service breaks a rule")
    return CarrierService(
        id=service_id,
        name=document.name,
        carrier=document.carrier,
        countries=document.countries,
        bands=tuple(bands),
        currency=currency,
        delivers_on=_numbers(document.delivers_on),
        delivers_on_holidays=document.delivers_on_holidays,
        customary_holidays=document.customary_holidays,
        active=document.active,
        labels_by=document.labels_by,
    )


def service_view(service: CarrierService) -> CarrierServiceView:
    def shown(minor: int) -> str:
        return str(Money(minor, service.currency))

    return CarrierServiceView(
        id=service.id,
        name=service.name,
        carrier=service.carrier,
        countries=service.countries,
        bands=tuple(
            BandDocument(
                up_to_km=band.up_to_km,
                days=band.days,
                cost=shown(band.cost),
                cost_per_kg=shown(band.cost_per_kg),
            )
            for band in service.bands
        ),
        currency=service.currency,
        delivers_on=_names(service.delivers_on),
        delivers_on_holidays=service.delivers_on_holidays,
        customary_holidays=service.customary_holidays,
        active=service.active,
        labels_by=cast(Literal["", "simulator"], service.labels_by),
    )


def money_of(path: str, cost: CostDocument | None, faults: Faults) -> Money | None:
    if cost is None:
        return None
    return Money(_minor(path, cost.amount, cost.currency, faults), cost.currency)


def cost_document(cost: Money | None) -> CostDocument | None:
    return None if cost is None else CostDocument(amount=str(cost), currency=cost.currency)


def _production(
    document: ProductionDocument | None, items: Mapping[str, Item], faults: Faults
) -> Production | None:
    if document is None:
        return None
    components: list[Component] = []
    for index, needed in enumerate(document.components):
        path = f"promising.production.components.{index}"
        item = items.get(needed.sku)
        if item is None:
            faults.add(f"{path}.sku", "unknown_sku", f"{needed.sku!r} is not in the catalogue")
            continue
        if needed.sku in {component.sku for component in components}:
            faults.add(path, "component_twice", f"{needed.sku!r} is there already")
        if needed.quantity <= 0:
            faults.add(f"{path}.quantity", "quantity_not_positive", "it needs some of it")
        try:
            components.append(Component(needed.sku, parse_quantity(needed.quantity, item.scale)))
        except Invalid as refused:
            faults.add(f"{path}.quantity", refused.problem_code, refused.detail)
    return Production(document.resource, document.nodes, document.effort, tuple(components))


def _minor(path: str, amount: str, currency: str, faults: Faults) -> int:
    try:
        return Money.parse(amount, currency).minor
    except Invalid as refused:
        faults.add(path, refused.problem_code, refused.detail)
        return 0


def _is_known(holidays: PublicHolidays) -> bool:
    from oms.promising.public_holidays import is_known

    return is_known(holidays)


def _numbers(days: tuple[Weekday, ...]) -> tuple[int, ...]:
    return tuple(number for number, name in enumerate(WEEKDAYS) if name in days)


def _names(numbers: tuple[int, ...]) -> tuple[Weekday, ...]:
    return tuple(WEEKDAYS[number] for number in numbers)
