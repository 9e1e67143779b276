"""A node says no: its units are open again, and its stock is what it says it is.

One transaction with the order, so that it happens once: what was reserved there is given back, or
leaves the balance where it is missing or unfit; a count is asked for, the node's capacity is free
again. Whoever hears of ``fulfillment_rejected`` routes the units again.
"""

from collections.abc import Mapping, Sequence

from oms.inventory.counting import COUNTED, CountTask, is_lost
from oms.inventory.store import Stock
from oms.kernel.errors import TooLarge
from oms.kernel.events import Cause
from oms.kernel.ids import order_of
from oms.kernel.writes import Write
from oms.orders import slots, work
from oms.orders.command import execute
from oms.orders.decisions import find_fulfillment
from oms.orders.events import Event
from oms.orders.evolve import evolve_all
from oms.orders.freeing import held_anew
from oms.orders.model import Allocation, Order
from oms.orders.needs import needs_of
from oms.orders.parts import divide
from oms.orders.shares import by_sku
from oms.orders.store import Orders
from oms.orders.units import allocations_of

_WRITES_BESIDE = 99
# Of so many lines the writes surely fit, unless their SKUs have shares: then of fewer.
_LINES_AT_ONCE = 16


def reject(
    fulfillment_id: str,
    units: Mapping[str, int],
    reason: str,
    orders: Orders,
    stock: Stock,
    cause: Cause,
    with_it: Sequence[Write] = (),
) -> Order:
    """``units`` by line id; all of it when there are none. ``reason`` is one of
    ``work.REJECT_REASONS``; ``with_it`` is written with the first of what may be several commits,
    where there are many lines. Raises ``NotFound``, ``Conflict`` (``illegal_transition``,
    ``cancelling``) and ``Invalid`` (``quantities_do_not_add_up``).
    """
    order_id = order_of(fulfillment_id)
    order = orders.load(order_id)
    found = find_fulfillment(order, fulfillment_id)
    if not work.reject(order, fulfillment_id, units, reason):
        return order
    left = dict(units or found.units)
    at_once, also = _LINES_AT_ONCE, with_it
    while left:
        some = dict(list(left.items())[:at_once])
        try:
            order = _reject(fulfillment_id, some, reason, orders, stock, cause, also)
        except TooLarge:
            if at_once == 1:
                raise
            at_once //= 2
            continue
        also = ()
        left = {line_id: quantity for line_id, quantity in left.items() if line_id not in some}
    return order


def _reject(
    fulfillment_id: str,
    units: Mapping[str, int],
    reason: str,
    orders: Orders,
    stock: Stock,
    cause: Cause,
    with_it: Sequence[Write],
) -> Order:
    def also(order: Order) -> list[Write]:
        events = work.reject(order, fulfillment_id, units, reason)
        writes = _writes(order, fulfillment_id, units, reason, events, stock, cause)
        if len(writes) + len(with_it) > _WRITES_BESIDE:
            raise TooLarge("too many lines are rejected at once", code="too_many_lines")
        return [*writes, *with_it]

    return execute(
        orders,
        order_of(fulfillment_id),
        lambda order: work.reject(order, fulfillment_id, units, reason),
        cause,
        also,
    )


def _writes(
    order: Order,
    fulfillment_id: str,
    units: Mapping[str, int],
    reason: str,
    events: Sequence[Event],
    stock: Stock,
    cause: Cause,
) -> list[Write]:
    found = find_fulfillment(order, fulfillment_id)
    allocations = allocations_of(order, found, divide(found.lines, units)[1])
    needs = needs_of(allocations)
    lost = is_lost(reason, made=found.make)
    entry = f"{fulfillment_id}:reject:{order.version}"
    return [
        *stock.reject(needs, entry, order.order_id, reason, lost, cause),
        *stock.shares.reduce(by_sku(needs), order.order_id, cause.at, lost=lost),
        *held_anew(evolve_all(order, events), allocations, stock),
        *stock.production.give_back(effort for one in allocations for effort in one.effort),
        *slots.given_back(order, events, stock.capacity),
        *(
            write
            for task in _tasks(fulfillment_id, allocations, reason, cause)
            for write in stock.counts.ask(task)
        ),
    ]


def _tasks(
    fulfillment_id: str, allocations: Sequence[Allocation], reason: str, cause: Cause
) -> list[CountTask]:
    if reason not in COUNTED:
        return []
    units: dict[tuple[str, str], int] = {}
    for one in allocations:
        if one.tracked:
            units[one.node, one.sku] = units.get((one.node, one.sku), 0) + one.quantity
    return [
        CountTask(node, sku, cause.at, reason, quantity, fulfillment_id)
        for (node, sku), quantity in sorted(units.items())
    ]
