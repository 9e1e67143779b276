"""An order goes to another address.

What no node has begun with, and what is only reserved, is looked at again: where the policy would
now choose other nodes it is given back and routed to these, and everything else stays where it is.
What a node works on, a supplier sends or a node makes goes to the new address from there; what was
promised stays with the nodes it was promised from. Lines that are handed over at a store are not
concerned.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from oms.kernel.errors import Conflict, StockContended, VersionConflict
from oms.kernel.events import Cause
from oms.kernel.writes import Write
from oms.orders import decisions, work
from oms.orders import events as happened
from oms.orders.events import Event
from oms.orders.evolve import evolve_all
from oms.orders.freeing import freed, held_anew
from oms.orders.model import (
    Address,
    Allocation,
    Fulfillment,
    FulfillmentState,
    Method,
    Order,
    Slot,
    State,
)
from oms.orders.needs import needs_of
from oms.orders.rerouting import Router
from oms.orders.routing import Situation, decide, look, placed, said_no
from oms.orders.slots import nodes_of
from oms.orders.units import allocations_of
from oms.routing.capacity import takings
from oms.routing.engine import Decision
from oms.routing.model import Available

_ATTEMPTS = 4
_WRITES_BESIDE = 99
_CLOSED = (State.DELIVERED, State.COMPLETED, State.CANCELLED)
_RESERVED = (State.SOURCED, State.AUTHORIZED)
# From here on the label is made, or the parcel is under way.
_TOO_LATE = (FulfillmentState.PACKED, FulfillmentState.SHIPPED)

Place = tuple[str, str]  # a line's id, and a node


@dataclass(frozen=True, slots=True)
class _Change:
    """What happens, and what is written with it."""

    events: tuple[Event, ...]
    writes: Sequence[Write] = field(default=())


def change_address(order_id: str, address: Address, router: Router, cause: Cause) -> Order:
    """The same address again changes nothing. Raises ``NotFound``, and ``Conflict``
    (``address_too_late`` once a parcel to the customer is packed or has left; ``cancelling``)."""
    for attempt in range(1, _ATTEMPTS + 1):
        order = router.orders.load(order_id)
        if order.content.shipping_address == address:
            return order
        _refuse_too_late(order)
        change = _change(order, address, router, cause)
        try:
            return router.orders.commit(order, change.events, cause, change.writes)
        except (StockContended, VersionConflict):
            if attempt == _ATTEMPTS:
                raise
    raise AssertionError("unreachable")


def _refuse_too_late(order: Order) -> None:
    if order.cancel_requested:
        raise Conflict("the order is being cancelled", code="cancelling")
    if order.content.fulfilled_by_channel or order.state in _CLOSED:
        raise Conflict(
            f"the order is {order.state}",
            code="address_too_late",
            context={"state": order.state},
        )
    for part in order.live_fulfillments:
        if part.method is Method.SHIP and part.state in _TOO_LATE:
            raise Conflict(
                f"{part.id} is {part.state} already",
                code="address_too_late",
                context={"fulfillment": part.id, "state": part.state},
            )
    if order.progress.reserving_since:
        raise StockContended("the order is being reserved at this moment")


def _change(order: Order, address: Address, router: Router, cause: Cause) -> _Change:
    supplied = any(part.drop_ship for part in order.live_fulfillments)
    promised = decisions.is_promised(order)
    changed = happened.AddressChanged(address, supplied, promised)
    alone = _Change((changed,))
    if promised:
        return alone
    if order.state in _RESERVED:
        change = _reserved_elsewhere(order, changed, router, cause)
    else:
        change = _taken_from_nodes(order, changed, router, cause)
    if change is None or len(change.writes) > _WRITES_BESIDE:
        return alone
    return change


# --- after the release ----------------------------------------------------------------------


def _taken_from_nodes(
    order: Order, changed: happened.AddressChanged, router: Router, cause: Cause
) -> _Change | None:
    """Open work that would be another node's now is given back; whoever hears of the change routes
    it again."""
    parts = [part for part in order.live_fulfillments if _may_move(part)]
    held = [one for part in parts for one in allocations_of(order, part)]
    found = _answer(order, changed, held, router, cause)
    if found is None:
        return None
    now = found[1].allocations
    leave = [part for part in parts if not _is_kept(allocations_of(order, part), now)]
    if not leave:
        return None
    reduced = (happened.FulfillmentReduced(part.id, work.as_units(part.units)) for part in leave)
    allocations = [one for part in leave for one in allocations_of(order, part)]
    events: tuple[Event, ...] = (_freeing(changed, allocations), *reduced)
    return _Change(events, freed(order, events, allocations, router.stock, cause))


def _may_move(part: Fulfillment) -> bool:
    elsewhere = part.drop_ship or part.make or part.method is not Method.SHIP
    return part.state is FulfillmentState.OPEN and not elsewhere


def _is_kept(held: Iterable[Allocation], answer: Iterable[Allocation]) -> bool:
    """Whether all of it would come from where it is."""
    now = _places(answer)
    return all(now.get(place, 0) >= units for place, units in _places(held).items())


# --- before the release ---------------------------------------------------------------------


def _reserved_elsewhere(
    order: Order, changed: happened.AddressChanged, router: Router, cause: Cause
) -> _Change | None:
    """What is reserved moves to the nodes that the policy would choose now, in one transaction."""
    lines = {line.line_id for line in order.content.lines if line.method is Method.SHIP}
    allocations = order.progress.allocations
    held = [one for one in allocations if one.line_id in lines]
    if any(one.drop_ship or one.make for one in held):
        return None
    found = _answer(order, changed, held, router, cause)
    if found is None or any(one.drop_ship or one.make for one in found[1].allocations):
        return None
    seen, answer = found
    kept, gone, more = _compared(held, answer.allocations)
    if not gone:
        return None
    stock, new = router.stock, placed(order, more, seen.positions)
    if _balances(gone) & _balances(new):
        # Lines of one item would change places, and their balance would move twice.
        return None
    others = [one for one in allocations if one.line_id not in lines]
    after = (*others, *kept, *new)
    slots, slot_writes = _slots(order, after, seen, router, cause)
    moved = happened.ReservationMoved(after, answer.rule, answer.reason, slots, answer.evidence)
    events = (_freeing(changed, gone), moved)
    writes = [
        *stock.unreserve(needs_of(gone), order.order_id, cause),
        *stock.reserve(needs_of(new), order.order_id, cause),
        *held_anew(evolve_all(order, events), [*gone, *new], stock),
        *slot_writes,
    ]
    return _Change(events, writes)


def _compared(
    held: Sequence[Allocation], wanted: Sequence[Allocation]
) -> tuple[list[Allocation], list[Allocation], list[Allocation]]:
    """What stays where it is held, what is given back, and what is taken."""
    left = Counter[Place](_places(wanted))
    kept, gone, new = list[Allocation](), list[Allocation](), list[Allocation]()
    for one in held:
        stay = min(one.quantity, left[one.line_id, one.node])
        left[one.line_id, one.node] -= stay
        if stay:
            kept.append(replace(one, quantity=stay))
        if stay < one.quantity:
            gone.append(replace(one, quantity=one.quantity - stay))
    for one in wanted:
        take = min(one.quantity, left[one.line_id, one.node])
        left[one.line_id, one.node] -= take
        if take:
            new.append(replace(one, quantity=take))
    return kept, gone, new


def _balances(allocations: Iterable[Allocation]) -> set[tuple[str, str, int]]:
    return {(need.sku, need.node, need.counter) for need in needs_of(allocations)}


def _slots(
    order: Order, after: Sequence[Allocation], seen: Situation, router: Router, cause: Cause
) -> tuple[tuple[Slot, ...], list[Write]]:
    """Of nodes that keep work their slots, of new ones theirs; the others are free."""
    nodes = {one.node for one in after}
    before = order.progress.slots
    kept = tuple(slot for slot in before if slot.node in nodes)
    free = [slot for slot in before if slot.node not in nodes]
    begin = nodes - {one.node for one in order.progress.allocations}
    found = nodes_of(begin, router.catalog) if begin else []
    taking = takings(found, seen.prospect.loads, cause.at)
    capacity = router.stock.capacity
    writes = [*capacity.give_back(free), *capacity.take(taking)]
    return (*kept, *(one.slot for one in taking)), writes


# --- what the policy would choose now -------------------------------------------------------


def _answer(
    order: Order,
    changed: happened.AddressChanged,
    held: Sequence[Allocation],
    router: Router,
    cause: Cause,
) -> tuple[Situation, Decision] | None:
    """For what is ``held``, as if it were not; None when not all of it would have a node."""
    if not held:
        return None
    seen = _seen(order, changed, held, router, cause)
    there = evolve_all(order, (changed,))
    decision = decide(there, seen, cause.at, excluded=said_no(order))
    return None if decision.left else (seen, decision)


def _seen(
    order: Order,
    changed: happened.AddressChanged,
    held: Sequence[Allocation],
    router: Router,
    cause: Cause,
) -> Situation:
    units: dict[str, int] = {}
    for one in held:
        units[one.line_id] = units.get(one.line_id, 0) + one.quantity
    there = evolve_all(order, (changed,))
    seen = look(
        there, units, router.stock, router.catalog, router.policies, cause.at, consistent=True
    )
    own = Counter[tuple[str, str]]()
    for one in held:
        own[one.node, one.sku] += one.quantity
    candidates = [
        Available(
            each.node, {sku: have + own[each.node.id, sku] for sku, have in each.units.items()}
        )
        for each in seen.prospect.candidates
    ]
    return replace(seen, prospect=replace(seen.prospect, candidates=candidates))


def _freeing(
    changed: happened.AddressChanged, allocations: Iterable[Allocation]
) -> happened.AddressChanged:
    """Who waits for what lies at these nodes is told."""
    return replace(changed, skus=tuple(sorted({one.sku for one in allocations if one.tracked})))


def _places(allocations: Iterable[Allocation]) -> dict[Place, int]:
    units: dict[Place, int] = {}
    for one in allocations:
        place = (one.line_id, one.node)
        units[place] = units.get(place, 0) + one.quantity
    return units
