"""Joining fulfilments of several orders into one shipment, and shipping it.

Whoever ships one of them ships them all, with one tracking number: each is a commit of its own
order, and shipping it again goes on where it stopped.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from oms.fulfillment import shipping
from oms.fulfillment.arrival import arrive_together
from oms.fulfillment.joint_shipments import (
    MOST_MEMBERS,
    JointShipment,
    apart,
    shipment_of,
    unfit,
)
from oms.fulfillment.parcel_store import ParcelStore
from oms.fulfillment.shipment_store import Shipments
from oms.fulfillment.shipping import GivenNumber
from oms.fulfillment.worklist import Work, find
from oms.inventory.store import Stock
from oms.kernel.errors import Conflict
from oms.kernel.events import Cause
from oms.kernel.ids import order_of
from oms.kernel.writes import Write
from oms.orders import at_the_door, decisions, fulfillment
from oms.orders import events as happened
from oms.orders.command import execute
from oms.orders.counter import TillPayment
from oms.orders.model import FulfillmentState, Order
from oms.orders.store import OrderIndex, Orders
from oms.routing.policies import Policies

# How many of a customer's newest orders are looked at for what could travel together.
_LOOKED_AT = 100


@dataclass(frozen=True, slots=True)
class Joint:
    """A shipment with its members as they are now."""

    shipment: JointShipment
    works: tuple[Work, ...]


def mergeable(
    fulfillment_id: str, orders: Orders, index: OrderIndex, policies: Policies, cause: Cause
) -> tuple[Work, ...]:
    """What could travel with it: work at the same node, of the same customer, to the same address,
    oldest order first. Nothing where a policy does not allow it. Raises ``NotFound``."""
    own = find(fulfillment_id, orders)
    customer = own.order.content.customer.id
    if not customer or unfit(own) or not _may_merge(own, policies, cause):
        return ()
    keys = index.list_by("customer", customer, "0000", "9999", _LOOKED_AT, None)
    found = [
        Work(order, part)
        for order in map(orders.load, reversed(keys.order_ids))
        for part in order.live_fulfillments
        if part.id != fulfillment_id
    ]
    return tuple(
        work
        for work in found
        if not unfit(work) and not apart(own, work) and _may_merge(work, policies, cause)
    )[: MOST_MEMBERS - 1]


def join(
    fulfillment_ids: Sequence[str],
    orders: Orders,
    shipments: Shipments,
    policies: Policies,
    cause: Cause,
) -> Joint:
    """Raises ``NotFound``, and ``Conflict`` (``not_mergeable``) when they may not travel together.
    ``VersionConflict`` when one of their orders moved meanwhile."""
    works = [find(one, orders) for one in dict.fromkeys(fulfillment_ids)]
    shipment = shipment_of(works)
    for work in works:
        if not _may_merge(work, policies, cause):
            raise Conflict("the sourcing policy does not merge orders", code="not_mergeable")
    by_order: dict[str, list[happened.Event]] = {}
    loaded = {work.order.order_id: work.order for work in works}
    for work in works:
        if work.fulfillment.shipment != shipment.id:
            joined = happened.ShipmentJoined(work.fulfillment.id, shipment.id)
            by_order.setdefault(work.order.order_id, []).append(joined)
    if by_order:
        _join(shipment, by_order, loaded, orders, shipments, cause)
    return read(shipment.id, orders, shipments)


def _join(
    shipment: JointShipment,
    by_order: dict[str, list[happened.Event]],
    loaded: dict[str, Order],
    orders: Orders,
    shipments: Shipments,
    cause: Cause,
) -> None:
    first, *others = by_order
    also: list[Write] = [shipments.storing(shipment)]
    also += [orders.appending(loaded[one], by_order[one], cause) for one in others]
    orders.commit(loaded[first], by_order[first], cause, also)


def read(shipment_id: str, orders: Orders, shipments: Shipments) -> Joint:
    """Raises ``NotFound``."""
    shipment = shipments.shipment(shipment_id)
    return Joint(shipment, tuple(find(member, orders) for member in shipment.members))


def ship(
    fulfillment_id: str,
    given: GivenNumber | None,
    orders: Orders,
    stock: Stock,
    parcels: ParcelStore,
    shipments: Shipments,
    cause: Cause,
    *,
    quiet: bool = False,
) -> Order:
    """As ``shipping.ship``, with all that it travels with. Raises ``Conflict``
    (``illegal_transition``) before anything leaves when one of them is not packed, and
    (``labelled``) when another one has labels of its own: nobody would use them."""
    own = find(fulfillment_id, orders)
    if not own.fulfillment.shipment:
        return shipping.ship(fulfillment_id, given, orders, stock, parcels, cause, quiet=quiet)
    joint = read(own.fulfillment.shipment, orders, shipments)
    leaving = [work for work in joint.works if _travels(work, joint.shipment.id)]
    _check_may_leave(leaving, fulfillment_id, parcels)
    gone = next((work.fulfillment for work in leaving if work.fulfillment.has_left), None)
    if gone is not None and not own.fulfillment.has_left:
        given = GivenNumber(gone.carrier, gone.tracking_number)
    order = shipping.ship(fulfillment_id, given, orders, stock, parcels, cause, quiet=quiet)
    shipped = order.fulfillment(fulfillment_id)
    assert shipped is not None
    for work in leaving:
        if work.fulfillment.id != fulfillment_id:
            fulfillment.ship(
                work.fulfillment.id,
                shipped.carrier,
                shipped.tracking_number,
                orders,
                stock,
                cause,
                quiet=quiet,
            )
    # That it has arrived may have been told before, of this one or of another.
    all_of_it = (*leaving, find(fulfillment_id, orders))
    there = (one for one in all_of_it if one.fulfillment.state is FulfillmentState.DELIVERED)
    if arrived := next(there, None):
        arrive_together(arrived.order, arrived.fulfillment.id, orders, shipments, cause)
    return orders.load(order.order_id)


def _check_may_leave(leaving: Sequence[Work], shipped: str, parcels: ParcelStore) -> None:
    for work in leaving:
        part = work.fulfillment
        if part.has_left:
            continue
        decisions.may_step(work.order, part, "ship")
        packing = None if part.id == shipped else parcels.packing(part.id)
        if packing is not None and packing.choice is not None:
            raise Conflict(
                f"{part.id} has labels of its own: ship that one, or cancel them", code="labelled"
            )


def deliver(
    fulfillment_id: str,
    orders: Orders,
    shipments: Shipments,
    cause: Cause,
    collected: TillPayment | None = None,
) -> Order:
    """It has arrived, and so has all that travelled with it. Raises as ``at_the_door.deliver``."""
    order = execute(
        orders,
        order_of(fulfillment_id),
        lambda found: at_the_door.deliver(found, fulfillment_id, collected),
        cause,
    )
    arrive_together(order, fulfillment_id, orders, shipments, cause)
    arrived = order.fulfillment(fulfillment_id)
    assert arrived is not None
    return orders.load(order.order_id) if arrived.shipment else order


def _travels(work: Work, shipment: str) -> bool:
    """Not what is cancelled, nor what goes to another address since."""
    part = work.fulfillment
    if part.shipment != shipment or not part.is_live:
        return False
    return part.has_left or not work.order.cancel_requested


def _may_merge(work: Work, policies: Policies, cause: Cause) -> bool:
    return policies.for_channel(work.order.content.channel, cause.at).merge_orders
