"""What may happen to an order: ``decide(order, command) -> events``.

Every decision is safe to take twice. A command that has had its effect decides nothing; one that
comes too late is refused with ``Conflict``; while a cancellation is asked for, every step up the
ladder raises ``OrderCancelRequested`` so that the lifecycle turns round.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from dataclasses import replace
from datetime import datetime

from oms.kernel.errors import Conflict, NotFound, OrderCancelRequested, StockTakenBack
from oms.kernel.ids import fulfillment_id
from oms.orders import events as happened
from oms.orders import transitions
from oms.orders.events import Event
from oms.orders.model import (
    Allocation,
    Fulfillment,
    FulfillmentLine,
    FulfillmentState,
    Method,
    Order,
    OutOfStockPolicy,
    Slot,
    State,
    Units,
)
from oms.routing.evidence import Evidence, without_rule

# Shipping writes a commit, and a balance and a ledger entry per line, in one transaction of at
# most 100 writes.
LINES_PER_FULFILLMENT = 45

Events = tuple[Event, ...]
NOTHING: Events = ()

_LADDER = (
    State.CAPTURED,
    State.SOURCED,
    State.AUTHORIZED,
    State.RELEASED,
    State.SHIPPED,
    State.DELIVERED,
    State.COMPLETED,
)


def has_reached(order: Order, state: State) -> bool:
    """Whether the order stands on that rung or above. A cancelled order has reached none."""
    if order.state is State.CANCELLED:
        return False
    return _LADDER.index(order.state) >= _LADDER.index(state)


def turn_round_if_cancelling(order: Order) -> None:
    """Raise ``OrderCancelRequested`` when a step up the ladder is no longer wanted."""
    if order.cancel_requested or order.state is State.CANCELLED:
        raise OrderCancelRequested(order.progress.cancel_reason or "the order is cancelled")


def is_promised(order: Order) -> bool:
    return order.content.promise is not None


# --- sourcing -------------------------------------------------------------------------------


def plan_sourcing(
    order: Order,
    allocations: tuple[Allocation, ...],
    rule: str,
    reason: str,
    at: datetime,
    evidence: Evidence | None = None,
) -> Events:
    if has_reached(order, State.SOURCED) or order.progress.reserving_since:
        return NOTHING
    turn_round_if_cancelling(order)
    kept = without_rule(evidence, rule)
    return (happened.SourcingPlanned(allocations, rule, reason, at, kept),)


def source(
    order: Order,
    allocations: tuple[Allocation, ...],
    rule: str,
    reason: str,
    evidence: Evidence | None = None,
    slots: tuple[Slot, ...] = (),
) -> Events:
    """``slots`` of the nodes' capacity are taken with what is reserved."""
    if has_reached(order, State.SOURCED):
        return NOTHING
    turn_round_if_cancelling(order)
    kept = without_rule(evidence, rule)
    sourced = happened.OrderSourced(
        allocations, rule, reason, is_promised(order), evidence=kept, slots=slots
    )
    return (sourced,)


def leave_rest(
    left: tuple[tuple[str, int], ...], reason: str, *, unroutable: bool
) -> happened.UnitsBackordered | happened.RoutingFailed:
    """Units by line that the rest of the order does not wait for."""
    units = tuple(Units(line_id, quantity) for line_id, quantity in left)
    return (
        happened.RoutingFailed(units, reason)
        if unroutable
        else happened.UnitsBackordered(units, reason)
    )


def fail_routing(
    order: Order, left: tuple[tuple[str, int], ...], reason: str, evidence: Evidence | None
) -> Events:
    """Nothing is reserved, and a person must decide."""
    if has_reached(order, State.SOURCED) or order.progress.unroutable == reason:
        return NOTHING
    turn_round_if_cancelling(order)
    units = tuple(Units(line_id, quantity) for line_id, quantity in left)
    return (*leave_queues(order), happened.RoutingFailed(units, reason, evidence))


def backorder(
    order: Order, line_ids: tuple[str, ...], reason: str, evidence: Evidence | None = None
) -> Events:
    if has_reached(order, State.SOURCED) or order.backordered_lines == line_ids:
        return NOTHING
    turn_round_if_cancelling(order)
    backordered = happened.OrderBackordered(line_ids, reason, is_promised(order), evidence)
    if left := _skus(order, order.backordered_lines) - _skus(order, line_ids):
        return (happened.BackorderReleased(tuple(sorted(left))), backordered)
    return (backordered,)


def run_out_of_stock(order: Order, reason: str, evidence: Evidence | None = None) -> Events:
    if order.progress.sourcing_reason == reason:
        return NOTHING
    turn_round_if_cancelling(order)
    return (happened.OrderOutOfStock(reason, evidence), *leave_queues(order))


def leave_queues(order: Order) -> Events:
    """Wait for stock no more, without having got it."""
    if skus := _skus(order, order.backordered_lines):
        return (happened.BackorderReleased(tuple(sorted(skus))),)
    return NOTHING


def may_be_taken_back(order: Order) -> bool:
    """Whether what the order holds may go to one of higher priority: no node has begun with it, and
    its customer agreed to wait."""
    holds = order.state in (State.SOURCED, State.AUTHORIZED, State.RELEASED)
    works = any(part.state is not FulfillmentState.OPEN for part in order.live_fulfillments)
    stands_still = order.cancel_requested or bool(order.progress.exception)
    waits = order.content.on_out_of_stock is OutOfStockPolicy.BACKORDER
    return holds and waits and not works and not stands_still


def take_back(order: Order, skus: Set[str], reason: str) -> Events:
    """Everything the order holds is free again; it waits for the lines of ``skus``."""
    line_ids = tuple(line.line_id for line in order.content.lines if line.sku in skus)
    if not line_ids or not may_be_taken_back(order):
        return NOTHING
    held = tuple(sorted({line.sku for line in order.content.lines}))
    return (
        *withdraw(order),
        happened.ReservationTakenBack(held, reason),
        happened.OrderBackordered(line_ids, reason, is_promised(order)),
    )


def _skus(order: Order, line_ids: Iterable[str]) -> set[str]:
    return {order.content.line(line_id).sku for line_id in line_ids}


def release_reservation(order: Order) -> Events:
    if not order.progress.allocations:
        return NOTHING
    skus = {allocation.sku for allocation in order.progress.allocations}
    return (happened.ReservationReleased(tuple(sorted(skus))),)


# --- fulfilment -----------------------------------------------------------------------------


def release(order: Order) -> Events:
    """Hand the work to the nodes: one fulfilment for each node that holds a part of the order,
    more when the part has too many lines to leave in one transaction."""
    if has_reached(order, State.RELEASED):
        return NOTHING
    turn_round_if_cancelling(order)
    if order.progress.taken_back:
        raise StockTakenBack("what the order held went to one of higher priority")
    if order.state is not State.AUTHORIZED:
        raise Conflict(f"the order is {order.state}, not authorized", code="not_authorized")
    parts = fulfillments_of(order, order.progress.allocations, order.progress.slots)
    return (happened.OrderReleased(parts, any(part.drop_ship for part in parts)),)


def accept(order: Order, fulfillment: str) -> Events:
    return _advance(order, fulfillment, "accept", happened.FulfillmentAccepted)


def pick(order: Order, fulfillment: str) -> Events:
    return _advance(order, fulfillment, "pick", happened.FulfillmentPicked)


def pack(order: Order, fulfillment: str) -> Events:
    return _advance(order, fulfillment, "pack", happened.FulfillmentPacked)


def ship(
    order: Order, fulfillment: str, carrier: str, tracking_number: str, *, quiet: bool = False
) -> Events:
    found = find_fulfillment(order, fulfillment)
    if found.has_left and found.tracking_number == tracking_number:
        return NOTHING
    if found.has_left and found.tracking_number:
        raise Conflict("the fulfilment was shipped with another tracking number", code="shipped")
    if not may_step(order, found, "ship"):
        return NOTHING
    promised = is_promised(order)
    return (happened.FulfillmentShipped(fulfillment, carrier, tracking_number, promised, quiet),)


def deliver(order: Order, fulfillment: str) -> Events:
    events = _advance(order, fulfillment, "deliver", happened.FulfillmentDelivered)
    if events and find_fulfillment(order, fulfillment).undelivered:
        return (happened.DeliveryRecovered(fulfillment), *events)
    return events


def fail_delivery(order: Order, fulfillment: str, tracking_number: str, outcome: str) -> Events:
    """Says nothing twice, and nothing of what has arrived or has not left."""
    found = find_fulfillment(order, fulfillment)
    told = f"{outcome}: {tracking_number}" in found.undelivered.split(", ")
    if told or found.state is not FulfillmentState.SHIPPED:
        return NOTHING
    return (happened.DeliveryFailed(fulfillment, tracking_number, outcome),)


def withdraw(order: Order) -> Events:
    """Take the work back from the nodes. What has left cannot be withdrawn."""
    return tuple(
        happened.FulfillmentWithdrawn(fulfillment.id, fulfillment.drop_ship)
        for fulfillment in order.live_fulfillments
        if not fulfillment.has_left
    )


def find_fulfillment(order: Order, fulfillment: str) -> Fulfillment:
    """Raises ``NotFound``."""
    found = order.fulfillment(fulfillment)
    if found is None:
        raise NotFound(f"there is no fulfilment {fulfillment}")
    return found


def may_step(order: Order, fulfillment: Fulfillment, step: str) -> bool:
    """False when it is done already; raises ``Conflict`` when the tables do not have it, and while
    the order is being cancelled."""
    if transitions.after(fulfillment.method, fulfillment.state, step) is None:
        return False
    if order.cancel_requested and not fulfillment.has_left:
        raise Conflict("the order is being cancelled", code="cancelling")
    return True


def _advance(order: Order, fulfillment: str, step: str, event: Callable[[str], Event]) -> Events:
    if not may_step(order, find_fulfillment(order, fulfillment), step):
        return NOTHING
    return (event(fulfillment),)


def fulfillments_of(
    order: Order, allocations: Sequence[Allocation], slots: Sequence[Slot]
) -> tuple[Fulfillment, ...]:
    """The work of each node, numbered on; its first takes the slot that was taken there."""
    first = len(order.progress.fulfillments) + 1
    free = list(slots)
    found: list[Fulfillment] = []
    for number, part in enumerate(_work(order, allocations), start=first):
        slot = next((slot for slot in free if slot.node == part.node), None)
        if slot:
            free.remove(slot)
        found.append(replace(part, id=fulfillment_id(order.order_id, number), slot=slot))
    return tuple(found)


def _work(order: Order, allocations: Sequence[Allocation]) -> Iterator[Fulfillment]:
    """By node, place of handing over, and who makes or sends it; each without its id."""
    kinds = sorted({_kind(order, allocation) for allocation in allocations})
    for kind in kinds:
        node, hand_over_at, drop_ship, make = kind
        method = Method.SHIP
        if hand_over_at:
            method = Method.PICKUP if hand_over_at == node else Method.SHIP_TO_STORE
        lines = [_work_line(order, one) for one in allocations if _kind(order, one) == kind]
        for part in _shippable_at_once(lines):
            yield Fulfillment(
                "",
                node,
                part,
                method=method,
                hand_over_at=hand_over_at,
                drop_ship=drop_ship,
                make=make,
            )


def _kind(order: Order, allocation: Allocation) -> tuple[str, str, bool, bool]:
    line = order.content.line(allocation.line_id)
    return (allocation.node, line.pickup_node, allocation.drop_ship, allocation.make)


def _work_line(order: Order, allocation: Allocation) -> FulfillmentLine:
    return FulfillmentLine(
        allocation.line_id,
        allocation.quantity,
        allocation.tracked,
        allocation.take_back,
        allocation.counter,
        allocation.component,
        allocation.sku if allocation.component else "",
        allocation.effort,
    )


def _shippable_at_once(
    lines: Sequence[FulfillmentLine],
) -> Iterator[tuple[FulfillmentLine, ...]]:
    part: list[FulfillmentLine] = []
    for line in lines:
        if balances_of([*part, line]) > LINES_PER_FULFILLMENT:
            yield tuple(part)
            part = []
        part.append(line)
    yield tuple(part)


def balances_of(lines: Iterable[FulfillmentLine]) -> int:
    """How many balances move when these leave, of which there are ``LINES_PER_FULFILLMENT`` at the
    most. Units of a further counter may have to be shipped from two: what is left there, and what
    was gathered meanwhile."""
    return sum(2 if line.counter else 1 for line in lines)


# --- cancelling and exceptions --------------------------------------------------------------


def request_cancel(order: Order, reason: str) -> Events:
    """Allowed until something has left a node. The lifecycle then walks every step back."""
    if order.cancel_requested or order.state is State.CANCELLED:
        return NOTHING
    if order.content.fulfilled_by_channel:
        raise Conflict("the channel fulfilled this order itself", code="not_cancellable")
    if any(fulfillment.has_left for fulfillment in order.progress.fulfillments):
        raise Conflict(
            "a part of the order has been shipped",
            code="not_cancellable",
            context={"state": order.state, "allowed": ["return"]},
        )
    if order.progress.exception:
        # Nothing runs that could turn round, so the way down begins anew.
        return (happened.CancelRequested(reason), happened.LifecycleResumed())
    return (happened.CancelRequested(reason),)


def warn_overdue(order: Order) -> Events:
    if order.state is not State.RELEASED and order.state is not State.SHIPPED:
        return NOTHING
    return (happened.FulfillmentOverdue(order.progress.overdue + 1),)


def raise_exception(order: Order, step: str, error: str) -> Events:
    if order.progress.exception == f"{step}: {error}":
        return NOTHING
    return (happened.ExceptionRaised(step, error),)


def resume(order: Order) -> Events:
    """Start an order's lifecycle again after a person has removed what it stumbled over."""
    if not order.progress.exception:
        raise Conflict(
            f"the order is {order.status}; only one in exception is resumed",
            code="not_in_exception",
        )
    return (happened.LifecycleResumed(),)


# --- promises -------------------------------------------------------------------------------


def endanger(order: Order, jeopardy: happened.PromiseInJeopardy) -> Events:
    """Said once for each day that is expected: the same again is nothing new."""
    if _is_settled(order, jeopardy.line_id):
        return NOTHING
    told = order.outlook(jeopardy.line_id)
    if (told.expected, told.severity) == (jeopardy.expected, jeopardy.severity):
        return NOTHING
    return (jeopardy,)


def restore_promise(order: Order, restored: happened.PromiseRestored) -> Events:
    if _is_settled(order, restored.line_id) or not order.outlook(restored.line_id).severity:
        return NOTHING
    return (restored,)


def move_promise(order: Order, moved: happened.PromiseMoved) -> Events:
    """Whoever was told that the line is late is told that it is not."""
    told = order.outlook(moved.line_id)
    if _is_settled(order, moved.line_id) or told.moved == moved.parts:
        return NOTHING
    if told.severity:
        return (happened.PromiseRestored(moved.line_id, moved.promised, moved.expected), moved)
    return (moved,)


def _is_settled(order: Order, line_id: str) -> bool:
    """Whether nothing can be promised any more of a line: it has left, or is not going to."""
    if order.cancel_requested or order.state in (State.COMPLETED, State.CANCELLED):
        return True
    return all(
        counts.shipped + counts.delivered + counts.cancelled + counts.returned >= line.quantity
        for line, counts in zip(order.content.lines, order.progress.counts, strict=True)
        if line.line_id == line_id
    )
