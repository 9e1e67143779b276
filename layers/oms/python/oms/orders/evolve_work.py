"""How what happens to the nodes' work changes an order, from its release to its last delivery."""

from collections.abc import Callable, Iterable
from dataclasses import replace

from oms.orders import events as happened
from oms.orders.events import Event
from oms.orders.model import (
    FulfillmentLine,
    FulfillmentState,
    Order,
    Rejection,
    State,
    Units,
)
from oms.orders.parts import divide
from oms.orders.units import (
    allocations_of,
    climb,
    fulfillment_of,
    move,
    move_units,
    with_fulfillment,
    with_new,
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
        return with_fulfillment(order, event.fulfillment_id, state=state)

    return change


def _shipped(order: Order, event: happened.FulfillmentShipped) -> Order:
    order = with_fulfillment(
        order,
        event.fulfillment_id,
        state=FulfillmentState.SHIPPED,
        carrier=event.carrier,
        tracking_number=event.tracking_number,
    )
    return climb(move_units(order, event.fulfillment_id, "released", "shipped"))


def _delivered(order: Order, event: happened.FulfillmentDelivered) -> Order:
    order = with_fulfillment(order, event.fulfillment_id, state=FulfillmentState.DELIVERED)
    return climb(move_units(order, event.fulfillment_id, "shipped", "delivered"))


def _delivery_failed(order: Order, event: happened.DeliveryFailed) -> Order:
    told = fulfillment_of(order, event.fulfillment_id).undelivered
    failed = f"{event.outcome}: {event.tracking_number}"
    undelivered = f"{told}, {failed}" if told else failed
    return with_fulfillment(order, event.fulfillment_id, undelivered=undelivered)


def _delivery_recovered(order: Order, event: happened.DeliveryRecovered) -> Order:
    return with_fulfillment(order, event.fulfillment_id, undelivered="")


def _withdrawn(order: Order, event: happened.FulfillmentWithdrawn) -> Order:
    """The node no longer has the work; its units are still reserved there."""
    withdrawn = order.fulfillment(event.fulfillment_id)
    assert withdrawn is not None
    order = with_fulfillment(
        order, withdrawn.id, state=FulfillmentState.WITHDRAWN, pickup_until=None, slot=None
    )
    order = move_units(order, withdrawn.id, "released", "reserved")
    return order.with_progress(
        allocations=(*order.progress.allocations, *allocations_of(order, withdrawn))
    )


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
    found = fulfillment_of(order, fulfillment_id)
    taken = {one.line_id: one.quantity for one in units}
    rest, _ = divide(found.lines, taken)
    if any(not line.component for line in rest):
        order = with_fulfillment(order, found.id, lines=rest)
    else:
        order = with_fulfillment(order, found.id, state=end, pickup_until=None, slot=None)
    return move(order, taken, "released", "")


def _split(order: Order, event: happened.FulfillmentSplit) -> Order:
    found = fulfillment_of(order, event.fulfillment_id)
    rest, _ = divide(found.lines, event.part.units)
    order = with_fulfillment(order, found.id, lines=rest)
    return with_new(order, (event.part,))


def _merged(order: Order, event: happened.FulfillmentsMerged) -> Order:
    into = fulfillment_of(order, event.fulfillment_id)
    lines = list(into.lines)
    for other in event.merged:
        lines += fulfillment_of(order, other).lines
        order = with_fulfillment(order, other, state=FulfillmentState.MERGED, slot=None)
    return with_fulfillment(order, into.id, lines=_joined(lines))


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
    order = with_fulfillment(order, event.fulfillment_id, state=FulfillmentState.MOVED, slot=None)
    return with_new(order, (event.part,))


def _ready(order: Order, event: happened.FulfillmentReady) -> Order:
    return with_fulfillment(
        order,
        event.fulfillment_id,
        state=FulfillmentState.READY,
        pickup_until=event.pickup_until,
    )


def _handed_over(order: Order, event: happened.FulfillmentHandedOver) -> Order:
    here = "shipped" if fulfillment_of(order, event.fulfillment_id).has_left else "released"
    order = with_fulfillment(
        order, event.fulfillment_id, state=FulfillmentState.DELIVERED, pickup_until=None
    )
    return climb(move_units(order, event.fulfillment_id, here, "delivered"))


def _uncollected(order: Order, event: happened.FulfillmentUncollected) -> Order:
    here = "shipped" if fulfillment_of(order, event.fulfillment_id).has_left else "released"
    order = with_fulfillment(
        order,
        event.fulfillment_id,
        state=FulfillmentState.UNCOLLECTED,
        pickup_until=None,
        slot=None,
    )
    return move_units(order, event.fulfillment_id, here, "")


def _joins(order: Order, event: happened.ShipmentJoined) -> Order:
    return with_fulfillment(order, event.fulfillment_id, shipment=event.shipment)


def _routed(order: Order, event: happened.UnitsRouted) -> Order:
    waited = {one.line_id: one.quantity for one in event.waited}
    order = move(order, waited, "backordered", "")
    for part in event.fulfillments:
        order = move(order, part.units, "", "released")
    return with_new(order, event.fulfillments).with_progress(unroutable="")


def _units_backordered(order: Order, event: happened.UnitsBackordered) -> Order:
    units = {one.line_id: one.quantity for one in event.units}
    return move(order, units, "", "backordered").with_progress(unroutable="")


def _unroutable(order: Order, event: happened.RoutingFailed) -> Order:
    return order.with_progress(unroutable=event.reason)


def _resolved(order: Order, event: happened.RoutingResolved) -> Order:
    if event.forgotten:
        return order.with_progress(unroutable="", rejections=(), rounds=0)
    return order.with_progress(unroutable="")


CHANGES: dict[type[Event], Callable[..., Order]] = {
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
}
