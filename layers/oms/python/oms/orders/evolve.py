"""How an event changes an order.

Total and deterministic: deciding is elsewhere. Only the payment's ledger may refuse, and the store
evolves before it writes, so that an event which breaks the ledger is never stored.
"""

from collections.abc import Callable, Iterable
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
    FulfillmentState,
    Order,
    Outlook,
    Progress,
    Refund,
    State,
)
from oms.payments import model as ledger


def begin(captured: happened.OrderCaptured) -> Order:
    """The order as its first event leaves it, at version 1."""
    content = captured.content
    return Order(content, _first_progress(content), version=1)


def evolve(order: Order, event: Event) -> Order:
    """The order after ``event``. The version is the store's business: it counts commits."""
    evolved = _CHANGES[type(event)](order, event)
    if isinstance(event, _HOLDS_UP):
        return evolved.with_progress(holdups=order.progress.holdups + 1)
    if evolved.progress.exception and isinstance(event, _MOVES_ON):
        return evolved.with_progress(exception="")
    return evolved


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
    )


def _sourced(order: Order, event: happened.OrderSourced) -> Order:
    reserved = {line.line_id: 0 for line in order.content.lines}
    for allocation in event.allocations:
        reserved[allocation.line_id] += allocation.quantity
    counts = tuple(
        replace(counts, reserved=reserved[line.line_id], backordered=0)
        for line, counts in zip(order.content.lines, order.progress.counts, strict=True)
    )
    return order.with_progress(
        state=State.AUTHORIZED if _is_paid_for(order) else State.SOURCED,
        counts=counts,
        allocations=event.allocations,
        reserving_since=None,
        sourcing_rule=event.rule,
        sourcing_reason=event.reason,
        taken_back=False,
    )


def _is_paid_for(order: Order) -> bool:
    """What was taken back from an order, or paid while it waited, is not asked for again."""
    return bool(order.payment.authorized) and order.payment.authorized >= order.content.total


def _backordered(order: Order, event: happened.OrderBackordered) -> Order:
    counts = tuple(
        replace(counts, backordered=line.quantity if line.line_id in event.line_ids else 0)
        for line, counts in zip(order.content.lines, order.progress.counts, strict=True)
    )
    return order.with_progress(counts=counts, sourcing_rule="", sourcing_reason=event.reason)


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
        taken_back=True,
    )


def _out_of_stock(order: Order, event: happened.OrderOutOfStock) -> Order:
    return order.with_progress(sourcing_reason=event.reason)


def _reservation_released(order: Order, event: happened.ReservationReleased) -> Order:
    counts = tuple(replace(counts, reserved=0) for counts in order.progress.counts)
    return order.with_progress(counts=counts, allocations=(), reserving_since=None)


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
    covered = payment.authorized >= order.content.total
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
    order = _move_units(order, event.fulfillment_id, "released", "shipped")
    if all(fulfillment.has_left for fulfillment in order.live_fulfillments):
        return order.with_progress(state=State.SHIPPED, overdue=0)
    return order


def _delivered(order: Order, event: happened.FulfillmentDelivered) -> Order:
    order = _with_fulfillment(order, event.fulfillment_id, state=FulfillmentState.DELIVERED)
    order = _move_units(order, event.fulfillment_id, "shipped", "delivered")
    if all(f.state is FulfillmentState.DELIVERED for f in order.live_fulfillments):
        return order.with_progress(state=State.DELIVERED)
    return order


def _withdrawn(order: Order, event: happened.FulfillmentWithdrawn) -> Order:
    """The node no longer has the work; its units are still reserved there."""
    withdrawn = order.fulfillment(event.fulfillment_id)
    assert withdrawn is not None
    order = _with_fulfillment(order, withdrawn.id, state=FulfillmentState.WITHDRAWN)
    order = _move_units(order, withdrawn.id, "released", "reserved")
    return order.with_progress(
        allocations=(*order.progress.allocations, *allocations_of(order, withdrawn))
    )


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


def allocations_of(order: Order, fulfillment: Fulfillment) -> tuple[Allocation, ...]:
    return tuple(
        Allocation(
            line.line_id,
            order.content.line(line.line_id).sku,
            fulfillment.node,
            line.quantity,
            tracked=line.tracked,
            take_back=line.take_back,
            counter=line.counter,
        )
        for line in fulfillment.lines
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
    fulfillment = order.fulfillment(fulfillment_id)
    assert fulfillment is not None
    moved: dict[str, int] = {}
    for part in fulfillment.lines:
        moved[part.line_id] = moved.get(part.line_id, 0) + part.quantity
    counts = tuple(
        _move(counts, moved.get(line.line_id, 0), here, there)
        for line, counts in zip(order.content.lines, order.progress.counts, strict=True)
    )
    return order.with_progress(counts=counts)


def _move(counts: Counts, units: int, here: str, there: str) -> Counts:
    if not units:
        return counts
    changes = {
        here: getattr(counts, here) - units,
        there: getattr(counts, there) + units,
    }
    return replace(counts, **changes)


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
    happened.ExceptionRaised,
)

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
    happened.FulfillmentWithdrawn: _withdrawn,
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
