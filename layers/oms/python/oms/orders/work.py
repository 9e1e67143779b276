"""What may happen to the work of a node besides its steps: decisions, as in ``decisions``.

Rejecting, splitting, merging and moving a fulfilment, handing it over, and cancelling units: no
unit is ever in two places, and none gets lost.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from oms.inventory.counting import is_lost
from oms.kernel.errors import Conflict, Invalid
from oms.kernel.ids import fulfillment_id
from oms.orders import decisions
from oms.orders import events as happened
from oms.orders.decisions import NOTHING, Events, find_fulfillment, may_step
from oms.orders.evolve import evolve_all
from oms.orders.model import (
    Fulfillment,
    FulfillmentState,
    Method,
    Order,
    State,
    Units,
)
from oms.orders.parts import amount_of, divide
from oms.orders.repaying import repay_overpaid

REJECT_REASONS = (
    "not_in_stock",
    "damaged",
    "mismatch",
    "display_worn",
    "closed",
    "too_busy",
)


# What has left, and what a customer has a code for, which is that of its id.
_NOT_SPLIT = (FulfillmentState.SHIPPED, FulfillmentState.READY, FulfillmentState.DELIVERED)


def reject(order: Order, fulfillment: str, units: Mapping[str, int], reason: str) -> Events:
    """The node says no to ``units`` (by line id; all of it when empty). Raises ``Invalid``
    (``quantities_do_not_add_up``)."""
    found = find_fulfillment(order, fulfillment)
    if not may_step(order, found, "reject"):
        return NOTHING
    refused = dict(units) or found.units
    divide(found.lines, refused)
    lost = is_lost(reason, made=found.make)
    skus = set() if lost else {order.content.line(line_id).sku for line_id in refused}
    return (
        happened.FulfillmentRejected(
            found.id,
            as_units(refused),
            reason,
            found.node,
            tuple(sorted(skus)),
            found.drop_ship,
        ),
    )


def split(order: Order, fulfillment: str, units: Mapping[str, int]) -> Events:
    """``units`` become a fulfilment of their own, at the same node and as far along. Raises
    ``Invalid`` (``quantities_do_not_add_up``) when nothing or all of it is asked for."""
    found = find_fulfillment(order, fulfillment)
    if not found.is_live or found.state in _NOT_SPLIT:
        raise _too_late(found)
    rest, taken = divide(found.lines, units)
    if not rest or not taken:
        raise Invalid(
            "a part is less than all, and more than nothing", code="quantities_do_not_add_up"
        )
    part = Fulfillment(
        next_id(order),
        found.node,
        taken,
        state=found.state,
        method=found.method,
        hand_over_at=found.hand_over_at,
        pickup_until=found.pickup_until,
        drop_ship=found.drop_ship,
        make=found.make,
        shipment=found.shipment,
    )
    return (happened.FulfillmentSplit(found.id, part, found.drop_ship),)


def merge(order: Order, fulfillment: str, others: Sequence[str]) -> Events:
    """``others`` become a part of it. All are at one node, go the same way, and are as far along.
    Raises ``Conflict`` (``not_mergeable``)."""
    into = find_fulfillment(order, fulfillment)
    merged = [
        other
        for one in dict.fromkeys(others)
        if (other := find_fulfillment(order, one)).state is not FulfillmentState.MERGED
    ]
    if not merged:
        return NOTHING
    for other in merged:
        if not may_step(order, other, "merge"):
            return NOTHING
        if other.id == into.id or _way(other) != _way(into):
            raise Conflict(
                f"{other.id} does not go the way of {into.id}, or is not as far along",
                code="not_mergeable",
            )
    together = [line for part in (into, *merged) for line in part.lines]
    if decisions.balances_of(together) > decisions.LINES_PER_FULFILLMENT:
        raise Conflict("together they have too many lines to leave at once", code="not_mergeable")
    return (
        happened.FulfillmentsMerged(into.id, tuple(other.id for other in merged), into.drop_ship),
    )


def goes_with(one: Fulfillment, other: Fulfillment) -> bool:
    """Whether both are at one node, go the same way and are as far along."""
    return _way(one) == _way(other)


def _way(part: Fulfillment) -> tuple[object, ...]:
    return (
        part.node,
        part.state,
        part.method,
        part.hand_over_at,
        part.drop_ship,
        part.make,
        part.shipment,
    )


def move(order: Order, fulfillment: str, part: Fulfillment, reason: str) -> Events:
    """All of it becomes ``part``, the work of another node."""
    found = find_fulfillment(order, fulfillment)
    if not may_step(order, found, "move"):
        return NOTHING
    concerns_supplier = found.drop_ship or part.drop_ship
    promised = decisions.is_promised(order)
    skus = tuple(sorted({order.content.line(line_id).sku for line_id in found.units}))
    return (happened.FulfillmentMoved(found.id, part, reason, concerns_supplier, promised, skus),)


def make_ready(order: Order, fulfillment: str, pickup_until: datetime, step: str = "") -> Events:
    """It lies where the customer collects it: picked there (``ready``), or arrived there
    (``arrive``). Without a ``step`` it is that of the fulfilment's method."""
    found = find_fulfillment(order, fulfillment)
    way = "arrive" if found.method is Method.SHIP_TO_STORE else "ready"
    if not may_step(order, found, step or way):
        return NOTHING
    return (happened.FulfillmentReady(found.id, pickup_until),)


def hand_over(order: Order, fulfillment: str, units: Mapping[str, int]) -> Events:
    """The customer has it, or ``units`` of it (by line id; all when empty), which become a
    fulfilment of their own: what stays ready keeps its id, and with it the customer's code."""
    found = find_fulfillment(order, fulfillment)
    if not may_step(order, found, "hand_over"):
        return NOTHING
    parted, part = _part(order, found, units)
    return (*parted, happened.FulfillmentHandedOver(part.id, decisions.is_promised(order)))


def expire(order: Order, fulfillment: str, reason: str, *, declined: bool = False) -> Events:
    """Nobody came, or nobody wants it: its units go back into stock and are cancelled."""
    units = find_fulfillment(order, fulfillment).units
    return expire_some(order, fulfillment, units, reason, declined=declined)


def expire_some(
    order: Order, fulfillment: str, units: Mapping[str, int], reason: str, *, declined: bool
) -> Events:
    """``expire`` for ``units`` alone, by line id; the rest stays ready."""
    back = put_back(order, fulfillment, units, declined=declined)
    if not back:
        return NOTHING
    return (*back, *cancel_open(evolve_all(order, back), units, reason))


def put_back(order: Order, fulfillment: str, units: Mapping[str, int], *, declined: bool) -> Events:
    """``units`` of what is ready (by line id) are in stock again, and open."""
    found = find_fulfillment(order, fulfillment)
    if not may_step(order, found, "expire"):
        return NOTHING
    parted, part = _part(order, found, units)
    skus = sorted({order.content.line(line_id).sku for line_id in units})
    return (*parted, happened.FulfillmentUncollected(part.id, declined, tuple(skus)))


def _part(order: Order, found: Fulfillment, units: Mapping[str, int]) -> tuple[Events, Fulfillment]:
    """The fulfilment of ``units`` alone, and how it comes about; all of it when they are empty."""
    rest, taken = divide(found.lines, units or found.units)
    if all(line.component for line in rest):
        return NOTHING, found
    part = replace(found, id=next_id(order), lines=taken, slot=None)
    return (happened.FulfillmentSplit(found.id, part),), part


def cancel_open(order: Order, units: Mapping[str, int], reason: str) -> Events:
    """Open units are wanted no more: they are due no more, and what was paid beyond what is due
    then is to be refunded. An order of which nothing is left is to be cancelled as a whole. Raises
    ``Invalid`` (``quantities_do_not_add_up``)."""
    cancelled = units_cancelled(order, units, reason)
    return (cancelled, *balance(evolve_all(order, (cancelled,)), reason))


def units_cancelled(
    order: Order, units: Mapping[str, int], reason: str, waited: Mapping[str, int] | None = None
) -> happened.UnitsCancelled:
    """``waited``: those of the units that are backordered. Raises ``Invalid``
    (``quantities_do_not_add_up``)."""
    waited = waited or {}
    for index, line in enumerate(order.content.lines):
        if units.get(line.line_id, 0) > order.open_quantity(index) + waited.get(line.line_id, 0):
            raise Invalid(
                f"line {line.line_id} has not so many open units", code="quantities_do_not_add_up"
            )
    amount = amount_of(order, units)
    promised = decisions.is_promised(order)
    return happened.UnitsCancelled(
        as_units(units), amount, reason, as_units(waited), promised=promised
    )


def balance(order: Order, reason: str) -> Events:
    """What follows once less is wanted: the way down of an order of which nothing is left, which
    gives all back; else the refund of what is paid beyond what is due."""
    if order.state is State.CANCELLED:
        return NOTHING
    if not is_anything_left(order):
        return decisions.request_cancel(order, reason)
    return repay_overpaid(order, reason)


def is_anything_left(order: Order) -> bool:
    return any(
        counts.cancelled < line.quantity
        for line, counts in zip(order.content.lines, order.progress.counts, strict=True)
    )


def as_units(units: Mapping[str, int]) -> tuple[Units, ...]:
    return tuple(Units(line_id, quantity) for line_id, quantity in units.items())


def next_id(order: Order) -> str:
    return fulfillment_id(order.order_id, len(order.progress.fulfillments) + 1)


def _too_late(found: Fulfillment) -> Conflict:
    return Conflict(
        f"the fulfilment is {found.state}",
        code="illegal_transition",
        context={"state": found.state, "allowed": []},
    )
