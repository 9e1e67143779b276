"""Asking what can be promised: availability, and dated options for a basket."""

from collections.abc import Collection, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Protocol

from oms.catalog.bundles import parts_of, with_components
from oms.catalog.delivery import PromisingMode
from oms.catalog.model import Channel, Item
from oms.catalog.store import Catalog
from oms.inventory.position import Position
from oms.inventory.selling import Asking, check_amount, sellable
from oms.inventory.shares import owed_ahead
from oms.kernel.errors import Faults, Invalid, TooLarge
from oms.kernel.money import Money
from oms.kernel.quantity import parse_quantity
from oms.promising.atp import Bucket, available_to_promise
from oms.promising.explain import Availability, availability, channel_limit
from oms.promising.model import (
    AcceptedDate,
    Basket,
    BasketLine,
    CapacityDay,
    Destination,
    Evidence,
    Offer,
    Promise,
    Rank,
)
from oms.promising.options import offer
from oms.promising.sources import Facts
from oms.promising.store import Capacities, Promises

MOST_SKUS = 50
MOST_LINES = 100
# Each is read by itself; a bundle counts as what it is made of.
MOST_PARTS = 200
HOLDS_FOR = timedelta(minutes=30)

# Nothing is promised that would arrive later. An order waits for what it was promised, and how long
# orders wait (``await_stock_seconds``) is longer than this.
HORIZON = timedelta(days=180)

# What is sent as "now" may have been written on another clock, a moment ago.
_TOLERANCE = timedelta(minutes=5)
_FARTHEST = timedelta(days=2 * 366)


class Stock(Protocol):
    def positions(self, skus: Set[str], now: datetime) -> Mapping[str, Position]: ...


@dataclass(frozen=True, slots=True)
class Known:
    """Where what is known comes from: one read per SKU, the catalogue as it is remembered."""

    catalog: Catalog
    stock: Stock
    capacities: Capacities


@dataclass(frozen=True, slots=True)
class AskedLine:
    sku: str
    quantity: Decimal
    unit_price: str | None = None
    line_id: str | None = None


@dataclass(frozen=True, slots=True)
class AskedDate:
    """``pays``: a decimal string; None for nothing."""

    at: datetime
    pays: str | None = None


@dataclass(frozen=True, slots=True)
class Question:
    """A basket as a channel asks for it. The day of ``wanted_by`` and of the accepted dates is the
    one that is written there, in their own zone."""

    channel: str
    destination: Destination
    lines: Sequence[AskedLine]
    placed_at: datetime | None = None
    wanted_by: datetime | None = None
    accepts: Sequence[AskedDate] = ()
    rank: Rank = Rank.FASTEST
    currency: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """``promise`` is None when nothing can be promised, and ``ruled_out`` says why."""

    promise: Promise | None
    items: Mapping[str, Item]
    ruled_out: tuple[Evidence, ...] = ()


@dataclass(frozen=True, slots=True)
class Shown:
    """Availability of one item. ``sellable``: what may be sold now, there or owed; None without a
    limit. Of a bundle ``parts`` are what it is made of, and ``scarcest`` is what limits it."""

    item: Item
    availability: Availability
    position: Position
    sellable: int | None = None
    parts: tuple["Shown", ...] = ()
    scarcest: str = ""
    parts_of_one: Mapping[str, int] = field(default_factory=dict)


# --- availability ---------------------------------------------------------------------------


def available(
    skus: Collection[str],
    channel: str,
    node: str | None,
    at: datetime | None,
    now: datetime,
    known: Known,
) -> tuple[Shown, ...]:
    """In the order asked for. Raises ``Invalid`` with every fault."""
    faults = Faults()
    if not 1 <= len(set(skus)) <= MOST_SKUS:
        faults.add("sku", "too_many_skus", f"ask for 1 to {MOST_SKUS} items")
    faults.refuse("the question breaks a rule")
    if at is not None and at < now - _TOLERANCE:
        faults.add("at", "in_the_past", "what could be promised then is past")
    if at is not None and at > now + _FARTHEST:
        faults.add("at", "too_far_ahead", "nobody knows that far ahead")
    if channel and known.catalog.channel(channel) is None:
        faults.add("channel", "unknown_channel", f"there is no channel {channel!r}")
    if node and node not in {each.id for each in known.catalog.nodes({node})}:
        faults.add("node", "unknown_node", f"{node!r} is not a node")
    items = with_components(set(skus), known.catalog)
    for sku in skus:
        if sku not in items:
            faults.add("sku", "unknown_sku", f"{sku!r} is not in the catalogue")
    faults.refuse("the question breaks a rule")
    parts = {sku: parts_of(sku, items) for sku in skus}
    wanted = {part for each in parts.values() for part in each}
    _refuse_too_many_parts(wanted)
    positions = known.stock.positions(wanted, now)
    asked_at = max(at or now, now)

    def one(sku: str) -> Shown:
        position = positions[sku]
        found = availability(position, channel, now, asked_at, node)
        nodes = None if node is None else frozenset({node})
        most = sellable(position, Asking(channel, now, nodes))
        return Shown(items[sku], found, position, most)

    def bundle(sku: str) -> Shown:
        whole = tuple(one(part) for part in parts[sku])
        return _bundle(items[sku], whole, parts[sku], asked_at)

    return tuple(bundle(sku) if items[sku].components else one(sku) for sku in dict.fromkeys(skus))


def _bundle(item: Item, parts: tuple[Shown, ...], needs: Mapping[str, int], at: datetime) -> Shown:
    """As many as its scarcest part makes, by every date on which a part changes."""
    limited = [part for part in parts if part.availability.units is not None]
    dates = sorted({bucket.at for part in limited for bucket in part.availability.buckets})
    made = [(_made(part.availability.units, needs[part.item.sku]), part.item.sku) for part in parts]
    counted = [(units, sku) for units, sku in made if units is not None]
    units, scarcest = min(counted, default=(None, ""))
    buckets = tuple(
        Bucket(
            day,
            min(_by(part.availability.buckets, day) // needs[part.item.sku] for part in limited),
        )
        for day in dates
    )
    most = [_made(part.sellable, needs[part.item.sku]) for part in parts]
    return Shown(
        item,
        Availability(item.sku, at, units, buckets),
        Position(item.sku),
        min((each for each in most if each is not None), default=None),
        parts,
        scarcest,
        needs,
    )


def _refuse_too_many_parts(parts: Set[str]) -> None:
    if len(parts) > MOST_PARTS:
        raise TooLarge(
            f"these are made of {len(parts)} items, the limit is {MOST_PARTS}",
            code="too_many_parts",
            context={"limit": "parts", "maximum": MOST_PARTS, "actual": len(parts)},
        )


def _made(units: int | None, needed: int) -> int | None:
    return None if units is None else units // needed


def _by(buckets: Iterable[Bucket], at: datetime) -> int:
    return max((bucket.units for bucket in buckets if bucket.at <= at), default=0)


# --- promises -------------------------------------------------------------------------------


def promise(
    question: Question, promise_id: str, now: datetime, known: Known, promises: Promises | None
) -> Answer:
    """Options that hold for half an hour: what they rest on is not reserved, but whoever accepts
    one in time is told if it has gone. Without ``promises`` nothing is kept.

    Raises ``Invalid`` with every fault, and ``TooLarge``.
    """
    items, basket = _checked(question, now, known)
    found = options(basket, question.channel, items, now, known)
    if not found.options:
        return Answer(None, items, found.ruled_out)
    offered = Promise(
        id=promise_id,
        channel=question.channel,
        offered_at=now,
        expires_at=now + HOLDS_FOR,
        destination=basket.destination,
        lines=basket.lines,
        options=found.options,
    )
    if promises is not None:
        promises.offer(offered)
    return Answer(offered, items)


def options(
    basket: Basket, channel: str, items: Mapping[str, Item], now: datetime, known: Known
) -> Offer:
    wanted = {part for line in basket.lines for part in parts_of(line.sku, items)}
    _refuse_too_many_parts(wanted)
    facts = gather_facts(wanted, items, channel, now, known)
    nodes = [node for node in known.catalog.nodes() if node.is_on(now)]
    return offer(basket, facts, nodes, known.catalog.carrier_services())


def gather_facts(
    skus: Set[str], items: Mapping[str, Item], channel: str, now: datetime, known: Known
) -> Facts:
    """One read for each SKU, and for each resource that makes one."""
    made = [
        production
        for sku in skus
        if (production := items[sku].promising.production) is not None
        and items[sku].promising.mode is PromisingMode.CTP
    ]
    needed = {component.sku for production in made for component in production.components}
    positions = known.stock.positions(skus | needed, now)
    resources = {production.resource for production in made}
    capacity: Mapping[str, Sequence[CapacityDay]] = {}
    if resources:
        first = now.date() - timedelta(days=1)
        capacity = known.capacities.days(resources, first, first + HORIZON)
    return Facts(
        items={**known.catalog.items(needed - items.keys()), **items},
        stock={
            sku: available_to_promise(
                position, now, channel_limit(channel, position), owed_ahead(channel, position)
            )
            for sku, position in positions.items()
        },
        capacity=capacity,
        endless=frozenset(sku for sku, each in positions.items() if not each.policy.tracked),
        not_before={
            sku: each.policy.available_from
            for sku, each in positions.items()
            if each.policy.available_from is not None and each.policy.available_from > now
        },
    )


def _checked(question: Question, now: datetime, known: Known) -> tuple[Mapping[str, Item], Basket]:
    if len(question.lines) > MOST_LINES:
        raise TooLarge(
            f"a basket has at most {MOST_LINES} lines",
            code="too_many_lines",
            context={"limit": "lines", "maximum": MOST_LINES, "actual": len(question.lines)},
        )
    faults = Faults()
    items = with_components({line.sku for line in question.lines}, known.catalog)
    channel = known.catalog.channel(question.channel)
    if channel is None:
        faults.add("channel", "unknown_channel", f"there is no channel {question.channel!r}")
    currency = _currency(question, channel, faults)
    _check_dates(question, now, faults)
    lines = [
        _line(index, line, items, currency, faults) for index, line in enumerate(question.lines)
    ]
    _check_ids([line for line in lines if line], faults)
    accepts = [
        AcceptedDate(
            each.at.date(), _money(f"accepts_dates.{index}.pays", each.pays, currency, faults)
        )
        for index, each in enumerate(question.accepts)
    ]
    faults.refuse("nothing can be promised for this")
    placed_at = max(question.placed_at or now, now)
    return items, Basket(
        lines=tuple(line for line in lines if line),
        destination=question.destination,
        placed_at=placed_at,
        currency=currency,
        wanted_by=_latest(question, now),
        accepts=tuple(accepts),
        rank=question.rank,
    )


def _latest(question: Question, now: datetime) -> date:
    last = (now + HORIZON).date()
    return min(question.wanted_by.date(), last) if question.wanted_by else last


def _currency(question: Question, channel: Channel | None, faults: Faults) -> str:
    if channel is None:
        # The channel is a fault already; until it is told, ISO 4217's code for no currency.
        return question.currency or "XXX"
    if question.currency and question.currency not in channel.currencies:
        faults.add(
            "currency", "wrong_currency", f"{channel.id!r} does not sell in {question.currency}"
        )
    return question.currency or channel.currencies[0]


def _check_dates(question: Question, now: datetime, faults: Faults) -> None:
    if question.placed_at is not None and question.placed_at < now - _TOLERANCE:
        faults.add("placed_at", "in_the_past", "nothing leaves before it is asked for")
    if question.placed_at is not None and question.placed_at > now + HORIZON:
        faults.add("placed_at", "too_far_ahead", "nothing is promised that far ahead")
    for index, each in enumerate(question.accepts):
        if each.at.date() > (now + HORIZON).date():
            path = f"accepts_dates.{index}.date"
            faults.add(path, "too_far_ahead", "nothing is promised that far ahead")
    dates = [("wanted_by", question.wanted_by)]
    dates += [(f"accepts_dates.{n}.date", each.at) for n, each in enumerate(question.accepts)]
    for path, at in dates:
        if at is not None and at.date() < now.astimezone(at.tzinfo).date():
            faults.add(path, "in_the_past", f"{at.date()} is past")


def _line(
    index: int, line: AskedLine, items: Mapping[str, Item], currency: str, faults: Faults
) -> BasketLine | None:
    path = f"lines.{index}"
    item = items.get(line.sku)
    if item is None:
        faults.add(f"{path}.sku", "unknown_sku", f"{line.sku!r} is not in the catalogue")
        return None
    if not item.active:
        faults.add(f"{path}.sku", "not_sold", f"{line.sku!r} is not sold")
    units = _units(f"{path}.quantity", line.quantity, item, faults)
    price = _money(f"{path}.unit_price", line.unit_price, currency, faults)
    return BasketLine(line.line_id or line.sku, line.sku, units, price)


def _units(path: str, quantity: Decimal, item: Item, faults: Faults) -> int:
    try:
        units = parse_quantity(quantity, item.scale)
    except Invalid as refused:
        faults.add(path, refused.problem_code, refused.detail)
        return 0
    if units <= 0:
        faults.add(path, "quantity_not_positive", "a line asks for something")
    elif refusal := check_amount(item, units):
        faults.add(path, refusal.code, refusal.detail)
    return units


def _money(path: str, amount: str | None, currency: str, faults: Faults) -> Money | None:
    if amount is None:
        return None
    try:
        return Money.parse(amount, currency)
    except Invalid as refused:
        faults.add(path, refused.problem_code, refused.detail)
        return None


def _check_ids(lines: Sequence[BasketLine], faults: Faults) -> None:
    seen: set[str] = set()
    for index, line in enumerate(lines):
        if line.line_id in seen:
            faults.add(f"lines.{index}.line_id", "line_twice", f"{line.line_id!r} is there already")
        seen.add(line.line_id)
