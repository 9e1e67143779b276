"""The JSON of availability and of promises. Quantities are numbers in whole units."""

from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from typing import Annotated

from pydantic import Field

from oms.catalog.model import Item
from oms.inventory.policy import Oversell
from oms.kernel.clock import rfc3339
from oms.kernel.errors import Faults
from oms.kernel.quantity import quantity_number
from oms.orders.contract import (
    Amount,
    Country,
    Currency,
    Day,
    Document,
    Identifier,
    Moment,
    Quantity,
    Text,
    View,
)
from oms.promising.asking import Answer, AskedDate, AskedLine, Question, Shown
from oms.promising.atp import Bucket
from oms.promising.explain import Term
from oms.promising.model import CapacityDay, Destination, Evidence, Option, OptionLine, Rank

Items = Mapping[str, Item]

# --- availability ---------------------------------------------------------------------------


class BucketView(View):
    at: str
    available: Quantity = Field(description="What can be promised for then or later")


class TermView(View):
    """One of the signed numbers that ``available`` adds up from."""

    term: str = Field(
        description="on_hand, reserved, safety_stock, overdrawn, supply, owed, held_back or"
        " granted_to_others"
    )
    quantity: Quantity
    node: str = ""
    supply: str = ""
    due: str | None = None


class NodeAvailabilityView(View):
    node: str
    available: Quantity
    by_date: list[BucketView]


class OversellLimitView(View):
    """How far it is sold before it is there; without a number there is no limit."""

    limit: Quantity | None
    until: str | None


class PartView(View):
    sku: str
    needed: Quantity
    available: Quantity | None


class AvailabilityView(View):
    """``available``: what can be promised for ``at``; null for what never runs out. ``sellable``:
    what may be sold now, with what may be owed; null without a limit."""

    sku: str
    at: str
    available: Quantity | None
    sellable: Quantity | None
    by_date: list[BucketView]
    why: list[TermView]
    nodes: list[NodeAvailabilityView]
    backorder: OversellLimitView | None
    preorder: OversellLimitView | None
    available_from: str | None
    scarcest: str = Field(default="", description="Of a bundle: what limits it")
    parts: list[PartView] = Field(default=[], description="Of a bundle: what it is made of")


class AvailabilityList(View):
    availability: list[AvailabilityView]


def availability_list(shown: Iterable[Shown]) -> AvailabilityList:
    return AvailabilityList(availability=[_availability(each) for each in shown])


def _availability(shown: Shown) -> AvailabilityView:
    item, found, policy = shown.item, shown.availability, shown.position.policy
    stocked = not item.components
    return AvailabilityView(
        sku=item.sku,
        at=rfc3339(found.at),
        available=_or_none(found.units, item),
        sellable=_or_none(shown.sellable, item),
        by_date=_buckets(found.buckets, item),
        why=[_term(term, item) for term in found.terms],
        nodes=[
            NodeAvailabilityView(
                node=each.node,
                available=_shown(each.units, item),
                by_date=_buckets(each.buckets, item),
            )
            for each in found.nodes
        ],
        backorder=_oversell(policy.backorder, item) if stocked else None,
        preorder=_oversell(policy.preorder, item) if stocked else None,
        available_from=rfc3339(policy.available_from) if policy.available_from else None,
        scarcest=shown.scarcest,
        parts=[
            PartView(
                sku=part.item.sku,
                needed=_shown(shown.parts_of_one[part.item.sku], part.item),
                available=_or_none(part.availability.units, part.item),
            )
            for part in shown.parts
        ],
    )


def _buckets(buckets: Iterable[Bucket], item: Item) -> list[BucketView]:
    return [
        BucketView(at=rfc3339(bucket.at), available=_shown(bucket.units, item))
        for bucket in buckets
    ]


def _term(term: Term, item: Item) -> TermView:
    return TermView(
        term=term.name,
        quantity=_shown(term.units, item),
        node=term.node,
        supply=term.supply,
        due=rfc3339(term.due) if term.due else None,
    )


def _oversell(oversell: Oversell | None, item: Item) -> OversellLimitView | None:
    if oversell is None:
        return None
    return OversellLimitView(
        limit=_or_none(oversell.limit, item),
        until=rfc3339(oversell.until) if oversell.until else None,
    )


# --- promises -------------------------------------------------------------------------------


class ShipToDocument(Document):
    """Where it goes. An order's ``shipping_address`` fits; who it goes to is not kept. With
    coordinates a distance is exact, else it goes by how much of the place agrees."""

    country: Country
    region: Text = ""
    city: Text = ""
    postal_code: Text = ""
    latitude: Annotated[float, Field(ge=-90, le=90)] | None = None
    longitude: Annotated[float, Field(ge=-180, le=180)] | None = None
    name: Text = ""
    line1: Text = ""
    line2: Text = ""
    district: Text = ""


class PromiseLineDocument(Document):
    line_id: Identifier | None = Field(
        default=None, description="Names the line; the SKU when left out"
    )
    sku: Identifier
    quantity: Quantity
    unit_price: Amount | None = Field(
        default=None, description="Needed to know which option is the most profitable"
    )


class AcceptedDateDocument(Document):
    """A day the customer would take it on: the day that is written, in its own zone."""

    date: Moment
    pays: Amount | None = Field(default=None, description="For delivery on that day")


class AskForPromise(Document):
    """A basket, where it goes, and what the customer wants. ``simulate``: answer, keep nothing."""

    channel: Identifier
    ship_to: ShipToDocument
    lines: Annotated[list[PromiseLineDocument], Field(min_length=1)]
    currency: Currency | None = Field(
        default=None, description="The first of the channel's when left out"
    )
    placed_at: Moment | None = None
    wanted_by: Moment | None = Field(
        default=None, description="Nothing arrives after the day that is written here"
    )
    accepts_dates: Annotated[tuple[AcceptedDateDocument, ...], Field(max_length=31)] = ()
    rank: Rank = Field(default=Rank.FASTEST, description="The option that comes first")
    simulate: bool = False


class EvidenceView(View):
    rule: str = Field(description="Stable; branch on this, not on the text")
    says: str
    sku: str = ""
    node: str = ""
    service: str = ""
    day: str | None = None


class OptionLineView(View):
    line_id: str
    sku: str
    node: str
    quantity: Quantity
    source: str = Field(
        description="on_hand, supply:<id>, production:<resource>, lead_time or infinite"
    )
    ready_at: str
    ship_by: str
    arrive_by: str
    carrier_service: str


class BookingView(View):
    resource: str
    date: str
    units: int


class OptionView(View):
    """``cost`` is the cost to serve; ``profit`` the margin less that, with what the customer pays
    for that day. ``together``: all of it arrives on one day."""

    id: str
    ranks: list[Rank]
    ship_by: str
    arrive_by: str
    together: bool
    cost: str
    profit: str | None
    currency: str
    lines: list[OptionLineView]
    capacity: list[BookingView]
    evidence: list[EvidenceView]
    ruled_out: list[EvidenceView]


class OfferedPromiseView(View):
    """``id`` is null when nothing was kept. Without options, ``ruled_out`` says why."""

    id: str | None
    channel: str
    offered_at: str | None
    expires_at: str | None
    options: list[OptionView]
    ruled_out: list[EvidenceView]


def question_of(asked: AskForPromise) -> Question:
    ship_to = asked.ship_to
    return Question(
        channel=asked.channel,
        destination=Destination(
            country=ship_to.country,
            region=ship_to.region,
            city=ship_to.city,
            postal_code=ship_to.postal_code,
            latitude=ship_to.latitude,
            longitude=ship_to.longitude,
        ),
        lines=[
            AskedLine(line.sku, line.quantity, line.unit_price, line.line_id)
            for line in asked.lines
        ],
        placed_at=asked.placed_at,
        wanted_by=asked.wanted_by,
        accepts=[AskedDate(each.date, each.pays) for each in asked.accepts_dates],
        rank=asked.rank,
        currency=asked.currency or "",
    )


def promise_view(answer: Answer, channel: str, *, kept: bool) -> OfferedPromiseView:
    promise = answer.promise
    return OfferedPromiseView(
        id=promise.id if promise and kept else None,
        channel=channel,
        offered_at=rfc3339(promise.offered_at) if promise else None,
        expires_at=rfc3339(promise.expires_at) if promise and kept else None,
        options=[_option(option, answer.items) for option in promise.options] if promise else [],
        ruled_out=[_evidence(each) for each in answer.ruled_out],
    )


def _option(option: Option, items: Items) -> OptionView:
    return OptionView(
        id=option.id,
        ranks=list(option.ranks),
        ship_by=rfc3339(option.ship_by),
        arrive_by=option.arrive_by.isoformat(),
        together=option.together,
        cost=str(option.cost),
        profit=None if option.profit is None else str(option.profit),
        currency=option.cost.currency,
        lines=[_line(line, items) for line in option.lines],
        capacity=[
            BookingView(
                resource=booking.resource, date=booking.date.isoformat(), units=booking.units
            )
            for booking in option.bookings
        ],
        evidence=[_evidence(each) for each in option.evidence if not each.ruled_out],
        ruled_out=[_evidence(each) for each in option.evidence if each.ruled_out],
    )


def _line(line: OptionLine, items: Items) -> OptionLineView:
    return OptionLineView(
        line_id=line.line_id,
        sku=line.sku,
        node=line.node,
        quantity=_shown(line.quantity, items[line.sku]),
        source=line.source,
        ready_at=rfc3339(line.ready_at),
        ship_by=rfc3339(line.ship_by),
        arrive_by=line.arrive_by.isoformat(),
        carrier_service=line.service,
    )


def _evidence(evidence: Evidence) -> EvidenceView:
    return EvidenceView(
        rule=evidence.rule,
        says=evidence.says,
        sku=evidence.sku,
        node=evidence.node,
        service=evidence.service,
        day=evidence.day.isoformat() if evidence.day else None,
    )


# --- capacity -------------------------------------------------------------------------------


class CapacityDayDocument(Document):
    date: Day
    capacity: Annotated[int, Field(ge=0, le=1_000_000_000)]


class CapacityDocument(Document):
    """How much a resource can do on each of these days, in units of its own, e.g. minutes."""

    days: Annotated[list[CapacityDayDocument], Field(min_length=1, max_length=100)]


class CapacityDayView(View):
    date: str
    capacity: int
    left: int = Field(description="Below zero when more is booked than there is now")


class CapacityView(View):
    resource: str
    days: list[CapacityDayView]


def capacity_of(document: CapacityDocument) -> dict[date, int]:
    """Raises ``Invalid`` when a day is named twice."""
    faults, days = Faults(), dict[date, int]()
    for index, day in enumerate(document.days):
        if day.date in days:
            faults.add(f"days.{index}.date", "day_twice", f"{day.date} is there already")
        days[day.date] = day.capacity
    faults.refuse("the capacity breaks a rule")
    return days


def capacity_view(resource: str, days: Iterable[CapacityDay]) -> CapacityView:
    return CapacityView(
        resource=resource,
        days=[
            CapacityDayView(date=day.date.isoformat(), capacity=day.capacity, left=day.left)
            for day in days
        ],
    )


def _or_none(units: int | None, item: Item) -> Decimal | None:
    return None if units is None else _shown(units, item)


def _shown(units: int, item: Item) -> Decimal:
    return Decimal(quantity_number(units, item.scale))
