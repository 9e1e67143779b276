"""Accepting a promise with the order that is captured on it: in one transaction, or not at all."""

from collections import Counter
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from oms.inventory.position import Supply
from oms.kernel.errors import Conflict, Faults, Invalid, TooLarge
from oms.kernel.writes import Write
from oms.orders.model import Address, CommittedPromise, Content, Line, Method, PromisedPart
from oms.orders.promised import GONE, Accepted
from oms.promising.demand import DemandLine, DemandLines
from oms.promising.model import (
    Destination,
    Option,
    OptionLine,
    Promise,
    is_production,
    supply_of,
)
from oms.promising.store import Capacities, Promises

# A transaction holds 100 writes. The order's own capture, and what else is done with it, need some.
MOST_WRITES = 90


@dataclass(frozen=True, slots=True)
class Acceptance:
    """Where promises, what they rest on, and what they take are kept."""

    promises: Promises
    demand: DemandLines
    capacities: Capacities

    def accept(self, content: Content, promise_id: str, option_id: str, now: datetime) -> Accepted:
        """Raises ``Conflict`` (``promise_expired``; ``promise_gone`` when what it rests on is not
        there any more) and ``Invalid`` for a promise that is not for this order. The writes are
        refused with ``promise_gone`` or ``promise_taken``."""
        promise, option = self._find(promise_id, option_id)
        if promise.expires_at <= now:
            raise Conflict("the promise has expired: ask again", code="promise_expired")
        parts = _parts(option, content)
        _refuse_another_order(promise, option, parts, content)
        if min(part.ship_by for part in option.lines) < now:
            raise Invalid("its day to ship is past: ask again", code="promise_in_the_past")
        committed = CommittedPromise(promise.id, option.id, parts)
        lines = [*_lines(replace(content, promise=committed), promise, option)]
        used = [*_components(lines, option)]
        components = tuple((line.line_id, line.sku) for line in used)
        promised = replace(content, promise=replace(committed, components=components))
        rows = (*lines, *used)
        taken = (
            self.demand.accept(promise.id, content.order_id),
            *self._pegs(option),
            *(replace(w, refusal=GONE) for w in self.capacities.book(option.bookings)),
        )
        if len(taken) + len(rows) > MOST_WRITES:
            raise TooLarge("the promise has too many parts", code="promise_too_large")
        return Accepted(
            promised,
            (*taken, *(self.demand.add(line) for line in rows)),
            (*taken, *(self.demand.add(replace(line, reserved=True)) for line in rows)),
        )

    def _find(self, promise_id: str, option_id: str) -> tuple[Promise, Option]:
        promise = self.promises.promise(promise_id)
        if promise is None:
            raise Invalid(f"there is no promise {promise_id!r}", code="unknown_promise")
        for option in promise.options:
            if option.id == option_id:
                return promise, option
        raise Invalid(f"the promise has no option {option_id!r}", code="unknown_option")

    def _pegs(self, option: Option) -> list[Write]:
        """Units of each supply, over all lines and all that is made for them."""
        units, ready = Counter[tuple[str, str]](), dict[tuple[str, str], datetime]()
        for part in (*option.lines, *option.components):
            if supply_id := supply_of(part.source):
                key = (part.sku, supply_id)
                units[key] += part.quantity
                ready[key] = min(part.ready_at, ready.get(key, part.ready_at))
        return [
            self.demand.peg(self._supply(*key, ready[key], wanted), wanted)
            for key, wanted in sorted(units.items())
        ]

    def _supply(self, sku: str, supply_id: str, ready_at: datetime, units: int) -> Supply:
        supply = self.demand.supply(sku, supply_id)
        if supply is None or supply.due > ready_at or supply.open - supply.promised < units:
            raise GONE
        return supply


def _parts(option: Option, content: Content) -> tuple[PromisedPart, ...]:
    known = {(line.line_id, line.sku) for line in content.lines}
    return tuple(
        PromisedPart(
            line_id=_line_id(part, known),
            node=part.node,
            quantity=part.quantity,
            source=part.source,
            ship_by=part.ship_by,
            arrive_by=part.arrive_by,
            service=part.service,
        )
        for part in option.lines
    )


def _line_id(part: OptionLine, known: Container[tuple[str, str]]) -> str:
    """A bundle's line is captured as its components, each a line of its own."""
    component = f"{part.line_id}/{part.sku}"
    return component if (component, part.sku) in known else part.line_id


def _refuse_another_order(
    promise: Promise, option: Option, parts: tuple[PromisedPart, ...], content: Content
) -> None:
    faults = Faults()
    if promise.channel != content.channel:
        faults.add("channel", "promise_mismatch", "the promise was made to another channel")
    promised, ordered = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
    for named, part in zip(option.lines, parts, strict=True):
        promised[part.line_id, named.sku] += part.quantity
    for line in content.lines:
        ordered[line.line_id, line.sku] += line.quantity
    if promised != ordered:
        faults.add("lines", "promise_mismatch", "the promise is for other lines or quantities")
    if not _goes_there(promise.destination, content.shipping_address):
        faults.add("shipping_address", "promise_mismatch", "the promise is for another place")
    for index, line in enumerate(content.lines):
        nodes = {part.node for part in parts if part.line_id == line.line_id}
        if line.method is Method.PICKUP and nodes - {line.pickup_node}:
            path = f"lines.{index}.pickup_node"
            faults.add(path, "promise_mismatch", "it was promised from another node")
    faults.refuse("the promise is not for this order")


def _goes_there(promised: Destination, ordered: Address) -> bool:
    """By the postal code, if the promise was asked for with one."""
    same_code = _compact(promised.postal_code) in ("", _compact(ordered.postal_code))
    return promised.country == ordered.country and same_code


def _compact(postal_code: str) -> str:
    return "".join(postal_code.split()).replace("-", "").upper()


def _lines(content: Content, promise: Promise, option: Option) -> Iterable[DemandLine]:
    """The demand of each line; the first carries what was booked for all of them."""
    bookings = option.bookings
    for line in content.lines:
        yield replace(_line(line, content, promise.destination), bookings=bookings)
        bookings = ()


def _components(lines: Sequence[DemandLine], option: Option) -> Iterable[DemandLine]:
    """What production still has to be supplied with, for the first line that is made."""
    made = next((line for line in lines if _is_made(line)), None)
    awaited = [part for part in option.components if supply_of(part.source)]
    for sku in sorted({part.sku for part in awaited}) if made else ():
        assert made is not None
        parts = tuple(
            PromisedPart(
                line_id=made.line_id,
                node=part.node,
                quantity=part.quantity,
                source=part.source,
                ship_by=part.ready_at,
                arrive_by=made.promised,
                service=part.service,
            )
            for part in awaited
            if part.sku == sku
        )
        yield replace(made, sku=sku, parts=parts, bookings=(), component=True)


def _is_made(line: DemandLine) -> bool:
    return any(is_production(part.source) for part in line.parts)


def _line(line: Line, content: Content, destination: Destination) -> DemandLine:
    assert content.promise is not None
    parts = tuple(part for part in content.promise.lines if part.line_id == line.line_id)
    return DemandLine(
        order_id=content.order_id,
        line_id=line.line_id,
        sku=line.sku,
        priority=content.priority,
        promised_at=content.captured_at,
        promised=_last_day(parts),
        parts=parts,
        destination=destination,
        currency=content.currency,
    )


def _last_day(parts: Iterable[PromisedPart]) -> date:
    return max(part.arrive_by for part in parts)
