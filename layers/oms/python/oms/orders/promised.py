"""An order captured on a promise: nobody is promised what somebody else gets.

Where all of it was promised from a shelf it is reserved by the transaction that captures it, or it
is not captured. An order that was promised something still to come, or that needs more than one
transaction, is sourced a moment later, as any other is; who loses that race is told by jeopardy.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from oms.catalog.store import Catalog
from oms.inventory.store import Stock
from oms.kernel.errors import Conflict, StockContended, TooLarge
from oms.kernel.events import Cause
from oms.kernel.writes import Write
from oms.orders import decisions
from oms.orders.decisions import Events
from oms.orders.events import OrderCaptured
from oms.orders.evolve import begin
from oms.orders.model import Content, Order
from oms.orders.on_counters import level_counters
from oms.orders.sourcing import Taking, as_promised
from oms.orders.store import Captured, Orders

GONE = Conflict("what was promised has gone to others: ask again", code="promise_gone")

# A transaction holds 100 writes, two of which are what was captured and what happened at once.
_WRITES_BESIDE = 98
_ATTEMPTS = 8
# The first look may be a little old, and units that move between counters while these are read may
# be seen on none: a refusal is not said before the third look.
_LOOKS = 2


@dataclass(frozen=True, slots=True)
class Accepted:
    """The order with its promise, and what must be written with it so that the promise holds:
    ``with_stock`` in place of ``writes`` when the order has its stock at once."""

    content: Content
    writes: tuple[Write, ...]
    with_stock: tuple[Write, ...]


class Accept(Protocol):
    """``oms.promising.acceptance`` implements it."""

    def __call__(
        self, content: Content, promise_id: str, option_id: str, now: datetime
    ) -> Accepted: ...


def add(
    accepted: Accepted,
    fingerprint: str,
    orders: Orders,
    stock: Stock,
    catalog: Catalog,
    cause: Cause,
) -> Captured:
    """Raises ``Conflict`` (``promise_gone``) when what was promised from a shelf is not there for
    this order any more, ``StockContended`` when it went elsewhere as often as it was taken."""
    order = begin(OrderCaptured(accepted.content))
    if not _is_on_hand(order):
        return orders.add(accepted.content, fingerprint, cause, also=accepted.writes)
    skus = {line.sku for line in accepted.content.lines}
    for attempt in range(_ATTEMPTS):
        try:
            taking = as_promised(order, stock, catalog, cause, consistent=attempt > 0)
            if taking is not None:
                return _add_with(taking, accepted, order, fingerprint, orders, stock, cause)
        except StockContended:
            stock.reclaim(skus, cause.at)
            continue
        if attempt >= _LOOKS:
            raise GONE
    raise StockContended("stock went elsewhere each time it was taken")


def add_sourced(
    accepted: Accepted,
    fingerprint: str,
    then: Events,
    also: Sequence[Write],
    orders: Orders,
    cause: Cause,
) -> Captured:
    """The order has its stock already, by ``then``. Raises ``TooLarge`` (``promise_too_large``)."""
    writes = [*also, *accepted.with_stock]
    if len(writes) > _WRITES_BESIDE:
        raise TooLarge("the promise has too many parts", code="promise_too_large")
    return orders.add(accepted.content, fingerprint, cause, then=then, also=writes)


def _is_on_hand(order: Order) -> bool:
    return all(part.source == "on_hand" for part in order.promised_parts)


def _add_with(
    taking: Taking,
    accepted: Accepted,
    order: Order,
    fingerprint: str,
    orders: Orders,
    stock: Stock,
    cause: Cause,
) -> Captured:
    writes = [*taking.writes, *accepted.with_stock]
    if len(writes) > _WRITES_BESIDE:
        return orders.add(accepted.content, fingerprint, cause, also=accepted.writes)
    plan = taking.plan
    then = decisions.source(order, plan.allocations, plan.rule, plan.reason, slots=taking.slots)
    captured = orders.add(accepted.content, fingerprint, cause, then=then, also=writes)
    if captured.created:
        level_counters(plan.allocations, taking.positions, order.order_id, stock, cause)
    return captured
