"""Keeping promises: whose supply moved is found, told and, where the policy says so, moved.

A promised line has a row of demand from its capture until it has left or is cancelled. What happens
to the SKU's supply reads that SKU's rows and no order; only an order with news is loaded. Whatever
is done is done to the order and to the row in one transaction, under the row's version, so that
every message may come twice, late or out of order.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from oms.catalog.store import Catalog
from oms.inventory.position import Position, Supply
from oms.inventory.store import Stock
from oms.kernel.errors import Unavailable
from oms.kernel.events import Cause
from oms.kernel.writes import Write
from oms.orders import decisions
from oms.orders import events as happened
from oms.orders.command import execute_on
from oms.orders.model import Counts, Order, PromisedPart, State
from oms.orders.store import Orders
from oms.promising.demand import DemandLine, DemandLines, from_shelf, hold, pegged, still_to_ship
from oms.promising.jeopardy import Arrival, Finding, Schedule, look, missing_at, pools_of
from oms.promising.journeys import Leg, Origin, survey
from oms.promising.model import CapacityBooking, Destination, is_production, supply_of
from oms.promising.store import Capacities

# Each takes a load and a transaction; what is left is done when the message comes again.
CHANGED_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Keeper:
    """What keeping promises has to do with."""

    orders: Orders
    stock: Stock
    catalog: Catalog
    demand: DemandLines
    capacities: Capacities


def look_after(sku: str, reason: str, keeper: Keeper, cause: Cause) -> int:
    """Something happened to what there is or will be of a SKU: tell each order whose promise that
    breaks, or mends. The number of lines that it breaks for.

    Raises ``Unavailable`` when there are more than one run can tell."""
    lines = list(keeper.demand.of_sku(sku))
    if not lines:
        return 0
    position = keeper.stock.positions({sku}, cause.at, consistent=True)[sku]
    schedule = _schedule(keeper, position, lines)
    found = look(lines, pools_of(position, cause.at), missing_at(position), schedule)
    news = [finding for finding in found if finding.is_news]
    for finding in news[:CHANGED_AT_ONCE]:
        _tell_of(finding, reason, position, keeper, cause)
    if len(news) > CHANGED_AT_ONCE:
        raise Unavailable("more promises are to be looked at", code="promises_left")
    return sum(finding.is_late for finding in news)


def stock_is_held(order_id: str, keeper: Keeper, cause: Cause) -> None:
    """The order is sourced: its lines wait for no supply any more, but for the rest of one that
    went ahead without it."""
    order, rows = _order_and_rows(order_id, keeper)
    if decisions.has_reached(order, State.SOURCED):
        _hold(order, [row for row in rows if _has_its_stock(order, row)], keeper, cause)


def stock_is_lacking(order_id: str, reason: str, keeper: Keeper, cause: Cause) -> int:
    """The order waits, or waits again: its lines depend on what is coming. As ``look_after``."""
    order, rows = _order_and_rows(order_id, keeper)
    if order.state is not State.CAPTURED:
        return 0
    for row in rows:
        if row.has_stock:
            parts = tuple(part for part in order.promised_parts if part.line_id == row.line_id)
            parts = row.parts if row.component else parts
            waits = replace(row, held=False, reserved=False, parts=parts)
            keeper.stock.transact([keeper.demand.change(waits), *_peg(waits, {}, keeper)])
    skus = sorted({row.sku for row in rows})
    return sum(look_after(sku, reason, keeper, cause) for sku in skus)


def stock_has_moved(order_id: str, keeper: Keeper, cause: Cause) -> int:
    """After its release some of the order comes from elsewhere than it did, or waits for stock. As
    ``look_after``."""
    order, rows = _order_and_rows(order_id, keeper)
    waits = set(order.backordered_lines)
    lacking = [row for row in rows if row.line_id in waits and not row.component]
    for row in lacking:
        if row.has_stock:
            parts = tuple(part for part in order.promised_parts if part.line_id == row.line_id)
            waiting = replace(row, held=False, reserved=False, parts=parts)
            keeper.stock.transact([keeper.demand.change(waiting), *_peg(waiting, {}, keeper)])
    for row in rows:
        if row.line_id not in order.unrouted and not row.component and _is_elsewhere(order, row):
            _hold_row(order, replace(row, held=False), keeper, cause)
    return sum(look_after(sku, "sold_out", keeper, cause) for sku in {row.sku for row in lacking})


def _has_its_stock(order: Order, row: DemandLine) -> bool:
    """Of an order that is sourced."""
    return row.line_id not in order.unrouted and row.line_id not in order.backordered_lines


def _is_elsewhere(order: Order, row: DemandLine) -> bool:
    return {node for node, _ in _nodes(order, row)} != {part.node for part in row.parts}


def units_left(order_id: str, keeper: Keeper) -> None:
    """A parcel has left: what was in it is no demand any more."""
    order = keeper.orders.load(order_id)
    counts = _counts(order)
    for row in _rows(order, keeper):
        left = still_to_ship(row, *counts[row.line_id])
        if left is None:
            keeper.stock.transact([keeper.demand.remove(row), *_unpeg(row, keeper)])
        elif left != row:
            keeper.stock.transact([keeper.demand.change(left)])


def _counts(order: Order) -> dict[str, tuple[int, Counts]]:
    """By line how much of it was ordered, and where that is."""
    return {
        line.line_id: (line.quantity, counts)
        for line, counts in zip(order.content.lines, order.progress.counts, strict=True)
    }


def address_changed(order_id: str, keeper: Keeper, cause: Cause) -> int:
    """What has not left goes elsewhere, and may take longer. As ``look_after``."""
    order = keeper.orders.load(order_id)
    to = order.content.shipping_address
    there = Destination(to.country, to.region, to.city, to.postal_code, to.latitude, to.longitude)
    rows = [row for row in _rows(order, keeper) if row.destination != there]
    for row in rows:
        keeper.stock.transact([keeper.demand.change(replace(row, destination=there))])
    skus = sorted({row.sku for row in rows})
    return sum(look_after(sku, "address_changed", keeper, cause) for sku in skus)


def units_cancelled(order_id: str, keeper: Keeper) -> None:
    """What is cancelled of a promised line is no demand any more, and what was booked to make it
    may be promised again. What is left of it is worked out anew, so that a message that comes
    twice gives nothing back twice."""
    order = keeper.orders.load(order_id)
    if order.state is State.CANCELLED:
        return
    rows = _rows(order, keeper)
    for row in rows:
        if row.bookings:
            _book_less(order, row, [other for other in rows if other != row], keeper)
    counts = _counts(order)
    for row in _rows(order, keeper):
        left = still_to_ship(row, *counts[row.line_id])
        if left is not None and left != row:
            keeper.stock.transact([keeper.demand.change(left), *_unpeg(row, keeper, left)])
    units_left(order_id, keeper)


def _book_less(order: Order, row: DemandLine, others: Sequence[DemandLine], keeper: Keeper) -> None:
    """The bookings of all lines are on one row: those that what is not cancelled needs stay, on
    another row if this one's line is gone."""
    needed = _effort_needed(order, keeper)
    kept, freed = list[CapacityBooking](), list[CapacityBooking]()
    for booking in sorted(row.bookings, key=lambda one: (one.resource, one.date)):
        units = min(booking.units, needed.get(booking.resource, 0))
        needed[booking.resource] = needed.get(booking.resource, 0) - units
        if units:
            kept.append(replace(booking, units=units))
        if units < booking.units:
            freed.append(replace(booking, units=booking.units - units))
    counts = _counts(order)
    heir = next((one for one in others if still_to_ship(one, *counts[one.line_id])), None)
    writes = keeper.capacities.give_back(freed)
    if kept and heir and still_to_ship(row, *counts[row.line_id]) is None:
        writes.append(keeper.demand.change(replace(heir, bookings=tuple(kept))))
        kept = []
    if tuple(kept) != row.bookings:
        less = keeper.demand.change(replace(row, bookings=tuple(kept)))
        keeper.stock.transact([less, *writes])


def _effort_needed(order: Order, keeper: Keeper) -> dict[str, int]:
    """By resource what making the promised units that are not cancelled takes."""
    parts = order.content.promise.lines if order.content.promise else ()
    made = {part.line_id for part in parts if is_production(part.source)}
    items = keeper.catalog.items({order.content.line(line_id).sku for line_id in made})
    needed: dict[str, int] = {}
    for line, counts in zip(order.content.lines, order.progress.counts, strict=True):
        item = items.get(line.sku) if line.line_id in made else None
        if item is None or item.promising.production is None:
            continue
        production = item.promising.production
        promised = sum(
            part.quantity
            for part in parts
            if part.line_id == line.line_id and is_production(part.source)
        )
        units = max(0, promised - counts.cancelled)
        whole: int = 10**line.scale
        effort = -(-production.effort * units // whole)
        needed[production.resource] = needed.get(production.resource, 0) + effort
    return needed


def order_cancelled(order_id: str, keeper: Keeper) -> None:
    """What the promise took, supply and capacity, may be promised again."""
    order = keeper.orders.load(order_id)
    if order.state is not State.CANCELLED:
        return
    for row in _rows(order, keeper):
        keeper.stock.transact(
            [
                keeper.demand.remove(row),
                *_unpeg(row, keeper),
                *keeper.capacities.give_back(row.bookings),
            ]
        )


def _tell_of(
    finding: Finding, reason: str, position: Position, keeper: Keeper, cause: Cause
) -> None:
    order = keeper.orders.load(finding.line.order_id)
    sourced = decisions.has_reached(order, State.SOURCED) and _has_its_stock(order, finding.line)
    if not finding.line.held and sourced:
        # It has its stock, and the message that says so is on its way.
        stock_is_held(order.order_id, keeper, cause)
    elif finding.alternative and not finding.line.held and position.policy.take_alternative:
        _move(order, finding, reason, keeper, cause)
    else:
        _tell(order, finding, reason, keeper, cause)


def _tell(
    order: Order,
    finding: Finding,
    reason: str,
    keeper: Keeper,
    cause: Cause,
    also: Sequence[Write] = (),
) -> None:
    """The order and the row, once: the row's version is the guard."""
    line = finding.line
    if finding.is_late:
        told = replace(line, severity=str(finding.severity), expected=finding.expected)
        jeopardy = happened.PromiseInJeopardy(
            line_id=line.line_id,
            promised=line.promised,
            severity=str(finding.severity),
            reason=reason,
            expected=finding.expected,
            days_late=finding.days_late,
            alternative=finding.alternative,
        )
        _commit(order, lambda o: decisions.endanger(o, jeopardy), told, keeper, cause, also)
    else:
        assert finding.expected is not None
        told = replace(line, severity="", expected=None)
        restored = happened.PromiseRestored(line.line_id, line.promised, finding.expected)
        _commit(order, lambda o: decisions.restore_promise(o, restored), told, keeper, cause, also)


def _move(order: Order, finding: Finding, reason: str, keeper: Keeper, cause: Cause) -> None:
    """The line comes from elsewhere: what it waited for is free, what it waits for now is its."""
    line, parts = finding.line, finding.alternative
    kept = replace(line, parts=parts, severity="", expected=None)
    staying = pegged(kept)
    given_up = (part for part in line.parts if supply_of(part.source) not in staying)
    freed = replace(line, parts=tuple(given_up))
    moved = happened.PromiseMoved(
        line_id=line.line_id,
        promised=line.promised,
        expected=max(part.arrive_by for part in parts),
        parts=parts,
        reason=reason,
    )
    also = [*_peg(kept, pegged(line), keeper), *_unpeg(freed, keeper)]
    _commit(order, lambda o: decisions.move_promise(o, moved), kept, keeper, cause, also)


def _commit(
    order: Order,
    decide: Callable[[Order], decisions.Events],
    row: DemandLine,
    keeper: Keeper,
    cause: Cause,
    also: Sequence[Write],
) -> None:
    writes = [keeper.demand.change(row), *also]
    execute_on(keeper.orders, order, decide, cause, also=lambda _: writes)


def _order_and_rows(order_id: str, keeper: Keeper) -> tuple[Order, Sequence[DemandLine]]:
    """The order as it is once its rows have been read. What becomes of it after that changes them,
    so that whoever acts on what it was is refused, and looks again."""
    rows = _rows(keeper.orders.load(order_id), keeper)
    return keeper.orders.load(order_id), rows


def _hold(order: Order, rows: Iterable[DemandLine], keeper: Keeper, cause: Cause) -> None:
    rows = [row for row in rows if not row.held]
    late = {row.line_id: row for row in rows if row.severity}
    for row in rows:
        if row.component:
            # What it is made into is there.
            held = replace(row, held=True, severity="", expected=None)
            keeper.stock.transact([keeper.demand.change(held), *_unpeg(row, keeper)])
        else:
            told = late.get(row.line_id, row)
            told_of = replace(row, severity=told.severity, expected=told.expected)
            _hold_row(order, told_of, keeper, cause)


def _rows(order: Order, keeper: Keeper) -> Sequence[DemandLine]:
    """What is left of the order's promise: its lines, and what they are made of."""
    components = order.content.promise.components if order.content.promise else ()
    lines = ((line.line_id, line.sku) for line in order.content.lines)
    return keeper.demand.of_order(order.order_id, (*lines, *components))


def _hold_row(order: Order, row: DemandLine, keeper: Keeper, cause: Cause) -> None:
    held = hold(row, _on_shelf(order, row, keeper, cause.at))
    finding = Finding(held, max(part.arrive_by for part in held.parts))
    unpeg = _unpeg(row, keeper)
    if finding.is_news:
        _tell(order, finding, "stock", keeper, cause, unpeg)
    else:
        keeper.stock.transact([keeper.demand.change(held), *unpeg])


def _on_shelf(
    order: Order, row: DemandLine, keeper: Keeper, now: datetime
) -> Iterator[PromisedPart]:
    """The line's parts as its stock is held. From the node that was promised they arrive as was
    promised; those from elsewhere, or which were late, are dated anew."""
    of_node = {part.node: part for part in row.parts}
    schedule = _dated([*of_node, *(node for node, _ in _nodes(order, row))], keeper)
    for node, units in _nodes(order, row):
        part = from_shelf(of_node.get(node, row.parts[-1]), node, units)
        as_promised = node in of_node and not row.severity
        arrival = None if as_promised else schedule(row, part, now)
        if arrival is None:
            yield part
        else:
            day = max(arrival.arrive_by, part.arrive_by)
            yield replace(part, ship_by=arrival.ship_by, arrive_by=day)


def _nodes(order: Order, row: DemandLine) -> list[tuple[str, int]]:
    """Where the units of the line are held."""
    allocated = [
        (allocation.node, allocation.quantity)
        for allocation in order.progress.allocations
        if allocation.line_id == row.line_id and not allocation.component
    ]
    at_work = [
        (fulfillment.node, line.quantity)
        for fulfillment in order.live_fulfillments
        for line in fulfillment.lines
        if line.line_id == row.line_id and not line.component and not fulfillment.has_left
    ]
    return [*allocated, *at_work] or [(part.node, part.quantity) for part in row.parts]


def _peg(row: DemandLine, before: Mapping[str, int], keeper: Keeper) -> list[Write]:
    """What the row waits for more than it did, as far as it is still free."""
    writes = []
    for supply_id, units in sorted(pegged(row).items()):
        more = units - before.get(supply_id, 0)
        supply = keeper.demand.supply(row.sku, supply_id)
        if more > 0 and supply is not None and supply.open - supply.promised >= more:
            writes.append(keeper.demand.peg(supply, more))
    return writes


def _unpeg(row: DemandLine, keeper: Keeper, left: DemandLine | None = None) -> list[Write]:
    """What is promised of a supply is at most what its other lines wait for, and what is ``left``
    of this one. Receipts serve promises first, so that a part of the row's units may have been
    taken off already."""
    writes: list[Write] = []
    for supply_id in sorted(pegged(row)):
        # Before the lines: whoever is promised of it meanwhile changes its version.
        supply = keeper.demand.supply(row.sku, supply_id)
        if supply is None or not supply.promised:
            continue
        others = _promised_to_others(row, supply, keeper)
        others += pegged(left).get(supply_id, 0) if left else 0
        if others < supply.promised:
            writes.append(keeper.demand.set_promised(supply, others))
    return writes


def _promised_to_others(row: DemandLine, supply: Supply, keeper: Keeper) -> int:
    """Lines are read until they account for all that is promised: then nothing is given back."""
    others = 0
    for line in keeper.demand.of_sku(row.sku):
        if (line.order_id, line.line_id) != (row.order_id, row.line_id):
            others += pegged(line).get(supply.id, 0)
        if others >= supply.promised:
            break
    return others


# --- dates ----------------------------------------------------------------------------------


def _schedule(keeper: Keeper, position: Position, lines: Sequence[DemandLine]) -> Schedule:
    nodes = {balance.node for balance in position.balances}
    nodes |= {supply.node for supply in position.supplies}
    nodes |= {part.node for line in lines for part in line.parts}
    return _dated(nodes, keeper)


def _dated(nodes: Iterable[str], keeper: Keeper) -> Schedule:
    """When parts arrive, by the nodes' calendars and the carriers' services."""
    among = {*nodes}
    origins = _Origins(among, keeper)

    def schedule(line: DemandLine, part: PromisedPart, ready_at: datetime) -> Arrival | None:
        origin = origins.of(line).get(part.node)
        leg = _leg(origin, part, ready_at) if origin else None
        return Arrival(leg.leaves, leg.arrives, leg.reach.service.id) if leg else None

    return schedule


def _leg(origin: Origin, part: PromisedPart, ready_at: datetime) -> Leg | None:
    """With the service that was promised, where it goes; else with the fastest."""
    legs = origin.legs(ready_at)
    promised = (leg for leg in legs if leg.reach.service.id == part.service)
    return next(promised, None) or origin.fastest(ready_at)


@dataclass(slots=True)
class _Origins:
    """The nodes as seen from each destination; worked out once for each."""

    among: set[str]
    keeper: Keeper
    _known: dict[tuple[Destination, str], dict[str, Origin]] = field(default_factory=dict)

    def of(self, line: DemandLine) -> dict[str, Origin]:
        key = (line.destination, line.currency)
        if key not in self._known:
            catalog = self.keeper.catalog
            nodes = [node for node in catalog.nodes(self.among) if node.id in self.among]
            found = survey(nodes, catalog.carrier_services(), line.destination, line.currency)
            self._known[key] = {origin.node.id: origin for origin in found.origins}
        return self._known[key]
