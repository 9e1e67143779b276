"""Until when which units of a line can come back. Pure.

Units are alike, so which of them come back is said by nobody: those are taken that still could when
they were asked for, of these the ones that were delivered first. What was asked for in time leaves
to the rest of a line the units that came later; what was not is never taken for one that came in
time.
"""

from collections.abc import Mapping
from datetime import datetime

from oms.catalog.model import Item
from oms.orders.model import FulfillmentState, Order
from oms.returns.model import Return, ReturnKind
from oms.returns.policy import ReturnPolicy, is_open


def days_for(
    order: Order,
    line_id: str,
    reason: str,
    kind: ReturnKind,
    policy: ReturnPolicy,
    items: Mapping[str, Item],
) -> int | None:
    """From the delivery; None: for ever."""
    if kind is ReturnKind.CLAIM:
        return policy.claim_days
    item = items.get(order.content.line(line_id).sku)
    return policy.days(reason, item.category if item else "", order.content.channel)


def units_in_time(
    order: Order,
    line_id: str,
    days: int | None,
    at: datetime,
    policy: ReturnPolicy,
    items: Mapping[str, Item],
    delivered: Mapping[str, datetime],
) -> int:
    """How many units of a line, that are in no return, were delivered within ``days`` before
    ``at``. ``delivered``: when, by fulfilment."""
    left = sorted(_deliveries(order, line_id, delivered))
    for one in order.progress.returns:
        line = one.line(line_id)
        if line is None or not (units := _taken(one, line_id)):
            continue
        then = days_for(order, line_id, line.reason, one.kind, policy, items)
        left = _without(left, units, then, one.requested_at)
    return sum(units for when, units in left if is_open(when, days, at))


def _taken(one: Return, line_id: str) -> int:
    """Units of a return that have come, are to come, or are kept."""
    if one.keeps_goods:
        return one.asked[line_id] if one.is_live else 0
    return one.received.get(line_id, 0) + one.expected.get(line_id, 0)


def _without(
    deliveries: list[tuple[datetime, int]], units: int, days: int | None, at: datetime
) -> list[tuple[datetime, int]]:
    left = []
    for when, there in sorted(deliveries, key=lambda each: (not is_open(each[0], days, at), each)):
        gone = min(there, units)
        units -= gone
        left.append((when, there - gone))
    return left


def _deliveries(
    order: Order, line_id: str, delivered: Mapping[str, datetime]
) -> list[tuple[datetime, int]]:
    """When how many units arrived. What the channel delivered itself did so when it was placed."""
    if order.content.fulfilled_by_channel:
        return [(order.content.placed_at, order.content.line(line_id).quantity)]
    return [
        (delivered[part.id], part.units[line_id])
        for part in order.progress.fulfillments
        if part.state is FulfillmentState.DELIVERED
        and line_id in part.units
        and part.id in delivered
    ]
