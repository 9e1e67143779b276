"""How an event changes an order.

Total and deterministic: deciding is elsewhere. Only the payment's ledger may refuse, and the store
evolves before it writes, so that an event which breaks the ledger is never stored.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import reduce

from oms.kernel.ids import payment_id
from oms.kernel.money import Money
from oms.orders import events as happened
from oms.orders.events import Event
from oms.orders.model import (
    Allocation,
    Content,
    Counts,
    Fulfillment,
    FulfillmentLine,
    FulfillmentState,
    Order,
    Outlook,
    Progress,
    Refund,
    Rejection,
    State,
    Units,
)
from oms.orders.parts import divide
from oms.payments import model as ledger


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
    payment = ledger.Payment(
        id=payment_id(content.order_id, 1),
        method=content.payment.method,
        provider=content.payment.provider,
        amount=content.total,
    )
    if not content.fulfilled_by_channel:
        return Progress(payment=payment, counts=tuple(Counts() for _ in content.lines))
    counts = tuple(Counts(delivered=line.quantity) for line in content.lines)
    return Progress(payment=payment, counts=counts, state=State.COMPLETED)


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
    reserved = _by_line(event.allocations)
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


def _by_line(allocations: Iterable[Allocation]) -> dict[str, int]:
    """Units of each line; components are none."""
    units: dict[str, int] = {}
    for allocation in allocations:
        if not allocation.component:
            units[allocation.line_id] = units.get(allocation.line_id, 0) + allocation.quantity
    return units


def _is_paid_for(order: Order) -> bool:
    """What was taken back from an order, or paid while it waited, is not asked for again."""
    return bool(order.payment.authorized) and order.payment.authorized >= order.due


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


def _money(order: Order, minor: int) -> Money:
    return Money(minor, order.content.currency)


def _payment_pending(order: Order, event: happened.PaymentPending) -> Order:
    payment = ledger.record_pending(
        order.payment, event.reference, event.key, event.expires_at, event.instructions
    )
    return order.with_progress(payment=payment)


def _payment_authorized(order: Order, event: happened.PaymentAuthorized) -> Order:
    payment = ledger.record_authorization(
        order.payment, _money(order, event.amount), event.reference, event.key
    )
    covered = payment.authorized >= order.due
    state = State.AUTHORIZED if order.state is State.SOURCED and covered else order.state
    return order.with_progress(payment=payment, state=state)


def _payment_declined(order: Order, event: happened.PaymentDeclined) -> Order:
    payment = ledger.record_decline(order.payment, event.code, event.key)
    return order.with_progress(payment=payment)


def _payment_captured(order: Order, event: happened.PaymentCaptured) -> Order:
    payment = ledger.record_capture(
        order.payment, _money(order, event.amount), event.reference, event.key
    )
    return order.with_progress(payment=payment)


def _payment_voided(order: Order, event: happened.PaymentVoided) -> Order:
    payment = ledger.record_void(
        order.payment, event.reference, event.key, _money(order, event.amount)
    )
    return order.with_progress(payment=payment)


def _refund_requested(order: Order, event: happened.RefundRequested) -> Order:
    payment = ledger.request_refund(
        order.payment,
        _money(order, event.amount),
        event.refund_id,
        f"{event.refund_id}:requested",
    )
    refund = Refund(event.refund_id, event.amount, reason=event.reason)
    return order.with_progress(payment=payment, refunds=(*order.progress.refunds, refund))


def _payment_refunded(order: Order, event: happened.PaymentRefunded) -> Order:
    payment = ledger.record_refund(
        order.payment, _money(order, event.amount), event.refund_id, event.key
    )
    return _with_refund_state(order.with_progress(payment=payment), event.refund_id, "refunded")


def _refund_failed(order: Order, event: happened.RefundFailed) -> Order:
    payment = ledger.record_refund_failure(order.payment, event.refund_id, event.key)
    return _with_refund_state(order.with_progress(payment=payment), event.refund_id, "failed")


def _with_refund_state(order: Order, refund_id: str, state: str) -> Order:
    return order.with_progress(
        refunds=tuple(
            replace(refund, state=state) if refund.id == refund_id else refund
            for refund in order.progress.refunds
        )
    )


def _released(order: Order, event: happened.OrderReleased) -> Order:
    counts = tuple(
        replace(counts, reserved=0, released=counts.released + counts.reserved)
        for counts in order.progress.counts
    )
    return order.with_progress(
        state=State.RELEASED,
        counts=counts,
        allocations=(),
        slots=(),
        fulfillments=(*order.progress.fulfillments, *event.fulfillments),
    )


def _moved(
    state: FulfillmentState,
) -> Callable[[Order, happened.FulfillmentAccepted], Order]:
    def change(order: Order, event: happened.FulfillmentAccepted) -> Order:
        return _with_fulfillment(order, event.fulfillment_id, state=state)

    return change


def _shipped(order: Order, event: happened.FulfillmentShipped) -> Order:
    order = _with_fulfillment(
        order,
        event.fulfillment_id,
        state=FulfillmentState.SHIPPED,
        carrier=event.carrier,
        tracking_number=event.tracking_number,
    )
    return _climb(_move_units(order, event.fulfillment_id, "released", "shipped"))


def _delivered(order: Order, event: happened.FulfillmentDelivered) -> Order:
    order = _with_fulfillment(order, event.fulfillment_id, state=FulfillmentState.DELIVERED)
    return _climb(_move_units(order, event.fulfillment_id, "shipped", "delivered"))


def _delivery_failed(order: Order, event: happened.DeliveryFailed) -> Order:
    told = _found(order, event.fulfillment_id).undelivered
    failed = f"{event.outcome}: {event.tracking_number}"
    undelivered = f"{told}, {failed}" if told else failed
    return _with_fulfillment(order, event.fulfillment_id, undelivered=undelivered)


def _delivery_recovered(order: Order, event: happened.DeliveryRecovered) -> Order:
    return _with_fulfillment(order, event.fulfillment_id, undelivered="")


def _climb(order: Order) -> Order:
    """Up the ladder, as far as the slowest part has come; not while any unit has no node."""
    live = order.live_fulfillments
    if not live or order.unrouted or order.state not in (State.RELEASED, State.SHIPPED):
        return order
    if all(part.state is FulfillmentState.DELIVERED for part in live):
        return order.with_progress(state=State.DELIVERED)
    if order.state is State.RELEASED and all(part.has_left for part in live):
        return order.with_progress(state=State.SHIPPED, overdue=0)
    return order


def _withdrawn(order: Order, event: happened.FulfillmentWithdrawn) -> Order:
    """The node no longer has the work; its units are still reserved there."""
    withdrawn = order.fulfillment(event.fulfillment_id)
    assert withdrawn is not None
    order = _with_fulfillment(
        order, withdrawn.id, state=FulfillmentState.WITHDRAWN, pickup_until=None, slot=None
    )
    order = _move_units(order, withdrawn.id, "released", "reserved")
    return order.with_progress(
        allocations=(*order.progress.allocations, *allocations_of(order, withdrawn))
    )


# --- what changes after the release ------------------------------------------------------------


def _rejected(order: Order, event: happened.FulfillmentRejected) -> Order:
    order = _take_out(order, event.fulfillment_id, event.units, FulfillmentState.REJECTED)
    progress = order.progress
    said_no = (
        rejection
        for one in event.units
        if (rejection := Rejection(one.line_id, event.node, event.reason))
        not in progress.rejections
    )
    return order.with_progress(
        rejections=(*progress.rejections, *said_no), rounds=progress.rounds + 1
    )


def _reduced(order: Order, event: happened.FulfillmentReduced) -> Order:
    return _take_out(order, event.fulfillment_id, event.units, FulfillmentState.CANCELLED)


def _take_out(
    order: Order, fulfillment_id: str, units: Iterable[Units], end: FulfillmentState
) -> Order:
    """Units are open again; of a fulfilment that keeps none the lines stay, as what it was."""
    found = _found(order, fulfillment_id)
    taken = {one.line_id: one.quantity for one in units}
    rest, _ = divide(found.lines, taken)
    if any(not line.component for line in rest):
        order = _with_fulfillment(order, found.id, lines=rest)
    else:
        order = _with_fulfillment(order, found.id, state=end, pickup_until=None, slot=None)
    return _move(order, taken, "released", "")


def _split(order: Order, event: happened.FulfillmentSplit) -> Order:
    found = _found(order, event.fulfillment_id)
    rest, _ = divide(found.lines, event.part.units)
    order = _with_fulfillment(order, found.id, lines=rest)
    return _with_new(order, (event.part,))


def _merged(order: Order, event: happened.FulfillmentsMerged) -> Order:
    into = _found(order, event.fulfillment_id)
    lines = list(into.lines)
    for other in event.merged:
        lines += _found(order, other).lines
        order = _with_fulfillment(order, other, state=FulfillmentState.MERGED, slot=None)
    return _with_fulfillment(order, into.id, lines=_joined(lines))


def _joined(lines: Iterable[FulfillmentLine]) -> tuple[FulfillmentLine, ...]:
    """One for each line and counter, in the order in which they come; what making takes adds up."""
    joined: dict[FulfillmentLine, FulfillmentLine] = {}
    for line in lines:
        alike = replace(line, quantity=0, effort=())
        before = joined.get(alike, alike)
        joined[alike] = replace(
            before,
            quantity=before.quantity + line.quantity,
            effort=(*before.effort, *line.effort),
        )
    return tuple(joined.values())


def _moved_away(order: Order, event: happened.FulfillmentMoved) -> Order:
    order = _with_fulfillment(order, event.fulfillment_id, state=FulfillmentState.MOVED, slot=None)
    return _with_new(order, (event.part,))


def _ready(order: Order, event: happened.FulfillmentReady) -> Order:
    return _with_fulfillment(
        order,
        event.fulfillment_id,
        state=FulfillmentState.READY,
        pickup_until=event.pickup_until,
    )


def _handed_over(order: Order, event: happened.FulfillmentHandedOver) -> Order:
    here = "shipped" if _found(order, event.fulfillment_id).has_left else "released"
    order = _with_fulfillment(
        order, event.fulfillment_id, state=FulfillmentState.DELIVERED, pickup_until=None
    )
    return _climb(_move_units(order, event.fulfillment_id, here, "delivered"))


def _uncollected(order: Order, event: happened.FulfillmentUncollected) -> Order:
    here = "shipped" if _found(order, event.fulfillment_id).has_left else "released"
    order = _with_fulfillment(
        order,
        event.fulfillment_id,
        state=FulfillmentState.UNCOLLECTED,
        pickup_until=None,
        slot=None,
    )
    return _move_units(order, event.fulfillment_id, here, "")


def _joins(order: Order, event: happened.ShipmentJoined) -> Order:
    return _with_fulfillment(order, event.fulfillment_id, shipment=event.shipment)


def _routed(order: Order, event: happened.UnitsRouted) -> Order:
    waited = {one.line_id: one.quantity for one in event.waited}
    order = _move(order, waited, "backordered", "")
    for part in event.fulfillments:
        order = _move(order, part.units, "", "released")
    return _with_new(order, event.fulfillments).with_progress(unroutable="")


def _units_backordered(order: Order, event: happened.UnitsBackordered) -> Order:
    units = {one.line_id: one.quantity for one in event.units}
    return _move(order, units, "", "backordered").with_progress(unroutable="")


def _unroutable(order: Order, event: happened.RoutingFailed) -> Order:
    return order.with_progress(unroutable=event.reason)


def _resolved(order: Order, event: happened.RoutingResolved) -> Order:
    if event.forgotten:
        return order.with_progress(unroutable="", rejections=(), rounds=0)
    return order.with_progress(unroutable="")


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
    order = _move(order, _by_line(event.allocations), "reserved", "")
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
    order = _move(order, waited, "backordered", "")
    order = _move(order, {one.line_id: one.quantity for one in event.units}, "", "cancelled")
    if event.key:
        order = order.with_progress(cancellations=(*order.progress.cancellations, event.key))
    needs_a_node = any(order.open_quantity(index) for index in range(len(order.content.lines)))
    order = order.with_progress(
        cancelled_amount=order.progress.cancelled_amount + event.amount,
        unroutable=order.progress.unroutable if needs_a_node else "",
    )
    if order.state is State.SOURCED and _is_paid_for(order):
        return order.with_progress(state=State.AUTHORIZED)
    return _climb(order)


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


def _payment_deferred(order: Order, event: happened.PaymentDeferred) -> Order:
    return order.with_progress(state=State.AUTHORIZED)


def _payment_collected(order: Order, event: happened.PaymentCollected) -> Order:
    payment = ledger.record_collection(
        order.payment, _money(order, event.amount), event.reference, event.key
    )
    return order.with_progress(payment=payment)


def _with_new(order: Order, parts: Iterable[Fulfillment]) -> Order:
    return order.with_progress(fulfillments=(*order.progress.fulfillments, *parts))


def _found(order: Order, fulfillment_id: str) -> Fulfillment:
    found = order.fulfillment(fulfillment_id)
    assert found is not None
    return found


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


def allocations_of(
    order: Order, fulfillment: Fulfillment, lines: Iterable[FulfillmentLine] | None = None
) -> tuple[Allocation, ...]:
    """What a fulfilment holds of its node's stock, or what some of its ``lines`` do."""
    return tuple(
        Allocation(
            line.line_id,
            line.sku or order.content.line(line.line_id).sku,
            fulfillment.node,
            line.quantity,
            tracked=line.tracked,
            take_back=line.take_back,
            counter=line.counter,
            drop_ship=fulfillment.drop_ship,
            make=fulfillment.make,
            component=line.component,
            effort=line.effort,
        )
        for line in (fulfillment.lines if lines is None else lines)
    )


def _with_fulfillment(order: Order, fulfillment_id: str, **changes: object) -> Order:
    return order.with_progress(
        fulfillments=tuple(
            replace(fulfillment, **changes)  # type: ignore[arg-type]
            if fulfillment.id == fulfillment_id
            else fulfillment
            for fulfillment in order.progress.fulfillments
        )
    )


def _move_units(order: Order, fulfillment_id: str, here: str, there: str) -> Order:
    return _move(order, _found(order, fulfillment_id).units, here, there)


def _move(order: Order, units: Mapping[str, int], here: str, there: str) -> Order:
    """Units by line from one counter to another; no name stands for what is open."""
    counts = tuple(
        _moved_counts(counts, units.get(line.line_id, 0), here, there)
        for line, counts in zip(order.content.lines, order.progress.counts, strict=True)
    )
    return order.with_progress(counts=counts)


def _moved_counts(counts: Counts, units: int, here: str, there: str) -> Counts:
    changes = {}
    if units and here:
        changes[here] = getattr(counts, here) - units
    if units and there:
        changes[there] = getattr(counts, there) + units
    return replace(counts, **changes) if changes else counts


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

_NEEDS_A_PERSON = (happened.ExceptionRaised, happened.RoutingFailed, happened.DeliveryFailed)

_CHANGES: dict[type[Event], Callable[..., Order]] = {
    happened.OrderCaptured: _unchanged,
    happened.SourcingPlanned: _planned,
    happened.OrderSourced: _sourced,
    happened.OrderBackordered: _backordered,
    happened.BackorderReleased: _backorder_released,
    happened.ReservationTakenBack: _taken_back,
    happened.OrderOutOfStock: _out_of_stock,
    happened.ReservationReleased: _reservation_released,
    happened.PaymentPending: _payment_pending,
    happened.PaymentAuthorized: _payment_authorized,
    happened.PaymentDeclined: _payment_declined,
    happened.PaymentCaptured: _payment_captured,
    happened.VoidRequested: _unchanged,
    happened.PaymentVoided: _payment_voided,
    happened.RefundRequested: _refund_requested,
    happened.PaymentRefunded: _payment_refunded,
    happened.RefundFailed: _refund_failed,
    happened.OrderReleased: _released,
    happened.FulfillmentAccepted: _moved(FulfillmentState.ACCEPTED),
    happened.FulfillmentPicked: _moved(FulfillmentState.PICKED),
    happened.FulfillmentPacked: _moved(FulfillmentState.PACKED),
    happened.FulfillmentShipped: _shipped,
    happened.FulfillmentDelivered: _delivered,
    happened.DeliveryFailed: _delivery_failed,
    happened.DeliveryRecovered: _delivery_recovered,
    happened.FulfillmentWithdrawn: _withdrawn,
    happened.FulfillmentRejected: _rejected,
    happened.FulfillmentReduced: _reduced,
    happened.FulfillmentSplit: _split,
    happened.FulfillmentsMerged: _merged,
    happened.FulfillmentMoved: _moved_away,
    happened.FulfillmentReady: _ready,
    happened.FulfillmentHandedOver: _handed_over,
    happened.FulfillmentUncollected: _uncollected,
    happened.ShipmentJoined: _joins,
    happened.UnitsRouted: _routed,
    happened.UnitsBackordered: _units_backordered,
    happened.RoutingFailed: _unroutable,
    happened.RoutingResolved: _resolved,
    happened.ReservationReduced: _reservation_reduced,
    happened.ReservationMoved: _reservation_moved,
    happened.UnitsCancelled: _units_cancelled,
    happened.LinesAdded: _lines_added,
    happened.AddressChanged: _address_changed,
    happened.PaymentDeferred: _payment_deferred,
    happened.PaymentCollected: _payment_collected,
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
