"""Where units come from: stock, supplies, a lead time, production. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

from oms.catalog.delivery import Production, PromisingMode
from oms.catalog.model import Item
from oms.promising.atp import Atp, Inflow, Take
from oms.promising.calendar import NodeDays
from oms.promising.model import (
    INFINITE,
    LEAD_TIME,
    CapacityBooking,
    CapacityDay,
    production_source,
)

_ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of the SKUs of a basket and of all they are made of, bundles taken apart.

    ``endless``: those that never run out. ``not_before``: when a SKU that is sold ahead may first
    leave. ``capacity``: the days ahead of each resource, in order.
    """

    items: Mapping[str, Item]
    stock: Mapping[str, Atp]
    capacity: Mapping[str, Sequence[CapacityDay]] = field(default_factory=dict)
    endless: frozenset[str] = frozenset()
    not_before: Mapping[str, datetime] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ComponentTake:
    sku: str
    take: Take


@dataclass(frozen=True, slots=True)
class Gathered:
    """Units of a SKU at one node: when the last are there, and what each is taken from."""

    sku: str
    at: datetime
    takes: tuple[Take, ...]
    components: tuple[ComponentTake, ...] = ()
    bookings: tuple[CapacityBooking, ...] = ()


class Sources:
    """What is still free while a plan is put together; ``after`` gives what is left."""

    def __init__(self, facts: Facts, placed_at: datetime) -> None:
        self.facts = facts
        self._placed_at = placed_at
        self._endless_ones = {sku for sku in facts.items if _is_endless(sku, facts)}
        self._made = {
            sku: item.promising.production
            for sku, item in facts.items.items()
            if item.promising.mode is PromisingMode.CTP and item.promising.production
        }
        self._had_later = {
            sku
            for sku, item in facts.items.items()
            if item.promising.mode is PromisingMode.LEAD_TIME
        }

    def makes(self, skus: Iterable[str]) -> bool:
        """Whether one of them can be produced."""
        return any(sku in self._made for sku in skus)

    def ready(self, sku: str, quantity: int, node: str, days: NodeDays) -> datetime | None:
        """When ``quantity`` is at the node, if nothing else of the basket is in its way."""
        if self.is_beyond_stock(sku, node):
            gathered = self._gather(sku, quantity, node, days)
            return None if gathered is None else gathered.at
        units = 0
        for inflow in self._inflows(sku, node):
            units += inflow.units
            if units >= quantity:
                return max(inflow.at, self._placed_at, self.facts.not_before.get(sku, inflow.at))
        return None

    def gather(
        self, wanted: Mapping[str, int], node: str, days: NodeDays
    ) -> tuple[Gathered, ...] | None:
        """All of ``wanted`` at one node, no unit and no capacity twice. What is taken as it is
        comes first, so that production finds what is left of its components. None: it cannot."""
        found: list[Gathered] = []
        sources = self
        produces = self.makes(wanted)
        for sku in sorted(wanted, key=lambda sku: sku in self._made):
            gathered = sources._gather(sku, wanted[sku], node, days)
            if gathered is None:
                return None
            found.append(gathered)
            if produces:
                sources = sources.after([gathered])
        return tuple(found)

    def after(self, gathered: Iterable[Gathered]) -> "Sources":
        stock, capacity = dict(self.facts.stock), dict(self.facts.capacity)
        for each in gathered:
            if each.sku in stock:
                stock[each.sku] = stock[each.sku].without(each.takes)
            for component in each.components:
                stock[component.sku] = stock[component.sku].without([component.take])
            for booking in each.bookings:
                capacity[booking.resource] = [
                    replace(day, left=day.left - booking.units) if day.date == booking.date else day
                    for day in capacity[booking.resource]
                ]
        return Sources(replace(self.facts, stock=stock, capacity=capacity), self._placed_at)

    def by(self, at: datetime, sku: str, quantity: int, node: str, days: NodeDays) -> int:
        """Units of at most ``quantity`` that the node has by then."""
        units = 0
        for inflow in self._inflows(sku, node):
            if inflow.at > at or units >= quantity:
                break
            units += inflow.units
        if units < quantity and self.is_beyond_stock(sku, node):
            ready = self.ready(sku, quantity, node, days)
            return quantity if ready is not None and ready <= at else units
        return min(units, quantity)

    def _inflows(self, sku: str, node: str) -> Sequence[Inflow]:
        """In order of time."""
        stock = self.facts.stock.get(sku)
        return stock.nodes.get(node, ()) if stock is not None else ()

    def is_stock_alone(self, sku: str) -> bool:
        """Whether no node may have it without having or expecting it."""
        return not (sku in self._endless_ones or sku in self._had_later or sku in self._made)

    def is_beyond_stock(self, sku: str, node: str) -> bool:
        """Whether the node may have it without having or expecting it."""
        if sku in self._endless_ones or sku in self._had_later:
            return True
        production = self._made.get(sku)
        return production is not None and node in production.nodes

    def _gather(self, sku: str, quantity: int, node: str, days: NodeDays) -> Gathered | None:
        best = self._from_stock(sku, quantity, node)
        if self.is_beyond_stock(sku, node):
            others = (
                self._endless(sku, quantity, node),
                self._after_lead_time(sku, quantity, node),
                self._produced(sku, quantity, node, days),
            )
            for way in others:
                if way is not None and (best is None or way.at < best.at):
                    best = way
        not_before = self.facts.not_before.get(sku)
        if best is None or not_before is None:
            return best
        return replace(best, at=max(best.at, not_before))

    def _endless(self, sku: str, quantity: int, node: str) -> Gathered | None:
        if sku not in self._endless_ones:
            return None
        return _one(sku, INFINITE, node, self._placed_at, quantity)

    def _from_stock(self, sku: str, quantity: int, node: str) -> Gathered | None:
        stock = self.facts.stock.get(sku)
        ready = stock.earliest(quantity, node) if stock else None
        if ready is None:
            return None
        return Gathered(sku, max(ready.at, self._placed_at), ready.takes)

    def _after_lead_time(self, sku: str, quantity: int, node: str) -> Gathered | None:
        if sku not in self._had_later:
            return None
        lead_time = timedelta(days=self.facts.items[sku].promising.lead_time_days)
        at = self._placed_at + lead_time
        return _one(sku, LEAD_TIME, node, at, quantity)

    def _produced(self, sku: str, quantity: int, node: str, days: NodeDays) -> Gathered | None:
        """What is on hand, and the rest made: as soon as its components are there, on the days
        that have capacity left; it is ready when the last of these is over."""
        production = self._made.get(sku)
        if production is None or node not in production.nodes:
            return None
        there = self._on_hand(sku, node, quantity)
        rest = quantity - sum(take.units for take in there)
        scale: int = 10 ** self.facts.items[sku].scale
        components, start = list[ComponentTake](), self._placed_at
        for component in production.components:
            units = -(-rest * component.quantity // scale)
            stock = self.facts.stock.get(component.sku)
            ready = stock.earliest(units, node) if stock else None
            if ready is None:
                return None
            start = max(start, ready.at)
            components += [ComponentTake(component.sku, take) for take in ready.takes]
        bookings = self._book(production, -(-rest * production.effort // scale), start, days)
        if bookings is None:
            return None
        at = days.start_of(bookings[-1].date + _ONE_DAY) if bookings else self._placed_at
        made = Take("", production_source(production.resource), node, at, rest)
        takes = (*there, made) if rest else there
        return Gathered(sku, at, takes, tuple(components), bookings)

    def _book(
        self, production: Production, units: int, start: datetime, days: NodeDays
    ) -> tuple[CapacityBooking, ...] | None:
        first: date = days.local_day(start)
        bookings: list[CapacityBooking] = []
        for day in self.facts.capacity.get(production.resource, ()):
            if units <= 0:
                break
            if day.date >= first and day.left > 0:
                taken = min(units, day.left)
                bookings.append(CapacityBooking(production.resource, day.date, taken))
                units -= taken
        return None if units > 0 else tuple(bookings)

    def _on_hand(self, sku: str, node: str, quantity: int) -> tuple[Take, ...]:
        inflows = self._inflows(sku, node)
        return tuple(
            Take("", inflow.source, node, inflow.at, min(inflow.units, quantity))
            for inflow in inflows
            if inflow.at <= self._placed_at
        )[:1]


def _is_endless(sku: str, facts: Facts) -> bool:
    return sku in facts.endless or facts.items[sku].promising.mode is PromisingMode.INFINITE


def _one(sku: str, source: str, node: str, at: datetime, quantity: int) -> Gathered:
    return Gathered(sku, at, (Take("", source, node, at, quantity),))
