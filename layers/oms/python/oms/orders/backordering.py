"""Waiting for stock: whether an order may, and the queues it stands in while it does.

A policy is asked for each SKU that an order newly lacks. What was accepted stays accepted: an order
that waits already is not asked again for what it waits for, and one from which units were taken
back is not asked at all; nor is one that was promised what is still to come.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime

from oms.inventory.backorders import Refusal, Room, Waiter, room_for
from oms.inventory.position import Position
from oms.inventory.selling import Asking, free
from oms.inventory.store import Stock
from oms.kernel.writes import Write
from oms.orders.model import Order
from oms.orders.prospects import units_of, waiter_of, waiting_as


def rooms_for(
    order: Order, line_ids: Iterable[str], positions: Mapping[str, Position], now: datetime
) -> Mapping[str, Room] | Refusal:
    """For each SKU that the order newly waits for, how many units may be owed before its own."""
    line_ids = tuple(line_ids)
    lacking = units_of(order, line_ids)
    newly = sorted(lacking.keys() - units_of(order, order.backordered_lines).keys())
    if order.progress.taken_back or order.is_promised_later(line_ids):
        return dict.fromkeys(newly, Room())
    rooms: dict[str, Room] = {}
    for sku in newly:
        position, channel = positions[sku], order.content.channel
        owed_to = position.owed_to.get(channel, 0)
        # What is there already is not sold before it is there, though the order waits with it.
        beyond = lacking[sku] - free(position, Asking(channel, now))
        room = room_for(sku, beyond, channel, position.policy, position.owed, owed_to, now)
        if isinstance(room, Refusal):
            return room
        rooms[sku] = room
    return rooms


def queue_writes(
    order: Order,
    line_ids: Iterable[str],
    rooms: Mapping[str, Room],
    stock: Stock,
    *,
    apart: bool = False,
) -> list[Write]:
    """Stand in the queues of what is lacking now, and no longer in those of anything else."""
    return _requeued(waiting_as(order), waiter_of(order, line_ids, apart=apart), rooms, stock)


def requeue(
    before: Order, after: Order, stock: Stock, rooms: Mapping[str, Room] | None = None
) -> list[Write]:
    """Stand in the queues as ``after`` does, once events have led there from ``before``: for
    whatever changes a part of what an order waits for. Committed with these events."""
    was, now = waiting_as(before), waiting_as(after)
    if was == now:
        return []
    return _requeued(was, now, rooms or {}, stock)


def leave_queues(order: Order, stock: Stock) -> list[Write]:
    return queue_writes(order, (), {}, stock)


def _requeued(before: Waiter, now: Waiter, rooms: Mapping[str, Room], stock: Stock) -> list[Write]:
    queues, writes = stock.backorders, list[Write]()
    for sku, units in now.lacking.items():
        room = rooms.get(sku, Room())
        if sku not in before.lacking:
            writes += queues.join(now, sku, room)
        elif now.in_queue_of(sku) != before.in_queue_of(sku):
            writes += queues.change(now, sku, units - before.lacking[sku], room)
    for sku in before.lacking.keys() - now.lacking.keys():
        writes += queues.leave(before, sku)
    return writes
