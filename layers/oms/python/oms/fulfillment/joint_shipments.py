"""Fulfilments of several orders that travel as one shipment: one customer, one address, one node.

Its id follows from its members, and joining them is one transaction over all their orders: asked
again it is found, and it is never joined by half. Pure.
"""

import base64
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from oms.fulfillment.worklist import Work
from oms.kernel.errors import Conflict
from oms.orders.at_the_door import is_paid_at_the_door
from oms.orders.decisions import LINES_PER_FULFILLMENT
from oms.orders.model import FulfillmentState, Method

# Each is a commit of its order, all in one transaction.
MOST_MEMBERS = 20
_JOINED_IN = (
    FulfillmentState.OPEN,
    FulfillmentState.ACCEPTED,
    FulfillmentState.PICKED,
    FulfillmentState.PACKED,
)


@dataclass(frozen=True, slots=True)
class JointShipment:
    """``members`` are ids of fulfilments, of as many orders or fewer, at one ``node``."""

    id: str
    node: str
    members: tuple[str, ...]


def shipment_of(works: Sequence[Work]) -> JointShipment:
    """Raises ``Conflict`` (``not_mergeable``) unless all can travel together."""
    first = works[0]
    for other in works[1:]:
        if why := apart(first, other):
            raise Conflict(f"{other.fulfillment.id}: {why}", code="not_mergeable")
    members = tuple(sorted({one.fulfillment.id for one in works}))
    if not 2 <= len(members) <= MOST_MEMBERS:
        raise Conflict(f"a shipment has 2 to {MOST_MEMBERS} fulfilments", code="not_mergeable")
    shipment = JointShipment(shipment_id(members), first.fulfillment.node, members)
    for one in works:
        if why := unfit(one, shipment.id):
            raise Conflict(f"{one.fulfillment.id}: {why}", code="not_mergeable")
    return shipment


def shipment_id(members: Iterable[str]) -> str:
    digest = hashlib.sha256("\n".join(sorted(members)).encode()).digest()
    return f"shp_{base64.b32encode(digest).decode().lower()[:26]}"


def unfit(work: Work, shipment: str = "") -> str:
    """Why it cannot travel with anything; empty when it can. What is in ``shipment`` may stay."""
    part, order = work.fulfillment, work.order
    if part.shipment and part.shipment != shipment:
        return "it travels with others already"
    if part.state not in _JOINED_IN:
        return f"it is {part.state}"
    if part.method is not Method.SHIP or part.drop_ship:
        return "it is not shipped by its node to the customer"
    if order.cancel_requested:
        return "its order is being cancelled"
    if is_paid_at_the_door(order):
        return "it is handed over against money of its own"
    if len(part.lines) > LINES_PER_FULFILLMENT:
        return "it has too many lines"
    return ""


def apart(one: Work, other: Work) -> str:
    """Why two cannot travel together; empty when they can."""
    here, there = one.order.content, other.order.content
    if one.fulfillment.node != other.fulfillment.node:
        return "it is at another node"
    if not here.customer.id or here.customer.id != there.customer.id:
        return "it is of another customer"
    if _place(one) != _place(other):
        return "it goes to another address"
    return ""


def _place(work: Work) -> object:
    """Where it goes, however exactly that was measured."""
    return replace(work.order.content.shipping_address, latitude=None, longitude=None)
