"""Dated demand: what the lines of captured orders were promised, and what they were last told."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Protocol

from oms.inventory.position import Supply
from oms.kernel.writes import Write
from oms.orders.model import Counts, PromisedPart
from oms.promising.model import ON_HAND, CapacityBooking, Demand, Destination, supply_of


@dataclass(frozen=True, slots=True)
class DemandLine:
    """One promised line of an order, while it has not left.

    ``promised``: the day the customer was promised. ``severity`` and ``expected``: what was last
    told of it, nothing while it is in time. ``held``: stock is reserved for it, so that it waits
    for no supply. ``bookings``: the capacity that the order's promise took, on its first line.

    ``reserved``: the same, but what follows from it has not been done yet. A ``component`` is what
    the line is made of: ``ship_by`` of its parts is when production needs them.
    """

    order_id: str
    line_id: str
    sku: str
    priority: int
    promised_at: datetime
    promised: date
    parts: tuple[PromisedPart, ...]
    destination: Destination
    currency: str
    held: bool = False
    severity: str = ""
    expected: date | None = None
    bookings: tuple[CapacityBooking, ...] = ()
    component: bool = False
    reserved: bool = False
    version: int = 0

    @property
    def has_stock(self) -> bool:
        return self.held or self.reserved


class DemandLines(Protocol):
    """Their persistence. Each write is refused when the line was changed meanwhile."""

    def of_sku(self, sku: str) -> Iterable[DemandLine]:
        """Every promised line of the SKU that has not left, read page by page."""

    def of_order(self, order_id: str, of: Iterable[tuple[str, str]]) -> Sequence[DemandLine]:
        """What is left of the order's promised lines, of which each is a line's id and a SKU."""

    def add(self, line: DemandLine) -> Write: ...

    def change(self, line: DemandLine) -> Write:
        """``line.version`` is that of the line which was read."""

    def remove(self, line: DemandLine) -> Write: ...

    def supply(self, sku: str, supply_id: str) -> Supply | None: ...

    def peg(self, supply: Supply, units: int) -> Write:
        """Promise units of a supply: refused when it is not as it was read, or when somebody else
        was promised them meanwhile."""

    def set_promised(self, supply: Supply, units: int) -> Write:
        """Refused when what is promised of the supply is not what was read."""

    def accept(self, promise_id: str, order_id: str) -> Write:
        """A promise is accepted with one order: refused for another."""

    def accepted_by(self, promise_id: str) -> str:
        """The id of the order that it was accepted with; empty while it was not."""


def demands(line: DemandLine) -> tuple[Demand, ...]:
    """What is yet to be taken from supply; nothing of a line for which stock is reserved."""
    if line.has_stock:
        return ()
    return tuple(
        Demand(
            order_id=line.order_id,
            line_id=line.line_id,
            sku=line.sku,
            node=part.node,
            quantity=part.quantity,
            ship_by=part.ship_by,
            arrive_by=part.arrive_by,
            source=part.source,
            promised_at=line.promised_at,
            priority=line.priority,
            part=number,
            service=part.service,
        )
        for number, part in enumerate(line.parts)
    )


def pegged(line: DemandLine) -> dict[str, int]:
    """Units by the id of the supply that the line waits for."""
    found: dict[str, int] = {}
    for part in () if line.held else line.parts:
        if supply := supply_of(part.source):
            found[supply] = found.get(supply, 0) + part.quantity
    return found


def hold(line: DemandLine, parts: Iterable[PromisedPart]) -> DemandLine:
    """Stock is reserved for the line, at the nodes of ``parts``."""
    return replace(line, held=True, reserved=False, parts=tuple(parts))


def still_to_ship(line: DemandLine, ordered: int, counts: Counts) -> DemandLine | None:
    """What is left of the line once units of it have left; the parts that are due first went first.
    Nothing when all of it has gone."""
    left = ordered - (counts.shipped + counts.delivered + counts.cancelled + counts.returned)
    if line.component:
        return line if left else None
    parts: list[PromisedPart] = []
    for part in sorted(line.parts, key=lambda part: part.ship_by, reverse=True):
        units = min(left, part.quantity)
        left -= units
        if units:
            parts.append(replace(part, quantity=units))
    return replace(line, parts=tuple(reversed(parts))) if parts else None


def from_shelf(part: PromisedPart, node: str, units: int) -> PromisedPart:
    """The part as it is held: from a node's stock, whatever it was promised from."""
    return replace(part, node=node, quantity=units, source=ON_HAND)
