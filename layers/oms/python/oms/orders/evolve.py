"""How an event changes an order.

Total and deterministic: deciding is elsewhere. Only the payment's ledger may refuse, and the store
evolves before it writes, so that an event which breaks the ledger is never stored.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import reduce

from oms.kernel.ids import payment_id
from oms.kernel.money import total
from oms.orders import events as happened
from oms.orders import evolve_money, evolve_work
from oms.orders.events import Event
from oms.orders.evolve_money import is_covered
from oms.orders.model import (
    Allocation,
    Content,
    Counts,
    Order,
    Outlook,
    Progress,
    State,
)
from oms.orders.units import by_line, climb, move
from oms.payments import model as ledger
from oms.returns import evolve as evolve_returns


def begin(captured: happened.OrderCaptured) -> Order:
    """The order as its first event leaves it, at version 1."""
    content = captured.content
    return Order(content, _first_progress(content), version=1)


def evolve(order: Order, event: Event) -> Order:
    """The order after ``event``. The version is the store's business: it counts commits."""
    evolved = _CHANGES[type(event)](order, event)
    if isinstance(event, _NEEDS_A_PERSON):
        evolved = evolved.with_progress(exceptions=order.progress.exceptions + 1)
    if isinstance(event, _HOLDS_UP):
        return evolved.with_progress(holdups=order.progress.holdups + 1)
    if evolved.progress.exception and isinstance(event, _MOVES_ON):
        return evolved.with_progress(exception="")
    return evolved


def as_changed(content: Content, progress: Progress) -> Content:
    """What was captured, with what was added and changed since."""
    if not progress.added and progress.address is None:
        return content
    return replace(
        content,
        lines=(*content.lines, *progress.added),
        shipping_address=progress.address or content.shipping_address,
    )


def evolve_all(order: Order, events: Iterable[Event]) -> Order:
    return reduce(evolve, events, order)


def _first_progress(content: Content) -> Progress:
    payments = _payments_of(content)
    if not content.fulfilled_by_channel:
        return Progress(payments=payments, counts=tuple(Counts() for _ in content.lines))
    counts = tuple(Counts(delivered=line.quantity) for line in content.lines)
    return Progress(payments=payments, counts=counts, state=State.COMPLETED)


def _payments_of(content: Content) -> tuple[ledger.Payment, ...]:
    """One for each way the customer pays; that without an amount comes to the rest of the total."""
    named = total([one.amount for one in content.payments if one.amount], content.currency)
    return tuple(
        ledger.Payment(
            id=payment_id(content.order_id, number),
            method=asked.method,
            provider=asked.provider,
            amount=content.total - named if asked.amount is None else asked.amount,
        )
        for number, asked in enumerate(content.payments, start=1)
    )


def _unchanged(order: Order, event: Event) -> Order:
    return order


def _planned(order: Order, event: happened.SourcingPlanned) -> Order:
    return order.with_progress(
        allocations=event.allocations,
        reserving_since=event.at,
        sourcing_rule=event.rule,
        sourcing_reason=event.reason,
        unroutable="",
    )


def _sourced(order: Order, event: happened.OrderSourced) -> Order:
    reserved = by_line(event.allocations)
    counts = tuple(
        replace(counts, reserved=reserved.get(line.line_id, 0), backordered=0)
        for line, counts in zip(order.content.lines, order.progress.counts, strict=True)
    )
    return order.with_progress(
        state=State.AUTHORIZED if _is_paid_for(order) else State.SOURCED,
        counts=counts,
        allocations=event.allocations,
        reserving_since=None,
        sourcing_rule=event.rule,
        sourcing_reason=event.reason,
        slots=event.slots,
        taken_back=False,
        unroutable="",
    )


def _is_paid_for(order: Order) -> bool:
    """What was taken back from an order, or paid while it waited, is not asked for again."""
    return bool(order.payments.authorized) and is_covered(order)


def _backordered(order: Order, event: happened.OrderBackordered) -> Order:
    counts = tuple(
        replace(
            counts,
            backordered=line.quantity - counts.cancelled if line.line_id in event.line_ids else 0,
        )
        for line, counts in zip(order.content.lines, order.progress.counts, strict=True)
    )
    return order.with_progress(
        counts=counts, sourcing_rule="", sourcing_reason=event.reason, unroutable=""
    )


def _backorder_released(order: Order, event: happened.BackorderReleased) -> Order:
    counts = tuple(
        replace(counts, backordered=0) if line.sku in event.skus else counts
        for line, counts in zip(order.content.lines, order.progress.counts, strict=True)
    )
    return order.with_progress(counts=counts)


def _taken_back(order: Order, event: happened.ReservationTakenBack) -> Order:
    counts = tuple(replace(counts, reserved=0) for counts in order.progress.counts)
    return order.with_progress(
        state=State.CAPTURED,
        counts=counts,
        allocations=(),
        sourcing_rule="",
        sourcing_reason=event.reason,
        overdue=0,
        slots=(),
        taken_back=True,
    )


def _out_of_stock(order: Order, event: happened.OrderOutOfStock) -> Order:
    return order.with_progress(sourcing_reason=event.reason)


def _reservation_released(order: Order, event: happened.ReservationReleased) -> Order:
    counts = tuple(replace(counts, reserved=0) for counts in order.progress.counts)
    return order.with_progress(counts=counts, allocations=(), reserving_since=None, slots=())


def _reservation_reduced(order: Order, event: happened.ReservationReduced) -> Order:
    freed: dict[Allocation, int] = {}
    for one in event.allocations:
        alike = replace(one, quantity=0)
        freed[alike] = freed.get(alike, 0) + one.quantity
    left: list[Allocation] = []
    for one in order.progress.allocations:
        alike = replace(one, quantity=0)
        out = min(one.quantity, freed.get(alike, 0))
        freed[alike] = freed.get(alike, 0) - out
        left.append(replace(one, quantity=one.quantity - out))
    order = move(order, by_line(event.allocations), "reserved", "")
    held = tuple(one for one in left if one.quantity)
    nodes = {one.node for one in held}
    slots = tuple(slot for slot in order.progress.slots if slot.node in nodes)
    return order.with_progress(allocations=held, slots=slots)


def _reservation_moved(order: Order, event: happened.ReservationMoved) -> Order:
    return order.with_progress(
        allocations=event.allocations,
        slots=event.slots,
        sourcing_rule=event.rule,
        sourcing_reason=event.reason,
    )


def _units_cancelled(order: Order, event: happened.UnitsCancelled) -> Order:
    waited = {one.line_id: one.quantity for one in event.waited}
    order = move(order, waited, "backordered", "")
    order = move(order, {one.line_id: one.quantity for one in event.units}, "", "cancelled")
    if event.key:
        order = order.with_progress(cancellations=(*order.progress.cancellations, event.key))
    needs_a_node = any(order.open_quantity(index) for index in range(len(order.content.lines)))
    order = order.with_progress(
        cancelled_amount=order.progress.cancelled_amount + event.amount,
        unroutable=order.progress.unroutable if needs_a_node else "",
    )
    if order.state is State.SOURCED and _is_paid_for(order):
        return order.with_progress(state=State.AUTHORIZED)
    return climb(order)


def _lines_added(order: Order, event: happened.LinesAdded) -> Order:
    progress = order.progress
    content = replace(order.content, lines=(*order.content.lines, *event.lines))
    return replace(order, content=content).with_progress(
        added=(*progress.added, *event.lines),
        counts=(*progress.counts, *(Counts() for _ in event.lines)),
        added_amount=progress.added_amount + event.amount,
    )


def _address_changed(order: Order, event: happened.AddressChanged) -> Order:
    """What travels with fulfilments of other orders, to their address, travels alone."""
    content = replace(order.content, shipping_address=event.address)
    parts = tuple(
        part if part.has_left else replace(part, shipment="")
        for part in order.progress.fulfillments
    )
    return replace(order, content=content).with_progress(address=event.address, fulfillments=parts)


def _overdue(order: Order, event: happened.FulfillmentOverdue) -> Order:
    return order.with_progress(overdue=event.times)


def _cancel_requested(order: Order, event: happened.CancelRequested) -> Order:
    return order.with_progress(cancel_reason=event.reason)


def _cancelled(order: Order, event: happened.OrderCancelled) -> Order:
    counts = tuple(
        Counts(cancelled=line.quantity, returned=counts.returned)
        for line, counts in zip(order.content.lines, order.progress.counts, strict=True)
    )
    return order.with_progress(
        state=State.CANCELLED,
        counts=counts,
        allocations=(),
        slots=(),
        unroutable="",
        cancel_reason=event.reason,
        overdue=0,
    )


def _completed(order: Order, event: happened.OrderCompleted) -> Order:
    return order.with_progress(state=State.COMPLETED)


def _exception(order: Order, event: happened.ExceptionRaised) -> Order:
    return order.with_progress(exception=f"{event.step}: {event.error}")


def _resumed(order: Order, event: happened.LifecycleResumed) -> Order:
    return order.with_progress(exception="")


def _endangered(order: Order, event: happened.PromiseInJeopardy) -> Order:
    outlook = replace(
        order.outlook(event.line_id),
        expected=event.expected,
        days_late=event.days_late,
        severity=event.severity,
        reason=event.reason,
        alternative=event.alternative,
    )
    return _with_outlook(order, outlook)


def _restored(order: Order, event: happened.PromiseRestored) -> Order:
    moved = order.outlook(event.line_id).moved
    return _with_outlook(order, Outlook(event.line_id, event.expected, moved=moved))


def _promise_moved(order: Order, event: happened.PromiseMoved) -> Order:
    outlook = Outlook(event.line_id, event.expected, reason=event.reason, moved=event.parts)
    return _with_outlook(order, outlook)


def _with_outlook(order: Order, outlook: Outlook) -> Order:
    others = (each for each in order.progress.outlooks if each.line_id != outlook.line_id)
    return order.with_progress(outlooks=(*others, outlook))


# Events by which an order leaves a point where it needed a person.
_MOVES_ON = (
    happened.OrderSourced,
    happened.OrderReleased,
    happened.OrderCompleted,
    happened.OrderCancelled,
)

_HOLDS_UP = (
    happened.OrderBackordered,
    happened.PaymentPending,
    happened.FulfillmentOverdue,
    happened.DeliveryFailed,
    happened.ExceptionRaised,
    happened.RoutingFailed,
)

_NEEDS_A_PERSON = (
    happened.ExceptionRaised,
    happened.RoutingFailed,
    happened.DeliveryFailed,
    happened.PaymentFailed,
)

_CHANGES: dict[type[Event], Callable[..., Order]] = {
    **evolve_work.CHANGES,
    **evolve_money.CHANGES,
    **evolve_returns.CHANGES,
    happened.OrderCaptured: _unchanged,
    happened.SourcingPlanned: _planned,
    happened.OrderSourced: _sourced,
    happened.OrderBackordered: _backordered,
    happened.BackorderReleased: _backorder_released,
    happened.ReservationTakenBack: _taken_back,
    happened.OrderOutOfStock: _out_of_stock,
    happened.ReservationReleased: _reservation_released,
    happened.ReservationReduced: _reservation_reduced,
    happened.ReservationMoved: _reservation_moved,
    happened.UnitsCancelled: _units_cancelled,
    happened.LinesAdded: _lines_added,
    happened.AddressChanged: _address_changed,
    happened.FulfillmentOverdue: _overdue,
    happened.CancelRequested: _cancel_requested,
    happened.OrderCancelled: _cancelled,
    happened.OrderCompleted: _completed,
    happened.ExceptionRaised: _exception,
    happened.LifecycleResumed: _resumed,
    happened.PromiseInJeopardy: _endangered,
    happened.PromiseRestored: _restored,
    happened.PromiseMoved: _promise_moved,
}
